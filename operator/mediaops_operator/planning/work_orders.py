"""What every work order of an asset says, whatever its Job is for."""

from __future__ import annotations

from typing import Any

from mediaops.models.work import WorkOrder
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed


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
