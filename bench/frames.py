"""What a filter that FFmpeg hasn't costs in a chain: the same pass with it and without, in turn."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from bench import clips
from bench.report import Figure, ratio
from bench.size import ROUNDS, caveat
from hack.passes import made
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder


def opencv_in_chain(clip: Path) -> list[Figure]:
    """Time crop, colour, 720p and a thumbnail in one pass, with and without a filter of OpenCV among them."""
    with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as folder:
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(_seconds(clip, Path(folder), []))
            ours.append(_seconds(clip, Path(folder), [{"clarity": 40}]))
    note = f"{clips.seconds()} s of 1080p; crop to 4:5, contrast, clarity, 720p, thumbnail{caveat()}"
    return [ratio("media.opencv_in_chain", 1.3, ours, theirs, "the same chain without clarity", note)]


def _seconds(clip: Path, folder: Path, more: list[dict[str, Any]]) -> float:
    def step(name: str, type_: str, parameters: dict[str, Any], input_: str, *, stored: bool) -> StepOrder:
        return StepOrder(
            step_key=name, name=name, type=type_, parameters=parameters, input=input_, stored=stored
        )

    steps = [
        step("tall", "crop", {"aspect": "4:5", "mode": "center"}, "source", stored=False),
        step("toned", "filter", {"steps": [{"contrast": 10}, *more]}, "tall", stored=False),
        step("small", "compress", {"height": 720}, "toned", stored=True),
        step("poster", "thumbnail", {}, "toned", stored=True),
    ]
    with tempfile.TemporaryDirectory(dir=folder) as work_folder:
        began = time.perf_counter()
        made(clip, FileType.VIDEO, steps, Path(work_folder))
        return time.perf_counter() - began
