"""Run caption: texts for each platform and variant, an alternative text, and what they were made from.

A text is complete: its hashtags stand in it, and are listed beside it for who wants them apart.
"""

from __future__ import annotations

import json
from typing import Any

from mediaops.models.work import PostText, StepOrder
from mediaops.operations.caption import CaptionEngine, CaptionParameters
from mediaops.reasons import Reason
from mediaops.transcript import Transcript
from mediaops_ops import facts
from mediaops_ops.engines import offline_writing, openai_writing
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
    material = _material(inputs)
    platforms = tuple(dict.fromkeys(step.platforms or parameters.platforms or [ANY]))
    if parameters.engine is CaptionEngine.OFFLINE:
        texts, alt_text = _offline(parameters, material, platforms)
        style = offline_writing.known_style(parameters.style)
    else:
        texts, alt_text = openai_writing.write(parameters, material, platforms, inputs.frames)
        style = parameters.style or "neutral"
    content = {
        "version": 1,
        "engine": parameters.engine.value,
        "model": parameters.model,
        "label": LABELS[parameters.engine],
        "basis": list(material.basis),
        "style": style,
        "language": parameters.language,
        "texts": [text.wire() for text in texts],
        "altText": alt_text,
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
    return StepOutcome(
        files=(OutputFile(path.name, path, "application/json"),), values=values, texts=tuple(texts)
    )


def _material(inputs: Inputs) -> Material:
    """Collect what there is to write from."""
    transcript = None
    if inputs.transcript is not None:
        transcript = Transcript.model_validate_json(inputs.transcript.read_bytes())
    return Material(
        file_type=inputs.file_type,
        duration_millis=inputs.duration_millis,
        transcript=transcript,
        attributes=inputs.attributes,
        picture=facts.measure(inputs.frames),
    )


def _offline(
    parameters: CaptionParameters, material: Material, platforms: tuple[str, ...]
) -> tuple[list[PostText], str]:
    """Write without a language model; raises StepError for a language that its own words aren't in."""
    if parameters.language != offline_writing.LANGUAGE:
        raise StepError(
            Reason.UNSUPPORTED_LANGUAGE,
            f"The offline writer writes English (en) only, not {parameters.language}; use the engine openai.",
            permanent=True,
        )
    texts = offline_writing.write(
        material,
        platforms=platforms,
        variants=parameters.variants,
        style=parameters.style,
        hashtags=parameters.hashtags,
    )
    return texts, offline_writing.alt_text(material)


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
