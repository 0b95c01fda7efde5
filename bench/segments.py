"""What a film in segments costs: the processor's seconds of all its passes ÷ those of one piece, in turn."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench import clips
from bench.report import Figure, ratio
from bench.size import ROUNDS, caveat
from hack.passes import made
from mediaops.graph import CUTS, PREPARE_CUTS, PREPARE_SEGMENT
from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder, segment_role
from mediaops_ops.outcome import StepOutcome

SEGMENTS = 4
"""Of 15 seconds each. `auto` makes them of two minutes, so the cost of each weighs eight times as much here."""


def segments_cpu(clip: Path) -> Figure:
    """Measure a compress of 1080p to 720p both ways."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as name:
            folder = Path(name)
            theirs.append(_spent(partial(_pass, clip, [_small()], folder / "whole")))
            ours.append(_spent(partial(_in_segments, clip, folder)))
    note = f"{SEGMENTS} segments of {clips.seconds()} s of 1080p to 720p; processor's seconds{caveat()}"
    return ratio("media.segments_cpu", 1.05, ours, theirs, "the same compress in one piece", note)


def _small(*, stored: bool = True, reads: Mapping[str, ObjectRef] | None = None) -> StepOrder:
    parameters = {"height": 720}
    return StepOrder(
        step_key="small",
        name="small",
        type="compress",
        parameters=parameters,
        stored=stored,
        reads=dict(reads or {}),
    )


def _in_segments(clip: Path, folder: Path) -> None:
    """Cut, encode each segment, join: each in a process of its own, as each has a pod."""
    cut = StepOrder(
        step_key="cuts",
        name="small/cuts",
        type=PREPARE_CUTS,
        parameters={"segments": SEGMENTS},
        input="small",
    )
    cuts = _pass(clip, [_small(stored=False), cut], folder / "cuts")
    files = {CUTS: cuts.files[0].path}
    reads = {CUTS: ObjectRef(key=CUTS)}
    roles = [segment_role(index) for index in range(int(cuts.values["count"]))]
    for index, role in enumerate(roles):
        one = StepOrder(
            step_key=role,
            name=f"small/{role}",
            type=PREPARE_SEGMENT,
            parameters={"index": index},
            input="small",
            reads=reads,
        )
        files[role] = _pass(clip, [_small(stored=False), one], folder / role, files).files[0].path
    reads = {role: ObjectRef(key=role) for role in files}
    _pass(clip, [_small(reads=reads)], folder / "joined", files)


def _pass(
    clip: Path, steps: Sequence[StepOrder], folder: Path, files: Mapping[str, Path] | None = None
) -> StepOutcome:
    """Run a pass in a fresh process, whose start counts as a pod's does; gives what its last step made."""
    folder.mkdir()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        outcomes = pool.apply(made, (clip, FileType.VIDEO, list(steps), folder, dict(files or {})))
        pool.close()
        pool.join()  # the kernel adds up what a process used when it is waited for
    return outcomes[steps[-1].name]


def _spent(work: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
