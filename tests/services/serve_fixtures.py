"""`mediaops-ops serve` with all it needs: S3, a source over TLS, and a caller that is called back.

- `serve_sources`: files for it to fetch; `serve_environment`: the variables that it is started with.
- `calling`: a `Caller` and its address.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import imageio_ffmpeg
import pytest
from PIL import Image

from hack.services.s3 import BUCKET, S3
from hack.services.service import HttpService, Tls
from hack.services.standin import StandInService
from hack.services.standins.base import Request, Response, StandIn

SECRET = secrets.token_hex(32)
PATIENCE = 180


class Serve(HttpService):
    """The service under test; with `extra` among its environment."""

    name = "serve"

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder)
        self._environment = environment

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "mediaops_ops", "serve"]

    def env(self) -> Mapping[str, str]:
        work = self.folder / "tmp"
        work.mkdir(exist_ok=True)
        return {
            **self._environment,
            "MEDIAOPS_SERVE_STATE": str(self.folder / "state"),
            "MEDIAOPS_HOST": "127.0.0.1",
            "MEDIAOPS_PORT": str(self.port),
            "TMPDIR": str(work),
        }

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def main_pid(self) -> int:
        pid = self.processes.pid(self.name)
        assert pid is not None
        return pid

    def tree(self) -> dict[int, str]:
        """Its processes and their command lines."""
        return {pid: line for pid in self._tree() if (line := command_line(pid))}


class Caller:
    """Whoever sent the job: takes callbacks, and may refuse the next few."""

    def __init__(self) -> None:
        self.calls: list[Request] = []
        self.refuse: list[int] = []
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        with self.lock:
            self.calls.append(request)
            return Response(self.refuse.pop(0) if self.refuse else 200)

    def told(self, job_id: str) -> list[dict[str, Any]]:
        with self.lock:
            bodies = [json.loads(call.body) for call in self.calls]
        return [body for body in bodies if body["job_id"] == job_id]


class World:
    """Everything a job needs, and the ways to ask for one."""

    def __init__(
        self, serve: Serve, caller: Caller, caller_url: str, sources: StandInService, s3: S3
    ) -> None:
        self.serve, self.caller, self.caller_url, self.sources, self.s3 = (
            serve,
            caller,
            caller_url,
            sources,
            s3,
        )
        self.http = httpx2.Client(
            base_url=serve.url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=30, trust_env=False
        )

    def body(self, job_id: str, source: str, **params: object) -> dict[str, Any]:
        url = source if "://" in source else f"{self.sources.url}/{source}"
        return {"job_id": job_id, "file_url": url, "params": params, "callback_url": self.caller_url}

    def post(self, operation: str, job_id: str, source: str, **params: object) -> str:
        answer = self.http.post(f"/{operation}", json=self.body(job_id, source, **params))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["flask_job_id"])

    def job(self, id_: str) -> dict[str, Any]:
        answer = self.http.get(f"/jobs/{id_}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def ended(self, id_: str) -> dict[str, Any]:
        return until(lambda: (job := self.job(id_))["status"] not in ("queued", "processing") and job)

    def callback(self, job_id: str) -> dict[str, Any]:
        return until(lambda: self.caller.told(job_id))[-1]


def until(found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it didn't happen in time"
        time.sleep(0.2)
    return value


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def make(target: Path, *arguments: str) -> None:
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, str(target)], check=True
    )


@pytest.fixture(scope="module")
def serve_sources(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[StandInService]:
    folder = tmp_path_factory.mktemp("sources")
    service = StandInService("sources", folder / "service", tls=tls)
    files = service.state / "files"
    files.mkdir(parents=True)
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"]
    make(files / "clip.mp4", *picture, "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "mpeg4", "-c:a", "aac")
    make(
        files / "long.mp4", "-f", "lavfi", "-i", "testsrc2=size=960x540:rate=30:duration=15", "-c:v", "mpeg4"
    )
    said = folder / "said.wav"
    subprocess.run(
        ["espeak-ng", "-v", "en-us", "-s", "130", "-w", said, "hello world, this is a test"], check=True
    )
    make(files / "said.mp3", "-i", str(said), "-c:a", "libmp3lame")
    Image.new("RGB", (640, 360), "navy").save(files / "picture.png")
    (files / "text.mp4").write_text("this is no film\n" * 100)
    with service:
        yield service


@pytest.fixture(scope="module")
def serve_environment(s3: S3, tls: Tls) -> dict[str, str]:
    return {
        "CALLBACK_SECRET": SECRET,
        "STORAGE_BUCKET": BUCKET,
        "STORAGE_URL": s3.url,
        "MEDIAOPS_S3_ACCESS_KEY_ID": "operations",
        "MEDIAOPS_S3_SECRET_ACCESS_KEY": s3.secret("operations"),
        "MEDIAOPS_CA_FILE": str(tls.authority),
        "MEDIAOPS_ALLOWED_CIDRS": "127.0.0.1/32",
        "MEDIAOPS_SERVE_WORKERS": "1",
        "MEDIAOPS_PATIENCE_SECONDS": "5",
    }


@pytest.fixture(scope="module")
def calling(tls: Tls) -> Iterator[tuple[Caller, str]]:
    caller = Caller()
    certificate = tls.certificate
    with StandIn(caller, "127.0.0.1", 0, str(certificate.cert), str(certificate.key)) as listening:
        yield caller, f"{listening.url}/api/media/callback"
