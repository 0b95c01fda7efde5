"""What must be true of results: each check holds a file that was made against what the source shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mediaops.measures import LEAST_SIDE
from mediaops.reasons import Reason
from tests.corpus import measuring
from tests.corpus.kinds import IMAGE, PICTURE_MILLIS, VIDEO, Corners, File, Result, Shown

CUE = re.compile(r"^\S+#xywh=(\d+),(\d+),(\d+),(\d+)$", re.MULTILINE)

Size = tuple[int, int]
Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""

SOUND_SECONDS = 0.08
"""What codecs of sound add at the ends: up to two of their frames."""
HERTZ, HERTZ_WITHIN = 440, 12
LEVEL_WITHIN = 0.35
"""Share by which the level may differ: small bit rates, and what other channels are brought down to."""
EXPECTED_AUDIO = {"mp4": "aac", "webm": "opus"}


@dataclass(frozen=True)
class Wanted:
    """What a picture must be."""

    size: Callable[[Size], Size] = lambda size: size
    """From the size that the source shows, in pixels."""
    box: Callable[[Size, Size], Box] = lambda _, made: (0, 0, *made)
    """Where the source's quarters lie in what was made; takes the source's size and the new one."""
    colors: Callable[[Shown, Corners], Corners] | None = lambda _, corners: corners
    """What became of the quarters' colours; None: not looked at."""


