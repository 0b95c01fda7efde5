"""Thumbnails: parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Millis, Pixels, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.operations.preview import Preview
from mediaops.operations.sprite import Sprite
from mediaops.picture import Change, Picture, narrowed
from mediaops.stills import best
from mediaops.survey import SURVEY_VERSION, Survey


class ThumbnailFormat(StrEnum):
    """File formats of a still."""

    JPEG = "jpeg"
    WEBP = "webp"
    PNG = "png"
    AVIF = "avif"


class ThumbnailParameters(Parameters):
    """Take stills from a video, a small copy of an image, or draw a sound's waveform."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!(has(self.atMillis) && has(self.count))", "give atMillis or count, not both"),
            ("!(has(self.atMillis) && has(self.best))", "give atMillis or best, not both"),
        )
    )

    at_millis: Annotated[list[Millis], Field(min_length=1, max_length=32)] | None = None
    """Where to take stills, in milliseconds from the start."""
    count: Annotated[int, Field(ge=1, le=32)] | None = None
    """How many stills, spread evenly. Default: 1, a tenth into the video."""
    best: bool | None = None
    """Whether to choose the stills of a video by what they show: sharp, well exposed, with faces, neither a fade
    nor black, and spread over its length. Default: false."""
    width: Pixels = 640
    """Width in pixels (never scaled up); the height follows the shape."""
    format: ThumbnailFormat = ThumbnailFormat.JPEG
    """File format of stills and sprite."""
    sprite: Sprite | None = None
    """Besides, a video's sheet of small pictures with a WebVTT file, for players' seek bars; `{}` for its
    defaults."""
    preview: Preview | None = None
    """Besides, a short silent animation out of a video; `{}` for its defaults."""

    def versions(self) -> dict[str, str]:
        """Name how pictures are looked at, where stills are chosen by that."""
        return {"survey": SURVEY_VERSION} if self.best else {}


def plan(parameters: ThumbnailParameters, picture: Picture) -> Change:
    """Scale one still down to the width asked for, never up."""
    return narrowed(picture, parameters.width)


def times(
    parameters: ThumbnailParameters,
    duration_millis: int,
    last_frame_millis: int,
    survey: Survey | None = None,
) -> list[int]:
    """Give when the stills are taken, in milliseconds; what lies behind the last picture means the last one.

    `survey` is what the best are chosen from; a video too short for that many has the rest spread evenly.
    """
    if parameters.at_millis is not None:
        wanted = list(parameters.at_millis)
    elif (
        parameters.best
        and survey is not None
        and (chosen := best(survey, parameters.count or 1, duration_millis))
    ):
        wanted = chosen
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
    version="3",
    work=0.5,
)
