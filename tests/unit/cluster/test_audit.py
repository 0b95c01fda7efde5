import json
from pathlib import Path

from hack.cluster.audit import Write, writes

EVENT = {
    "user": {"username": "system:serviceaccount:mediaops:operator"},
    "userAgent": "kopf/1.44",
    "verb": "patch",
    "objectRef": {
        "apiGroup": "mediaops.dev",
        "resource": "mediaassets",
        "subresource": "status",
        "namespace": "media",
        "name": "clip",
    },
    "responseStatus": {"code": 200},
    "requestReceivedTimestamp": "2026-01-02T03:04:05.000000Z",
}


def test_a_write_says_who_wrote_what_and_a_half_written_line_is_left_for_later(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(json.dumps(EVENT) + "\n" + json.dumps(EVENT)[:40])

    expected = Write(
        user="system:serviceaccount:mediaops:operator",
        agent="kopf/1.44",
        verb="patch",
        resource="mediaops.dev/mediaassets/status",
        namespace="media",
        name="clip",
        code=200,
        at="2026-01-02T03:04:05.000000Z",
    )
    assert [expected] == list(writes(log))


def test_core_resources_and_requests_without_an_object_are_named_by_what_they_have(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    secret = {**EVENT, "objectRef": {"resource": "secrets", "apiVersion": "v1"}}
    bare = {key: value for key, value in EVENT.items() if key not in {"objectRef", "responseStatus"}}
    log.write_text("".join(json.dumps(event) + "\n" for event in (secret, bare)))

    assert [("secrets", 200), ("", 0)] == [(write.resource, write.code) for write in writes(log)]
