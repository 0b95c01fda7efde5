"""Which pieces of a film stand for the whole where its quality is measured. Pure.

Pieces lie evenly over the film, are joined, and are encoded as one. An encoder gives the first pictures after a cut
more than others, and the last before one less, because nothing follows that would profit from them; so each piece
has pictures before and after the measured ones that are encoded and not measured (docs/decisions/0082).
"""

from __future__ import annotations

from dataclasses import dataclass

from mediaops.graph.commands import Command
from mediaops.operations.compress import Encoding
from mediaops.picture import Picture

LEAD_FRAMES, MEASURED_FRAMES, TAIL_FRAMES = 4, 8, 20
PIECE_FRAMES = LEAD_FRAMES + MEASURED_FRAMES + TAIL_FRAMES
SHARE = 0.2
"""Share of the film's pictures that all pieces come to."""
LEAST_PIECES, MOST_PIECES = 5, 48
WHOLE_SHARE = 0.5
"""Where the pieces would come to more of the film than this, it is taken as a whole."""


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


def pieces(duration_millis: int, frame_rate: float) -> list[Piece]:
    """Give the pieces of a film of that length, with that many pictures per second."""
    frames = duration_millis / 1000 * frame_rate
    count = min(max(round(frames * SHARE / PIECE_FRAMES), LEAST_PIECES), MOST_PIECES)
    if count * PIECE_FRAMES > frames * WHOLE_SHARE:
        return [Piece(0, duration_millis)]
    length = PIECE_FRAMES / frame_rate * 1000
    middles = [duration_millis * (2 * index + 1) / (2 * count) for index in range(count)]
    return [Piece(round(middle - length / 2), round(length)) for middle in middles]
