"""What the operator does about everything that can become of Jobs: found, run, tried again, given up."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mediaops.models.work import Exit, StepResult
from mediaops_operator import kube
from mediaops_operator.inbox import JobNews
from tests.unit.operator.simulation import World, failure

FOUR = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations:
- {name: transcript, transcribe: {}}
- {name: vertical, crop: {aspect: "9:16"}}
- {name: small, input: vertical, compress: {height: 720}}
- {name: poster, thumbnail: {}}
""")


def running(spec: dict[str, Any] = FOUR, **more: Any) -> tuple[World, dict[str, Any]]:
    """Give a world whose one Job was made, and that Job."""
    world = World(spec, **more)
    world.settle()
    (job,) = world.jobs()
    return world, job


def test_every_condition_stands_after_the_first_visit() -> None:
    world = World(FOUR)
    world.visit()
    types = [c["type"] for c in world.asset["status"]["conditions"]]
    wanted = [
        "Ready",
        "Reconciling",
        "Stalled",
        "Finished",
        "SourceReady",
        "Processed",
        "Published",
        "Persisted",
    ]
    assert wanted == types


def test_what_succeeds_is_recorded_once_and_then_left_alone() -> None:
    world, job = running()
    world.complete(job)
    world.settle()
    assert ("True", "Succeeded") == world.condition("Finished")
    assert world.succeeded() == {
        "transcript": ("True", "Completed"),
        "vertical": ("True", "Fused"),
        "small": ("True", "Completed"),
        "poster": ("True", "Completed"),
    }
    writes = world.api.writes
    world.restart()
    world.settle()
    world.pass_time(3600)
    world.settle()
    assert writes == world.api.writes


def test_results_that_are_there_already_need_no_job() -> None:
    first, job = running()
    first.complete(job)
    first.settle()
    again = World(FOUR)
    again.storage = first.storage
    again.restart()
    again.settle()
    assert [] == again.api.of(kube.JOBS)
    assert ("True", "CachedResult") == again.succeeded()["small"]
    assert ("True", "Succeeded") == again.condition("Ready")


def test_a_missing_source_is_said_and_nothing_runs_until_a_retry() -> None:
    world = World(FOUR)
    content = world.storage.objects.pop("acme/clip.mp4")
    world.settle()
    assert ("True", "SourceNotFound") == world.condition("Stalled")
    assert ("True", "SourceNotFound") == world.condition("Finished")
    world.storage.objects["acme/clip.mp4"] = content
    world.settle()
    assert [] == world.jobs()
    world.annotate("retry", "1")
    world.settle()
    assert 1 == len(world.jobs())


def test_what_cannot_succeed_fails_at_once_and_what_needs_it_with_it() -> None:
    world, job = running()
    world.store(world.order(job), "transcript", "poster")
    world.fail(job, Exit.IMPOSSIBLE, failure("vertical", "InvalidParameters", permanent=True))
    world.settle()
    assert world.succeeded() == {
        "transcript": ("True", "Completed"),
        "vertical": ("False", "InvalidParameters"),
        "small": ("False", "DependencyFailed"),
        "poster": ("True", "Completed"),
    }
    assert ("True", "OperationFailed") == world.condition("Finished")
    assert 0 == world.processing_jobs()["small"]["status"]["attempts"]
    assert [] == world.jobs()


def test_a_failure_that_names_no_step_counts_for_every_member_and_the_third_attempt_runs_apart() -> None:
    world, job = running()
    world.fail(job, 1)
    world.settle()
    attempts = {n: pj["status"]["attempts"] for n, pj in world.processing_jobs().items()}
    assert {1} == set(attempts.values())
    assert {("Unknown", "BackingOff")} == set(world.succeeded().values())
    assert [] == world.jobs()
    world.pass_time(11)
    world.settle()
    (second,) = world.jobs()
    assert second["metadata"]["name"] != job["metadata"]["name"]
    world.fail(second, 1)
    world.settle()
    world.pass_time(21)
    world.settle()
    apart = sorted(world.members(j) for j in world.jobs())
    assert [["poster"], ["transcript"], ["vertical", "small"]] == apart
    for third in world.jobs():
        world.fail(third, 1)
    world.settle()
    reasons = {reason for _, reason in world.succeeded().values()}
    assert {"AttemptsExhausted"} == reasons
    assert ("True", "OperationFailed") == world.condition("Stalled")


