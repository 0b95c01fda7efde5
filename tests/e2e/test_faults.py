"""Whatever fails meanwhile: each asset is finished and posted once, and no attempt is made or counted twice.

Each point of the issue and its tests are listed in docs/decisions/0053-faults-at-held-moments.md.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from hack.cluster.network import NODE_ADDRESS
from hack.installation import Installation
from hack.services.fleet import DATABASE
from tests.e2e import faults
from tests.e2e.faults import assert_done_once, is_processed, post_of, submit
from tests.e2e.held import Admission, Gate, held_commit
from tests.e2e.workspace import REQUEST_SECONDS, Object, Workspace, asset, conditions

pytestmark = pytest.mark.timeout(600)

DELETIONS = 10
LEASE_SECONDS, RESEND_SECONDS = 50, 52
"""Shorter than as installed, and still longer than n8n wants to have left for a post (40 s)."""


class Gates(NamedTuple):
    """What the operator calls instead of n8n, and its pods instead of the backend."""

    n8n: Gate
    backend: Gate


@pytest.fixture(autouse=True)
def x_without_faults(workspace: Workspace) -> Iterator[None]:
    yield
    faults.mend_x(workspace)


@pytest.fixture
def admission(workspace: Workspace) -> Iterator[Admission]:
    with Admission(workspace) as admission:
        yield admission


@pytest.fixture(scope="module")
def gates(installation: Installation) -> Iterator[Gates]:
    """All of it with gates between, and with publications that are soon taken up after their holder's death."""
    trusted = str(installation.fleet.tls.authority)
    certificate = installation.cluster.issue_certificate("faults", [NODE_ADDRESS])
    with (
        Gate(installation.fleet.n8n.url, trusted, certificate) as n8n,
        Gate(installation.backend_url, trusted) as backend,
        faults.settings(
            installation,
            backend={"MEDIAOPS_LEASE_SECONDS": str(LEASE_SECONDS)},
            operator={
                "MEDIAOPS_RESEND_SECONDS": str(RESEND_SECONDS),
                "MEDIAOPS_BACKEND_URL": backend.url,
                "N8N_WEBHOOK_URL": f"{n8n.url}/webhook/upload-media",
            },
        ),
    ):
        yield Gates(n8n, backend)


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


