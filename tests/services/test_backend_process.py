"""The seed's requests: what they create in the cluster and in Postgres, and what comes back."""

import json
import subprocess
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.types.json import Jsonb

from hack.services.s3 import BUCKET
from hack.services.service import Tls
from hack.services.standins.base import Router, StandIn, json_response
from mediaops.identity import asset_id
from mediaops.problems import Problem
from mediaops.settings import load
from mediaops_backend.app import create_app
from mediaops_backend.limits import Buckets
from mediaops_backend.people import People
from mediaops_backend.settings import BackendSettings
from tests.services.backend_fixtures import Installed, Served

pytest_plugins = ["tests.services.backend_fixtures"]

PATH = "/api/media/process"

CREATE = """{
    "source": "google_drive",
    "source_id": "1abc123xyz",
    "file_type": "video",
    "original_url": "https://drive.google.com/file/d/1abc123xyz",
    "operations": ["transcribe", "caption", "thumbnail", "compress"],
    "metadata": {
      "campaign": "product_launch_2025",
      "platforms": ["x", "linkedin", "tiktok"]
    }
  }"""
"""The body of the seed's curl line."""


@pytest.fixture(scope="module")
def workspace(installed: Installed) -> str:
    return installed.workspace()


def post(installed: Installed, workspace: str, body: Any, **headers: str) -> Any:
    return installed.call("POST", PATH, body, installed.user(workspace), **headers)


def get(installed: Installed, workspace: str, asset: str) -> Any:
    return installed.call("GET", f"{PATH}?asset_id={asset}", bearer=installed.user(workspace))


def resource(installed: Installed, asset: dict[str, Any]) -> dict[str, Any]:
    path = f"/apis/mediaops.dev/v1alpha1/namespaces/{asset['namespace']}/mediaassets/{asset['name']}"
    return dict(installed.api.get(path))


def set_status(installed: Installed, asset: dict[str, Any], status: dict[str, Any]) -> None:
    """Write status as the operator does."""
    path = f"/apis/mediaops.dev/v1alpha1/namespaces/{asset['namespace']}/mediaassets/{asset['name']}/status"
    installed.api.patch(path, {"status": status})


def condition(kind: str, status: str, reason: str) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": now,
    }


FAILED = {
    "observedGeneration": 1,
    "phase": "Failed",
    "progress": {"total": 4, "completed": 3, "failed": 1, "summary": "3/4"},
    "conditions": [
        condition("Ready", "False", "AttemptsExhausted"),
        condition("Stalled", "True", "AttemptsExhausted"),
    ],
}


def test_the_seeds_curl_lines_work_as_written(served: Served, workspace: str) -> None:
    """curl's own content type, the seed's bodies, the seed's answers."""
    installed, bearer = served.installed, f"Authorization: Bearer {served.installed.user(workspace)}"
    created = served.curl("-X", "POST", f"{served.url}{PATH}", "-H", bearer, "-d", CREATE)
    assert created["message"] == "Media processing queued"
    assert created["asset"]["status"] == "pending"
    assert [(job["job_type"], job["status"]) for job in created["jobs"]] == [
        ("transcribe", "queued"),
        ("caption", "queued"),
        ("thumbnail", "queued"),
        ("compress", "queued"),
    ]
    asset = created["asset"]["id"]
    status = served.curl(f"{served.url}{PATH}?asset_id={asset}", "-H", bearer)
    assert status["asset"]["id"] == asset
    assert status["progress"] == {"total": 4, "completed": 0, "failed": 0, "seconds_left": None}
    set_status(installed, created["asset"], FAILED)
    retry = json.dumps({"asset_id": asset, "retry_failed_only": True}, indent=4)
    again = served.curl("-X", "POST", f"{served.url}{PATH}", "-H", bearer, "-d", retry)
    assert again["asset"]["id"] == asset
    assert resource(installed, created["asset"])["metadata"]["annotations"]["mediaops.dev/retry"]


