"""Filters: parameters and pure plan."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from mediaops.looks import Look
from mediaops.models.base import FileReference, FileType, Model, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.picture import Change, FileKind, FilterFile, Picture, PlanError
from mediaops.safe_area import insets

Percent = Annotated[int, Field(ge=-100, le=100)]
Strength = Annotated[int, Field(ge=1, le=100)]


class Plain(Model):
    """A filter without parameters; written as `{}`."""

    model_config = ConfigDict(extra="forbid")


class Lut(Model):
    """A table of colours (3D LUT): exactly one of `look` and `file`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(("has(self.look) != has(self.file)", "give look or file, one of them")),
    )

    look: Look | None = None
    """A table that comes with the operation."""
    file: FileReference | None = None
    """A .cube file with a 3D table of 2 to 65 points a side, for sRGB or BT.709 values."""
    strength_percent: Strength = 100
    """How much of the change is made, in percent."""

    @property
    def table(self) -> FilterFile:
        """Give the table as a filter reads it."""
        if self.file is not None:
            return FilterFile(FileKind.CUBE, self.file.sha256, self.strength_percent)
        return FilterFile(FileKind.LOOK, (self.look or Look.WARM).value, self.strength_percent)


class Position(StrEnum):
    """Places in a picture, by rows."""

    TOP_LEFT = "top-left"
    TOP = "top"
    TOP_RIGHT = "top-right"
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom-right"


class Watermark(Model):
    """A logo over the picture."""

    model_config = ConfigDict(extra="forbid")

    file: FileReference
    """The logo: PNG, WebP or another image that is read, transparent where the picture shows through."""
    position: Position = Position.BOTTOM_RIGHT
    """Where in the safe area it stands."""
    opacity_percent: Strength = 100
    """How much it covers, in percent; 100 as its own transparency says."""
    size_percent: Strength = 15
    """The box that it is fitted into, in percent of the picture's width and height."""
    margin_percent: Annotated[int, Field(ge=0, le=40)] | None = None
    """Distance from the edges in percent of the picture's shorter side. Default: the safe area of the
    picture's shape (5 %; of upright pictures what the platforms' interfaces leave free)."""


class FilterStep(Model):
    """One filter; exactly one of its fields is set."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(
            (
                "[has(self.brightness), has(self.contrast), has(self.saturation), has(self.sharpen), has(self.blur), "
                "has(self.grayscale), has(self.sepia), has(self.vignette), has(self.denoise), has(self.lut), "
                "has(self.watermark)].filter(x, x).size() == 1",
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
    lut: Lut | None = None
    """Grade the colours by a table: exactly one of look and file."""
    watermark: Watermark | None = None
    """Put a logo over the picture."""

    @property
    def name(self) -> str:
        """Name the one filter that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def file(self) -> FileReference | None:
        """Give the file of the workspace's storage that it names, if any."""
        named = self.lut or self.watermark
        return named.file if named else None


class FilterParameters(Parameters):
    """Change how the picture looks, one step after the other."""

    steps: Annotated[list[FilterStep], Field(min_length=1, max_length=16)]
    """The filters, applied in this order."""

    def files(self) -> tuple[FileReference, ...]:
        """Give the tables and logos that the steps name."""
        return tuple(step.file for step in self.steps if step.file is not None)

    def content(self) -> dict[str, Any]:
        """Give what decides about the output; of files the hash alone."""
        keys = {"file": {"key"}}
        exclude = {"steps": {"__all__": {"lut": keys, "watermark": keys}}}
        return self.model_dump(mode="json", exclude_none=True, exclude=exclude)


SEPIA = "colorchannelmixer=.393:.769:.189:0:.349:.686:.168:0:.272:.534:.131"
"""The matrix that the W3C's Filter Effects draft gives for sepia(1)."""


WRITTEN: dict[str, Callable[[int], str]] = {
    "brightness": lambda percent: f"eq=brightness={percent / 100:g}",
    "contrast": lambda percent: f"eq=contrast={1 + percent / 100:g}",
    "saturation": lambda percent: f"eq=saturation={1 + percent / 100:g}",
    "sharpen": lambda percent: f"unsharp=luma_amount={percent / 50:g}",
    "blur": lambda pixels: f"gblur=sigma={pixels}:steps=3",
    "vignette": lambda percent: f"vignette=angle={percent / 100 * 1.4:.3f}",  # radians; π/2 is black corners
    "denoise": lambda percent: f"hqdn3d=luma_spatial={percent * 0.12:g}",  # FFmpeg's default of 4 is 33 %
}
"""Filters with a figure, in FFmpeg's language."""

STILL_DENOISED = "nlmeans=s={:g}:p=5:r=9"
"""What takes noise out of a single picture, which has no neighbours in time: thorough, at 0.7 s of a processor for
a megapixel."""

MIN_BLURRED_PIXELS = 4
"""On smaller pictures FFmpeg's gblur writes beside its memory (seen with 1x1, 1x2 and 1x3)."""

PLAIN = {"grayscale": "hue=s=0", "sepia": SEPIA}
"""Filters without one."""


def plan(parameters: FilterParameters, picture: Picture) -> Change:
    """Give the filters, in the order asked for; the picture keeps its size."""
    change = Change(picture)
    for index, step in enumerate(parameters.steps):
        change = change.then(_step(step, index, picture))
    return change


def _step(step: FilterStep, index: int, picture: Picture) -> Change:
    """Give what one step does."""
    if step.lut is not None:
        return Change(picture, (f"lut3d=file={step.lut.table.path}:interp=tetrahedral",), (step.lut.table,))
    if step.watermark is not None:
        return _watermark(step.watermark, index, picture)
    if step.name in PLAIN:
        return Change(picture, (PLAIN[step.name],))
    if step.denoise is not None and picture.frame_rate is None:
        return Change(picture, (STILL_DENOISED.format(max(1.0, step.denoise / 10)),))
    if step.blur is not None and picture.width * picture.height < MIN_BLURRED_PIXELS:
        raise PlanError(f"a picture of {picture.width}x{picture.height} pixels can't be blurred")
    value = getattr(step, step.name)
    return Change(picture, (WRITTEN[step.name](value),) if value else ())


def _watermark(mark: Watermark, index: int, picture: Picture) -> Change:
    """Lay the logo, which comes in its final size and opacity, over the picture."""
    logo = FilterFile(
        FileKind.LOGO,
        mark.file.sha256,
        mark.opacity_percent,
        max(1, picture.width * mark.size_percent // 100),
        max(1, picture.height * mark.size_percent // 100),
    )
    edge = insets(picture.width, picture.height, mark.margin_percent)
    words = mark.position.value.split("-")
    x = {"left": f"{edge.left}", "right": f"W-w-{edge.right}"}.get(words[-1], "(W-w)/2")
    y = {"top": f"{edge.top}", "bottom": f"H-h-{edge.bottom}"}.get(words[0], "(H-h)/2")
    pixels = "yuv420" if picture.frame_rate else "gbrp"
    text = (
        f"null[@under{index}];movie=filename={logo.path}[@logo{index}];"
        f"[@under{index}][@logo{index}]overlay=x={x}:y={y}:format={pixels}"
    )
    return Change(picture, (text,), (logo,))


OPERATION = Operation(
    name="filter",
    parameters=FilterParameters,
    takes=frozenset({FileType.VIDEO, FileType.IMAGE}),
    makes=Makes.RENDITION,
    version="2",
    plan=plan,
)
