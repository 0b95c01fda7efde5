"""A sprite: small pictures of a whole video on one sheet, and WebVTT that says which shows what time. Pure.

Players show them over the seek bar. The WebVTT is what they have in common (Video.js, JW Player, Vidstack): each
cue's text is the sheet's address with a media fragment, `#xywh=` and the picture's place in pixels (W3C, Media
Fragments URI 1.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import Model
from mediaops.picture import Change, Picture, PlanError, narrowed
from mediaops.transcript import clock

FILE = "sprite.vtt"
ORDINARY_TILES = 100
"""Pictures that a sheet has at most where nothing else is asked for."""
MOST_TILES = 400
SHORTEST_MILLIS = 1000
"""From one picture to the next where nothing else is asked for."""


class Sprite(Model):
    """A sheet of small pictures of a whole video, with WebVTT that players show over the seek bar."""

    model_config = ConfigDict(extra="forbid")

    every_millis: Annotated[int, Field(ge=100, le=600_000)] | None = None
    """From one picture to the next, in milliseconds. Default: 1000, or longer so that there are at most 100."""
    columns: Annotated[int, Field(ge=1, le=20)] = 10
    """How many pictures stand side by side."""
    width: Annotated[int, Field(ge=16, le=320)] = 160
    """Width of one picture in pixels (never scaled up); the height follows the shape."""


@dataclass(frozen=True)
class Sheet:
    """Which picture stands where."""

    tile: Change
    """What makes one picture of the sheet."""
    every_millis: int
    count: int
    columns: int
    length_millis: int

    @property
    def change(self) -> Change:
        """Give what makes the sheet of a video's pictures: each tile shows what is on at its cue's beginning."""
        size, rows = self.tile.picture, -(-self.count // self.columns)
        sheet = size.sized(size.width * self.columns, size.height * rows)
        sampled = f"fps=1000/{self.every_millis}:start_time=0:round=up"
        return Change(sheet, (sampled, *self.tile.texts, f"tile={self.columns}x{rows}"))

    def vtt(self, address: str) -> str:
        """Give the WebVTT for a sheet at that address, absolute or relative to the WebVTT's own."""
        width, height = self.tile.picture.width, self.tile.picture.height
        blocks = []
        for index in range(self.count):
            row, column = divmod(index, self.columns)
            begin = index * self.every_millis
            end = begin + self.every_millis if index + 1 < self.count else self.length_millis
            place = f"{column * width},{row * height},{width},{height}"
            blocks.append(f"{clock(begin)} --> {clock(end)}\n{address}#xywh={place}\n")
        return "\n".join(["WEBVTT\n", *blocks])


def plan(parameters: Sprite, picture: Picture, length_millis: int, last_frame_millis: int) -> Sheet:
    """Lay out a video's sheet; raises PlanError where it would be too large.

    The sound may last longer than the pictures: the last one stands for what follows it.
    """
    every = parameters.every_millis or max(SHORTEST_MILLIS, -(-length_millis // ORDINARY_TILES))
    count = last_frame_millis // every + 1
    if count > MOST_TILES:
        raise PlanError(
            f"the sprite would have {count} pictures; at most {MOST_TILES}: give everyMillis of at least "
            f"{-(-length_millis // MOST_TILES)}, or leave it out"
        )
    return Sheet(
        narrowed(picture, parameters.width), every, count, min(parameters.columns, count), length_millis
    )
