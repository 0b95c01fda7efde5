"""Quality checks: measured by the way or by a Job of their own, held against limits, holding back publishing."""

from __future__ import annotations

from typing import Any

import pytest

from mediaops.models.usage import Usage
from mediaops.models.work import Exit
from mediaops_operator import kube
from tests.unit.operator.simulation import KEY, Manifest, World, failure

SPEC: Manifest = {
    "fileType": "video",
    "source": {"object": {"key": "clip.mp4"}},
    "operations": [
        {"name": "tall", "crop": {"width": 320, "height": 240}},
        {"name": "small", "input": "tall", "compress": {"crf": 30}},
    ],
    "qualityChecks": {"minVmaf": 90, "loudness": {"minLufs": -16, "maxLufs": -12}},
}
PUBLISH = {"targets": [{"name": "x", "platform": "x", "text": {"value": "Look."}}]}
GOOD = {
    "small/vmaf": {"vmaf": "93.4"},
    "small/sound": {
        "integrated_lufs": "-14.1",
        "true_peak_dbtp": "-1.2",
        "longest_silent_seconds": "0.7",
    },
}
POOR = GOOD | {"small/vmaf": {"vmaf": "78.2"}}


def world(figures: dict[str, dict[str, str]] = GOOD, *, publish: bool = False, **spec: Any) -> World:
    made = World(SPEC | spec | ({"publish": PUBLISH} if publish else {}))
    made.figures = figures
    made.settle()
    return made


def processed(figures: dict[str, dict[str, str]] = GOOD, *, publish: bool = False, **spec: Any) -> World:
    """Give a world whose pass is done."""
    made = world(figures, publish=publish, **spec)
    [job] = made.jobs()
    made.complete(job)
    made.settle()
    return made


def message(made: World, type_: str = "QualityChecked") -> str:
    return next(c["message"] for c in made.asset["status"]["conditions"] if c["type"] == type_)


def measured(made: World) -> set[str]:
    """Name what a Job that runs is to measure."""
    [job] = made.jobs()
    return {step.name for step in made.order(job).steps if step.type.startswith("measure")}


def test_a_pass_measures_the_files_that_it_makes() -> None:
    made = world()
    [job] = made.jobs()
    steps = {step.name: step for step in made.order(job).steps}
    assert ["tall", "small", "small/sound", "small/vmaf"] == list(steps)
    assert ("small", None) == (steps["small/vmaf"].input, steps["small/vmaf"].job_id)
    assert ("Unknown", "Waiting") == made.condition("QualityChecked")
    made.complete(job)
    made.settle()
    assert ("True", "QualityChecksPassed") == made.condition("QualityChecked")
    assert "small: -14.1 LUFS; small: VMAF 93.4" == message(made)
    assert ("True", "Succeeded") == made.condition("Ready")
    assert 1 == len(made.api.of(kube.JOBS))


def test_without_checks_nothing_is_measured_and_nothing_said() -> None:
    made = world(qualityChecks=None)
    [job] = made.jobs()
    assert ["tall", "small"] == [step.name for step in made.order(job).steps]
    assert "QualityChecked" not in {c["type"] for c in made.asset["status"]["conditions"]}


def test_a_check_that_fails_holds_back_publishing_with_its_figures() -> None:
    made = processed(POOR, publish=True)
    assert ("False", "QualityCheckFailed") == made.condition("QualityChecked")
    assert "small: VMAF 78.2, minVmaf allows at least 90" == message(made)
    states = [made.condition(type_) for type_ in ("Ready", "Reconciling", "Stalled", "Finished", "Published")]
    said = ("QualityCheckFailed",) * 5
    assert ("True", "False", "False", "False", "False") == tuple(status for status, _ in states)
    assert said == tuple(reason for _, reason in states)
    assert "Processed" == made.asset["status"]["phase"]
    assert "revision" in made.asset["status"]["publication"]
    assert "requestId" not in made.asset["status"]["publication"]
    assert {"True"} == {status for status, _ in made.succeeded().values()}


