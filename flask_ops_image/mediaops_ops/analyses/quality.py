"""Which crf a VMAF takes: samples of the picture, encoded at a few of them and held against themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from mediaops.encoding import VIDEO_CODECS, picture_arguments
from mediaops.graph import Findings, Samples, folder_name, plan_samples
from mediaops.operations import quality
from mediaops.operations.quality import Probe, QualityFound
from mediaops.reasons import Reason
from mediaops_ops import ffmpeg, processors
from mediaops_ops.analyses import Subject
from mediaops_ops.outcome import Progress, StepError, divided

EXTRACTION_SHARE = 0.2
SUBSAMPLED = 3
"""Of the pictures that are measured every third is scored: its neighbours' score is nearly the same."""
_SCORE = re.compile(r"VMAF score: ([\d.]+)")


def find(subject: Subject) -> Findings:
    """Search for each step that waits; raises StepError."""
    findings = subject.findings
    names, progress = subject.analysis.steps, subject.progress
    for index, name in enumerate(names):
        part, progress = divided(progress, 1 / (len(names) - index))
        samples = plan_samples(subject.steps, subject.media, findings, name)
        found = _search(samples, subject, name, part)
        findings = findings.model_copy(update={"qualities": findings.qualities | {name: found}})
    return findings


def _search(samples: Samples, subject: Subject, step: str, progress: Progress) -> QualityFound:
    target = samples.encoding.target_vmaf
    if target is None:
        raise ValueError(f"{step} asks for no VMAF")
    extracting, probing = divided(progress, EXTRACTION_SHARE)
    joined = _joined(samples, subject, step, extracting)
    scale, probes = VIDEO_CODECS[samples.encoding.codec].search, list[Probe]()
    try:
        while (crf := quality.following(scale, target, probes)) is not None:
            probes.append(joined.probe(crf))
            probing(len(probes) / (quality.MAX_PROBES + 1))
    finally:
        joined.remove()
    return quality.settled(scale, target, probes, joined.counted)


def _joined(samples: Samples, subject: Subject, step: str, progress: Progress) -> _Joined:
    """Write the pieces, and a list of them that FFmpeg reads as one."""
    folder = subject.folder
    place = folder / folder_name(step)
    place.mkdir(parents=True, exist_ok=True)
    lengths = []
    for index, command in enumerate(samples.commands):
        line = command.line(ffmpeg.executable(), str(subject.source), str(folder), processors.usable())
        for file in command.files:
            subject.write_file(file)
        ffmpeg.write_graph(command, folder)
        reports: dict[str, str] = {}
        ffmpeg.run(line, folder, on_report=reports.update, on_tick=lambda: None)
        lengths.append(int(reports.get("frame", "0")))
        progress((index + 1) / len(samples.commands))
    files = [command.outputs[0].file for command in samples.commands]
    there = [folder / file for file, length in zip(files, lengths, strict=True) if length]
    listed = place / "samples.txt"
    listed.write_text("".join(f"file '{path.name}'\n" for path in there))
    starts = [0, *accumulate(lengths)]
    measured = [
        range(start + some.start, start + some.stop)
        for start, some in zip(starts, map(samples.measured, lengths), strict=False)
        if some
    ]
    if not measured:
        raise StepError(Reason.ENCODE_FAILED, "No picture could be sampled to measure its quality.")
    return _Joined(samples, listed, tuple(there), starts[-1], measured)


@dataclass(frozen=True)
class _Joined:
    """The samples of one step, side by side."""

    samples: Samples
    listed: Path
    files: tuple[Path, ...]
    frames: int
    measured: Sequence[range]
    """Which of all pictures are measured."""

    @property
    def counted(self) -> int:
        """Give how many pictures are measured."""
        return sum(map(len, self.measured))

    @property
    def _timing(self) -> str:
        """Give the filter that spaces pictures evenly, which is exact on both sides: they are counted."""
        rate = f"{self.samples.frame_rate:.6f}"
        return f"settb=AVTB,setpts=N/{rate}/TB,fps={rate}"

    def probe(self, crf: float) -> Probe:
        """Encode at a crf and measure; raises StepError."""
        made = self.listed.with_name("probe.mkv")
        encoding = replace(self.samples.encoding, crf=crf)
        encode = [
            *self._reading("error"),
            "-vf",
            self._timing,
            *picture_arguments(encoding, self.samples.picture),
        ]
        threads = processors.usable()
        ffmpeg.run(
            [*encode, "-threads", str(threads), "-fps_mode", "passthrough", str(made)],
            self.listed.parent,
            on_report=lambda _: None,
            on_tick=lambda: None,
        )
        kbps = self._kbps(made)
        chosen = "+".join(f"between(n,{part.start},{part.stop - 1})" for part in self.measured)
        chain = f"{self._timing},format=yuv420p,select='{chosen}'"
        measuring = f"libvmaf=n_threads={threads}:n_subsample={SUBSAMPLED}"
        graph = f"[1:v]{chain}[made];[0:v]{chain}[asked];[made][asked]{measuring}"
        reports: dict[str, str] = {}
        said = ffmpeg.run(
            [*self._reading("info"), "-i", str(made), "-filter_complex", graph, "-f", "null", "-"],
            self.listed.parent,
            on_report=reports.update,
            on_tick=lambda: None,
        )
        made.unlink()
        score = _SCORE.search("\n".join(said))
        if score is None or int(reports.get("frame", "0")) != self.counted:
            raise StepError(Reason.ENCODE_FAILED, "The quality of the samples could not be measured.")
        return Probe(crf=crf, vmaf=float(score[1]), kbps=kbps)

    def _reading(self, loglevel: str) -> list[str]:
        line = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", loglevel, "-y"]
        line += ["-progress", "pipe:1", "-stats_period", "0.5", "-protocol_whitelist", "file,pipe"]
        return [*line, "-f", "concat", "-i", str(self.listed)]

    def _kbps(self, made: Path) -> float:
        """Give the rate of the measured pictures; raises StepError where pictures were lost or doubled."""
        import av

        rate, sizes = self.samples.frame_rate, dict[int, int]()
        with av.open(str(made)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size and packet.pts is not None:
                    sizes[round(float(packet.pts * packet.time_base) * rate)] = packet.size
        if len(sizes) != self.frames:
            raise StepError(Reason.ENCODE_FAILED, "An encoder lost pictures of the samples.")
        total = sum(sizes[index] for part in self.measured for index in part)
        return total * 8 / 1000 * rate / self.counted

    def remove(self) -> None:
        """Free the room that the samples take."""
        for path in (*self.files, self.listed):
            path.unlink(missing_ok=True)
