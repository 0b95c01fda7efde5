"""Crop and resize: parameters and pure plan."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, Model, Pixels, rules
from mediaops.operations import crop_track
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.picture import (
    MAX_SIDE,
    Change,
    Cut,
    Picture,
    PlanError,
    scaled,
    scaled_to_height,
    scaled_to_width,
)
from mediaops.survey import SURVEY_VERSION
from mediaops.track import Path


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
    SMART = "smart"


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
                "has(self.width) == has(self.height) && "
                "(has(self.width) || !(has(self.x) || has(self.y) || has(self.__true__)))",
                "a rectangle needs width and height (x and y default to the centre)",
            ),
            ("!(has(self.y) && has(self.__true__))", "give y once; a bare y is read as true"),
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
    bare_y: Annotated[Annotated[int, Field(ge=0, le=65_535)] | None, Field(alias="true")] = None
    """The same as y: kubectl reads a bare y in YAML as true, and only one in quotes as "y"."""
    width: Pixels | None = None
    """Width of the rectangle in pixels."""
    height: Pixels | None = None
    """Height of the rectangle in pixels."""
    aspect: Aspect | None = None
    """The shape to bring the picture to."""
    mode: CropMode | None = None
    """How the aspect is reached: center cuts, pad adds black bars, blur fills them with the blurred
    picture, smart cuts where faces and movement are. Default: smart for 9:16, 1:1 and 4:5, else center."""
    resize: Resize | None = None
    """Scale after cropping."""

    def resolved(self, file_type: FileType) -> CropParameters:  # noqa: ARG002
        """Fill in the mode where an aspect is given, and y where it came bare."""
        if self.aspect and not self.mode:
            mode = CropMode.CENTER if self.aspect is Aspect.WIDE else CropMode.SMART
            return self.model_copy(update={"mode": mode})
        if self.bare_y is not None:
            return self.model_copy(update={"y": self.bare_y, "bare_y": None})
        return self

    def versions(self) -> dict[str, str]:
        """Name how pictures are looked at, where that decides what is cut."""
        return {"survey": SURVEY_VERSION} if self.mode is CropMode.SMART else {}

    @property
    def keeps_all(self) -> bool:
        """Say whether what comes out is all of the picture, at most scaled."""
        return self.aspect is None and self.width is None


def plan(parameters: CropParameters, picture: Picture, paths: Sequence[Path] = ()) -> Change:
    """Give the filters that crop and resize; raises PlanError for a rectangle outside the picture.

    `paths` is where a smart crop lies; without them it lies in the middle.
    """
    cut = Change(picture)
    if parameters.width is not None and parameters.height is not None:
        cut = _rectangle(parameters, picture, parameters.width, parameters.height)
    elif parameters.aspect is not None:
        across, down = (int(side) for side in parameters.aspect.value.split(":"))
        if parameters.mode in {CropMode.PAD, CropMode.BLUR}:
            cut = _surrounded(picture, across, down, blurred=parameters.mode is CropMode.BLUR)
        elif paths:
            cut = crop_track.change(picture, _largest(picture, across, down), paths)
        else:
            cut = _centred(picture, across, down)
    if parameters.resize is None:
        return cut
    return cut.then(_resized(parameters.resize, cut.picture))


def _rectangle(parameters: CropParameters, picture: Picture, width: int, height: int) -> Change:
    """Cut the rectangle that was asked for."""
    cut_width, cut_height = max(picture.step, picture.floor(width)), max(picture.step, picture.floor(height))
    x = (picture.width - width) // 2 if parameters.x is None else parameters.x
    y = (picture.height - height) // 2 if parameters.y is None else parameters.y
    if min(x, y) < 0 or x + width > picture.width or y + height > picture.height:
        raise PlanError(
            f"a rectangle of {width}x{height} pixels at {max(x, 0)},{max(y, 0)} does not fit into the picture of "
            f"{picture.width}x{picture.height}"
        )
    return _cut(picture, cut_width, cut_height, picture.floor(x), picture.floor(y))


def cut_out(parameters: CropParameters, picture: Picture) -> Picture | None:
    """Give what a smart crop cuts out of a picture; None where it is no smart crop, or has nothing to cut."""
    if parameters.mode is not CropMode.SMART or parameters.aspect is None:
        return None
    across, down = (int(side) for side in parameters.aspect.value.split(":"))
    cut = _largest(picture, across, down)
    return None if cut == picture else cut


def _largest(picture: Picture, across: int, down: int) -> Picture:
    """Give the largest picture of the shape that can be cut out."""
    if picture.width * down > picture.height * across:
        return picture.sized(picture.side(picture.height * across / down, picture.width), picture.height)
    return picture.sized(picture.width, picture.side(picture.width * down / across, picture.height))


def _centred(picture: Picture, across: int, down: int) -> Change:
    """Cut the largest rectangle of the shape out of the middle."""
    cut = _largest(picture, across, down)
    width, height = cut.width, cut.height
    x, y = picture.floor((picture.width - width) // 2), picture.floor((picture.height - height) // 2)
    return _cut(picture, width, height, x, y)


def _cut(picture: Picture, width: int, height: int, x: int, y: int) -> Change:
    if (width, height) == (picture.width, picture.height):
        return Change(picture)
    return Change(picture.sized(width, height), (Cut(f"crop={width}:{height}:{x}:{y}"),))


def _surrounded(picture: Picture, across: int, down: int, *, blurred: bool) -> Change:
    """Put the whole picture on a canvas of the shape, whose longer side is the picture's longer side.

    So 1920x1080 becomes 1080x1920 (and not 1920x3413) for 9:16.
    """
    longest = min(max(picture.width, picture.height), MAX_SIDE)
    width = picture.side(longest * min(1.0, across / down))
    height = picture.side(longest * min(1.0, down / across))
    scale = min(width / picture.width, height / picture.height)
    inner_width = picture.side(picture.width * scale, width)
    inner_height = picture.side(picture.height * scale, height)
    if (inner_width, inner_height) == (width, height):
        return scaled(picture, width, height)
    canvas = picture.sized(width, height)
    if not blurred:
        inner = scaled(picture, inner_width, inner_height)
        return Change(canvas, (*inner.filters, f"pad={width}:{height}:-1:-1:black"))
    # The backdrop is blurred at a quarter of its size: nobody sees the difference, and it costs a sixteenth.
    small_width, small_height = max(2, width // 4), max(2, height // 4)
    sigma = max(2, min(small_width, small_height) // 18)
    return Change(
        canvas,
        (
            "split[@in][@back];"
            f"[@back]scale={small_width}:{small_height}:force_original_aspect_ratio=increase,"
            f"crop={small_width}:{small_height},gblur=sigma={sigma},scale={width}:{height},setsar=1[@blurred];"
            f"[@in]scale={inner_width}:{inner_height},setsar=1[@whole];"
            "[@blurred][@whole]overlay=(W-w)/2:(H-h)/2",
        ),
    )


def _resized(resize: Resize, picture: Picture) -> Change:
    """Scale to the size asked for; with one side given, the other follows."""
    if resize.width is not None and resize.height is not None:
        width, height = picture.floor(resize.width), picture.floor(resize.height)
        return scaled(picture, max(picture.step, width), max(picture.step, height))
    if resize.width is not None:
        return scaled_to_width(picture, resize.width)
    return scaled_to_height(picture, resize.height) if resize.height is not None else Change(picture)


OPERATION = Operation(
    name="crop",
    parameters=CropParameters,
    takes=frozenset({FileType.VIDEO, FileType.IMAGE}),
    makes=Makes.RENDITION,
    version="3",
    work=4.0,
    plan=plan,
)
