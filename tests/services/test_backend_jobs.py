"""What pods may do with their capability and their own token: exactly what it names, and report."""

import hashlib
import secrets
import time
import uuid
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import dict_row

from mediaops.identity import output_key, result_key
from mediaops.tables import CHANNEL
from mediaops.tokens import Signer
from tests.services.backend_fixtures import Installed

pytest_plugins = ["tests.services.backend_fixtures"]

JOB = "clip-3f9ac01b22d1"
POD = f"{JOB}-x7k2p"
STEP = "a" * 40


@pytest.fixture(scope="module")
def workspace(installed: Installed) -> str:
    return installed.workspace()


@pytest.fixture(scope="module")
def token(installed: Installed, workspace: str) -> str:
    return installed.pod_token(workspace, POD)


def ask(installed: Installed, capability: str, token: str | None, job: str = JOB, **wanted: Any) -> Any:
    return installed.call("POST", f"/api/media/jobs/{job}/urls", {"capability": capability, **wanted}, token)


def write(workspace: str, content: bytes, extension: str = "mp4") -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        "key": output_key(workspace, STEP, f"{sha256}.{extension}"),
        "size": len(content),
        "sha256": sha256,
    }


def open_url(installed: Installed, method: str, url: str, **more: Any) -> requests.Response:
    authority = installed.environment["MEDIAOPS_CA_FILE"]
    return requests.request(method, url, verify=authority, timeout=10, **more)


def test_a_pod_writes_and_reads_what_its_capability_names(
    installed: Installed, workspace: str, token: str
) -> None:
    capability = installed.capability(workspace, JOB, step_keys=[STEP])
    wanted = write(workspace, b"a rendition")
    answer = ask(installed, capability, token, writes=[wanted])
    assert answer.status_code == 200
    grant = answer.json["writes"][wanted["key"]]
    put = open_url(installed, "PUT", grant["url"], data=b"a rendition", headers=grant["headers"])
    assert put.status_code == 200
    read = ask(installed, capability, token, reads=[wanted["key"]]).json["reads"][wanted["key"]]
    got = open_url(installed, "GET", read)
    assert (got.content, got.headers["Content-Type"]) == (b"a rendition", "video/mp4")


def test_storage_takes_no_other_content_under_a_signed_url(
    installed: Installed, workspace: str, token: str
) -> None:
    capability = installed.capability(workspace, JOB, step_keys=[STEP])
    wanted = write(workspace, b"as announced")
    grant = ask(installed, capability, token, writes=[wanted]).json["writes"][wanted["key"]]
    for other in (b"not the same", b"as announced and more"):
        assert (
            open_url(installed, "PUT", grant["url"], data=other, headers=grant["headers"]).status_code >= 400
        )
    assert open_url(installed, "PUT", grant["url"], data=b"not the same").status_code == 403


def test_a_large_file_goes_up_in_parts(installed: Installed, workspace: str, token: str) -> None:
    content = secrets.token_bytes(1024) * (65 * 1024)
    capability = installed.capability(workspace, JOB, step_keys=[STEP])
    wanted = write(workspace, content)
    grant = ask(installed, capability, token, writes=[wanted]).json["writes"][wanted["key"]]
    assert (grant["url"], [p["size"] for p in grant["parts"]]) == (None, [32 * 2**20, 32 * 2**20, 2**20])
    listed = ""
    for part in grant["parts"]:
        piece = content[part["offset"] : part["offset"] + part["size"]]
        etag = open_url(installed, "PUT", part["url"], data=piece).headers["ETag"]
        listed += f"<Part><PartNumber>{part['number']}</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
    done = open_url(
        installed, "POST", grant["complete_url"], data=document, headers={"Content-Type": "application/xml"}
    )
    assert done.status_code == 200
    read = ask(installed, capability, token, reads=[wanted["key"]]).json["reads"][wanted["key"]]
    assert hashlib.sha256(open_url(installed, "GET", read).content).hexdigest() == wanted["sha256"]


