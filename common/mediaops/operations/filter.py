"""Filters: parameters and pure plan."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from mediaops.looks import Look
from mediaops.models.base import FileReference, FileType, Model, Reference, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.picture import (
    Change,
    FileKind,
    FilterFile,
    FrameFilter,
    FrameFilterName,
    Picture,
    PlanError,
    Shade,
    Tone,
)
from mediaops.safe_area import insets
from mediaops.subtitles import Font, SubtitleFile, SubtitlePosition, SubtitleStyle
from mediaops.transcript import Language

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


Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", max_length=7)]


class BrandKit(Model):
    """A brand's logo, and how subtitles that this operation burns in look where they don't say otherwise."""

    model_config = ConfigDict(extra="forbid")

    logo: Watermark | None = None
    """The logo, put over the picture in this step."""
    font: Font | None = None
    """Typeface of subtitles."""
    color: Color | None = None
    """Colour of subtitles' text, as #RRGGBB."""
    back_color: Color | None = None
    """Colour of its outline or box, as #RRGGBB."""
    highlight_color: Color | None = None
    """Colour of the word being said, as #RRGGBB."""


class BurnSubtitles(Model):
    """Subtitles drawn into the picture."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[Reference, Field(alias="from")]
    """The transcribe operation above whose cues are shown."""
    language: Language | None = None
    """Language of a translation that the transcribe operation makes, such as de. Default: as it was spoken."""
    style: SubtitleStyle = SubtitleStyle.OUTLINE
    """outline: a rim around the letters; box: a field behind the lines; highlight: as outline, and each word
    in the highlight's colour while it is said."""
    position: SubtitlePosition = SubtitlePosition.BOTTOM
    """Where in the safe area they stand."""
    size_percent: Annotated[int, Field(ge=2, le=20)] = 6
    """Height of a line in percent of the picture's shorter side."""
    margin_percent: Annotated[int, Field(ge=0, le=40)] | None = None
    """Distance from the edges in percent of the picture's shorter side. Default: the safe area of the
    picture's shape."""
    font: Font | None = None
    """Typeface; scripts that it lacks are shown in DejaVu Sans or WenQuanYi Micro Hei. Default: the brand
    kit's, else open-sans."""
    color: Color | None = None
    """Colour of the text, as #RRGGBB. Default: the brand kit's, else white."""
    back_color: Color | None = None
    """Colour of the outline or box, as #RRGGBB. Default: the brand kit's, else black."""
    highlight_color: Color | None = None
    """Colour of the word being said, as #RRGGBB. Default: the brand kit's, else #FFD400."""

    def script(self, kit: BrandKit, picture: Picture) -> SubtitleFile:
        """Give the script that is drawn, for a picture of this size."""
        return SubtitleFile(
            origin=self.from_,
            language=self.language,
            style=self.style,
            position=self.position,
            font=self.font or kit.font or Font.OPEN_SANS,
            size_percent=self.size_percent,
            color=self.color or kit.color or "#FFFFFF",
            back_color=self.back_color or kit.back_color or "#000000",
            highlight_color=self.highlight_color or kit.highlight_color or "#FFD400",
            margin_percent=self.margin_percent,
            width=picture.width,
            height=picture.height,
        )


class FilterStep(Model):
    """One filter; exactly one of its fields is set."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(
            (
                "[has(self.brightness), has(self.contrast), has(self.saturation), has(self.sharpen), has(self.blur), "
                "has(self.grayscale), has(self.sepia), has(self.vignette), has(self.denoise), "
                "has(self.clarity), has(self.lut), "
                "has(self.watermark), has(self.burnSubtitles), has(self.brandKit)].filter(x, x).size() == 1",
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
    clarity: Strength | None = None
    """More contrast between what lies close together, as haze and flat light take it away; strength in
    percent."""
    lut: Lut | None = None
    """Grade the colours by a table: exactly one of look and file."""
    watermark: Watermark | None = None
    """Put a logo over the picture."""
    burn_subtitles: BurnSubtitles | None = None
    """Draw a transcript's subtitles into the picture."""
    brand_kit: BrandKit | None = None
    """Put a brand's logo over the picture, and give the subtitles of later steps its colours and typeface."""

    @property
    def name(self) -> str:
        """Name the one filter that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def file(self) -> FileReference | None:
        """Give the file of the workspace's storage that it names, if any."""
        named = self.lut or self.mark
        return named.file if named else None

    @property
    def mark(self) -> Watermark | None:
        """Give the logo that it puts over the picture, if any."""
        return self.brand_kit.logo if self.brand_kit else self.watermark


