"""What can be measured of a picture without understanding it: light, colour, shape. No more is claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediaops.choosing import Look, choose

GREY_BELOW = 12.0
VIVID_ABOVE = 45.0
"""Bounds of colourfulness after Hasler and Süsstrunk (2003): 0 is grey, 33 moderate, 59 quite colourful."""
DARK_BELOW = 0.25
BRIGHT_ABOVE = 0.62
"""Bounds of the mean luma, of 0 to 1."""

COLOURED_ABOVE = 30
"""A pixel has a colour if its channels differ by more than this, of 255."""
COLOURED_SHARE = 0.02
"""A picture has a colour if this share of its pixels has one."""

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
    import cv2
    import numpy as np

    read = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in frames)
    pictures = [picture for picture in read if picture is not None]
    if not pictures:
        return None
    height, width = pictures[-1].shape[:2]
    row = np.concatenate([picture.reshape(1, -1, 3) for picture in pictures], axis=1)
    blue, green, red = row.astype(np.float32)[0].T
    luma = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
    rg, yb = red - green, (red + green) / 2 - blue
    colourfulness = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    return PictureFacts(
        brightness=round(float(luma.mean()), 3),
        colourfulness=round(float(colourfulness), 1),
        colour=_commonest_hue(row),
        width_pixels=width,
        height_pixels=height,
    )


LOOK_WIDTH, LOOK_HEIGHT = 192, 108
"""Size in pixels at which pictures are compared."""
GRID = 6
"""Cells on each side of a signature."""


def telling(frames: Sequence[Path], most: int) -> tuple[Path, ...]:
    """Give the stills that say most, at most so many, in their order; files that hold no picture are left out."""
    looks = {path: look for path in frames if (look := _look(path))}
    paths = list(looks)
    return tuple(paths[place] for place in choose(list(looks.values()), most))


def _look(path: Path) -> Look | None:
    """Take the figures of one still; None if it holds no picture."""
    import cv2
    import numpy as np

    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    small = cv2.resize(picture, (LOOK_WIDTH, LOOK_HEIGHT), interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    cells = cv2.resize(small, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return Look(
        luma=float(luma.mean()) / 255,
        contrast=float(luma.std()) / 255,
        sharpness=float(cv2.Laplacian(luma, cv2.CV_64F).var()),
        signature=tuple(float(value) / 255 for value in np.asarray(cells).ravel()),
    )


def _commonest_hue(row: Any) -> str | None:
    """Name the hue that most coloured pixels of a BGR image have; None if hardly any pixel has colour."""
    import cv2
    import numpy as np

    hue, saturation, value = cv2.split(cv2.cvtColor(row, cv2.COLOR_BGR2HSV))
    chroma = saturation.astype(np.int32) * value // 255
    coloured = (chroma > COLOURED_ABOVE).astype(np.uint8)
    if coloured.mean() < COLOURED_SHARE:
        return None
    # OpenCV counts hues in steps of two degrees, so that they fit into a byte.
    counts = cv2.calcHist([hue], [0], coloured, [180], [0, 180]).ravel()
    named: Counter[str] = Counter()
    for step, count in enumerate(counts):
        named[next((name for bound, name in _HUES if step * 2 < bound), _HUES[0][1])] += int(count)
    return named.most_common(1)[0][0]
