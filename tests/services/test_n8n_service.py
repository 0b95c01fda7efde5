"""n8n as tests and demo get it, with a small workflow of the test's own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hack.services.n8n import DeployFailed, N8n
from hack.services.service import Tls

KEY = secrets.token_hex(16)
UNUSED = secrets.token_hex(16)
CALLER = {"x-key": KEY}


def echo_workflow(name: str) -> dict[str, Any]:
    """POST /webhook/NAME with the header's key answers what was asked."""
    hook = {
        "id": f"{name}-hook",
        "name": "Hook",
        "type": "n8n-nodes-base.webhook",
        "typeVersion": 2.1,
        "position": [0, 0],
        "webhookId": name,
        "parameters": {
            "httpMethod": "POST",
            "path": name,
            "responseMode": "lastNode",
            "authentication": "headerAuth",
            "options": {},
        },
        "credentials": {"httpHeaderAuth": {"id": "caller", "name": "caller"}},
    }
    answer = {
        "id": f"{name}-answer",
        "name": "Answer",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.4,
        "position": [200, 0],
        "parameters": {
            "assignments": {
                "assignments": [
                    {"id": "said", "name": "said", "value": "={{ $json.body.say }}", "type": "string"}
                ]
            },
            "options": {},
        },
    }
    return {
        "id": f"test-{name}",
        "name": name,
        "nodes": [hook, answer],
        "connections": {"Hook": {"main": [[{"node": "Answer", "type": "main", "index": 0}]]}},
        "settings": {"executionOrder": "v1"},
    }


CREDENTIALS = [
    {"id": "caller", "name": "caller", "type": "httpHeaderAuth", "data": {"name": "x-key", "value": KEY}},
    # No workflow sends this one, so nothing but the credential itself could leak it.
    {
        "id": "unused",
        "name": "unused credential",
        "type": "httpHeaderAuth",
        "data": {"name": "x", "value": UNUSED},
    },
]


@pytest.fixture(scope="module")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workflows")
    for name in ("first", "second"):
        (folder / f"{name}.json").write_text(json.dumps(echo_workflow(name)))
    return folder


@pytest.fixture(scope="module")
def n8n(n8n_folder: Path, tls: Tls, workflows: Path) -> Iterator[N8n]:
    server = N8n(
        n8n_folder / "small",
        tls=tls,
        encryption_key=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
    )
    server.deploy(CREDENTIALS, workflows)
    with server:
        yield server


def say(n8n: N8n, hook: str, what: str, headers: dict[str, str] = CALLER) -> requests.Response:
    authority = str(n8n.tls and n8n.tls.authority)
    return requests.post(
        f"{n8n.url}/webhook/{hook}", json={"say": what}, headers=headers, verify=authority, timeout=10
    )


def test_every_published_webhook_answers_as_soon_as_it_is_started(n8n: N8n) -> None:
    for hook in ("first", "second"):
        assert say(n8n, hook, f"hello {hook}").json() == {"said": f"hello {hook}"}
    assert say(n8n, "first", "hello", headers={"x-key": "guess"}).status_code == requests.codes.forbidden


def test_executions_can_be_read_with_a_key_of_the_owner(n8n: N8n) -> None:
    say(n8n, "second", "remember me")
    newest = n8n.executions(workflowId="test-second")[0]
    assert newest["status"] == "success"
    assert "remember me" in json.dumps(newest["data"])


def test_it_keeps_credentials_encrypted(n8n: N8n) -> None:
    stored = dict(n8n.stored_bytes())
    assert any(b"unused credential" in content for content in stored.values())
    assert not [path for path, content in stored.items() if UNUSED.encode() in content]


def test_a_killed_n8n_leaves_no_process_and_serves_again_on_its_data(n8n: N8n) -> None:
    before = len(n8n.executions())
    n8n.kill()
    assert not n8n.running
    with pytest.raises(requests.ConnectionError):
        say(n8n, "first", "anybody?")
    n8n.start()
    assert say(n8n, "first", "back").json() == {"said": "back"}
    assert len(n8n.executions()) == before + 1


def test_importing_into_a_running_n8n_is_refused(n8n: N8n, workflows: Path) -> None:
    assert n8n.has_deployed(CREDENTIALS, workflows)
    assert not n8n.has_deployed([], workflows)
    with pytest.raises(RuntimeError, match="n8n runs"):
        n8n.deploy(CREDENTIALS, workflows)


def test_what_n8n_cannot_take_fails_the_deployment(n8n_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"id": "broken", "name": "broken", "connections": {}}')
    with_nothing = N8n(n8n_folder / "broken", encryption_key="k" * 32, owner_password="p" * 16)
    with pytest.raises(DeployFailed, match='"broken" not found'):
        with_nothing.deploy([], tmp_path)
    assert not with_nothing.has_deployed([], tmp_path)