def test_a_failure_that_names_a_step_counts_for_that_one_only() -> None:
    world, job = running()
    world.fail(job, 1, failure("poster"))
    world.settle()
    attempts = {n: pj["status"]["attempts"] for n, pj in world.processing_jobs().items()}
    assert {"transcript": 0, "vertical": 0, "small": 0, "poster": 1} == attempts
    (rest,) = world.jobs()  # goes on at once, while the poster waits
    assert ["transcript", "vertical", "small"] == world.members(rest)


@pytest.mark.parametrize(
    ("code", "exit_reason", "reason", "counted"),
    [
        (Exit.UNREACHABLE, "Error", "BackendUnavailable", 0),
        (Exit.DEADLINE, "Error", "DeadlineExceeded", 1),
        (Exit.DISK_FULL, "Error", "DiskFull", 1),
        (137, "OOMKilled", "OutOfMemory", 1),
        (139, "Error", "PassFailed", 1),
    ],
)
def test_an_exit_code_says_what_happened_and_whether_it_counts(
    code: int, exit_reason: str, reason: str, counted: int
) -> None:
    world, job = running()
    world.fail(job, code, exit_reason=exit_reason)
    world.settle()
    status = world.processing_jobs()["small"]["status"]
    (failed,) = status["failures"]
    assert (counted, reason, code) == (status["attempts"], failed["reason"], failed["exitCode"])
    assert 1 == status["jobs"]


def test_storage_that_is_down_is_waited_for_and_counts_nothing() -> None:
    world, job = running()
    world.storage.down = True
    world.complete_without_storage(job)
    world.settle()
    assert {"Unknown"} == {status for status, _ in world.succeeded().values()}
    assert ("False", "StorageUnavailable") == world.condition("Ready")
    assert world.last is not None
    assert world.last.wake_at is not None
    world.storage.down = False
    world.settle()
    assert ("True", "Succeeded") == world.condition("Finished")


def test_an_interrupted_pod_is_replaced_and_nothing_counts() -> None:
    world, job = running()
    world.interrupt(job)
    world.settle()
    world.complete(job)
    world.settle()
    assert {0} == {pj["status"]["attempts"] for pj in world.processing_jobs().values()}
    assert ("True", "Succeeded") == world.condition("Finished")


def test_a_job_deleted_by_somebody_is_made_again_and_nothing_counts() -> None:
    world, job = running()
    world.api.remove(kube.JOBS, job["metadata"]["name"])
    world.settle()
    (again,) = world.jobs()
    assert again["metadata"]["name"] != job["metadata"]["name"]
    status = world.processing_jobs()["small"]["status"]
    assert (0, 1, "JobDeleted") == (status["attempts"], status["jobs"], status["failures"][0]["reason"])


def test_a_retry_opens_the_next_round_for_what_failed_only() -> None:
    world, job = running()
    world.store(world.order(job), "transcript", "small")
    world.fail(job, Exit.IMPOSSIBLE, failure("poster", permanent=True))
    world.settle()
    world.annotate("retry", "again")
    world.settle()
    (next_round,) = world.jobs()
    assert ["poster"] == world.members(next_round)
    assert world.order(next_round).source is not None
    world.complete(next_round)
    world.settle()
    assert ("True", "Succeeded") == world.condition("Ready")
    assert 2 == world.asset["status"]["round"]
    assert {"retry": "again"} == world.asset["status"]["lastHandled"]


def test_a_retry_after_bad_media_looks_at_the_source_again() -> None:
    world, job = running()
    world.fail(job, Exit.IMPOSSIBLE, failure(None, "InvalidMedia", permanent=True))
    world.settle()
    assert ("False", "InvalidMedia") == world.succeeded()["small"]
    world.storage.objects["acme/clip.mp4"] = b"another, whole video"
    before = {pj["spec"]["stepKey"] for pj in world.processing_jobs().values()}
    world.annotate("retry", "1")
    world.settle()
    after = {pj["spec"]["stepKey"] for pj in world.processing_jobs().values()}
    assert before.isdisjoint(after)
    assert 1 == len(world.jobs())


