"""What use costs: a table of prices that the installation can set, and what usage comes to by it. Pure.

All prices are integers in millionths of a US dollar (1,000,000 is one dollar). The chart mounts the table as one YAML
file; without it the one below holds, which has models' prices as of its date, unchecked against the vendor's own page
(decision 0060), and nothing for the cluster's own time, because that has no list price.

    date: 2026-11-26
    cpuHourMicroUsd: 40000
    models:
      - {engine: openai, model: gpt-4o-mini, millionInputTokensMicroUsd: 150000, millionOutputTokensMicroUsd: 600000}
      - {engine: openai, model: whisper-1, audioMinuteMicroUsd: 6000}
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, Field, ValidationError, field_validator

from mediaops.models.base import Model
from mediaops.models.usage import MAX_MODELS, Cost, ModelUsage, Usage
from mediaops.settings import SettingsError

MicroUsd = Annotated[int, Field(ge=0, le=10**12)]
"""Millionths of a US dollar."""

HOUR = 3_600_000
"""Milliseconds of an hour."""
MINUTE = 60_000
MILLION = 10**6
GIGABYTE = 10**9


class ModelPrice(Model):
    """What one model of an outside engine costs."""

    model_config = ConfigDict(extra="forbid")

    engine: Annotated[str, Field(min_length=1, max_length=40)]
    model: Annotated[str, Field(min_length=1, max_length=63)]
    million_input_tokens_micro_usd: MicroUsd = 0
    """A million tokens read."""
    million_cached_tokens_micro_usd: MicroUsd | None = None
    """A million tokens read that it had in its cache. Default: as any other."""
    million_output_tokens_micro_usd: MicroUsd = 0
    """A million tokens written."""
    audio_minute_micro_usd: MicroUsd = 0
    """A minute of sound listened to."""


class Prices(Model):
    """The table."""

    model_config = ConfigDict(extra="forbid")

    date: date
    """The day on which the prices were looked up."""
    cpu_hour_micro_usd: MicroUsd = 0
    """An hour of one processor."""
    gpu_hour_micro_usd: MicroUsd = 0
    """An hour of one GPU."""
    gigabyte_in_micro_usd: MicroUsd = 0
    """A gigabyte (10⁹ bytes) received."""
    gigabyte_out_micro_usd: MicroUsd = 0
    """A gigabyte (10⁹ bytes) stored."""
    models: Annotated[list[ModelPrice], Field(max_length=256)] = []

    @field_validator("models")
    @classmethod
    def _each_once(cls, models: list[ModelPrice]) -> list[ModelPrice]:
        names = [(price.engine, price.model) for price in models]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"{'/'.join(twice)} has two prices")
        return models

    def of_model(self, engine: str, model: str) -> ModelPrice | None:
        """Give a model's price; None if the table hasn't got it."""
        return next((p for p in self.models if (p.engine, p.model) == (engine, model)), None)


def _charge(amount: int, price: int, per: int) -> int:
    """Give what an amount costs at a price per so much of it, rounded up."""
    return -(-amount * price // per)


def _of_model(used: ModelUsage, price: ModelPrice) -> int:
    cached = price.million_cached_tokens_micro_usd
    if cached is None:
        cached = price.million_input_tokens_micro_usd
    return (
        _charge(used.input_tokens - used.cached_tokens, price.million_input_tokens_micro_usd, MILLION)
        + _charge(used.cached_tokens, cached, MILLION)
        + _charge(used.output_tokens, price.million_output_tokens_micro_usd, MILLION)
        + _charge(used.audio_millis, price.audio_minute_micro_usd, MINUTE)
    )


def cost_of(usage: Usage, prices: Prices) -> Cost:
    """Give what usage comes to; models without a price are counted, named, and cost nothing here."""
    micro_usd = (
        _charge(usage.cpu_millis, prices.cpu_hour_micro_usd, HOUR)
        + _charge(usage.gpu_millis, prices.gpu_hour_micro_usd, HOUR)
        + _charge(usage.bytes_in, prices.gigabyte_in_micro_usd, GIGABYTE)
        + _charge(usage.bytes_out, prices.gigabyte_out_micro_usd, GIGABYTE)
    )
    unpriced = []
    for used in usage.models:
        price = prices.of_model(used.engine, used.model)
        if price is None:
            unpriced.append(used.model)
        else:
            micro_usd += _of_model(used, price)
    return Cost(
        micro_usd=micro_usd,
        cpu_millis=usage.cpu_millis,
        gpu_millis=usage.gpu_millis,
        bytes_in=usage.bytes_in,
        bytes_out=usage.bytes_out,
        api_calls=sum(used.calls for used in usage.models),
        api_input_tokens=sum(used.input_tokens for used in usage.models),
        api_output_tokens=sum(used.output_tokens for used in usage.models),
        api_audio_millis=sum(used.audio_millis for used in usage.models),
        unpriced_models=list(dict.fromkeys(unpriced))[:MAX_MODELS],
    )


def dollars(micro_usd: int) -> str:
    """Write an amount for people, such as $0.0123."""
    whole, rest = divmod(micro_usd, MILLION)
    return f"${whole}.{f'{rest:06d}'.rstrip('0') or '00'}"


def _chat(model: str, read: int, cached: int, written: int) -> ModelPrice:
    return ModelPrice(
        engine="openai",
        model=model,
        million_input_tokens_micro_usd=read,
        million_cached_tokens_micro_usd=cached,
        million_output_tokens_micro_usd=written,
    )


LIST_PRICES = Prices(
    date=date(2026, 11, 26),
    models=[
        _chat("gpt-4o-mini", 150_000, 75_000, 600_000),
        _chat("gpt-4o", 2_500_000, 1_250_000, 10_000_000),
        _chat("gpt-4.1", 2_000_000, 500_000, 8_000_000),
        _chat("gpt-4.1-mini", 400_000, 100_000, 1_600_000),
        _chat("gpt-4.1-nano", 100_000, 25_000, 400_000),
        # What these two read is sound, whose tokens cost more than a prompt's, which is short.
        _chat("gpt-4o-transcribe", 6_000_000, 6_000_000, 10_000_000),
        _chat("gpt-4o-mini-transcribe", 3_000_000, 3_000_000, 5_000_000),
        ModelPrice(engine="openai", model="whisper-1", audio_minute_micro_usd=6_000),
    ],
)
"""List prices, as pages about them give them (decision 0060); check them against your own contract."""


def load_prices(path: Path | None) -> Prices:
    """Read the installation's table, or give the list prices; raises SettingsError where the file is none."""
    if path is None:
        return LIST_PRICES
    try:
        return Prices.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(f"MEDIAOPS_PRICES_FILE: {path}: {error}") from None
