"""A pass that does things in another order gives the same pictures, and every still that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mediaops.models.work import StepOrder
from mediaops_ops.outcome import StepOutcome
from tests.unit.ops.looking import frames, rendition

Step = Callable[..., StepOrder]
Made = Callable[..., dict[str, StepOutcome]]
TONES = [{"contrast": 15}, {"saturation": -30}, {"vignette": 40}, {"lut": {"look": "film"}}]
CLEAR = {"clarity": 40}


@pytest.fixture(scope="module")
def scene(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of soft, coloured clouds, each picture a little different."""
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-g", "15")
    return make(tmp_path_factory.mktemp("scene") / "scene.mp4", *clouds("640x480", "yuv420p", 1), *encoder)


def clouds(size: str, pixels: str, levels: int) -> tuple[str, ...]:
    """Give FFmpeg's input: soft waves of light and colour that wander, in so many levels for one of 255."""
    light = f"{levels}*(120+50*sin(X/45+N/7)+40*cos(Y/35-N/11))"
    colour = f"cb='{levels}*(128+40*sin(X/70+N/9))':cr='{levels}*(128+40*cos(Y/50-N/9))'"
    return ("-f", "lavfi", "-i", f"color=s={size}:r=10:d=4,format={pixels},geq=lum='{light}':{colour}")


def pictures(outcome: StepOutcome) -> list[Any]:
    return [frame.to_ndarray(format="rgb24").astype(int) for frame in frames(rendition(outcome))]


def apart(one: Any, other: Any) -> float:
    """Give how far two pictures lie apart in the mean, in levels of 255."""
    return float(np.abs(one - other).mean())


def in_both_orders(
    scene: Path, made: Made, step: Step, filters: list[dict[str, Any]], crop: dict[str, Any], height: int
) -> list[float]:
    """Give how far each picture lies from the one made in the order asked for, which a stored large one keeps."""
    after = (
        step("part", "crop", crop, input="toned", stored=False),
        step("small", "compress", {"height": height, "crf": 4}, input="part"),
    )
    films = []
    for stored in (False, True):
        toned = step("toned", "filter", {"steps": filters}, stored=stored)
        films.append(pictures(made(scene, "video", toned, *after)["small"]))
    return [apart(one, other) for one, other in zip(*films, strict=True)]


@pytest.mark.parametrize("filters", [*([one] for one in TONES), TONES])
@pytest.mark.parametrize("crop", [{"resize": {"height": 180}}, {"aspect": "1:1", "mode": "center"}])
def test_tones_come_to_the_same_in_either_order(
    scene: Path, step: Step, make_of: Made, filters: list[dict[str, Any]], crop: dict[str, Any]
) -> None:
    distances = in_both_orders(scene, make_of, step, filters, crop, 120)
    assert 40 == len(distances)
    assert 1.5 > max(distances)


@pytest.mark.parametrize("height", [120, 370])
def test_clarity_comes_to_the_same_where_enough_of_the_picture_is_left(
    scene: Path, step: Step, make_of: Made, height: int
) -> None:
    assert 2.5 > max(in_both_orders(scene, make_of, step, [CLEAR], {"resize": {"height": 400}}, height))


@pytest.mark.parametrize("filters", [TONES, [*TONES, CLEAR]])
@pytest.mark.parametrize(
    ("at", "shown"), [([3900, 0, 1010, 1050, 2500], [39, 0, 11, 11, 25]), ([1000], [10])]
)
def test_each_still_of_a_toned_film_is_the_picture_at_its_time(
    scene: Path, step: Step, make_of: Made, filters: list[dict[str, Any]], at: list[int], shown: list[int]
) -> None:
    """Two of the times are the same picture's, one is the last's; a single one is not the first picture's."""
    made = make_of(
        scene,
        "video",
        step("toned", "filter", {"steps": filters}, stored=False),
        step("small", "compress", {"height": 120, "crf": 4}, input="toned"),
        step("stills", "thumbnail", {"atMillis": at, "format": "png"}, input="toned"),
    )

    film = pictures(made["small"])
    stills = [np.asarray(Image.open(file.path).resize((160, 120))) for file in made["stills"].files]
    nearest = [min(range(40), key=lambda n: apart(still.astype(int), film[n])) for still in stills]
    assert shown == nearest


def test_a_still_of_hdr_and_a_smaller_film_share_a_decode(
    make: Any, make_of: Made, step: Step, tmp_path: Path
) -> None:
    hdr = make(
        tmp_path / "hdr.mp4",
        *(*clouds("320x180", "yuv420p10le", 4), "-c:v", "libx265", "-preset", "ultrafast"),
        *("-x265-params", "log-level=error:transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc"),
    )
    steps = (
        step("small", "compress", {"height": 90, "crf": 4}),
        step("still", "thumbnail", {"atMillis": [500]}),
    )
    made = make_of(hdr, "video", *steps)

    small = pictures(made["small"])[5]
    still = np.asarray(Image.open(made["still"].files[0].path).convert("RGB").resize((160, 90)))
    assert 4.0 > apart(still.astype(int), small)
