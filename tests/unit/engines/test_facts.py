from pathlib import Path

import pytest
from PIL import Image

from mediaops_ops.facts import PictureFacts, measure


def facts(folder: Path, *colours: str, size: tuple[int, int] = (64, 36)) -> PictureFacts:
    """Facts of one still per colour; `a/b` is half and half."""
    paths = []
    for i, colour in enumerate(colours):
        first, _, second = colour.partition("/")
        image = Image.new("RGB", size, first)
        if second:
            image.paste(Image.new("RGB", (size[0] // 2, size[1]), second), (0, 0))
        paths.append(folder / f"frame-{i}.png")
        image.save(paths[-1])
    found = measure(paths)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("red", "red"), ("#ff0020", "red"), ("orange", "orange"), ("yellow", "yellow"), ("lime", "green"),
        ("cyan", "cyan"), ("blue", "blue"), ("purple", "purple"), ("magenta", "purple"),
        ("gray", None), ("white", None), ("black", None),
    ],
)  # fmt: skip
def test_the_commonest_hue_is_named(colour: str, name: str | None, tmp_path: Path) -> None:
    assert facts(tmp_path, colour).colour == name


def test_all_stills_count(tmp_path: Path) -> None:
    assert facts(tmp_path, "black", "white", "white", "white").brightness == 0.75
    assert facts(tmp_path, "red", "lime", "lime").colour == "green"


@pytest.mark.parametrize(
    ("colour", "light"), [("black", "dark"), ("gray", "evenly lit"), ("white", "bright")]
)
def test_light_is_told_by_the_mean_luma(colour: str, light: str, tmp_path: Path) -> None:
    assert facts(tmp_path, colour).light == light


@pytest.mark.parametrize(
    ("colour", "palette"),
    [
        ("gray", "almost without colour"),
        ("#807060/#706858", "muted colours, mostly orange"),
        ("red/blue", "vivid colours, mostly red"),
    ],
)
def test_a_palette_is_told_by_colourfulness(colour: str, palette: str, tmp_path: Path) -> None:
    found = facts(tmp_path, colour)
    assert found.palette == palette, found


@pytest.mark.parametrize(
    ("size", "shape"),
    [((64, 36), "landscape"), ((36, 64), "portrait"), ((50, 50), "square"), ((50, 49), "square")],
)
def test_shapes_are_named(size: tuple[int, int], shape: str, tmp_path: Path) -> None:
    assert facts(tmp_path, "gray", size=size).shape == shape


def test_without_stills_nothing_is_claimed() -> None:
    assert measure([]) is None
