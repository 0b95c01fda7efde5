"""Publishing as it is installed: n8n with the project's workflows, the backend on Postgres and S3, X's stand-in.

`publishing` plans publications as the operator does, asks n8n for them as it does, and shows what came of it.
Nothing here needs a cluster: the backend's publishing routes use none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hack.cluster.waiting import wait_until
from hack.services.n8n import N8n
from hack.services.postgres import Postgres
from hack.services.s3 import BUCKET, S3
from hack.services.service import HttpService
from hack.services.standins.base import Request, Response, StandIn
from hack.services.standins.x.server import X
from mediaops.publications import TERMINAL, State
from n8n.deploy import write_files
from n8n.settings import Deployment

WORKSPACE = "acme"
LEASE_SECONDS = 12
SECONDS = 120.0
"""How long a publication may take on a busy machine."""

CONFIG: dict[str, Any] = {
    "part_bytes": 256 * 1024,
    "post_timeout_ms": 3000,
    "lease_margin_ms": 1000,
    "tries": 3,
    "longest_wait_seconds": 4,
    "lookups": 2,
    "lookup_pause_seconds": 0.5,
}

# A cluster that isn't there: the backend must be told of one, and publishing asks it nothing.
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "current-context": "none",
}


@dataclass(frozen=True)
class Secrets:
    """Everything that must never be found in what n8n stores."""

    backend: str = field(default_factory=lambda: secrets.token_hex(24))
    signing: str = field(default_factory=lambda: secrets.token_hex(24))
    access: str = field(default_factory=lambda: secrets.token_hex(24))
    oauth_access: str = field(default_factory=lambda: secrets.token_hex(24))
    oauth_refresh: str = field(default_factory=lambda: secrets.token_hex(24))
    revoked: str = field(default_factory=lambda: secrets.token_hex(24))
    client: str = field(default_factory=lambda: secrets.token_hex(24))


class BackendService(HttpService):
    """The backend in a process of its own."""

    name = "backend"

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder)
        self._environment = environment

    def command(self) -> Sequence[str | Path]:
        """See Service."""
        return [sys.executable, "-m", "mediaops_backend"]

    def env(self) -> Mapping[str, str]:
        """See Service."""
        return {**self._environment, "MEDIAOPS_HOST": self.place.address, "MEDIAOPS_PORT": str(self.port)}


@dataclass(frozen=True)
class Asked:
    """A publication: what names it in a request, and its text, which tells posts on X apart."""

    request_id: str
    text: str
    target: str = "x"


@dataclass
class Publishing:
    """What a test holds on to."""

    n8n: N8n
    backend: BackendService
    s3: S3
    x: X
    x_url: str
    secrets: Secrets
    connect: Callable[[], Any]
    alerts: list[dict[str, Any]]
    """What n8n's error workflow has sent."""
    since: float = 0.0
    """When the test began, in seconds since the epoch."""

    # As the operator

    def plan(self, text: str, *files: tuple[bytes, str]) -> Asked:
        """Put the files into storage and a row into content_posts."""
        asset, request = uuid.uuid4(), uuid.uuid4()
        described = [self._stored(content, kind) for content, kind in files]
        with self.connect() as connection:
            connection.execute(
                "insert into media_assets (id, workspace_id, source, file_type, namespace, name, resource_uid,"
                " creation_timestamp, resource_version) values (%s, %s, 'upload', 'video', %s, %s, %s, %s, 1)",
                [asset, WORKSPACE, WORKSPACE, f"clip-{asset}", uuid.uuid4(), datetime.now(UTC)],
            )
            connection.execute(
                "insert into content_posts (workspace_id, media_asset_id, resource, resource_uid, publish_key,"
                " target, request_id, revision, platform, account, text, files, backoff_seconds)"
                " values (%s, %s, %s, %s, 'default', 'x', %s, 'r1', 'x', 'main', %s, %s, 1)",
                [
                    WORKSPACE,
                    asset,
                    f"{WORKSPACE}/clip-{asset}",
                    uuid.uuid4(),
                    request,
                    text,
                    Jsonb(described),
                ],
            )
        return Asked(str(request), text)

    def _stored(self, content: bytes, kind: str) -> dict[str, Any]:
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"{WORKSPACE}/steps/{'0' * 40}/{sha256}"
        self.s3.client("backend").put_object(Bucket=BUCKET, Key=key, Body=content)
        return {"key": key, "sha256": sha256, "size": len(content), "type": kind}

    def ask(
        self, asked: Asked, account: str = "main", platform: str = "x", workspace: str = WORKSPACE
    ) -> None:
        """Send the request for a publication and see it accepted."""
        body = {
            "action": "upload_media",
            "request_id": asked.request_id,
            "asset_id": str(uuid.uuid4()),
            "workspace_id": workspace,
            "targets": [{"name": asked.target, "platform": platform, "account": account}],
        }
        assert self.send(json.dumps(body)).status_code == 202

    def ask_until_ended(self, asked: Asked, account: str) -> None:
        """Ask again and again, as the operator does: just after a push n8n may still run what was before."""

        def asked_and_ended() -> bool:
            self.ask(asked, account=account)
            time.sleep(3)
            return self.row(asked)["state"] in TERMINAL

        wait_until("the publication's end", asked_and_ended, SECONDS)

    def send(
        self, body: str, *, secret: str | None = None, age: float = 0, signature: str = "SIGNED"
    ) -> requests.Response:
        """POST a body to the webhook; SIGNED in `signature` becomes the right one. `age` in seconds."""
        message, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time() - age))
        key = (secret or self.secrets.signing).encode()
        mac = hmac.new(key, f"{message}.{stamp}.{body}".encode(), hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": signature.replace("SIGNED", f"v1,{base64.b64encode(mac).decode()}"),
        }
        return requests.post(f"{self.n8n.url}/webhook/upload-media", data=body, headers=headers, timeout=60)

    # What came of it

    def row(self, asked: Asked) -> dict[str, Any]:
        """The publication's row."""
        with self.connect() as connection:
            connection.row_factory = dict_row
            query = "select *, lease_until > now() as held from content_posts where request_id = %s"
            return dict(connection.execute(query, [asked.request_id]).fetchone())

    def ended(self, asked: Asked, state: State) -> dict[str, Any]:
        """Wait for the end of a publication, which must be this one, and return its row."""
        wait_until("the publication's end", lambda: self.row(asked)["state"] in TERMINAL, SECONDS)
        row = self.row(asked)
        assert row["state"] == state, f"{row['reason']}: {row['message']}"
        return row

    def failed_once(self, asked: Asked) -> dict[str, Any]:
        """Wait until a run has reported an error after which it is tried again, and return the row."""
        wait_until("an error", lambda: self.row(asked)["reason"] is not None, SECONDS)
        row = self.row(asked)
        assert (row["state"], row["retryable"]) == (State.PLANNED, True), row["message"]
        return row

    def lease_over(self, asked: Asked) -> None:
        """Wait until another run may claim the publication."""
        wait_until("the lease's end", lambda: not self.row(asked)["held"], LEASE_SECONDS + 5.0)

    def posts(self, asked: Asked) -> list[dict[str, Any]]:
        """What X has of a publication."""
        return [post for post in self.x.store.posts() if post["text"] == asked.text]

    def calls(self, route: str) -> list[dict[str, Any]]:
        """The calls of one of X's routes since the test began, oldest first."""
        return [call for call in self.x.store.calls() if call["route"] == route and call["at"] >= self.since]

    # What is done to it

    def fault(self, route: str, action: str, **more: Any) -> None:
        """Make X misbehave; see Fault of the stand-in."""
        rule = {"route": route, "action": action, **more}
        requests.post(f"{self.x_url}/_standin/faults", json=rule, timeout=10).raise_for_status()

    def hung(self, route: str) -> None:
        """Wait until X holds back the answer to a call of `route`."""
        held = lambda: any(call["fate"] == "hang" for call in self.calls(route))  # noqa: E731
        wait_until(f"a call of {route}", held, SECONDS)

    def kill_n8n_in(self, route: str) -> None:
        """Kill n8n while X holds back the answer to a call of `route`, and start it again."""
        self.hung(route)
        self.n8n.kill()
        self.n8n.start()


