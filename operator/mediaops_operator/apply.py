"""All writes of a visit, in an order that a crash between any two of them leaves nothing wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediaops.reasons import Reason
from mediaops_operator import cache, kube, objects
from mediaops_operator.cache import AssetKey, Cache
from mediaops_operator.gather import Visit
from mediaops_operator.installation import Installation
from mediaops_operator.kube import ApiError, Cluster, Conflict, Gone, Resource
from mediaops_operator.observed import Trouble
from mediaops_operator.planning.desired import Desired, Launch

Manifest = dict[str, Any]
logger = logging.getLogger(__name__)

_UNPROCESSABLE = 422
_FORBIDDEN = 403


class Stale(Exception):
    """An object isn't what it was taken for; the cache has it as it is now: visit again."""


class Refused(Exception):
    """The API server doesn't take a Job; a person has to know."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


@dataclass
class Pace:
    """A token bucket: at most so many a second in the long run, a second's worth at once."""

    per_second: float
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._free_at = self.clock()

    async def wait(self) -> None:
        """Wait for a token."""
        now = self.clock()
        self._free_at = max(self._free_at, now - 1.0) + 1.0 / self.per_second
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)


class Applier:
    """Writes what a plan wants."""

    def __init__(self, cluster: Cluster, known: Cache, installation: Installation, pace: Pace) -> None:
        self._cluster = cluster
        self._cache = known
        self._installation = installation
        self._pace = pace

    async def apply(self, visit: Visit, desired: Desired, now: datetime) -> bool:
        """Write it, and say whether anything had to be written; raises Stale, Refused, ApiError, Unreachable.

        A status that commits comes first. Otherwise children come first, then what is said about them, and
        the asset's own status last: what it sums up is on record by then.
        """
        status = desired.status.wire()
        wrote = False
        if desired.commits:
            wrote = await self._status(kube.ASSETS, cache.ASSETS, visit.asset, status)
        wrote |= await self._clear(visit, desired)
        wrote |= await _each(self._create(visit, step) for step in desired.create)
        # One after the other: a refusal stops the rest.
        for launch in desired.launches:
            wrote |= await self._launch(visit, launch, now)
        wrote |= await _each(
            self._status(kube.PROCESSING_JOBS, cache.PROCESSING_JOBS, visit.processing_jobs[name], job.wire())
            for name, job in desired.job_statuses.items()
        )
        if not desired.commits:
            wrote |= await self._status(kube.ASSETS, cache.ASSETS, visit.asset, status)
        return wrote

    async def write_status(self, asset: Manifest, status: Manifest) -> bool:
        """Write an asset's status; raises as `apply` does."""
        return await self._status(kube.ASSETS, cache.ASSETS, asset, status)

    async def _clear(self, visit: Visit, desired: Desired) -> bool:
        """Delete what is no longer wanted."""
        namespace = visit.observed.asset.namespace
        uids = {job.name: job.uid for job in visit.observed.jobs}

        async def delete(resource: Resource, kind: str | None, name: str, uid: str | None) -> bool:
            await self._cluster.delete(resource, namespace, name, uid)
            if kind and uid:
                self._cache.forget(kind, AssetKey(namespace, name), uid)
            return True

        return await _each(
            [
                *(delete(kube.JOBS, cache.JOBS, name, uids[name]) for name in desired.delete_jobs),
                *(delete(kube.SECRETS, None, name, None) for name in desired.delete_secrets),
                *(
                    delete(kube.PROCESSING_JOBS, cache.PROCESSING_JOBS, job.name, job.uid)
                    for job in desired.delete
                ),
            ]
        )

    async def _create(self, visit: Visit, step: Any) -> bool:
        observed = visit.observed
        manifest = objects.processing_job(observed.asset, step, observed.served)
        try:
            made = await self._cluster.create(kube.PROCESSING_JOBS, manifest)
        except Conflict:
            made = await self._taken(kube.PROCESSING_JOBS, manifest, observed.asset.uid)
        self._cache.put(cache.PROCESSING_JOBS, made)
        return True

    async def _launch(self, visit: Visit, launch: Launch, now: datetime) -> bool:
        """Make the work order, then its Job; a Job that is there already and is this asset's is adopted."""
        asset = visit.observed.asset
        await self._pace.wait()
        await self._work_order(visit, launch, now)
        manifest = objects.job(asset, launch, self._installation)
        try:
            made = await self._cluster.create(kube.JOBS, manifest)
        except Conflict:
            made = await self._taken(kube.JOBS, manifest, asset.uid)
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _UNPROCESSABLE):
                raise
            quota = "exceeded quota" in str(error)
            reason = Reason.QUOTA_EXCEEDED if quota else Reason.POD_CREATION_FORBIDDEN
            raise Refused(Trouble(reason, str(error))) from error
        self._cache.put(cache.JOBS, made)
        return True

    async def _work_order(self, visit: Visit, launch: Launch, now: datetime) -> None:
        manifest = objects.work_order(visit.observed.asset, launch, self._installation, now)
        try:
            await self._cluster.create(kube.SECRETS, manifest)
        except Conflict:
            # Left by a visit that got no further; it may be of another spec. No Secret is ever read or changed.
            metadata = manifest["metadata"]
            await self._cluster.delete(kube.SECRETS, metadata["namespace"], metadata["name"])
            await self._cluster.create(kube.SECRETS, manifest)

    async def _taken(self, resource: Resource, manifest: Manifest, owner_uid: str) -> Manifest:
        """Give the object that has the name already, if it is the same asset's; raises Refused, Stale."""
        metadata = manifest["metadata"]
        try:
            there = await self._cluster.get(resource, metadata["namespace"], metadata["name"])
        except Gone as gone:
            raise Stale from gone
        owners = there["metadata"].get("ownerReferences") or []
        if not any(owner["uid"] == owner_uid for owner in owners):
            words = f"{manifest['kind']} {metadata['name']} exists and isn't this asset's"
            raise Refused(Trouble(Reason.NAME_TAKEN, words))
        return there

    async def _status(self, resource: Resource, kind: str, manifest: Manifest, status: Manifest) -> bool:
        """Write a status that differs; says whether it did."""
        if status == (manifest.get("status") or {}):
            return False
        metadata = manifest["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        try:
            self._cache.put(kind, await self._cluster.replace_status(resource, manifest, status))
        except Conflict as conflict:
            try:
                self._cache.put(kind, await self._cluster.get(resource, namespace, name))
            except Gone:
                self._cache.forget(kind, AssetKey(namespace, name), metadata["uid"])
            raise Stale from conflict
        except Gone as gone:
            self._cache.forget(kind, AssetKey(namespace, name), metadata["uid"])
            raise Stale from gone
        return True


async def _each(writes: Iterable[Awaitable[bool]]) -> bool:
    """Do several writes side by side; all end before the first error is raised."""
    answers = await asyncio.gather(*writes, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return any(answer is True for answer in answers)
