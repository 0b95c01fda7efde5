"""Cutting sound into utterances at its pauses, a frame at a time and in bounded memory; pure.

A decoder hears best what a person says in one breath: too short and the language model has nothing to go
by, too long and its search loses itself. So an utterance ends at a clear pause, at a slight one once it is
long enough, and at its quietest spot where there is none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FRAME_MILLIS = 30
CLEAR_PAUSE_MILLIS = 900
"""This much silence ends an utterance."""
SLIGHT_PAUSE_MILLIS = 240
"""This much ends one that has reached LONG_MILLIS."""
LONG_MILLIS = 12_000
LONGEST_MILLIS = 20_000
"""An utterance without a pause is cut before this, at the quietest frame of its second half."""
MARGIN_MILLIS = 300
"""Silence kept before and after, so that no soft sound is lost."""
LEAST_SPEECH_MILLIS = 210
"""What holds less speech than this is a click or a cough."""


@dataclass(frozen=True)
class Frame:
    """FRAME_MILLIS of sound."""

    pcm: bytes
    speech: bool
    """Whether the voice activity detector hears a voice in it."""
    loudness: float
    """Mean square, in any unit."""


@dataclass(frozen=True)
class Utterance:
    """A stretch of sound that holds speech."""

    pcm: bytes
    start_millis: int


def _frames(millis: int) -> int:
    return millis // FRAME_MILLIS


def utterances(frames: Iterable[Frame]) -> Iterator[Utterance]:
    """Give the utterances of a sound, each as soon as it has ended."""
    lead: deque[Frame] = deque(maxlen=_frames(MARGIN_MILLIS))
    held: list[Frame] = []
    first = silent = 0
    for number, frame in enumerate(frames):
        if not held and not frame.speech:
            lead.append(frame)
            continue
        if not held:
            held, first = [*lead], number - len(lead)
            lead.clear()
        held.append(frame)
        silent = 0 if frame.speech else silent + 1
        long = len(held) >= _frames(LONG_MILLIS)
        if silent >= _frames(SLIGHT_PAUSE_MILLIS if long else CLEAR_PAUSE_MILLIS):
            yield from _told(held, first)
            lead.extend(held[len(held) - silent :])
            held, silent = [], 0
        elif len(held) >= _frames(LONGEST_MILLIS):
            at = _quietest(held)
            yield from _told(held[:at], first)
            held, first = held[at:], first + at
    yield from _told(held, first)


def _quietest(held: list[Frame]) -> int:
    """Give the index of the quietest frame of the second half."""
    half = len(held) // 2
    return min(range(half, len(held)), key=lambda i: held[i].loudness)


def _told(held: list[Frame], first: int) -> Iterator[Utterance]:
    """Give the frames as one utterance without the silence at their end, if there is speech in them."""
    spoken = [i for i, frame in enumerate(held) if frame.speech]
    if len(spoken) * FRAME_MILLIS >= LEAST_SPEECH_MILLIS:
        end = min(len(held), spoken[-1] + 1 + _frames(MARGIN_MILLIS))
        yield Utterance(b"".join(frame.pcm for frame in held[:end]), first * FRAME_MILLIS)
