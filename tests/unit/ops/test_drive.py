"""Fetching from Google Drive, against a stand-in that speaks its protocol and keeps its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hack.cluster.pki import Authority
from hack.services.standins import drive as standin
from hack.services.standins.base import Request, Response, StandIn, json_response
from mediaops.models.work import Exit
from mediaops_ops import drive

HOST = "127.0.0.1"
KEY = "AIza-a-key-of-the-api"
ROBOT = "robot@project.iam.example"


@dataclass
class Google:
    """The stand-in, what was asked of it, and an error that it gives once instead of content."""

    app: standin.Drive
    state: Path
    error: tuple[int, str] | None = None
    ranges: list[str | None] = field(default_factory=list)
    url: str = ""

    def __call__(self, request: Request) -> Response:
        if request.query.get("alt") != "media":
            return self.app(request)
        if self.error is not None:
            (status, reason), self.error = self.error, None
            return json_response(status, {"error": {"code": status, "errors": [{"reason": reason}]}})
        self.ranges.append(request.headers.get("range"))
        return self.app(request)

    def add(self, file_id: str, content: bytes, media_type: str = "video/mp4", **facts: Any) -> None:
        standin.add_file(self.state, file_id, standin.DriveFile("clip.mp4", media_type, **facts), content)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    """A service account's key file, but for its token_uri."""
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "client_email": ROBOT,
        "private_key_id": "1",
        "private_key": pem.decode(),
    }


@pytest.fixture
def google(authority: Authority, account: dict[str, str], clip: Path, tmp_path: Path) -> Iterator[Google]:
    certificate = authority.issue("drive", sans=[HOST])
    known = [{**account, "token_uri": "https://oauth2.googleapis.com/token"}]
    google = Google(standin.Drive(tmp_path / "drive", known, KEY), tmp_path / "drive")
    google.add("1abc", clip.read_bytes())
    with StandIn(google, HOST, 0, str(certificate.cert), str(certificate.key)) as server:
        google.url = server.url
        yield google


@pytest.fixture
def door(door, authority, google):
    door.environment |= {
        "MEDIAOPS_CA_FILE": str(authority.cert),
        "MEDIAOPS_DRIVE_ENDPOINT": google.url,
        "MEDIAOPS_CREDENTIAL_FILE": str(door.folder / "credential.json"),
    }
    return door


def mount(door, **content: object) -> None:
    (door.folder / "credential.json").write_text(json.dumps(content))


def ingest(door, file_id: str = "1abc", **fields: object):
    return door.order(ingest={"step_key": "in", "google_drive_file_id": file_id}, **fields)


def test_a_file_is_fetched_with_an_api_key(door, bucket, clip):
    mount(door, hosts=[HOST], apiKey=KEY)

    assert Exit.DONE == door.run(ingest(door)), door.failures
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]


def test_a_file_is_fetched_in_chunks_by_a_service_account(door, bucket, clip, google, account, monkeypatch):
    monkeypatch.setattr(drive, "CHUNK_BYTES", 30_000)
    mount(door, hosts=[HOST], serviceAccount={**account, "token_uri": f"{google.url}/token"})

    assert Exit.DONE == door.run(ingest(door)), door.failures
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]
    assert ["bytes=0-29999", "bytes=30000-59999"] == google.ranges[:2]


@pytest.mark.parametrize(
    "error", [(500, "backendError"), (403, "userRateLimitExceeded"), (429, "rateLimitExceeded")]
)
def test_what_may_pass_is_tried_again(door, google, error):
    mount(door, hosts=[HOST], apiKey=KEY)
    google.error = error

    assert Exit.DONE == door.run(ingest(door)), door.failures


def test_a_refusal_is_final(door, google):
    mount(door, hosts=[HOST], apiKey=KEY)
    google.error = (403, "cannotDownloadAbusiveFile")

    assert (Exit.IMPOSSIBLE, "SourceForbidden", True) == door.refused(ingest(door))


