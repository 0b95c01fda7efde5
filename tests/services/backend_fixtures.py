"""A backend as it is installed: real Postgres and S3, a real API server with its role, real pods' tokens.

- `cluster`: an API server with our CRDs and no node; `cluster.api` calls it as an admin.
- `roles`: a migrated database, with connections as each of our roles.
- `environment`: the variables that the backend is started with.
- `installed`: that backend in this process, and what its callers hold.

One of each for the session: every test works in workspaces of its own.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
import requests
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from werkzeug.test import TestResponse

from hack.cluster.api import Api, ApiError
from hack.cluster.control_plane import ControlPlane
from hack.cluster.waiting import wait_until
from hack.services.postgres import Postgres
from hack.services.s3 import BUCKET, S3
from hack.services.service import Tls
from mediaops.settings import load
from mediaops.tokens import Capability, Signer
from mediaops_backend.app import create_app
from mediaops_backend.backend import Backend, assemble
from mediaops_backend.settings import BackendSettings

ROOT = Path(__file__).parents[2]
BACKEND_USER = "mediaops-backend"
ROLES = ("mediaops_owner", "mediaops_backend", "mediaops_operator")

# What the chart's ClusterRole gives the backend, and nothing else.
RULES = [
    {
        "apiGroups": ["mediaops.dev"],
        "resources": ["mediaassets"],
        "verbs": ["get", "list", "watch", "create", "patch"],
    },
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
]
RBAC = "/apis/rbac.authorization.k8s.io/v1"

_numbers = count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as plane:
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            crd = yaml.safe_load(path.read_text())
            plane.api.apply(
                f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}", crd
            )
        wait_until("the CRDs", lambda: plane.api.ready("/apis/mediaops.dev/v1alpha1/mediaassets"), 30)
        _allow(plane.api)
        yield plane


def _allow(api: Api) -> None:
    subjects = [{"kind": "User", "name": BACKEND_USER, "apiGroup": "rbac.authorization.k8s.io"}]
    group = "rbac.authorization.k8s.io"
    api.apply(
        f"{RBAC}/clusterroles/backend",
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "backend"},
            "rules": RULES,
        },
    )
    for role in ("backend", "system:service-account-issuer-discovery"):
        name = f"backend-{role.replace(':', '-')}"
        api.apply(
            f"{RBAC}/clusterrolebindings/{name}",
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": subjects,
            },
        )


@dataclass(frozen=True)
class Roles:
    """Connections to one database as each of our roles."""

    server: Postgres
    database: str
    passwords: dict[str, str]

    def url(self, role: str) -> str:
        return self.server.url(self.database, role, self.passwords[role])

    def connect(self, role: str) -> psycopg.Connection[Any]:
        return self.server.connect(self.database, role, self.passwords[role])


@pytest.fixture(scope="session")
def roles(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[Roles]:
    """On a server of its own: roles are the server's, and other tests set their passwords."""
    folder = tmp_path_factory.mktemp("backend-postgres") / "postgres"
    with Postgres(folder, tls=tls, password=secrets.token_hex(16)) as server:
        name = "backend"
        server.create_database(name)
        server.migrate(name)
        passwords = {role: secrets.token_hex(12) for role in ROLES}
        for role, password in passwords.items():
            server.set_password(role, password)
        yield Roles(server, name, passwords)


