"""The seed's REST calls on the whole system: a request, its status, and a retry of what failed."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hack.installation import LENT_TO, Installation
from hack.services.standins.drive import DriveFile, add_file
from tests.e2e.media import video
from tests.e2e.workspace import FINISH_SECONDS, Object, Workspace, conditions

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


@pytest.fixture
def lent_to(installation: Installation) -> Iterator[Workspace]:
    """The namespace that was named at install: it has no Secret, and uses the installation's key for Drive."""
    space = Workspace(installation, LENT_TO)
    installation.workspace(space.name)
    yield space
    installation.kubectl("delete", "ma", "--all", "-n", space.name, "--timeout=60s")


def add_to_drive(workspace: Workspace, file_id: str, content: bytes) -> None:
    """Put a file that anyone may read into the stand-in's Drive."""
    drive = workspace.installation.fleet.stand_ins["drive"].state
    add_file(drive, file_id, DriveFile("clip.mp4", "video/mp4"), content)


def test_the_seeds_own_request_takes_its_file_from_drive(lent_to: Workspace, tmp_path: Path) -> None:
    body = {
        "source": "google_drive",
        "source_id": "1abc123xyz",
        "file_type": "video",
        "original_url": "https://drive.google.com/file/d/1abc123xyz",
        "operations": OPERATIONS,
        "metadata": {
            "campaign": "product_launch_2025",
            "platforms": ["x", "linkedin", "tiktok"],
            # Not the seed's: X takes no text twice, and services that were left running keep their posts.
            "call_to_action": f"See {secrets.token_hex(4)}.",
        },
    }
    add_to_drive(lent_to, "1abc123xyz", video(tmp_path, seed=46))
    answer = post(lent_to, body)
    assert answer.status_code == 202, answer.text
    asset = answer.json()["asset"]
    done = settled(lent_to, asset["id"], "processed")
    assert {job["status"] for job in done["jobs"]} == {"completed"}

    def is_posted(now: Object) -> bool:
        posts = now["status"].get("publication", {}).get("posts", [])
        return {post["target"]: post["state"] for post in posts}.get("x") == "Posted"

    lent_to.wait(asset["name"], "posted on X", is_posted)


def test_a_drive_file_waits_for_its_secret_and_says_which(workspace: Workspace, tmp_path: Path) -> None:
    file_id = f"file-{workspace.name}"
    add_to_drive(workspace, file_id, video(tmp_path, seed=47))
    body = {"source": "google_drive", "source_id": file_id, "file_type": "video", "operations": ["thumbnail"]}
    asset = post(workspace, body).json()["asset"]

    def is_said(now: Object) -> bool:
        return conditions(now).get("SourceReady", {}).get("reason") == "SecretNotFound"

    waiting = workspace.wait(asset["name"], "said to lack a Secret", is_said, 60)
    message = conditions(waiting)["SourceReady"]["message"]
    assert "mediaops-source-google-drive" in message
    assert "mediaops-credential" in message
    fleet = workspace.installation.fleet
    credential = {"hosts": [fleet.host("drive")], "apiKey": fleet.secrets.text("drive-api-key")}
    workspace.installation.credential(workspace.name, "mediaops-source-google-drive", credential)
    done = settled(workspace, asset["id"], "processed")
    assert {job["status"] for job in done["jobs"]} == {"completed"}


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
