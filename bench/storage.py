"""A stand-in for storage on a cluster where no pod runs: it answers what pods would have left there.

It speaks the part of S3 that the operator reads: HEAD and GET of an object, path-style, with S3's headers and
error document; it doesn't check signatures. Every key is an object with a content of its own, so that every
source is another one, except results: one is there from the moment the Job that was ordered to make it is
Complete, as the API server itself says.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from bench.client import Manifest, Watch, conditions
from hack.cluster.api import Api, ApiError
from hack.services.s3 import BUCKET
from mediaops.identity import result_key
from mediaops.models.work import StepOrder, WorkOrder
from tests.api.operator.hands import made

LOOPBACK = "127.0.0.1"
SIZE_BYTES = 1_000_000
JOBS = "/apis/batch/v1"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Storage
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: with two, each answer would wait for an acknowledgement
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        key = self._key()
        if key.endswith("/result.json") and self.server.result(key) is None:
            self._answer(404, b"", "application/xml")
        else:
            self._answer(200, b"", "video/mp4", SIZE_BYTES)

    def do_GET(self) -> None:
        found = self.server.result(self._key())
        if found is None:
            self._answer(
                404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>", "application/xml"
            )
        else:
            self._answer(200, found, "application/json")

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def _answer(self, status: int, body: bytes, media_type: str, size: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        digest = hashlib.md5(self._key().encode(), usedforsecurity=False).hexdigest()
        self.send_header("ETag", f'"{digest}"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Storage(ThreadingHTTPServer):
    """Serves from its making; knows a cluster's work orders while it is entered with `of`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Handler)
        self._secret = secrets.token_hex(20)
        self._orders: dict[str, tuple[str, str, WorkOrder, StepOrder]] = {}
        """By a result's key: the Job's namespace and name, and what it was told."""
        self._complete: set[tuple[str, str]] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def secret(self, user: str) -> str:  # noqa: ARG002 — S3's method; here all have the same
        """Give a user's secret key."""
        return self._secret

    def of(self, api: Api) -> Learning:
        """Learn of work orders and ends of Jobs, from now until left."""
        return Learning(self, api)

    def result(self, key: str) -> bytes | None:
        """Give the result of a step whose Job is Complete."""
        ordered = self._orders.get(key)
        if ordered is None:
            return None
        namespace, name, order, step = ordered
        if (namespace, name) not in self._complete and not self._is_complete(namespace, name):
            return None
        texts = [{"platform": "x", "text": "Look at this."}] if step.type == "caption" else []
        return made(order, step, texts=texts)[1].model_dump_json(by_alias=True, exclude_none=True).encode()

    def _is_complete(self, namespace: str, name: str) -> bool:
        """Ask the API server: the operator's watch may have been faster than ours."""
        try:
            job = self.api.get(f"{JOBS}/namespaces/{namespace}/jobs/{name}")
        except ApiError:
            return False
        self.job_seen({"object": job})
        return (namespace, name) in self._complete

    def job_seen(self, event: Manifest) -> None:
        """Take in a Job."""
        metadata = event["object"]["metadata"]
        if any(c["type"] == "Complete" and c["status"] == "True" for c in conditions(event["object"])):
            self._complete.add((metadata["namespace"], metadata["name"]))

    def secret_seen(self, event: Manifest) -> None:
        """Take in a Secret, which may hold a work order; it has the name of its Job."""
        content = (event["object"].get("data") or {}).get("work-order.json")
        if content is None or event["type"] != "ADDED":
            return
        metadata = event["object"]["metadata"]
        order = WorkOrder.model_validate_json(base64.b64decode(content))
        for step in order.steps:
            known = (metadata["namespace"], metadata["name"], order, step)
            self._orders[result_key(order.workspace, step.step_key)] = known

    api: Api


class Learning:
    """Two watches for a `Storage`."""

    def __init__(self, storage: Storage, api: Api) -> None:
        self._storage, self._api = storage, api
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._storage.api = self._api
        self._stack.enter_context(Watch(self._api, "/api/v1/secrets", self._storage.secret_seen))
        self._stack.enter_context(Watch(self._api, f"{JOBS}/jobs", self._storage.job_seen))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
