"""What passes cost, against what someone would type who knows FFmpeg."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import by_hand, clips
from bench.frames import opencv_in_chain
from bench.quality import qualities
from bench.report import Figure, ratio, spread
from bench.segments import segments_cpu
from bench.size import ROUNDS, caveat
from bench.start import overhead
from hack.cluster.waiting import say
from hack.passes import made
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops_ops import ffmpeg

SQUARE = {"x": 420, "y": 0, "width": 1080, "height": 1080}
COLOURED = {"steps": [{"contrast": 10}, {"saturation": 20}]}


def step(name: str, type_: str, parameters: dict[str, Any], **fields: Any) -> StepOrder:
    """Give a step of a work order."""
    return StepOrder(step_key=name, name=name, type=type_, parameters=parameters, **fields)


def chain(still_of: str) -> list[StepOrder]:
    """Crop to a square, colour, 720 lines; a still of one of them."""
    return [
        step("square", "crop", SQUARE, stored=False),
        step("coloured", "filter", COLOURED, input="square", stored=False),
        step("small", "compress", {"height": 720}, input="coloured"),
        step("poster", "thumbnail", {"atMillis": [1000]}, input=still_of),
    ]


def media() -> Iterator[Figure]:
    """Measure the whole part."""
    with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as name:
        folder = Path(name)
        kept = clips.kept(folder / "clips")
        yield overhead(folder)
        say("fused")
        yield from _fused(clips.full_hd(kept))
        say("the seed's table")
        yield from _seeds(clips.full_hd(kept), kept)
        say("a filter of OpenCV")
        yield from opencv_in_chain(clips.full_hd(kept))
        say("in segments")
        yield segments_cpu(clips.full_hd(kept))
        say("quality")
        yield from qualities(clips.small(kept))


def timed(work: Callable[[Path], object]) -> float:
    """Give the seconds that something takes in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as name:
        started = time.monotonic()
        work(Path(name))
        return time.monotonic() - started


def _fused(clip: Path) -> list[Figure]:
    """Time a pass and one hand-written command in turn; and, once, four commands one after another."""

    def ours(folder: Path) -> None:
        made(clip, FileType.VIDEO, chain("source"), folder)

    def theirs(folder: Path) -> None:
        subprocess.run(by_hand.fused(ffmpeg.executable(), clip, folder), check=True)

    def four(folder: Path) -> None:
        for line in by_hand.one_after_another(ffmpeg.executable(), clip, folder):
            subprocess.run(line, check=True)

    mine, others, last = [], [], []
    for _ in range(ROUNDS):
        mine.append(timed(ours))
        others.append(timed(theirs))
        last.append(timed(lambda folder: made(clip, FileType.VIDEO, chain("small"), folder)))
    sequence = timed(four)
    gains = [sequence / each for each in last]
    note = f"crop, colour, 720 lines and a still of {clips.seconds()} s of 1080p"
    return [
        ratio(
            "media.fused_vs_handwritten", 1.05, mine, others, "one ffmpeg command (by_hand.fused)", note + caveat()
        ),
        Figure(
            "media.fused_speedup", sequence / sorted(last)[len(last) // 2], 4, "higher",
            "four ffmpeg commands, each on the file before (once)", len(last), spread(gains),
            f"{sequence:.3g} s against {sorted(last)[len(last) // 2]:.3g} s; {note}{caveat()}",
        ),
    ]  # fmt: skip


SEEDS: dict[str, tuple[float, str, dict[str, Any]]] = {
    "seed.caption": (10, "caption", {"engine": "offline"}),
    "seed.thumbnail": (5, "thumbnail", {}),
    "seed.filter": (20, "filter", COLOURED),
    "seed.compress_1080_720": (120, "compress", {"height": 720}),
}
"""The seed's typical seconds, operation and parameters."""


def _seeds(clip: Path, kept: Path) -> list[Figure]:
    """Time each operation of the seed's table by itself, and all of them in one pass."""
    figures = []
    rounds = min(ROUNDS, 3)
    speech = clips.speech(kept)
    if speech is not None:
        heard = [step("one", "transcribe", {"engine": "pocketsphinx"})]
        times = [timed(lambda folder: made(speech, FileType.AUDIO, heard, folder)) for _ in range(rounds)]
        figures.append(_seed("seed.transcribe_60s", times, 30, "pocketsphinx; a minute of real speech"))
    for name, (typical, type_, parameters) in SEEDS.items():
        one = [step("one", type_, parameters)]
        times = [
            timed(lambda folder, one=one: made(clip, FileType.VIDEO, one, folder))  # type: ignore[misc]
            for _ in range(rounds)
        ]
        figures.append(_seed(name, times, typical, parameters.get("engine", "ffmpeg")))
    everything = [
        step("heard", "transcribe", {"engine": "pocketsphinx"}),
        step("text", "caption", {"engine": "offline"}, transcript_step="heard"),
        *chain("source"),
    ]
    times = [timed(lambda folder: made(clip, FileType.VIDEO, everything, folder)) for _ in range(rounds)]
    figures.append(_seed("seed.total", times, 180, "pocketsphinx, offline, ffmpeg; the sound is a tone"))
    return figures


def _seed(name: str, times: list[float], typical: float, engine: str) -> Figure:
    note = f"{engine}; {clips.seconds()} s of 1080p{caveat()}"
    value = sorted(times)[len(times) // 2]
    return Figure(
        name, value, typical / 2, "lower", "half of the seed's typical", len(times), spread(times), note
    )
