"""What every work order of an asset says, whatever its Job is for; and what is told of a Job that failed."""

from __future__ import annotations

from typing import Any

from mediaops.models.work import WorkOrder
from mediaops_operator.conclude import Verdict
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed
from mediaops_operator.planning.desired import Note


def work_order(observed: Observed, installation: Installation, job: str, **particulars: Any) -> WorkOrder:
    """Write out a Job's work order, its capability left open; `particulars`: what the Job is for."""
    asset = observed.asset
    execution = asset.spec.execution
    return WorkOrder(
        job=job,
        namespace=asset.namespace,
        workspace=observed.served,
        asset_id=str(observed.asset_id),
        file_type=asset.spec.file_type,
        backend_url=installation.backend_url,
        capability="",
        deadline_seconds=execution.deadline_seconds,
        disk_bytes=installation.profiles[execution.profile].work_bytes,
        max_source_bytes=installation.max_source_bytes,
        **particulars,
    )


def failed_note(what: str, verdict: Verdict, job: str, attempts: int, limit: int) -> Note:
    """Tell people that a Job of the asset's own failed, which did `what`."""
    counted = f"attempt {attempts} of {limit}" if verdict.counted else "not counted"
    where = f" in pod {verdict.pod}, exit code {verdict.exit_code}" if verdict.pod else ""
    words = f"{what}, {counted}{where}: {verdict.message}"
    return Note(verdict.reason, words, warning=True, verdict=verdict, kubernetes_job=job)