@pytest.mark.parametrize(
    "key",
    [
        "{ws}/steps/{other}/result.json",
        "{ws}/made/another.mp4",
        "other/steps/{step}/result.json",
        "{ws}/steps/{step}/../{other}/result.json",
        "{ws}/steps/{step}/",
        "{ws}/steps/{step}/notes.txt",
        "{ws}/steps/{step}",
        "",
    ],
)
def test_no_key_opens_that_the_capability_does_not_name(
    installed: Installed, workspace: str, token: str, key: str
) -> None:
    capability = installed.capability(workspace, JOB, reads=[f"{workspace}/made/clip.mp4"], step_keys=[STEP])
    key = key.format(ws=workspace, step=STEP, other="b" * 40)
    own = result_key(workspace, STEP)
    refused = (403, 422)
    assert ask(installed, capability, token, reads=[own, key]).status_code in refused
    wanted = {"key": key, "size": 1, "sha256": "0" * 64}
    assert ask(installed, capability, token, writes=[wanted]).status_code in refused


def test_a_source_may_be_read_and_never_written(installed: Installed, workspace: str, token: str) -> None:
    source = f"{workspace}/made/clip.mp4"
    capability = installed.capability(workspace, JOB, reads=[source], step_keys=[STEP])
    assert ask(installed, capability, token, reads=[source]).status_code == 200
    wanted = {"key": source, "size": 1, "sha256": "0" * 64}
    assert ask(installed, capability, token, writes=[wanted]).status_code == 403


def test_nothing_opens_without_the_jobs_own_pods_token(
    installed: Installed, workspace: str, token: str
) -> None:
    capability = installed.capability(workspace, JOB, step_keys=[STEP])
    own = [result_key(workspace, STEP)]
    neighbour = installed.workspace()
    bearers = {
        "none": (None, 401),
        "junk": ("junk", 401),
        "a user": (installed.user(workspace), 401),
        "n8n": (installed.environment["MEDIAOPS_N8N_TOKEN"], 401),
        "another audience": (installed.pod_token(workspace, POD, "https://kubernetes.default.svc"), 401),
        "another Job's pod": (installed.pod_token(workspace, "clip-000000000000-x7k2p"), 403),
        "a pod with a longer name": (installed.pod_token(workspace, f"{JOB}-other-x7k2p"), 403),
        "another namespace": (installed.pod_token(neighbour, POD), 403),
    }
    found = {
        who: ask(installed, capability, bearer, reads=own).status_code for who, (bearer, _) in bearers.items()
    }
    assert found == {who: status for who, (_, status) in bearers.items()}
    assert ask(installed, capability, token, reads=own).status_code == 200


def test_a_pod_of_an_indexed_job_writes_its_own_index_only(
    installed: Installed, workspace: str, token: str
) -> None:
    steps = ["c" * 40, "d" * 40]
    capability = installed.capability(workspace, JOB, step_keys=[STEP, *steps], indexed=steps)
    keys = [result_key(workspace, step) for step in steps]
    wanted = [{"key": key, "size": 1, "sha256": "0" * 64} for key in keys]
    second = installed.pod_token(workspace, f"{JOB}-1-x7k2p")
    assert ask(installed, capability, second, writes=wanted[1:]).status_code == 200
    assert ask(installed, capability, second, reads=[result_key(workspace, STEP)]).status_code == 200
    assert ask(installed, capability, second, writes=wanted[:1]).status_code == 403
    beyond = installed.pod_token(workspace, f"{JOB}-2-x7k2p")
    for other in (token, beyond):
        assert ask(installed, capability, other, writes=wanted[1:]).status_code == 403
    alone = installed.capability(workspace, JOB, step_keys=steps)
    assert ask(installed, alone, second, writes=wanted[1:]).status_code == 403


