"""What is down, forbidden or missing: said in a condition, waited for, and nothing counted that isn't due."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest
import yaml

from hack.services.postgres import Postgres
from hack.services.s3 import S3
from tests.api.operator.hands import PODS, Hands, condition
from tests.api.operator.process import Installed, Operator
from tests.api.operator.test_publishing import POSTED, process, settle
from tests.api.operator.test_publishing import SPEC as PUBLISHED

ONE = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations: [{name: small, compress: {}}]
""")
FETCHED = ONE | {"source": {"googleDrive": {"fileId": "abc", "secretRef": {"name": "drive"}}}}


@pytest.fixture
def installed(installed: Installed) -> Installed:
    installed.more["MEDIAOPS_PERSIST_LAG_SECONDS"] = "1"
    return installed


def warn(hands: Hands, kind: str, name: str, uid: str, reason: str, message: str) -> None:
    """Write the Event that Kubernetes would."""
    about = {"kind": kind, "namespace": hands.namespace, "name": name, "uid": uid}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "warning-"},
        "involvedObject": about,
        "type": "Warning",
        "reason": reason,
        "message": message,
    }
    hands.api.call("POST", hands.path("/api/v1", "events"), event)


def test_without_the_database_processing_goes_on_and_publishing_waits(
    hands: Hands, installed: Installed, postgres: Postgres
) -> None:
    hands.put("clip.mp4")
    postgres.kill()
    try:
        hands.apply(PUBLISHED)
        process(hands)
        hands.until_condition("Processed", "True")
        hands.until_condition("Persisted", "False", reason="MirrorLagging")
        hands.until_condition("Ready", "False", reason="DatabaseUnavailable")
        assert installed.n8n.received == []
    finally:
        postgres.start()
    hands.until("a request", lambda: installed.n8n.received)
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True")
    hands.until_condition("Persisted", "True")


def test_a_database_that_takes_connections_and_never_answers_does_not_stop_processing(
    hands: Hands, postgres: Postgres
) -> None:
    hands.put("clip.mp4")
    with postgres.paused():
        hands.apply(ONE)
        (job,) = hands.until_job()
        hands.succeed(job)
        hands.until_condition("Finished", "True")


def test_without_storage_nothing_is_concluded_and_nothing_counts(hands: Hands, s3: S3) -> None:
    hands.put("clip.mp4")
    hands.apply(ONE)
    (job,) = hands.until_job()
    order = hands.order(job)
    pod = hands.run(job)
    hands.store(order)
    s3.kill()
    try:
        hands.complete(job, pod)
        hands.until_condition("Ready", "False", reason="StorageUnavailable")
        assert 0 == hands.processing_jobs()["small"]["status"]["attempts"]
    finally:
        s3.start()
    hands.until_condition("Finished", "True", reason="Succeeded")


def test_a_gpu_that_is_nowhere_is_said_in_a_condition(hands: Hands) -> None:
    hands.put("clip.mp4")
    hands.apply(ONE | {"operations": [{"name": "small", "compress": {}, "gpu": 1}]})
    (job,) = hands.until_job()
    limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert "1" == limits["nvidia.com/gpu"]
    pod = hands.pod(job)
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    hands.pod_status(pod, "Pending", conditions=[scheduled])
    told = hands.until_condition("Ready", "False", reason="Unschedulable")
    assert message == told["message"]
    assert "True" == condition(hands.asset(), "Reconciling")["status"]  # type: ignore[index]


def test_a_quota_that_forbids_the_pod_is_said(hands: Hands) -> None:
    hands.put("clip.mp4")
    hands.apply(ONE)
    (job,) = hands.until_job()
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    warn(hands, "Job", name, uid, "FailedCreate", f'pods "{name}-x" is forbidden: exceeded quota: none')
    hands.until_condition("Ready", "False", reason="QuotaExceeded")


def test_a_missing_secret_is_said_and_waited_for(hands: Hands) -> None:
    hands.apply(FETCHED)
    (job,) = hands.until_job()
    pod = hands.pod(job)
    uid = hands.api.get(hands.path(PODS, "pods", pod))["metadata"]["uid"]
    hands.pod_status(pod, "Pending", {"waiting": {"reason": "ContainerCreating"}})
    message = 'MountVolume.SetUp failed for volume "credential" : secret "drive" not found'
    warn(hands, "Pod", pod, uid, "FailedMount", message)
    told = hands.until_condition("SourceReady", "Unknown", reason="SecretNotFound")
    assert "no Secret drive;" in told["message"]
    assert told["message"] == hands.until_condition("Ready", "False", reason="SecretNotFound")["message"]
    hands.pod_status(pod, "Running", {"running": {}})
    hands.until_condition("SourceReady", "Unknown", reason="Ingesting")


def test_an_admission_that_refuses_jobs_is_said_and_tried_again(hands: Hands) -> None:
    hands.put("clip.mp4")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
    quota["spec"] = {"hard": {"count/jobs.batch": "0"}}  # type: ignore[assignment]
    made = hands.api.call("POST", hands.path("/api/v1", "resourcequotas"), quota)
    status = {"status": {"hard": {"count/jobs.batch": "0"}, "used": {"count/jobs.batch": "0"}}}
    hands.api.patch(hands.path("/api/v1", "resourcequotas", "none") + "/status", status)
    assert made
    hands.apply(ONE)
    hands.until_condition("Ready", "False", reason="QuotaExceeded")
    assert [] == hands.jobs_of()
    hands.api.delete(hands.path("/api/v1", "resourcequotas", "none"))
    hands.until_job()


