"""Which crf a VMAF takes: samples of the picture, encoded at a few of them and held against themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from mediaops.encoding import VIDEO_CODECS, picture_arguments
from mediaops.graph import Findings, Samples, encoder_threads, folder_name, plan_samples
from mediaops.operations import quality
from mediaops.operations.quality import Level, Probe, QualityFound, Try
from mediaops.reasons import Reason
from mediaops_ops import ffmpeg, fonts, probe, processors
from mediaops_ops.analyses import Subject
from mediaops_ops.analyses.cuts import scan, timing
from mediaops_ops.outcome import Progress, StepError, divided

EXTRACTION_SHARE = 0.2
SUBSAMPLED = 3
"""Of a film that is measured as a whole every third picture is scored: its neighbours' score is nearly the same."""
_SCORES = "scores.json"


def find(subject: Subject) -> Findings:
    """Search for each step that waits; raises StepError."""
    findings = subject.findings
    names, progress = subject.analysis.steps, subject.progress
    keyframes = _keyframes(subject)
    for index, name in enumerate(names):
        part, progress = divided(progress, 1 / (len(names) - index))
        samples = plan_samples(subject.steps, subject.media, findings, name, keyframes)
        found = _search(samples, subject, name, part)
        findings = findings.model_copy(update={"qualities": findings.qualities | {name: found}})
    return findings


def _keyframes(subject: Subject) -> list[int]:
    """Give when the source's keyframes are shown, in milliseconds from its start; none where it can't be sought."""
    import av

    if not subject.media.seekable:
        return []
    stream = subject.media.picture_stream
    try:
        with probe.opened(subject.source) as container:
            rate, origin = timing(container, stream)
            ticks = scan(container, stream).keyframes
    except av.error.FFmpegError:  # where it can be decoded all the same, pieces lie evenly
        return []
    return sorted(round((tick - origin) / rate * 1000) for tick in ticks)


def _search(samples: Samples, subject: Subject, step: str, progress: Progress) -> QualityFound:
    target = samples.encoding.target_vmaf
    if target is None:
        raise ValueError(f"{step} asks for no VMAF")
    extracting, probing = divided(progress, EXTRACTION_SHARE)
    bench = _bench(samples, subject, step, extracting)
    scale, probes = VIDEO_CODECS[samples.encoding.codec].search, list[Probe]()
    try:
        while tried := quality.following(scale, target, probes):
            probes.append(bench.probe(tried))
            probing(len(probes) / (quality.MAX_PROBES + 1))
    finally:
        bench.clear()
    return quality.settled(scale, target, probes, sum(len(piece.measured) for piece in bench.pieces))


@dataclass(frozen=True)
class _Piece:
    """A stretch of the film without loss, in a file."""

    path: Path
    frames: int
    measured: range
    """Which of its pictures."""
    few: bool
    """It serves the rough tries."""


def _bench(samples: Samples, subject: Subject, step: str, progress: Progress) -> _Bench:
    """Write the pieces; raises StepError."""
    folder = subject.folder
    place = folder / folder_name(step)
    place.mkdir(parents=True, exist_ok=True)
    pieces: list[_Piece] = []
    for index, command in enumerate(samples.commands):
        line = command.line(ffmpeg.executable(), str(subject.source), str(folder), processors.usable())
        for file in command.files:
            subject.write_file(file)
        ffmpeg.write_graph(command, folder)
        environment = fonts.installed(command.files, folder)
        reports: dict[str, str] = {}
        ffmpeg.run(line, folder, environment, on_report=reports.update, on_tick=lambda: None)
        frames = int(reports.get("frame", "0"))
        path = folder / command.outputs[0].file
        pieces.append(_Piece(path, frames, samples.measured(frames), index in samples.few))
        progress((index + 1) / len(samples.commands))
    there = tuple(piece for piece in pieces if piece.frames)
    if not any(piece.measured for piece in there):
        raise StepError(Reason.ENCODE_FAILED, "No picture could be sampled to measure its quality.")
    return _Bench(samples, place, there)


