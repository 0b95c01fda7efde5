"""What usage comes to by a table of prices."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mediaops.models.usage import Cost, ModelUsage, Usage
from mediaops.prices import LIST_PRICES, Prices, cost_of, dollars, load_prices
from mediaops.settings import SettingsError

OPENAI = {"engine": "openai", "calls": 1}


def test_tokens_cost_by_the_million_and_cached_ones_less() -> None:
    used = ModelUsage(
        **OPENAI, model="gpt-4o-mini", input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000
    )
    cost = cost_of(Usage(models=[used]), LIST_PRICES)
    assert cost.micro_usd == 90_000 + 30_000 + 60_000
    assert (cost.api_calls, cost.api_input_tokens, cost.api_output_tokens) == (1, 1_000_000, 100_000)


def test_sound_costs_by_the_minute_and_parts_of_a_microdollar_round_up() -> None:
    used = ModelUsage(**OPENAI, model="whisper-1", audio_millis=90_001)
    assert cost_of(Usage(models=[used]), LIST_PRICES).micro_usd == 9_001


def test_a_clusters_own_time_costs_what_the_installation_says() -> None:
    usage = Usage(cpu_millis=1_800_000, gpu_millis=60_000, bytes_in=10**9, bytes_out=5 * 10**8)
    assert cost_of(usage, LIST_PRICES).micro_usd == 0
    prices = Prices(
        date=date(2026, 11, 26),
        cpu_hour_micro_usd=40_000,
        gpu_hour_micro_usd=3_000_000,
        gigabyte_in_micro_usd=10,
        gigabyte_out_micro_usd=20,
    )
    assert cost_of(usage, prices).micro_usd == 20_000 + 50_000 + 10 + 10


def test_a_model_without_a_price_is_counted_and_named() -> None:
    cost = cost_of(Usage(models=[ModelUsage(**OPENAI, model="gpt-9", input_tokens=5)]), LIST_PRICES)
    assert (cost.micro_usd, cost.api_input_tokens, cost.unpriced_models) == (0, 5, ["gpt-9"])
    assert (cost + cost).unpriced_models == ["gpt-9"]


def test_costs_add_up_by_field() -> None:
    assert Cost(micro_usd=1, cpu_millis=2) + Cost(micro_usd=3, bytes_in=4) == Cost(
        micro_usd=4, cpu_millis=2, bytes_in=4
    )


@pytest.mark.parametrize(
    ("amount", "words"), [(0, "$0.00"), (50, "$0.00005"), (1_000_000, "$1.00"), (12_500_000, "$12.5")]
)
def test_amounts_are_written_for_people(amount: int, words: str) -> None:
    assert dollars(amount) == words


def test_the_installations_table_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("{date: 2026-11-26, models: [{engine: openai, model: m, audioMinuteMicroUsd: 7}]}")
    price = load_prices(file).of_model("openai", "m")
    assert price is not None
    assert price.audio_minute_micro_usd == 7
    assert load_prices(None) is LIST_PRICES


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{}", "date"),
        ("{date: 2026-11-26, cpuHour: 1}", "cpuHour"),
        ("{date: 2026-11-26, cpuHourMicroUsd: 0.5}", "cpuHourMicroUsd"),
        ("{date: 2026-11-26, models: [{engine: a, model: b}, {engine: a, model: b}]}", "a/b has two prices"),
        ("[", "MEDIAOPS_PRICES_FILE"),
    ],
)
def test_a_table_that_is_none_is_refused_by_name(tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=fault):
        load_prices(file)
