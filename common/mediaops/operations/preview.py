"""A preview: a few short pieces of a video as one silent animation that loops. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import Model
from mediaops.picture import Change, Picture, narrowed


class PreviewFormat(StrEnum):
    """File formats of a preview."""

    WEBP = "webp"
    GIF = "gif"


class Preview(Model):
    """A silent animation out of a video: pieces spread over its length."""

    model_config = ConfigDict(extra="forbid")

    format: PreviewFormat = PreviewFormat.WEBP
    """webp: small, all browsers show it; gif: what mail programs show, too."""
    length_millis: Annotated[int, Field(ge=500, le=6000)] = 3000
    """How long it is, in milliseconds; a shorter video is shown as a whole."""
    pieces: Annotated[int, Field(ge=1, le=6)] = 3
    """Of how many pieces of the video it consists."""
    fps: Annotated[int, Field(ge=1, le=15)] = 10
    """Pictures per second, at most the video's own."""
    width: Annotated[int, Field(ge=16, le=480)] = 320
    """Width in pixels (never scaled up); the height follows the shape."""


def spans(parameters: Preview, fps: int, duration_millis: int) -> list[tuple[int, int]]:
    """Give the first and last picture of each piece, of those that the whole video has at that rate."""
    there = max(1, duration_millis * fps // 1000)
    wanted = max(1, parameters.length_millis * fps // 1000)
    if wanted >= there:
        return [(0, there - 1)]
    pieces = min(parameters.pieces, wanted)
    found = []
    free = 0  # where nearly all pictures are wanted, pieces in even places would overlap by one
    for index in range(pieces):
        before, after = wanted * index // pieces, wanted * (index + 1) // pieces
        count, middle = after - before, there * (2 * index + 1) // (2 * pieces)
        first = min(max(free, middle - count // 2), there - (wanted - before))
        found.append((first, first + count - 1))
        free = first + count
    return found


def plan(parameters: Preview, picture: Picture, duration_millis: int) -> Change:
    """Give what makes the animation's pictures of a video's."""
    fps = min(parameters.fps, max(1, round(picture.frame_rate or 1)))
    chosen = "+".join(f"between(n,{first},{last})" for first, last in spans(parameters, fps, duration_millis))
    size = narrowed(picture, parameters.width)
    # At an even rate first: so a piece is as long as it should be, whatever the rate of the video, and behind `fps`
    # a picture lasts one tick. Rounded up, so that the shortest video has one.
    filters = (f"fps={fps}:start_time=0:round=up", f"select='{chosen}'", "setpts=N", *size.texts)
    return Change(size.picture, filters)
