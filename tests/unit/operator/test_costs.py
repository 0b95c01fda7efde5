"""What is charged to whom, each thing once; and what isn't started because it could cost more than it may."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml

from mediaops.models.usage import ModelUsage, Usage
from mediaops.models.work import Exit, Measured, StepResult
from mediaops.prices import LIST_PRICES, Prices
from mediaops_operator import kube
from tests.unit.operator.simulation import World, failure

TWO = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations:
- {name: small, compress: {height: 720}}
- {name: poster, thumbnail: {}}
""")
SPOKEN = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations:
- {name: words, transcribe: {engine: openai}}
- {name: post, caption: {engine: openai, transcriptFrom: words}}
- {name: poster, thumbnail: {}}
""")
PRICES = Prices(date=date(2026, 11, 26), cpu_hour_micro_usd=3_600_000)
"""A microdollar for each millisecond."""
HUNDRED = Usage(cpu_millis=100, bytes_in=1000, bytes_out=10)


def world_of(spec: dict[str, Any], prices: Prices = PRICES, **execution: Any) -> World:
    world = World(spec | {"execution": execution}, prices=prices)
    world.usage = HUNDRED
    world.settle()
    return world


def costs(world: World) -> dict[str, int]:
    """Give what each operation cost in microdollars, and the asset."""
    found = {
        name: ((job.get("status") or {}).get("cost") or {}).get("microUsd", 0)
        for name, job in world.processing_jobs().items()
    }
    return found | {"asset": (world.asset["status"].get("cost") or {}).get("microUsd", 0)}


def test_each_operation_is_charged_what_its_result_says_and_the_asset_their_sum() -> None:
    world = world_of(TWO)
    (job,) = world.jobs()
    world.complete(job)
    world.settle()
    assert costs(world) == {"small": 100, "poster": 100, "asset": 200}
    assert world.asset["status"]["cost"]["bytesIn"] == 2000


def test_cost_needs_no_write_of_its_own() -> None:
    writes = []
    for usage in (None, HUNDRED):
        world = World(TWO, prices=PRICES)
        world.usage = usage
        world.settle()
        world.complete(world.jobs()[0])
        world.settle()
        writes.append(world.api.writes)
    assert writes[0] == writes[1]


def test_a_result_that_was_there_costs_nothing_again() -> None:
    first = world_of(TWO)
    first.complete(first.jobs()[0])
    first.settle()
    again = World(TWO, prices=PRICES)
    again.storage = first.storage
    again.restart()
    again.settle()
    assert ("True", "CachedResult") == again.succeeded()["small"]
    assert costs(again) == {"small": 0, "poster": 0, "asset": 0}


def test_a_failed_attempt_is_charged_to_what_failed_and_stays_over_rounds() -> None:
    world = world_of(TWO)
    (job,) = world.jobs()
    world.store(world.order(job), "poster")
    world.fail(job, Exit.IMPOSSIBLE, failure("small", "InvalidParameters", permanent=True))
    world.settle()
    assert costs(world) == {"small": 100, "poster": 100, "asset": 200}
    world.annotate("retry", "1")
    world.settle()
    world.complete(world.jobs()[0])
    world.settle()
    assert costs(world) == {"small": 200, "poster": 100, "asset": 300}


def test_what_a_job_used_that_no_step_is_named_for_is_charged_once() -> None:
    world = world_of(TWO)
    world.fail(world.jobs()[0], Exit.FAILED, failure(None))
    world.settle()
    assert costs(world)["asset"] == 100


def test_fetching_the_source_is_charged_to_the_asset_also_over_rounds() -> None:
    spec = TWO | {"source": {"url": {"address": "https://example.com/clip.mp4"}}}
    world = world_of(spec)
    world.fail(world.jobs()[0], Exit.IMPOSSIBLE, failure(None, "SourceForbidden", permanent=True))
    world.settle()
    world.annotate("retry", "1")
    world.settle()
    world.finish_ingest(world.jobs()[0])
    world.settle()
    assert world.asset["status"]["ingest"]["cost"]["cpuMillis"] == 200
    assert costs(world)["asset"] == 200


def test_a_prepared_file_is_charged_to_the_operation_that_needs_it() -> None:
    world = world_of(SPOKEN)
    (job,) = [job for job in world.jobs() if world.order(job).steps[-1].type.startswith("prepare")]
    world.complete(job)
    world.settle()
    assert costs(world)["words"] == 100


def test_what_could_exceed_the_budget_is_not_started_and_all_else_is() -> None:
    world = world_of(SPOKEN, LIST_PRICES, budget={"microUsd": 50})
    (job,) = world.jobs()
    assert "post/frames" not in [step.name for step in world.order(job).steps]
    world.complete(job)
    world.usage = None
    world.settle()
    assert world.succeeded()["poster"] == ("True", "Completed")
    assert world.succeeded()["post"] == ("Unknown", "BudgetExceeded")


def test_an_asset_that_only_the_budget_keeps_from_going_on_says_so_and_goes_on_once_it_is_raised() -> None:
    spec = SPOKEN | {"operations": [{"name": "post", "caption": {"engine": "openai"}}]}
    world = world_of(spec, LIST_PRICES, budget={"microUsd": 50})
    assert [] == world.api.of(kube.JOBS)
    assert ("True", "BudgetExceeded") == world.condition("Stalled")
    ready = next(c for c in world.asset["status"]["conditions"] if c["type"] == "Ready")
    assert "$0.00005 of the budget of $0.00005 are left" in ready["message"]
    world.edit(execution={"budget": {"microUsd": 1_000_000}})
    world.settle()
    assert ("False", "Queued") == world.condition("Stalled")
    assert 1 == len(world.jobs())


def test_measuring_that_could_exceed_the_budget_waits_until_it_is_raised() -> None:
    world = world_of(TWO)
    (job,) = world.jobs()
    step, *_ = world.order(job).steps
    world.complete(job)
    ten_minutes_long(world, step.step_key)
    world.settle()
    world.edit(qualityChecks={"maxSilentSeconds": 5}, execution={"budget": {"microUsd": 300}})
    world.settle()
    assert world.jobs() == []
    assert world.condition("QualityChecked") == ("False", "BudgetExceeded")
    said = next(c for c in world.asset["status"]["conditions"] if c["type"] == "QualityChecked")
    assert said["message"] == "measuring may cost up to $0.6, and $0.0001 of the budget of $0.0003 are left"
    world.edit(execution={"budget": {"microUsd": 10**9}})
    world.settle()
    (job,) = world.jobs()
    assert job["metadata"]["name"].startswith("clip-quality-")


def test_a_model_without_a_price_is_not_started_under_a_budget_and_named() -> None:
    caption = {"engine": "openai", "model": "gpt-9"}
    spec = SPOKEN | {"operations": [{"name": "post", "caption": caption}]}
    world = world_of(spec, LIST_PRICES, budget={"microUsd": 10**9})
    ready = next(c for c in world.asset["status"]["conditions"] if c["type"] == "Ready")
    assert "the installation's table of prices doesn't have gpt-9" in ready["message"]
    assert 1 == len(world_of(spec, LIST_PRICES).jobs())


def ten_minutes_long(world: World, step_key: str) -> None:
    """Have a step's result say how long the source is."""
    result = StepResult.model_validate_json(world.storage.objects[f"acme/steps/{step_key}/result.json"])
    world.put_result(result.model_copy(update={"source": Measured(duration_millis=600_000)}))