def test_killed_at_any_moment_it_makes_no_second_job_for_an_attempt(hands: Hands, operator: Operator) -> None:
    hands.put("clip.mp4")
    names = [f"clip-{number}" for number in range(4)]
    for name in names:
        hands.apply(ONE, name)
        operator.kill()  # somewhere between the first write and the last
        operator.start()
    hands.until_job(len(names))
    for job in hands.open_jobs():
        hands.succeed(job)
        operator.kill()
        operator.start()
    for name in names:
        hands.until_condition("Finished", "True", name)
    assert len(names) == len(hands.jobs_of())
    assert {0} == {pj["status"]["attempts"] for pj in hands.jobs_of("processingjobs")}


def test_progress_from_callbacks_shows_and_finished_steps_show_before_the_job_ends(
    hands: Hands, installed: Installed
) -> None:
    hands.put("clip.mp4")
    hands.apply(ONE | {"operations": [*ONE["operations"], {"name": "poster", "thumbnail": {}}]})
    (job,) = hands.until_job()
    order = hands.order(job)
    hands.run(job)
    hands.until_condition("Ready", "False", reason="Running")
    hands.store(order, ["poster"])
    by_name = {step.name: step.job_id for step in order.steps}
    steps = {
        by_name["small"]: {"status": "processing", "percent": 40},
        by_name["poster"]: {"status": "completed"},
    }
    hands.until("rows", lambda: installed.query("select 1 from media_assets"))
    installed.query(
        "insert into job_callbacks (workspace_id, namespace, job_name, media_asset_id, status, steps) "
        "values (%s, %s, %s, %s, 'processing', %s::jsonb)",
        hands.namespace,
        hands.namespace,
        order.job,
        order.asset_id,
        json.dumps(steps),
    )
    installed.query("select pg_notify('mediaops', %s)", f"{hands.namespace}/clip")
    hands.until("percent", lambda: 40 == hands.processing_jobs()["small"]["status"]["percent"])
    hands.until("poster", lambda: "Completed" == hands.processing_jobs()["poster"]["status"]["phase"])
    # The asset's status is written after its operations'.
    hands.until("the sum", lambda: "1/2" == hands.asset()["status"]["progress"]["summary"])


def test_rows_follow_the_resources(hands: Hands, installed: Installed) -> None:
    hands.put("clip.mp4")
    hands.apply(ONE)
    (job,) = hands.until_job()
    hands.succeed(job)
    hands.until_condition("Finished", "True")
    hands.until(
        "the asset's row", lambda: installed.query("select 1 from media_assets where phase = 'Processed'")
    )
    ((status, name, version),) = installed.query("select status, name, resource_version from media_assets")
    assert ("processed", "clip", int(hands.asset()["metadata"]["resourceVersion"])) == (status, name, version)
    rows = installed.query("select operation, status, flask_job_id, wanted from media_processing_jobs")
    assert [("small", "completed", job["metadata"]["name"], True)] == rows
    hands.apply(ONE | {"operations": [{"name": "small", "compress": {"height": 480}}]})
    hands.until_job()
    hands.until(
        "the old row", lambda: installed.query("select 1 from media_processing_jobs where not wanted")
    )


def test_a_stop_that_was_asked_for_ends_with_zero_and_probes_are_content_before(operator: Operator) -> None:
    assert operator.answers("/healthz")
    assert operator.metric("mediaops_operator_queue") >= 0
    time.sleep(0.2)
    assert 0 == operator.kill(signal.SIGTERM)


def test_what_newer_engines_would_change_is_named_and_nothing_is_written(
    hands: Hands, operator: Operator
) -> None:
    hands.put("clip.mp4")
    hands.apply(
        ONE | {"operations": [{"name": "words", "transcribe": {}}, {"name": "small", "compress": {}}]}
    )
    (job,) = hands.until_job()
    hands.succeed(job)
    hands.until_condition("Finished", "True")
    assert 0 == operator.run("outdated")
    assert "Nothing would come out differently." in operator.log.read_text()

    operator.kill(signal.SIGTERM)
    before = [
        one["metadata"]["resourceVersion"] for one in (hands.asset(), *hands.processing_jobs().values())
    ]
    operator.module = "bench.newer_engine"
    assert 0 == operator.run("outdated")
    said = operator.log.read_text()
    assert re.search(r"/clip +words +pocketsphinx (\S+) → \1-next\n", said)
    assert "small" not in said.rpartition("OPERATION")[2]
    assert before == [
        one["metadata"]["resourceVersion"] for one in (hands.asset(), *hands.processing_jobs().values())
    ]


def test_after_a_restore_of_the_cluster_the_rows_are_written_anew_if_that_is_forced(
    hands: Hands, installed: Installed, operator: Operator
) -> None:
    hands.put("clip.mp4")
    hands.apply(ONE)
    (job,) = hands.until_job()
    hands.succeed(job)
    hands.until_condition("Finished", "True")
    hands.until("the row", lambda: installed.query("select 1 from media_assets where phase = 'Processed'"))
    # What was written before the restore carries versions that the restored cluster hasn't reached yet.
    installed.query("update media_assets set resource_version = 1000000000, phase = 'Failed'")
    assert 0 == operator.run("resync")
    assert [("Failed",)] == installed.query("select phase from media_assets")
    assert 0 == operator.run("resync", "--force")
    assert [("Processed",)] == installed.query("select phase from media_assets")


def test_wrong_settings_are_named_and_end_the_start(operator: Operator) -> None:
    assert 2 == operator.run(N8N_WEBHOOK_SECRET="short")
    assert "N8N_WEBHOOK_SECRET" in operator.log.read_text()
