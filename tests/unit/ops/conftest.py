"""The backend's URL exchange and an S3-like storage over plain files, as `run` sees them on the wire."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mediaops.models.base import FileType
from mediaops.models.work import (
    Exit,
    ObjectRef,
    StepFailure,
    StepOrder,
    StepResult,
    Termination,
    WorkOrder,
)
from mediaops_ops import ffmpeg
from mediaops_ops.outcome import StepOutcome
from mediaops_ops.passes import Pass
from mediaops_ops.run import carry_out
from mediaops_ops.settings import Settings
from tests.unit.ops.folder_desk import Folder

TOKEN = "the-pods-own-token"
CAPABILITY = "the-capability"


class Bucket:
    """Objects by key, callbacks as they came, and faults that a test switches on."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.callbacks: list[dict[str, Any]] = []
        self.puts: list[str] = []
        self.gets: list[tuple[str, dict[str, str]]] = []
        self.multipart_bytes = 0
        """Larger files are granted in parts of this size; 0: never."""
        self.fault: Callable[[str, str], int | None] = lambda _method, _path: None
        """Gives the status to answer with instead, by method and path."""
        self.cut_after = 0
        """A GET's body breaks off after so many bytes, once."""
        self._parts: dict[str, dict[int, bytes]] = {}
        handler = type("Handler", (_Handler,), {"bucket": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put_source(self, path: Path, key: str = "acme/uploads/source.mp4") -> ObjectRef:
        content = path.read_bytes()
        self.objects[key] = content
        return ObjectRef(key=key, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    def result(self, step: str) -> StepResult | None:
        content = self.objects.get(f"acme/steps/{step}/result.json")
        return None if content is None else StepResult.model_validate_json(content)

    def grant(self, key: str, size: int, sha256: str) -> dict[str, Any]:
        url = f"{self.url}/objects/{key}"
        if self.multipart_bytes and size > self.multipart_bytes:
            starts = range(0, size, self.multipart_bytes)
            parts = [
                {
                    "number": number,
                    "url": f"{url}?part={number}",
                    "offset": start,
                    "size": min(self.multipart_bytes, size - start),
                }
                for number, start in enumerate(starts, 1)
            ]
            return {"parts": parts, "complete_url": f"{url}?complete"}
        return {"url": url, "headers": {"x-test-sha256": sha256}}

    def take_part(self, key: str, number: int, content: bytes) -> None:
        self._parts.setdefault(key, {})[number] = content

    def complete(self, key: str, document: str) -> bool:
        numbers = [
            int(n)
            for n in re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>&quot;|<PartNumber>(\d+)", document)
            for n in n
            if n
        ]
        parts = self._parts.pop(key)
        if numbers != sorted(parts):
            return False
        self.objects[key] = b"".join(parts[number] for number in numbers)
        return True


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Tests' output stays readable."""

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _faulty(self) -> bool:
        status = self.bucket.fault(self.command, self.path)
        if status is not None:
            self._body()
            self._answer(status)
        return status is not None

    def do_POST(self) -> None:
        if self._faulty():
            return
        body = self._body()
        if self.path.endswith("?complete"):
            key = self.path.removeprefix("/objects/").removesuffix("?complete")
            self._answer(200 if self.bucket.complete(key, body.decode()) else 400)
            return
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401)
            return
        message = json.loads(body)
        if self.path == "/api/media/callback":
            self.bucket.callbacks.append(message)
            self._answer(200, b"{}")
        elif message["capability"] != CAPABILITY:
            self._answer(403)
        else:
            reads = {key: f"{self.bucket.url}/objects/{key}" for key in message["reads"]}
            writes = {w["key"]: self.bucket.grant(**w) for w in message["writes"]}
            answer = {"reads": reads, "writes": writes, "expires_in": 900}
            self._answer(200, json.dumps(answer).encode())

    def do_PUT(self) -> None:
        if self._faulty():
            return
        content = self._body()
        key, _, query = self.path.removeprefix("/objects/").partition("?")
        if query.startswith("part="):
            number = int(query.removeprefix("part="))
            self.bucket.take_part(key, number, content)
            self._answer(200, headers={"ETag": f'"part-{number}"'})
        elif hashlib.sha256(content).hexdigest() != self.headers["x-test-sha256"]:
            self._answer(400)
        else:
            self.bucket.objects[key] = content
            self.bucket.puts.append(key)
            self._answer(200)

    def do_GET(self) -> None:
        if self._faulty():
            return
        key = self.path.removeprefix("/objects/")
        self.bucket.gets.append((key, dict(self.headers)))
        content = self.bucket.objects.get(key)
        if content is None:
            self._answer(404)
            return
        tag = f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324 — as S3 makes its tags
        if self.headers.get("If-Match", tag) != tag:
            self._answer(412)
            return
        begin = int(re.findall(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[0])
        part = content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("ETag", tag)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.bucket.cut_after and len(part) > self.bucket.cut_after:
            part, self.bucket.cut_after = part[: self.bucket.cut_after], 0
            self.close_connection = True
        self.wfile.write(part)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    bucket = Bucket()
    yield bucket
    bucket.close()


class Door:
    """Carries orders out as `mediaops-ops run` does: in this process, or, where it matters, in one of its own."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.bucket = bucket
        self.folder = folder
        self.environment = {
            "MEDIAOPS_TOKEN_FILE": str(folder / "token"),
            "MEDIAOPS_TERMINATION_LOG": str(folder / "termination"),
            "MEDIAOPS_PATIENCE_SECONDS": "1.5",
        }
        self.failures: list[StepFailure] = []
        (folder / "token").write_text(TOKEN + "\n")

    def order(self, **fields: Any) -> WorkOrder:
        defaults = {
            "job": "clip-pass-1",
            "namespace": "acme",
            "workspace": "acme",
            "asset_id": "8f1e0f0e-0000-4000-8000-000000000000",
            "file_type": "video",
            "backend_url": self.bucket.url,
            "capability": CAPABILITY,
            "deadline_seconds": 60,
        }
        return WorkOrder.model_validate(defaults | fields)

    def run(self, order: WorkOrder, **environment: str) -> Exit:
        """Carry an order out here; gives the exit code, and leaves what failed in `failures`."""
        work = Path(tempfile.mkdtemp(dir=self.folder))
        settings = Settings.from_environment(self.environment | environment)
        self.failures, code = carry_out(order, settings, work)
        return code

    def refused(self, order: WorkOrder, **environment: str) -> tuple[Exit, str, bool]:
        """Carry an order out that must fail once; gives exit code, reason, and whether it is for good."""
        code = self.run(order, **environment)
        (failure,) = self.failures
        return code, failure.reason, failure.permanent

    def start(self, order: WorkOrder, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command as a Job does: an order in a file, settings by environment."""
        (self.folder / "order.json").write_text(order.model_dump_json(by_alias=True))
        (self.folder / "work").mkdir(exist_ok=True)
        line = [
            sys.executable,
            "-m",
            "mediaops_ops",
            "run",
            "-f",
            str(self.folder / "order.json"),
            *arguments,
        ]
        return subprocess.Popen(
            [*line, "--work-dir", str(self.folder / "work")],
            env={**os.environ, **self.environment, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def termination(self) -> Termination:
        """Give the termination message that a command left."""
        return Termination.model_validate_json((self.folder / "termination").read_bytes())


@pytest.fixture
def door(bucket: Bucket, tmp_path: Path) -> Door:
    return Door(bucket, tmp_path)


def _make(path: Path, *arguments: str) -> Path:
    subprocess.run([ffmpeg.executable(), "-y", "-loglevel", "error", *arguments, str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def make() -> Callable[..., Path]:
    """Give a function that makes a file with ffmpeg's arguments."""
    return _make


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, 320x180, 25 pictures a second, a tone; index first."""
    return _make(
        tmp_path_factory.mktemp("clip") / "clip.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=f=440:r=44100:d=2"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-movflags", "+faststart"),
    )


@pytest.fixture(scope="session")
def step() -> Callable[..., StepOrder]:
    """Give a function that writes a step; its key and row are made from its name."""

    def make_step(
        name: str, type_: str, parameters: dict[str, Any] | None = None, **fields: Any
    ) -> StepOrder:
        key = name.replace("/", "-")
        return StepOrder(
            step_key=key, name=name, job_id=f"row-{key}", type=type_, parameters=parameters or {}, **fields
        )

    return make_step


@pytest.fixture
def make_of(tmp_path):
    """Give a function that runs steps over a file and gives each step's outcome."""

    def run(source: Path, file_type: str, *steps: StepOrder, **read_files: Path) -> dict[str, StepOutcome]:
        desk = Folder(source)
        desk.read_files = read_files
        work = Pass(steps, FileType(file_type), tmp_path, desk)
        work.run()
        assert [] == work.failures
        return desk.outcomes

    return run
