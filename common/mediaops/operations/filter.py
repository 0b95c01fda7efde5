"""Filters: parameters and pure plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Model
from mediaops.operations.base import Makes, Operation, Parameters

Percent = Annotated[int, Field(ge=-100, le=100)]
Strength = Annotated[int, Field(ge=1, le=100)]


class Plain(Model):
    """A filter without parameters; written as `{}`."""

    model_config = ConfigDict(extra="forbid")


class FilterStep(Model):
    """One filter; exactly one of its fields is set."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"minProperties": 1, "maxProperties": 1}
    )

    brightness: Percent | None = None
    """Lighter (positive) or darker (negative), in percent of the full range; 0 changes nothing."""
    contrast: Percent | None = None
    """More (positive) or less (negative) contrast around mid-grey, in percent; 0 changes nothing."""
    saturation: Percent | None = None
    """More (positive) or less (negative) colour, in percent; -100 is grey."""
    sharpen: Strength | None = None
    """Unsharp mask, strength in percent."""
    blur: Annotated[int, Field(ge=1, le=100)] | None = None
    """Gaussian blur, standard deviation in pixels."""
    grayscale: Plain | None = None
    """Take the colour out."""
    sepia: Plain | None = None
    """Tone like an old photograph."""
    vignette: Strength | None = None
    """Darken towards the corners, strength in percent."""
    denoise: Strength | None = None
    """Take noise out, strength in percent."""

    @property
    def name(self) -> str:
        """Name the one filter that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)


class FilterParameters(Parameters):
    """Change how the picture looks, one step after the other."""

    steps: Annotated[list[FilterStep], Field(min_length=1, max_length=16)]
    """The filters, applied in this order."""


OPERATION = Operation(
    name="filter",
    parameters=FilterParameters,
    takes=frozenset({FileType.VIDEO, FileType.IMAGE}),
    makes=Makes.RENDITION,
    version="1",
)
