"""Whatever fails meanwhile: each asset is finished and posted once, and no attempt is made or counted twice."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from hack.installation import Installation
from tests.e2e import faults
from tests.e2e.faults import assert_done_once, is_processed, post_of, submit
from tests.e2e.workspace import REQUEST_SECONDS, Workspace, conditions

pytestmark = pytest.mark.timeout(600)

DELETIONS = 10
LEASE = {"MEDIAOPS_LEASE_SECONDS": "50"}
RESEND = {"MEDIAOPS_RESEND_SECONDS": "52"}
"""Shorter than as installed, and still longer than n8n wants to have left for a post (40 s)."""


@pytest.fixture(autouse=True)
def x_without_faults(workspace: Workspace) -> Iterator[None]:
    yield
    faults.mend_x(workspace)


def encoding_pod(space: Workspace, name: str, *but: str) -> str:
    """Give the name of an asset's pod once it is at work: until then a SIGTERM is none to it."""
    pod = faults.running_pod(space, name, but)
    faults.wait_for_program(pod, "ffmpeg")
    found: str = pod["metadata"]["name"]
    return found


def test_a_job_s_pod_deleted_and_evicted_is_replaced_free_of_charge(
    workspace: Workspace, tmp_path: Path
) -> None:
    submit(workspace, tmp_path, "pod-lost", seconds=90)
    first = encoding_pod(workspace, "pod-lost")
    api, core = workspace.installation.cluster.api, f"/api/v1/namespaces/{workspace.name}/pods"
    api.delete(f"{core}/{first}")
    second = encoding_pod(workspace, "pod-lost", first)
    eviction = {"metadata": {"name": second, "namespace": workspace.name}}
    api.call("POST", f"{core}/{second}/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", **eviction})
    third = faults.running_pod(workspace, "pod-lost", but=[first, second])
    [job] = faults.jobs_of(workspace, "pod-lost")
    assert [owner["uid"] for owner in third["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
    assert_done_once(workspace, "pod-lost")


def test_an_operator_killed_ten_times_in_a_row_loses_and_doubles_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    chance = random.Random(10)  # noqa: S311 -- no secret
    names = [f"orphan-{number}" for number in range(3)]
    for deletion in range(DELETIONS):
        if deletion % 4 == 0:
            submit(workspace, tmp_path, names[deletion // 4])
        # Some are killed before their first visit, others in the midst of things.
        time.sleep(chance.uniform(0.5, 8))
        faults.kill(workspace.installation, "operator")
        faults.wait_for_start(workspace.installation, "operator")
    for name in names:
        assert_done_once(workspace, name)


def test_without_postgres_media_are_processed_and_publishing_waits(
    workspace: Workspace, tmp_path: Path
) -> None:
    postgres = workspace.installation.fleet.postgres
    submit(workspace, tmp_path, "unrecorded", seconds=20)
    faults.running_pod(workspace, "unrecorded")
    postgres.kill()
    try:
        workspace.wait("unrecorded", "processed", is_processed)
        workspace.wait(
            "unrecorded",
            "called unrecorded",
            lambda now: conditions(now).get("Persisted", {}).get("status") == "False",
        )
        published = conditions(workspace.get("unrecorded"))["Published"]
        assert published["status"] == "Unknown", published
        assert workspace.posts(post_of(workspace, "unrecorded")) == []
    finally:
        postgres.start()
    done = assert_done_once(workspace, "unrecorded")
    workspace.wait(
        "unrecorded",
        "recorded",
        lambda now: conditions(now).get("Persisted", {}).get("status") == "True",
    )
    rows = workspace.request("GET", f"/api/media/process?asset_id={workspace.asset_id(done)}").json()
    assert rows["asset"]["status"] == "processed", rows
    assert [job["status"] for job in rows["jobs"]] == ["completed"], rows


def test_storage_that_is_away_is_waited_for_and_costs_no_attempt(
    workspace: Workspace, tmp_path: Path
) -> None:
    storage = workspace.installation.fleet.s3
    submit(workspace, tmp_path, "early", "late", seconds=20)
    faults.running_pod(workspace, "early")
    storage.kill()
    try:
        time.sleep(30)
        for name in ("early", "late"):
            now = workspace.get(name)
            assert conditions(now).get("Finished", {}).get("status") != "True", now["status"]
    finally:
        storage.start()
    for name in ("early", "late"):
        workspace.published(name)
        made = faults.jobs_of(workspace, name)
        assert_done_once(workspace, name, jobs=len(made))


def test_a_program_that_hangs_ends_at_the_deadline_and_counts_as_an_attempt(
    workspace: Workspace, tmp_path: Path
) -> None:
    submit(
        workspace, tmp_path, "hung", seconds=60,
        execution={"deadlineSeconds": 30}, retry={"backoffSeconds": 1},
    )  # fmt: skip
    faults.freeze(faults.running_pod(workspace, "hung"), "ffmpeg")
    assert_done_once(workspace, "hung", attempts=1, jobs=2)
    [small] = workspace.jobs("hung").values()
    assert [failure["reason"] for failure in small["status"]["failures"]] == ["DeadlineExceeded"]


def test_an_api_server_that_restarts_loses_and_doubles_nothing(workspace: Workspace, tmp_path: Path) -> None:
    submit(workspace, tmp_path, "headless-0", "headless-1", seconds=20)
    faults.running_pod(workspace, "headless-0")
    workspace.installation.cluster.kill_component("apiserver")
    time.sleep(3)
    workspace.installation.cluster.restart_component("apiserver")
    for name in ("headless-0", "headless-1"):
        assert_done_once(workspace, name)


def test_callbacks_repeated_late_and_out_of_order_change_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    installation = workspace.installation
    secret = installation.fleet.secrets.text("flask-api")

    def call(job: str, kubernetes_job: str, status: str, percent: int) -> int:
        answer = requests.post(
            f"{installation.backend_url}/api/media/callback",
            json={"job_id": job, "flask_job_id": kubernetes_job, "status": status, "percent": percent},
            headers={"Authorization": f"Bearer {secret}"},
            timeout=REQUEST_SECONDS,
        )
        return answer.status_code

    submit(workspace, tmp_path, "told", seconds=60)
    faults.running_pod(workspace, "told")
    [job] = faults.jobs_of(workspace, "told")
    ours = job["metadata"]["name"]
    rows = f"/api/media/process?asset_id={workspace.asset_id(workspace.get('told'))}"
    [row] = workspace.request("GET", rows).json()["jobs"]
    told = [("completed", 100), ("processing", 5), ("failed", 50), ("completed", 100)]
    for status, percent in told:
        assert call(row["id"], ours, status, percent) == 200
        assert call(row["id"], f"{ours[:-1]}x", status, percent) == 200
    assert_done_once(workspace, "told")

    def versions() -> list[str]:
        objects = [workspace.get("told"), *workspace.jobs("told").values()]
        return [each["metadata"]["resourceVersion"] for each in objects]

    time.sleep(3)
    before = versions()
    for status, percent in told:
        assert call(row["id"], ours, status, percent) == 200
    time.sleep(3)
    assert versions() == before
    assert_done_once(workspace, "told")


@pytest.fixture
def short_leases(installation: Installation) -> Iterator[None]:
    """A publication whose holder was killed is soon taken up again."""
    with faults.settings(installation, backend=LEASE, operator=RESEND):
        yield


@pytest.mark.usefixtures("short_leases")
def test_n8n_and_a_backend_killed_around_the_post_make_one_post(workspace: Workspace, tmp_path: Path) -> None:
    n8n, since = workspace.installation.fleet.n8n, time.time()
    faults.break_x(workspace, "append", action="hang", seconds=50.0)
    faults.break_x(workspace, "tweet", action="hang", seconds=25.0, commit=True)
    # One of them is held before its post, the other after it.
    submit(workspace, tmp_path, "cut-0", "cut-1")
    faults.wait_for_hung(workspace, "append", "tweet", since=since)
    n8n.kill()
    assert sum(len(workspace.posts(post_of(workspace, name))) for name in ("cut-0", "cut-1")) == 1
    n8n.start()
    since = time.time()
    faults.break_x(workspace, "tweet", action="hang", seconds=5.0, commit=True)
    submit(workspace, tmp_path, "cut-2")
    faults.wait_for_hung(workspace, "tweet", since=since)
    faults.kill(workspace.installation, "backend")
    for name in ("cut-0", "cut-1", "cut-2"):
        assert_done_once(workspace, name)
