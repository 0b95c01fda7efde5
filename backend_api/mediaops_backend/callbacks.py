"""Callbacks: what a Job says adds up in one row that only goes forward, and the operator is told."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from mediaops.models.exchange import Callback
from mediaops.tables import AssetRow, CallbackRow, JobRow
from mediaops_backend.database import notify

_RANK = {"processing": 0, "completed": 1, "failed": 1}
"""Whatever ended stays as it ended."""


@dataclass(frozen=True)
class Heard:
    """What a Job's callbacks added up to."""

    status: str = "processing"
    percent: int | None = None
    seconds_left: int | None = None
    error: str | None = None
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By job id: {status, percent, output_data}."""


def merge(before: Heard | None, callback: Callback) -> Heard:
    """Add a callback to what was heard; a repeat adds nothing, an earlier word never undoes a later one."""
    known = before or Heard()
    steps = dict(known.steps)
    reported = [(s.job_id, s.status, s.percent, s.output_data) for s in callback.steps]
    if all(job != callback.job_id for job, *_ in reported):
        reported.append((callback.job_id, callback.status, callback.percent, callback.output_data))
    for job, status, percent, output in reported:
        steps[job] = _forward(steps.get(job), status, percent, output)
    if _RANK[callback.status] < _RANK[known.status]:
        return replace(known, steps=steps)
    newer = callback.percent is not None and callback.percent > (known.percent or -1)
    ended = _RANK[known.status] == 1
    return Heard(
        status=known.status if ended else callback.status,
        percent=_most(known.percent, callback.percent),
        seconds_left=callback.seconds_left if newer else known.seconds_left,
        error=known.error or callback.error,
        steps=steps,
    )


def _forward(
    known: dict[str, Any] | None, status: str, percent: int | None, output: dict[str, Any]
) -> dict[str, Any]:
    if known and _RANK[known["status"]] == 1:
        return known
    merged: dict[str, Any] = {
        "status": status,
        "percent": _most(known.get("percent") if known else None, percent),
        "output_data": {**(known or {}).get("output_data", {}), **output},
    }
    return {name: value for name, value in merged.items() if value not in (None, {})}


def _most(*percents: int | None) -> int | None:
    return max((p for p in percents if p is not None), default=None)


@dataclass(frozen=True)
class Origin:
    """The job that a callback names, as the database has it."""

    job: UUID
    asset: UUID
    jobs: frozenset[str]
    """The ids of all jobs of its asset."""
    namespace: str
    resource: str
    current_job: str | None
    """The Kubernetes Job that runs it now, or ran it last."""


def origin(connection: Connection, job: UUID) -> Origin | None:
    """Find the job that a callback names, in the workspace that the transaction is bound to."""
    row = connection.execute(
        select(JobRow.media_asset_id, JobRow.flask_job_id, AssetRow.namespace, AssetRow.name)
        .join(AssetRow, AssetRow.id == JobRow.media_asset_id)
        .where(JobRow.id == job)
    ).one_or_none()
    if row is None:
        return None
    siblings = connection.scalars(select(JobRow.id).where(JobRow.media_asset_id == row.media_asset_id))
    return Origin(
        job=job,
        asset=row.media_asset_id,
        jobs=frozenset(str(id_) for id_ in siblings),
        namespace=row.namespace,
        resource=f"{row.namespace}/{row.name}",
        current_job=row.flask_job_id,
    )


def record(connection: Connection, workspace: str, found: Origin, callback: Callback) -> bool:
    """Write what a callback adds and notify the operator; False where it adds nothing.

    Steps of other assets' jobs are nobody's business here and left out.
    """
    own = [step for step in callback.steps if step.job_id in found.jobs]
    callback = callback.model_copy(update={"steps": own, "job_id": str(found.job)})
    key = {"namespace": found.namespace, "job_name": callback.flask_job_id}
    first = insert(CallbackRow).values(
        **key, workspace_id=workspace, media_asset_id=found.asset, status="processing"
    )
    created = connection.execute(first.on_conflict_do_nothing().returning(CallbackRow.job_name)).one_or_none()
    which = (CallbackRow.namespace == found.namespace) & (CallbackRow.job_name == callback.flask_job_id)
    columns = (
        CallbackRow.status,
        CallbackRow.percent,
        CallbackRow.seconds_left,
        CallbackRow.error,
        CallbackRow.steps,
    )
    row = connection.execute(select(*columns).where(which).with_for_update()).one()
    before = Heard(**row._asdict())
    after = merge(before, callback)
    if after == before and created is None:
        return False
    values = {name: getattr(after, name) for name in (f.name for f in fields(Heard))}
    connection.execute(update(CallbackRow).where(which).values(**values, received_at=func.clock_timestamp()))
    _show_progress(connection, callback, after)
    notify(connection, found.resource)
    return True


def _show_progress(connection: Connection, callback: Callback, heard: Heard) -> None:
    """Let people see how far the jobs are that this Kubernetes Job runs now."""
    for job, step in heard.steps.items():
        connection.execute(
            update(JobRow)
            .where((JobRow.id == UUID(job)) & (JobRow.flask_job_id == callback.flask_job_id))
            .values(
                percent=100 if step["status"] == "completed" else step.get("percent"),
                seconds_left=heard.seconds_left,
                progress_job_name=callback.flask_job_id,
                updated_at=func.clock_timestamp(),
            )
        )
