"""Run caption: texts for each platform and variant, an alternative text, and what they were made from.

A text is complete: its hashtags stand in it, and are listed beside it for who wants them apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediaops.models.work import StepOrder
from mediaops.operations.caption import CaptionEngine, CaptionParameters
from mediaops.reasons import Reason
from mediaops_ops import facts, transcripts
from mediaops_ops.engines import offline_writing, openai_writing
from mediaops_ops.engines.answers import Written
from mediaops_ops.engines.material import Material
from mediaops_ops.outcome import Inputs, OutputFile, StepError, StepOutcome

ANY = "any"
"""Stands for every platform: a text that fits each of them."""

LABELS = {
    CaptionEngine.OFFLINE: "Put together automatically from transcript, attributes and measurements; "
    "no person and no language model wrote or saw it.",
    CaptionEngine.OPENAI: "Written by a language model from frames and transcript; no person has seen it.",
}
"""What caption.json says of its own origin."""


def run(step: StepOrder, inputs: Inputs) -> StepOutcome:
    """Write the texts; raises StepError, and Unreachable where an outside engine stays away."""
    parameters = CaptionParameters.model_validate(step.parameters).resolved(inputs.file_type)
    frames = facts.telling(inputs.frames, openai_writing.FRAMES)
    material = _material(inputs, frames)
    platforms = tuple(dict.fromkeys(step.platforms or parameters.platforms or [ANY]))
    if parameters.engine is CaptionEngine.OFFLINE:
        written = {parameters.language: _offline(parameters, material, platforms)}
        style = offline_writing.known_style(parameters.style)
    else:
        written = openai_writing.write(parameters, material, platforms, frames, inputs.progress)
        style = parameters.style or "neutral"
    texts = tuple(text for each in written.values() for text in each.texts)
    alt_text = written[parameters.language].alt_text
    shortened = [name for each in written.values() for name in each.cut]
    content = {
        "version": 2,
        "engine": parameters.engine.value,
        "model": parameters.model,
        "label": LABELS[parameters.engine],
        "basis": list(material.basis),
        "style": style,
        "language": parameters.language,
        "languages": list(written),
        "texts": [text.wire() for text in texts],
        "altText": alt_text,
        "altTexts": {language: each.alt_text for language, each in written.items()},
        "shortened": shortened,
        "picture": _picture(material),
    }
    path = inputs.work_dir / "caption.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    inputs.progress(1.0)
    values = {
        "engine": parameters.engine.value,
        "style": style,
        "language": parameters.language,
        "basis": ", ".join(material.basis) or "nothing but the file type",
        "alt_text": alt_text[:256],
    }
    if len(written) > 1:
        values["languages"] = ", ".join(written)
    if shortened:
        values["shortened"] = ", ".join(shortened)[:256]
    if parameters.brand_voice and parameters.engine is CaptionEngine.OFFLINE:
        values["unused"] = "brandVoice: only a language model can follow it"
    return StepOutcome(files=(OutputFile(path.name, path, "application/json"),), values=values, texts=texts)


def _material(inputs: Inputs, frames: Sequence[Path]) -> Material:
    """Collect what there is to write from."""
    transcript = None
    if inputs.transcript is not None:
        transcript = transcripts.read(inputs.transcript)
    return Material(
        file_type=inputs.file_type,
        duration_millis=inputs.duration_millis,
        transcript=transcript,
        attributes=inputs.attributes,
        picture=facts.measure(frames),
    )


def _offline(parameters: CaptionParameters, material: Material, platforms: tuple[str, ...]) -> Written:
    """Write without a language model; raises StepError for a language that its own words aren't in."""
    foreign = [code for code in parameters.languages if code != offline_writing.LANGUAGE]
    if foreign:
        raise StepError(
            Reason.UNSUPPORTED_LANGUAGE,
            f"The offline writer writes English (en) only, not {', '.join(foreign)}; use the engine openai.",
            permanent=True,
        )
    texts = offline_writing.write(
        material,
        platforms=platforms,
        variants=parameters.variants,
        style=parameters.style,
        hashtags=parameters.hashtags,
    )
    return Written(tuple(texts), offline_writing.alt_text(material))


def _picture(material: Material) -> dict[str, Any] | None:
    """Give the measurements as caption.json shows them."""
    picture = material.picture
    if picture is None:
        return None
    return {
        "brightness": picture.brightness,
        "colourfulness": picture.colourfulness,
        "colour": picture.colour,
        "shape": picture.shape,
    }