def credentials(held: Secrets, x_url: str) -> list[dict[str, Any]]:
    """n8n's credentials: for the backend, the signature, and the accounts."""

    def bearer(name: str, token: str) -> dict[str, Any]:
        data = {"name": "Authorization", "value": f"Bearer {token}"}
        return {"id": name, "name": name, "type": "httpHeaderAuth", "data": data}

    oauth = {
        "grantType": "authorizationCode",
        "authUrl": f"{x_url}/i/oauth2/authorize",
        "accessTokenUrl": f"{x_url}/2/oauth2/token",
        "clientId": "client",
        "clientSecret": held.client,
        "scope": "tweet.write media.write offline.access",
        "authentication": "header",
        "oauthTokenData": {
            "token_type": "bearer",
            "access_token": held.oauth_access,
            "refresh_token": held.oauth_refresh,
            "expires_in": 7200,
        },
    }
    signature = {"hmacSecret": held.signing}
    return [
        bearer("mediaops-backend", held.backend),
        {"id": "mediaops-signature", "name": "mediaops signature", "type": "crypto", "data": signature},
        bearer("x-main", held.access),
        bearer("x-revoked", held.revoked),
        {"id": "x-oauth", "name": "x-oauth", "type": "oAuth2Api", "data": oauth},
    ]