def test_other_limits_release_it_without_a_job_or_a_look_into_storage() -> None:
    made = processed(POOR, publish=True)
    made.storage.down = True
    made.edit(qualityChecks={"minVmaf": 75})
    made.settle()
    assert ("True", "QualityChecksPassed") == made.condition("QualityChecked")
    assert ("Unknown", "DatabaseUnavailable") == made.condition("Published")  # it has got as far as that
    assert 1 == len(made.api.of(kube.JOBS))


def test_without_targets_a_failed_check_is_said_and_nothing_is_left_to_do() -> None:
    made = processed(POOR)
    assert ("True", "QualityCheckFailed") == made.condition("Ready")
    assert ("True", "QualityCheckFailed") == made.condition("Finished")


def test_a_check_that_is_added_measures_only_what_is_missing() -> None:
    made = processed(publish=True)
    keys = {figures["stepKey"] for figures in made.asset["status"]["quality"]["figures"]}
    made.figures |= {"small/picture": {"longest_black_seconds": "4.0", "longest_frozen_seconds": "4.0"}}
    made.edit(qualityChecks=SPEC["qualityChecks"] | {"maxBlackSeconds": 2, "maxSilentSeconds": 1})
    made.settle()
    assert {"small/picture"} == measured(made)  # silence was measured together with loudness
    assert ("Unknown", "Measuring") == made.condition("Published")
    [job] = made.jobs()
    [step] = made.order(job).steps
    assert step.reads["input"].key.endswith(".bin")
    made.complete(job)
    made.settle()
    assert "small: 4.0 s black, maxBlackSeconds allows at most 2" == message(made)
    figures = made.asset["status"]["quality"]["figures"]
    assert keys < {one["stepKey"] for one in figures}


def test_vmaf_that_is_asked_for_later_runs_the_way_to_the_picture_again() -> None:
    made = processed(qualityChecks={"maxSilentSeconds": 5})
    made.edit(qualityChecks={"minVmaf": 90})
    made.settle()
    [job] = made.jobs()
    steps = made.order(job).steps
    assert [("tall", False), ("small", False), ("small/vmaf", True)] == [(s.name, s.stored) for s in steps]
    made.complete(job)
    made.settle()
    assert ("True", "QualityChecksPassed") == made.condition("QualityChecked")


def test_what_can_t_be_measured_has_a_reason_of_its_own() -> None:
    made = processed({"small/vmaf": {"vmaf": "95.0"}}, publish=True)
    assert ("False", "QualityNotMeasurable") == made.condition("QualityChecked")
    assert ("False", "QualityNotMeasurable") == made.condition("Published")
    assert "small: the file has no sound to work on: leave loudness.minLufs out" in message(made)


def test_a_pass_whose_measuring_fails_keeps_its_files_and_a_job_measures_them() -> None:
    made = world()
    [job] = made.jobs()
    made.store(made.order(job), "small", "small/sound")
    made.fail(job, Exit.FAILED, failure("small/vmaf"))
    made.settle()
    assert ("True", "Completed") == made.succeeded()["small"]
    assert {"small/vmaf"} == measured(made)
    [again] = made.jobs()
    made.complete(again)
    made.settle()
    assert ("True", "QualityChecksPassed") == made.condition("QualityChecked")


