"""What can be measured of a picture without understanding it: light, colour, shape. No more is claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GREY_BELOW = 12.0
VIVID_ABOVE = 45.0
"""Bounds of colourfulness after Hasler and Süsstrunk (2003): 0 is grey, 33 moderate, 59 quite colourful."""
DARK_BELOW = 0.25
BRIGHT_ABOVE = 0.62
"""Bounds of the mean luma, of 0 to 1."""

_HUES = (
    (20, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (200, "cyan"),
    (260, "blue"),
    (330, "purple"),
)
"""Names of hues up to an angle in degrees; beyond the last it is red again."""


@dataclass(frozen=True)
class PictureFacts:
    """Figures over all frames given."""

    brightness: float
    """Mean luma, 0 black to 1 white."""
    colourfulness: float
    """After Hasler and Süsstrunk; 0 is grey."""
    colour: str | None
    """The commonest hue among the pixels that have one; None for a picture without colour."""
    width_pixels: int
    height_pixels: int

    @property
    def light(self) -> str:
        """Say how bright it is in a word."""
        if self.brightness < DARK_BELOW:
            return "dark"
        return "bright" if self.brightness > BRIGHT_ABOVE else "evenly lit"

    @property
    def shape(self) -> str:
        """Say how it lies."""
        ratio = self.width_pixels / self.height_pixels
        if 0.95 <= ratio <= 1.05:
            return "square"
        return "landscape" if ratio > 1 else "portrait"

    @property
    def palette(self) -> str:
        """Say in a few words what colours it has."""
        if self.colour is None or self.colourfulness < GREY_BELOW:
            return "almost without colour"
        return f"{'vivid' if self.colourfulness > VIVID_ABOVE else 'muted'} colours, mostly {self.colour}"


def measure(frames: Sequence[Path]) -> PictureFacts | None:
    """Measure small stills (a few hundred pixels a side); None if there are none."""
    import numpy as np
    from PIL import Image

    if not frames:
        return None
    pixels = []
    size = (1, 1)
    for path in frames:
        with Image.open(path) as image:
            size = image.size
            pixels.append(np.asarray(image.convert("RGB"), dtype=np.float32).reshape(-1, 3))
    rgb = np.concatenate(pixels)
    red, green, blue = rgb.T
    luma = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
    rg, yb = red - green, (red + green) / 2 - blue
    colourfulness = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    return PictureFacts(
        brightness=round(float(luma.mean()), 3),
        colourfulness=round(float(colourfulness), 1),
        colour=_commonest_hue(rgb),
        width_pixels=size[0],
        height_pixels=size[1],
    )


def _commonest_hue(rgb: object) -> str | None:
    """Name the hue that most coloured pixels have; None if hardly any pixel has colour."""
    import numpy as np

    values = np.asarray(rgb)
    high, low = values.max(axis=1), values.min(axis=1)
    chroma = high - low
    coloured = chroma > 30
    if coloured.mean() < 0.02:
        return None
    red, green, blue = values[coloured].T
    high, chroma = high[coloured], chroma[coloured]
    sector = np.where(
        high == red,
        ((green - blue) / chroma) % 6,
        np.where(high == green, (blue - red) / chroma + 2, (red - green) / chroma + 4),
    )
    bounds = [bound for bound, _ in _HUES]
    names = [name for _, name in _HUES] + [_HUES[0][1]]
    counts = np.bincount(
        np.searchsorted(bounds, sector * 60, side="right") % len(names), minlength=len(names)
    )
    counts[0] += counts[-1]
    counts[-1] = 0
    return names[int(counts.argmax())]