@dataclass(frozen=True)
class _Bench:
    """Where the samples of one step are encoded and held against themselves."""

    samples: Samples
    place: Path
    pieces: Sequence[_Piece]

    def probe(self, tried: Try) -> Probe:
        """Encode the samples, or a few of them, at a crf and measure; raises StepError."""
        few = [piece for piece in self.pieces if piece.few and piece.measured]
        chosen = few if tried.rough and few else self.pieces
        places, frames = dict[Path, range](), 0
        for piece in chosen:  # joined, its pictures are counted on from those of the pieces before
            places[piece.path] = range(frames + piece.measured.start, frames + piece.measured.stop)
            frames += piece.frames
        listed, made = self.place / "samples.txt", self.place / "probe.mkv"
        listed.write_text("".join(f"file '{piece.path.name}'\n" for piece in chosen))
        self._encode(listed, tried.crf, made)
        sizes = self._sizes(made, frames)
        scores = self._scores(listed, made, [place for place in places.values() if place])
        made.unlink()

        def level(pieces: Sequence[_Piece]) -> Level:
            pictures = [index for piece in pieces for index in places[piece.path]]
            kbps = fmean(sizes[index] for index in pictures) * 8 / 1000 * self.samples.frame_rate
            return Level(fmean(scores[index] for index in pictures if index in scores), kbps)

        everything = None if chosen is few else level(self.pieces)
        return Probe(tried.crf, level(few) if few else level(self.pieces), everything)

    @property
    def _timing(self) -> str:
        """Give the filter that spaces pictures evenly, which is exact on both sides: they are counted."""
        rate = f"{self.samples.frame_rate:.6f}"
        return f"settb=AVTB,setpts=N/{rate}/TB,fps={rate}"

    def _encode(self, listed: Path, crf: float, made: Path) -> None:
        encoder = picture_arguments(replace(self.samples.encoding, crf=crf), self.samples.picture)
        threads = encoder_threads(encoder, processors.usable())
        line = [*self._reading(listed), "-vf", self._timing, *encoder, "-threads", str(threads)]
        line += ["-fps_mode", "passthrough", str(made)]
        ffmpeg.run(line, self.place, on_report=lambda _: None, on_tick=lambda: None)

    def _scores(self, listed: Path, made: Path, places: Sequence[range]) -> Mapping[int, float]:
        """Give the VMAF of measured pictures, of all or of every third; raises StepError."""
        every = SUBSAMPLED if self.samples.whole else 1
        chosen = "+".join(f"between(n,{place.start},{place.stop - 1})" for place in places)
        chain = f"{self._timing},format=yuv420p,select='{chosen}'"
        options = f"n_threads={processors.usable()}:n_subsample={every}:log_fmt=json:log_path={_SCORES}"
        graph = f"[1:v]{chain}[made];[0:v]{chain}[asked];[made][asked]libvmaf={options}"
        line = [*self._reading(listed), "-i", str(made), "-filter_complex", graph, "-f", "null", "-"]
        ffmpeg.run(line, self.place, on_report=lambda _: None, on_tick=lambda: None)
        log = self.place / _SCORES
        said = json.loads(log.read_text())["frames"]
        log.unlink()
        pictures = [index for place in places for index in place]
        if len(said) != len(pictures[::every]):
            raise StepError(Reason.ENCODE_FAILED, "The quality of the samples could not be measured.")
        return {pictures[frame["frameNum"]]: frame["metrics"]["vmaf"] for frame in said}

    def _reading(self, listed: Path) -> list[str]:
        line = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y"]
        return [*line, "-protocol_whitelist", "file,pipe", "-f", "concat", "-i", str(listed)]

    def _sizes(self, made: Path, frames: int) -> Mapping[int, int]:
        """Give the bytes of each picture; raises StepError where pictures were lost or doubled."""
        import av

        rate, sizes = self.samples.frame_rate, dict[int, int]()
        with av.open(str(made)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size and packet.pts is not None:
                    sizes[round(float(packet.pts * packet.time_base) * rate)] = packet.size
        if len(sizes) != frames:
            raise StepError(Reason.ENCODE_FAILED, "An encoder lost pictures of the samples.")
        return sizes

    def clear(self) -> None:
        """Free the room that the samples take."""
        for path in (*(piece.path for piece in self.pieces), self.place / "samples.txt"):
            path.unlink(missing_ok=True)
