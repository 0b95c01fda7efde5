"""An edited transcript: read from what people's tools write, and put into the one that was heard; pure.

A person changes words, joins and parts cues, moves them. Words that stay keep the times at which they were heard; new
ones share the gap they stand in; cues are cut anew by the rules of mediaops.cues.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.alignment import timed
from mediaops.cues import cut
from mediaops.models.base import Millis, Model
from mediaops.transcript import Segment, Transcript

MAX_CUES = 20_000
MAX_TEXT = 2000
"""Characters of one cue."""

_CLOCK = r"((?:[0-9]{1,5}:)?[0-9]{1,5}:[0-9]{1,5}[.,][0-9]{1,9})"
_TIMES = re.compile(rf"\s*{_CLOCK}\s+-->\s+{_CLOCK}")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|</?\d[^<>]*>|\{\\[^{}]*\}|[\u200e\u200f\u202a-\u202e]")
"""WebVTT's and SubRip's tags, ASS's overrides, and marks of direction, which the files get anew."""


class EditedCue(Model):
    """One cue as a person leaves it; times in milliseconds."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=MAX_TEXT)]
    start_millis: Millis
    end_millis: Millis


class EditError(ValueError):
    """What was sent can't be read as an edited transcript; the message says where and why."""


def subtitles(text: str) -> list[EditedCue]:
    """Read SubRip or WebVTT; raises EditError."""
    cues: list[EditedCue] = []
    for block in re.split(
        r"\n[ \t]*\n", text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    ):
        lines = block.strip("\n").split("\n")
        at = next((i for i, line in enumerate(lines) if "-->" in line), None)
        if at is None:
            continue  # the signature, a note, a style
        match = _TIMES.match(lines[at])
        if match is None:
            raise EditError(
                f"cue {len(cues) + 1}: {lines[at][:60]!r} is no line of times (00:00:01.000 --> 00:00:02.000)"
            )
        words = " ".join(unescape(_MARKUP.sub("", line)).strip() for line in lines[at + 1 :])
        if len(words) > MAX_TEXT:
            raise EditError(f"cue {len(cues) + 1}: its text has more than {MAX_TEXT} characters")
        cues.append(EditedCue(text=words, start_millis=_millis(match[1]), end_millis=_millis(match[2])))
    if not cues:
        raise EditError("there is no cue in it")
    return cues


def _millis(clock: str) -> int:
    whole, fraction = re.split("[.,]", clock)
    seconds = 0
    for part in whole.split(":"):
        seconds = seconds * 60 + int(part)
    millis = seconds * 1000 + int(fraction[:3].ljust(3, "0"))
    if millis > 1_000_000_000:
        raise EditError(f"{clock} is later than any file ends")
    return millis


def edited(heard: Transcript, cues: Sequence[EditedCue]) -> Transcript:
    """Give a transcript with the text of these cues; raises EditError where their times can't be.

    The cues' own times count only for words that weren't heard: those that were are where they were heard.
    """
    if len(cues) > MAX_CUES:
        raise EditError(f"there are more than {MAX_CUES} cues")
    before = 0
    for number, cue in enumerate(cues, 1):
        if not before <= cue.start_millis <= cue.end_millis:
            raise EditError(
                f"cue {number}: it must begin after the one before it has begun, and end after that"
            )
        before = cue.start_millis
    segments = tuple(
        Segment(
            text=" ".join(cue.text.split()),
            start_millis=min(cue.start_millis, heard.duration_millis),
            end_millis=min(cue.end_millis, heard.duration_millis),
        )
        for cue in cues
        if cue.text.strip()
    )
    if not segments:
        raise EditError("there is no text in it")
    words = timed(segments, heard.words)
    return heard.model_copy(
        update={
            "segments": segments,
            "words": words,
            "cues": cut(words, heard.duration_millis, heard.language),
        }
    )


def of_transcript(changed: Transcript, heard: Transcript) -> list[EditedCue]:
    """Give the cues of a transcript that a person changed: its cues, or its segments where only those differ."""
    if changed.cues != heard.cues or changed.segments == heard.segments:
        pieces = [(cue.text, cue.start_millis, cue.end_millis) for cue in changed.cues]
    else:
        pieces = [(one.text, one.start_millis, one.end_millis) for one in changed.segments]
    return [
        EditedCue(text=text[:MAX_TEXT], start_millis=start, end_millis=end) for text, start, end in pieces
    ]
