"""A film made in segments as Jobs make it, each pass for itself, and what can be measured of two films."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from mediaops.graph import CUTS, PREPARE_CUTS, PREPARE_SEGMENT
from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder, segment_role
from mediaops_ops import ffmpeg
from mediaops_ops.outcome import StepOutcome
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder


@dataclass
class InSegments:
    """What came of it."""

    cuts: StepOutcome
    segments: list[StepOutcome]
    rendition: StepOutcome | None
    """None: it is kept in one piece."""
    measured: dict[str, StepOutcome] = field(default_factory=dict)
    """What the pass that joined it measured of it, by step."""


def outcomes(
    source: Path, steps: Sequence[StepOrder], folder: Path, **read_files: Path
) -> dict[str, StepOutcome]:
    """Run steps over a file; gives what each of them made."""
    folder.mkdir()
    desk = Folder(source)
    desk.read_files = read_files
    work = Pass(steps, FileType.VIDEO, folder, desk)
    work.run()
    assert [] == work.failures
    return desk.outcomes


def made(source: Path, steps: Sequence[StepOrder], folder: Path, **read_files: Path) -> StepOutcome:
    """Run steps over a file; gives what the last of them made."""
    return outcomes(source, steps, folder, **read_files)[steps[-1].name]


def in_segments(
    source: Path,
    chain: Sequence[StepOrder],
    asked: int | str,
    folder: Path,
    measures: Sequence[StepOrder] = (),
    **read_files: Path,
) -> InSegments:
    """Make the last step of a chain in segments: cut, each segment, joined, and measured in the pass that joins."""
    *before, last = chain
    unstored = [*before, last.model_copy(update={"stored": False})]

    def part(name: str, type_: str, parameters: dict[str, Any], **fields: Any) -> StepOrder:
        key = f"{last.name}-{name}"
        full = f"{last.name}/{name}"
        return StepOrder(
            step_key=key, name=full, type=type_, parameters=parameters, input=last.name, **fields
        )

    cutting = part(CUTS, PREPARE_CUTS, {"segments": asked})
    cuts = made(source, [*unstored, cutting], folder / "cut", **read_files)
    files = {**read_files, CUTS: cuts.files[0].path}
    reads = {CUTS: ObjectRef(key=CUTS)}
    count = int(cuts.values["count"])
    if count == 1:
        return InSegments(cuts, [], None)
    segments = []
    for index in range(count):
        order = part(f"segment-{index}", PREPARE_SEGMENT, {"index": index}, reads=reads)
        segments.append(made(source, [*unstored, order], folder / f"segment-{index}", **files))
    roles = {segment_role(index): segment.files[0].path for index, segment in enumerate(segments)}
    reads |= {role: ObjectRef(key=role) for role in roles}
    joining = last.model_copy(update={"reads": {**last.reads, **reads}})
    joined = outcomes(source, [*before, joining, *measures], folder / "join", **files, **roles)
    return InSegments(cuts, segments, joined.pop(last.name), joined)


def times(path: Path) -> list[Fraction]:
    """Give when each picture is shown, in seconds, in order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [p.pts * p.time_base for p in container.demux(stream) if p.size and p.pts is not None]
    return sorted(found)


def decodable(path: Path) -> int:
    """Count the pictures that come out of a decoder."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def sound(path: Path) -> list[tuple[int, bytes]]:
    """Give each packet of the sound: when, and what it holds."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        packets = container.demux(container.streams.audio[0])
        return [(packet.pts, bytes(packet)) for packet in packets if packet.size]


def likeness(path: Path, reference: Path, kind: str) -> list[float]:
    """Give each picture's likeness to its counterpart: `ssim` (0 to 1) or `libvmaf` (0 to 100)."""
    log = path.with_suffix(f".{kind}.log")
    option = (
        f"{kind}=stats_file={log}" if kind == "ssim" else f"{kind}=log_fmt=csv:log_path={log}:n_threads=2"
    )
    graph = f"[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]{option}"
    line = [ffmpeg.executable(), "-v", "error", "-i", str(path), "-i", str(reference)]
    subprocess.run([*line, "-lavfi", graph, "-enc_time_base", "filter", "-f", "null", "-"], check=True)
    if kind == "ssim":
        return [float(value) for value in re.findall(r"All:([\d.]+)", log.read_text())]
    heads, *rows = log.read_text().splitlines()
    column = heads.split(",").index("vmaf")
    return [float(row.split(",")[column]) for row in rows]
