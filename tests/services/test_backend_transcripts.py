"""An edited transcript by PUT: read, stored, and named in spec.review by server-side apply."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from hack.cluster.api import APPLY
from mediaops.transcript import Segment, Transcript, Word
from tests.services.backend_fixtures import Installed
from tests.services.test_backend_process import post, resource, set_status

pytest_plugins = ["tests.services.backend_fixtures"]

SAID = ["ask", "not", "what", "your", "country", "can", "do"]
HEARD = Transcript(
    engine="pocketsphinx",
    model="en-us",
    language="en",
    duration_millis=9000,
    segments=(Segment(text=" ".join(SAID), start_millis=0, end_millis=3400),),
    words=tuple(Word(text=w, start_millis=i * 500, end_millis=i * 500 + 400) for i, w in enumerate(SAID)),
)
BODY = {
    "source": "google_drive",
    "source_id": "1abc123xyz",
    "file_type": "video",
    "operations": [{"name": "words", "transcribe": {}}, {"name": "other", "transcribe": {}}, "caption"],
}
EDITED = {"captions": [{"text": "ask never what your country can do", "start": 0, "end": 3.4}]}


@pytest.fixture(scope="module")
def workspace(installed: Installed) -> str:
    return installed.workspace()


@pytest.fixture
def asset(installed: Installed, workspace: str) -> dict[str, Any]:
    """An asset whose two transcripts are there."""
    created: dict[str, Any] = post(installed, workspace, BODY).json["asset"]
    content = HEARD.to_json().encode()
    outputs = []
    for name in ("words", "other"):
        key = f"{workspace}/steps/{name}/{hashlib.sha256(content).hexdigest()}.json"
        installed.parts.storage.put(key, content)
        outputs.append(
            {
                "operation": name,
                "name": "transcript.json",
                "uri": f"s3://{installed.parts.storage.bucket}/{key}",
                "mediaType": "application/json",
                "sizeBytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    set_status(installed, created, {"outputs": outputs})
    return created


def put(
    installed: Installed, workspace: str, asset: dict[str, Any], body: Any, operation: str = "words"
) -> TestResponse:
    path = f"/api/media/assets/{asset['id']}/transcripts/{operation}"
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Authorization": f"Bearer {installed.user(workspace)}"}
    return installed.client.put(path, data=text.encode(), headers=headers)


def test_an_edit_is_stored_and_named_in_the_resource(
    installed: Installed, workspace: str, asset: dict[str, Any]
) -> None:
    answer = put(installed, workspace, asset, EDITED)

    assert answer.status_code == 200, answer.text
    assert answer.json["captions"][0]["text"] == "ask never what your country can do"
    (entry,) = resource(installed, asset)["spec"]["review"]["transcripts"]
    content = installed.parts.storage.get_bytes(f"{workspace}/{entry['key']}", limit=100_000)
    assert hashlib.sha256(content).hexdigest() == entry["sha256"] == answer.json["sha256"]
    stored = Transcript.model_validate_json(content)
    assert [w.start_millis for w in stored.words if w.text == "country"] == [2000]
    assert stored.text == "ask never what your country can do"


def test_another_operations_edit_takes_none_back_and_a_later_one_replaces_its_own(
    installed: Installed, workspace: str, asset: dict[str, Any]
) -> None:
    for operation, word in (("words", "never"), ("other", "always"), ("words", "seldom")):
        text = f"1\n00:00:00,000 --> 00:00:03,400\nask {word}\n"
        assert put(installed, workspace, asset, text, operation).status_code == 200
    entries = {e["operation"]: e for e in resource(installed, asset)["spec"]["review"]["transcripts"]}
    texts = {
        operation: Transcript.model_validate_json(
            installed.parts.storage.get_bytes(f"{workspace}/{entry['key']}", limit=100_000)
        ).text
        for operation, entry in entries.items()
    }
    assert texts == {"words": "ask seldom", "other": "ask always"}


def test_an_entry_that_git_keeps_is_refused_with_its_managers_name(
    installed: Installed, workspace: str, asset: dict[str, Any]
) -> None:
    entry = {"operation": "words", "key": "mine.json", "sha256": "0" * 64}
    path = f"/apis/mediaops.dev/v1alpha1/namespaces/{asset['namespace']}/mediaassets/{asset['name']}"
    body = {
        "apiVersion": "mediaops.dev/v1alpha1",
        "kind": "MediaAsset",
        "metadata": {"name": asset["name"]},
        "spec": {"review": {"transcripts": [entry]}},
    }
    installed.api.call("PATCH", f"{path}?fieldManager=flux", body, APPLY)
    answer = put(installed, workspace, asset, EDITED)
    assert answer.status_code == 409
    assert "is kept by flux" in answer.json["detail"]
    assert resource(installed, asset)["spec"]["review"]["transcripts"] == [entry]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("hello", 422, "no cue"),
        ("1\n00:00:03,000 --> 00:00:01,000\nhello", 422, "cue 1"),
        ('{"captions": []}', 422, "captions"),
        ('{"captions": [{"text": "a", "start": 0}]}', 422, "captions.0.end"),
        ('{"captions": [{"text": "\\ud800", "start": 0, "end": 1}]}', 422, "neither JSON"),
        ('{"language": "en"}', 422, "engine"),
        ("{", 422, "neither JSON nor SubRip nor WebVTT"),
        (f"1\n00:00:00,000 --> 00:00:01,000\n{'w ' * 2_500_000}", 413, ""),
    ],
)
def test_what_is_no_transcript_is_refused_with_the_place(
    installed: Installed, workspace: str, asset: dict[str, Any], body: str, status: int, says: str
) -> None:
    answer = put(installed, workspace, asset, body)
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert "review" not in resource(installed, asset)["spec"]


def test_what_is_not_there_can_not_be_edited(
    installed: Installed, workspace: str, asset: dict[str, Any]
) -> None:
    assert put(installed, workspace, asset, EDITED, "none").status_code == 404
    assert put(installed, workspace, asset, EDITED, "caption").status_code == 404
    assert put(installed, installed.workspace(), asset, EDITED).status_code == 404
    set_status(installed, asset, {"outputs": []})
    answer = put(installed, workspace, asset, EDITED)
    assert (answer.status_code, answer.json["detail"]) == (
        409,
        "words has no transcript yet; wait until it is done",
    )