def test_a_request_becomes_a_resource_with_chained_transforms_and_targets(
    installed: Installed, workspace: str
) -> None:
    body = {
        "source": "url",
        "original_url": "https://media.example.com/clip.mp4",
        "file_type": "video",
        "operations": ["transcribe", "crop", "caption", "compress", "thumbnail"],
        "params": {
            "language": "en",
            "model": "whisper-1",
            "caption_style": "engaging",
            "aspect": "9:16",
            "crf": 28,
            "at_millis": [500],
        },
        "metadata": {"campaign": "launch", "budget": 12, "target_platforms": ["x", "linkedin", "x"]},
    }
    asset = post(installed, workspace, body).json["asset"]
    assert resource(installed, asset)["spec"] == {
        "fileType": "video",
        "source": {"url": {"address": "https://media.example.com/clip.mp4"}},
        "operations": [
            {
                "name": "transcribe",
                "transcribe": {"engine": "openai", "model": "whisper-1", "language": "en"},
            },
            {"name": "crop", "crop": {"aspect": "9:16"}},
            {
                "name": "caption",
                "caption": {"style": "engaging", "language": "en", "transcriptFrom": "transcribe"},
            },
            {"name": "compress", "input": "crop", "compress": {"crf": 28}},
            {"name": "thumbnail", "thumbnail": {"atMillis": [500]}},
        ],
        "publish": {
            "key": "default",
            "targets": [
                {"name": "x", "platform": "x", "text": {"from": "caption"}},
                {"name": "linkedin", "platform": "linkedin", "text": {"from": "caption"}},
            ],
        },
        "attributes": {"campaign": "launch", "budget": "12"},
    } | {name: value for name, value in resource(installed, asset)["spec"].items() if name in DEFAULTED}


DEFAULTED = ("execution", "retry", "suspend", "deletionPolicy")
"""Blocks that the API server fills in."""


def test_rows_are_there_before_the_answer_with_the_ids_of_every_later_writer(
    installed: Installed, workspace: str
) -> None:
    answer = post(installed, workspace, json.loads(CREATE)).json
    asset = answer["asset"]
    made = resource(installed, asset)
    expected = asset_id(workspace, workspace, asset["name"], made["spec"]["source"])
    assert asset["id"] == str(expected)
    with installed.roles.connect("mediaops_operator") as connection:
        rows = connection.execute(
            "select id from media_processing_jobs where media_asset_id = %s order by position", [expected]
        ).fetchall()
    assert [str(row[0]) for row in rows] == [job["id"] for job in answer["jobs"]]


def test_objects_and_publish_blocks_are_taken_as_in_the_resource(
    installed: Installed, workspace: str
) -> None:
    body = {
        "source": "generated",
        "source_id": "made/clip.mp4",
        "file_type": "video",
        "operations": [
            {"name": "vertical", "crop": {"aspect": "9:16", "resize": {"width": 608}}},
            {"type": "filter", "name": "warm", "input": "vertical", "params": {"steps": [{"sepia": {}}]}},
            {"type": "thumbnail", "params": {"at_millis": [100, 200]}, "required": True},
        ],
        "publish": {
            "key": "spring",
            "targets": [{"name": "x", "platform": "x", "account_ref": {"name": "brand"}}],
        },
    }
    asset = post(installed, workspace, body).json["asset"]
    spec = resource(installed, asset)["spec"]
    assert spec["source"] == {"object": {"key": "made/clip.mp4"}}
    assert [operation["name"] for operation in spec["operations"]] == ["vertical", "warm", "thumbnail"]
    assert spec["operations"][1]["input"] == "vertical"
    assert spec["publish"]["targets"][0]["accountRef"] == {"name": "brand"}


def test_a_source_s_secret_is_named_or_left_to_the_agreed_name(installed: Installed, workspace: str) -> None:
    body = json.loads(CREATE)
    seeds = post(installed, workspace, body).json["asset"]
    assert resource(installed, seeds)["spec"]["source"] == {"googleDrive": {"fileId": "1abc123xyz"}}
    named = post(installed, workspace, {**body, "source_secret": "drive"}).json["asset"]
    assert resource(installed, named)["spec"]["source"] == {
        "googleDrive": {"fileId": "1abc123xyz", "secretRef": {"name": "drive"}}
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"workspace_id": "somebody-else"}, "workspace_id"),
        ({"file_type": "text"}, "file_type"),
        ({"source": "ftp"}, "source"),
        ({"source_id": None, "original_url": None}, "source_id"),
        ({"operations": ["transcode"]}, "operations.0"),
        ({"operations": [{"type": "transcode"}]}, "operations.0.type"),
        ({"operations": ["crop"], "params": {"aspct": "9:16"}}, "params.aspct"),
        ({"operations": [{"name": "a", "crop": {"aspct": "9:16"}}]}, "operations[0].crop.aspct"),
        ({"operations": ["crop"], "params": {"aspect": "10:1"}}, "operations[0].crop.aspect"),
        ({"operations": ["transcribe"], "file_type": "image"}, "spec"),
        ({"operations": ["filter"]}, "operations[0].filter.steps"),
        ({"source": "url", "original_url": "http://media.example.com/x"}, "source.url.address"),
        ({"metadata": {"platforms": "x"}}, "metadata.platforms"),
        ({"metadata": {"notes": "n" * 300}}, "metadata.notes"),
        ({"operatons": []}, "operatons"),
        ({"callback_url": "https://n8n.example.com/webhook-waiting/1"}, "callback_url"),
        ({"source": "upload", "source_secret": "drive"}, "source_secret"),
        ({"source_secret": ""}, "source_secret"),
    ],
)
def test_what_is_wrong_is_named(
    installed: Installed, workspace: str, change: dict[str, Any], field: str
) -> None:
    answer = post(installed, workspace, {**json.loads(CREATE), **change})
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert field in [error["field"] for error in answer.json["errors"]]
    assert "https://drive" not in answer.json["detail"]


