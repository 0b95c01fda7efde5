"""What an operation may use at most, told before it runs: for budgets, so rather too much than too little. Pure."""

from __future__ import annotations

from mediaops.models.usage import ModelUsage, Usage
from mediaops.operations.caption import CaptionParameters
from mediaops.operations.transcribe import TranscribeParameters
from mediaops.planner import Step
from mediaops.platforms import text_limit

WRITING_ASKS = 3
"""How often the texts of one language are asked for at most."""
TASK_TOKENS = 1500
"""Instructions, schema and task, without what the asset adds."""
FRAME_TOKENS = 2900
"""One frame at low detail, by the dearest count among the models (gpt-4o-mini; most count 85)."""
FRAMES = 4
MATERIAL_TOKENS = 6000
"""The transcript's part that is sent, a token for each character."""
TRANSCRIPT_TOKENS_PER_MINUTE = 400
"""Fast speech, 250 words a minute, written down."""
SOUND_TOKENS_PER_MINUTE = 1200
"""What models that count sound by tokens make of a minute."""

TRANSLATION_TASK_TOKENS = 800
"""Instructions, schema and what goes before, of a batch of cues; batches are of two minutes, estimated as of one."""
TRANSLATED_TOKENS_PER_MINUTE = 1200
"""The same speech as JSON, cue by cue."""

OUTSIDE_WORK = 0.1
"""Seconds of one processor for a second of media that an outside engine works on."""
GPU_FACTOR = 2.0
"""Seconds for which a GPU is held for a second of media."""
MEASURING_WORK = 1.0
"""Seconds of one processor for a second of media that is measured; VMAF, the dearest, compares two films."""


def estimate(step: Step, duration_millis: int | None) -> Usage:
    """Give what an operation may use; of media whose length isn't known, only what doesn't depend on it.

    An outside engine that listens is asked only once its sound has been prepared, and then the length is known.
    """
    parameters = step.operation.parameters
    length = duration_millis or 0
    models: list[ModelUsage] = []
    if isinstance(parameters, CaptionParameters) and step.placement.engine:
        models = [_writing(step.placement.engine, parameters, step)]
    elif isinstance(parameters, TranscribeParameters) and step.placement.engine:
        models = _listening(step.placement.engine, parameters, length)
    outside = (
        step.placement.engine is not None and getattr(parameters, "engine", None) == step.placement.engine
    )
    factor = OUTSIDE_WORK if outside else step.operation.operation.work
    return Usage(
        cpu_millis=round(length * factor),
        gpu_millis=round(length * GPU_FACTOR) * step.placement.gpu,
        models=models,
    )


def estimate_measuring(measurements: int, duration_millis: int | None) -> Usage:
    """Give what so many measurements of media of a length may use."""
    return Usage(cpu_millis=round((duration_millis or 0) * MEASURING_WORK) * measurements)


def _listening(engine: str, parameters: TranscribeParameters, length: int) -> list[ModelUsage]:
    """Give what listening and translating may take; whoever listens, translations are an outside engine's."""
    minutes = -(-length // 60_000)
    models = []
    if parameters.engine == engine:
        models.append(
            ModelUsage(
                engine=engine,
                model=parameters.model or "",
                calls=1,
                input_tokens=SOUND_TOKENS_PER_MINUTE * minutes,
                output_tokens=TRANSCRIPT_TOKENS_PER_MINUTE * minutes,
                audio_millis=length,
            )
        )
    if parameters.translate_to:
        terms = sum(len(term) for term in parameters.glossary or ())
        batch = TRANSLATION_TASK_TOKENS + terms
        read = (
            batch + TRANSLATED_TOKENS_PER_MINUTE
        ) * WRITING_ASKS + TRANSLATED_TOKENS_PER_MINUTE * WRITING_ASKS
        languages = len(parameters.translate_to)
        models.append(
            ModelUsage(
                engine=engine,
                model=parameters.translation_model or "",
                calls=minutes * WRITING_ASKS * languages,
                input_tokens=read * minutes * languages,
                output_tokens=TRANSLATED_TOKENS_PER_MINUTE * minutes * WRITING_ASKS * languages,
            )
        )
    return models


def _writing(engine: str, parameters: CaptionParameters, step: Step) -> ModelUsage:
    """Give what writing a caption may take: every language asked for as often as it can be."""
    answer = sum(text_limit(name).most // 2 + 60 for name in step.platforms) * parameters.variants + 400
    noted = sum(len(name) + len(value) for name, value in step.attributes.items())
    asked = TASK_TOKENS + len(parameters.brand_voice or "") + noted
    first = asked + FRAMES * FRAME_TOKENS + MATERIAL_TOKENS
    read = 0
    for number, _ in enumerate(parameters.languages):
        start = asked + answer if number else first
        # Each further try reads all that was said before.
        read += sum(start + tries * answer for tries in range(WRITING_ASKS))
    written = answer * WRITING_ASKS * len(parameters.languages)
    calls = WRITING_ASKS * len(parameters.languages)
    return ModelUsage(
        engine=engine, model=parameters.model or "", calls=calls, input_tokens=read, output_tokens=written
    )
