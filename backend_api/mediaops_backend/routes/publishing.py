"""What n8n calls: claim a publication, save how far it is, settle it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel

from mediaops.models.exchange import (
    ClaimFile,
    ClaimGrant,
    ClaimRequest,
    Settlement,
    StateAnswer,
    StateSave,
)
from mediaops.problems import Answer, Problem, invalid
from mediaops.publications import MAX_STATE_BYTES, Refused
from mediaops_backend import distribution
from mediaops_backend.backend import backend
from mediaops_backend.distribution import Capped, Moved
from mediaops_backend.documented import documented
from mediaops_backend.reading import answer, read, require_secret, uuid_of
from mediaops_backend.settings import POD_URL_SECONDS

routes = Blueprint("publishing", __name__)

CAPPED_RETRY_SECONDS = 30


class Settled(BaseModel):
    """A publication after a settlement."""

    publication_id: str
    state: str
    external_post_id: str | None
    url: str | None


@routes.before_request
def only_n8n() -> None:
    """Let only n8n's bearer pass."""
    require_secret(backend().settings.n8n_token)


@routes.errorhandler(Refused)
def refused(error: Refused) -> Answer:
    """Answer what the row does not allow; whoever asked stops."""
    members: dict[str, Any] = {"until": error.until.isoformat()} if error.until else {}
    return Problem(409, error.code.replace("_", "-"), str(error), **members).answer()


@routes.errorhandler(Capped)
def capped(_: Capped) -> Answer:
    """Answer a claim that finds every place taken; the operator sends the request again."""
    backend().metrics.claims.labels("capped").inc()
    return Problem(
        429,
        "too-many-claims",
        "as many publications are under way as this installation allows",
        headers={"Retry-After": str(CAPPED_RETRY_SECONDS)},
    ).answer()


@routes.post("/api/media/distributions/<request_id>/claim")
@documented(
    "Claim one target of a publication request: a lease with a fencing number.",
    who="n8n",
    body=ClaimRequest,
    answer=ClaimGrant,
    problems=(404, 409),
)
def claim(request_id: str) -> Response:
    """Answer with what to post, and with what an earlier holder saved."""
    settings = backend().settings
    target = read(ClaimRequest).target
    try:
        moved = distribution.claim(
            backend().database,
            uuid_of(request_id, "publication"),
            target,
            settings.caps,
            settings.lease_seconds,
        )
    except Refused as error:
        backend().metrics.claims.labels(error.code).inc()
        raise
    backend().metrics.claims.labels("granted").inc()
    return answer(
        ClaimGrant(
            publication_id=str(moved.row["id"]),
            fence=moved.publication.fence,
            lease_seconds=settings.lease_seconds,
            text=moved.row["text"],
            files=_files(moved),
            state=moved.publication.saved_state,
        )
    )


@routes.patch("/api/media/publications/<publication_id>")
@documented(
    "Save a step and renew the lease; after a 409 the run stops.",
    who="n8n",
    body=StateSave,
    answer=StateAnswer,
    problems=(404, 409),
)
def save(publication_id: str) -> Response:
    """Answer with the renewed lease and fresh URLs."""
    body = read(StateSave)
    if len(json.dumps(body.state).encode()) > MAX_STATE_BYTES:
        raise invalid("state", f"at most {MAX_STATE_BYTES} bytes as JSON")
    lease_seconds = backend().settings.lease_seconds
    moved = distribution.save(
        backend().database, uuid_of(publication_id, "publication"), body.fence, body.state, lease_seconds
    )
    return answer(
        StateAnswer(
            lease_seconds=lease_seconds,
            files=_files(moved),
            look_up_only=moved.publication.looking_up,
        )
    )


@routes.post("/api/organic/posts")
@routes.post("/api/media/distribute-callback")
@documented(
    "Say that it is posted, or why not. Either path settles; the second of two changes nothing.",
    who="n8n",
    body=Settlement,
    answer=Settled,
    problems=(404, 409),
)
def settle() -> Response:
    """Answer with the publication as it is now."""
    body = read(Settlement)
    moved = distribution.settle(backend().database, uuid_of(body.request_id, "publication"), body)
    after = moved.publication
    if moved.changed:
        backend().metrics.settlements.labels(after.state.value).inc()
    return answer(
        Settled(
            publication_id=str(moved.row["id"]),
            state=after.state.value,
            external_post_id=after.external_post_id,
            url=after.url,
        )
    )


def _files(moved: Moved) -> list[ClaimFile]:
    """Sign what was decided to be posted, for n8n's network."""
    storage = backend().storage
    return [
        ClaimFile(
            url=storage.presign_get(file["key"], seconds=POD_URL_SECONDS),
            size=file["size"],
            sha256=file["sha256"],
            type=file["type"],
        )
        for file in moved.row["files"]
    ]
