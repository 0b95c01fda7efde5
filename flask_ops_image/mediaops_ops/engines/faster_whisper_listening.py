"""Listening with faster-whisper: Whisper by CTranslate2, in this image, on the GPU if there is one.

The engine is in images built with requirements/listening.txt, its models in a folder of them; nothing is downloaded.
What is listened to is cut here at its pauses, as for the other engines, and decoded in batches, half an
hour at a time, so that memory stays bounded. Answers pass the same guards.
"""

from __future__ import annotations

import logging
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mediaops.alignment import timed
from mediaops.operations.transcribe import TranscribeEngine
from mediaops.reasons import Reason
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines.glossary import hint
from mediaops_ops.engines.guards import Claim, is_speech
from mediaops_ops.engines.languages import UNDETERMINED
from mediaops_ops.engines.sound import Span, between
from mediaops_ops.engines.speech import Activity, activity, spans
from mediaops_ops.outcome import Progress, StepError
from mediaops_ops.settings import Settings

if TYPE_CHECKING:
    import faster_whisper
    from faster_whisper.transcribe import Segment as Heard

log = logging.getLogger(__name__)

STRETCH_MILLIS = 28_000
"""Longest stretch decoded as one: Whisper hears 30 seconds at a time."""
GROUP_MILLIS = 1_800_000
"""How much sound is held in memory at once: 115 MB as the model wants it, and half as much again of features."""
BATCH = {"cuda": 16, "cpu": 4}
"""Stretches decoded side by side."""
PRECISION = {"cuda": "float16", "cpu": "int8"}
"""As faster-whisper's authors advise: no loss that can be heard of, a quarter to half of the memory."""


@dataclass(frozen=True)
class Asked:
    """What is asked of every group of stretches alike."""

    language: str | None
    word_times: bool
    glossary: tuple[str, ...]


def listen(
    audio: Path,
    *,
    language: str | None,
    model: str,
    word_times: bool,
    vad: bool,
    glossary: Sequence[str],
    progress: Progress,
) -> Transcript:
    """Write down a sound file; raises StepError (permanent) where the image lacks the engine or the model."""
    settings = Settings.from_environment(os.environ)
    device, whisper = _loaded(found(model, settings.models_dir), model)
    heard = activity(audio)
    cuts = [span for span in spans(heard, STRETCH_MILLIS) if not vad or heard.speaks(*span)]
    groups = grouped([heard.spoken(span) if vad else span for span in cuts])
    asked = Asked(language, word_times, tuple(glossary))
    segments: list[Segment] = []
    words: list[Word] = []
    spoken: Counter[str] = Counter()
    extents = [(group[0][0], group[-1][1]) for group in groups]
    for group, extent, pcm in zip(groups, extents, between(audio, extents), strict=True):
        told, kept = _decoded(whisper, BATCH[device], asked, pcm, group, heard if vad else None)
        own = [_segment(each, group[0][0]) for each in kept]
        segments += own
        words += _words(kept, group[0][0]) if word_times else timed(own, ())
        spoken[told] += sum(len(each.text) for each in own)
        progress(extent[1] / max(1, heard.duration_millis))
    progress(1.0)
    return Transcript(
        engine=TranscribeEngine.FASTER_WHISPER,
        model=model[-63:],
        language=language or (spoken.most_common(1)[0][0] if segments else UNDETERMINED),
        duration_millis=heard.duration_millis,
        word_times="heard" if word_times else "estimated",
        segments=tuple(segments),
        words=tuple(words),
    )


def found(model: str, models_dir: Path) -> Path:
    """Give the folder of a model: a name or a path below the models folder, or a name in Hugging Face's cache there.

    Raises StepError (permanent) where there is none; what lies elsewhere is never opened.
    """
    folder, root = (models_dir / model).resolve(), models_dir.resolve()
    if folder.is_relative_to(root) and _is_model(folder):
        return folder
    cached = _cached(model, models_dir)
    if cached is not None and cached.resolve().is_relative_to(root) and _is_model(cached):
        return cached
    there = sorted(each.name for each in models_dir.glob("*") if _is_model(each))
    names = ", ".join(there)[:200] or "none at all"
    message = f"The model {model[:100]} isn't in the image's models folder; there are: {names}."
    raise StepError(Reason.ENGINE_NOT_INSTALLED, message, permanent=True)


