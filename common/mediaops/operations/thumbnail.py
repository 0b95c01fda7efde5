"""Thumbnails: parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Millis, Pixels, rules
from mediaops.operations.base import Makes, Operation, Parameters


class ThumbnailFormat(StrEnum):
    """File formats of a still."""

    JPEG = "jpeg"
    WEBP = "webp"
    PNG = "png"


class ThumbnailParameters(Parameters):
    """Take stills from a video, a small copy of an image, or draw a sound's waveform."""

    model_config = ConfigDict(
        json_schema_extra=rules(("!(has(self.atMillis) && has(self.count))", "give atMillis or count, not both"))
    )

    at_millis: Annotated[list[Millis], Field(min_length=1, max_length=32)] | None = None
    """Where to take stills, in milliseconds from the start."""
    count: Annotated[int, Field(ge=1, le=32)] | None = None
    """How many stills, spread evenly. Default: 1, a tenth into the video."""
    width: Pixels = 640
    """Width in pixels (never scaled up); the height follows the shape."""
    format: ThumbnailFormat = ThumbnailFormat.JPEG
    """File format."""


OPERATION = Operation(
    name="thumbnail",
    parameters=ThumbnailParameters,
    takes=frozenset(FileType),
    makes=Makes.IMAGES,
    version="1",
)
