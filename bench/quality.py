"""Bytes at a quality: what the search comes to against a full sweep, AV1 against H.264, and what it costs."""

from __future__ import annotations

import math
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from bench import by_hand
from bench.report import Figure, ratio, spread
from bench.size import ROUNDS, caveat
from hack.cluster.waiting import say
from hack.passes import made
from mediaops.encoding import VIDEO_CODECS, picture_arguments
from mediaops.graph import Findings, plan_pass
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.operations.compress import Codec, Encoding
from mediaops.picture import Picture
from mediaops_ops import ffmpeg, probe
from mediaops_ops.analyses import Subject, find

TARGET = 95
WITHIN = 0.3
_SCORE = re.compile(r"VMAF score: ([\d.]+)")


@dataclass
class Curve:
    """One clip in one codec: bytes and VMAF by crf, each measured when it is asked for."""

    clip: Path
    codec: Codec
    folder: Path
    points: dict[int, tuple[int, float]] = field(default_factory=dict)

    def at(self, crf: int) -> tuple[int, float]:
        """Give bytes and VMAF of the whole clip at a crf."""
        if crf not in self.points:
            target = self.folder / f"sweep.{VIDEO_CODECS[self.codec].container.extension}"
            encoder = [*picture_arguments(Encoding(self.codec, crf=crf), Picture(640, 360, 25.0))]
            line = by_hand.encode(ffmpeg.executable(), self.clip, target, encoder)
            subprocess.run(line, check=True, env={**os.environ, **ffmpeg.QUIET})
            self.points[crf] = (target.stat().st_size, vmaf(target, self.clip))
            target.unlink()
        return self.points[crf]

    def best(self, start: int) -> tuple[float, float]:
        """Sweep in steps of 1 around the target; give crf and bytes where the curve crosses it."""
        crf = start
        while self.at(crf)[1] < TARGET:
            crf -= 1
        while self.at(crf + 1)[1] >= TARGET:
            crf += 1
        (size, good), (smaller, poor) = self.at(crf), self.at(crf + 1)
        share = (good - TARGET) / (good - poor)
        return crf + share, math.exp(math.log(size) * (1 - share) + math.log(smaller) * share)


def vmaf(made_file: Path, source: Path) -> float:
    """Give the VMAF of a whole film."""
    said = subprocess.run(
        by_hand.vmaf(ffmpeg.executable(), made_file, source), capture_output=True, text=True, check=True
    ).stderr
    score = _SCORE.search(said)
    if score is None:
        raise RuntimeError(f"no VMAF of {made_file}")
    return float(score[1])


def qualities(clips: list[Path]) -> list[Figure]:
    """Measure all three figures, clip by clip."""
    bytes_, av1_bytes, notes, av1_notes = [], [], [], []
    for clip in clips:
        with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as name:
            folder = Path(name)
            step = StepOrder(step_key="s", name="s", type="compress", parameters={"targetVmaf": TARGET})
            outcome = made(clip, FileType.VIDEO, [step], folder)["s"]
            file = outcome.files[0].path
            size, score = _picture_bytes(file), vmaf(file, clip)
            file.unlink()
            curve = Curve(clip, Codec.H264, folder)
            crf, best = curve.best(round(float(outcome.values["crf"])))
            bytes_.append(size / best)
            off = "" if abs(score - TARGET) <= WITHIN else f" (not within {WITHIN})"
            notes.append(
                f"{clip.stem}: {size / best:.3f} at VMAF {score:.2f}{off}, crf {outcome.values['crf']} for {crf:.1f}"
            )
            say(notes[-1])
            av1_crf, av1_best = Curve(clip, Codec.AV1, folder).best(34)
            av1_bytes.append(av1_best / best)
            av1_notes.append(f"{clip.stem}: {av1_best / best:.3f}, crf {av1_crf:.1f} against {crf:.1f}")
            say(f"AV1 {av1_notes[-1]}")
    swept = "a sweep of x264 medium in steps of 1 crf, its crossing of VMAF 95"
    return [
        Figure(
            "media.smart_bytes", fmean(bytes_), 1.03, "lower", swept, len(bytes_), spread(bytes_),
            f"mean over clips; {'; '.join(notes)}{caveat()}",
        ),
        Figure(
            "media.av1_bytes", fmean(av1_bytes), 0.65, "lower", "H.264 at VMAF 95, both swept", len(av1_bytes),
            spread(av1_bytes), f"mean over clips, SVT-AV1 preset 8; {'; '.join(av1_notes)}{caveat()}",
        ),
        _search(clips),
    ]  # fmt: skip


def _picture_bytes(path: Path) -> int:
    """Give a file's size; the clips have no sound, so it is the picture's."""
    return path.stat().st_size


def _search(clips: list[Path]) -> Figure:
    """Time the search, and one encode at the crf that it finds, in turn, over the clips."""
    searches, encodes = [], []
    for index in range(ROUNDS):
        clip = clips[index % len(clips)]
        with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as name:
            folder = Path(name)
            step = StepOrder(step_key="s", name="s", type="compress", parameters={"targetVmaf": TARGET})
            media = probe.check(clip, FileType.VIDEO)
            [wanted] = plan_pass([step], media).wanted
            started = time.monotonic()
            subject = Subject(wanted, clip, media, [step], Findings(), folder, lambda _: None)
            crf = find(subject).qualities["s"].crf
            searches.append(time.monotonic() - started)
            encoder = [*picture_arguments(Encoding(Codec.H264, crf=crf), Picture(640, 360, 25.0))]
            started = time.monotonic()
            line = by_hand.encode(ffmpeg.executable(), clip, folder / "encode.mp4", encoder)
            subprocess.run(line, check=True)
            encodes.append(time.monotonic() - started)
    note = f"x264 medium, over {min(len(clips), ROUNDS)} clips{caveat()}"
    return ratio("media.smart_search", 0.5, searches, encodes, "one encode at the crf found", note)
