"""Spelling a glossary's terms as it does, in what an engine heard; pure, and the same every time.

A term that was heard in another case is always rewritten. A near miss is rewritten only where the engine itself is
unsure: `county` stays, if it was heard clearly, though the glossary has `Country`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from mediaops.scripts import joined
from mediaops.transcript import Segment, Transcript, Word

UNSURE = 0.5
"""Words that the engine is less sure of may be near misses."""
NEAR = 0.75
"""How alike (Ratcliff and Obershelp) a near miss and a term are at least."""
SHORTEST = 5
"""Shorter terms are like too many words."""
MOST_CHARACTERS = 600
"""What engines take as a hint: Whisper reads the last 224 tokens of a prompt."""


def hint(terms: Sequence[str]) -> str:
    """Give a glossary as the prompt that an engine is given, the first terms first."""
    held: list[str] = []
    for term in terms:
        if len(", ".join([*held, term])) > MOST_CHARACTERS:
            break
        held.append(term)
    return f"{', '.join(held)}." if held else ""


def spelt(transcript: Transcript, terms: Sequence[str]) -> Transcript:
    """Give a transcript with the glossary's spelling, in its words and in its segments."""
    if not terms:
        return transcript
    words: list[Word] = []
    changed: set[int] = set()
    position = 0
    longest = max(len(term.split()) for term in terms)
    while position < len(transcript.words):
        for size in range(longest, 0, -1):
            heard = transcript.words[position : position + size]
            term = _match(heard, size, terms) if len(heard) == size else None
            if term is not None:
                changed.add(len(words))
                words.append(_merged(heard, term))
                position += size
                break
        else:
            words.append(transcript.words[position])
            position += 1
    if not changed:
        return transcript
    segments = tuple(_rewritten(segment, words, changed) for segment in transcript.segments)
    return transcript.model_copy(update={"words": tuple(words), "segments": segments})


def _match(heard: Sequence[Word], size: int, terms: Sequence[str]) -> str | None:
    """Give the term that some words are, if they are one and not spelt so already."""
    said = _bare(" ".join(word.text for word in heard))
    sure = min((1.0 if word.confidence is None else word.confidence) for word in heard)
    for term in terms:
        if said == term:
            return None
        if said.casefold() == term.casefold():
            return term
    if sure >= UNSURE:
        return None
    close = [
        (SequenceMatcher(None, said.casefold(), term.casefold(), autojunk=False).ratio(), term)
        for term in terms
        if len(term) >= SHORTEST and size <= len(term.split())
    ]
    likeness, term = max(close, default=(0.0, ""), key=lambda each: each[0])
    return term if likeness >= NEAR else None


def _bare(text: str) -> str:
    return text.strip(" ,.;:?!\"'()")


def _merged(heard: Sequence[Word], term: str) -> Word:
    """Give the term as one word with the punctuation around what was heard."""
    text = " ".join(word.text for word in heard)
    start = text.find(_bare(text))
    sure = [word.confidence for word in heard if word.confidence is not None]
    return Word(
        text=text[:start] + term + text[start + len(_bare(text)) :],
        start_millis=heard[0].start_millis,
        end_millis=heard[-1].end_millis,
        confidence=min(sure) if sure else None,
    )


def _rewritten(segment: Segment, words: Sequence[Word], changed: set[int]) -> Segment:
    """Give a segment in whose time a word was changed the text of the words in that time."""
    own = [i for i, w in enumerate(words) if segment.start_millis <= w.start_millis < segment.end_millis]
    if not changed.intersection(own):
        return segment
    return segment.model_copy(update={"text": joined(words[i].text for i in own)})
