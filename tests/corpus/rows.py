"""The corpus's operations, one row each. A new row needs nothing else: the cells follow from the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mediaops.models.base import FileType
from tests.corpus import checks
from tests.corpus.checks import Size, Wanted, first_everywhere, near_even
from tests.corpus.kinds import AUDIO, IMAGE, VIDEO, File, Result, Row, Shown

RECTANGLE = {"x": 0, "y": 0, "width": 48, "height": 36}
GREY = {"steps": [{"grayscale": {}}]}
EVERY_FILTER = {
    "steps": [
        {"brightness": 5},
        {"contrast": 10},
        {"saturation": -20},
        {"sharpen": 20},
        {"blur": 1},
        {"sepia": {}},
        {"vignette": 20},
        {"denoise": 20},
    ]
}
EVERY = frozenset(FileType)


def row(
    type_: str,
    name: str,
    takes: FileType,
    parameters: dict[str, Any],
    check: Callable[[Result, File], None],
    refuses: Callable[[Shown], str | None] = lambda _: None,
) -> Row:
    """Give a row of one step."""
    step = {"name": "it", "type": type_, "parameters": parameters}
    return Row(name, frozenset({takes}), (step,), lambda file, made: check(made["it"], file), refuses)


def small(shown: Shown) -> str | None:
    """Refuse where the rectangle doesn't fit."""
    width, height = shown.size
    return "InvalidParameters" if width < RECTANGLE["width"] or height < RECTANGLE["height"] else None


def below(side: int, size: Callable[[Size], Size] = lambda size: size) -> Callable[[Shown], str | None]:
    """Refuse pictures that come to have a shorter side, which the encoder doesn't take."""
    return lambda shown: "InvalidParameters" if min(size(checks.upright(shown, moving=True))) < side else None


def moves(shown: Shown) -> str | None:
    """Refuse animations, which JPEG can't keep."""
    return "InvalidParameters" if shown.frames != 1 else None


def blurred(shown: Shown) -> str | None:
    """Refuse what is too small to be blurred."""
    return "InvalidParameters" if shown.width == shown.height == 1 else None


def to_height(height: int, *, moving: bool) -> Callable[[tuple[int, int]], tuple[int, int]]:
    """Scale down to a height, never up."""

    def size(start: tuple[int, int]) -> tuple[int, int]:
        if start[1] <= height:
            return start
        width = start[0] * height / start[1]
        return (near_even(width), height) if moving else (max(1, int(width + 0.5)), height)

    return size


def to_width(width: int) -> Callable[[tuple[int, int]], tuple[int, int]]:
    """Scale down to a width, never up."""
    return lambda start: (
        start if start[0] <= width else (width, max(1, int(width * start[1] / start[0] + 0.5)))
    )


def centred(across: int, down: int, *, moving: bool) -> Callable[[tuple[int, int]], tuple[int, int]]:
    """Cut the largest part of a shape out of the middle."""
    side = near_even if moving else lambda value: max(1, int(value + 0.5))

    def size(start: tuple[int, int]) -> tuple[int, int]:
        width, height = start
        if width * down > height * across:
            return min(width, side(height * across / down)), height
        return width, min(height, side(width * down / across))

    return size


def squared(start: tuple[int, int]) -> tuple[int, int]:
    """Lay onto a square as large as the longer side."""
    return (max(start),) * 2


def inside(start: tuple[int, int], made: tuple[int, int]) -> tuple[int, int, int, int]:
    """Find the whole picture in the middle of its canvas."""
    scale = min(made[0] / start[0], made[1] / start[1])
    width, height = round(start[0] * scale), round(start[1] * scale)
    return (made[0] - width) // 2, (made[1] - height) // 2, width, height


PORTRAIT = {"aspect": "9:16", "mode": "center"}
UPPER_LEFT = Wanted(lambda _: (RECTANGLE["width"], RECTANGLE["height"]), colors=first_everywhere)
LAID = Wanted(squared, inside)


