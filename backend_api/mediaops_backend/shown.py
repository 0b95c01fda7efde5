"""Rows as the seed's JSON: what people get to see, with addresses that open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from mediaops.planner.outdated import Outdated
from mediaops.storage import Storage
from mediaops_backend.assets import Rows
from mediaops_backend.catalogue import Detail, Page
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


POST_COLUMNS = (
    "id", "publish_key", "target", "platform", "account", "state", "text", "revision", "attempts", "reason",
    "message", "external_post_id", "url", "posted_at", "created_at", "updated_at",
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


class Output(BaseModel):
    """A file that an operation made."""

    operation: str
    name: str
    """rendition, transcript.json, thumbnail-0, …"""
    url: str
    """Opens for 15 minutes."""
    media_type: str
    size_bytes: int
    sha256: str
    width_pixels: int | None = None
    height_pixels: int | None = None
    duration_millis: int | None = None


class VersionChange(BaseModel):
    """A version that isn't what it was."""

    name: str
    """Of an operation, an engine or a model."""
    made_with: str | None
    """None: it had no part in it."""
    today: str | None


class OutdatedOperation(BaseModel):
    """An operation that today's versions would make differently; `mediaops.dev/reprocess` makes it anew."""

    operation: str
    changed: list[VersionChange]
    reads: str | None = None
    """An operation that it reads and that is outdated itself."""


class Detailed(BaseModel):
    """The answer to GET /api/media/assets/ID."""

    asset: dict[str, Any]
    jobs: list[dict[str, Any]]
    """Of the operations that it wants, in their order."""
    progress: Progress
    outputs: list[Output]
    posts: list[dict[str, Any]]
    earlier_jobs: list[dict[str, Any]]
    """Of operations that were edited or taken out since, the latest first."""
    outdated: list[OutdatedOperation]


class Assets(BaseModel):
    """The answer to GET /api/media/assets."""

    assets: list[dict[str, Any]]
    next: str | None
    """The cursor of the next page."""


def asset(found: Rows, storage: Storage) -> dict[str, Any]:
    """Show an asset's row, and what it cost."""
    return _asset(found.asset, found.cost, storage)


def _asset(row: Row[Any], cost: Amounts, storage: Storage) -> dict[str, Any]:
    values = row._asdict()
    shown = {name: _opened(values[name], storage, row.workspace_id) for name in ASSET_COLUMNS}
    return {**shown, "cost": cost.model_dump()}


def page(found: Page, storage: Storage) -> Assets:
    """Show a page of assets."""
    return Assets(
        assets=[_asset(row, cost, storage) for row, cost in found.assets],
        next=found.following,
    )


def detail(found: Detail, storage: Storage) -> Detailed:
    """Show all that is known of an asset."""
    rows = found.rows
    return Detailed(
        asset=asset(rows, storage),
        jobs=jobs(rows, storage),
        progress=progress(rows.jobs),
        outputs=[output for row in rows.jobs for output in _outputs(row, storage)],
        posts=[{name: row._mapping[name] for name in POST_COLUMNS} for row in found.posts],
        earlier_jobs=[_job(row, storage, rows.job_costs.get(row.id, Amounts())) for row in found.earlier],
        outdated=[_outdated(one) for one in found.outdated],
    )


def _outputs(row: Row[Any], storage: Storage) -> list[Output]:
    made = row.output_data.get("outputs", [])
    return [
        Output(operation=row.operation, url=_opened(one["uri"], storage, row.workspace_id), **one)
        for one in made
    ]


def _outdated(one: Outdated) -> OutdatedOperation:
    changed = [
        VersionChange(name=name, made_with=before, today=now) for name, (before, now) in one.changed.items()
    ]
    return OutdatedOperation(operation=one.operation, changed=changed, reads=one.reads)


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
