"""From resources to rows: how a MediaAsset and its ProcessingJobs stand in the seed's tables.

Pure; read by the backend, which inserts the rows of what it creates, and by the operator, which mirrors.
Rows are dictionaries by column, for mediaops.tables.mirror.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from mediaops.identity import asset_id, job_id
from mediaops.models.base import SOURCE
from mediaops.models.conditions import Condition, OutputStatus
from mediaops.models.mediaasset import MediaAsset
from mediaops.models.processingjob import ProcessingJob
from mediaops.models.source import Source
from mediaops.planner.steps import Step

ASSET_STATUS = {
    "Pending": "pending",
    "Processing": "processing",
    "Processed": "processed",
    "Publishing": "processed",
    "Published": "processed",
    "Failed": "failed",
    "Suspended": "processing",
    "Cancelled": "failed",
}
"""The seed's status by phase; of a failed asset whose operations all succeeded it is processed."""

JOB_STATUS = {
    "Queued": "queued",
    "Processing": "processing",
    "Completed": "completed",
    "Failed": "failed",
}
"""The seed's status by phase."""

SOURCE_NAMES = {"googleDrive": "google_drive", "url": "url", "upload": "upload", "object": "generated"}
"""The seed's names of sources."""

DRIVE_LINK = "https://drive.google.com/file/d/{}"


def id_of(asset: MediaAsset, workspace: str) -> UUID:
    """Give the asset's id."""
    return asset_id(workspace, asset.namespace, asset.name, asset.spec.source.wire())


def asset_row(asset: MediaAsset, workspace: str) -> dict[str, Any]:
    """Give the row of an asset as it was read from the API server."""
    spec, status = asset.spec, asset.status
    media = status.media
    ready = condition(status.conditions, "Ready")
    return {
        "id": id_of(asset, workspace),
        "workspace_id": workspace,
        "source": SOURCE_NAMES[spec.source.kind],
        **_address(spec.source),
        "file_type": spec.file_type.value,
        "processed_url": _output(status.outputs, spec.primary_name, "rendition"),
        "thumbnail_url": next((o.uri for o in status.outputs if o.name.startswith("thumbnail")), None),
        "status": _asset_status(asset),
        "duration_seconds": _seconds(media.duration_millis) if media else None,
        "width": media.width_pixels if media else None,
        "height": media.height_pixels if media else None,
        "file_size_bytes": media.size_bytes if media else None,
        "metadata": dict(spec.attributes),
        "deletion_policy": spec.deletion_policy,
        "namespace": asset.namespace,
        "name": asset.name,
        "resource_uid": UUID(asset.uid),
        "generation": asset.generation,
        **_version(asset.metadata),
        "phase": status.phase,
        "reason": ready.reason if ready else None,
        "message": ready.message if ready else None,
        "round": status.round,
    }


def job_row(
    asset: MediaAsset, workspace: str, position: int, step: Step, job: ProcessingJob | None = None
) -> dict[str, Any]:
    """Give the row of an operation: as planned, or as its ProcessingJob stands."""
    asset_uuid = id_of(asset, workspace)
    row: dict[str, Any] = {
        "id": job_id(asset_uuid, step.name, step.spec_hash),
        "workspace_id": workspace,
        "media_asset_id": asset_uuid,
        "job_type": step.operation.type,
        "status": "queued",
        "input_params": step.operation.parameters.model_dump(mode="json", exclude_none=True),
        "output_data": {},
        "flask_job_id": None,
        "attempts": 0,
        "error": None,
        "started_at": None,
        "completed_at": None,
        "operation": step.name,
        "position": position,
        "wanted": True,
        "step_key": step.step_key if job else None,
        "versions": None,
        "needs": list(step.needs),
        "stored": step.stored,
        "resource_name": None,
        "resource_uid": None,
        **_version(asset.metadata),
        "reason": None,
        "round": asset.status.round,
    }
    return {**row, **_of_job(job)} if job else row


