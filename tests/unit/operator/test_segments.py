"""What the operator does about execution.segments: cut, encode side by side, join; and what stays in one piece."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mediaops.models.usage import Usage
from mediaops.models.work import Exit, Termination
from mediaops_operator import kube
from tests.unit.operator.simulation import World, failure

Manifest = dict[str, Any]

LONG = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
execution: {segments: 3}
operations:
- {name: vertical, crop: {aspect: "9:16"}}
- {name: small, input: vertical, compress: {height: 720}}
""")


def only(world: World) -> Manifest:
    (job,) = world.jobs()
    return job


def cut(spec: Manifest = LONG) -> tuple[World, Manifest]:
    """Give a world in which it was found out where to cut, and its Indexed Job."""
    world = World(spec)
    world.settle()
    world.complete(only(world))
    world.settle()
    return world, only(world)


def steps(world: World, job: Manifest) -> list[str]:
    return [step.name for step in world.order(job).steps]


def end_segments(world: World, job: Manifest, failed: dict[int, tuple[int, Termination]]) -> None:
    """End an Indexed Job: each index stores its segment, but for those that fail."""
    order = world.order(job)
    done = [name for index, name in enumerate(order.indexed) if index not in failed]
    for index, name in enumerate(order.indexed):
        pod = world.run(job, index)
        code, said = failed.get(index, (0, None))
        if code == 0:
            world.store(order, name)
        world.end_pod(pod, code, said.model_dump_json(by_alias=True, exclude_none=True) if said else "")
    time = world.api.clock.isoformat()
    condition = {"type": "Failed" if failed else "Complete", "status": "True", "lastTransitionTime": time}
    job["status"] = {"succeeded": len(done), "conditions": [condition]}
    world.api.touch(kube.JOBS, job["metadata"]["name"])


def status(world: World, name: str = "small") -> Manifest:
    found: Manifest = world.processing_jobs()[name]["status"]
    return found


def value(world: World, name: str = "small") -> str:
    return next(v["value"] for v in status(world, name)["values"] if v["name"] == "segments")


def said(step: str, reason: str = "EncodeFailed", **more: Any) -> Termination:
    return Termination(**failure(step, reason, **more).model_dump())


def test_three_jobs_cut_encode_side_by_side_and_join() -> None:
    world = World(LONG)
    world.settle()
    first = only(world)
    assert ["vertical", "small", "small/cuts"] == steps(world, first)
    assert "completionMode" not in first["spec"]
    world.complete(first)
    world.settle()
    second = only(world)
    assert ["small/segment-0", "small/segment-1", "small/segment-2"] == world.order(second).indexed
    assert {"completionMode": "Indexed", "backoffLimitPerIndex": 0, "completions": 3, "parallelism": 3} == {
        name: second["spec"].get(name)
        for name in ("completionMode", "backoffLimitPerIndex", "completions", "parallelism")
    }
    assert "backoffLimit" not in second["spec"]
    end_segments(world, second, {})
    world.settle()
    third = only(world)
    assert ["vertical", "small"] == steps(world, third)
    reads = world.order(third).steps[-1].reads
    assert {"cuts", "segment-0", "segment-1", "segment-2"} == set(reads)
    world.complete(third)
    world.settle()
    assert {"vertical": ("True", "Fused"), "small": ("True", "Completed")} == world.succeeded()
    assert (0, 2) == (status(world)["attempts"], status(world)["jobs"])


def test_after_one_segment_failed_only_that_one_runs_again() -> None:
    world, job = cut()
    world.usage = Usage(cpu_millis=1000)
    end_segments(world, job, {1: (1, said("small/segment-1"))})
    world.settle()
    assert 1 == status(world)["attempts"]
    (told,) = status(world)["failures"]
    assert ("EncodeFailed", 1) == (told["reason"], told["attempt"])
    assert told["logUri"].endswith(f"/{job['metadata']['name']}-1.log")
    world.pass_time(60)
    world.settle()
    again = only(world)
    assert ["small/segment-1"] == world.order(again).indexed
    assert 1 == again["spec"]["completions"]
    end_segments(world, again, {})
    world.settle()
    world.complete(only(world))
    world.settle()
    assert ("True", "Completed") == world.succeeded()["small"]
    assert 4000 == status(world)["cost"]["cpuMillis"]