def test_an_idempotency_key_makes_one_asset(installed: Installed, workspace: str) -> None:
    key, body = str(uuid.uuid4()), json.loads(CREATE)
    first = post(installed, workspace, body, Idempotency_Key=key)
    again = post(installed, workspace, body, Idempotency_Key=key)
    assert (again.status_code, again.json) == (202, first.json)
    other = post(installed, workspace, {**body, "source_id": "2def"}, Idempotency_Key=key)
    assert (other.status_code, other.json["type"]) == (409, "urn:mediaops:problem:idempotency-key-reused")
    neighbour = installed.workspace()
    theirs = post(installed, neighbour, body, Idempotency_Key=key)
    assert theirs.json["asset"]["id"] != first.json["asset"]["id"]


def test_without_a_key_each_request_is_an_asset_of_its_own(installed: Installed, workspace: str) -> None:
    ids = {post(installed, workspace, json.loads(CREATE)).json["asset"]["id"] for _ in range(2)}
    assert len(ids) == 2


def test_retry_asks_once_and_only_for_what_failed(installed: Installed, workspace: str) -> None:
    asset = post(installed, workspace, json.loads(CREATE)).json["asset"]
    retry = {"asset_id": asset["id"], "retry_failed_only": True}
    nothing = post(installed, workspace, retry)
    assert (nothing.status_code, nothing.json["type"]) == (409, "urn:mediaops:problem:nothing-failed")
    set_status(installed, asset, FAILED)
    assert post(installed, workspace, retry).status_code == 202
    token = resource(installed, asset)["metadata"]["annotations"]["mediaops.dev/retry"]
    assert post(installed, workspace, retry).status_code == 202
    assert resource(installed, asset)["metadata"]["annotations"]["mediaops.dev/retry"] == token
    set_status(installed, asset, {**FAILED, "lastHandled": {"retry": token}})
    assert post(installed, workspace, retry).status_code == 202
    assert resource(installed, asset)["metadata"]["annotations"]["mediaops.dev/retry"] != token
    assert post(installed, workspace, {**retry, "asset_id": str(uuid.uuid4())}).status_code == 404


def test_a_bad_source_may_be_retried_and_what_was_cancelled_may_not(
    installed: Installed, workspace: str
) -> None:
    asset = post(installed, workspace, json.loads(CREATE)).json["asset"]
    retry = {"asset_id": asset["id"], "retry_failed_only": True}
    for reason, status in (("Cancelled", 409), ("OutcomeUnknown", 409), ("SourceNotFound", 202)):
        conditions = [condition("Ready", "False", reason), condition("Stalled", "True", reason)]
        progress = {"total": 4, "completed": 0, "failed": 0, "summary": "0/4"}
        set_status(installed, asset, {**FAILED, "progress": progress, "conditions": conditions})
        assert (reason, post(installed, workspace, retry).status_code) == (reason, status)


