"""Sprites and previews, made and looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops_ops.outcome import OutputFile, StepOutcome
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder
from tests.unit.ops.looking import frames

GREYS = (30, 90, 150, 210)
"""What each second of `stairs` shows."""

Make = Callable[..., dict[str, StepOutcome]]


@pytest.fixture(scope="module")
def stairs(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, each of another grey; 25 pictures a second, 320x180."""
    inputs = [
        word
        for grey in GREYS
        for word in ("-f", "lavfi", "-i", f"color=0x{grey:02x}{grey:02x}{grey:02x}:s=320x180:r=25:d=1")
    ]
    chain = "[0][1][2][3]concat=n=4,format=yuv420p"
    target = tmp_path_factory.mktemp("stairs") / "stairs.mp4"
    return make(target, *inputs, "-filter_complex", chain, "-c:v", "libx264", "-preset", "ultrafast")


def named(outcome: StepOutcome) -> dict[str, OutputFile]:
    return {file.name: file for file in outcome.files}


def grey(picture: Image.Image, box: tuple[int, int, int, int] | None = None) -> float:
    return float(np.asarray(picture.convert("L").crop(box)).mean())


@pytest.mark.parametrize("form", ["jpeg", "avif"])
def test_each_cue_of_a_sprite_leads_to_what_is_shown_then(
    make_of: Make, stairs: Path, step: Callable[..., StepOrder], form: str
) -> None:
    wanted = {"sprite": {"everyMillis": 500, "columns": 3, "width": 64}, "format": form, "atMillis": [3500]}
    made = named(make_of(stairs, "video", step("poster", "thumbnail", wanted))["poster"])

    assert ["sprite", "sprite.vtt", "thumbnail-0"] == sorted(made)
    sheet, cues = made["sprite"], made["sprite.vtt"].path.read_text()
    assert (192, 108) == (sheet.width_pixels, sheet.height_pixels)
    places = re.findall(r"00:00:0(\d)\.(\d)00 --> \S+\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)", cues)
    assert 8 == len(places)
    with Image.open(sheet.path) as picture:
        assert (form.upper(), (192, 108)) == (picture.format, picture.size)
        for second, _, address, *numbers in places:
            assert sheet.stored_name == address
            x, y, width, height = map(int, numbers)
            shown = grey(picture, (x + 4, y + 4, x + width - 4, y + height - 4))
            assert abs(shown - GREYS[int(second)]) < 5
        assert grey(picture, (132, 76, 188, 104)) < 5  # what no cue names is black
    with Image.open(made["thumbnail-0"].path) as still:
        assert abs(grey(still) - GREYS[3]) < 5


@pytest.mark.parametrize("form", ["webp", "gif"])
def test_a_preview_moves_through_pieces_of_the_whole(
    make_of: Make, stairs: Path, step: Callable[..., StepOrder], form: str
) -> None:
    wanted = {"preview": {"format": form, "lengthMillis": 800, "pieces": 4, "width": 160}}
    made = named(make_of(stairs, "video", step("poster", "thumbnail", wanted))["poster"])

    assert ["preview", "thumbnail-0"] == sorted(made)
    with Image.open(made["preview"].path) as moving:
        assert (form.upper(), (160, 90), 0) == (moving.format, moving.size, moving.info["loop"])
        count: Any = getattr(moving, "n_frames", 1)
        shown, lasted = [], 0
        for index in range(count):
            moving.seek(index)
            moving.load()
            shown.append(grey(moving))
            lasted += moving.info["duration"]
    # Pictures that are the same may be kept as one that lasts as long; for how long the last one does, libwebp takes
    # the mean of the others.
    assert abs(lasted - 800) <= 20
    seen = [min(GREYS, key=lambda each: abs(each - one)) for one in shown]
    assert list(GREYS) == list(dict.fromkeys(seen))


def test_both_come_out_of_the_encode_that_runs_anyway(
    make_of: Make, stairs: Path, step: Callable[..., StepOrder]
) -> None:
    poster = step("poster", "thumbnail", {"sprite": {}, "preview": {}})
    small = step("small", "compress", {"height": 90})
    made = make_of(stairs, "video", small, poster)
    assert {"sprite", "sprite.vtt", "preview", "thumbnail-0"} == set(named(made["poster"]))
    assert 100 == len(frames(named(made["small"])["rendition"].path))


def test_what_comes_at_the_end_is_heard_of_on_the_way(
    stairs: Path, step: Callable[..., StepOrder], tmp_path: Path
) -> None:
    """FFmpeg's own reports begin only once every output has begun."""
    told: list[float] = []

    class Listening(Folder):
        def progress(self, step: str, fraction: float) -> None:
            super().progress(step, fraction)
            told.append(fraction)

    work = Pass([step("poster", "thumbnail", {"sprite": {}})], FileType.VIDEO, tmp_path, Listening(stairs))
    work.run()
    assert [] == work.failures
    assert told == sorted(told)
    assert {0.25, 0.5, 0.75} <= set(told)