def test_a_token_that_someone_else_signed_is_refused(
    installed: Installed, workspace: str, token: str
) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": header["kid"]})
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": header["kid"]})
    symmetric = jwt.encode(claims, secrets.token_hex(32), algorithm="HS256", headers={"kid": header["kid"]})
    capability = installed.capability(workspace, JOB, step_keys=[STEP])
    for bad in (forged, unsigned, symmetric):
        assert ask(installed, capability, bad, reads=[result_key(workspace, STEP)]).status_code == 401


def test_a_capability_that_is_not_the_operators_or_ran_out_is_refused(
    installed: Installed, workspace: str, token: str
) -> None:
    expired = installed.capability(workspace, JOB, step_keys=[STEP], expires=int(time.time()) - 1)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer, installed_signer = Signer(pem), installed.signer
    installed.signer = signer
    forged = installed.capability(workspace, JOB, step_keys=[STEP])
    installed.signer = installed_signer
    other_job = installed.capability(workspace, "clip-000000000000", step_keys=[STEP])
    for capability in (expired, forged, other_job, "junk"):
        assert ask(installed, capability, token, reads=[result_key(workspace, STEP)]).status_code == 403


def test_urls_are_exchanged_while_postgres_is_away(installed: Installed, workspace: str, token: str) -> None:
    capability = installed.capability(workspace, JOB, step_keys=[STEP])
    installed.roles.server.stop()
    try:
        answer = ask(installed, capability, token, reads=[result_key(workspace, STEP)])
        ready = installed.call("GET", "/readyz")
    finally:
        installed.roles.server.start()
    assert (answer.status_code, ready.status_code) == (200, 200)


# Callbacks


def inbox(installed: Installed, job: str = JOB) -> dict[str, Any] | None:
    with installed.roles.connect("mediaops_operator") as connection:
        connection.row_factory = dict_row
        return connection.execute("select * from job_callbacks where job_name = %s", [job]).fetchone()


def job_columns(installed: Installed, row: uuid.UUID) -> dict[str, Any]:
    with installed.roles.connect("mediaops_operator") as connection:
        connection.row_factory = dict_row
        found = connection.execute("select * from media_processing_jobs where id = %s", [row]).fetchone()
    assert found
    return dict(found)


@pytest.fixture
def running(installed: Installed, workspace: str) -> tuple[uuid.UUID, str, str]:
    """A job's row, the Kubernetes Job that runs it, and its pod's token."""
    job = f"clip-{secrets.token_hex(6)}"
    asset = installed.asset_row(workspace, f"clip-{secrets.token_hex(4)}")
    row = installed.job_row(workspace, asset, job)
    return row, job, installed.pod_token(workspace, f"{job}-abcde")


def report(
    installed: Installed, bearer: str, row: uuid.UUID, job: str, status: str = "processing", **more: Any
):  # type: ignore[no-untyped-def]
    body = {"job_id": str(row), "flask_job_id": job, "status": status, **more}
    return installed.call("POST", "/api/media/callback", body, bearer)


def test_progress_is_kept_shown_and_the_operator_told(
    installed: Installed, running: tuple[uuid.UUID, str, str]
) -> None:
    row, job, token = running
    with installed.roles.connect("mediaops_operator") as listener:
        listener.execute(f"listen {CHANNEL}")
        answer = report(installed, token, row, job, percent=40, seconds_left=30)
        told = list(listener.notifies(timeout=5, stop_after=1))
    assert (answer.status_code, answer.json) == (200, {"recorded": True})
    shown = job_columns(installed, row)
    assert (shown["percent"], shown["seconds_left"], shown["progress_job_name"]) == (40, 30, job)
    assert shown["status"] == "processing"
    assert len(told) == 1


