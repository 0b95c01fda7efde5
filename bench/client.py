"""The load: many objects made over connections that are kept, and watches that tell when all are done."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from hack.cluster.api import Api

Manifest = dict[str, Any]

CONNECTIONS = 8
WATCH_SECONDS = 3600
PATIENCE_SECONDS = 1200.0


class GaveUp(Exception):
    """What a measurement waits for didn't come, or can't come any more."""


def create(api: Api, path: str, bodies: Iterable[Manifest]) -> None:
    """POST all bodies to a collection, over eight connections. Raises GaveUp for the first refusal."""
    local = threading.local()
    opened: list[http.client.HTTPSConnection] = []

    def connect() -> None:
        local.connection = api.connect()
        opened.append(local.connection)

    def post(body: Manifest) -> None:
        local.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = local.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= http.client.BAD_REQUEST:
            raise GaveUp(f"POST {path}: {answer.status} {text[:500]}")

    try:
        with ThreadPoolExecutor(CONNECTIONS, initializer=connect) as threads:
            for _ in threads.map(post, bodies):
                pass
    finally:
        for connection in opened:
            connection.close()


class Watch:
    """Calls `seen(event)` in a thread for each watch event of a collection, from now on, until it is left.

    The API server ends the watch of a client that falls behind, as this one does where the load takes the machine;
    it goes on then where it was.
    """

    def __init__(self, api: Api, path: str, seen: Callable[[Manifest], None]) -> None:
        self._seen = seen
        self._api = api
        self._version = api.get(f"{path}?limit=1")["metadata"]["resourceVersion"]
        self._path = path
        self._left = False
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._open()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _open(self) -> None:
        query = f"watch=true&resourceVersion={self._version}&timeoutSeconds={WATCH_SECONDS}"
        self._connection = self._api.connect(timeout=WATCH_SECONDS)
        self._connection.request("GET", f"{self._path}?{query}")
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()

    def __exit__(self, *_: object) -> None:
        self._left = True
        self._socket.shutdown(socket.SHUT_RDWR)  # ends the read; closing would wait for it

    def _read(self) -> None:
        try:
            while not self._left:
                for line in self._answer:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise GaveUp(f"{self._path}: {event['object']}")
                    self._version = event["object"]["metadata"]["resourceVersion"]
                    self._seen(event)
                if not self._left:
                    self._connection.close()
                    self._open()
        except Exception as failure:
            self.failure = None if self._left else failure


class Settled:
    """Waits until so many objects of a collection are `done`, which raises where one can't be any more."""

    def __init__(self, api: Api, path: str, done: Callable[[Manifest], bool]) -> None:
        self._done = done
        self._names: set[str] = set()
        self._watch = Watch(api, path, self._see)

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.__exit__()

    def wait(self, count: int) -> None:
        """Wait for them. Raises GaveUp if one can't be done, or too much time passed."""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(self._names) < count:
            if self._watch.failure:
                raise GaveUp(f"{len(self._names)} of {count}") from self._watch.failure
            if time.monotonic() > end:
                raise GaveUp(f"{len(self._names)} of {count} after {PATIENCE_SECONDS:g} s")
            time.sleep(0.01)

    def _see(self, event: Manifest) -> None:
        if self._done(event["object"]):
            self._names.add(event["object"]["metadata"]["name"])


def job_complete(job: Manifest) -> bool:
    """Say whether a Job is Complete. Raises GaveUp if it failed."""
    true = {c["type"] for c in conditions(job) if c["status"] == "True"}
    if "Failed" in true:
        raise GaveUp(f"Job {job['metadata']['name']}: {job['status']}")
    return "Complete" in true


def asset_processed(asset: Manifest) -> bool:
    """Say whether an asset is Processed. Raises GaveUp if it finished otherwise."""
    finished = any(c["type"] == "Finished" and c["status"] == "True" for c in conditions(asset))
    if finished and asset["status"]["phase"] != "Processed":
        raise GaveUp(f"MediaAsset {asset['metadata']['name']}: {asset['status']}")
    return finished


def conditions(manifest: Manifest) -> Iterator[Manifest]:
    """Yield the conditions of an object's status."""
    yield from (manifest.get("status") or {}).get("conditions") or []
