"""A picture on its way through a filter graph: the vocabulary of the operations' pure plans.

A filter is a piece of FFmpeg's filter language. One that needs branches of its own writes their labels with
an `@`, which the graph builder replaces by a number of the node, so that no two nodes share a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediaops.subtitles import SubtitleFile

MAX_SIDE = 8192
"""Longest side in pixels that is made: 8K, and within every encoder's limits."""
LARGE_PIXELS = 400_000
"""From here on (480 lines) clarity looks at pictures in half their size. Smaller ones come out otherwise than large
ones, because it counts how often each brightness is there: by 4 to 7 levels of 255 in the mean at 180 lines, where it
changes 8; by 0.5 to 2.5 from 480 on."""


class PlanError(Exception):
    """The parameters can't be carried out on this file; the message is a sentence for people."""


@dataclass(frozen=True)
class Picture:
    """Size and rate of the picture at one point of a graph."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    frame_rate: float | None = None
    """Pictures per second; None: it is a still."""

    @property
    def step(self) -> int:
        """Give what sides must be multiples of: 2 for video, whose colour has half the resolution."""
        return 1 if self.frame_rate is None else 2

    def side(self, pixels: float, longest: int = MAX_SIDE) -> int:
        """Give the nearest side that can be made, at least one step and at most `longest` pixels."""
        nearest = int(pixels / self.step + 0.5) * self.step
        return max(self.step, min(nearest, longest // self.step * self.step))

    def floor(self, pixels: int) -> int:
        """Give the next position or side at or below `pixels`."""
        return pixels // self.step * self.step

    def sized(self, width: int, height: int) -> Picture:
        """Give the same picture in another size; raises PlanError where that can't be made."""
        if max(width, height) > MAX_SIDE:
            raise PlanError(
                f"a picture of {width}x{height} pixels is too large; the longest side is {MAX_SIDE}"
            )
        return Picture(width, height, self.frame_rate)


class FileKind(StrEnum):
    """What a file that a filter reads is made from."""

    LOOK = "look"
    """A table of colours of our own, by its name (mediaops.looks)."""
    CUBE = "cube"
    """A table of colours (.cube) from the workspace's storage, by hash."""
    LOGO = "logo"
    """An image from the workspace's storage, by hash."""


@dataclass(frozen=True)
class FilterFile:
    """A file that a filter reads; it is made before FFmpeg starts, in a form of our own writing."""

    kind: FileKind
    origin: str
    """The look's name, or the SHA-256 of the stored file."""
    percent: int = 100
    """A table's strength, a logo's opacity."""
    width: int = 0
    """The box in pixels that a logo is fitted into."""
    height: int = 0

    @property
    def path(self) -> str:
        """Give its path below the pass's folder, in which FFmpeg runs: letters that no filter graph escapes."""
        if self.kind is FileKind.LOGO:
            return f"files/{self.origin}-{self.width}x{self.height}-{self.percent}.png"
        return f"files/{self.origin}-{self.percent}.cube"


GraphFile = FilterFile | SubtitleFile
"""Any file that a filter reads."""


class Tone(str):
    """A filter that changes each pixel by itself."""

    __slots__ = ()


class Shade(str):
    """A filter that changes each pixel by its place in the picture: it does the same at any size."""

    __slots__ = ()


class Cut(str):
    """A filter that leaves a part of the picture."""

    __slots__ = ()


class Scaling(str):
    """A filter that leaves the whole picture in another size."""

    __slots__ = ()


class Thinning(str):
    """A filter that leaves fewer pictures."""

    __slots__ = ()


class FrameFilterName(StrEnum):
    """Filters that FFmpeg hasn't: OpenCV's, on frames that leave the graph and come into the next."""

    CLARITY = "clarity"
    """Local contrast: CLAHE on brightness."""


@dataclass(frozen=True)
class FrameFilter:
    """One of them, at work: a shade, as far as order goes."""

    name: FrameFilterName
    percent: int
    """Strength."""


@dataclass(frozen=True)
class Change:
    """What one operation does to the picture."""

    picture: Picture
    """What comes out."""
    filters: tuple[str | FrameFilter, ...] = ()
    """How, in order; empty: nothing to do."""
    files: tuple[GraphFile, ...] = ()
    """What the filters read."""
    timed: bool = False
    """True: the filters do other things at other times, so pictures must come with the file's own times."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Give those of the filters that FFmpeg has, in its language."""
        return tuple(one for one in self.filters if isinstance(one, str))

    @property
    def memoryless(self) -> bool:
        """Say whether what comes out of a picture depends on no other picture, as far as is known."""
        return all(isinstance(one, (Tone, Shade, FrameFilter, Cut, Scaling)) for one in self.filters)

    def commutes(self, further: Change) -> bool:
        """Say whether this comes to the same behind a further change, which takes pixels or pictures away."""
        left, whole = further.picture, not any(isinstance(one, Cut) for one in further.filters)
        shades = (Shade, FrameFilter) if left.width * left.height >= LARGE_PIXELS else (Shade,)
        alike = (Tone, *shades) if whole else (Tone,)
        return all(isinstance(one, alike) for one in self.filters) and all(
            isinstance(one, (Cut, Scaling, Thinning)) for one in further.filters
        )

    def then(self, further: Change) -> Change:
        """Give this change and one that was planned on its picture as one."""
        return Change(
            further.picture,
            self.filters + further.filters,
            self.files + further.files,
            self.timed or further.timed,
        )


def scaled(picture: Picture, width: int, height: int) -> Change:
    """Scale to exactly that size; nothing to do where it is that already."""
    if (width, height) == (picture.width, picture.height):
        return Change(picture)
    return Change(picture.sized(width, height), (Scaling(f"scale={width}:{height}"),))


def scaled_to_width(picture: Picture, width: int) -> Change:
    """Scale to a width, the height following the shape."""
    width = max(picture.step, picture.floor(width))
    return scaled(picture, width, picture.side(width * picture.height / picture.width, 65_534))


def narrowed(picture: Picture, width: int) -> Change:
    """Make a still of a picture, scaled down to a width, never up; the height follows the shape."""
    still = Picture(picture.width, picture.height)
    return scaled_to_width(still, width) if width < picture.width else Change(still)


def scaled_to_height(picture: Picture, height: int) -> Change:
    """Scale to a height, the width following the shape."""
    height = max(picture.step, picture.floor(height))
    return scaled(picture, picture.side(height * picture.width / picture.height, 65_534), height)