def test_status_shows_progress_of_the_current_job_and_addresses_that_open(
    installed: Installed, workspace: str
) -> None:
    created = post(installed, workspace, json.loads(CREATE)).json
    asset, [first, second, *_] = created["asset"]["id"], created["jobs"]
    key = f"{workspace}/steps/{'c' * 40}/poster.jpg"
    installed.s3.client("backend").put_object(Bucket=BUCKET, Key=key, Body=b"a picture")
    addresses = {"thumbnail_url": f"s3://{BUCKET}/{key}", "foreign": f"s3://{BUCKET}/other/steps/x"}
    with installed.roles.connect("mediaops_operator") as connection:
        connection.execute(
            "update media_processing_jobs set status = 'processing', flask_job_id = 'job-2',"
            " progress_job_name = 'job-1', percent = 80 where id = %s",
            [first["id"]],
        )
        connection.execute(
            "update media_processing_jobs set status = 'completed', output_data = %s where id = %s",
            [
                Jsonb(addresses),
                second["id"],
            ],
        )
        connection.execute(
            "update media_assets set thumbnail_url = %s where id = %s", [f"s3://{BUCKET}/{key}", asset]
        )
    answer = get(installed, workspace, asset).json
    assert answer["jobs"][0]["percent"] == 0
    assert answer["progress"] == {"total": 4, "completed": 1, "failed": 0, "seconds_left": None}
    authority = installed.environment["MEDIAOPS_CA_FILE"]
    for url in (answer["asset"]["thumbnail_url"], answer["jobs"][1]["output_data"]["thumbnail_url"]):
        assert url.startswith(installed.environment["STORAGE_URL"])
        assert "X-Amz-Expires=900" in url
        assert requests.get(url, verify=authority, timeout=10).content == b"a picture"
    assert answer["jobs"][1]["output_data"]["foreign"] == f"s3://{BUCKET}/other/steps/x"


def test_another_workspaces_asset_is_not_there(installed: Installed, workspace: str) -> None:
    asset = post(installed, workspace, json.loads(CREATE)).json["asset"]["id"]
    neighbour = installed.workspace()
    assert get(installed, neighbour, asset).status_code == 404
    retry = {"asset_id": asset, "retry_failed_only": True}
    assert post(installed, neighbour, retry).status_code == 404
    assert get(installed, workspace, asset).status_code == 200
    assert get(installed, workspace, "no-uuid").status_code == 404


def test_a_namespace_whose_quota_is_used_up_is_told_so(installed: Installed) -> None:
    workspace = installed.workspace()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/mediaassets.mediaops.dev": "0"}},
    }
    path = f"/api/v1/namespaces/{workspace}/resourcequotas"
    installed.api.call("POST", path, quota)
    # What the quota controller would write.
    installed.api.patch(
        f"{path}/none/status",
        {"status": {"hard": quota["spec"]["hard"], "used": {"count/mediaassets.mediaops.dev": "0"}}},
    )
    answer = post(installed, workspace, json.loads(CREATE))
    assert (answer.status_code, answer.json["type"]) == (403, "urn:mediaops:problem:not-allowed")
    assert workspace in answer.json["detail"]


