"""Listening with OpenAI's transcription API: every model of it, whatever times it gives, and files of any length.

What the API takes and gives by model (its reference and its answers as users report them, autumn 2026):

- whisper-1: `verbose_json` with times of words and segments and figures that tell what it made up.
- gpt-4o-transcribe-diarize: `diarized_json` with times of segments.
- gpt-transcribe, gpt-4o-transcribe, gpt-4o-mini-transcribe: `json`, the bare text. They listen to stretches between
  pauses of at most STRETCH_MILLIS, so that a text's time is known that well; words share it by length.

A file is at most 25 MB and, for all but whisper-1, 1400 seconds. Longer ones are cut at silence; where nobody speaks
nothing is sent. Each answer passes the guards.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediaops.alignment import timed
from mediaops.operations.transcribe import TranscribeEngine
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines import openai_api
from mediaops_ops.engines.glossary import hint
from mediaops_ops.engines.guards import Claim, is_speech
from mediaops_ops.engines.languages import UNDETERMINED, code_of
from mediaops_ops.engines.side_by_side import side_by_side
from mediaops_ops.engines.sound import Span, cut_out
from mediaops_ops.engines.speech import Activity, activity, spans
from mediaops_ops.outcome import Progress
from mediaops_ops.settings import Settings

if TYPE_CHECKING:
    from openai.types.audio import Transcription, TranscriptionDiarized, TranscriptionVerbose

MAX_BYTES = 25 * 1024 * 1024 - 65_536
"""Largest file that is sent whole; the API counts the form around it."""
MAX_MILLIS = 1_390_000
"""Longest sound that models other than Whisper are given: they take 1400 seconds."""
PIECE_MILLIS = 780_000
"""Length of a piece of a longer file: 13 minutes fit in 25 MB even where FLAC saves nothing."""
STRETCH_MILLIS = 28_000
"""Longest stretch for a model that gives no times."""
SHORTEST_MILLIS = 150
"""What is shorter isn't sent: the API takes 0.1 seconds at least."""


class Kind(Enum):
    """What a model answers."""

    VERBOSE = "verbose_json"
    DIARIZED = "diarized_json"
    PLAIN = "json"


def kind_of(model: str) -> Kind:
    """Give what a model answers; what isn't one of the gpt family is taken for a Whisper."""
    if "diarize" in model:
        return Kind.DIARIZED
    return Kind.PLAIN if model.startswith("gpt-") else Kind.VERBOSE


@dataclass(frozen=True)
class Asked:
    """What is asked of every piece alike."""

    model: str
    language: str | None
    word_times: bool
    glossary: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Give what the model answers."""
        return kind_of(self.model)

    def body(self) -> dict[str, Any]:
        """Give the request's fields but for the file; pure."""
        fields: dict[str, Any] = {"model": self.model, "response_format": self.kind.value}
        if self.kind is Kind.PLAIN and not self.model.startswith("gpt-4o-"):
            fields |= {"languages": [self.language]} if self.language else {}
            fields |= {"keywords": list(self.glossary)} if self.glossary else {}
            return fields
        if self.language:
            fields["language"] = self.language
        if self.kind is Kind.DIARIZED:
            return fields | {"chunking_strategy": "auto"}
        if self.glossary:
            fields["prompt"] = hint(self.glossary)
        if self.kind is Kind.PLAIN:
            return fields | {"include": ["logprobs"]}
        granularities = ["word", "segment"] if self.word_times else ["segment"]
        return fields | {"temperature": 0, "timestamp_granularities": granularities}


@dataclass(frozen=True)
class Piece:
    """What was heard in one piece, with times from the piece's start."""

    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = ()
    language: str | None = None


def listen(
    audio: Path,
    *,
    language: str | None,
    model: str,
    word_times: bool,
    vad: bool,
    glossary: Sequence[str],
    folder: Path,
    progress: Progress,
) -> Transcript:
    """Have OpenAI write down a sound file; raises StepError for refusals, Unreachable if it stays away.

    `folder` takes the pieces of a long one; `vad` says whether what nobody speaks in is left out.
    """
    settings = Settings.from_environment(os.environ)
    asked = Asked(model, language, word_times, tuple(glossary))
    heard = activity(audio)
    cuts = planned(heard, asked.kind, audio.stat().st_size, vad=vad)
    whole = cuts == [(0, heard.duration_millis)]
    files = [audio] if whole else cut_out(audio, cuts, folder)

    def task(file: Path, span: Span) -> Callable[[], Piece]:
        return lambda: _piece(settings, asked, file, span, heard if vad else None)

    pieces = side_by_side([task(file, span) for file, span in zip(files, cuts, strict=True)], progress)
    for file in files if not whole else ():
        file.unlink()
    return stitched(asked, pieces, cuts, heard.duration_millis)


def planned(heard: Activity, kind: Kind, size_bytes: int, *, vad: bool) -> list[Span]:
    """Give the spans that are sent, a call each; pure."""
    longest = STRETCH_MILLIS if kind is Kind.PLAIN else PIECE_MILLIS
    too_long = kind is not Kind.VERBOSE and heard.duration_millis > MAX_MILLIS
    if kind is Kind.PLAIN or too_long or size_bytes > MAX_BYTES:
        cuts = spans(heard, longest)
    else:
        cuts = [(0, heard.duration_millis)]
    if vad:
        cuts = [span for span in cuts if heard.speaks(*span)]
    if kind is Kind.PLAIN:
        cuts = [heard.spoken(span) for span in cuts]
    return [span for span in cuts if span[1] - span[0] >= SHORTEST_MILLIS]


