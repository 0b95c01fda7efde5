"""n8n with the project's workflows, X's stand-in, and what plans and asks: the publishing side as it runs."""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import requests

from hack.cluster.waiting import wait_until
from hack.services.n8n import N8n
from hack.services.standins.base import StandIn
from hack.services.standins.x.server import X
from mediaops.publications import State
from n8n.deploy import write_files
from n8n.settings import Deployment
from tests.services.claims_server import ENDED, Claims, Row

LEASE_SECONDS = 12
SECONDS = 60.0
"""How long a publication may take here."""

CONFIG = {
    "part_bytes": 256 * 1024,
    "post_timeout_ms": 3000,
    "lease_margin_ms": 1000,
    "tries": 3,
    "longest_wait_seconds": 4,
    "lookups": 2,
    "lookup_pause_seconds": 0.5,
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


@dataclass
class Publishing:
    """What a test holds on to."""

    n8n: N8n
    x: X
    x_url: str
    claims: Claims
    secrets: Secrets

    def plan(self, text: str, *files: tuple[bytes, str]) -> Row:
        """A publication, ready to be claimed."""
        return self.claims.plan(text, *files)

    def ask(self, row: Row, account: str = "main", platform: str = "x", workspace: str = "acme") -> None:
        """Send the request for a publication, as the operator does, and see it accepted."""
        target = {"name": row.target, "platform": platform, "account": account}
        body = {
            "action": "upload_media",
            "request_id": row.request_id,
            "asset_id": str(uuid.uuid4()),
            "workspace_id": workspace,
            "targets": [target],
        }
        assert self.send(json.dumps(body)).status_code == 202

    def send(
        self, body: str, *, secret: str | None = None, age: float = 0, signature: str | None = None
    ) -> requests.Response:
        """POST a body to the webhook, signed unless `signature` says otherwise; `age` in seconds."""
        message, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time() - age))
        key = (secret or self.secrets.signing).encode()
        mac = hmac.new(key, f"{message}.{stamp}.{body}".encode(), hashlib.sha256).digest()
        signed = f"v1,{base64.b64encode(mac).decode()}"
        headers = {
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": signed if signature is None else signature.replace("SIGNED", signed),
        }
        return requests.post(f"{self.n8n.url}/webhook/upload-media", data=body, headers=headers, timeout=30)

    def fault(self, route: str, action: str, **more: Any) -> None:
        """Make X misbehave; see Fault of the stand-in."""
        rule = {"route": route, "action": action, **more}
        requests.post(f"{self.x_url}/_standin/faults", json=rule, timeout=10).raise_for_status()

    def ended(self, row: Row) -> State:
        """Wait for the end of a publication and return it."""
        wait_until("the end of the publication", lambda: row.publication.state in ENDED, SECONDS)
        return row.publication.state

    def reported(self, row: Row) -> Row:
        """Wait until a run has ended with an error, retryable or not."""
        wait_until("an error", lambda: row.publication.reason is not None, SECONDS)
        return row

    def lease_over(self, row: Row) -> None:
        """Wait until another run may claim the publication."""
        until = row.publication.lease_until
        wait_until("the lease's end", lambda: until is None or until.timestamp() < time.time(), LEASE_SECONDS + 5)

    def posts(self, row: Row) -> list[dict[str, Any]]:
        """What X has of a publication; texts tell them apart."""
        return [post for post in self.x.store.posts() if post["text"] == row.text]

    def calls(self, route: str) -> list[dict[str, Any]]:
        """The calls of one route since the test began."""
        return [call for call in self.x.store.calls() if call["route"] == route and call["at"] >= self.since]

    since: float = 0.0


def credentials(secret: Secrets, x_url: str) -> list[dict[str, Any]]:
    """n8n's credentials: for the backend, the signature, and the accounts."""

    def bearer(name: str, token: str) -> dict[str, Any]:
        data = {"name": "Authorization", "value": f"Bearer {token}"}
        return {"id": name, "name": name, "type": "httpHeaderAuth", "data": data}

    oauth = {
        "grantType": "authorizationCode",
        "authUrl": f"{x_url}/i/oauth2/authorize",
        "accessTokenUrl": f"{x_url}/2/oauth2/token",
        "clientId": "client",
        "clientSecret": secret.client,
        "scope": "tweet.write media.write offline.access",
        "authentication": "header",
        "oauthTokenData": {
            "token_type": "bearer",
            "access_token": secret.oauth_access,
            "refresh_token": secret.oauth_refresh,
            "expires_in": 7200,
        },
    }
    return [
        bearer("mediaops-backend", secret.backend),
        {
            "id": "mediaops-signature",
            "name": "mediaops signature",
            "type": "crypto",
            "data": {"hmacSecret": secret.signing},
        },
        bearer("x-main", secret.access),
        bearer("x-revoked", secret.revoked),
        {"id": "x-oauth", "name": "x-oauth", "type": "oAuth2Api", "data": oauth},
    ]


def deployment(backend_url: str, x_url: str) -> Deployment:
    """Three accounts of workspace acme on X: a good one, one with OAuth 2, one whose token was revoked."""
    accounts = [
        {
            "workspace": "acme",
            "platform": "x",
            "account": name,
            "credential": {"type": kind, "id": f"x-{name}", "name": f"x-{name}"},
        }
        for name, kind in [("main", "httpHeaderAuth"), ("revoked", "httpHeaderAuth"), ("oauth", "oAuth2Api")]
    ]
    return Deployment.model_validate(
        {
            "config": {"backend_url": backend_url, **CONFIG},
            "platforms": {"x": {"api_url": x_url}},
            "accounts": accounts,
        }
    )


@pytest.fixture(scope="session")
def publishing_session(tmp_path_factory: pytest.TempPathFactory, n8n_folder: Path) -> Iterator[Publishing]:
    """One n8n for all tests of publishing; starting it takes most of the time."""
    folder, secret = tmp_path_factory.mktemp("publishing"), Secrets()
    x = X(folder / "x", processing_seconds=0.2)
    x.store.add_user(secret.access, secrets.token_hex(24))
    x.store.add_user(secret.oauth_access, secret.oauth_refresh)
    claims = Claims(secret.backend, LEASE_SECONDS)
    n8n = N8n(
        folder / "n8n",
        encryption_key=secrets.token_hex(32),
        owner_password=secrets.token_hex(12),
        templates=n8n_folder,
    )
    with StandIn(x, "127.0.0.1", 0) as x_server, StandIn(claims, "127.0.0.1", 0) as claims_server:
        claims.url = claims_server.url
        write_files(deployment(claims_server.url, x_server.url), folder / "workflows")
        n8n.deploy(credentials(secret, x_server.url), folder / "workflows")
        with n8n:
            yield Publishing(n8n, x, x_server.url, claims, secret)


@pytest.fixture
def publishing(publishing_session: Publishing) -> Iterator[Publishing]:
    """The session's, with a running n8n and an X without faults."""
    publishing_session.since = time.time()
    publishing_session.n8n.start()
    yield publishing_session
    publishing_session.x.store.clear_faults()
    publishing_session.claims.storage_failures = 0


Clip = Callable[..., bytes]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Make a clip that X takes; another seed makes other bytes. About 1.5 MB a second."""
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