def test_what_segments_that_failed_used_up_is_charged_for_each() -> None:
    world, job = cut()
    used = said("small/segment-0").model_copy(update={"usage": Usage(cpu_millis=700)})
    end_segments(world, job, {0: (1, used), 2: (1, used)})
    world.settle()
    assert 1400 == status(world)["cost"]["cpuMillis"]
    assert 1 == status(world)["attempts"]


@pytest.mark.parametrize(
    ("codes", "attempts", "reason"),
    [
        ({0: Exit.UNREACHABLE}, 0, "BackingOff"),
        ({0: Exit.UNREACHABLE, 1: Exit.FAILED}, 1, "BackingOff"),
        ({0: Exit.IMPOSSIBLE, 1: Exit.FAILED, 2: Exit.UNREACHABLE}, 1, "EncodeFailed"),
    ],
)
def test_of_several_failures_that_counts_which_says_most(
    codes: dict[int, Exit], attempts: int, reason: str
) -> None:
    world, job = cut()
    failed = {
        index: (int(code), said(f"small/segment-{index}", permanent=code is Exit.IMPOSSIBLE))
        for index, code in codes.items()
    }
    end_segments(world, job, failed)
    world.settle()
    assert attempts == status(world)["attempts"]
    assert reason == world.succeeded()["small"][1]


def test_attempts_run_out_as_ever() -> None:
    world, job = cut()
    for _ in range(3):
        end_segments(world, job, {0: (1, said("small/segment-0"))})
        world.settle()
        world.pass_time(3600)
        world.settle()
        if jobs := world.jobs():
            (job,) = jobs
    assert ("False", "AttemptsExhausted") == world.succeeded()["small"]
    world.annotate("retry", "once-more")
    world.settle()
    assert ["small/segment-0"] == world.order(only(world)).indexed


def test_progress_follows_the_segments_and_never_goes_back() -> None:
    world, job = cut()
    seen = [status(world)["percent"]]
    for done in range(1, 3):
        job["status"] = {"succeeded": done}
        world.run(job, done)
        world.api.touch(kube.JOBS, job["metadata"]["name"])
        world.settle()
        seen.append(status(world)["percent"])
    assert (
        "2 of 3 segments"
        in next(c for c in status(world)["conditions"] if c["type"] == "Succeeded")["message"]
    )
    end_segments(world, job, {})
    world.settle()
    seen.append(status(world)["percent"])
    assert [5, 35, 65, 95] == seen


def test_quality_checks_measure_the_joined_film_in_the_job_that_joins_it() -> None:
    world = World({**LONG, "qualityChecks": {"minVmaf": 90, "maxBlackSeconds": 2}})
    world.figures = {"small/vmaf": {"vmaf": "95.0"}, "small/picture": {"longest_black_seconds": "0.0"}}
    world.settle()
    assert ["vertical", "small", "small/cuts"] == steps(world, only(world))
    world.complete(only(world))
    world.settle()
    assert ["small/segment-0", "small/segment-1", "small/segment-2"] == steps(world, only(world))[2:]
    end_segments(world, only(world), {})
    world.settle()
    joining = only(world)
    assert {"vertical", "small", "small/vmaf", "small/picture"} == set(steps(world, joining))
    world.complete(joining)
    world.settle()
    assert [] == world.jobs()
    assert ("True", "QualityChecksPassed") == world.condition("QualityChecked")
    assert 3 == sum(world.api.job_names.values())


def test_a_check_that_is_added_to_a_joined_film_measures_it_as_any_other() -> None:
    world, job = cut()
    end_segments(world, job, {})
    world.settle()
    world.complete(only(world))
    world.settle()
    world.figures = {"small/vmaf": {"vmaf": "95.0"}}
    world.edit(qualityChecks={"minVmaf": 90})
    world.settle()
    measuring = only(world)
    assert ["vertical", "small", "small/vmaf"] == steps(world, measuring)
    assert {"input"} == set(world.order(measuring).steps[-1].reads)
    world.complete(measuring)
    world.settle()
    assert ("True", "QualityChecksPassed") == world.condition("QualityChecked")