def test_an_operator_deleted_ten_times_in_a_row_loses_and_doubles_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    chance = random.Random(10)  # noqa: S311 -- no secret
    names = [f"orphan-{number}" for number in range(3)]
    for deletion in range(DELETIONS):
        if deletion % 4 == 0:
            submit(workspace, tmp_path, names[deletion // 4])
        # Some go before their first visit, others in the midst of things.
        time.sleep(chance.uniform(0.5, 5))
        faults.delete(workspace.installation, "operator")
        faults.wait_for_start(workspace.installation, "operator")
    for name in names:
        assert_done_once(workspace, name)


def test_an_operator_killed_while_a_job_runs_finds_it_again(workspace: Workspace, tmp_path: Path) -> None:
    submit(workspace, tmp_path, "watched", seconds=60)
    encoding_pod(workspace, "watched")
    faults.kill(workspace.installation, "operator")
    assert_done_once(workspace, "watched")


def test_an_operator_killed_between_a_job_and_the_status_that_names_it_adopts_the_job(
    workspace: Workspace, tmp_path: Path, admission: Admission
) -> None:
    def names_the_job(write: Object) -> bool:
        is_job = write["resource"]["resource"] == "processingjobs"
        return is_job and write["name"].startswith("adopted-") and "jobName" in status_in(write)

    with admission.holding("the status that names the Job", names_the_job) as moment:
        submit(workspace, tmp_path, "adopted")
        moment.wait()
        assert len(faults.jobs_of(workspace, "adopted")) == 1
        faults.kill(workspace.installation, "operator")
    [small] = workspace.jobs("adopted").values()
    assert "jobName" not in small.get("status", {}), "the write was to be lost"
    assert_done_once(workspace, "adopted")


def test_an_operator_killed_between_the_last_success_and_its_word_on_publishing_posts_once(
    workspace: Workspace, tmp_path: Path, admission: Admission
) -> None:
    def commits(write: Object) -> bool:
        is_asset = write["resource"]["resource"] == "mediaassets"
        return (
            is_asset and write["name"] == "unsaid" and "requestId" in status_in(write).get("publication", {})
        )

    with admission.holding("the status that commits to the request", commits) as moment:
        submit(workspace, tmp_path, "unsaid")
        moment.wait()
        [small] = workspace.jobs("unsaid").values()
        assert small["status"]["phase"] == "Completed", small["status"]
        faults.kill(workspace.installation, "operator")
    now = workspace.get("unsaid")
    assert "requestId" not in now["status"].get("publication", {}), "the write was to be lost"
    assert workspace.posts(post_of(workspace, "unsaid")) == []
    assert_done_once(workspace, "unsaid")


def status_in(write: Object) -> Object:
    """Give the status that a held write was to leave."""
    status: Object = write["object"].get("status", {})
    return status


def test_without_postgres_for_a_minute_media_are_processed_and_publishing_waits(
    workspace: Workspace, tmp_path: Path
) -> None:
    def persisted(value: str) -> Callable[[Object], bool]:
        return lambda now: conditions(now).get("Persisted", {}).get("status") == value

    submit(workspace, tmp_path, "unrecorded", seconds=20)
    faults.running_pod(workspace, "unrecorded")
    with faults.outage(workspace.installation.fleet.postgres) as last:
        workspace.wait("unrecorded", "processed", is_processed)
        workspace.wait("unrecorded", "called unrecorded", persisted("False"))
        last()
        published = conditions(workspace.get("unrecorded"))["Published"]
        assert published["status"] == "Unknown", published
        assert workspace.posts(post_of(workspace, "unrecorded")) == []
    done = assert_done_once(workspace, "unrecorded")
    workspace.wait("unrecorded", "recorded", persisted("True"))
    rows = workspace.request("GET", f"/api/media/process?asset_id={workspace.asset_id(done)}").json()
    assert rows["asset"]["status"] == "processed", rows
    assert [job["status"] for job in rows["jobs"]] == ["completed"], rows


def test_storage_that_is_away_for_a_minute_is_waited_for_and_costs_no_attempt(
    workspace: Workspace, tmp_path: Path
) -> None:
    def waits_for_storage(now: Object) -> bool:
        return conditions(now).get("Ready", {}).get("reason") == "StorageUnavailable"

    faults.upload(workspace, tmp_path, "meanwhile")
    submit(workspace, tmp_path, "early", "late", seconds=20)
    faults.running_pod(workspace, "early")
    with faults.outage(workspace.installation.fleet.s3) as last:
        faults.order(workspace, "meanwhile")
        workspace.wait("meanwhile", "said to wait for storage", waits_for_storage)
        last()
        for name in ("early", "late", "meanwhile"):
            now = workspace.get(name)
            assert conditions(now).get("Finished", {}).get("status") != "True", now["status"]
    for name in ("early", "late", "meanwhile"):
        workspace.published(name)
        assert_done_once(workspace, name, jobs=len(faults.jobs_of(workspace, name)))


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


def test_callbacks_that_never_arrive_are_not_missed(
    workspace: Workspace, tmp_path: Path, gates: Gates
) -> None:
    def told(request: Object) -> bool:
        sender = str(request["body"].get("flask_job_id"))
        return request["path"] == "/api/media/callback" and sender.startswith("unheard-")

    with gates.backend.losing(told):
        submit(workspace, tmp_path, "unheard", seconds=20)
        assert_done_once(workspace, "unheard")
    assert "completed" in {request["body"]["status"] for request in gates.backend.lost}
    with workspace.installation.fleet.postgres.connect(DATABASE) as connection:
        heard = connection.execute(
            "select job_name from job_callbacks where namespace = %s and job_name like 'unheard-%%'",
            [workspace.name],
        )
        assert heard.fetchall() == []


def test_an_operator_killed_before_n8n_has_its_request_sends_it_again(
    workspace: Workspace, tmp_path: Path, gates: Gates
) -> None:
    with gates.n8n.holding("the request to n8n", about(workspace, "unsent")) as moment:
        submit(workspace, tmp_path, "unsent")
        moment.wait()
        assert workspace.get("unsent")["status"]["publication"]["sends"] == 1
        faults.kill(workspace.installation, "operator")
    assert workspace.posts(post_of(workspace, "unsent")) == []
    done = assert_done_once(workspace, "unsent")
    assert done["status"]["publication"]["sends"] == 2


def test_an_operator_killed_right_after_n8n_took_its_request_posts_once(
    workspace: Workspace, tmp_path: Path, gates: Gates
) -> None:
    with gates.n8n.holding("n8n's answer", about(workspace, "unanswered"), "after") as moment:
        submit(workspace, tmp_path, "unanswered")
        moment.wait()
        faults.kill(workspace.installation, "operator")
    assert_done_once(workspace, "unanswered")


def about(space: Workspace, name: str) -> Callable[[Object], bool]:
    """Say of requests to n8n whether they are about an asset of `submit`."""
    manifest = asset(name, f"{name}.mp4")
    manifest["metadata"]["namespace"] = space.name
    wanted = space.asset_id(manifest)
    return lambda request: request["body"].get("asset_id") == wanted


@pytest.mark.usefixtures("gates")
def test_n8n_killed_before_and_after_the_post_and_a_backend_in_each_commit_make_one_post(
    workspace: Workspace, tmp_path: Path
) -> None:
    n8n, since = workspace.installation.fleet.n8n, time.time()
    faults.break_x(workspace, "append", action="hang", seconds=50.0)
    faults.break_x(workspace, "tweet", action="hang", seconds=25.0, commit=True)
    # One of them is held before its post, the other after it.
    submit(workspace, tmp_path, "cut-0", "cut-1")
    faults.wait_for_hung(workspace, "append", "tweet", since=since)
    n8n.kill()
    assert sum(len(workspace.posts(post_of(workspace, name))) for name in ("cut-0", "cut-1")) == 1
    n8n.start()
    faults.mend_x(workspace)
    committed = {"claim": "claimed", "saved state": "saved", "settlement": "settled"}
    for move, name in committed.items():
        with held_commit(workspace, name, move) as wait:
            submit(workspace, tmp_path, name)
            wait()
            faults.kill(workspace.installation, "backend")
        workspace.installation.wait_for("backend")
    for name in ("cut-0", "cut-1", *committed.values()):
        assert_done_once(workspace, name)