def test_sound_is_priced_by_its_length_which_is_known_once_it_was_prepared() -> None:
    spec = SPOKEN | {"operations": SPOKEN["operations"][:1]}
    world = world_of(spec, LIST_PRICES, budget={"microUsd": 10_000})
    (job,) = world.jobs()
    (prepared,) = world.order(job).steps
    world.complete(job)
    ten_minutes_long(world, prepared.step_key)  # at 0.006 dollars each
    world.settle()
    assert [] == world.jobs()
    assert world.succeeded()["words"] == ("Unknown", "BudgetExceeded")
    world.edit(execution={"budget": {"microUsd": 70_000}})
    world.settle()
    assert 1 == len(world.jobs())


def test_a_result_that_is_there_is_taken_whatever_the_budget() -> None:
    spec = SPOKEN | {"operations": [{"name": "post", "caption": {"engine": "openai"}}]}
    rich = world_of(spec, LIST_PRICES)
    rich.complete(rich.jobs()[0])
    rich.settle()
    rich.complete(rich.jobs()[0])
    rich.settle()
    assert rich.succeeded()["post"] == ("True", "Completed")
    poor = World(spec | {"execution": {"budget": {"microUsd": 0}}})
    poor.storage = rich.storage
    poor.restart()
    poor.settle()
    assert poor.succeeded()["post"] == ("True", "CachedResult")


def test_tokens_and_minutes_stand_in_status() -> None:
    world = World(SPOKEN, prices=LIST_PRICES)
    used = ModelUsage(engine="openai", model="whisper-1", calls=1, audio_millis=90_000)
    world.settle()
    world.complete(world.jobs()[0])
    world.settle()
    world.usage = Usage(models=[used])
    (job,) = [job for job in world.jobs() if world.members(job) == ["words"]]
    world.complete(job)
    world.settle()
    cost = world.processing_jobs()["words"]["status"]["cost"]
    assert (cost["apiCalls"], cost["apiAudioMillis"], cost["microUsd"]) == (1, 90_000, 9_000)
