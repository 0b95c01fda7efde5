"""What users call: process a file, ask how far it is, try again what failed."""

from __future__ import annotations

from secrets import token_hex

from flask import Blueprint, Response, g, request
from pydantic import RootModel

from mediaops.problems import invalid
from mediaops_backend import assets, intake, shown, transcripts
from mediaops_backend.backend import backend
from mediaops_backend.documented import documented
from mediaops_backend.intake import ProcessRequest, RetryRequest
from mediaops_backend.reading import answer, bearer, json_body, query, text_body, uuid_of

routes = Blueprint("media", __name__)


class ProcessBody(RootModel[ProcessRequest | RetryRequest]):
    """A new asset, or another round for one that failed."""


@routes.before_request
def only_users() -> None:
    """Let users pass, each bound to the workspace that its credentials name, as often as each may call."""
    g.caller = backend().people.identify(bearer())
    g.workspace, g.subject = g.caller.workspace, g.caller.subject
    backend().users.check(f"{g.workspace}/{g.subject}")


@routes.post("/api/media/process")
@documented(
    "Process a file: creates the asset and its jobs. With asset_id and retry_failed_only: another round.",
    who="user",
    body=ProcessBody,
    answer=shown.Queued,
    status=202,
    problems=(403, 404, 409),
)
def process() -> tuple[Response, int]:
    """Answer once the asset is in the cluster and its rows are committed."""
    body = json_body()
    if "asset_id" in body or "retry_failed_only" in body:
        wanted = RetryRequest.model_validate(body)
        found = assets.retry(backend(), g.workspace, wanted.asset_id)
        return _queued(found, "Failed operations queued again"), 202
    asked = intake.read(body)
    if asked.workspace_id is not None and asked.workspace_id != g.workspace:
        raise invalid("workspace_id", "is not your workspace; leave it out")
    name = _asset_name(request.headers.get("Idempotency-Key"))
    created = assets.create(backend(), g.workspace, intake.manifest(asked, name, body))
    return _queued(created, "Media processing queued"), 202


@routes.get("/api/media/process")
@documented(
    "How far an asset is; addresses come out signed, for 15 minutes.",
    who="user",
    answer=shown.Status,
    problems=(404, 422),
    query=("asset_id",),
)
def status() -> Response:
    """Answer with the asset, its jobs and the count of them."""
    found = assets.find(backend(), g.workspace, uuid_of(query("asset_id"), "asset"))
    storage = backend().storage
    return answer(
        shown.Status(
            asset=shown.asset(found, storage),
            jobs=shown.jobs(found, storage),
            progress=shown.progress(found.jobs),
        )
    )


@routes.put("/api/media/assets/<asset>/transcripts/<operation>")
@documented(
    "An edited transcript: captions (seconds), a transcript.json, SubRip or WebVTT. Only what reads it runs again.",
    who="user",
    body=transcripts.Captions,
    answer=transcripts.Edited,
    problems=(404, 409, 413, 415, 422),
)
def edit_transcript(asset: str, operation: str) -> Response:
    """Answer once the edit is stored and the resource names it."""
    return answer(transcripts.put(backend(), g.workspace, uuid_of(asset, "asset"), operation, text_body()))


def _asset_name(idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return f"asset-{token_hex(10)}"
    if not 1 <= len(idempotency_key) <= 255:
        raise invalid("Idempotency-Key", "1 to 255 characters")
    return intake.asset_name(g.workspace, idempotency_key)


def _queued(found: assets.Rows, message: str) -> Response:
    storage = backend().storage
    return answer(
        shown.Queued(asset=shown.asset(found, storage), jobs=shown.jobs(found, storage), message=message)
    )
