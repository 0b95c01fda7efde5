"""Which pictures of a video say most, by a few figures of each: sharp, neither black nor a fade, unlike one another.

Pure: whoever has looked at small pictures gives the figures, this gives the choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

BLACK_BELOW = 0.06
WHITE_ABOVE = 0.96
"""Bounds of a picture's mean luma outside of which there is nothing to see."""
FLAT_BELOW = 0.035
"""Least contrast of a picture that isn't a fade, a wall or a title without its title."""
BLURRED_BELOW = 0.3
"""Share of the median sharpness below which a picture is a transition, a swish or out of focus."""
ALIKE_BELOW = 0.05
"""Pictures whose signatures lie closer than this show the same."""


@dataclass(frozen=True)
class Look:
    """What one picture looks like, in figures that don't depend on its size."""

    luma: float
    """Mean luma, 0 black to 1 white."""
    contrast: float
    """Standard deviation of the luma, 0 to 0.5."""
    sharpness: float
    """Variance of the Laplacian of the picture at one fixed size; only comparable within one video."""
    signature: tuple[float, ...]
    """Colours of a coarse grid, 0 to 1 each; as many for every picture."""

    @property
    def shows_something(self) -> bool:
        """Say whether it is neither black, white nor flat."""
        return BLACK_BELOW <= self.luma <= WHITE_ABOVE and self.contrast >= FLAT_BELOW


def distance(one: Look, other: Look) -> float:
    """Give how unlike two pictures are: the root mean square difference of their signatures, 0 to 1."""
    squares = ((a - b) ** 2 for a, b in zip(one.signature, other.signature, strict=True))
    return math.sqrt(sum(squares) / max(1, len(one.signature)))


def choose(looks: Sequence[Look], most: int) -> list[int]:
    """Give at most so many pictures by their places, in the order they stand in; at least one, if there are any.

    First comes the sharpest that shows something, then always the one most unlike those chosen, until what is
    left only repeats them. Where no picture shows anything, it is the one with the most contrast.
    """
    if not looks:
        return []
    good = [place for place, look in enumerate(looks) if look.shows_something]
    if not good:
        return [max(range(len(looks)), key=lambda place: looks[place].contrast)]
    typical = median(looks[place].sharpness for place in good)
    left = [place for place in good if looks[place].sharpness >= BLURRED_BELOW * typical]
    chosen = [max(left, key=lambda place: looks[place].sharpness)]
    while len(chosen) < most:
        apart = {
            place: min(distance(looks[place], looks[other]) for other in chosen)
            for place in left
            if place not in chosen
        }
        furthest = max(apart, key=lambda place: apart[place], default=None)
        if furthest is None or apart[furthest] < ALIKE_BELOW:
            break
        chosen.append(furthest)
    return sorted(chosen)
