"""The operator's process with all it is told, and a stand-in for n8n's webhook that checks signatures."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import psycopg
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from standardwebhooks.webhooks import Webhook

from hack.services.postgres import Postgres
from hack.services.s3 import BUCKET
from hack.services.service import Tls, free_port

LOOPBACK = "127.0.0.1"
OPERATOR = "mediaops-operator"
"""The API server's name for it, as the audit log shows it."""

PROFILES = {
    "profiles": {
        "default": {
            "image": "mediaops-operations:test",
            "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
            "workSizeLimit": "1Gi",
        }
    }
}


class StorageServer(Protocol):
    """What an operator has to know of its S3 server."""

    @property
    def url(self) -> str: ...

    def secret(self, user: str) -> str: ...


@dataclass
class Received:
    """A request that n8n took, and when it had all of it (seconds since the epoch)."""

    headers: dict[str, str]
    body: dict[str, Any]
    at: float


class Webhook_(BaseHTTPRequestHandler):
    """Takes requests whose signature is right."""

    server: N8nStandIn

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        at = time.time()
        status = self.server.answer
        if status == 202:
            self.server.webhook.verify(content, dict(self.headers))
            self.server.received.append(Received(dict(self.headers), json.loads(content), at))
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class N8nStandIn(ThreadingHTTPServer):
    """n8n's webhook, as far as the operator sees it."""

    def __init__(self, secret: str) -> None:
        super().__init__((LOOPBACK, 0), Webhook_)
        self.webhook = Webhook(secret.encode())
        self.received: list[Received] = []
        self.answer = 202


@dataclass
class Installed:
    """Files, services and secrets of one operator."""

    folder: Path
    kubeconfig: Path
    postgres: Postgres
    database: str
    s3: StorageServer
    tls: Tls
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.n8n = N8nStandIn(self.secret)
        self.password = secrets.token_hex(16)
        self.database_name = self.database.rpartition("/")[2].partition("?")[0]

    def __enter__(self) -> Self:
        (self.folder / "profiles.yaml").write_text(yaml.safe_dump(PROFILES))
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "capability.pem").write_bytes(pem)
        self.postgres.set_password("mediaops_operator", self.password)
        threading.Thread(target=self.n8n.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.n8n.shutdown()
        self.n8n.server_close()

    def env(self, port: int) -> dict[str, str]:
        """Give the process's environment."""
        return {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(self.kubeconfig),
            "DATABASE_URL": self.postgres.url(self.database_name, "mediaops_operator", self.password),
            "STORAGE_BUCKET": BUCKET,
            "STORAGE_URL": self.s3.url,
            "MEDIAOPS_S3_ACCESS_KEY_ID": "operator",
            "MEDIAOPS_S3_SECRET_ACCESS_KEY": self.s3.secret("operator"),
            "MEDIAOPS_CA_FILE": str(self.tls.authority),
            "N8N_WEBHOOK_URL": f"http://{LOOPBACK}:{self.n8n.server_port}/webhook/mediaops",
            "N8N_WEBHOOK_SECRET": self.secret,
            "MEDIAOPS_BACKEND_URL": "https://backend.invalid",
            "MEDIAOPS_CAPABILITY_KEY_FILE": str(self.folder / "capability.pem"),
            "MEDIAOPS_PROFILES_FILE": str(self.folder / "profiles.yaml"),
            "MEDIAOPS_HOST": LOOPBACK,
            "MEDIAOPS_PORT": str(port),
            "MEDIAOPS_LOG_LEVEL": "DEBUG",
            **self.more,
        }

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, as its superuser."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            answer = connection.execute(statement, values)
            return answer.fetchall() if answer.description else []


class Operator:
    """The process; `module` is what Python runs."""

    def __init__(self, installed: Installed, module: str = "mediaops_operator") -> None:
        self.installed = installed
        self.module = module
        self.log = installed.folder / "operator.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = free_port(LOOPBACK)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, **more: str) -> None:
        """Start it and wait until it has listed everything."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env=self.installed.env(self.port) | more,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 90
        while not self.answers("/readyz"):
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def run(self, *arguments: str, **more: str) -> int:
        """Run it beside the one that is started, to its end; give the exit code."""
        return self.told(*arguments, **more)[0]

    def told(self, *arguments: str, **more: str) -> tuple[int, str]:
        """Do the same, and give what it printed too."""
        with self.log.open("ab") as log:
            ended = subprocess.run(
                [sys.executable, "-m", self.module, *arguments],
                env=self.installed.env(free_port(LOOPBACK)) | more,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                timeout=120,
                check=False,
            )
            log.write(ended.stdout.encode())
        return ended.returncode, ended.stdout

    def answers(self, path: str) -> bool:
        """Say whether a probe is content."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def metric(self, name: str) -> float:
        """Give a metric without labels."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End it, and give its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        return code
