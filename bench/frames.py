"""What a filter that FFmpeg hasn't costs in a chain: the same pass with it and without, in turn."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import Figure, ratio
from bench.size import ROUNDS, caveat, sized
from hack.passes import made
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops_ops import ffmpeg

SECONDS = 60
"""Length of the clip: 1080p, 25 pictures a second, moving, with grain."""


def opencv_in_chain() -> list[Figure]:
    """Time crop, colour, 720p and a thumbnail in one pass, with and without a filter of OpenCV among them."""
    with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as folder:
        seconds = sized(SECONDS)
        clip = _clip(Path(folder) / "clip.mp4", seconds)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(_seconds(clip, Path(folder), []))
            ours.append(_seconds(clip, Path(folder), [{"clarity": 40}]))
    note = f"{seconds} s of 1080p; crop to 4:5, contrast, clarity, 720p, thumbnail{caveat()}"
    return [ratio("media.opencv_in_chain", 1.3, ours, theirs, "the same chain without clarity", note)]


def _clip(path: Path, seconds: int) -> Path:
    picture = f"testsrc2=s=1920x1080:r=25:d={seconds},noise=alls=12:allf=t,format=yuv420p"
    line = [ffmpeg.executable(), "-v", "error", "-f", "lavfi", "-i", picture]
    subprocess.run([*line, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", str(path)], check=True)
    return path


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