def _piece(settings: Settings, asked: Asked, file: Path, span: Span, heard: Activity | None) -> Piece:
    """Have one piece written down."""
    body = asked.body()
    answer: Any = openai_api.call(
        settings, asked.model, lambda client: client.audio.transcriptions.create(file=file, **body)
    )

    def supported(start_millis: int, end_millis: int) -> bool | None:
        return None if heard is None else heard.supports(span[0] + start_millis, span[0] + end_millis)

    if asked.kind is Kind.VERBOSE:
        return of_verbose(answer, span[1] - span[0], supported)
    if asked.kind is Kind.DIARIZED:
        return of_diarized(answer, span[1] - span[0], supported)
    return of_plain(answer, span[1] - span[0], body.get("prompt", ""))


Supported = Callable[[int, int], bool | None]
"""Says whether a voice activity detector heard somebody between two times; None: none was asked."""


def of_verbose(answer: TranscriptionVerbose, length_millis: int, supported: Supported) -> Piece:
    """Give what Whisper answered, without what the guards drop; pure."""

    def at(seconds: float) -> int:
        return min(length_millis, max(0, round(seconds * 1000)))

    kept = [
        segment
        for segment in answer.segments or []
        if is_speech(
            Claim(
                segment.text,
                log_probability=segment.avg_logprob,
                compression=segment.compression_ratio,
                no_speech=segment.no_speech_prob,
                supported=supported(at(segment.start), at(segment.end)),
            )
        )
    ]
    segments = tuple(
        Segment(
            text=segment.text.strip(),
            start_millis=at(segment.start),
            end_millis=max(at(segment.start), at(segment.end)),
            confidence=_confidence(segment.avg_logprob),
        )
        for segment in kept
    )
    words = [
        Word(text=w.word.strip()[:1024], start_millis=at(w.start), end_millis=max(at(w.start), at(w.end)))
        for w in answer.words or []
        if w.word.strip() and any(s.start - 0.5 <= w.start <= s.end + 0.5 for s in kept)
    ]
    return Piece(segments, timed(segments, words), code_of(answer.language))


def of_diarized(answer: TranscriptionDiarized, length_millis: int, supported: Supported) -> Piece:
    """Give what the diarizing model answered; who speaks is left out. Pure."""

    def at(seconds: float) -> int:
        return min(length_millis, max(0, round(seconds * 1000)))

    segments = tuple(
        Segment(text=s.text.strip(), start_millis=at(s.start), end_millis=max(at(s.start), at(s.end)))
        for s in answer.segments
        if is_speech(Claim(s.text, supported=supported(at(s.start), at(s.end))))
    )
    return Piece(segments, timed(segments, ()))


def of_plain(answer: Transcription, length_millis: int, prompt: str) -> Piece:
    """Give what a model without times answered, which is said from a piece's start to its end; pure."""
    figures = [each.logprob for each in answer.logprobs or [] if each.logprob is not None]
    mean = sum(figures) / len(figures) if figures else None
    languages = [code_of(each.code) for each in answer.languages or []]
    if not is_speech(Claim(answer.text, log_probability=mean, prompt=prompt)):
        return Piece()
    segment = Segment(
        text=" ".join(answer.text.split()),
        start_millis=0,
        end_millis=length_millis,
        confidence=None if mean is None else _confidence(mean),
    )
    return Piece((segment,), timed((segment,), ()), languages[0] if languages else None)


def _confidence(log_probability: float) -> float:
    return round(min(1.0, math.exp(log_probability)), 3)


def stitched(asked: Asked, pieces: Sequence[Piece], cuts: Sequence[Span], duration_millis: int) -> Transcript:
    """Put pieces together at the times they were cut from; the language is the one most is said in. Pure."""
    placed = [_moved(piece, span[0]) for piece, span in zip(pieces, cuts, strict=True)]
    spoken: Counter[str] = Counter()
    for piece in pieces:
        if piece.language and piece.language != UNDETERMINED:
            spoken[piece.language] += sum(s.end_millis - s.start_millis for s in piece.segments)
    likeliest = spoken.most_common(1)[0][0] if spoken else UNDETERMINED
    return Transcript(
        engine=TranscribeEngine.OPENAI,
        model=asked.model,
        language=asked.language or likeliest,
        duration_millis=duration_millis,
        word_times="heard" if asked.word_times and asked.kind is Kind.VERBOSE else "estimated",
        segments=tuple(segment for piece in placed for segment in piece.segments),
        words=tuple(word for piece in placed for word in piece.words),
    )


def _moved(piece: Piece, by_millis: int) -> Piece:
    """Give a piece with times from the start of the file."""

    def moved(each: Any) -> Any:
        times = {"start_millis": each.start_millis + by_millis, "end_millis": each.end_millis + by_millis}
        return each.model_copy(update=times)

    return replace(piece, segments=tuple(map(moved, piece.segments)), words=tuple(map(moved, piece.words)))
