"""The backend as a process: what it refuses to start with, what it logs, and how it ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hack.cluster.waiting import wait_until
from tests.services.backend_fixtures import Installed, Served

pytest_plugins = ["tests.services.backend_fixtures"]


def start(environment: dict[str, str], **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Try to start it with some variables changed, or taken away."""
    changed = {name: value for name, value in {**environment, **changes}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-m", "mediaops_backend"],
        env=changed,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("MEDIAOPS_N8N_TOKEN", None, "is missing"),
        ("MEDIAOPS_N8N_TOKEN", "", "is missing"),
        ("FLASK_API_SECRET", "tooshort", "at least 32 characters"),
        ("FLASK_API_SECRET", "your_secret_min_32_chars_your_secret", "placeholder"),
        ("MEDIAOPS_JWT_SECRET", "a" * 40, "placeholder"),
        ("DATABASE_URL", None, "is missing"),
        ("STORAGE_URL", "s3.example.com", "match"),
        ("MEDIAOPS_CAPABILITY_KEYS_FILE", "/nonexistent/keys.pem", "No such file"),
        ("KUBECONFIG", None, "cluster"),
    ],
)
def test_it_refuses_to_start_and_names_the_variable(
    environment: dict[str, str], variable: str, value: str | None, words: str
) -> None:
    ended = start(environment, **{variable: value})
    assert ended.returncode != 0
    assert words in ended.stderr
    if variable not in ("MEDIAOPS_CAPABILITY_KEYS_FILE", "KUBECONFIG"):
        assert variable in ended.stderr
    assert "Traceback" not in ended.stderr
    assert value is None or len(value) < 30 or value not in ended.stderr


def test_it_refuses_one_secret_for_two_purposes(environment: dict[str, str]) -> None:
    ended = start(environment, FLASK_API_SECRET=environment["MEDIAOPS_N8N_TOKEN"])
    assert ended.returncode != 0
    assert "must differ" in ended.stderr
    assert environment["MEDIAOPS_N8N_TOKEN"] not in ended.stderr


def test_logs_are_json_and_hold_no_secret_and_no_address(served: Served) -> None:
    installed = served.installed
    workspace = installed.workspace()
    user, pod = installed.user(workspace), installed.pod_token(workspace, "clip-0123456789ab-abcde")
    capability = installed.capability(workspace, "clip-0123456789ab", step_keys=["d" * 40])
    key = f"{workspace}/steps/{'d' * 40}/result.json"
    url = requests.post(
        f"{served.url}/api/media/jobs/clip-0123456789ab/urls",
        json={"capability": capability, "reads": [key]},
        headers={"Authorization": f"Bearer {pod}"},
        timeout=10,
    ).json()["reads"][key]
    body = {
        "source": "url",
        "original_url": "https://media.example.com/x?signature=hush",
        "file_type": "video",
    }
    for bearer, sent in (
        (user, {**body, "operations": ["crop"]}),
        (user, {"no": 1}),
        ("wrong-bearer-value", {}),
    ):
        headers = {"Authorization": f"Bearer {bearer}"}
        requests.post(f"{served.url}/api/media/process?q=hush", json=sent, headers=headers, timeout=10)
    installed.roles.server.stop()
    headers = {"Authorization": f"Bearer {user}"}
    away = requests.get(f"{served.url}/api/media/process?asset_id={'0' * 8}", headers=headers, timeout=10)
    installed.roles.server.start()
    assert away.status_code in (404, 503)
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    answered = [
        (line["method"], line["route"], line["status"]) for line in lines if line["message"] == "request"
    ]
    assert ("POST", "/api/media/jobs/<job>/urls", 200) in answered
    assert [status for _, route, status in answered if route == "/api/media/process"][:3] == [202, 422, 401]
    text = served.log.read_text()
    secret_values = [
        value
        for name, value in installed.environment.items()
        if any(word in name for word in ("SECRET", "TOKEN", "DATABASE_URL"))
    ]
    for secret in (
        *secret_values,
        user,
        pod,
        capability,
        url,
        "wrong-bearer-value",
        "hush",
        "X-Amz-Signature",
    ):
        assert secret not in text


def test_metrics_count_requests_by_route(served: Served) -> None:
    requests.get(f"{served.url}/api/media/process?asset_id=1", timeout=10)
    text = requests.get(f"{served.url}/metrics", timeout=10).text
    labels = 'method="GET",route="/api/media/process",status="401"'
    assert f"mediaops_backend_requests_total{{{labels}}} 1.0" in text


def test_sigterm_lets_requests_under_way_finish(served: Served) -> None:
    installed = served.installed
    workspace = installed.workspace()
    request = installed.planned(workspace)
    answers: list[int] = []

    def claim() -> None:
        bearer = {"Authorization": f"Bearer {installed.environment['MEDIAOPS_N8N_TOKEN']}"}
        path = f"{served.url}/api/media/distributions/{request}/claim"
        answers.append(requests.post(path, json={"target": "x"}, headers=bearer, timeout=20).status_code)

    with installed.roles.connect("mediaops_operator") as holder, holder.transaction():
        holder.execute("select from content_posts where request_id = %s for update", [request])
        under_way = threading.Thread(target=claim)
        under_way.start()
        wait_for_lock(installed)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    under_way.join()
    assert answers == [200]
    assert served.process.wait(timeout=30) == 0
    assert installed.post_row(request)["state"] == "claimed"