def test_suspended_assets_get_no_jobs_and_running_ones_are_left() -> None:
    world = World(FOUR | {"suspend": True})
    world.settle()
    assert [] == world.jobs()
    assert ("False", "Suspended") == world.condition("Ready")
    assert ("False", "Suspended") == world.condition("Finished")
    world.edit(suspend=False)
    world.settle()
    (job,) = world.jobs()
    world.edit(suspend=True)
    world.settle()
    assert [job["metadata"]["name"]] == [j["metadata"]["name"] for j in world.jobs()]


def test_a_cancelled_asset_ends_and_nothing_is_left_running() -> None:
    world, _ = running()
    world.annotate("cancel", "stop")
    # The database is away: what isn't posted could not be withdrawn, but nothing was to be posted.
    world.settle()
    assert [] == world.jobs()
    assert [] == world.api.of(kube.SECRETS)
    assert ("True", "Cancelled") == world.condition("Finished")
    assert {("False", "Cancelled")} == set(world.succeeded().values())


def test_an_edited_operation_reruns_only_what_depends_on_it() -> None:
    world, job = running()
    world.complete(job)
    world.settle()
    before = {n: pj["metadata"]["uid"] for n, pj in world.processing_jobs().items()}
    edited = [*FOUR["operations"][:2], {"name": "small", "input": "vertical", "compress": {"height": 480}}]
    world.edit(operations=[*edited, FOUR["operations"][3]])
    world.settle()
    (again,) = world.jobs()
    assert ["small"] == world.members(again)
    assert ["vertical", "small"] == [step.name for step in world.order(again).steps]
    world.complete(again)
    world.settle()
    after = {n: pj["metadata"]["uid"] for n, pj in world.processing_jobs().items()}
    assert {"small"} == {n for n in after if after[n] != before[n]}
    assert ("True", "Succeeded") == world.condition("Ready")


def test_reprocessing_with_the_same_versions_finds_everything() -> None:
    world, job = running()
    world.complete(job)
    world.settle()
    before = {pj["metadata"]["name"] for pj in world.processing_jobs().values()}
    world.annotate("reprocess", "v2")
    world.settle()
    after = {pj["metadata"]["name"] for pj in world.processing_jobs().values()}
    assert before.isdisjoint(after)
    assert [] == world.jobs()
    assert ("True", "Succeeded") == world.condition("Finished")
    assert ("True", "CachedResult") == world.succeeded()["small"]


def test_an_operation_removed_while_it_runs_loses_its_job() -> None:
    world, job = running(FOUR | {"operations": [FOUR["operations"][3]]})
    world.edit(operations=[FOUR["operations"][0]])
    world.settle()
    assert job["metadata"]["name"] not in [j["metadata"]["name"] for j in world.api.of(kube.JOBS)]
    assert {"transcript"} == set(world.processing_jobs())


def test_a_skipped_operation_completes_and_says_why() -> None:
    world, job = running()
    order = world.order(job)
    world.store(order, "small", "poster")
    skipped = StepResult(
        step_key=order.steps[0].step_key, type="transcribe", job=order.job, skipped="NoAudio"
    )
    world.put_result(skipped)
    world.end(job, world.run(job), 0)
    world.settle()
    assert ("True", "Skipped") == world.succeeded()["transcript"]
    assert ("True", "Succeeded") == world.condition("Ready")


def test_a_required_operation_fails_on_what_was_skipped_for_an_asset_that_did_not_require_it() -> None:
    first, other = FOUR["operations"][0], FOUR["operations"][3]
    world, job = running(FOUR | {"operations": [first]})
    order = world.order(job)
    step = order.steps[0].step_key
    world.put_result(StepResult(step_key=step, type="transcribe", job=order.job, skipped="NoAudio"))
    world.end(job, world.run(job), 0)
    world.settle()
    world.edit(operations=[{**first, "required": True}, other])
    world.settle()
    assert ("False", "NoAudio") == world.succeeded()["transcript"]


