"""Listening with OpenAI's transcription API (whisper-1): one call, word and segment times, guarded answers.

Whisper makes words up where nobody speaks. So a file without speech isn't sent, and segments are dropped
that by the model's own figures are silence or repetition (the thresholds of the reference implementation,
openai/whisper, `transcribe()`).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mediaops.operations.transcribe import TranscribeEngine
from mediaops.reasons import Reason
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines import openai_api
from mediaops_ops.engines.alignment import timed
from mediaops_ops.engines.languages import code_of
from mediaops_ops.engines.voice import holds_speech
from mediaops_ops.outcome import Progress, StepError
from mediaops_ops.settings import Settings

if TYPE_CHECKING:
    from openai.types.audio import TranscriptionSegment, TranscriptionVerbose

MAX_BYTES = 25 * 1024 * 1024
"""Largest file the API takes (its reference, autumn 2026)."""
NO_SPEECH = 0.6
LOG_PROBABILITY = -1.0
COMPRESSION_RATIO = 2.4


def listen(audio: Path, *, language: str | None, model: str, progress: Progress) -> Transcript:
    """Have OpenAI write down a sound file; raises StepError for refusals, Unreachable if it stays away."""
    if audio.stat().st_size > MAX_BYTES:
        raise StepError(
            Reason.ENGINE_REJECTED,
            f"The sound is larger than the {MAX_BYTES // 1024**2} MB that OpenAI takes in one call; "
            "use the engine pocketsphinx, or a shorter file.",
            permanent=True,
        )
    from openai import omit

    if not holds_speech(audio):
        return Transcript(
            engine=TranscribeEngine.OPENAI, model=model, language=language or "und", duration_millis=0
        )
    answer = openai_api.call(
        Settings.from_environment(os.environ),
        model,
        lambda client: client.audio.transcriptions.create(
            file=audio,
            model=model,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            temperature=0,
            language=language or omit,
        ),
    )
    progress(1.0)
    return transcript_of(answer, model=model, language=language)


def transcript_of(answer: TranscriptionVerbose, *, model: str, language: str | None) -> Transcript:
    """Give an answer as a transcript, without what the guards drop; pure."""
    duration = round(answer.duration * 1000)
    kept = [segment for segment in answer.segments or [] if _is_speech(segment)]
    segments = tuple(
        Segment(
            text=segment.text.strip(),
            start_millis=min(duration, round(segment.start * 1000)),
            end_millis=min(duration, round(segment.end * 1000)),
            confidence=round(min(1.0, math.exp(segment.avg_logprob)), 3),
        )
        for segment in kept
    )
    words = [
        Word(
            text=w.word.strip()[:1024],
            start_millis=min(duration, round(w.start * 1000)),
            end_millis=min(duration, round(w.end * 1000)),
        )
        for w in answer.words or []
        if w.word.strip() and any(s.start - 0.5 <= w.start <= s.end + 0.5 for s in kept)
    ]
    return Transcript(
        engine=TranscribeEngine.OPENAI,
        model=model,
        language=language or code_of(answer.language),
        duration_millis=duration,
        segments=segments,
        words=timed(segments, words),
    )


def _is_speech(segment: TranscriptionSegment) -> bool:
    """Say whether a segment is speech by the model's own figures."""
    silent = segment.no_speech_prob > NO_SPEECH and segment.avg_logprob < LOG_PROBABILITY
    return bool(segment.text.strip()) and not silent and segment.compression_ratio <= COMPRESSION_RATIO