def test_how_long_it_takes_is_not_said_while_segments_are_encoded() -> None:
    world, job = cut()
    world.run(job, 0)
    world.settle()
    assert "secondsLeft" not in status(world)
    assert "secondsLeft" not in world.asset["status"]["progress"]


def test_other_operations_have_a_pass_of_their_own_meanwhile() -> None:
    spec = {**LONG, "operations": [*LONG["operations"], {"name": "poster", "thumbnail": {}}]}
    world = World(spec)
    world.settle()
    assert [["poster"], ["vertical", "small", "small/cuts"]] == [steps(world, job) for job in world.jobs()]


def test_a_file_that_cannot_be_cut_is_made_in_one_piece_and_says_why() -> None:
    world = World(LONG)
    world.cuts = {"count": "1", "segments": "1: its pictures are interlaced."}
    world.settle()
    world.complete(only(world))
    world.settle()
    assert ["vertical", "small"] == steps(world, only(world))
    world.complete(only(world))
    world.settle()
    assert "1: its pictures are interlaced." == value(world)
    assert 0 == status(world)["attempts"]


@pytest.mark.parametrize(
    ("operations", "why"),
    [
        ([{"name": "small", "compress": {"maxSizeBytes": 100_000}}], "maxSizeBytes"),
        ([{"name": "small", "compress": {}, "gpu": 1}], "GPU"),
    ],
)
def test_what_is_no_matter_of_the_file_is_known_without_a_job(operations: list[Manifest], why: str) -> None:
    world = World({**LONG, "operations": operations})
    notes = []
    for _ in range(6):
        world.deliver_all()
        desired = world.visit()
        notes += desired.notes if desired else []
    assert ["small"] == steps(world, only(world))
    assert [True] == [why in note.message for note in notes if note.reason == "InOnePiece"]
    world.complete(only(world))
    world.settle()
    assert why in value(world)


def test_renditions_made_of_one_another_keep_their_one_decode() -> None:
    operations = [
        {"name": "large", "compress": {}},
        {"name": "small", "input": "large", "compress": {"height": 360}},
    ]
    target = {"name": "x", "platform": "x", "media": [{"from": "large"}]}
    world = World({**LONG, "operations": operations, "publish": {"targets": [target]}})
    world.settle()
    job = only(world)
    if world.order(job).ingest:
        world.finish_ingest(job)
        world.settle()
    assert ["large", "small"] == steps(world, only(world))


def test_auto_leaves_a_film_alone_that_is_known_to_be_short() -> None:
    world = World({**LONG, "execution": {"segments": "auto"}})
    world.settle()
    assert "small/cuts" in steps(world, only(world))
    world.asset["status"]["media"]["durationMillis"] = 60_000
    world.api.touch(kube.ASSETS, "clip")
    world.api.remove(kube.JOBS, only(world)["metadata"]["name"])
    world.settle()
    assert ["vertical", "small"] == steps(world, only(world))


def test_other_segments_asked_for_meanwhile_count_no_attempt() -> None:
    world, job = cut()
    world.edit(execution={"segments": 2})
    world.settle()
    end_segments(world, job, {})
    world.settle()
    assert 0 == status(world)["attempts"]
    assert "small/cuts" in steps(world, only(world))


def test_segments_are_no_part_of_what_is_asked_for_so_a_change_runs_nothing() -> None:
    world, job = cut()
    end_segments(world, job, {})
    world.settle()
    world.complete(only(world))
    world.settle()
    jobs = sum(world.api.job_names.values())
    world.edit(execution={"segments": 8})
    world.settle()
    assert jobs == sum(world.api.job_names.values())
    assert ("True", "Succeeded") == world.condition("Ready")


def test_a_restart_in_between_changes_nothing() -> None:
    world, job = cut()
    end_segments(world, job, {})
    world.restart()
    world.settle()
    world.restart()
    world.complete(only(world))
    world.settle()
    assert 3 == sum(world.api.job_names.values())
    assert ("True", "Completed") == world.succeeded()["small"]