def test_an_outside_engine_runs_by_itself_on_audio_prepared_in_the_pass_that_decodes() -> None:
    operations = [{"name": "transcript", "transcribe": {"engine": "openai"}}, FOUR["operations"][3]]
    world, job = running(FOUR | {"operations": operations})
    assert ["poster", "transcript"] == sorted(world.members(job))
    assert "credential" not in str(job["spec"]["template"])
    world.complete(job)
    world.settle()
    (engine,) = world.jobs()
    assert ["transcript"] == world.members(engine)
    volumes = engine["spec"]["template"]["spec"]["volumes"]
    secrets = [v["secret"] for v in volumes if "secret" in v]
    assert {"key": "mediaops-credential", "path": "mediaops-credential"} in [
        item for secret in secrets for item in secret.get("items", [])
    ]
    world.complete(engine)
    world.settle()
    assert ("True", "Succeeded") == world.condition("Ready")


def test_a_source_from_elsewhere_is_fetched_first() -> None:
    spec = FOUR | {"source": {"googleDrive": {"fileId": "abc", "secretRef": {"name": "drive"}}}}
    world, ingest = running(spec)
    order = world.order(ingest)
    assert order.ingest is not None
    assert "abc" == order.ingest.google_drive_file_id
    assert ("Unknown", "Ingesting") == world.condition("SourceReady")
    assert {} == world.processing_jobs()
    world.fail(ingest, 1, failure(None, "SourceUnreachable"))
    world.settle()
    assert ("Unknown", "BackingOff") == world.condition("SourceReady")
    world.pass_time(15)
    world.settle()
    (second,) = world.jobs()
    world.finish_ingest(second)
    world.settle()
    assert ("True", "Ingested") == world.condition("SourceReady")
    (media,) = world.jobs()
    assert world.order(media).source.sha256 == "a" * 64  # type: ignore[union-attr]
    world.complete(media)
    world.settle()
    assert ("True", "Succeeded") == world.condition("Ready")


def test_a_source_that_never_answers_is_given_up_after_the_round() -> None:
    world, ingest = running(FOUR | {"source": {"url": {"address": "https://a.test/a.mp4"}}})
    for _ in range(2):
        world.fail(ingest, Exit.UNREACHABLE, failure(None, "SourceUnreachable"))
        world.settle()
        world.pass_time(60)
        world.settle()
        (ingest,) = world.jobs()
    world.fail(ingest, Exit.UNREACHABLE, failure(None, "SourceUnreachable"))
    world.settle()
    assert ("False", "SourceUnreachable") == world.condition("SourceReady")
    assert [] == world.jobs()


def test_a_source_that_is_refused_fails_the_asset_without_another_attempt() -> None:
    world, ingest = running(FOUR | {"source": {"url": {"address": "https://a.test/a.mp4"}}})
    world.fail(ingest, Exit.IMPOSSIBLE, failure(None, "SourceForbidden", permanent=True))
    world.settle()
    assert ("False", "SourceForbidden") == world.condition("SourceReady")
    assert ("True", "SourceForbidden") == world.condition("Finished")
    assert [] == world.jobs()


def test_a_source_that_stays_out_of_reach_is_given_up_after_the_round_s_attempts() -> None:
    source = {"url": {"address": "https://a.test/a.mp4"}}
    world, ingest = running(FOUR | {"source": source, "retry": {"limit": 1}})
    world.fail(ingest, Exit.UNREACHABLE, failure(None, "SourceUnreachable"))
    world.settle()
    assert ("False", "SourceUnreachable") == world.condition("SourceReady")
    assert ("True", "SourceUnreachable") == world.condition("Finished")
    assert [] == world.jobs()


def test_an_unknown_profile_and_a_namespace_without_workspace_are_said() -> None:
    world = World(FOUR | {"execution": {"profile": "fast"}})
    world.settle()
    assert ("True", "UnknownProfile") == world.condition("Stalled")
    world = World(FOUR)
    world.cache.put_namespace({"metadata": {"name": "acme"}})
    world.settle()
    assert ("True", "NoWorkspace") == world.condition("Stalled")


def test_a_stored_source_that_is_itself_to_be_posted_is_ingested_for_its_hash() -> None:
    target = {"name": "x", "platform": "x", "media": [{"from": "source"}], "text": {"value": "a"}}
    world, ingest = running(FOUR | {"publish": {"targets": [target]}})
    order = world.order(ingest)
    assert order.ingest is not None
    assert order.source is not None
    assert ("acme/clip.mp4", "e" * 32) == (order.source.key, order.source.etag)
    world.finish_ingest(ingest)
    world.settle()
    assert "sha256:" + "a" * 64 == world.asset["status"]["media"]["identity"]