def deployment(backend_url: str, x_url: str, alert_url: str | None = None) -> Deployment:
    """Three accounts of one workspace on X: a good one, one with OAuth 2, one whose token was revoked."""
    kinds = {"main": "httpHeaderAuth", "revoked": "httpHeaderAuth", "oauth": "oAuth2Api"}
    accounts = [
        {
            "workspace": WORKSPACE,
            "platform": "x",
            "account": name,
            "credential": {"type": kind, "id": f"x-{name}", "name": f"x-{name}"},
        }
        for name, kind in kinds.items()
    ]
    config = {"backend_url": backend_url, "alert_url": alert_url, **CONFIG}
    return Deployment.model_validate(
        {"config": config, "platforms": {"x": {"api_url": x_url}}, "accounts": accounts}
    )


def backend_environment(folder: Path, held: Secrets, database_url: str, s3: S3) -> dict[str, str]:
    """A backend's variables; what isn't asked for here (pods, users, the cluster) is there in form only."""
    folder.mkdir()
    (folder / "kubeconfig").write_text(json.dumps(KUBECONFIG))
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    public = Ed25519PrivateKey.generate().public_key().public_bytes(encoding, form)
    (folder / "capability.pem").write_bytes(public)
    assert s3.tls
    return {
        "DATABASE_URL": database_url,
        "STORAGE_BUCKET": BUCKET,
        "STORAGE_URL": s3.url,
        "MEDIAOPS_S3_ENDPOINT": s3.url,
        "MEDIAOPS_S3_ACCESS_KEY_ID": "backend",
        "MEDIAOPS_S3_SECRET_ACCESS_KEY": s3.client("backend")._request_signer._credentials.secret_key,
        "MEDIAOPS_CA_FILE": str(s3.tls.authority),
        "MEDIAOPS_N8N_TOKEN": held.backend,
        "FLASK_API_SECRET": secrets.token_hex(24),
        "MEDIAOPS_CAPABILITY_KEYS_FILE": str(folder / "capability.pem"),
        "MEDIAOPS_LEASE_SECONDS": str(LEASE_SECONDS),
        "KUBECONFIG": str(folder / "kubeconfig"),
    }


@pytest.fixture(scope="module")
def publishing_installed(
    tmp_path_factory: pytest.TempPathFactory, n8n_folder: Path, postgres: Postgres, s3: S3
) -> Iterator[Publishing]:
    """One installation for all tests of a module: starting n8n takes most of the time."""
    folder, held = tmp_path_factory.mktemp("publishing"), Secrets()
    database = f"publishing_{secrets.token_hex(4)}"
    postgres.create_database(database)
    postgres.migrate(database)
    passwords = {role: secrets.token_hex(12) for role in ("mediaops_backend", "mediaops_operator")}
    for role, password in passwords.items():
        postgres.set_password(role, password)
    backend_url = postgres.url(database, "mediaops_backend", passwords["mediaops_backend"])
    environment = backend_environment(folder / "given", held, backend_url, s3)

    x = X(folder / "x", processing_seconds=0.2)
    x.store.add_user(held.access, secrets.token_hex(24))
    x.store.add_user(held.oauth_access, held.oauth_refresh)
    n8n = N8n(
        folder / "n8n",
        encryption_key=secrets.token_hex(32),
        owner_password=secrets.token_hex(12),
        trusted=s3.tls.authority if s3.tls else None,
        templates=n8n_folder,
    )
    alerts: list[dict[str, Any]] = []

    def alerted(request: Request) -> Response:
        alerts.append(request.json_object() or {})
        return Response(204)

    with (
        StandIn(x, "127.0.0.1", 0) as x_server,
        StandIn(alerted, "127.0.0.1", 0) as alert_server,
        BackendService(folder / "backend", environment) as backend,
    ):
        write_files(deployment(backend.url, x_server.url, alert_server.url), folder / "workflows")
        n8n.deploy(credentials(held, x_server.url), folder / "workflows")
        with n8n:
            yield Publishing(
                n8n,
                backend,
                s3,
                x,
                x_server.url,
                held,
                lambda: postgres.connect(database, "mediaops_operator", passwords["mediaops_operator"]),
                alerts,
            )


@pytest.fixture
def publishing(publishing_installed: Publishing) -> Iterator[Publishing]:
    """The module's installation: everything runs, and X has no faults."""
    publishing_installed.since = time.time()
    publishing_installed.n8n.start()
    yield publishing_installed
    publishing_installed.x.store.clear_faults()


Clip = Callable[..., bytes]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Make a clip that X takes; another seed makes other bytes."""
    folder = tmp_path_factory.mktemp("clips")

    def make(seed: int = 1, seconds: float = 1.5) -> bytes:
        path = folder / f"{seed}-{seconds}.mp4"
        if not path.exists():
            noise = f"testsrc2=d={seconds}:s=480x270:r=25,noise=alls=60:allf=t:all_seed={seed}"
            source = ["-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", f"sine=d={seconds}"]
            codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
            tool = imageio_ffmpeg.get_ffmpeg_exe()
            subprocess.run([tool, "-v", "error", *source, *codecs, "-shortest", str(path)], check=True)
        return path.read_bytes()

    return make