def chain(file: File, made: dict[str, Result]) -> None:
    """Each result of a pass of five steps is one encode away from the source."""
    checks.video(
        made["small"],
        file,
        Wanted(
            lambda start: to_height(60, moving=True)(centred(1, 1, moving=True)(start)), colors=Shown.grey
        ),
    )
    checks.image(made["poster"], file, "JPEG", Wanted(centred(1, 1, moving=True)), name="thumbnail-0", more=6)
    checks.transcript(made["words"], file)
    assert "square" in made


def image_chain(file: File, made: dict[str, Result]) -> None:
    checks.image(
        made["small"],
        file,
        "WEBP",
        Wanted(
            lambda start: to_height(60, moving=False)(centred(1, 1, moving=False)(start)), colors=Shown.grey
        ),
    )
    checks.image(
        made["poster"],
        file,
        "JPEG",
        Wanted(lambda start: to_width(40)(centred(1, 1, moving=False)(start))),
        name="thumbnail-0",
        more=6,
    )


def stills(result: Result, file: File) -> None:
    for index in range(3):
        checks.image(result, file, "WEBP", Wanted(to_width(96)), name=f"thumbnail-{index}", more=10)


def texts(result: Result, _: File) -> None:
    assert result.skipped is None


CHAIN = (
    {"name": "square", "type": "crop", "parameters": {"aspect": "1:1", "mode": "center"}},
    {"name": "grey", "type": "filter", "parameters": GREY, "input": "square", "stored": False},
    {"name": "small", "type": "compress", "parameters": {"height": 60}, "input": "grey"},
    {"name": "poster", "type": "thumbnail", "parameters": {}, "input": "square"},
    {"name": "words", "type": "transcribe", "parameters": {}},
)
IMAGE_CHAIN = (
    *CHAIN[:2],
    {"name": "small", "type": "compress", "parameters": {"height": 60, "codec": "webp"}, "input": "grey"},
    {"name": "poster", "type": "thumbnail", "parameters": {"width": 40}, "input": "square"},
)


def measured(*kinds: str) -> tuple[dict[str, Any], ...]:
    """Give steps that measure a finished file."""
    return tuple({"name": f"measured-{kind}", "type": f"measure{kind}", "input": "small"} for kind in kinds)


MEASURED = (
    CHAIN[0] | {"stored": False},
    {"name": "small", "type": "compress", "parameters": {}, "input": "square"},
    *measured("Vmaf", "Picture", "Sound"),
)
MEASURED_SOUND = ({"name": "small", "type": "compress", "parameters": {}}, *measured("Sound"))

VIDEO_ROWS = (
    row("crop", "crop-center", VIDEO, PORTRAIT, lambda r, f: checks.video(r, f, Wanted(centred(9, 16, moving=True)))),
    row("crop", "crop-pad", VIDEO, {"aspect": "1:1", "mode": "pad"}, lambda r, f: checks.video(r, f, LAID)),
    row("crop", "crop-blur", VIDEO, {"aspect": "1:1", "mode": "blur"}, lambda r, f: checks.video(r, f, LAID)),
    row("crop", "crop-rectangle", VIDEO, RECTANGLE, lambda r, f: checks.video(r, f, UPPER_LEFT), small),
    row("filter", "filter-grey", VIDEO, GREY, lambda r, f: checks.video(r, f, Wanted(colors=Shown.grey))),
    row("filter", "filter-every", VIDEO, EVERY_FILTER, lambda r, f: checks.video(r, f, Wanted(colors=None))),
    row("compress", "compress-h264", VIDEO, {}, checks.video),
    row("compress", "compress-bitrate", VIDEO, {"bitrateKbps": 400}, checks.video),
    row("compress", "compress-fps", VIDEO, {"fps": 10}, lambda r, f: checks.video(r, f, fps=10)),
    row("compress", "compress-h265", VIDEO, {"codec": "h265", "height": 72},
        lambda r, f: checks.video(r, f, Wanted(to_height(72, moving=True)), codec="hevc"),
        below(16, to_height(72, moving=True))),
    row("compress", "compress-av1", VIDEO, {"codec": "av1"}, lambda r, f: checks.video(r, f, codec="av1"), below(4)),
    row("compress", "compress-vp9", VIDEO, {"codec": "vp9"}, lambda r, f: checks.video(r, f, codec="vp9")),
    row("thumbnail", "thumbnail-one", VIDEO, {"format": "png"},
        lambda r, f: checks.image(r, f, "PNG", name="thumbnail-0")),
    row("thumbnail", "thumbnail-three", VIDEO, {"count": 3, "width": 96, "format": "webp"}, stills),
    row("thumbnail", "sheets", VIDEO, {"sprite": {"columns": 4, "width": 64}, "preview": {"width": 96}},
        checks.sheets),
    row("transcribe", "transcribe", VIDEO, {}, checks.transcript),
    row("caption", "caption", VIDEO, {}, texts),
    Row("chain", frozenset({VIDEO}), CHAIN, chain),
    Row("measured", frozenset({VIDEO}), MEASURED, checks.measured),
)  # fmt: skip

