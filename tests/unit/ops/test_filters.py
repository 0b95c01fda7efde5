"""What each filter makes of a picture, held by SSIM against the same worked out here with NumPy and OpenCV."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from mediaops.looks import GRADES, Look
from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder, file_role
from mediaops.operations.filter import FilterStep
from mediaops_ops.filter_files import read_table
from mediaops_ops.images import write_logo
from mediaops_ops.outcome import StepError
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder

Picture = Any
LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of BT.601, which is what a picture without a word about it is taken for."""


def scene(grain: float = 0.02) -> Picture:
    """A picture with ramps of colour, edges, fine detail and grain; values from 0 to 1, 240x320x3."""
    y, x = np.mgrid[0:240, 0:320]
    picture = np.stack([x / 320, y / 240, 0.5 + 0.4 * np.sin(x / 23) * np.cos(y / 17)], axis=2)
    picture[40:120, 40:120] = (0.85, 0.25, 0.15)
    picture[60:100, 200:290] = np.where((x[60:100, 200:290] // 4 % 2)[..., None], 0.9, 0.1)
    cv2.circle(picture, (230, 170), 45, (0.1, 0.35, 0.8), -1)
    picture += np.random.default_rng(7).normal(0, grain, picture.shape)
    return np.clip(picture, 0, 1)


def ssim(one: Picture, other: Picture) -> float:
    """The mean structural similarity (Wang et al. 2004: Gaussian window of 1.5, constants 0.01 and 0.03)."""

    def blurred(picture: Picture) -> Picture:
        return cv2.GaussianBlur(picture, (11, 11), 1.5)

    a, b = one.astype(float), other.astype(float)
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    both = blurred(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return float(
        (
            (2 * mean_a * mean_b + c1)
            * (2 * both + c2)
            / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
        ).mean()
    )


def luma(picture: Picture) -> Picture:
    return (picture @ LUMA)[..., None]


def shifted_luma(change: Callable[[Picture], Picture]) -> Callable[[Picture], Picture]:
    """Change brightness only; in the picture's limited range (219 of 255 steps), as video filters do."""

    def of(picture: Picture) -> Picture:
        return picture + change(luma(picture)) - luma(picture)

    return of


def sharpened(picture: Picture) -> Picture:
    """Unsharp mask of amount 1 over 5x5 pixels, on brightness."""
    y = luma(picture)[..., 0]
    return picture + (y - cv2.blur(y, (5, 5)))[..., None]


def vignetted(picture: Picture) -> Picture:
    """cos⁴ of the angle at which a lens of 0.7 radians to the corner sees each point (cos⁴ law of optics)."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot(x - width / 2, y - height / 2) / np.hypot(width / 2, height / 2)
    return picture * (np.cos(distance * 0.7) ** 4)[..., None]


def sepia(picture: Picture) -> Picture:
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    return picture @ matrix.T


def look(name: Look, strength: float = 1.0) -> Callable[[Picture], Picture]:
    """The look's figures, applied to each pixel without a table."""
    grade = GRADES[name]

    def of(picture: Picture) -> Picture:
        value = np.minimum(picture * np.array(grade.gains), 1)
        value = value + grade.contrast * (value**2 * (3 - 2 * value) - value)
        grey = (value @ np.array([0.2126, 0.7152, 0.0722]))[..., None]
        made = grey + (value - grey) * grade.saturation
        made = made + np.array(grade.shadows) * (1 - grey) + np.array(grade.highlights) * grey
        return picture + strength * (np.clip(made, 0, 1) - picture)

    return of


def swapped(picture: Picture) -> Picture:
    return picture[..., ::-1]


def clear(picture: Picture) -> Picture:
    """Equalize brightness tile by tile, and carry what changed over to each colour."""
    y = (luma(picture)[..., 0] * 255).round().astype(np.uint8)
    changed = cv2.createCLAHE(3.0, (8, 8)).apply(y).astype(float) - y
    return picture + 0.6 * changed[..., None] / 255


CUBE = "TITLE swap red and blue\nLUT_3D_SIZE 2\n" + "".join(
    f"{blue} {green} {red}\n" for blue in (0, 1) for green in (0, 1) for red in (0, 1)
)


def logo() -> Picture:
    """80x40: the left half opaque green, the right half clear; RGBA from 0 to 255."""
    made = np.zeros((40, 80, 4), np.uint8)
    made[:, :40] = (0, 200, 0, 255)
    return made


def marked(picture: Picture) -> Picture:
    """A quarter of width and height, half opaque, at the top left 10 % of the shorter side from the edges."""
    made = picture.copy()
    made[24:64, 24:64] = 0.5 * made[24:64, 24:64] + 0.5 * np.array([0, 200 / 255, 0])
    return made


def stored(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def reference(content: bytes) -> dict[str, str]:
    return {"key": "brand/file", "sha256": stored(content)}


def png(picture: Picture) -> bytes:
    made, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    assert made
    return content.tobytes()


LOGO, TABLE = png(logo()), CUBE.encode()

CASES: dict[str, tuple[dict[str, Any], Callable[[Picture], Picture], float]] = {
    "brightness": ({"brightness": 10}, shifted_luma(lambda y: y + 0.1 * 255 / 219), 0.97),
    "contrast": ({"contrast": 30}, shifted_luma(lambda y: 0.5 + 1.3 * (y - 0.5)), 0.97),
    "saturation": ({"saturation": 50}, lambda p: luma(p) + 1.5 * (p - luma(p)), 0.97),
    "grayscale": ({"grayscale": {}}, lambda p: np.repeat(luma(p), 3, axis=2), 0.99),
    "sepia": ({"sepia": {}}, sepia, 0.99),
    "sharpen": ({"sharpen": 50}, sharpened, 0.97),
    "blur": ({"blur": 3}, lambda p: cv2.GaussianBlur(p, (0, 0), 3), 0.985),
    "vignette": ({"vignette": 50}, vignetted, 0.97),
    "denoise": ({"denoise": 40}, lambda _: scene(grain=0), 0.98),
    "clarity": ({"clarity": 60}, clear, 0.97),
    **{f"look {name}": ({"lut": {"look": name.value}}, look(name), 0.98) for name in Look},
    "half a look": ({"lut": {"look": "film", "strengthPercent": 50}}, look(Look.FILM, 0.5), 0.98),
    "lut": ({"lut": {"file": reference(TABLE)}}, swapped, 0.99),
    "watermark": (
        {
            "watermark": {
                "file": reference(LOGO),
                "position": "top-left",
                "opacityPercent": 50,
                "sizePercent": 25,
                "marginPercent": 10,
            }
        },
        marked,
        0.99,
    ),
}


def order(name: str, *steps: dict[str, Any]) -> StepOrder:
    files = {file_role(stored(content)): ObjectRef(key=stored(content)) for content in (LOGO, TABLE)}
    return StepOrder(
        step_key=name,
        name=name.replace(" ", "-"),
        type="filter",
        parameters={"steps": list(steps)},
        reads=files,
    )


def run(source: Path, file_type: FileType, folder: Path, *steps: StepOrder) -> tuple[Folder, Pass]:
    desk = Folder(source)
    for content, name in ((LOGO, "logo.png"), (TABLE, "table.cube")):
        (folder / name).write_bytes(content)
        desk.read_files[stored(content)] = folder / name
    work = Pass(list(steps), file_type, folder, desk)
    work.run()
    return desk, work


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Picture]:
    """Every case's picture, all made in one pass."""
    folder = tmp_path_factory.mktemp("filters")
    Image.fromarray((scene() * 255 + 0.5).astype(np.uint8)).save(folder / "scene.png")
    orders = [order(name, step) for name, (step, _, _) in CASES.items()]
    desk, work = run(folder / "scene.png", FileType.IMAGE, folder, *orders)
    assert [] == work.failures
    return {
        name: np.asarray(Image.open(outcome.files[0].path).convert("RGB")) / 255
        for name, outcome in desk.outcomes.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_a_filter_makes_of_a_picture_what_is_worked_out_by_hand(case: str, made: dict[str, Picture]) -> None:
    _, expected, least = CASES[case]
    wanted = np.clip(expected(scene()), 0, 1)

    assert ssim(wanted, made[case.replace(" ", "-")]) >= least
    assert 0.03 > np.abs(wanted - made[case.replace(" ", "-")]).mean()


def test_every_filter_is_among_the_cases() -> None:
    with_text = {"burn_subtitles", "brand_kit"}  # in test_burnt_in
    assert set(FilterStep.model_fields) - with_text == {
        name for step, _, _ in CASES.values() for name in step
    }


def test_the_measure_tells_a_filter_from_none(made: dict[str, Picture]) -> None:
    """A bound that an unfiltered picture keeps too would hold nothing."""
    for case, (_, expected, _) in CASES.items():
        wanted = np.clip(expected(scene()), 0, 1)
        ours, untouched = made[case.replace(" ", "-")], scene()
        assert np.abs(wanted - ours).mean() < 0.8 * np.abs(wanted - untouched).mean(), case


def test_colours_of_a_video_in_bt709_stay_what_the_table_and_the_logo_say(make: Any, tmp_path: Path) -> None:
    clip = make(
        tmp_path / "clip.mp4",
        *("-f", "lavfi", "-i", "color=0xc83214:s=320x240:r=25:d=0.2"),
        *("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-qp", "0"),
        *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
    )
    mark, table = CASES["watermark"][0], CASES["lut"][0]
    desk, work = run(clip, FileType.VIDEO, tmp_path, order("both", table, mark))

    assert [] == work.failures
    with av.open(str(desk.outcomes["both"].files[0].path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert 5 == len(frames)
    for frame in (frames[0], frames[-1]):
        assert np.abs(frame[200, 200] - np.array([0x14, 0x32, 0xC8], int)).max() <= 4
        assert np.abs(frame[44, 44] - np.array([10, 125, 100], int)).max() <= 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "LUT_3D_SIZE must be 2 to 65"),
        (b"LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "tables of one dimension are not read"),
        (b"LUT_3D_SIZE 2\n0 0 0\n", "needs 8 lines of three figures"),
        (b"LUT_3D_SIZE 9999999999\n0 0 0\n", "LUT_3D_SIZE must be 2 to 65"),
        (b"LUT_3D_SIZE 2\n" + b"nan 0 0\n" * 8, "neither figures nor a known word"),
        (b"LUT_3D_SIZE 2\n" + b"1e999 0 0\n" * 8, "no finite numbers"),
        (b"LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\n" + b"0 0 0\n" * 8, "its domain is empty"),
        (b"LUT_3D_SIZE 2\nINCLUDE /etc/passwd\n" + b"0 0 0\n" * 8, "neither figures nor a known word"),
        (b"\xff\xfe\x00binary", "neither figures nor a known word"),
    ],
)
def test_a_table_that_is_none_is_refused_with_what_is_wrong(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "table.cube").write_bytes(content)

    with pytest.raises(StepError, match=words):
        read_table(tmp_path / "table.cube")


def test_a_file_that_cant_be_used_fails_its_step_and_what_reads_that_one(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.cube").write_bytes(b"LUT_3D_SIZE 2\n")
    bad = order("graded", {"lut": {"file": {"key": "looks/mine.cube", "sha256": "0" * 64}}})
    steps = [
        bad.model_copy(update={"reads": {file_role("0" * 64): ObjectRef(key="broken")}}),
        StepOrder(step_key="small", name="small", type="compress", input="graded"),
        StepOrder(step_key="poster", name="poster", type="thumbnail"),
    ]
    desk = Folder(clip)
    desk.read_files["broken"] = tmp_path / "broken.cube"
    work = Pass(steps, FileType.VIDEO, tmp_path, desk)
    work.run()

    assert [("graded", "InvalidFile", True), ("small", "DependencyFailed", False)] == [
        (failure.step, failure.reason, failure.permanent) for failure in work.failures
    ]
    assert "The file looks/mine.cube of lut is not a .cube file that can be read" in work.failures[0].message
    assert {"poster"} == set(desk.outcomes)


@pytest.mark.parametrize(
    ("logo_size", "box", "fitted"),
    [((80, 40), (288, 162), (288, 144)), ((2000, 1), (16, 9), (16, 1)), ((1, 900), (1, 1), (1, 1))],
)
def test_a_logo_fills_its_box_and_never_vanishes(
    logo_size: tuple[int, int], box: tuple[int, int], fitted: tuple[int, int], tmp_path: Path
) -> None:
    Image.new("RGBA", logo_size, (0, 200, 0, 255)).save(tmp_path / "logo.png")
    write_logo(tmp_path / "logo.png", tmp_path / "fitted.png", box, 0.5)

    with Image.open(tmp_path / "fitted.png") as made:
        assert fitted == made.size
        assert (0, 200, 0, 128) == made.getpixel((0, 0))
