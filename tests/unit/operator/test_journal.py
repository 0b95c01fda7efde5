"""The operator's log: a line for each thing that happens to an asset, none for progress, none twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mediaops.models.work import Exit
from mediaops.publications import State
from mediaops.reasons import Reason
from mediaops_operator import journal
from mediaops_operator.inbox import JobNews
from mediaops_operator.observed import Sending, Trouble
from mediaops_operator.planning.desired import Decide, Desired, Resolve, Send, Withdraw
from tests.unit.operator.simulation import KEY, World, failure
from tests.unit.operator.test_course import FOUR, running
from tests.unit.operator.test_publishing import observed, planned, row

SEND = Send(UUID(int=7), 2, {"targets": [{"name": "x", "platform": "x", "account": "main"}]})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = FOUR | {"operations": [{"name": "small", "compress": {}}]}


def told(world: World, message: str) -> list[dict[str, Any]]:
    """Give the fields of every line with this message, as they are written."""
    return [dict(line.fields) for line in world.told if line.message == message]


def test_an_asset_s_way_is_told_from_its_first_job_to_its_end() -> None:
    world, job = running()
    world.complete(job)
    world.settle()
    [launched] = told(world, "Job launched")
    assert (job["metadata"]["name"], "pass", 1, 1) == tuple(
        launched[name] for name in ("job", "role", "round", "number")
    )
    assert {"transcript", "vertical", "small", "poster"} == set(launched["operations"])
    ended = {line["operation"]: line["reason"] for line in told(world, "operation completed")}
    assert {"transcript", "vertical", "small", "poster"} == ended.keys()
    assert ("Completed", "Fused") == (ended["small"], ended["vertical"])
    phases = [(line["was"], line["phase"]) for line in told(world, "phase changed")]
    assert ("Processing", "Processed") == phases[-1]


def test_nothing_is_told_of_progress_and_nothing_twice() -> None:
    world, job = running(ONE)
    world.run(job)
    world.settle()
    world.told.clear()
    [step] = world.order(job).steps
    assert step.job_id
    world.memory.news = {job["metadata"]["name"]: JobNews(percents={step.job_id: 40})}
    world.settle()
    assert 40 == world.processing_jobs()["small"]["status"]["percent"]
    assert [] == world.told


def test_the_end_of_a_job_is_judged_in_the_log() -> None:
    world, job = running(ONE)
    world.fail(job, int(Exit.FAILED), failure("small"))
    world.settle()
    [line] = told(world, "Job ended without a result")
    wanted = ("small", job["metadata"]["name"], "EncodeFailed", True, 1, "small broke")
    assert wanted == tuple(
        line[name] for name in ("operation", "job", "reason", "counted", "exit_code", "why")
    )
    world.pass_time(600)
    world.settle()
    [again] = world.jobs()
    assert [1, 2] == [line["number"] for line in told(world, "Job launched")]
    world.fail(again, int(Exit.UNREACHABLE), failure(None, Reason.STORAGE_UNAVAILABLE))
    world.settle()
    assert [True, False] == [line["counted"] for line in told(world, "Job ended without a result")]


def test_the_end_of_a_fetch_is_judged_in_the_log() -> None:
    source = {"googleDrive": {"fileId": "abc", "secretRef": {"name": "drive"}}}
    world, job = running(ONE | {"source": source})
    assert ["ingest"] == [line["role"] for line in told(world, "Job launched")]
    world.fail(job, int(Exit.IMPOSSIBLE), failure("source", Reason.SOURCE_NOT_FOUND, permanent=True))
    world.settle()
    [line] = told(world, "Job ended without a result")
    assert ("SourceNotFound", True, 64) == (line["reason"], line["permanent"], line["exit_code"])
    assert "operation" not in {name for name, value in line.items() if value is not None}


def test_an_operation_that_fails_is_told_with_its_reason() -> None:
    world, job = running(ONE)
    world.fail(job, int(Exit.IMPOSSIBLE), failure("small", "InvalidParameters", permanent=True))
    world.settle()
    [line] = told(world, "operation failed")
    assert ("small", "InvalidParameters") == (line["operation"], line["reason"])
    assert ("Failed", "OperationFailed") == tuple(
        told(world, "phase changed")[-1][n] for n in ("phase", "reason")
    )


@pytest.mark.parametrize(
    ("name", "token", "reason"),
    [
        ("retry", "t1", None),
        ("cancel", "t2", "Cancelled"),
        ("reprocess", "t3", "ReprocessRequested"),
        ("resolve", "what", "InvalidAnnotation"),
    ],
)
def test_an_answer_to_a_person_is_told(name: str, token: str, reason: str | None) -> None:
    world, _ = running(ONE)
    world.annotate(name, token)
    world.settle()
    [line] = told(world, "request answered")
    assert (name, token, reason) == (line["request"], line["token"], line["reason"])
    assert line["why"]


def test_what_is_put_on_record_about_posts_is_told() -> None:
    (decide,) = planned(observed()).actions
    assert isinstance(decide, Decide)
    actions = (
        decide,
        Withdraw(frozenset({("default", "x")})),
        Resolve("default", "x", None),
    )
    lines = {line.message: line.fields for line in journal.acted(actions)}
    decided = lines["publication decided"]
    assert (["x"], decide.decisions["x"].revision) == (decided["targets"], decided["revision"])
    assert ["default/x"] == lines["publication withdrawn"]["targets"]
    assert "to be posted again" == lines["publication resolved"]["post"]


def test_how_a_post_goes_on_is_told_by_its_state() -> None:
    seen = observed((row(State.POSTED, fence=1, external_post_id="17", posted_at=NOW),))
    status = planned(seen).status
    before = planned(observed((row(),))).status
    assert status is not None
    asset = seen.asset.model_copy(
        update={"status": seen.asset.status.model_copy(update={"publication": before})}
    )
    desired = Desired(seen.asset.status.model_copy(update={"publication": status}))
    [line] = [
        each
        for each in journal.visited(replace(seen, asset=asset), desired)
        if each.message == "post changed"
    ]
    assert ("x", "Planned", "Posted", "17") == tuple(
        line.fields[n] for n in ("target", "was", "state", "post")
    )


def test_a_request_to_n8n_is_told_and_its_refusal_once() -> None:
    [line] = journal.sent(SEND, None, Sending(2, NOW))
    assert ("request sent to n8n", 2, ["x"]) == (line.message, line.fields["send"], line.fields["targets"])
    first = Sending(2, NOW, 1, "it answered 503")
    [line] = journal.sent(SEND, None, first)
    assert ("request not taken by n8n", "it answered 503") == (line.message, line.fields["why"])
    assert [] == list(journal.sent(SEND, first, replace(first, failures=2)))
    assert 1 == len(list(journal.sent(SEND, first, replace(first, failures=2, message="it answered 404"))))


def test_a_trouble_is_told_when_it_begins_and_when_it_is_over() -> None:
    away = Trouble(Reason.STORAGE_UNAVAILABLE, "Storage doesn't answer.", "EndpointConnectionError")
    seen = observed()
    desired = Desired(seen.asset.status)
    now = journal.troubles(replace(seen, storage_trouble=away), desired)
    [line] = journal.changed({}, now)
    assert ("trouble", "StorageUnavailable") == (line.message, line.fields["reason"])
    assert "EndpointConnectionError" in line.fields["why"]
    assert [] == list(journal.changed(now, now))
    [line] = journal.changed(now, journal.troubles(seen, desired))
    assert ("trouble over", "StorageUnavailable") == (line.message, line.fields["reason"])


def test_a_line_names_its_asset_and_leaves_out_what_is_empty(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mediaops_operator")
    journal.tell(KEY, [journal.Line("phase changed", {"phase": "Processed", "was": None, "why": ""})])
    [record] = caplog.records
    assert ("phase changed", "acme/clip", "Processed") == (record.message, record.asset, record.phase)
    assert not hasattr(record, "was")
    assert not hasattr(record, "why")
