"""How long `run` takes from its start until the first byte of its source is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.report import Figure, spread
from bench.size import ROUNDS, caveat

PATIENCE_SECONDS = 60.0
CONTENT = b"\0" * 1024


class _Backend(BaseHTTPRequestHandler):
    """Exchanges keys for addresses of its own, and gives the source; notes when that is asked for."""

    asked_at = 0.0
    asked = threading.Event()

    def log_message(self, *_: object) -> None:
        """The table stays readable."""

    def do_POST(self) -> None:
        """Exchange keys for URLs."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        base = f"http://{self.headers['Host']}"
        reads = {key: f"{base}/{key}" for key in body.get("reads", [])}
        self._answer(200, json.dumps({"reads": reads, "writes": {}, "expires_in": 900}).encode())

    def do_GET(self) -> None:
        """Give the source; results are not there."""
        if self.path.endswith("result.json"):
            self._answer(404, b"")
            return
        type(self).asked_at = time.monotonic()
        type(self).asked.set()
        self._answer(200, CONTENT)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # who has asked for its source is ended
            self.wfile.write(body)


def overhead(folder: Path) -> Figure:
    """Time both from their start, in turn: ours until the source is asked for, Python's own until it has ended."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    order = folder / "order.json"
    order.write_text(json.dumps(_order(server.server_address[1])))
    (folder / "token").write_text("a-token\n")
    environment = {
        **os.environ,
        "MEDIAOPS_TOKEN_FILE": str(folder / "token"),
        "MEDIAOPS_TERMINATION_LOG": str(folder / "termination"),
        "MEDIAOPS_WORK_DIR": str(folder),
    }
    ours, bare = [], []
    try:
        for _ in range(ROUNDS + 1):  # the first fills the disk's cache, and isn't counted
            _Backend.asked.clear()
            started = time.monotonic()
            run = [sys.executable, "-m", "mediaops_ops", "run", "-f", str(order)]
            with subprocess.Popen(run, env=environment, stderr=subprocess.DEVNULL) as process:
                asked = _Backend.asked.wait(PATIENCE_SECONDS)
                process.kill()
            if not asked:
                raise RuntimeError("run never asked for its source")
            ours.append(_Backend.asked_at - started)
            started = time.monotonic()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            bare.append(time.monotonic() - started)
    finally:
        server.shutdown()
        server.server_close()
    over = sorted(mine - other for mine, other in zip(ours[1:], bare[1:], strict=True))
    note = f"median; Python itself takes {sorted(bare[1:])[len(bare) // 2 - 1]:.2f} s{caveat()}"
    return Figure(
        "media.start_overhead_s",
        over[len(over) // 2],
        0.5,
        "lower",
        "python -c pass",
        len(over),
        spread(over),
        note,
    )


def _order(port: int) -> dict[str, object]:
    step = {"stepKey": "small", "name": "small", "type": "compress", "jobId": "row"}
    return {
        "job": "bench-1",
        "namespace": "bench",
        "workspace": "bench",
        "assetId": "8f1e0f0e-0000-4000-8000-000000000000",
        "fileType": "video",
        "backendUrl": f"http://127.0.0.1:{port}",
        "capability": "bench",
        "deadlineSeconds": 60,
        "source": {"key": "bench/source.mp4", "sizeBytes": len(CONTENT)},
        "steps": [step],
    }