@pytest.mark.parametrize(
    ("credential", "file_id", "reason"),
    [
        ({"hosts": [HOST], "apiKey": KEY}, "2xyz", "SourceNotFound"),
        ({"hosts": [HOST], "apiKey": "another"}, "1abc", "SourceForbidden"),
        ({"hosts": ["www.googleapis.com"], "apiKey": KEY}, "1abc", "CredentialNotForHost"),
        ({"hosts": [HOST], "address": "https://localhost/"}, "1abc", "SecretInvalid"),
        (
            {"hosts": [HOST], "serviceAccount": {"token_uri": f"https://{HOST}/token"}},
            "1abc",
            "SecretInvalid",
        ),
    ],
)
def test_each_failure_has_its_reason(door, credential, file_id, reason):
    mount(door, **credential)

    assert (Exit.IMPOSSIBLE, reason, True) == door.refused(ingest(door, file_id))
    assert KEY not in door.failures[0].message


def test_a_service_account_is_shown_to_google_alone(door, account):
    mount(door, hosts=[HOST], serviceAccount={**account, "token_uri": "https://10.0.0.1/token"})

    assert (Exit.IMPOSSIBLE, "CredentialNotForHost", True) == door.refused(ingest(door))


def test_a_file_that_only_the_account_may_read_is_fetched_as_the_account(door, google, account, clip):
    google.add("shared", clip.read_bytes(), readers=(ROBOT,))
    mount(door, hosts=[HOST], apiKey=KEY)
    assert (Exit.IMPOSSIBLE, "SourceNotFound", True) == door.refused(ingest(door, "shared"))

    mount(door, hosts=[HOST], serviceAccount={**account, "token_uri": f"{google.url}/token"})
    assert Exit.DONE == door.run(ingest(door, "shared")), door.failures


def test_a_file_whose_owner_forbids_downloading_is_refused(door, google, clip):
    google.add("locked", clip.read_bytes(), downloadable=False)
    mount(door, hosts=[HOST], apiKey=KEY)

    assert (Exit.IMPOSSIBLE, "SourceForbidden", True) == door.refused(ingest(door, "locked"))


def test_a_google_document_is_no_media(door, google):
    mount(door, hosts=[HOST], apiKey=KEY)
    google.add("1abc", b"", "application/vnd.google-apps.document")

    assert (Exit.IMPOSSIBLE, "SourceNotAllowed", True) == door.refused(ingest(door))


def test_a_large_file_is_refused_by_its_size(door, google):
    mount(door, hosts=[HOST], apiKey=KEY)

    assert (Exit.IMPOSSIBLE, "SourceTooLarge", True) == door.refused(ingest(door, max_source_bytes=1000))
    assert [] == google.ranges


def test_an_empty_file_is_invalid(door, google):
    mount(door, hosts=[HOST], apiKey=KEY)
    google.add("1abc", b"")

    assert (Exit.IMPOSSIBLE, "InvalidMedia", True) == door.refused(ingest(door))


def test_without_a_credential_it_says_what_is_missing(door):
    assert (Exit.IMPOSSIBLE, "SecretNotFound", True) == door.refused(ingest(door))
    assert "mediaops-source-google-drive" in door.failures[0].message


def test_the_installations_credential_is_for_where_the_namespace_has_none(door):
    lent = door.folder / "lent.json"
    lent.write_text(json.dumps({"hosts": [HOST], "apiKey": KEY}))
    door.environment["MEDIAOPS_LENT_CREDENTIAL_FILE"] = str(lent)
    mount(door, hosts=[HOST], apiKey="the-namespaces-own")
    assert (Exit.IMPOSSIBLE, "SourceForbidden", True) == door.refused(ingest(door))

    (door.folder / "credential.json").unlink()
    assert Exit.DONE == door.run(ingest(door)), door.failures
