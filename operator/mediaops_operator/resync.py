"""`mediaops-operator resync`: write the rows of everything there is, once.

The running operator keeps rows up to date by itself and never puts an older version over a newer one. After a
restore of etcd the cluster's versions start again lower than those on record: `--force` writes them all the same.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from mediaops.models.mediaasset import MediaAsset
from mediaops.models.processingjob import ProcessingJob
from mediaops.rows import asset_row, cost_rows, job_row
from mediaops.tables import AssetRow, CostRow, JobRow
from mediaops_operator import kube
from mediaops_operator.database import Database
from mediaops_operator.kube import Access, Cluster
from mediaops_operator.mirror import HELD, upsert
from mediaops_operator.observed import Observed
from mediaops_operator.planning.sweeping import folders_of
from mediaops_operator.resolve import settled
from mediaops_operator.settings import OperatorSettings

Row = dict[str, Any]


async def resync(settings: OperatorSettings, access: Access, *, force: bool) -> int:
    """Write all rows, and give the number of assets; raises ApiError, Unreachable, DatabaseUnavailable."""
    database = Database(settings.database_url)
    count = 0
    try:
        async with Cluster(access) as cluster:
            jobs = await jobs_by_asset(cluster)
            async for manifests, _ in cluster.pages(kube.ASSETS):
                assets = [MediaAsset.model_validate(manifest) for manifest in manifests]
                served = [asset for asset in assets if asset.status.workspace]
                if served:
                    await database.run(partial(_write, assets=served, jobs=jobs, force=force))
                count += len(served)
    finally:
        database.close()
    return count


async def jobs_by_asset(cluster: Cluster) -> dict[str, list[ProcessingJob]]:
    """Read all ProcessingJobs, by their asset's uid; raises ApiError, Unreachable."""
    jobs: defaultdict[str, list[ProcessingJob]] = defaultdict(list)
    async for manifests, _ in cluster.pages(kube.PROCESSING_JOBS):
        for manifest in manifests:
            job = ProcessingJob.model_validate(manifest)
            jobs[job.spec.asset_ref.uid].append(job)
    return jobs


def _write(
    connection: Connection, assets: list[MediaAsset], jobs: dict[str, list[ProcessingJob]], force: bool
) -> None:
    asset_rows: dict[UUID, Row] = {}
    job_rows: dict[UUID, Row] = {}
    costs: dict[UUID, Row] = {}
    for asset in assets:
        workspace = asset.status.workspace or ""
        there = settled(asset, jobs.get(asset.uid, []))
        by_name = {job.name: job for job in jobs.get(asset.uid, [])}
        observed = Observed(asset, workspace, processing_jobs=by_name, steps=tuple(s for _, s, _ in there))
        row = {**asset_row(asset, workspace), **HELD, "step_keys": sorted(folders_of(observed))}
        asset_rows[row["id"]] = row
        made = [job_row(asset, workspace, place, step, job) for place, step, job in there]
        job_rows |= {row["id"]: row for row in made}
        spent = cost_rows(asset, workspace, [(step, job) for _, step, job in there])
        costs |= {row["id"]: row for row in spent}
    upsert(connection, AssetRow, [asset_rows[id_] for id_ in sorted(asset_rows)], force=force)
    if job_rows:
        upsert(connection, JobRow, [job_rows[id_] for id_ in sorted(job_rows)], force=force)
    if costs:
        upsert(connection, CostRow, [costs[id_] for id_ in sorted(costs)], force=force)
