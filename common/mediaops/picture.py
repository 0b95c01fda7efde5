"""A picture on its way through a filter graph: the vocabulary of the operations' pure plans.

A filter is a piece of FFmpeg's filter language. One that needs branches of its own writes their labels with
an `@`, which the graph builder replaces by a number of the node, so that no two nodes share a label.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_SIDE = 8192
"""Longest side in pixels that is made: 8K, and within every encoder's limits."""


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


@dataclass(frozen=True)
class Change:
    """What one operation does to the picture."""

    picture: Picture
    """What comes out."""
    filters: tuple[str, ...] = ()
    """How, in order; empty: nothing to do."""


def scaled(picture: Picture, width: int, height: int) -> Change:
    """Scale to exactly that size; nothing to do where it is that already."""
    if (width, height) == (picture.width, picture.height):
        return Change(picture)
    return Change(picture.sized(width, height), (f"scale={width}:{height}",))


def scaled_to_width(picture: Picture, width: int) -> Change:
    """Scale to a width, the height following the shape."""
    width = max(picture.step, picture.floor(width))
    return scaled(picture, width, picture.side(width * picture.height / picture.width, 65_534))


def scaled_to_height(picture: Picture, height: int) -> Change:
    """Scale to a height, the width following the shape."""
    height = max(picture.step, picture.floor(height))
    return scaled(picture, picture.side(height * picture.width / picture.height, 65_534), height)
