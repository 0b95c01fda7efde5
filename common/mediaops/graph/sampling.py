"""Which pieces of a film stand for the whole where its quality is measured. Pure.

Pieces lie evenly over the film, are joined, and are encoded as one. An encoder gives the first pictures after a cut
more than others, and the last before one less, because nothing follows that would profit from them; so each piece
has pictures before and after the measured ones that are encoded and not measured (docs/decisions/0082, 0084).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mediaops.graph.commands import Command
from mediaops.operations.compress import Encoding
from mediaops.picture import Picture

LEAD_FRAMES, MEASURED_FRAMES, TAIL_FRAMES = 4, 8, 12
PIECE_FRAMES = LEAD_FRAMES + MEASURED_FRAMES + TAIL_FRAMES
SHARE = 0.15
"""Share of the film's pictures that all pieces come to."""
LEAST_PIECES, MOST_PIECES = 5, 48
WHOLE_SHARE = 0.5
"""Where the pieces would come to more of the film than this, it is taken as a whole."""
LEEWAY = 0.375
"""How far a piece may lie from its even place, in pieces' distances: decoding begins at keyframes, and costs."""
BEHIND_MILLIS = 2000
"""Pieces begin up to so long after a keyframe, each at another time: beginnings of shots don't stand for a film."""
GOLDEN = (5**0.5 - 1) / 2
"""Steps of this share of a whole spread evenly over it, however many there are."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the film, in milliseconds."""

    start: int
    length: int


@dataclass(frozen=True)
class Samples:
    """How to get a step's samples, and how they are to be encoded."""

    commands: tuple[Command, ...]
    """One for each piece; each makes one file without loss."""
    encoding: Encoding
    picture: Picture
    """What is encoded."""
    frame_rate: float
    """Its pictures per second."""
    whole: bool
    """There is one piece, the whole film: all of it is measured."""

    @property
    def few(self) -> range:
        """Say which pieces serve the first, rough tries: every third."""
        return range(1) if self.whole else range(1, len(self.commands), 3)

    def measured(self, frames: int) -> range:
        """Give which of a piece's pictures are measured."""
        return range(frames) if self.whole else range(LEAD_FRAMES, max(LEAD_FRAMES, frames - TAIL_FRAMES))


def pieces(duration_millis: int, frame_rate: float, keyframes: Sequence[int] = ()) -> list[Piece]:
    """Give the pieces of a film of that length, with that many pictures per second.

    `keyframes`: when they are shown, in milliseconds and in order.
    """
    frames = duration_millis / 1000 * frame_rate
    count = min(max(round(frames * SHARE / PIECE_FRAMES), LEAST_PIECES), MOST_PIECES)
    if count * PIECE_FRAMES > frames * WHOLE_SHARE:
        return [Piece(0, duration_millis)]
    length = PIECE_FRAMES / frame_rate * 1000
    distance = duration_millis / count
    found = []
    for index in range(count):
        behind = index * GOLDEN % 1 * BEHIND_MILLIS
        cheap = [keyframe + behind for keyframe in keyframes]
        place = _moved(distance * (index + 0.5) - length / 2, LEEWAY * distance, cheap)
        found.append(Piece(round(min(max(0, place), duration_millis - length)), round(length)))
    return found


def _moved(place: float, leeway: float, cheap: Sequence[float]) -> float:
    """Give the cheap place next to a piece's even one; where none is near, one to which less has to be decoded."""
    if not cheap:
        return place
    nearest = min(cheap, key=lambda one: abs(one - place))
    return nearest if abs(nearest - place) <= leeway else place - leeway