def test_a_target_added_later_that_posts_the_source_has_it_ingested_and_reruns_nothing() -> None:
    world, job = running()
    world.complete(job)
    world.settle()
    target = {"name": "x", "platform": "x", "media": [{"from": "source"}], "text": {"value": "a"}}
    world.edit(publish={"targets": [target]})
    world.settle()
    (ingest,) = world.jobs()
    assert world.order(ingest).ingest is not None
    world.finish_ingest(ingest)
    world.settle()
    assert [] == world.jobs()
    assert {"4/4"} == {world.asset["status"]["progress"]["summary"]}


def test_a_processing_job_that_somebody_deleted_is_found_again_by_its_result() -> None:
    world, job = running()
    world.complete(job)
    world.settle()
    name = world.processing_jobs()["small"]["metadata"]["name"]
    world.api.remove(kube.PROCESSING_JOBS, name)
    world.settle()
    assert ("True", "CachedResult") == world.succeeded()["small"]
    assert ("True", "Succeeded") == world.condition("Finished")


def test_a_deadline_counts_for_those_that_were_not_found_to_be_impossible_before() -> None:
    world, job = running()
    world.fail(
        job,
        Exit.DEADLINE,
        failure("poster", "InvalidParameters", permanent=True),
        failure(None, "DeadlineExceeded"),
    )
    world.settle()
    assert ("False", "InvalidParameters") == world.succeeded()["poster"]
    status = world.processing_jobs()["small"]["status"]
    assert (1, "DeadlineExceeded") == (status["attempts"], status["failures"][0]["reason"])


def said(world: World, job: dict[str, Any], percents: dict[str, int], seconds_left: int | None) -> None:
    """Have a running Job say how far its operations are, and how long it still takes."""
    ids = {step.name: step.job_id for step in world.order(job).steps}
    news = JobNews(
        {ids[name] or "": percent for name, percent in percents.items()}, seconds_left=seconds_left
    )
    world.memory.news = {job["metadata"]["name"]: news}
    world.settle()


def left(world: World) -> list[int | None]:
    """Give the seconds left of the asset, and of the operations of FOUR that are stored."""
    jobs = world.processing_jobs()
    asset = world.asset["status"]["progress"].get("secondsLeft")
    return [asset, *(jobs[name]["status"].get("secondsLeft") for name in ("transcript", "small", "poster"))]


ONE = FOUR | {"operations": FOUR["operations"][:1]}


def percent_of(world: World) -> int:
    """Give how far the transcript is."""
    percent: int = world.processing_jobs()["transcript"]["status"]["percent"]
    return percent


def test_how_long_it_takes_is_shown_while_it_runs_and_taken_back_at_its_end() -> None:
    world, job = running(ONE)
    world.run(job)
    world.settle()
    said(world, job, {"transcript": 10}, None)
    assert (10, None) == (percent_of(world), world.asset["status"]["progress"].get("secondsLeft"))
    world.pass_time(10)
    said(world, job, {"transcript": 30}, 70)
    status = world.processing_jobs()["transcript"]["status"]
    assert (30, 70, 70) == (
        status["percent"],
        status["secondsLeft"],
        world.asset["status"]["progress"]["secondsLeft"],
    )
    world.complete(job)
    world.settle()
    assert "secondsLeft" not in world.processing_jobs()["transcript"]["status"]
    assert "secondsLeft" not in world.asset["status"]["progress"]


def test_members_of_a_pass_say_the_same_and_nothing_is_written_for_the_time_left_alone() -> None:
    world, job = running()
    world.run(job)
    world.settle()
    said(world, job, {"transcript": 12, "small": 5, "poster": 5}, 90)
    assert [90, 90, 90, 90] == left(world)  # `vertical` is only passed through and says nothing of its own
    world.pass_time(10)
    before = world.api.writes
    said(world, job, {"transcript": 13, "small": 9, "poster": 9}, 60)
    assert before == world.api.writes
    said(world, job, {"transcript": 22, "small": 9, "poster": 9}, 60)
    assert [60, 60, 60, 60] == left(world)
