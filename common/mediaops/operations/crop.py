"""Crop and resize: parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Model, Pixels, rules
from mediaops.operations.base import Makes, Operation, Parameters


class Aspect(StrEnum):
    """The shapes that platforms ask for, width:height."""

    PORTRAIT = "9:16"
    SQUARE = "1:1"
    TALL = "4:5"
    WIDE = "16:9"


class CropMode(StrEnum):
    """How a picture is brought to another shape."""

    CENTER = "center"
    PAD = "pad"
    BLUR = "blur"


class Resize(Model):
    """The size to scale to; with one side given, the other follows the picture's shape."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(("has(self.width) || has(self.height)", "give width, height, or both")),
    )

    width: Pixels | None = None
    """Width in pixels; rounded down to an even number for video."""
    height: Pixels | None = None
    """Height in pixels; rounded down to an even number for video."""


class CropParameters(Parameters):
    """Cut a rectangle out of the picture, or bring it to a shape; then scale it if asked."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.width) == has(self.height) && (has(self.width) || (!has(self.x) && !has(self.y)))",
                "a rectangle needs width and height (x and y default to the centre)",
            ),
            (
                "!(has(self.width) && has(self.aspect))",
                "give a rectangle (x, y, width, height) or an aspect, not both",
            ),
            ("!has(self.mode) || has(self.aspect)", "mode says how to reach an aspect: give aspect too"),
        )
    )

    x: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """Left edge of the rectangle in pixels of the upright picture; default: centred."""
    y: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """Upper edge of the rectangle in pixels of the upright picture; default: centred."""
    width: Pixels | None = None
    """Width of the rectangle in pixels."""
    height: Pixels | None = None
    """Height of the rectangle in pixels."""
    aspect: Aspect | None = None
    """The shape to bring the picture to."""
    mode: CropMode | None = None
    """How the aspect is reached: center cuts, pad adds black bars, blur fills them with the blurred
    picture. Default: center."""
    resize: Resize | None = None
    """Scale after cropping."""

    def resolved(self, file_type: FileType) -> CropParameters:  # noqa: ARG002
        """Fill in the mode where an aspect is given."""
        if self.aspect and not self.mode:
            return self.model_copy(update={"mode": CropMode.CENTER})
        return self


OPERATION = Operation(
    name="crop",
    parameters=CropParameters,
    takes=frozenset({FileType.VIDEO, FileType.IMAGE}),
    makes=Makes.RENDITION,
    version="1",
)
