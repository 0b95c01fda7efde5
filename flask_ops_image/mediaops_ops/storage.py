"""Objects in and out: the capability is exchanged for signed URLs at the backend, the bytes go to storage.

No key of the bucket is ever here. URLs are asked for when they are needed, and anew where they ran out.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from mediaops.identity import output_key, result_key
from mediaops.models.exchange import UrlAnswer, UrlRequest, WriteGrant, WriteRequest
from mediaops.models.work import ObjectRef, StepResult, StoredFile, WorkOrder
from mediaops.reasons import Reason
from mediaops_ops.incoming import CHUNK_BYTES, Incoming
from mediaops_ops.net import Again, Http, Response, persistently
from mediaops_ops.outcome import OutputFile, StepError
from mediaops_ops.settings import Settings

MAX_RESULT_BYTES = 1024 * 1024
T = TypeVar("T")
log = logging.getLogger(__name__)


class Storage:
    """What one Job may read and write."""

    def __init__(self, order: WorkOrder, settings: Settings, http: Http) -> None:
        self._order = order
        self._settings = settings
        self._http = http
        self._ahead: dict[str, str] = {}

    def ask_ahead(self, keys: Sequence[str]) -> None:
        """Ask for the URLs of several objects in one go; each serves the next read of its object."""
        self._ahead |= self._exchange(UrlRequest(capability=self._order.capability, reads=list(keys))).reads

    def fetch(
        self,
        ref: ObjectRef,
        path: Path,
        *,
        what: str,
        progress: Callable[[float], None] = lambda _: None,
        limit_bytes: int = 0,
    ) -> None:
        """Bring an object to `path`, in resumed pieces where the connection breaks.

        `limit_bytes`: larger ones are refused (0: none). Raises StepError SourceNotFound, SourceChanged or
        SourceTooLarge, and Unreachable.
        """
        with Incoming(path, limit_bytes=limit_bytes) as incoming:

            def attempt() -> None:
                headers = {"If-Match": _quoted(ref.etag)} if ref.etag is not None else {}
                headers |= incoming.range_header()
                response = self._http.request("GET", self._read_url(ref.key), headers=headers, stream=True)
                _check_read(response, what)
                incoming.receive(response, progress)

            self._persistently(attempt, Reason.STORAGE_UNAVAILABLE, "The storage")
        if ref.sha256 is not None and incoming.sha256 != ref.sha256:
            raise _changed(what)

    def result(self, step_key: str) -> StepResult | None:
        """Give a step's result, if it is there already."""
        content = self.read(result_key(self._order.workspace, step_key))
        if content is None:
            return None
        try:
            return StepResult.model_validate_json(content)
        except ValidationError:
            log.warning("a result.json can't be read and is made again", extra={"step_key": step_key})
            return None

    def read(self, key: str) -> bytes | None:
        """Give a small object (at most 1 MiB), None if there is none."""

        def attempt() -> bytes | None:
            response = self._http.request("GET", self._read_url(key), headers={"Accept-Encoding": "identity"})
            # Without the right to list, S3 answers 403 for what isn't there.
            if response.status in {403, 404}:
                return None
            if response.status != 200:
                raise Again(f"it answered {response.status}")
            return response.data[: MAX_RESULT_BYTES + 1]

        content = self._persistently(attempt, Reason.STORAGE_UNAVAILABLE, "The storage")
        return None if content is not None and len(content) > MAX_RESULT_BYTES else content

    def store(
        self, step_key: str, output: OutputFile, sent: Callable[[int], None] = lambda _: None
    ) -> StoredFile:
        """Put a file under its own hash, and give what the result says of it; `sent` takes bytes that went up."""
        size = output.path.stat().st_size
        key = output_key(self._order.workspace, step_key, output.stored_name)
        self._put(key, output.path, size, output.sha256, sent)
        return StoredFile(
            name=output.name,
            key=key,
            media_type=output.media_type,
            size_bytes=size,
            sha256=output.sha256,
            width_pixels=output.width_pixels,
            height_pixels=output.height_pixels,
            duration_millis=output.duration_millis,
        )

    def put_result(self, result: StepResult, scratch: Path) -> None:
        """Put result.json: the step is done from now on."""
        key = result_key(self._order.workspace, result.step_key)
        self.put_bytes(key, result.model_dump_json(by_alias=True, exclude_none=True).encode(), scratch)

    def put_bytes(self, key: str, content: bytes, scratch: Path) -> None:
        """Put a small object; `scratch` is a file name to use on the way."""
        scratch.write_bytes(content)
        self._put(key, scratch, len(content), hashlib.sha256(content).hexdigest())

    def _put(
        self, key: str, path: Path, size: int, sha256: str, sent: Callable[[int], None] = lambda _: None
    ) -> None:
        def attempt() -> None:
            request = WriteRequest(key=key, size=size, sha256=sha256)
            grant = self._exchange(UrlRequest(capability=self._order.capability, writes=[request])).writes[
                key
            ]
            if grant.parts:
                self._put_parts(grant, path, sent)
            elif grant.url:
                self._send(grant.url, _window(path, 0, size, sent), size, grant.headers)

        self._persistently(attempt, Reason.STORAGE_UNAVAILABLE, "The storage")

    def _put_parts(self, grant: WriteGrant, path: Path, sent: Callable[[int], None]) -> None:
        tags = []
        for part in grant.parts:
            window = _window(path, part.offset, part.size, sent)
            response = self._send(part.url, window, part.size, grant.headers)
            tags.append((part.number, response.headers.get("ETag", "")))
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in tags
        )
        document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        if not grant.complete_url:
            raise StepError(
                Reason.CAPABILITY_REJECTED, "The backend granted parts, but not how to complete them."
            )
        answer = self._http.request(
            "POST", grant.complete_url, body=document, headers={"Content-Type": "application/xml"}
        )
        # S3 may answer 200 and say in the body that it failed after all.
        if answer.status != 200 or b"<Error" in answer.data:
            raise Again(f"it did not complete the upload ({answer.status})")

    def _send(self, url: str, body: Iterator[bytes], size: int, headers: dict[str, str]) -> Response:
        """PUT a range of a file."""
        headers = {**headers, "Content-Length": str(size)}
        response = self._http.request("PUT", url, body=body, headers=headers)
        if response.status not in {200, 201, 204}:
            # 403: the URL ran out while other parts went up; 400: the content didn't arrive as announced.
            raise Again(f"it answered {response.status}")
        return response

    def _read_url(self, key: str) -> str:
        ahead = self._ahead.pop(key, None)  # once: a try that failed is followed by one with a fresh URL
        if ahead is not None:
            return ahead
        return self._exchange(UrlRequest(capability=self._order.capability, reads=[key])).reads[key]

    def _exchange(self, request: UrlRequest) -> UrlAnswer:
        """Trade the capability for signed URLs; raises StepError CapabilityRejected, Unreachable."""
        url = f"{self._order.backend_url.rstrip('/')}/api/media/jobs/{self._order.job}/urls"

        def attempt() -> UrlAnswer:
            headers = {
                "Authorization": f"Bearer {self._settings.token()}",
                "Content-Type": "application/json",
            }
            body = request.model_dump_json().encode()
            response = self._http.request("POST", url, headers=headers, body=body)
            if response.status != 200:
                raise StepError(
                    Reason.CAPABILITY_REJECTED,
                    f"The backend refused to sign URLs for this Job ({response.status}).",
                )
            try:
                return UrlAnswer.model_validate_json(response.data)
            except ValidationError as error:
                raise StepError(
                    Reason.CAPABILITY_REJECTED, "The backend's answer could not be understood."
                ) from error

        return self._persistently(attempt, Reason.BACKEND_UNAVAILABLE, "The backend")

    def _persistently(self, attempt: Callable[[], T], reason: str, what: str) -> T:
        return persistently(
            attempt, patience_seconds=self._settings.patience_seconds, reason=reason, what=what
        )


def _window(path: Path, offset: int, size: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    """Give a range of a file in chunks, and say of each that it went up."""
    with path.open("rb") as file:
        file.seek(offset)
        left = size
        while left and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
            sent(len(chunk))


def _check_read(response: Response, what: str) -> None:
    """Let 200 and 206 pass; raise StepError for what is final, Again for the rest."""
    if response.status in {200, 206}:
        return
    response.close()
    if response.status == 404:
        raise StepError(Reason.SOURCE_NOT_FOUND, f"The storage has no {what}.", permanent=True)
    if response.status == 412:
        raise _changed(what)
    raise Again(f"it answered {response.status}")


def _changed(what: str) -> StepError:
    return StepError(
        Reason.SOURCE_CHANGED,
        f"The content of {what} is not what it was when this was planned.",
        permanent=True,
    )


def _quoted(etag: str) -> str:
    """Give an entity tag as HTTP writes it; S3's clients hand it out with quotes or without."""
    stripped = etag.strip('"')
    return f'"{stripped}"'