def cost_rows(
    asset: MediaAsset, workspace: str, jobs: Iterable[tuple[Step, ProcessingJob]]
) -> list[dict[str, Any]]:
    """Give the rows of what fetching the source and these operations cost so far; none for what cost nothing."""
    asset_uuid, status = id_of(asset, workspace), asset.status
    rows = []
    if status.ingest and status.ingest.cost:
        own = {
            "id": UUID(asset.uid),
            "media_processing_job_id": None,
            "operation": SOURCE,
            "job_type": "ingest",
            "spent_at": _time(status.start_time) or _time(asset.metadata["creationTimestamp"]),
            **_version(asset.metadata),
        }
        rows.append((own, status.ingest.cost))
    for step, job in jobs:
        if job.status.cost:
            began = job.status.start_time or job.metadata["creationTimestamp"]
            own = {
                "id": UUID(job.uid),
                "media_processing_job_id": job_id(asset_uuid, step.name, step.spec_hash),
                "operation": step.name,
                "job_type": step.operation.type,
                "spent_at": _time(job.status.completion_time or began),
                **_version(job.metadata),
            }
            rows.append((own, job.status.cost))
    shared = {"workspace_id": workspace, "media_asset_id": asset_uuid}
    return [{**own, **shared, **cost.model_dump()} for own, cost in rows]


def _of_job(job: ProcessingJob) -> dict[str, Any]:
    status = job.status
    succeeded = condition(status.conditions, "Succeeded")
    last = status.failures[-1] if status.failures else None
    return {
        "status": JOB_STATUS[status.phase],
        "output_data": output_data(job),
        "flask_job_id": status.job_name,
        "attempts": status.attempts,
        "error": (last.message or last.reason) if last and status.phase != "Completed" else None,
        "started_at": _time(status.start_time),
        "completed_at": _time(status.completion_time),
        "step_key": job.spec.step_key,
        "versions": {version.name: version.version for version in job.spec.versions},
        "stored": job.spec.stored,
        "resource_name": job.name,
        "resource_uid": UUID(job.uid),
        **_version(job.metadata),
        "reason": succeeded.reason if succeeded else None,
        "round": status.round,
    }


def output_data(job: ProcessingJob) -> dict[str, Any]:
    """Give what an operation made in the seed's words: values by name, files, and their usual addresses."""
    outputs = job.status.outputs
    data: dict[str, Any] = {value.name: value.value for value in job.status.values}
    if outputs:
        data["outputs"] = [
            o.model_dump(mode="json", exclude_none=True, exclude={"operation"}) for o in outputs
        ]
    name = job.spec.operation.name
    for field, output in (("processed_url", "rendition"), ("transcript_url", "transcript.json")):
        if uri := _output(outputs, name, output):
            data[field] = uri
    if thumbnail := next((o.uri for o in outputs if o.name.startswith("thumbnail")), None):
        data["thumbnail_url"] = thumbnail
    return data


def condition(conditions: list[Condition], kind: str) -> Condition | None:
    """Give the condition of a type, if it is there."""
    return next((c for c in conditions if c.type == kind), None)


def _asset_status(asset: MediaAsset) -> str:
    processed = condition(asset.status.conditions, "Processed")
    if asset.status.phase == "Failed" and processed and processed.status == "True":
        return "processed"
    return ASSET_STATUS[asset.status.phase]


def _address(source: Source) -> dict[str, str | None]:
    """Give the seed's source_id and original_url; an address from a Secret is nobody's to read."""
    if source.google_drive:
        file_id = source.google_drive.file_id
        return {"source_id": file_id, "original_url": DRIVE_LINK.format(file_id)}
    if source.url:
        return {"source_id": None, "original_url": source.url.address}
    return {"source_id": source.stored.key if source.stored else None, "original_url": None}


def _output(outputs: list[OutputStatus], operation: str, name: str) -> str | None:
    return next((o.uri for o in outputs if o.operation == operation and o.name == name), None)


def _version(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "creation_timestamp": _time(metadata["creationTimestamp"]),
        "resource_version": int(metadata["resourceVersion"]),
    }


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _seconds(millis: int | None) -> float | None:
    return millis / 1000 if millis is not None else None
