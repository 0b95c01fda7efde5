"""Rows as the seed's JSON: what people get to see, with addresses that open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from mediaops.storage import Storage
from mediaops_backend.assets import Rows
from mediaops_backend.costs import Amounts
from mediaops_backend.settings import PUBLIC_URL_SECONDS

ASSET_COLUMNS = (
    "id", "workspace_id", "source", "source_id", "file_type", "original_url", "processed_url", "thumbnail_url",
    "status", "duration_seconds", "width", "height", "file_size_bytes", "metadata", "namespace", "name", "phase",
    "reason", "message", "round", "created_at", "updated_at",
)  # fmt: skip
"""The seed's columns, and where to find the resource and how it is."""

JOB_COLUMNS = (
    "id", "media_asset_id", "job_type", "status", "input_params", "output_data", "flask_job_id", "attempts",
    "error", "started_at", "completed_at", "operation", "reason", "round",
)  # fmt: skip


class Progress(BaseModel):
    """How far an asset's jobs are."""

    total: int
    completed: int
    failed: int
    seconds_left: int | None = None
    """How many seconds the operations still take; None while one of them waits, or it is too early to say."""


class Queued(BaseModel):
    """The answer to POST /api/media/process."""

    asset: dict[str, Any]
    jobs: list[dict[str, Any]]
    message: str


class Status(BaseModel):
    """The answer to GET /api/media/process."""

    asset: dict[str, Any]
    jobs: list[dict[str, Any]]
    progress: Progress


def asset(found: Rows, storage: Storage) -> dict[str, Any]:
    """Show an asset's row, and what it cost."""
    values = found.asset._asdict()
    shown = {name: _opened(values[name], storage, found.asset.workspace_id) for name in ASSET_COLUMNS}
    return {**shown, "cost": found.cost.model_dump()}


def jobs(found: Rows, storage: Storage) -> list[dict[str, Any]]:
    """Show the rows of an asset's jobs, and what each cost."""
    return [_job(row, storage, found.job_costs.get(row.id, Amounts())) for row in found.jobs]


def _job(row: Row[Any], storage: Storage, cost: Amounts) -> dict[str, Any]:
    values = row._asdict()
    shown = {name: _opened(values[name], storage, row.workspace_id) for name in JOB_COLUMNS}
    done = 100 if row.status == "completed" else 0
    return {
        **shown,
        "percent": row.percent if _told(row) else done,
        "seconds_left": row.seconds_left if _told(row) else None,
        "cost": cost.model_dump(),
    }


def _told(row: Row[Any]) -> bool:
    """Say whether the Kubernetes Job that runs the job now said how far it is; of an earlier one it would mislead."""
    return (
        row.status == "processing"
        and row.flask_job_id is not None
        and row.progress_job_name == row.flask_job_id
    )


def progress(job_rows: Sequence[Row[Any]]) -> Progress:
    """Count jobs by how they stand, and say how long they still take."""
    statuses = [row.status for row in job_rows]
    # What is only passed through says nothing of its own: it ends with what passes through it.
    open_ = [row for row in job_rows if row.status in ("queued", "processing") and row.stored]
    left = [row.seconds_left for row in open_ if _told(row) and row.seconds_left is not None]
    return Progress(
        total=len(statuses),
        completed=statuses.count("completed"),
        failed=statuses.count("failed"),
        seconds_left=max(left, default=None) if len(left) == len(open_) else None,
    )


def _opened(value: Any, storage: Storage, workspace: str) -> Any:
    """Replace addresses of the workspace's stored objects by signed URLs for people, all the way down."""
    if isinstance(value, str) and value.startswith(prefix := f"s3://{storage.bucket}/"):
        key = value.removeprefix(prefix)
        own = key.startswith(f"{workspace}/")
        return storage.presign_get(key, seconds=PUBLIC_URL_SECONDS, audience="public") if own else value
    if isinstance(value, dict):
        return {name: _opened(inner, storage, workspace) for name, inner in value.items()}
    if isinstance(value, list):
        return [_opened(inner, storage, workspace) for inner in value]
    return value
