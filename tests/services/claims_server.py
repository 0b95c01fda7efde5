"""Stands in for the backend's publication routes until they exist: the real state machine, rows in memory."""

import hashlib
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hack.services.standins.base import Request, Response, Router, json_response
from mediaops import publications
from mediaops.publications import Publication, Refused, State


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Row:
    request_id: str
    target: str
    text: str
    files: list[dict[str, Any]]
    publication: Publication
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Claims:
    """The routes n8n calls, and the files it fetches."""

    def __init__(self, bearer: str, lease_seconds: int) -> None:
        self._bearer, self._lease = bearer, lease_seconds
        self.rows: list[Row] = []
        self.objects: dict[str, bytes] = {}
        self.storage_failures = 0
        self.url = ""
        self._lock = threading.Lock()
        self._router = Router()
        self._router.add("POST", "/api/media/distributions/{request}/claim", self._claim)
        self._router.add("PATCH", "/api/media/publications/{id}", self._save)
        self._router.add("POST", "/api/organic/posts", self._settle)
        self._router.add("POST", "/api/media/distribute-callback", self._settle)
        self._router.add("GET", "/objects/{sha256}", self._object)

    def __call__(self, request: Request) -> Response:
        if request.path.startswith("/objects/"):
            return self._router(request)
        if request.headers.get("authorization") != f"Bearer {self._bearer}":
            return json_response(401, {"title": "Unauthorized"})
        with self._lock:
            try:
                return self._router(request)
            except Refused as refused:
                return json_response(409, {"type": refused.code, "title": str(refused)})

    def plan(self, text: str, *files: tuple[bytes, str], target: str = "x") -> Row:
        """A publication as the operator plans it."""
        described = []
        for content, kind in files:
            sha256 = hashlib.sha256(content).hexdigest()
            self.objects[sha256] = content
            described.append({"sha256": sha256, "size": len(content), "type": kind})
        publication = Publication(resource_uid=uuid.uuid4(), backoff_seconds=1)
        row = Row(str(uuid.uuid4()), target, text, described, publication)
        self.rows.append(row)
        return row

    def _fresh(self, row: Row) -> list[dict[str, Any]]:
        return [
            {**f, "url": f"{self.url}/objects/{f['sha256']}?X-Amz-Signature={uuid.uuid4().hex}"} for f in row.files
        ]

    def _row(self, **fields: object) -> Row:
        for row in self.rows:
            if all(getattr(row, name) == value for name, value in fields.items()):
                return row
        raise Refused("unknown", "no such publication")

    def _claim(self, request: Request) -> Response:
        body = request.json_object() or {}
        row = self._row(request_id=request.params["request"], target=body["target"])
        row.publication = publications.claim(row.publication, _now(), self._lease)
        answer = {
            "publication_id": row.id,
            "fence": row.publication.fence,
            "lease_seconds": self._lease,
            "text": row.text,
            "files": self._fresh(row),
            "state": row.publication.saved_state,
        }
        return json_response(200, answer)

    def _save(self, request: Request) -> Response:
        body, row = request.json_object() or {}, self._row(id=request.params["id"])
        row.publication = publications.save(row.publication, body["fence"], body["state"], _now(), self._lease)
        return json_response(200, {"lease_seconds": self._lease, "files": self._fresh(row)})

    def _settle(self, request: Request) -> Response:
        body = request.json_object() or {}
        row = self._row(request_id=body["request_id"], target=body["target"])
        if "error" in body:
            row.publication = publications.settle_error(row.publication, body["fence"], **body["error"], now=_now())
        else:
            row.publication = publications.settle_posted(
                row.publication, body["fence"], body["external_post_id"], body["url"], _now()
            )
        return json_response(200, {})

    def _object(self, request: Request) -> Response:
        if self.storage_failures:
            self.storage_failures -= 1
            return Response(503, b"<Error/>", {"content-type": "application/xml"})
        content = self.objects[request.params["sha256"]]
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1]
        span = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        return Response(206, part, {"content-type": "video/mp4", "content-range": span})


ENDED = {State.POSTED, State.FAILED, State.OUTCOME_UNKNOWN, State.WITHDRAWN}
