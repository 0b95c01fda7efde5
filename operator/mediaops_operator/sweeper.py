"""The sweeper: deletes step folders that nobody wants any more, and uploads that nobody will complete.

It runs in the operator, whose visits it must not get in the way of (mediaops_operator.interlock), with a bucket key
of its own that may delete under `*/steps/` and nowhere else. `planning.sweeping` decides; if the database, the API
server or storage doesn't answer, the round ends and nothing more is deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from mediaops.identity import result_key
from mediaops.storage import Stat, Storage, StorageError, Upload
from mediaops_operator import kube, metrics, releases
from mediaops_operator.database import Database, DatabaseUnavailable
from mediaops_operator.gather import Library, owner_uid
from mediaops_operator.kube import ApiError, Cluster, Unreachable
from mediaops_operator.mirror import Mirror
from mediaops_operator.objects import ASSET_LABEL
from mediaops_operator.planning.sweeping import Folder, Kept, Listed, judge

logger = logging.getLogger(__name__)

MOST_FOLDERS = 500
"""Folders looked at in one round."""
LIST_LASTS = timedelta(seconds=60)
"""How long a round goes by its list of the cluster; then it ends."""
_SOON_SECONDS = 10.0
"""Wait after a round that freed something: there may be more."""
_DOUBT_SECONDS = 15.0
"""How long nobody looks at a folder whose deletion wasn't answered: it may still be carried out."""


@dataclass(frozen=True)
class Finding:
    """One folder, what lies in it, and why it stays; None: it may go."""

    folder: Folder
    objects: Sequence[Stat]
    kept: Kept | None

    @property
    def size(self) -> int:
        """Give the bytes of all its objects."""
        return sum(stat.size for stat in self.objects)


async def listed(cluster: Cluster) -> Listed:
    """List everything that holds step folders back, to the last page; raises ApiError, Unreachable."""
    named: set[str] = set()
    assets = {}
    working: set[UUID] = set()
    # Assets last: one that is made meanwhile has no ProcessingJob that names anything before it is visited.
    async for manifests, _ in cluster.pages(kube.PROCESSING_JOBS):
        named.update(manifest["spec"]["stepKey"] for manifest in manifests)
    async for manifests, _ in cluster.pages(kube.JOBS, labels=ASSET_LABEL):
        working.update(UUID(uid) for uid in map(owner_uid, manifests) if uid)
    async for manifests, _ in cluster.pages(kube.ASSETS):
        for manifest in manifests:
            metadata = manifest["metadata"]
            key = metadata["namespace"], metadata["name"]
            assets[key] = UUID(metadata["uid"]), manifest["spec"]["source"]
    return Listed(named, assets, working)


class Survey:
    """Finds out which folders may go; reads only."""

    def __init__(self, cluster: Cluster, database: Database, storage: Storage, grace: timedelta) -> None:
        self._cluster = cluster
        self._database = database
        self._storage = storage
        self._grace = grace

    async def findings(self, limit: int = MOST_FOLDERS) -> AsyncGenerator[Finding]:
        """Give a verdict on each of at most so many folders that were released.

        Raises DatabaseUnavailable, ApiError, Unreachable, StorageError.
        """
        before = datetime.now(UTC) - self._grace
        folders = await self._database.run(partial(releases.due, before=before, limit=limit))
        if not folders:
            return
        needed = await self._database.run(releases.needed)
        # After the database: whatever was there when a folder was released and still is, is in this list.
        there = await listed(self._cluster)
        for folder in folders:
            objects = await asyncio.to_thread(self._objects, folder)
            kept = judge(folder, objects, there, needed, self._grace, datetime.now(UTC))
            yield Finding(folder, objects, kept)

    async def stale_uploads(self) -> list[Upload]:
        """Give uploads into step folders that were begun before the grace period; nobody completes those any more.

        A pod's signed addresses end within an hour, and with them its upload.
        """
        before = datetime.now(UTC) - self._grace
        found: list[Upload] = []
        for workspace in await self._database.run(releases.workspaces):
            uploads = await asyncio.to_thread(self._uploads, workspace)
            found += [upload for upload in uploads if upload.begun < before]
        return found

    def _objects(self, folder: Folder) -> list[Stat]:
        return list(self._storage.list(folder.prefix))

    def _uploads(self, workspace: str) -> list[Upload]:
        return list(self._storage.uploads(f"{workspace}/steps/"))


