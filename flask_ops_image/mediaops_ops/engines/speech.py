"""Where in a sound somebody speaks, and where it may be cut.

Engines make words up where nobody speaks, outside engines cost money, and take only so much in one call: so a sound
is looked through once, cheaply, before anybody listens to it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from mediaops_ops.engines.sound import BYTES_PER_MILLI, FRAME_BYTES, RATE, Span, frames
from mediaops_ops.engines.utterances import FRAME_MILLIS

LEAST_SPEECH_MILLIS = 240
"""What holds less than this is a click or a cough, in a file as in a piece of it."""
NEARBY_MILLIS = 500
"""How far off speech may be from where an engine puts it."""
MARGIN_MILLIS = 240
"""Silence kept around speech that is cut out, so that no soft sound is lost."""
MODE = 2
"""The detector's strictness, 0 to 3: strict enough for room noise, lenient enough for a far voice."""


@dataclass(frozen=True)
class Activity:
    """What a voice activity detector says of each frame of a sound."""

    speech: bytes
    """A byte for each frame of FRAME_MILLIS: 1 where a voice is heard."""
    loudness: array[float] = field(default_factory=lambda: array("f"))
    """Mean square of each frame, in any unit."""
    duration_millis: int = 0

    def speaks(self, start_millis: int = 0, end_millis: int | None = None) -> bool:
        """Say whether anybody speaks between two times."""
        end = self.duration_millis if end_millis is None else end_millis
        some = self.speech[max(0, start_millis) // FRAME_MILLIS : max(0, end) // FRAME_MILLIS + 1]
        return sum(some) * FRAME_MILLIS >= min(LEAST_SPEECH_MILLIS, max(FRAME_MILLIS, end - start_millis))

    def supports(self, start_millis: int, end_millis: int) -> bool:
        """Say whether there is a voice where an engine claims to have heard words."""
        first = max(0, start_millis - NEARBY_MILLIS) // FRAME_MILLIS
        return any(self.speech[first : (end_millis + NEARBY_MILLIS) // FRAME_MILLIS + 1])

    def spoken(self, span: Span) -> Span:
        """Narrow a span down to where somebody speaks in it, with a margin."""
        first = span[0] // FRAME_MILLIS
        some = self.speech[first : -(-span[1] // FRAME_MILLIS)]
        if 1 not in some:
            return span
        start = (first + some.index(1)) * FRAME_MILLIS - MARGIN_MILLIS
        end = (first + some.rindex(1) + 1) * FRAME_MILLIS + MARGIN_MILLIS
        return max(span[0], start), min(span[1], end)


def activity(audio: Path) -> Activity:
    """Look through a sound file."""
    import numpy as np  # only who listens pays for the libraries
    import pocketsphinx

    vad = pocketsphinx.Vad(mode=MODE, sample_rate=RATE)
    speech, loudness, length = bytearray(), array("f"), 0
    for pcm in frames(audio):
        length += len(pcm)
        whole = pcm.ljust(FRAME_BYTES, b"\0")
        speech.append(vad.is_speech(whole))
        loudness.append(float(np.mean(np.square(np.frombuffer(whole, dtype="<i2").astype(np.float32)))))
    return Activity(bytes(speech), loudness, length // BYTES_PER_MILLI)


def spans(activity: Activity, longest_millis: int) -> list[Span]:
    """Cut a sound at its pauses into spans of at most that length, without gaps; pure.

    Each is cut in its second half: in the middle of the longest pause there, or at the quietest frame where nobody
    pauses.
    """
    cuts = [0]
    while activity.duration_millis - cuts[-1] > longest_millis:
        cuts.append(_best_cut(activity, cuts[-1] + longest_millis // 2, cuts[-1] + longest_millis))
    edges = [*cuts, activity.duration_millis]
    return list(pairwise(edges))


def _best_cut(activity: Activity, start_millis: int, end_millis: int) -> int:
    first, last = start_millis // FRAME_MILLIS, end_millis // FRAME_MILLIS
    best_length, best_middle, silent = 0, 0, 0
    for frame in range(first, last):
        silent = 0 if activity.speech[frame] else silent + 1
        if silent > best_length:
            best_length, best_middle = silent, frame + 1 - silent // 2
    if not best_length:
        best_middle = min(range(first, last), key=lambda frame: activity.loudness[frame])
    return min(end_millis, max(start_millis, best_middle * FRAME_MILLIS))
