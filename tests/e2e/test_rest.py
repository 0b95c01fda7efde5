"""The seed's REST calls on the whole system: a request, its status, and a retry of what failed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.media import video
from tests.e2e.workspace import FINISH_SECONDS, Workspace

PROCESS = "/api/media/process"
OPERATIONS = ["transcribe", "caption", "thumbnail", "compress"]
# What curl says of any body given with -d, as the seed's lines do.
CURLS_DEFAULT = {"Content-Type": "application/x-www-form-urlencoded"}


def post(workspace: Workspace, body: dict[str, Any]) -> requests.Response:
    """Send a body as the seed's curl lines do."""
    return workspace.request("POST", PROCESS, data=json.dumps(body), headers=CURLS_DEFAULT)


def status(workspace: Workspace, asset_id: str) -> dict[str, Any]:
    answer = workspace.request("GET", PROCESS, params={"asset_id": asset_id})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def settled(workspace: Workspace, asset_id: str, wanted: str) -> dict[str, Any]:
    """Give the status once the asset's is `wanted`."""
    end = time.monotonic() + FINISH_SECONDS
    while (now := status(workspace, asset_id))["asset"]["status"] != wanted:
        assert time.monotonic() < end, now
        time.sleep(1)
    return now


def sources(workspace: Workspace) -> Path:
    """Give the folder that the stand-in of a web server serves under /ok/."""
    return workspace.installation.fleet.stand_ins["sources"].state / "files"


def request(workspace: Workspace, file: str) -> dict[str, Any]:
    """Give the seed's body for a file of that server."""
    return {
        "source": "url",
        "file_type": "video",
        "original_url": f"{workspace.installation.fleet.url('sources')}/ok/{file}",
        "operations": OPERATIONS,
        "metadata": {"campaign": "product_launch_2025", "call_to_action": f"See {workspace.name}."},
    }


def test_a_request_is_queued_processed_and_published(workspace: Workspace, tmp_path: Path) -> None:
    file = f"{workspace.name}.mp4"
    (sources(workspace) / file).write_bytes(video(tmp_path, seed=45))
    body = request(workspace, file)
    body["metadata"]["platforms"] = ["x"]
    answer = post(workspace, body)
    assert answer.status_code == 202, answer.text
    queued = answer.json()
    assert [job["operation"] for job in queued["jobs"]] == OPERATIONS
    assert {job["status"] for job in queued["jobs"]} == {"queued"}
    done = settled(workspace, queued["asset"]["id"], "processed")
    assert {job["status"] for job in done["jobs"]} == {"completed"}
    processed = requests.get(done["asset"]["processed_url"], verify=workspace.trusted, timeout=30)
    assert processed.content[4:8] == b"ftyp"


def test_a_retry_opens_the_next_round_for_what_failed(workspace: Workspace, tmp_path: Path) -> None:
    file = f"late-{workspace.name}.mp4"
    queued = post(workspace, request(workspace, file)).json()
    asset_id = queued["asset"]["id"]
    settled(workspace, asset_id, "failed")
    (sources(workspace) / file).write_bytes(video(tmp_path, seed=45))
    again = post(workspace, {"asset_id": asset_id, "retry_failed_only": True})
    assert again.status_code == 202, again.text
    done = settled(workspace, asset_id, "processed")
    assert {job["status"] for job in done["jobs"]} == {"completed"}
    nothing_left = post(workspace, {"asset_id": asset_id, "retry_failed_only": True})
    assert nothing_left.status_code == 409, nothing_left.text


@pytest.mark.parametrize("field", ["source", "file_type"])
def test_a_body_that_lacks_something_is_refused_by_name(workspace: Workspace, field: str) -> None:
    body = request(workspace, "any.mp4")
    del body[field]
    answer = post(workspace, body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
