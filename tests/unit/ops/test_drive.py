"""Fetching from Google Drive, against a server that speaks its protocol and enforces its rules."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hack.cluster.pki import Authority
from mediaops.models.work import Exit
from mediaops_ops import drive

KEY = "AIza-a-key-of-the-api"
ACCESS_TOKEN = "ya29.an-access-token"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""Whom Google's client addresses its assertion to, wherever it sends it."""
READ_ONLY = "https://www.googleapis.com/auth/drive.readonly"


class Drive:
    """Files by id, readable with the API key or with a token that the service account's signature was traded for."""

    def __init__(self, certificate: ssl.SSLContext, public_key: rsa.RSAPublicKey) -> None:
        self.files: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.error: tuple[int, str] | None = None
        """Answered once instead of content: status, and Google's word for it."""
        self.public_key = public_key
        self.ranges: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"drive": self}))
        self._server.socket = certificate.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    drive: Drive
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Tests' output stays readable."""

    def _json(self, status: int, body: object) -> None:
        self._bytes(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, reason: str) -> None:
        self._json(status, {"error": {"code": status, "message": reason, "errors": [{"reason": reason}]}})

    def do_POST(self) -> None:
        """Trade a service account's signed assertion for an access token (RFC 7523)."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        claims = jwt.decode(
            form["assertion"][0], self.drive.public_key, algorithms=["RS256"], audience=AUDIENCE
        )
        if self.path != "/token" or claims["scope"] != READ_ONLY:
            self._json(400, {"error": "invalid_scope"})
            return
        self._json(200, {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        found = re.fullmatch(r"/drive/v3/files/([\w-]+)", address.path)
        if not found or (
            query.get("key") != KEY and self.headers["Authorization"] != f"Bearer {ACCESS_TOKEN}"
        ):
            self._refuse(403, "forbidden")
            return
        content = self.drive.files.get(found[1])
        if content is None:
            self._refuse(404, "notFound")
        elif query.get("alt") != "media":
            mime = self.drive.types.get(found[1], "video/mp4")
            self._json(200, {"mimeType": mime, "size": str(len(content))})
        elif self.drive.error is not None:
            error, self.drive.error = self.drive.error, None
            self._refuse(*error)
        else:
            self._media(content)

    def _media(self, content: bytes) -> None:
        asked = self.headers["Range"]
        self.drive.ranges.append(asked)
        begin, end = (int(number) for number in re.fullmatch(r"bytes=(\d+)-(\d+)", asked).groups())
        part = content[begin : end + 1]
        span = f"bytes {begin}-{begin + len(part) - 1}/{len(content)}"
        self._bytes(206, part, {"Content-Range": span})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def google(authority: Authority, private_key: rsa.RSAPrivateKey, clip: Path) -> Iterator[Drive]:
    certificate = authority.issue("drive", sans=["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    google = Drive(context, private_key.public_key())
    google.files["1abc"] = clip.read_bytes()
    yield google
    google.close()


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


def account(google: Drive, private_key: rsa.RSAPrivateKey, **changed: str) -> dict[str, str]:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "client_email": "robot@project.iam.example",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "token_uri": f"{google.url}/token",
    } | changed


def test_a_file_is_fetched_with_an_api_key(door, bucket, clip):
    mount(door, hosts=["localhost"], apiKey=KEY)

    assert Exit.DONE == door.run(ingest(door)), door.failures
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]


def test_a_file_is_fetched_in_chunks_by_a_service_account(
    door, bucket, clip, google, private_key, monkeypatch
):
    monkeypatch.setattr(drive, "CHUNK_BYTES", 30_000)
    mount(door, hosts=["localhost"], serviceAccount=account(google, private_key))

    assert Exit.DONE == door.run(ingest(door)), door.failures
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]
    assert ["bytes=0-29999", "bytes=30000-59999"] == google.ranges[:2]


@pytest.mark.parametrize(
    "error", [(500, "backendError"), (403, "userRateLimitExceeded"), (429, "rateLimitExceeded")]
)
def test_what_may_pass_is_tried_again(door, google, error):
    mount(door, hosts=["localhost"], apiKey=KEY)
    google.error = error

    assert Exit.DONE == door.run(ingest(door)), door.failures


def test_a_refusal_is_final(door, google):
    mount(door, hosts=["localhost"], apiKey=KEY)
    google.error = (403, "cannotDownloadAbusiveFile")

    assert (Exit.IMPOSSIBLE, "SourceForbidden", True) == door.refused(ingest(door))


@pytest.mark.parametrize(
    ("credential", "file_id", "reason"),
    [
        ({"hosts": ["localhost"], "apiKey": KEY}, "2xyz", "SourceNotFound"),
        ({"hosts": ["localhost"], "apiKey": "another"}, "1abc", "SourceForbidden"),
        ({"hosts": ["www.googleapis.com"], "apiKey": KEY}, "1abc", "CredentialNotForHost"),
        ({"hosts": ["localhost"], "address": "https://localhost/"}, "1abc", "SecretInvalid"),
        (
            {"hosts": ["localhost"], "serviceAccount": {"token_uri": "https://localhost/token"}},
            "1abc",
            "SecretInvalid",
        ),
    ],
)
def test_each_failure_has_its_reason(door, credential, file_id, reason):
    mount(door, **credential)

    assert (Exit.IMPOSSIBLE, reason, True) == door.refused(ingest(door, file_id))
    assert KEY not in door.failures[0].message


def test_a_service_account_is_shown_to_google_alone(door, google, private_key):
    mount(
        door,
        hosts=["localhost"],
        serviceAccount=account(google, private_key, token_uri="https://10.0.0.1/token"),
    )

    assert (Exit.IMPOSSIBLE, "CredentialNotForHost", True) == door.refused(ingest(door))


def test_a_google_document_is_no_media(door, google):
    mount(door, hosts=["localhost"], apiKey=KEY)
    google.types["1abc"] = "application/vnd.google-apps.document"

    assert (Exit.IMPOSSIBLE, "SourceNotAllowed", True) == door.refused(ingest(door))


def test_a_large_file_is_refused_by_its_size(door, google):
    mount(door, hosts=["localhost"], apiKey=KEY)

    assert (Exit.IMPOSSIBLE, "SourceTooLarge", True) == door.refused(ingest(door, max_source_bytes=1000))
    assert [] == google.ranges


def test_an_empty_file_is_invalid(door, google):
    mount(door, hosts=["localhost"], apiKey=KEY)
    google.files["1abc"] = b""

    assert (Exit.IMPOSSIBLE, "InvalidMedia", True) == door.refused(ingest(door))


def test_without_a_credential_it_says_what_is_missing(door):
    assert (Exit.IMPOSSIBLE, "SecretInvalid", True) == door.refused(ingest(door))
