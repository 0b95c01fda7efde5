"""`mediaops-operator outdated`: name the operations that would come out differently with today's versions.

Reads the cluster and writes nothing.
"""

from __future__ import annotations

from mediaops.models.mediaasset import MediaAsset
from mediaops.planner.outdated import Outdated, made_of, outdated
from mediaops_operator import kube
from mediaops_operator.kube import Access, Cluster
from mediaops_operator.resolve import settled
from mediaops_operator.resync import jobs_by_asset


async def find(access: Access, namespace: str | None) -> list[tuple[MediaAsset, list[Outdated]]]:
    """Give the assets, of a namespace or all, that have such operations; raises ApiError, Unreachable."""
    async with Cluster(access) as cluster:
        jobs = await jobs_by_asset(cluster)
        found = []
        async for manifests, _ in cluster.pages(kube.ASSETS):
            for manifest in manifests:
                asset = MediaAsset.model_validate(manifest)
                there = settled(asset, jobs.get(asset.uid, []))
                operations = outdated(made_of(step, job) for _, step, job in there)
                if operations and namespace in (None, asset.namespace):
                    found.append((asset, operations))
    return found


def table(found: list[tuple[MediaAsset, list[Outdated]]]) -> str:
    """Give a line for each operation, and what to do."""
    if not found:
        return "Nothing would come out differently."
    rows = [
        (f"{asset.namespace}/{asset.name}", one.operation, one.words)
        for asset, operations in found
        for one in operations
    ]
    head = ("ASSET", "OPERATION", "VERSIONS")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in (0, 1)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in (head, *rows)]
    todo = "To make one anew: kubectl annotate mediaasset NAME -n NAMESPACE mediaops.dev/reprocess=TOKEN --overwrite"
    return "\n".join([*lines, "", todo])