@pytest.fixture
def slow_commit(installed: Installed) -> Iterator[None]:
    """Makes commits that touch a publication take two seconds, in which a client can die."""
    with installed.roles.connect("mediaops_owner") as connection:
        connection.execute(
            "create function slow() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(2); return null; end $$"
        )
        connection.execute(
            "create constraint trigger slow after update on content_posts deferrable initially deferred"
            " for each row execute function slow()"
        )
        yield
        connection.execute("drop function slow cascade")


@pytest.mark.usefixtures("slow_commit")
def test_killed_between_a_claims_commit_and_its_answer_the_next_claim_waits_for_the_lease(
    served: Served,
) -> None:
    installed = served.installed
    request = installed.planned(installed.workspace())
    path = f"/api/media/distributions/{request}/claim"
    kill_in_commit(served, "POST", path, {"target": "x"})
    wait_until("the commit's end", lambda: installed.post_row(request)["state"] == "claimed", 20)
    again = installed.n8n("POST", path, {"target": "x"})
    assert (again.status_code, again.json["type"]) == (409, "urn:mediaops:problem:held")
    installed.end_lease(request)
    later = installed.n8n("POST", path, {"target": "x"})
    assert (later.status_code, later.json["fence"]) == (200, 2)


@pytest.mark.usefixtures("slow_commit")
def test_killed_between_a_saved_states_commit_and_its_answer_the_repeat_changes_nothing(
    served: Served,
) -> None:
    installed = served.installed
    request = installed.planned(installed.workspace())
    claimed = installed.n8n("POST", f"/api/media/distributions/{request}/claim", {"target": "x"}).json
    path = f"/api/media/publications/{claimed['publication_id']}"
    said = {"fence": 1, "state": {"phase": "uploading", "segment": 4}}
    kill_in_commit(served, "PATCH", path, said)
    wait_until("the commit's end", lambda: installed.post_row(request)["saved_state"] == said["state"], 20)
    again = installed.n8n("PATCH", path, said)
    assert (again.status_code, again.json["look_up_only"]) == (200, False)
    row = installed.post_row(request)
    assert (row["state"], row["fence"], row["saved_state"]) == ("claimed", 1, said["state"])


@pytest.mark.usefixtures("slow_commit")
def test_killed_between_a_settlements_commit_and_its_answer_the_repeat_changes_nothing(
    served: Served,
) -> None:
    installed = served.installed
    request = installed.planned(installed.workspace())
    path = f"/api/media/distributions/{request}/claim"
    assert installed.n8n("POST", path, {"target": "x"}).status_code == 200
    said = {"request_id": request, "target": "x", "fence": 1, "external_post_id": "17"}
    kill_in_commit(served, "POST", "/api/organic/posts", said)
    wait_until("the commit's end", lambda: installed.post_row(request)["state"] == "posted", 20)
    committed = installed.post_row(request)
    again = installed.n8n("POST", "/api/organic/posts", said)
    assert (again.status_code, again.json["state"]) == (200, "posted")
    assert installed.post_row(request) == committed


def kill_in_commit(served: Served, method: str, path: str, body: dict[str, Any]) -> None:
    """Make a call of n8n's, and SIGKILL the backend in its commit: no answer comes."""
    installed = served.installed
    bearer = {"Authorization": f"Bearer {installed.environment['MEDIAOPS_N8N_TOKEN']}"}
    answers: list[int] = []

    def call() -> None:
        with contextlib.suppress(requests.ConnectionError):
            url = f"{served.url}{path}"
            answers.append(requests.request(method, url, json=body, headers=bearer, timeout=20).status_code)

    under_way = threading.Thread(target=call)
    under_way.start()
    wait_until("the commit", lambda: running(installed, "COMMIT"), 20)
    # The process that serves, not only the one that looks after it.
    for worker in children(served.process.pid):
        os.kill(worker, signal.SIGKILL)
    served.process.kill()
    under_way.join()
    assert answers == []


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running(installed: Installed, statement: str) -> bool:
    with installed.roles.server.connect(installed.roles.database) as connection:
        found = connection.execute(
            "select from pg_stat_activity where state = 'active' and query = %s and usename = 'mediaops_backend'",
            [statement],
        ).fetchone()
    return found is not None


def wait_for_lock(installed: Installed) -> None:
    """Wait until the backend's statement waits for our lock."""
    for _ in range(100):
        with installed.roles.server.connect(installed.roles.database) as connection:
            waiting = connection.execute(
                "select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'mediaops_backend'"
            ).fetchone()
        if waiting is not None:
            return
        time.sleep(0.05)
    raise AssertionError("nobody waits for the lock")