def _is_model(folder: Path) -> bool:
    """Say whether a folder holds a converted model; without its tokenizer the library would look for one outside."""
    return (folder / "model.bin").is_file() and (folder / "tokenizer.json").is_file()


def _cached(model: str, models_dir: Path) -> Path | None:
    try:
        from faster_whisper import download_model
    except ImportError:
        return None
    try:
        return Path(download_model(model, local_files_only=True, cache_dir=str(models_dir)))
    except (ValueError, OSError):  # no name that it knows, or nothing in the cache
        return None


def _loaded(folder: Path, model: str) -> tuple[str, faster_whisper.BatchedInferencePipeline]:
    """Load a model onto the GPU, or onto the processor where there is none; raises StepError."""
    try:
        import ctranslate2
        import faster_whisper
    except ImportError as error:
        message = "The engine faster-whisper isn't in this image; use its target gpu, or another engine."
        raise StepError(Reason.ENGINE_NOT_INSTALLED, message, permanent=True) from error
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    try:
        whisper = faster_whisper.WhisperModel(
            str(folder),
            device=device,
            compute_type=PRECISION[device],
            cpu_threads=len(os.sched_getaffinity(0)),
            local_files_only=True,
        )
    except (RuntimeError, ValueError) as error:
        message = f"The model {model[:100]} can't be loaded: {' '.join(str(error).split())[:200]}."
        raise StepError(Reason.ENGINE_NOT_INSTALLED, message, permanent=True) from error
    log.info("model loaded", extra={"model": model, "device": device})
    return device, faster_whisper.BatchedInferencePipeline(model=whisper)


def grouped(cuts: Sequence[Span]) -> list[list[Span]]:
    """Share spans out to groups that are held in memory together; pure."""
    return [list(group) for _, group in groupby(cuts, key=lambda span: span[0] // GROUP_MILLIS)]


def _decoded(
    whisper: faster_whisper.BatchedInferencePipeline,
    batch: int,
    asked: Asked,
    pcm: bytes,
    group: Sequence[Span],
    heard: Activity | None,
) -> tuple[str, list[Heard]]:
    """Decode a group of stretches; gives its language, and the segments that the guards let pass."""
    import numpy as np

    offset = group[0][0]
    clips = [{"start": (a - offset) / 1000, "end": (b - offset) / 1000} for a, b in group]
    try:
        segments, info = whisper.transcribe(
            np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768,
            language=asked.language,
            clip_timestamps=clips,
            batch_size=batch,
            without_timestamps=False,
            word_timestamps=asked.word_times,
            hotwords=hint(asked.glossary) or None,
        )
        kept = [each for each in segments if _believed(each, offset, heard)]
    except ValueError as error:  # a language that the model doesn't know
        message = f"faster-whisper refuses this: {' '.join(str(error).split())[:200]}"
        raise StepError(Reason.UNSUPPORTED_LANGUAGE, message, permanent=True) from error
    return info.language, kept


def _believed(each: Heard, offset: int, heard: Activity | None) -> bool:
    start, end = offset + round(each.start * 1000), offset + round(each.end * 1000)
    return is_speech(
        Claim(
            each.text,
            log_probability=each.avg_logprob,
            compression=each.compression_ratio,
            no_speech=each.no_speech_prob,
            supported=None if heard is None else heard.supports(start, end),
        )
    )


def _segment(each: Heard, offset: int) -> Segment:
    start = offset + max(0, round(each.start * 1000))
    return Segment(
        text=each.text.strip(),
        start_millis=start,
        end_millis=max(start, offset + round(each.end * 1000)),
        confidence=round(min(1.0, math.exp(each.avg_logprob)), 3),
    )


def _words(kept: Sequence[Heard], offset: int) -> Iterator[Word]:
    """Give the words as they were heard; those that take no time, or only a mark, too."""
    for segment in kept:
        for word in segment.words or ():
            if text := word.word.strip():
                start = offset + max(0, round(word.start * 1000))
                yield Word(
                    text=text[:1024],
                    start_millis=start,
                    end_millis=max(start, offset + round(word.end * 1000)),
                    confidence=round(min(1.0, max(0.0, word.probability)), 3),
                )
