"""What pods call: signed URLs for what their capability names, and callbacks."""

from __future__ import annotations

import mimetypes

from flask import Blueprint, Response, g
from pydantic import BaseModel
from sqlalchemy import func, select

from mediaops.models.exchange import Callback, PartUrl, UrlAnswer, UrlRequest, WriteGrant, WriteRequest
from mediaops.problems import Problem, not_found
from mediaops.tokens import Capability, CapabilityError
from mediaops_backend import callbacks
from mediaops_backend.backend import backend
from mediaops_backend.database import bind
from mediaops_backend.documented import documented
from mediaops_backend.pods import Pod
from mediaops_backend.reading import answer, bearer, is_secret, read, uuid_of
from mediaops_backend.settings import POD_URL_SECONDS

routes = Blueprint("jobs", __name__)

ONE_PUT_BYTES = 64 * 1024 * 1024
"""Larger files go up in parts, so that a broken connection costs one of them."""

MOST_PARTS = 1000


class Acknowledged(BaseModel):
    """The answer to a callback."""

    recorded: bool
    """False: a repeat, or a late one; nothing changed."""


@routes.post("/api/media/jobs/<job>/urls")
@documented(
    "Exchange a capability for signed URLs: only for what it names, only for its own Job's pod.",
    who="pod",
    body=UrlRequest,
    answer=UrlAnswer,
    problems=(403,),
)
def urls(job: str) -> Response:
    """Answer with URLs for pods' network. Asks no database."""
    pod = backend().pods.check(bearer())
    body = read(UrlRequest)
    try:
        capability = backend().capabilities.verify(body.capability)
    except CapabilityError as error:
        raise _forbidden(str(error)) from None
    g.workspace, g.subject = capability.workspace, f"pod:{pod.namespace}/{pod.name}"
    held = _held(capability, pod)
    if job != capability.job or pod.namespace != capability.namespace or held is None:
        raise _forbidden("the capability is another Job's")
    capability = held
    _check_keys(capability, body)
    storage, metrics = backend().storage, backend().metrics
    given = UrlAnswer(
        reads={key: storage.presign_get(key, seconds=POD_URL_SECONDS) for key in body.reads},
        writes={write.key: _grant(write) for write in body.writes},
        expires_in=POD_URL_SECONDS,
    )
    metrics.signed_urls.labels("read").inc(len(given.reads))
    metrics.signed_urls.labels("write").inc(len(given.writes))
    return answer(given)


def _held(capability: Capability, pod: Pod) -> Capability | None:
    """Give what a pod holds of a capability: all of it, its own part of an Indexed Job's, or nothing (None)."""
    if not capability.indexed:
        return capability if pod.belongs_to(capability.job) else None
    index = pod.index_in(capability.job)
    return capability.of_index(index) if index is not None and index < len(capability.indexed) else None


def _check_keys(capability: Capability, body: UrlRequest) -> None:
    """Refuse the whole request for one key that is not named."""
    for key in body.reads:
        if not capability.may_read(key):
            raise _forbidden("the capability does not name a key that is to be read")
    for write in body.writes:
        if not capability.may_write(write.key):
            raise _forbidden("the capability does not name a key that is to be written")


def _grant(write: WriteRequest) -> WriteGrant:
    """Sign one PUT of exactly this content, or the parts of a large file."""
    storage = backend().storage
    media_type = mimetypes.guess_type(write.key)[0] or "application/octet-stream"
    if write.size <= ONE_PUT_BYTES:
        signed = storage.presign_put(
            write.key, size=write.size, sha256=write.sha256, media_type=media_type, seconds=POD_URL_SECONDS
        )
        return WriteGrant(url=signed.url, headers=signed.headers)
    upload = storage.create_upload(write.key, media_type=media_type)
    parts = [
        PartUrl(
            number=number,
            url=storage.presign_part(write.key, upload, number, size=size, seconds=POD_URL_SECONDS),
            offset=offset,
            size=size,
        )
        for number, (offset, size) in enumerate(part_ranges(write.size), 1)
    ]
    return WriteGrant(
        parts=parts, complete_url=storage.presign_complete(write.key, upload, seconds=POD_URL_SECONDS)
    )


def part_ranges(size: int) -> list[tuple[int, int]]:
    """Cut a file of `size` bytes into (offset, size) of its parts: of 32 MiB, or larger to be few enough."""
    part = max(32 * 1024 * 1024, -(-size // MOST_PARTS))
    return [(offset, min(part, size - offset)) for offset in range(0, size, part)]


@routes.post("/api/media/callback")
@documented(
    "Report progress or the end of a job; a repeat or a late one changes nothing.",
    who="operations",
    body=Callback,
    answer=Acknowledged,
    problems=(404,),
)
def callback() -> Response:
    """Answer once what it adds is committed."""
    given = bearer()
    outside = is_secret(given, backend().settings.flask_api_secret)
    pod = None if outside else backend().pods.check(given)
    body = read(Callback)
    job = uuid_of(body.job_id, "job")
    if pod is not None and not pod.belongs_to(body.flask_job_id):
        raise _forbidden("the callback is another Job's")
    with backend().database.unbound() as connection:
        # A pod's workspace is its namespace's; who calls from outside of the cluster is told by the job.
        workspace = (
            backend().workspaces.of_namespace(pod.namespace)
            if pod
            else connection.scalar(select(func.mediaops_workspace_of_job(job)))
        )
        if workspace is None:
            raise not_found("job")
        g.workspace = workspace
        bind(connection, workspace)
        found = callbacks.origin(connection, job)
        if found is None or (pod is not None and found.namespace != pod.namespace):
            raise not_found("job")
        # A pod's token proves the Job's name, under which its words are kept apart: the mirrored name may lag
        # behind. Who calls from outside proves nothing, and is heard only about what runs now.
        if pod is None and found.current_job != body.flask_job_id:
            return _acknowledged(False)
        return _acknowledged(callbacks.record(connection, workspace, found, body))


def _acknowledged(recorded: bool) -> Response:
    return answer(Acknowledged(recorded=recorded))


def _forbidden(detail: str) -> Problem:
    return Problem(403, "forbidden", detail)
