"""What `serve` is told by its environment. What fetching and engines read besides is mediaops_ops.settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from mediaops.settings import S3Settings, StrongSecret


class ServeSettings(S3Settings):
    """Environment variables of `serve`, beside those of storage."""

    callback_secret: Annotated[StrongSecret, Field(alias="CALLBACK_SECRET")]
    """Bearer of callers and callbacks, and the key that callbacks are signed with; the backend's FLASK_API_SECRET."""
    state: Annotated[Path, Field(alias="MEDIAOPS_SERVE_STATE")]
    """Folder on a volume of its own that holds the queue."""
    host: Annotated[str, Field(alias="MEDIAOPS_HOST", min_length=1)] = "0.0.0.0"  # noqa: S104 — a container's own
    """Address to listen on."""
    port: Annotated[int, Field(alias="MEDIAOPS_PORT", ge=1, le=65_535)] = 8080
    """Port to listen on."""
    prefix: Annotated[
        str, Field(alias="MEDIAOPS_SERVE_PREFIX", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    ] = "serve"
    """First segment of all keys; the storage key of this deployable need allow no other."""
    workers: Annotated[int, Field(alias="MEDIAOPS_SERVE_WORKERS", ge=1, le=64)] = 2
    """Jobs that run at the same time."""
    queue_limit: Annotated[int, Field(alias="MEDIAOPS_SERVE_QUEUE_LIMIT", ge=1)] = 1000
    """Jobs that may wait; further ones are answered 429."""
    job_seconds: Annotated[int, Field(alias="MEDIAOPS_SERVE_JOB_SECONDS", ge=10)] = 3600
    """Longest run of one attempt."""
    attempts: Annotated[int, Field(alias="MEDIAOPS_SERVE_ATTEMPTS", ge=1, le=10)] = 3
    """How often a failing job is tried."""
    patience_seconds: Annotated[int, Field(alias="MEDIAOPS_SERVE_PATIENCE_SECONDS", ge=0)] = 3600
    """How long after its arrival a job waits for something out of reach."""
    callback_seconds: Annotated[int, Field(alias="MEDIAOPS_SERVE_CALLBACK_SECONDS", ge=0)] = 86_400
    """How long a callback is sent again until somebody acknowledges it."""
    url_seconds: Annotated[int, Field(alias="MEDIAOPS_SERVE_URL_SECONDS", ge=0, le=604_800)] = 604_800
    """How long the URLs of results are valid; 0: unsigned ones, for a bucket that anyone may read."""
    disk_bytes: Annotated[int, Field(alias="MEDIAOPS_SERVE_DISK_BYTES", ge=0)] = 0
    """Disk that one job may take; 0: no limit."""
    max_source_bytes: Annotated[int, Field(alias="MEDIAOPS_MAX_SOURCE_BYTES", ge=0)] = 0
    """Larger sources are refused; 0: no limit."""
    google_drive_api_key: Annotated[SecretStr | None, Field(alias="GOOGLE_DRIVE_API_KEY")] = None
    """Key for files in Google Drive that anyone with the link may read."""
    openai_api_key: Annotated[SecretStr | None, Field(alias="OPENAI_API_KEY")] = None
    """Key for the engine openai; without it that engine is refused."""

    @property
    def queue_file(self) -> Path:
        """Give where the queue lies."""
        return self.state / "queue.sqlite"