def even(value: float) -> int:
    """Give the even number at or below, at least 2: sides of videos."""
    return max(2, int(value) // 2 * 2)


def near_even(value: float) -> int:
    """Give the nearest even number, at least 2."""
    return max(2, int(value / 2 + 0.5) * 2)


def upright(shown: Shown, *, moving: bool) -> Size:
    """Give the size that everything starts from: videos lose an odd last row or column."""
    width, height = shown.size
    return (even(width), even(height)) if moving else (width, height)


def first_everywhere(_: Shown, corners: Corners) -> Corners:
    """Give the corners of a piece out of the upper left quarter."""
    return (corners[0],) * 4


def video(
    result: Result, file: File, wanted: Wanted = Wanted(), codec: str = "h264", fps: int | None = None
) -> None:
    """Hold a rendition of a video against the source."""
    assert result.skipped is None
    path = result.paths["rendition"]
    webm = path.suffix == ".webm"
    assert (path.suffix, result.media_types["rendition"]) == (
        (".webm", "video/webm") if webm else (".mp4", "video/mp4")
    )
    assert webm == (codec == "vp9")
    picture = measuring.seen(path)
    start = upright(file.shown, moving=True)
    size = wanted.size(start)
    assert (codec, *size, "yuv420p") == (picture.codec, picture.width, picture.height, picture.pixels)
    assert (0, True, False) == (picture.rotation, picture.square, picture.interlaced)
    assert (False, False) == (picture.full_range, picture.hdr)
    if not webm:
        assert measuring.index_first(path)
    _times(picture, file.shown, fps)
    if wanted.colors is not None and file.shown.corners is not None:
        left, top, width, height = wanted.box(start, size)
        found = measuring.colors(picture, left=left, top=top, width=width, height=height)
        expected = wanted.colors(file.shown, file.shown.corners)
        assert measuring.furthest(found, expected) <= file.shown.within, (found, expected)
    _sound(path, file.shown, "opus" if webm else "aac")


def _times(picture: measuring.Seen, shown: Shown, fps: int | None) -> None:
    """Every picture is there, each later than the one before, over as long a time as in the source."""
    assert picture.times == sorted(set(picture.times))
    rate = shown.rate or 25.0
    if fps is not None and fps < rate:
        wanted = (shown.frames or 0) / rate * fps
        assert abs(len(picture.times) - wanted) <= 1.01
    else:
        assert shown.frames == len(picture.times)
    begin = picture.times[0]
    assert 0 <= begin <= 0.1
    frame = 1 / min(rate, fps or rate)
    assert abs(picture.times[-1] - begin + frame - (shown.frames or 0) / rate) <= 1.1 * frame


def _sound(path: Path, shown: Shown, codec: str) -> None:
    sound = measuring.heard(path)
    if shown.channels is None:
        assert sound is None
        return
    assert sound is not None
    assert codec == sound.codec.removesuffix("float").removeprefix("lib")
    heard(sound, shown)


def heard(sound: measuring.Heard, shown: Shown) -> None:
    """Hold a sound against the source's: at most two channels, the same tone, as loud, as long."""
    assert min(2, shown.channels or 0) == sound.channels
    if shown.tone:
        assert abs(sound.hertz - HERTZ) <= HERTZ_WITHIN
        if shown.channels in {1, 2}:
            assert abs(sound.level - 0.25 / 2**0.5) <= LEVEL_WITHIN * 0.177
    assert shown.seconds is not None
    assert abs(sound.seconds - shown.seconds) <= max(SOUND_SECONDS, 1.1 / (shown.rate or 25))


def image(
    result: Result, file: File, form: str, wanted: Wanted = Wanted(), name: str = "rendition", more: int = 0
) -> None:
    """Hold an image, or a still of a video, against the source; `more` is added to the tolerance."""
    assert result.skipped is None
    start = upright(file.shown, moving=file.file_type is VIDEO)
    size = wanted.size(start)
    with Image.open(result.paths[name]) as made:
        assert (form, size) == (made.format, made.size)
        assert Image.MIME[form] == result.media_types[name]
        assert made.getexif().get(0x0112, 1) == 1
        assert "icc_profile" not in made.info
        kept = file.shown.frames if file.file_type is IMAGE and name == "rendition" else 1
        assert kept == getattr(made, "n_frames", 1)
        if kept != 1:
            assert {PICTURE_MILLIS} == _durations(made)
            made.seek(0)
        # In quarters of less than four pixels each mixes with the other.
        if wanted.colors is not None and file.shown.corners is not None and (size == start or min(size) >= 8):
            left, top, width, height = wanted.box(start, size)
            found = measuring.image_colors(made, left=left, top=top, width=width, height=height)
            expected = wanted.colors(file.shown, file.shown.corners)
            assert measuring.furthest(found, expected) <= file.shown.within + more, (found, expected)


def sheets(result: Result, file: File) -> None:
    """Hold a still, a sprite's first and last picture and a preview's first against the source."""
    image(result, file, "JPEG", name="thumbnail-0", more=6)
    cues = CUE.findall(result.paths["sprite.vtt"].read_text())
    assert 1 <= len(cues) <= 100
    with Image.open(result.paths["sprite"]) as sheet:
        for place in (cues[0], cues[-1]):
            x, y, width, height = map(int, place)
            assert 0 <= x < x + width <= sheet.width
            assert 0 <= y < y + height <= sheet.height
            if file.shown.corners is not None and min(width, height) >= 32:
                found = measuring.image_colors(sheet, left=x, top=y, width=width, height=height)
                assert measuring.furthest(found, file.shown.corners) <= file.shown.within + 10, (place, found)
    start = upright(file.shown, moving=True)
    with Image.open(result.paths["preview"]) as moving:
        assert ("WEBP", min(96, start[0])) == (moving.format, moving.width)
        if file.shown.corners is not None and min(moving.size) >= 32:
            found = measuring.image_colors(moving, left=0, top=0, width=moving.width, height=moving.height)
            assert measuring.furthest(found, file.shown.corners) <= file.shown.within + 10, found


def _durations(made: Image.Image) -> set[int]:
    """Give how long the pictures of an animation last, in milliseconds."""
    durations = set()
    for index in range(getattr(made, "n_frames", 1)):
        made.seek(index)
        made.load()
        durations.add(round(made.info["duration"]))
    return durations


def sound_file(result: Result, file: File, codec: str, suffix: str) -> None:
    """Hold a sound that was made against the source."""
    path = result.paths["rendition"]
    assert suffix == path.suffix
    sound = measuring.heard(path)
    assert sound is not None
    assert codec == sound.codec.removesuffix("float")
    heard(sound, file.shown)


def waveform(result: Result, width: int) -> None:
    """Hold a drawn sound against its size."""
    with Image.open(result.paths["thumbnail-0"]) as made:
        assert ("JPEG", (width, width // 4)) == (made.format, made.size)


def transcript(result: Result, file: File) -> None:
    """Nothing is said in the corpus: a transcript is without words, or there is nothing to transcribe."""
    if file.shown.channels is None:
        assert Reason.NO_AUDIO == result.skipped
        return
    if result.skipped is not None:
        assert Reason.of(result.skipped) is not None
    else:
        words = json.loads(result.paths["transcript.json"].read_text())
        assert words


def measured(file: File, made: dict[str, Result]) -> None:
    """A good encode of whatever picture is told as one."""
    sound = made["measured-Sound"]
    if file.shown.channels is None:
        assert "NoAudio" == sound.skipped
    elif file.shown.tone:
        assert float(sound.values["integrated_lufs"]) < 0
        assert float(sound.values["true_peak_dbtp"]) < 3
    if file.file_type is not VIDEO:
        return
    assert "0.0" == made["measured-Picture"].values["longest_black_seconds"]
    vmaf = made["measured-Vmaf"]
    if min(upright(file.shown, moving=True)) < LEAST_SIDE:
        assert "PictureTooSmall" == vmaf.skipped
    else:
        assert float(vmaf.values["vmaf"]) > 85
