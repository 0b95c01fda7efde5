"""Filters: parameters and pure plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Model, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.picture import Change, Picture

Percent = Annotated[int, Field(ge=-100, le=100)]
Strength = Annotated[int, Field(ge=1, le=100)]


class Plain(Model):
    """A filter without parameters; written as `{}`."""

    model_config = ConfigDict(extra="forbid")


class FilterStep(Model):
    """One filter; exactly one of its fields is set."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(
            (
                "[has(self.brightness), has(self.contrast), has(self.saturation), has(self.sharpen), has(self.blur), "
                "has(self.grayscale), has(self.sepia), has(self.vignette), has(self.denoise)]"
                ".filter(x, x).size() == 1",
                "a step is exactly one filter, such as brightness: 10; write the next one as a further step",
            )
        ),
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


SEPIA = "colorchannelmixer=.393:.769:.189:0:.349:.686:.168:0:.272:.534:.131"
"""The matrix that the W3C's Filter Effects draft gives for sepia(1)."""


WRITTEN: dict[str, Callable[[int], str]] = {
    "brightness": lambda percent: f"eq=brightness={percent / 100:g}",
    "contrast": lambda percent: f"eq=contrast={1 + percent / 100:g}",
    "saturation": lambda percent: f"eq=saturation={1 + percent / 100:g}",
    "sharpen": lambda percent: f"unsharp=luma_amount={percent / 50:g}",
    "blur": lambda pixels: f"gblur=sigma={pixels}",
    "vignette": lambda percent: f"vignette=angle={percent / 100 * 1.4:.3f}",  # radians; π/2 is black corners
    "denoise": lambda percent: f"hqdn3d=luma_spatial={percent * 0.12:g}",  # FFmpeg's default of 4 is 33 %
}
"""Filters with a figure, in FFmpeg's language."""

PLAIN = {"grayscale": "hue=s=0", "sepia": SEPIA}
"""Filters without one."""


def plan(parameters: FilterParameters, picture: Picture) -> Change:
    """Give the filters, in the order asked for; the picture keeps its size."""
    filters = []
    for step in parameters.steps:
        value = getattr(step, step.name)
        if step.name in PLAIN:
            filters.append(PLAIN[step.name])
        elif value != 0:
            filters.append(WRITTEN[step.name](value))
    return Change(picture, tuple(filters))


OPERATION = Operation(
    name="filter",
    parameters=FilterParameters,
    takes=frozenset({FileType.VIDEO, FileType.IMAGE}),
    makes=Makes.RENDITION,
    version="1",
    plan=plan,
)
