"""Subtitle cues from timed words, by the rules that make them readable; pure.

The rules (after the timed-text style guides of Netflix and the BBC, autumn 2026), each of which holds for
every cue of every result: at most 42 characters a line and two lines; at most 20 characters a second;
shown for at least 0.8 s; no two at the same time. Speech faster than 20 characters a second makes cues lag
behind it until the next pause, because nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mediaops.transcript import Cue, Word

LINE_CHARACTERS = 42
MILLIS_PER_CHARACTER = 50
SHORTEST_MILLIS = 800
LONGEST_MILLIS = 7000
"""Longest span of speech in one cue; only a single word may be longer."""
PAUSE_MILLIS = 600
"""A pause of this length ends a cue."""
FULL_STOPS = (".", "?", "!", "\u2026", "\u3002", "\uff1f", "\uff01")
"""What ends a sentence, in scripts that have such marks."""
SENTENCE_CHARACTERS = 24
"""The end of a sentence ends a cue that has at least this many characters."""


@dataclass(frozen=True)
class _Timed:
    """A piece of text that no line break may part."""

    text: str
    start: int
    end: int


def cut(words: Sequence[Word], duration_millis: int) -> tuple[Cue, ...]:
    """Cut words, in order of time, into cues; within the media's length wherever that leaves time to read."""
    groups = _grouped([piece for word in words for piece in _pieces(word)])
    times = _scheduled(groups, duration_millis)
    return tuple(
        Cue(lines=_wrapped([piece.text for piece in group]) or (), start_millis=start, end_millis=end)
        for group, (start, end) in zip(groups, times, strict=True)
    )


def _pieces(word: Word) -> list[_Timed]:
    """Give a word as pieces that fit a line each; times are shared out by length."""
    text = " ".join(word.text.split())
    parts = [text[i : i + LINE_CHARACTERS] for i in range(0, len(text), LINE_CHARACTERS)]
    span = max(0, word.end_millis - word.start_millis)
    edges = [word.start_millis + span * i // len(parts) for i in range(len(parts) + 1)] if parts else []
    return [_Timed(part.strip(), edges[i], edges[i + 1]) for i, part in enumerate(parts) if part.strip()]


def _wrapped(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Break pieces into at most two lines, the most even way, rather after punctuation; None: they don't fit."""
    whole = " ".join(texts)
    if len(whole) <= LINE_CHARACTERS:
        return (whole,)
    best: tuple[int, tuple[str, str]] | None = None
    for i in range(1, len(texts)):
        first, second = " ".join(texts[:i]), " ".join(texts[i:])
        if max(len(first), len(second)) > LINE_CHARACTERS:
            continue
        uneven = abs(len(first) - len(second)) - (8 if first[-1] in ",;:.?!" else 0)
        if best is None or uneven < best[0]:
            best = (uneven, (first, second))
    return best[1] if best else None


def _grouped(pieces: Sequence[_Timed]) -> list[list[_Timed]]:
    """Share pieces out to cues: a cue ends at a pause, after a sentence, or when it is full."""
    groups: list[list[_Timed]] = []
    for piece in pieces:
        group = groups[-1] if groups else None
        if group and not _ends(group, piece):
            group.append(piece)
        else:
            groups.append([piece])
    return groups


def _ends(group: list[_Timed], following: _Timed) -> bool:
    """Say whether the cue ends before the piece that follows."""
    texts = [piece.text for piece in group]
    if following.start - group[-1].end >= PAUSE_MILLIS or following.end - group[0].start > LONGEST_MILLIS:
        return True
    if texts[-1].endswith(FULL_STOPS) and len(" ".join(texts)) >= SENTENCE_CHARACTERS:
        return True
    return _wrapped([*texts, following.text]) is None


def _reading_millis(group: list[_Timed]) -> int:
    """Give the time it takes to read a cue."""
    characters = sum(len(piece.text) for piece in group) + len(group) - 1
    return max(SHORTEST_MILLIS, characters * MILLIS_PER_CHARACTER)


def _scheduled(groups: Sequence[list[_Timed]], duration: int) -> list[tuple[int, int]]:
    """Give each cue its (start, end): when it is spoken, and as much longer or later as reading takes."""
    times: list[tuple[int, int]] = []
    free = 0
    for group in groups:
        start = max(free, group[0].start)
        free = max(group[-1].end, start + _reading_millis(group))
        times.append((start, free))
    # What runs over the end of the media is drawn forward, if there is room before it.
    if times and times[-1][1] > duration >= sum(map(_reading_millis, groups)):
        limit = duration
        for i in range(len(times) - 1, -1, -1):
            end = min(times[i][1], limit)
            limit = min(times[i][0], end - _reading_millis(groups[i]))
            times[i] = (limit, end)
    return times
