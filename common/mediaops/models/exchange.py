"""The bodies between the backend and the system's own parts: URL exchange, callbacks, claims, posts.

REST is snake_case, as the seed writes it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mediaops.models.base import Key, Sha256


class Body(BaseModel):
    """A REST body: snake_case, unknown names refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)


class WriteRequest(Body):
    """A file the pod wants to put."""

    key: Key
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    sha256: Sha256


class UrlRequest(Body):
    """POST /api/media/jobs/{job}/urls."""

    capability: Annotated[str, Field(max_length=32_768)]
    reads: Annotated[list[Key], Field(max_length=256)] = []
    writes: Annotated[list[WriteRequest], Field(max_length=256)] = []


class PartUrl(Body):
    """One part of a multipart upload."""

    number: Annotated[int, Field(ge=1, le=10_000)]
    url: str
    offset: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=0)]


class WriteGrant(Body):
    """How to put one file: one PUT to `url` with `headers`, or its `parts` and then `complete_url`.

    A multipart upload is completed by POSTing the S3 CompleteMultipartUpload XML to `complete_url`.
    """

    url: str | None = None
    headers: dict[str, str] = {}
    parts: list[PartUrl] = []
    complete_url: str | None = None


class UrlAnswer(Body):
    """Signed URLs, by key."""

    reads: dict[str, str] = {}
    writes: dict[str, WriteGrant] = {}
    expires_in: int
    """Seconds the URLs stay valid."""


class StepCallback(Body):
    """One step of a pass, as a callback reports it."""

    job_id: str
    status: Literal["processing", "completed", "failed"]
    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    output_data: dict[str, Any] = {}


class Callback(Body):
    """POST /api/media/callback: the seed's body, and the steps of a pass."""

    job_id: str
    flask_job_id: Annotated[str, Field(max_length=63)]
    """In Job mode the Kubernetes Job's name."""
    status: Literal["processing", "completed", "failed"]
    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    seconds_left: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    output_data: dict[str, Any] = {}
    error: Annotated[str, Field(max_length=2000)] | None = None
    steps: Annotated[list[StepCallback], Field(max_length=64)] = []


class ClaimRequest(Body):
    """POST /api/media/distributions/{request_id}/claim."""

    target: Annotated[str, Field(min_length=1, max_length=40)]


class ClaimFile(Body):
    """A file to post."""

    url: str
    """Signed for n8n's network."""
    size: int
    """Bytes."""
    sha256: str
    type: str
    """IANA media type."""


class ClaimGrant(Body):
    """The lease on one publication."""

    publication_id: str
    fence: int
    lease_seconds: int
    text: str
    files: list[ClaimFile]
    state: dict[str, Any]
    """What the holder before saved; empty at first."""


class StateSave(Body):
    """PATCH /api/media/publications/{id}."""

    fence: int
    state: dict[str, Any]
    """Saved as it is (≤ 4 KiB); `phase: posting` says that the one irrevocable call comes next."""


class StateAnswer(Body):
    """The renewed lease."""

    lease_seconds: int
    files: list[ClaimFile]
    look_up_only: bool = False
    """True: an earlier holder may have posted, so this one renewed its lease and is let through to nothing."""


class SettlementError(Body):
    """Why a publication failed."""

    reason: Annotated[str, Field(min_length=1, max_length=63)]
    message: Annotated[str, Field(max_length=512)]
    retryable: bool


class Settlement(Body):
    """POST /api/organic/posts and /api/media/distribute-callback; either alone settles."""

    request_id: str
    target: Annotated[str, Field(min_length=1, max_length=40)]
    fence: int
    external_post_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    url: Annotated[str, Field(max_length=1024, pattern=r"^https?://")] | None = None
    error: SettlementError | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Settlement:
        if (self.external_post_id is None) == (self.error is None):
            raise ValueError("give external_post_id (it is posted) or error (it is not)")
        return self