def test_repeats_and_late_ones_change_nothing(
    installed: Installed, running: tuple[uuid.UUID, str, str]
) -> None:
    row, job, token = running
    report(installed, token, row, job, percent=60)
    before = inbox(installed, job)
    assert report(installed, token, row, job, percent=60).json == {"recorded": False}
    assert report(installed, token, row, job, percent=20).json == {"recorded": False}
    assert inbox(installed, job) == before
    report(installed, token, row, job, "completed", percent=100, output_data={"word_count": "3"})
    ended = inbox(installed, job)
    assert ended
    assert ended["steps"][str(row)] == {
        "status": "completed",
        "percent": 100,
        "output_data": {"word_count": "3"},
    }
    assert report(installed, token, row, job, percent=90).json == {"recorded": False}
    assert report(installed, token, row, job, "failed", error="no").json["recorded"] is True
    after = inbox(installed, job)
    assert after
    assert (after["status"], after["steps"]) == ("completed", ended["steps"])


def test_an_earlier_jobs_words_do_not_show_as_progress_of_the_current_one(
    installed: Installed, workspace: str, running: tuple[uuid.UUID, str, str]
) -> None:
    row, job, token = running
    report(installed, token, row, job, percent=30)
    earlier = f"clip-{secrets.token_hex(6)}"
    late = installed.pod_token(workspace, f"{earlier}-abcde")
    assert report(installed, late, row, earlier, percent=99).status_code == 200
    shown = job_columns(installed, row)
    assert (shown["percent"], shown["progress_job_name"]) == (30, job)


def test_a_pass_reports_each_of_its_assets_steps_and_no_other(
    installed: Installed, workspace: str, running: tuple[uuid.UUID, str, str]
) -> None:
    first, job, token = running
    second = installed.job_row(workspace, job_columns(installed, first)["media_asset_id"], job)
    foreign = installed.job_row(workspace, installed.asset_row(workspace, f"p-{secrets.token_hex(3)}"), job)
    steps = [
        {"job_id": str(first), "status": "processing", "percent": 50},
        {"job_id": str(second), "status": "completed"},
        {"job_id": str(foreign), "status": "completed"},
        {"job_id": "no-uuid", "status": "completed"},
    ]
    report(installed, token, first, job, percent=50, steps=steps)
    kept = inbox(installed, job)
    assert kept
    assert {name: step["status"] for name, step in kept["steps"].items()} == {
        str(first): "processing",
        str(second): "completed",
    }
    assert job_columns(installed, second)["percent"] == 100
    assert job_columns(installed, foreign)["percent"] is None


def test_a_pod_reports_for_its_own_job_and_namespace_only(
    installed: Installed, running: tuple[uuid.UUID, str, str]
) -> None:
    row, job, token = running
    assert report(installed, token, row, "clip-000000000000", percent=1).status_code == 403
    neighbour = installed.workspace()
    stranger = installed.pod_token(neighbour, f"{job}-abcde")
    assert report(installed, stranger, row, job, percent=1).status_code == 404
    assert report(installed, token, uuid.uuid4(), job, percent=1).status_code == 404
    assert inbox(installed, job) is None


def test_the_seeds_callback_is_taken_with_the_shared_secret(
    installed: Installed, running: tuple[uuid.UUID, str, str]
) -> None:
    row, job, _ = running
    secret = installed.environment["FLASK_API_SECRET"]
    output = {
        "transcription": "Hello world...",
        "captions": [{"start": 0, "end": 2.5, "text": "Hello world"}],
        "processed_url": "https://storage.example.com/processed.mp4",
    }
    assert (
        report(installed, secret, row, "another", "completed", output_data=output).json["recorded"] is False
    )
    assert report(installed, secret, row, job, "completed", output_data=output).json["recorded"] is True
    kept = inbox(installed, job)
    assert kept
    assert kept["steps"][str(row)]["output_data"] == output
    for bearer in (None, secret[:-1], installed.environment["MEDIAOPS_N8N_TOKEN"], installed.user("acme")):
        answer = installed.call("POST", "/api/media/callback", {}, bearer)
        assert answer.status_code == 401