IMAGE_ROWS = (
    row("crop", "crop-center", IMAGE, PORTRAIT,
        lambda r, f: checks.image(r, f, kept(f), Wanted(centred(9, 16, moving=False)))),
    row("crop", "crop-pad", IMAGE, {"aspect": "1:1", "mode": "pad"}, lambda r, f: checks.image(r, f, kept(f), LAID)),
    row("crop", "crop-rectangle", IMAGE, RECTANGLE, lambda r, f: checks.image(r, f, kept(f), UPPER_LEFT), small),
    row("filter", "filter-grey", IMAGE, GREY, lambda r, f: checks.image(r, f, kept(f), Wanted(colors=Shown.grey))),
    row("filter", "filter-every", IMAGE, EVERY_FILTER, lambda r, f: checks.image(r, f, kept(f), Wanted(colors=None)),
        blurred),
    row("compress", "compress-jpeg", IMAGE, {}, lambda r, f: checks.image(r, f, "JPEG"), moves),
    row("compress", "compress-webp", IMAGE, {"codec": "webp", "height": 60},
        lambda r, f: checks.image(r, f, "WEBP", Wanted(to_height(60, moving=False)))),
    row("compress", "compress-avif", IMAGE, {"codec": "avif"}, lambda r, f: checks.image(r, f, "AVIF")),
    row("thumbnail", "thumbnail", IMAGE, {"width": 80, "format": "png"},
        lambda r, f: checks.image(r, f, "PNG", Wanted(to_width(80)), name="thumbnail-0")),
    row("caption", "caption", IMAGE, {}, texts),
    Row("chain", frozenset({IMAGE}), IMAGE_CHAIN, image_chain),
)  # fmt: skip

AUDIO_ROWS = (
    row("compress", "compress-aac", AUDIO, {}, lambda r, f: checks.sound_file(r, f, "aac", ".m4a")),
    row("compress", "compress-opus", AUDIO, {"codec": "opus"}, lambda r, f: checks.sound_file(r, f, "opus", ".ogg")),
    row("compress", "compress-mp3", AUDIO, {"codec": "mp3"}, lambda r, f: checks.sound_file(r, f, "mp3", ".mp3")),
    row("thumbnail", "waveform", AUDIO, {"width": 320}, lambda r, _: checks.waveform(r, 320)),
    row("transcribe", "transcribe", AUDIO, {}, checks.transcript),
    row("caption", "caption", AUDIO, {}, texts),
    Row("measured", frozenset({AUDIO}), MEASURED_SOUND, checks.measured),
)  # fmt: skip

ROWS = (*VIDEO_ROWS, *IMAGE_ROWS, *AUDIO_ROWS)


def kept(file: File) -> str:
    """Name, as Pillow does, the form of an image that nothing compresses: its own, or what is nearest."""
    own = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".avif": "AVIF", ".gif": "PNG"}
    suffix = file.name[file.name.rindex(".") :]
    return "GIF" if suffix == ".gif" and file.shown.frames != 1 else own.get(suffix, "JPEG")