class FilterParameters(Parameters):
    """Change how the picture looks, one step after the other."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "self.steps.filter(s, has(s.burnSubtitles)).size() <= 1",
                "one burnSubtitles in a filter operation; write a second filter operation for a second language",
            )
        )
    )

    steps: Annotated[list[FilterStep], Field(min_length=1, max_length=16)]
    """The filters, applied in this order; at most one burns subtitles in."""

    @property
    def subtitles(self) -> BurnSubtitles | None:
        """Give the step that burns subtitles in, if any."""
        return next((step.burn_subtitles for step in self.steps if step.burn_subtitles), None)

    @property
    def transcript_from(self) -> str | None:
        """Name the transcribe operation that is read, if any."""
        return self.subtitles.from_ if self.subtitles else None

    @property
    def transcript_language(self) -> str | None:
        """Give the language of the translation that is read; None: as it was spoken."""
        return self.subtitles.language if self.subtitles else None

    def files(self) -> tuple[FileReference, ...]:
        """Give the tables and logos that the steps name."""
        return tuple(step.file for step in self.steps if step.file is not None)

    def content(self) -> dict[str, Any]:
        """Give what decides about the output; of files the hash, and of a transcript its own step key, not here."""
        keys = {"file": {"key"}}
        named: Any = {
            "lut": keys,
            "watermark": keys,
            "brand_kit": {"logo": keys},
            "burn_subtitles": {"from_"},
        }
        return self.model_dump(mode="json", exclude_none=True, exclude={"steps": {"__all__": named}})


SEPIA = Tone("colorchannelmixer=.393:.769:.189:0:.349:.686:.168:0:.272:.534:.131")
"""The matrix that the W3C's Filter Effects draft gives for sepia(1)."""


WRITTEN: dict[str, Callable[[int], str]] = {
    "brightness": lambda percent: Tone(f"eq=brightness={percent / 100:g}"),
    "contrast": lambda percent: Tone(f"eq=contrast={1 + percent / 100:g}"),
    "saturation": lambda percent: Tone(f"eq=saturation={1 + percent / 100:g}"),
    "sharpen": lambda percent: f"unsharp=luma_amount={percent / 50:g}",
    "blur": lambda pixels: f"gblur=sigma={pixels}:steps=3",
    # In radians; π/2 is black corners.
    "vignette": lambda percent: Shade(f"vignette=angle={percent / 100 * 1.4:.3f}"),
    "denoise": lambda percent: f"hqdn3d=luma_spatial={percent * 0.12:g}",  # FFmpeg's default of 4 is 33 %
}
"""Filters with a figure, in FFmpeg's language."""

STILL_DENOISED = "nlmeans=s={:g}:p=5:r=9"
"""What takes noise out of a single picture, which has no neighbours in time: thorough, at 0.7 s of a processor for
a megapixel."""

MIN_BLURRED_PIXELS = 4
"""On smaller pictures FFmpeg's gblur writes beside its memory (seen with 1x1, 1x2 and 1x3)."""

FONTS = "files/fonts"
"""Folder with the typefaces, below the pass's folder."""

PLAIN = {"grayscale": Tone("hue=s=0"), "sepia": SEPIA}
"""Filters without one."""


def plan(parameters: FilterParameters, picture: Picture) -> Change:
    """Give the filters, in the order asked for; the picture keeps its size."""
    change, kit = Change(picture), BrandKit()
    for index, step in enumerate(parameters.steps):
        kit = step.brand_kit or kit
        change = change.then(_step(step, index, picture, kit))
    return change


def _step(step: FilterStep, index: int, picture: Picture, kit: BrandKit) -> Change:
    """Give what one step does; `kit` is the brand kit in force."""
    if step.lut is not None:
        table = step.lut.table
        return Change(picture, (Tone(f"lut3d=file={table.path}:interp=tetrahedral"),), (table,))
    if step.burn_subtitles is not None:
        script = step.burn_subtitles.script(kit, picture)
        return Change(picture, (f"ass=filename={script.path}:fontsdir={FONTS}",), (script,))
    if step.clarity is not None:
        return Change(picture, (FrameFilter(FrameFilterName.CLARITY, step.clarity),))
    if step.mark is not None:
        return _watermark(step.mark, index, picture)
    return Change(picture, () if step.brand_kit else _written(step, picture))


def _written(step: FilterStep, picture: Picture) -> tuple[str, ...]:
    """Write a filter that reads no file."""
    if step.name in PLAIN:
        return (PLAIN[step.name],)
    if step.denoise is not None and picture.frame_rate is None:
        return (STILL_DENOISED.format(max(1.0, step.denoise / 10)),)
    if step.blur is not None and picture.width * picture.height < MIN_BLURRED_PIXELS:
        raise PlanError(f"a picture of {picture.width}x{picture.height} pixels can't be blurred")
    value = getattr(step, step.name)
    return (WRITTEN[step.name](value),) if value else ()


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
    version="5",
    work=4.0,
    plan=plan,
)
