"""Subtitle cues from timed words, by the rules that make them readable; pure.

The rules (after the timed-text style guides of Netflix and the BBC, autumn 2026), each of which holds for
every cue of every result: at most 42 characters a line and two lines; at most 20 characters a second;
shown for at least 0.8 s; no two at the same time. Chinese, Japanese and Korean have fewer and wider characters
(mediaops.scripts). Speech faster than that makes cues lag behind it until the next pause, because nothing is
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mediaops.scripts import FULL_STOPS, ORDINARY, PAUSES, Measure, clusters, joined, measure, unbroken
from mediaops.transcript import Cue, Word

LINE_CHARACTERS = ORDINARY.line
MILLIS_PER_CHARACTER = 1000 // ORDINARY.units_per_second
SHORTEST_MILLIS = 800
LONGEST_MILLIS = 7000
"""Longest span of speech in one cue; only a single word may be longer."""
PAUSE_MILLIS = 600
"""A pause of this length ends a cue."""
SENTENCE_SHARE = 4 / 7
"""The end of a sentence ends a cue that fills at least this share of a line (24 of 42 characters)."""
AFTER_PUNCTUATION = 4 / 21
"""How uneven two lines may be, as a share of a line, for the sake of a break after punctuation (8 of 42)."""


@dataclass(frozen=True)
class _Timed:
    """A piece of text that no line break may part."""

    text: str
    start: int
    end: int


_Group = list[_Timed]


def cut(words: Sequence[Word], duration_millis: int, language: str = "") -> tuple[Cue, ...]:
    """Cut words, in order of time, into cues; within the media's length wherever that leaves time to read."""
    rules = measure(language, "".join(word.text for word in words))
    pieces = [p for word in words for p in _pieces(word.text, word.start_millis, word.end_millis, rules)]
    return _cues(_grouped(pieces, rules), duration_millis, rules)


def placed(spans: Sequence[tuple[str, int, int]], duration_millis: int, language: str) -> tuple[Cue, ...]:
    """Set texts to (start, end) that are known, in milliseconds and in order: a cue each, and those times kept.

    A text that doesn't fit on two lines becomes several cues within its time; one that takes longer to read than
    its time makes what follows lag, as speech does.
    """
    rules = measure(language, "".join(text for text, _, _ in spans))
    groups = [group for span in spans for group in _filled(_pieces(*span, rules), rules)]
    return _cues(groups, duration_millis, rules)


def _cues(groups: Sequence[_Group], duration_millis: int, rules: Measure) -> tuple[Cue, ...]:
    times = _scheduled(groups, duration_millis, rules)
    return tuple(
        Cue(lines=_wrapped([p.text for p in group], rules) or (), start_millis=start, end_millis=end)
        for group, (start, end) in zip(groups, times, strict=True)
    )


def _pieces(text: str, start: int, end: int, rules: Measure) -> list[_Timed]:
    """Give a text as pieces that fit a line each; its time is shared out by width."""
    parts = [part for piece in unbroken(text) for part in _fitting(piece, rules)]
    total, before, span = sum(map(rules.width, parts)), 0, max(0, end - start)
    pieces = []
    for part in parts:
        begin, before = start + span * before // total, before + rules.width(part)
        pieces.append(_Timed(part, begin, start + span * before // total))
    return pieces


def _fitting(piece: str, rules: Measure) -> list[str]:
    """Part what is longer than a line, between characters; marks beyond what a line takes go to the next."""
    parts = [""]
    for cluster in clusters(piece) if rules.width(piece) > rules.line else [piece]:
        if parts[-1] and rules.width(parts[-1] + cluster) > rules.line:
            parts.append("")
        if rules.width(cluster) > rules.line:  # a letter under a heap of marks
            parts += [cluster[i : i + rules.line] for i in range(0, len(cluster), rules.line)]
        else:
            parts[-1] += cluster
    return [part for part in parts if part]


def _wrapped(texts: Sequence[str], rules: Measure) -> tuple[str, ...] | None:
    """Break pieces into at most two lines, the most even way, rather after punctuation; None: they don't fit."""
    whole = joined(texts)
    if rules.width(whole) <= rules.line:
        return (whole,)
    best: tuple[float, tuple[str, str]] | None = None
    for i in range(1, len(texts)):
        first, second = joined(texts[:i]), joined(texts[i:])
        widths = rules.width(first), rules.width(second)
        if max(widths) > rules.line:
            continue
        uneven = abs(widths[0] - widths[1]) - (rules.line * AFTER_PUNCTUATION if first[-1] in PAUSES else 0)
        if best is None or uneven < best[0]:
            best = (uneven, (first, second))
    return best[1] if best else None


def _grouped(pieces: Sequence[_Timed], rules: Measure) -> list[_Group]:
    """Share pieces out to cues: a cue ends at a pause, after a sentence, or when it is full."""
    groups: list[_Group] = []
    for piece in pieces:
        if groups and not _ends(groups[-1], piece, rules):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _ends(group: _Group, following: _Timed, rules: Measure) -> bool:
    """Say whether the cue ends before the piece that follows."""
    texts = [piece.text for piece in group]
    if following.start - group[-1].end >= PAUSE_MILLIS or following.end - group[0].start > LONGEST_MILLIS:
        return True
    if texts[-1].endswith(FULL_STOPS) and rules.width(joined(texts)) >= rules.line * SENTENCE_SHARE:
        return True
    return _wrapped([*texts, following.text], rules) is None


def _filled(pieces: Sequence[_Timed], rules: Measure) -> list[_Group]:
    """Share pieces that belong together out to as few cues as they fit on."""
    groups: list[_Group] = []
    for piece in pieces:
        if groups and _wrapped([*(p.text for p in groups[-1]), piece.text], rules):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _reading_millis(group: _Group, rules: Measure) -> int:
    """Give the time it takes to read a cue."""
    lines = _wrapped([piece.text for piece in group], rules) or ()
    return max(SHORTEST_MILLIS, rules.reading_millis(joined(lines)))


def _scheduled(groups: Sequence[_Group], duration: int, rules: Measure) -> list[tuple[int, int]]:
    """Give each cue its (start, end): when it is spoken, and as much longer or later as reading takes."""
    needed = [_reading_millis(group, rules) for group in groups]
    times: list[tuple[int, int]] = []
    free = 0
    for group, reading in zip(groups, needed, strict=True):
        start = max(free, group[0].start)
        free = max(group[-1].end, start + reading)
        times.append((start, free))
    # What runs over the end of the media is drawn forward, if there is room before it.
    if times and times[-1][1] > duration >= sum(needed):
        limit = duration
        for i in range(len(times) - 1, -1, -1):
            end = min(times[i][1], limit)
            limit = min(times[i][0], end - needed[i])
            times[i] = (limit, end)
    return times