def test_a_workspace_without_namespace_is_told_so(installed: Installed) -> None:
    answer = post(installed, "nowhere", json.loads(CREATE))
    assert (answer.status_code, answer.json["type"]) == (409, "urn:mediaops:problem:no-namespace")


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"not json", {}, 422),
        (b"[1]", {}, 422),
        (b'{"source": "\\u0000"}', {}, 422),
        (b'{"source": "\\ud800"}', {}, 422),
        (b'{"params": {"crf": NaN}}', {}, 422),
        (b"[" * 100_000, {}, 422),
        (b"{}", {"Content-Encoding": "gzip"}, 415),
        (b"x" * (1024 * 1024 + 1), {}, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    installed: Installed, workspace: str, raw: bytes, headers: dict[str, str], status: int
) -> None:
    sent = {"Authorization": f"Bearer {installed.user(workspace)}", **headers}
    answer = installed.client.post(PATH, data=raw, headers=sent)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_users_are_told_by_token_or_key_and_nothing_else_passes(installed: Installed, workspace: str) -> None:
    asset = post(installed, workspace, json.loads(CREATE)).json["asset"]["id"]
    path = f"{PATH}?asset_id={asset}"
    key = subprocess.run(
        [".venv/bin/mediaops-backend", "key", "--workspace", workspace, "--name", "ci"],
        env=installed.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    in_metadata = installed.user("", workspace_id=None, app_metadata={"workspace_id": workspace})
    for good in (key, in_metadata):
        assert installed.call("GET", path, bearer=good).status_code == 200
    bad = {
        "nothing": None,
        "a key that was never made": "mops_" + "x" * 43,
        "expired": installed.user(workspace, exp=1),
        "no workspace": installed.user("", user_metadata={"workspace_id": workspace}),
        "another audience": installed.user(workspace, aud="anon"),
        "n8n": installed.environment["MEDIAOPS_N8N_TOKEN"],
        "a pod": installed.pod_token(workspace, "clip-000000000000-abcde"),
    }
    found = {who: installed.call("GET", path, bearer=bearer).status_code for who, bearer in bad.items()}
    assert found == dict.fromkeys(bad, 401)
    with installed.roles.connect("mediaops_owner") as connection:
        connection.execute("update api_keys set revoked_at = now() where workspace_id = %s", [workspace])
    assert installed.call("GET", path, bearer=key).status_code == 401


def test_users_and_strangers_are_limited_and_pods_and_n8n_are_not(
    installed: Installed, workspace: str
) -> None:
    parts = replace(installed.parts, users=Buckets(0.001, 2), strangers=Buckets(0.001, 2))
    limited = replace(installed, client=create_app(parts).test_client())
    missing = str(uuid.uuid4())
    answers = [get(limited, workspace, missing) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[2].json["type"] == "urn:mediaops:problem:too-many-calls"
    assert int(answers[2].headers["Retry-After"]) > 1
    colleague = limited.user(workspace, sub="user-2")
    assert limited.call("GET", f"{PATH}?asset_id={missing}", bearer=colleague).status_code == 404
    job = "clip-000000000000"
    pod, capability = limited.pod_token(workspace, f"{job}-abcde"), limited.capability(workspace, job)
    claim = f"/api/media/distributions/{missing}/claim"
    for _ in range(4):
        asked = limited.call("POST", f"/api/media/jobs/{job}/urls", {"capability": capability}, pod)
        assert asked.status_code == 200
        assert limited.n8n("POST", claim, {"target": "x"}).status_code == 404
    strangers = [limited.call("POST", claim, {"target": "x"}, "nobody").status_code for _ in range(3)]
    assert strangers == [401, 401, 429]


@pytest.mark.parametrize(("proxies", "last"), [(0, 429), (1, 401)])
def test_only_trusted_proxies_say_for_whom_they_call(installed: Installed, proxies: int, last: int) -> None:
    settings = installed.parts.settings.model_copy(update={"trusted_proxies": proxies})
    parts = replace(installed.parts, settings=settings, strangers=Buckets(0.001, 1))
    limited = replace(installed, client=create_app(parts).test_client())
    answers = [limited.call("GET", PATH, X_Forwarded_For=f"192.0.2.{place}") for place in (1, 2)]
    assert [answer.status_code for answer in answers] == [401, last]


def test_tokens_signed_with_supabases_key_pair_are_checked_against_its_keys(
    installed: Installed, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    keys = {"keys": [{**jwk, "kid": "1", "alg": "ES256", "use": "sig"}]}
    router = Router()
    router.add("GET", "/auth/v1/.well-known/jwks.json", lambda _: json_response(200, keys))
    certificate = tls.certificate
    with StandIn(router, "127.0.0.1", 0, str(certificate.cert), str(certificate.key)) as supabase:
        for name, value in {**installed.environment, "SUPABASE_URL": supabase.url}.items():
            monkeypatch.setenv(name, value)
        settings = load(BackendSettings)
        people = People(settings, installed.parts.database)
        claims = {
            "sub": "user-1",
            "aud": "authenticated",
            "exp": int(time.time()) + 60,
            "iss": f"{supabase.url}/auth/v1",
            "app_metadata": {"workspace_id": "acme"},
        }

        def token(key: Any = private, **changes: Any) -> str:
            return jwt.encode({**claims, **changes}, key, algorithm="ES256", headers={"kid": "1"})

        assert people.identify(token()).workspace == "acme"
        for bad in (token(stranger), token(iss="https://elsewhere/auth/v1"), token(aud="anon"), token(exp=1)):
            with pytest.raises(Problem) as refused:
                people.identify(bad)
            assert refused.value.status == 401
    with pytest.raises(Problem) as away:
        People(settings, installed.parts.database).identify(token())
    assert away.value.status == 503


def test_the_api_describes_itself(installed: Installed) -> None:
    document = installed.call("GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    rules = {
        rule.rule.replace("<", "{").replace(">", "}")
        for rule in installed.client.application.url_map.iter_rules()
    }
    assert set(document["paths"]) == rules
    references = set(_references(document))
    assert references <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    page = installed.call("GET", "/docs")
    assert PATH in page.text
    assert "<script" not in page.text


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in _references(inner)]
    return [found for inner in value for found in _references(inner)] if isinstance(value, list) else []


def test_unknown_paths_and_methods_are_problems_too(installed: Installed) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", PATH, 405)):
        answer = installed.call(method, path)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
