"""Where a film is cut into segments that are encoded side by side, and joined again. Pure.

A cut lies on a picture that decodes by itself and that nothing before it is shown after, so each segment is a stretch
of the film's own clock: from its first picture's time up to, not including, the next segment's. Times are whole ticks
of the stream, because seconds would round; so no picture is made twice and none is lost, whatever the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from mediaops.models.base import Model

LEAST_SEGMENTS, MOST_SEGMENTS = 2, 64
AUTO_SECONDS = 120
"""`auto` makes a segment of about so many seconds: starting a pod and fetching the source cost a few."""
AUTO_MOST = 16
SHORTEST_SECONDS = 1
"""No segment is shorter: an encoder's first pictures after a cut cost more than those that follow."""

Segments = Annotated[int, Field(ge=LEAST_SEGMENTS, le=MOST_SEGMENTS)] | Literal["auto"]
"""How many segments are asked for."""


class Cuts(Model):
    """Where a film is cut."""

    ticks_per_second: tuple[int, int] = (1, 1)
    """The stream's clock as numerator and denominator."""
    starts: list[int] = [0]
    """The time of each segment's first picture, in ticks from the file's start."""
    asked: Segments = "auto"
    whole: Annotated[str, Field(max_length=200)] | None = None
    """Why it is made in one piece, as a sentence."""

    @property
    def count(self) -> int:
        """Give how many segments there are; 1: it is made in one piece."""
        return 1 if self.whole else len(self.starts)

    @property
    def words(self) -> str:
        """Say for people how many there are, and why not as many as asked for."""
        if self.whole:
            return f"1: {self.whole}"
        fewer = self.asked != "auto" and self.count < self.asked
        return f"{self.count} of {self.asked}: its keyframes allow no more" if fewer else str(self.count)

    def micros(self, index: int) -> int:
        """Give when a segment begins, in microseconds from the file's start, rounded."""
        return round(self._seconds(index) * 1_000_000)

    def seek(self, index: int) -> str:
        """Give the seconds to seek to: never before the cut's picture, from which FFmpeg decodes then."""
        return in_seconds(ceil(self._seconds(index) * 1_000_000))

    def _seconds(self, index: int) -> Fraction:
        numerator, denominator = self.ticks_per_second
        return Fraction(self.starts[index] * denominator, numerator)


def in_seconds(micros: int) -> str:
    """Write microseconds as FFmpeg reads them."""
    return f"{'-' if micros < 0 else ''}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}"


def wanted(asked: int | Literal["auto"], seconds: float) -> int:
    """Give how many segments a film of that length should have; 1: it isn't cut."""
    if asked != "auto":
        return asked
    return min(AUTO_MOST, int(seconds / AUTO_SECONDS + 0.5)) if seconds >= 2 * AUTO_SECONDS else 1


TOO_SHORT = f"auto cuts films of {2 * AUTO_SECONDS // 60} minutes and more."
NO_KEYFRAMES = "there is no keyframe to cut at between its first and its last second."


def cut(
    asked: int | Literal["auto"], keyframes: Sequence[int], first: int, end: int, ticks_per_second: Fraction
) -> Cuts:
    """Cut a film, as evenly as its keyframes allow.

    `keyframes`: the ticks of pictures that can be cut at; `first`: the tick of the first picture; `end`: the tick at
    which the last one ends.
    """
    rate = (ticks_per_second.numerator, ticks_per_second.denominator)
    shortest = SHORTEST_SECONDS * ticks_per_second
    count = wanted(asked, float((end - first) / ticks_per_second))
    if count == 1:
        return Cuts(asked=asked, whole=TOO_SHORT)
    starts = [first]
    left = sorted(tick for tick in set(keyframes) if first + shortest <= tick <= end - shortest)
    for index in range(1, count):
        left = [tick for tick in left if tick >= starts[-1] + shortest]
        if not left:
            break
        ideal = first + Fraction((end - first) * index, count)
        starts.append(min(left, key=lambda tick: abs(tick - ideal)))
    if len(starts) == 1:
        return Cuts(asked=asked, whole=NO_KEYFRAMES)
    return Cuts(ticks_per_second=rate, starts=starts, asked=asked)


def listed(cuts: Cuts) -> str:
    """Give the list that FFmpeg's concat demuxer joins: each segment's file, and how long it lasts.

    The lengths add up to the cuts' own times, rounded once, so each picture comes back to its very tick.
    """
    lines = []
    for index in range(cuts.count):
        lines.append(f"file {file_name(index)}")
        if index + 1 < cuts.count:
            lines.append(f"duration {in_seconds(cuts.micros(index + 1) - cuts.micros(index))}")
    return "\n".join(lines) + "\n"


LIST = "segments.txt"


def file_name(index: int) -> str:
    """Give the name under which a segment lies beside the list."""
    return f"segment-{index}.mp4"
