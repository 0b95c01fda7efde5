"""Giving the words of a punctuated text the times of the bare words that an engine reports beside it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from mediaops.scripts import unbroken
from mediaops.transcript import Segment, Word


def _bare(text: str) -> str:
    """Give a word without case and punctuation, as it is compared."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def timed(segments: Sequence[Segment], words: Sequence[Word]) -> tuple[Word, ...]:
    """Give each word of the segments' text its time; one without a counterpart shares the gap it stands in.

    Where the engine reports no words at all, a segment's time is shared out among its words by length. A word's
    confidence is its segment's; its own where the segment has none.
    """
    texts = [(token, segment) for segment in segments for token in unbroken(segment.text)]
    known: dict[int, Word] = {}
    matcher = SequenceMatcher(
        None, [_bare(text) for text, _ in texts], [_bare(word.text) for word in words], autojunk=False
    )
    for mine, theirs, size in matcher.get_matching_blocks():
        known.update({mine + i: words[theirs + i] for i in range(size)})
    out: list[Word] = []
    i = 0
    while i < len(texts):
        text, segment = texts[i]
        if i in known:
            word = known[i]
            start = max(word.start_millis, out[-1].end_millis if out else 0)
            sure = word.confidence if segment.confidence is None else segment.confidence
            out.append(_word(text, start, max(start, word.end_millis), sure))
            i += 1
            continue
        until = i
        while until < len(texts) and until not in known and texts[until][1] is segment:
            until += 1
        start = max(segment.start_millis, out[-1].end_millis if out else 0)
        end = known[until].start_millis if until in known else segment.end_millis
        out.extend(_shared([t for t, _ in texts[i:until]], start, max(start, end), segment))
        i = until
    return tuple(out)


def _shared(texts: list[str], start: int, end: int, segment: Segment) -> list[Word]:
    """Share a span of time out among words by their length."""
    total, before = sum(map(len, texts)), 0
    words = []
    for text in texts:
        begin, before = start + (end - start) * before // total, before + len(text)
        words.append(_word(text, begin, start + (end - start) * before // total, segment.confidence))
    return words


def _word(text: str, start: int, end: int, confidence: float | None) -> Word:
    return Word(text=text[:1024], start_millis=start, end_millis=end, confidence=confidence)