def test_measuring_is_given_up_after_its_attempts_and_a_retry_opens_it_again() -> None:
    made = processed(qualityChecks={"maxSilentSeconds": 5}, retry={"limit": 2, "backoffSeconds": 10})
    made.edit(qualityChecks={"minVmaf": 90})
    made.settle()
    for wait in (10, 0):
        [job] = made.jobs()
        made.fail(job, Exit.FAILED, failure("small/vmaf", "OutOfMemory"))
        made.settle()
        if wait:
            assert ("Unknown", "BackingOff") == made.condition("QualityChecked")
            made.pass_time(wait)
            made.settle()
    assert ("False", "QualityNotMeasured") == made.condition("QualityChecked")
    assert "OutOfMemory: small/vmaf broke (2 attempts)" == message(made)
    assert [] == made.jobs()
    made.settle()
    assert ("False", "QualityNotMeasured") == made.condition("QualityChecked")
    made.annotate("retry", "again")
    made.settle()
    [job] = made.jobs()
    made.complete(job)
    made.settle()
    assert ("True", "QualityChecksPassed") == made.condition("QualityChecked")
    assert 1 == max(made.api.job_names.values())  # no two Jobs had the same name


def test_an_edited_operation_s_new_file_is_measured_anew() -> None:
    made = processed()
    tall, small = SPEC["operations"]
    made.edit(operations=[tall, small | {"compress": {"crf": 20}}])
    made.settle()
    assert {"small/sound", "small/vmaf"} == measured(made)
    [job] = made.jobs()
    made.complete(job)
    made.settle()
    assert 2 == len(made.asset["status"]["quality"]["figures"])


@pytest.mark.parametrize("asked", ["cancel", "suspend"])
def test_nothing_is_measured_of_an_asset_that_is_stopped(asked: str) -> None:
    made = processed(qualityChecks={"maxSilentSeconds": 5}, publish=True)
    if asked == "cancel":
        made.annotate("cancel", "stop")
    made.edit(qualityChecks={"minVmaf": 90}, suspend=asked == "suspend")
    made.settle()
    assert [] == made.jobs()
    assert {"cancel": "Cancelled", "suspend": "Suspended"}[asked] == made.asset["status"]["phase"]


def test_a_job_that_measures_what_nobody_asks_for_any_more_is_deleted() -> None:
    made = processed(qualityChecks={"maxSilentSeconds": 5})
    made.edit(qualityChecks={"minVmaf": 90})
    made.settle()
    assert 1 == len(made.jobs())
    del made.asset["spec"]["qualityChecks"]
    made.edit()
    made.settle()
    assert [] == made.jobs()
    assert ("True", "Succeeded") == made.condition("Ready")


def test_measuring_is_charged_once() -> None:
    made = world()
    made.usage = Usage(cpu_millis=1000)
    [job] = made.jobs()
    made.complete(job)
    made.settle()
    made.visit()
    assert 2000 == made.asset["status"]["quality"]["cost"]["cpuMillis"]
    # small, and two measurements; what is only passed through has no result
    assert 3000 == made.asset["status"]["cost"]["cpuMillis"]


def test_the_source_is_checked_where_it_is_what_is_published() -> None:
    media = [{"from": "source"}]
    publish = {"targets": [{"name": "x", "platform": "x", "text": {"value": "Look."}, "media": media}]}
    made = World(SPEC | {"publish": publish, "qualityChecks": {"maxSilentSeconds": 2, "minVmaf": 90}})
    made.figures = {"source/sound": {"longest_silent_seconds": "3.0"}}
    made.settle()
    made.finish_ingest(made.jobs()[0])
    made.settle()
    made.complete(made.jobs()[0])
    made.settle()
    assert {"source/sound"} == measured(made)  # of the source there is no VMAF
    made.complete(made.jobs()[0])
    made.settle()
    assert "source: 3.0 s silent, maxSilentSeconds allows at most 2" == message(made)


def test_a_restart_or_a_lost_job_measures_nothing_twice() -> None:
    made = processed(qualityChecks={"maxSilentSeconds": 5})
    made.edit(qualityChecks={"minVmaf": 90})
    made.settle()
    [job] = made.jobs()
    made.store(made.order(job))
    made.api.remove(kube.JOBS, job["metadata"]["name"])
    made.restart()
    made.settle()
    assert [] == made.jobs()
    assert ("True", "QualityChecksPassed") == made.condition("QualityChecked")
    assert KEY.name == made.asset["metadata"]["name"]
