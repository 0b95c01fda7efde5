"""The stand-ins that sources come from: one misbehaves as its path says, the other keeps Google Drive's rules."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_auth_httplib2
import httplib2
import jwt
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.oauth2.service_account import Credentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from hack.services.secret_files import SecretFiles
from hack.services.service import Tls
from hack.services.standin import StandInService
from hack.services.standins.drive import DriveFile, add_file

CONTENT = bytes(range(256)) * 1024  # 256 KiB
AFTER = 25 * 4096  # where /cut ends; a multiple of what the tests read at a time
EMAIL = "reader@mediaops-test.iam.gserviceaccount.com"
SCOPES = ["https://www.googleapis.com/auth/drive.readonly"]


@pytest.fixture(scope="module")
def token() -> str:
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, tls: Tls, token: str) -> Iterator[StandInService]:
    folder = tmp_path_factory.mktemp("sources")
    (folder / "token").write_text(token)
    with StandInService(
        "sources", folder / "it", tls=tls, arguments=["--token-file", folder / "token"]
    ) as it:
        (it.state / "files" / "clip.mp4").write_bytes(CONTENT)
        yield it


def get(service: StandInService, path: str, **options: Any) -> requests.Response:
    options = {"allow_redirects": False, "verify": str(service.tls and service.tls.authority), **options}
    return requests.get(service.url + path, timeout=options.pop("timeout", 5), **options)


def read_until_broken(answer: requests.Response) -> tuple[bytes, bool]:
    """What arrives of a body, and whether it broke off or stopped before its end."""
    received = b""
    try:
        for block in answer.iter_content(4096):
            received += block
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return received, True
    return received, False


def test_a_source_is_served_whole_and_in_ranges(sources: StandInService) -> None:
    whole = get(sources, "/ok/clip.mp4")
    assert whole.content == CONTENT
    assert whole.headers["content-type"] == "video/mp4"
    part = get(sources, "/ok/clip.mp4", headers={"range": "bytes=10-19", "if-range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"
    assert get(sources, "/ok/clip.mp4", headers={"range": f"bytes={len(CONTENT)}-"}).status_code == 416
    assert get(sources, "/ok/none.mp4").status_code == 404


def test_a_source_behind_a_token_is_for_who_has_it(sources: StandInService, token: str) -> None:
    assert get(sources, f"/secret/{token}/clip.mp4").content == CONTENT
    assert get(sources, "/secret/guess/clip.mp4").status_code == 403
    assert get(sources, "/bearer/clip.mp4", headers={"authorization": f"Bearer {token}"}).content == CONTENT
    assert get(sources, "/bearer/clip.mp4").status_code == 401


@pytest.mark.parametrize("code", [403, 404, 410, 429, 500, 503])
def test_a_source_answers_with_the_status_asked_for(sources: StandInService, code: int) -> None:
    assert get(sources, f"/status/{code}").status_code == code


@pytest.mark.parametrize(
    ("kind", "location"),
    [
        ("http", "http://{host}/ok/clip.mp4"),
        ("loopback", "https://127.0.0.1:{port}/ok/clip.mp4"),
        ("metadata", "https://169.254.169.254/latest/meta-data/"),
        ("userinfo", "https://user:password@{host}/ok/clip.mp4"),
        ("file", "file:///etc/passwd"),
        ("loop", "/redirect/loop/clip.mp4"),
    ],
)
def test_redirects_lead_where_no_fetcher_should_go(sources: StandInService, kind: str, location: str) -> None:
    answer = get(sources, f"/redirect/{kind}/clip.mp4")
    host = f"{sources.place.address}:{sources.port}"
    assert answer.status_code == 302
    assert answer.headers["location"] == location.format(host=host, port=sources.port)


def test_an_honest_redirect_can_be_followed(sources: StandInService) -> None:
    assert get(sources, "/redirect/ok/clip.mp4", allow_redirects=True).content == CONTENT


def test_a_source_may_never_answer_or_stall_half_way(sources: StandInService) -> None:
    with pytest.raises(requests.ReadTimeout):
        get(sources, "/hang", timeout=0.5)
    stalled = get(sources, "/stall/clip.mp4", stream=True, timeout=0.5)
    assert read_until_broken(stalled) == (CONTENT[: len(CONTENT) // 2], True)


def test_a_trickling_source_keeps_every_idle_timeout_happy(sources: StandInService) -> None:
    started = time.monotonic()
    blocks = get(sources, "/trickle/clip.mp4", stream=True, timeout=2).iter_content(1)
    assert [next(blocks) for _ in range(3)] == [CONTENT[i : i + 1] for i in range(3)]
    assert time.monotonic() - started > 0.9


def test_a_source_lies_about_its_length(sources: StandInService) -> None:
    short = get(sources, "/short/clip.mp4", stream=True)
    assert short.headers["content-length"] == str(len(CONTENT))
    assert read_until_broken(short) == (CONTENT[: len(CONTENT) // 2], True)
    huge = get(sources, "/huge", stream=True)
    assert huge.headers["content-length"] == "10000000000"
    unbounded = get(sources, "/unbounded", stream=True)
    assert "content-length" not in unbounded.headers
    assert len(unbounded.raw.read(1_000_000)) == 1_000_000


def test_a_cut_source_can_be_resumed_until_it_is_whole(sources: StandInService) -> None:
    received = b""
    for _ in range(3):
        span = {"range": f"bytes={len(received)}-"}
        answer = get(sources, f"/cut/clip.mp4?after={AFTER}", stream=True, headers=span)
        assert answer.status_code == 206
        block, broken = read_until_broken(answer)
        assert len(block) <= AFTER
        received += block
        assert broken == (len(received) < len(CONTENT))
    assert received == CONTENT


def test_a_cut_source_that_knows_no_ranges_begins_anew_each_time(sources: StandInService) -> None:
    for _ in range(2):
        span = {"range": f"bytes={AFTER}-"}
        answer = get(sources, f"/cut-no-range/clip.mp4?after={AFTER}", stream=True, headers=span)
        assert answer.status_code == 200
        assert read_until_broken(answer) == (CONTENT[:AFTER], True)


def test_a_source_that_changed_gives_all_of_it_anew(sources: StandInService) -> None:
    first = get(sources, "/changing/clip.mp4?after=1000000")
    again = get(
        sources,
        "/changing/clip.mp4?after=1000000",
        headers={"range": "bytes=5-", "if-range": first.headers["etag"]},
    )
    assert again.status_code == 200
    assert again.headers["etag"] != first.headers["etag"]


def test_each_request_is_written_down(sources: StandInService) -> None:
    get(sources, "/ok/clip.mp4?counted=1", headers={"range": "bytes=1-2"})
    lines = (sources.state / "requests.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == {
        "method": "GET",
        "path": "/ok/clip.mp4",
        "range": "bytes=1-2",
        "status": 206,
    }


@pytest.fixture(scope="module")
def drive_secrets(tmp_path_factory: pytest.TempPathFactory) -> SecretFiles:
    return SecretFiles(tmp_path_factory.mktemp("drive") / "secrets")


@pytest.fixture(scope="module")
def drive(
    tmp_path_factory: pytest.TempPathFactory, tls: Tls, drive_secrets: SecretFiles
) -> Iterator[StandInService]:
    it = StandInService("drive", tmp_path_factory.mktemp("drive") / "it", tls=tls)
    drive_secrets.text("key")
    drive_secrets.service_account("account", EMAIL, f"{it.url}/token")
    files: list[str | Path] = [
        "--api-key-file",
        drive_secrets.path("key"),
        "--service-account",
        drive_secrets.path("account"),
    ]
    it = StandInService("drive", it.folder, port=it.port, tls=tls, arguments=files)
    with it:
        add_file(it.state, "public", DriveFile("clip.mp4", "video/mp4"), CONTENT)
        add_file(it.state, "shared", DriveFile("clip.mp4", "video/mp4", readers=(EMAIL,)), CONTENT)
        add_file(it.state, "others", DriveFile("clip.mp4", "video/mp4", readers=("a@b.c",)), CONTENT)
        add_file(it.state, "doc", DriveFile("Notes", "application/vnd.google-apps.document"), b"")
        add_file(it.state, "locked", DriveFile("clip.mp4", "video/mp4", downloadable=False), CONTENT)
        add_file(it.state, "abusive", DriveFile("clip.mp4", "video/mp4", abusive=True), CONTENT)
        yield it


def files_of(drive: StandInService, *, account: dict[str, Any] | None = None, key: str | None = None) -> Any:
    """Drive's `files`, through Google's own client."""
    transport = httplib2.Http(ca_certs=str(drive.tls and drive.tls.authority), timeout=5)
    if account:
        credentials = Credentials.from_service_account_info(account, scopes=SCOPES)
        transport = google_auth_httplib2.AuthorizedHttp(credentials, http=transport)
    return discovery.build(
        "drive",
        "v3",
        http=transport,
        developerKey=key,
        client_options={"api_endpoint": f"{drive.url}/drive/v3/"},
        static_discovery=True,
    ).files()


@pytest.fixture
def account(drive: StandInService, drive_secrets: SecretFiles) -> dict[str, Any]:
    return drive_secrets.service_account("account", EMAIL, f"{drive.url}/token")


def reason(error: HttpError) -> str:
    return str(json.loads(error.content)["error"]["errors"][0]["reason"])


def test_a_service_account_reads_what_is_shared_with_it(
    drive: StandInService, account: dict[str, Any]
) -> None:
    files = files_of(drive, account=account)
    facts = files.get(fileId="shared", fields="size,sha256Checksum,capabilities/canDownload").execute()
    assert facts == {
        "size": str(len(CONTENT)),
        "sha256Checksum": hashlib.sha256(CONTENT).hexdigest(),
        "capabilities": {"canDownload": True},
    }
    assert files.get_media(fileId="shared").execute() == CONTENT
    assert files.get_media(fileId="public").execute() == CONTENT
    ranged = files.get_media(fileId="shared")
    ranged.headers["range"] = "bytes=5-9"
    assert ranged.execute() == CONTENT[5:10]


@pytest.mark.parametrize("file_id", ["others", "never-was"])
def test_what_is_not_shared_is_not_found_like_what_never_was(
    drive: StandInService, account: dict[str, Any], file_id: str
) -> None:
    with pytest.raises(HttpError, match=f"File not found: {file_id}") as refused:
        files_of(drive, account=account).get_media(fileId=file_id).execute()
    assert (refused.value.status_code, reason(refused.value)) == (404, "notFound")


def test_an_api_key_reads_what_anyone_may_read(drive: StandInService, drive_secrets: SecretFiles) -> None:
    files = files_of(drive, key=drive_secrets.text("key"))
    assert files.get_media(fileId="public").execute() == CONTENT
    with pytest.raises(HttpError, match="File not found"):
        files.get_media(fileId="shared").execute()


def test_a_wrong_key_a_wrong_token_and_none_are_told_apart(drive: StandInService) -> None:
    with pytest.raises(HttpError, match="API key not valid"):
        files_of(drive, key="guess").get(fileId="public").execute()
    with pytest.raises(HttpError, match="unregistered callers"):
        files_of(drive).get(fileId="public").execute()
    path = "/drive/v3/files/public"
    assert get(drive, path, headers={"authorization": "Bearer ya29.guess"}).status_code == 401


@pytest.mark.parametrize(
    ("file_id", "why"),
    [
        ("doc", "fileNotDownloadable"),
        ("locked", "cannotDownloadFile"),
        ("abusive", "cannotDownloadAbusiveFile"),
    ],
)
def test_some_files_cannot_be_downloaded(
    drive: StandInService, account: dict[str, Any], file_id: str, why: str
) -> None:
    with pytest.raises(HttpError) as refused:
        files_of(drive, account=account).get_media(fileId=file_id).execute()
    assert (refused.value.status_code, reason(refused.value)) == (403, why)


def test_a_forged_assertion_gets_no_token(
    drive: StandInService, account: dict[str, Any], tmp_path: Path
) -> None:
    forged = SecretFiles(tmp_path).service_account("account", EMAIL, f"{drive.url}/token")
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        files_of(drive, account=forged).get(fileId="public").execute()
    with pytest.raises(RefreshError, match="account not found"):
        files_of(drive, account={**account, "client_email": "no@body"}).get(fileId="public").execute()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"exp": 3601}, "invalid_grant"),
        ({"exp": -5}, "invalid_grant"),
        ({"aud": "https://elsewhere.test/token"}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/calendar"}, "invalid_scope"),
    ],
)
def test_an_assertion_has_to_be_short_lived_and_meant_for_drive(
    drive: StandInService, account: dict[str, Any], change: dict[str, Any], error: str
) -> None:
    def asked(**changed: Any) -> requests.Response:
        now = int(time.time())
        claims = {"iss": EMAIL, "aud": account["token_uri"], "iat": now, "scope": SCOPES[0], **changed}
        claims["exp"] = now + changed.get("exp", 3600)
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(claims, account["private_key"], algorithm="RS256"),
        }
        authority = str(drive.tls and drive.tls.authority)
        return requests.post(f"{drive.url}/token", data=form, verify=authority, timeout=5)

    assert asked().status_code == 200
    refused = asked(**change)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
