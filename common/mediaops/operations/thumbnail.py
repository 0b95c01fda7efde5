"""Thumbnails: parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Millis, Pixels, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.picture import Change, Picture, scaled_to_width


class ThumbnailFormat(StrEnum):
    """File formats of a still."""

    JPEG = "jpeg"
    WEBP = "webp"
    PNG = "png"


class ThumbnailParameters(Parameters):
    """Take stills from a video, a small copy of an image, or draw a sound's waveform."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!(has(self.atMillis) && has(self.count))", "give atMillis or count, not both")
        )
    )

    at_millis: Annotated[list[Millis], Field(min_length=1, max_length=32)] | None = None
    """Where to take stills, in milliseconds from the start."""
    count: Annotated[int, Field(ge=1, le=32)] | None = None
    """How many stills, spread evenly. Default: 1, a tenth into the video."""
    width: Pixels = 640
    """Width in pixels (never scaled up); the height follows the shape."""
    format: ThumbnailFormat = ThumbnailFormat.JPEG
    """File format."""


def plan(parameters: ThumbnailParameters, picture: Picture) -> Change:
    """Scale one still down to the width asked for, never up."""
    still = Picture(picture.width, picture.height)
    return scaled_to_width(still, parameters.width) if parameters.width < picture.width else Change(still)


def times(parameters: ThumbnailParameters, duration_millis: int, last_frame_millis: int) -> list[int]:
    """Give when the stills are taken, in milliseconds; what lies behind the last picture means the last one."""
    if parameters.at_millis is not None:
        wanted = list(parameters.at_millis)
    elif parameters.count is None or parameters.count == 1:
        wanted = [duration_millis // 10]
    else:
        wanted = [duration_millis * (2 * i + 1) // (2 * parameters.count) for i in range(parameters.count)]
    return [min(at, last_frame_millis) for at in wanted]


OPERATION = Operation(
    name="thumbnail",
    parameters=ThumbnailParameters,
    takes=frozenset(FileType),
    makes=Makes.IMAGES,
    version="2",
)
