"""Looks of our own: tables of colours computed from a few figures each, written as .cube files. Pure.

A look works on sRGB values from 0 to 1: gains that shift the white, a curve for contrast, a share of grey that is
taken out or put in, and tints for shadows and highlights. The figures are ours; the .cube format is Adobe's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SIZE = 17
"""Points along each side of a table; between them is interpolated."""
LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in brightness (ITU-R BT.709)."""

Color = tuple[float, float, float]


class Look(StrEnum):
    """Tables of colours that come with the operation."""

    WARM = "warm"
    COOL = "cool"
    FILM = "film"
    VIVID = "vivid"
    NOIR = "noir"


@dataclass(frozen=True)
class Grade:
    """The figures of one look."""

    gains: Color = (1.0, 1.0, 1.0)
    """What red, green and blue are multiplied by."""
    contrast: float = 0.0
    """How much of an S-shaped curve is mixed in, 0 to 1."""
    saturation: float = 1.0
    """1 keeps colour, 0 takes it out."""
    shadows: Color = (0.0, 0.0, 0.0)
    """Added where it is dark, less and less towards white."""
    highlights: Color = (0.0, 0.0, 0.0)
    """Added where it is bright, less and less towards black."""


GRADES: dict[Look, Grade] = {
    Look.WARM: Grade(gains=(1.06, 1.0, 0.9), saturation=1.05),
    Look.COOL: Grade(gains=(0.92, 0.99, 1.07), saturation=0.97),
    Look.FILM: Grade(
        contrast=0.35, saturation=0.85, shadows=(0.02, 0.04, 0.06), highlights=(0.0, -0.01, -0.06)
    ),
    Look.VIVID: Grade(contrast=0.25, saturation=1.35),
    Look.NOIR: Grade(contrast=0.6, saturation=0.0),
}
"""Each look's figures; changing one changes outputs, so filter's version goes up with it."""


def graded(grade: Grade, color: Color) -> Color:
    """Give what a grade makes of a colour."""
    gained = [value * gain for value, gain in zip(color, grade.gains, strict=True)]
    curved = [_curved(min(1.0, value), grade.contrast) for value in gained]
    grey = sum(weight * value for weight, value in zip(LUMA, curved, strict=True))
    made = [
        grey + (value - grey) * grade.saturation + shadow * (1 - grey) + highlight * grey
        for value, shadow, highlight in zip(curved, grade.shadows, grade.highlights, strict=True)
    ]
    red, green, blue = (min(1.0, max(0.0, value)) for value in made)
    return red, green, blue


def _curved(value: float, contrast: float) -> float:
    """Mix the S-shaped curve 3v² - 2v³ in."""
    return value + contrast * (value * value * (3 - 2 * value) - value)


def cube(look: Look) -> list[Color]:
    """Give the look's table: SIZE³ colours, red running fastest, as .cube files have them."""
    steps = [i / (SIZE - 1) for i in range(SIZE)]
    return [graded(GRADES[look], (red, green, blue)) for blue in steps for green in steps for red in steps]
