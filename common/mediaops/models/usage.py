"""What work used up, as the pod that did it measured; and what that adds up to at the installation's prices.

Usage stands in results and termination messages, cost in status. Integers throughout, with their unit in the name.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mediaops.models.base import Model

Amount = Annotated[int, Field(ge=0, le=(1 << 53) - 1)]
"""A sum of anything. JSON numbers are exact up to the bound."""

ModelName = Annotated[str, Field(min_length=1, max_length=63)]

MAX_MODELS = 8
"""Models that one step's usage, or one cost, can name."""


class ModelUsage(Model):
    """What one model of an outside engine was asked, by the engine's own count."""

    engine: Annotated[str, Field(min_length=1, max_length=40)]
    """Name of the engine, such as openai."""
    model: ModelName
    """Name of the model."""
    calls: Amount = 0
    """Answers that it gave."""
    input_tokens: Amount = 0
    """Tokens it read, those from its cache among them."""
    cached_tokens: Amount = 0
    """Of these, tokens that it had in its cache."""
    output_tokens: Amount = 0
    """Tokens it wrote."""
    audio_millis: Amount = 0
    """Milliseconds of sound it listened to, where it counts sound by time."""


class Usage(Model):
    """What a step used up; of a pass, its share."""

    cpu_millis: Amount = 0
    """Processor time in milliseconds."""
    gpu_millis: Amount = 0
    """Time in milliseconds for which GPUs were held, each counted."""
    bytes_in: Amount = 0
    """Bytes received from storage and sources."""
    bytes_out: Amount = 0
    """Bytes of the files it stored."""
    models: Annotated[list[ModelUsage], Field(max_length=MAX_MODELS)] = []
    """What models outside were asked."""


class Cost(Model):
    """What was used up, and what that costs."""

    micro_usd: Amount = 0
    """Millionths of a US dollar, at the prices that held when each part was added."""
    cpu_millis: Amount = 0
    """Processor time in milliseconds."""
    gpu_millis: Amount = 0
    """Time in milliseconds for which GPUs were held, each counted."""
    bytes_in: Amount = 0
    """Bytes received from storage and sources."""
    bytes_out: Amount = 0
    """Bytes stored."""
    api_calls: Amount = 0
    """Answers of outside engines."""
    api_input_tokens: Amount = 0
    """Tokens that outside engines read."""
    api_output_tokens: Amount = 0
    """Tokens that outside engines wrote."""
    api_audio_millis: Amount = 0
    """Milliseconds of sound that outside engines listened to and counted by time."""
    unpriced_models: Annotated[list[ModelName], Field(max_length=MAX_MODELS)] = []
    """Models whose use stands above and isn't in microUsd: the table of prices doesn't have them."""

    def __add__(self, other: Cost) -> Cost:
        """Add two costs up."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        models = dict.fromkeys([*self.unpriced_models, *other.unpriced_models])
        return Cost(**sums, unpriced_models=list(models)[:MAX_MODELS])


_SUMS = tuple(name for name in Cost.model_fields if name != "unpriced_models")
