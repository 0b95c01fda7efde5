"""A transcript: what is said and when, as engines find it, as `transcript.json` keeps it, and as files.

Times are integer milliseconds from the start of the media; only the seed's fields are in seconds, because
the seed writes them so.
"""

from __future__ import annotations

from html import escape
from typing import Annotated, Any, Literal

from pydantic import Field

from mediaops.models.base import Millis, Model
from mediaops.scripts import directed, is_right_to_left, joined

PARAGRAPH_PAUSE_MILLIS = 1500
"""A pause of this length begins a new line in the text file."""

LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"
Language = Annotated[str, Field(pattern=LANGUAGE_PATTERN, min_length=2, max_length=11)]
"""A language as BCP 47 writes it: ISO 639 code, then script and region where they matter (zh-Hant, pt-BR)."""


def file_name(form: str, language: str | None = None) -> str:
    """Name a transcript's file: transcript.json as it was heard, transcript.de.json translated into German."""
    return f"transcript.{language}.{form}" if language else f"transcript.{form}"


def is_transcript(name: str) -> bool:
    """Say whether a file of that name is a transcript as it was heard, or a translation of one."""
    return name.startswith("transcript.") and name.endswith(".json")


class Word(Model):
    """One spoken word."""

    text: Annotated[str, Field(min_length=1, max_length=1024)]
    start_millis: Millis
    end_millis: Millis
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """How sure the engine is, 0 to 1; None where it doesn't say."""


class Segment(Model):
    """A stretch of speech as the engine cut it: an utterance or a sentence."""

    text: str
    start_millis: Millis
    end_millis: Millis
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """How sure the engine is, 0 to 1; None where it doesn't say."""


class Cue(Model):
    """One subtitle: at most two lines, shown from start to end."""

    lines: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)]
    start_millis: Millis
    end_millis: Millis

    @property
    def text(self) -> str:
        """Give the cue on one line."""
        return joined(self.lines)


class Transcript(Model):
    """The content of `transcript.json`."""

    version: Literal[1] = 1
    engine: Annotated[str, Field(max_length=40)]
    model: Annotated[str, Field(max_length=63)]
    language: Annotated[str, Field(max_length=11)]
    """The language of the text (see Language); `und` where nobody could tell."""
    translated_from: Annotated[str, Field(max_length=11)] | None = None
    """The language spoken, where this is a translation."""
    word_times: Literal["heard", "estimated"] = "heard"
    """estimated: words share their segment's time by length, because nobody measured them."""
    duration_millis: Millis
    """Length of the sound that was listened to."""
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = ()
    cues: tuple[Cue, ...] = ()
    """Cut from the words by the rules of mediaops.cues."""

    @property
    def text(self) -> str:
        """Give everything that is said, on one line."""
        return joined(segment.text for segment in self.segments)

    @property
    def word_count(self) -> int:
        """Count the words of the text; what is written without spaces is counted as its words were heard."""
        return max(len(self.text.split()), len(self.words))

    @property
    def confidence(self) -> float | None:
        """Give the words' mean confidence weighted by their length in time; None where the engine gives none."""
        known = [
            (w.confidence, max(1, w.end_millis - w.start_millis))
            for w in self.words
            if w.confidence is not None
        ]
        return sum(c * t for c, t in known) / sum(t for _, t in known) if known else None

    def to_json(self) -> str:
        """Give the file `transcript.json`."""
        return self.model_dump_json(by_alias=True, exclude_none=True, indent=1) + "\n"

    def seed_fields(self) -> dict[str, Any]:
        """Give `output_data` as the seed's callback has it; times in seconds."""
        return {
            "transcription": self.text,
            "captions": [
                {"start": cue.start_millis / 1000, "end": cue.end_millis / 1000, "text": cue.text}
                for cue in self.cues
            ],
            "language": self.language,
            "duration": self.duration_millis / 1000,
            "word_count": self.word_count,
        }


def clock(millis: int, mark: str = ".") -> str:
    """Give HH:MM:SS and milliseconds behind the mark that the format wants; WebVTT's is a point."""
    seconds, rest = divmod(millis, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{rest:03d}"


def srt(cues: tuple[Cue, ...], language: str = "") -> str:
    """Write cues as SubRip. An arrow in the text is broken up, because readers take it for a time line."""
    rtl = is_right_to_left(language)
    blocks = (
        f"{number}\n{clock(cue.start_millis, ',')} --> {clock(cue.end_millis, ',')}\n"
        + "\n".join(directed(line.replace("-->", "→"), right_to_left=rtl) for line in cue.lines)
        + "\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def vtt(cues: tuple[Cue, ...], language: str = "") -> str:
    """Write cues as WebVTT (W3C): `&`, `<` and `>` are escaped, so no text becomes markup."""
    rtl = is_right_to_left(language)
    blocks = (
        f"{clock(cue.start_millis)} --> {clock(cue.end_millis)}\n"
        + "\n".join(directed(escape(line, quote=False), right_to_left=rtl) for line in cue.lines)
        + "\n"
        for cue in cues
    )
    return "\n".join(["WEBVTT\n", *blocks])


def txt(segments: tuple[Segment, ...]) -> str:
    """Write the bare text: a line for each stretch of speech between long pauses."""
    lines: list[str] = []
    end: int | None = None
    for segment in segments:
        if end is None or segment.start_millis - end >= PARAGRAPH_PAUSE_MILLIS:
            lines.append(segment.text)
        else:
            lines[-1] = joined((lines[-1], segment.text))
        end = segment.end_millis
    return "".join(f"{line}\n" for line in lines)