@pytest.fixture(scope="session")
def environment(
    tmp_path_factory: pytest.TempPathFactory,
    roles: Roles,
    s3: S3,
    cluster: ControlPlane,
    signer_key: Ed25519PrivateKey,
) -> dict[str, str]:
    keys = tmp_path_factory.mktemp("backend") / "capability.pem"
    keys.write_bytes(
        signer_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    assert s3.tls
    return {
        "DATABASE_URL": roles.url("mediaops_backend"),
        "STORAGE_BUCKET": BUCKET,
        # The same server by two names, so that a test can tell for whom a URL was signed.
        "STORAGE_URL": s3.url.replace("127.0.0.1", "localhost"),
        "MEDIAOPS_S3_ENDPOINT": s3.url,
        "MEDIAOPS_S3_ACCESS_KEY_ID": "backend",
        "MEDIAOPS_S3_SECRET_ACCESS_KEY": s3.secret("backend"),
        "MEDIAOPS_CA_FILE": str(s3.tls.authority),
        "MEDIAOPS_N8N_TOKEN": secrets.token_hex(24),
        "FLASK_API_SECRET": secrets.token_hex(24),
        "MEDIAOPS_JWT_SECRET": secrets.token_hex(24),
        "MEDIAOPS_CAPABILITY_KEYS_FILE": str(keys),
        "MEDIAOPS_HOST": "127.0.0.1",
        "MEDIAOPS_CLAIMS_PER_PLATFORM": "2",
        "MEDIAOPS_CLAIMS_IN_ALL": "1000",
        "KUBECONFIG": str(cluster.kubeconfig_for(BACKEND_USER)),
    }


@pytest.fixture(scope="session")
def signer_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@dataclass
class Installed:
    """A backend and what its callers hold."""

    parts: Backend
    client: FlaskClient
    environment: dict[str, str]
    roles: Roles
    api: Api
    signer: Signer
    s3: S3

    # Callers ---------------------------------------------------------------------------------------

    def user(self, workspace: str, **claims: Any) -> str:
        """A user's token, as Supabase issues them."""
        now = int(time.time())
        body = {
            "sub": "user-1",
            "aud": "authenticated",
            "iat": now,
            "exp": now + 300,
            "workspace_id": workspace,
        }
        return jwt.encode({**body, **claims}, self.environment["MEDIAOPS_JWT_SECRET"], algorithm="HS256")

    def pod_token(self, namespace: str, pod: str, audience: str = "mediaops-backend") -> str:
        """The token that the kubelet would project into a pod: the API server's own, bound to that pod."""
        self.account(namespace)
        self._ensure(
            f"/api/v1/namespaces/{namespace}/pods",
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": pod},
                "spec": {"containers": [{"name": "run", "image": "none"}], "restartPolicy": "Never"},
            },
        )
        found = self.api.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience],
                "expirationSeconds": 600,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": pod,
                    "uid": found["metadata"]["uid"],
                },
            },
        }
        answer = self.api.call(
            "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token", request
        )
        return str(answer["status"]["token"])

    def account(self, namespace: str) -> None:
        self._ensure(
            f"/api/v1/namespaces/{namespace}/serviceaccounts",
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}},
        )

    def _ensure(self, path: str, body: dict[str, Any]) -> None:
        try:
            self.api.call("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def capability(self, namespace: str, job: str, **fields: Any) -> str:
        """A capability as the operator signs them."""
        now = int(time.time())
        capability = Capability(
            workspace=fields.pop("workspace", namespace),
            namespace=namespace,
            job=job,
            reads=frozenset(fields.pop("reads", ())),
            step_keys=frozenset(fields.pop("step_keys", ())),
            indexed=tuple(fields.pop("indexed", ())),
        )
        return self.signer.sign(capability, issued=now, expires=fields.pop("expires", now + 300))

    # Requests --------------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: Any = None, bearer: str | None = None, **headers: str
    ) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        return self.client.open(path, method=method, json=body, headers=sent)

    def n8n(self, method: str, path: str, body: Any) -> TestResponse:
        return self.call(method, path, body, self.environment["MEDIAOPS_N8N_TOKEN"])

    # What is there ---------------------------------------------------------------------------------

    def workspace(self) -> str:
        """A new workspace with a namespace of the same name."""
        name = f"ws-{next(_numbers)}-{secrets.token_hex(3)}"
        labels = {"mediaops.dev/workspace": name}
        self.api.apply(
            f"/api/v1/namespaces/{name}",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        )
        return name

    def asset_row(self, workspace: str, name: str = "clip") -> uuid.UUID:
        """An asset's row, as the operator mirrors it."""
        asset = uuid.uuid4()
        with self.roles.connect("mediaops_operator") as connection:
            connection.execute(
                "insert into media_assets (id, workspace_id, source, file_type, namespace, name, resource_uid,"
                " creation_timestamp, resource_version) values (%s, %s, 'upload', 'video', %s, %s, %s, %s, 1)",
                [asset, workspace, workspace, name, uuid.uuid4(), datetime.now(UTC)],
            )
        return asset

    def job_row(self, workspace: str, asset: uuid.UUID, job: str | None = None) -> uuid.UUID:
        """A job's row, run by the Kubernetes Job of that name."""
        row = uuid.uuid4()
        with self.roles.connect("mediaops_operator") as connection:
            connection.execute(
                "insert into media_processing_jobs (id, workspace_id, media_asset_id, job_type, status,"
                " operation, flask_job_id, creation_timestamp, resource_version)"
                " values (%s, %s, %s, 'crop', 'processing', 'vertical', %s, %s, 1)",
                [row, workspace, asset, job, datetime.now(UTC)],
            )
        return row

    def planned(self, workspace: str, platform: str | None = None, content: bytes = b"media") -> str:
        """A publication for the target `x` as the operator plans it; gives its request id.

        On a platform of its own unless said, because claims on one are capped.
        """
        asset, request = self.asset_row(workspace, f"clip-{uuid.uuid4().hex[:8]}"), uuid.uuid4()
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"{workspace}/steps/{'0' * 40}/{sha256}.mp4"
        self.s3.client("backend").put_object(Bucket=BUCKET, Key=key, Body=content)
        with self.roles.connect("mediaops_operator") as connection:
            connection.execute(
                "insert into content_posts (workspace_id, media_asset_id, resource, resource_uid, publish_key,"
                " target, request_id, revision, platform, account, text, files)"
                " values (%s, %s, %s, %s, 'default', %s, %s, 'r1', %s, 'main', 'Hello', %s)",
                [
                    workspace,
                    asset,
                    f"{workspace}/clip-{request}",
                    uuid.uuid4(),
                    "x",
                    request,
                    platform or f"platform-{request}",
                    Jsonb([{"key": key, "sha256": sha256, "size": len(content), "type": "video/mp4"}]),
                ],
            )
        return str(request)

    def post_row(self, request: str) -> dict[str, Any]:
        with self.roles.connect("mediaops_operator") as connection:
            connection.row_factory = dict_row
            found = connection.execute(
                "select * from content_posts where request_id = %s", [request]
            ).fetchone()
        assert found
        return dict(found)

    def end_lease(self, request: str) -> None:
        """Let time pass: the holder is late."""
        with self.roles.connect("mediaops_operator") as connection:
            connection.execute(
                "update content_posts set lease_until = now() - interval '1 second' where request_id = %s",
                [request],
            )


@pytest.fixture(scope="session")
def installed(
    environment: dict[str, str],
    roles: Roles,
    cluster: ControlPlane,
    s3: S3,
    signer_key: Ed25519PrivateKey,
) -> Iterator[Installed]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        parts = assemble(load(BackendSettings))
    pem = signer_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    yield Installed(parts, create_app(parts).test_client(), environment, roles, cluster.api, Signer(pem), s3)
    parts.database.close()


@dataclass
class Served:
    """The backend as a process of its own, on a port of 127.0.0.1."""

    installed: Installed
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def curl(self, *arguments: str) -> Any:
        """Run curl as people do, and give the JSON it prints."""
        command = ["curl", "--silent", "--show-error", "--fail-with-body", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture
def served(installed: Installed, tmp_path: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "backend.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mediaops_backend", "serve"],
            env={**installed.environment, "MEDIAOPS_PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until("the backend", lambda: _answers(url, process, log), 120)
        yield Served(installed, url, process, log)
    finally:
        process.kill()
        process.wait()


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return requests.get(f"{url}/readyz", timeout=1).ok
    except requests.RequestException:
        return False
