"""The vocabulary of the corpus: a file, what a viewer sees and hears of it, and a row of operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediaops.models.base import FileType

VIDEO, IMAGE, AUDIO = FileType.VIDEO, FileType.IMAGE, FileType.AUDIO
DEADLINE_SECONDS = 60.0
"""For making a file and running one row over it, on a busy machine."""

PICTURE_MILLIS = 120
"""How long each picture of an animation lasts."""

Color = tuple[int, int, int]
"""Red, green, blue, 0 to 255 each, sRGB or BT.709."""
Corners = tuple[Color, Color, Color, Color]
"""The colours of a picture's quarters: upper left, upper right, lower left, lower right."""

RED, GREEN, BLUE, WHITE = (200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 230)
"""None of them touches the end of the range: a wrong range or matrix shows in both directions."""
CORNERS: Corners = (RED, GREEN, BLUE, WHITE)

Library = Callable[[str], Path]
"""Gives a file of the corpus by its name; it is made once."""


@dataclass(frozen=True)
class Shown:
    """What a viewer gets of a file: upright, in square pixels and ordinary range."""

    width: int | None = None
    """Pixels; None: there is no picture."""
    height: int | None = None
    seconds: float | None = None
    frames: int | None = None
    """Pictures of a video."""
    rate: float | None = None
    """Pictures per second, in the mean."""
    channels: int | None = None
    """Of the sound; None: there is none."""
    tone: bool = True
    """The sound is the tone of 440 Hz, of the same level on each channel."""
    corners: Corners | None = CORNERS
    """None: too small to tell, or not made of quarters."""
    luma: tuple[float, float] = (0.299, 0.114)
    """Shares of red and blue in the brightness by which it is stored: BT.601's, where it doesn't say."""
    within: int = 14
    """How far from `corners` a colour may lie: what the source's own coding costs, and one more encode."""

    def grey(self, corners: Corners) -> Corners:
        """Give the corners without colour."""
        red, blue = self.luma
        levels = [round(red * c[0] + (1 - red - blue) * c[1] + blue * c[2]) for c in corners]
        a, b, c, d = ((level,) * 3 for level in levels)
        return a, b, c, d

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height of a file that has a picture."""
        if self.width is None or self.height is None:
            raise ValueError("it has no picture")
        return self.width, self.height


@dataclass(frozen=True)
class File:
    """One row of the table of files."""

    name: str
    """Unique; its suffix is the file's, which nothing may rely on."""
    file_type: FileType
    make: Callable[[Library, Path], None]
    """Writes it."""
    shown: Shown = Shown()
    refused: str | None = None
    """The reason with which every operation refuses it; None: it is good."""
    unhurt: frozenset[str] = frozenset()
    """Rows of operations, by name, that don't come to what is damaged, and are carried out all the same."""
    says: str = ""
    """Words of the sentence that goes with the reason."""
    deadline_seconds: float = DEADLINE_SECONDS
    but: Mapping[str, str] = field(default_factory=dict)
    """Rows of operations, by name, that can't be carried out on it, and the reason."""


@dataclass(frozen=True)
class Result:
    """What one step left."""

    paths: dict[str, Path]
    """Its files by their names in the result: rendition, thumbnail-0, …"""
    media_types: dict[str, str]
    values: dict[str, str]
    skipped: str | None


@dataclass(frozen=True)
class Row:
    """One row of the table of operations: steps of one pass, and what must come of them."""

    name: str
    takes: frozenset[FileType]
    steps: tuple[dict[str, Any], ...]
    """Each with name, type, parameters, and where it applies input and stored."""
    check: Callable[[File, dict[str, Result]], None]
    """Holds the results, by step, against what the file shows."""
    refuses: Callable[[Shown], str | None] = lambda _: None
    """Gives the reason with which it refuses a good file that shows this; None: it must be carried out."""