class Sweeper:
    """Deletes what the survey lets go, round after round."""

    def __init__(
        self,
        survey: Survey,
        database: Database,
        storage: Storage,
        library: Library,
        mirror: Mirror,
        pause: float,
    ) -> None:
        self._survey = survey
        self._database = database
        self._storage = storage
        self._library = library
        self._mirror = mirror
        self._pause = pause

    async def run(self) -> None:
        """Sweep for ever; first after a pause, because nobody knows what an earlier process looked at lately."""
        pause = max(self._pause, self._library.interlock.lately)
        while True:
            await asyncio.sleep(pause)
            pause = self._pause
            try:
                if await self.sweep():
                    pause = min(pause, _SOON_SECONDS)
            except (DatabaseUnavailable, ApiError, Unreachable, StorageError) as error:
                metrics.SWEEPS.labels("broken off").inc()
                logger.warning("sweep broken off", extra={"why": str(error)})
            else:
                metrics.SWEEPS.labels("done").inc()
                metrics.LAST_SWEEP.set_to_current_time()

    async def sweep(self) -> bool:
        """Go one round, and say whether there may be more to do; raises as Survey does."""
        for upload in await self._survey.stale_uploads():
            await asyncio.to_thread(self._storage.abort, upload)
            metrics.SWEPT_UPLOADS.inc()
            logger.info("upload aborted", extra={"key": upload.key, "begun": upload.begun.isoformat()})
        freed = 0
        kept: Counter[str] = Counter()
        end = datetime.now(UTC) + LIST_LASTS
        async with aclosing(self._survey.findings()) as findings:
            async for finding in findings:
                why = finding.kept or await self._free(finding)
                if why:
                    kept[why.value] += 1
                freed += why is None
                if datetime.now(UTC) > end:
                    break
        if freed or kept:
            logger.info("sweep ended", extra={"freed": freed, "kept": dict(kept)})
        return freed > 0

    async def _free(self, finding: Finding) -> Kept | None:
        """Delete what lies in a folder; one in which nothing lies any more goes off the record.

        Not both at once: what a pod of long ago still puts there is found in the next round.
        """
        folder = finding.folder
        async with self._library.interlock.deletion(folder.prefix) as free:
            if not free or folder.step_key in self._mirror.waiting(folder.workspace):
                return Kept.LOOKED_AT
            # Once more, after what waited to be written: it may have been, since this round began.
            if await self._database.run(partial(releases.held, folder=folder)):
                return Kept.HELD
            self._library.forget(folder.workspace, folder.step_key)
            if finding.objects:
                await self._delete(finding)
            else:
                await self._database.run(partial(releases.forget, folder=folder))
        return None

    async def _delete(self, finding: Finding) -> None:
        """Delete all objects, the result first: it never names a file that isn't there."""
        folder = finding.folder
        result = result_key(folder.workspace, folder.step_key)
        others = [stat.key for stat in finding.objects if stat.key != result]
        try:
            await asyncio.to_thread(self._storage.delete, result)
            await asyncio.to_thread(self._storage.delete_all, others)
        except StorageError:
            await asyncio.sleep(_DOUBT_SECONDS)
            raise
        metrics.SWEPT_FOLDERS.inc()
        metrics.SWEPT_BYTES.inc(finding.size)
        assets = sorted({f"{holder.namespace}/{holder.name}" for holder in folder.holders})
        fields = {
            "workspace": folder.workspace,
            "step": folder.step_key,
            "assets": assets,
            "objects": len(finding.objects),
            "bytes": finding.size,
        }
        logger.info("step folder deleted", extra=fields)
