from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from mediaops_ops.facts import PictureFacts, measure, telling


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


def test_of_real_pictures_black_fades_blurs_and_repeats_are_left_out(tmp_path: Path) -> None:
    """Two shots, drawn; a fade is a shot almost gone to grey, a swish a shot out of focus."""
    day, night = Image.new("RGB", (320, 180), "skyblue"), Image.new("RGB", (320, 180), "midnightblue")
    for picture, colour, step in ((day, "darkgreen", 16), (night, "gold", 24)):
        draw = ImageDraw.Draw(picture)
        for place in range(0, 320, step):
            draw.rectangle((place, 40 + place // 4, place + step // 2, 170), fill=colour)
    grey = Image.new("RGB", (320, 180), "gray")
    pictures = {
        "black": Image.new("RGB", (320, 180), "black"),
        "fade": Image.blend(day, grey, 0.95),
        "day": day,
        "swish": night.filter(ImageFilter.GaussianBlur(12)),
        "day again": day.resize((640, 360)),
        "night": night,
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / f"{name}.jpg", quality=90)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    frames = [tmp_path / f"{name}.jpg" for name in (*pictures, "broken")]
    chosen = [path.stem for path in telling(frames, 4)]
    assert chosen in (["day", "night"], ["day again", "night"])
    assert len(telling(frames, 1)) == 1
    assert telling([tmp_path / "broken.jpg"], 4) == ()
