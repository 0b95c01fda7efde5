"""The operator as a whole: its parts, its background tasks, and how news reaches the queue."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from mediaops.settings import S3Settings
from mediaops.storage import Storage
from mediaops_operator import inbox, kube, metrics, serving, views
from mediaops_operator.apply import Applier, Pace
from mediaops_operator.cache import ASSETS, JOBS, KINDS, PODS, PROCESSING_JOBS, AssetKey, Cache
from mediaops_operator.database import Database, DatabaseUnavailable
from mediaops_operator.events import Events
from mediaops_operator.gather import Gatherer, Library
from mediaops_operator.installation import Installation
from mediaops_operator.interlock import LATELY_SECONDS, Interlock
from mediaops_operator.kube import Access, ApiError, Cluster, Resource, Unreachable
from mediaops_operator.mirror import Mirror
from mediaops_operator.n8n import N8n
from mediaops_operator.objects import ASSET_LABEL
from mediaops_operator.observed import JobView
from mediaops_operator.queue import VisitQueue
from mediaops_operator.reconciler import Reconciler
from mediaops_operator.settings import OperatorSettings
from mediaops_operator.sweeper import Survey, Sweeper

Manifest = dict[str, Any]
logger = logging.getLogger(__name__)

_RESOURCES: dict[str, Resource] = {
    # Owners before what they own: an object that names another is listed before that one can be missed.
    ASSETS: kube.ASSETS,
    PROCESSING_JOBS: kube.PROCESSING_JOBS,
    JOBS: kube.JOBS,
    PODS: kube.PODS,
}

_LABELLED = frozenset({JOBS, PODS})

_LONGEST_VISIT_SECONDS = 300.0

_SHOWN_WITHIN_SECONDS = 1.0
"""How late status may say that a Job waits or runs: one that ends sooner spares a write for each operation."""


class Service:
    """Everything that runs in the operator's process beside kopf's watches."""

    def __init__(self, settings: OperatorSettings, s3: S3Settings, access: Access) -> None:
        self._settings = settings
        self._clock = time.monotonic
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._listed = 0.0
        installation = Installation.of(settings, s3.bucket)
        self.cache = Cache()
        self.queue = VisitQueue(self._clock)
        self._cluster = Cluster(access)
        self._database = Database(settings.database_url)
        limit = settings.persist_lag_seconds
        self._mirror = Mirror(self._database, self._clock, limit, self.queue.add)
        self._events = Events(self._cluster)
        self._n8n = N8n(settings.n8n_webhook_url, settings.n8n_webhook_secret, settings.n8n_ca_file)
        # Where the grace period is shorter, so is what has to be kept apart.
        lately = min(LATELY_SECONDS, float(settings.sweep_grace_seconds))
        library = Library(Storage(s3), Interlock(self._clock, lately))
        self._sweeper = self._sweeping(library, settings.sweeper_storage(s3))
        self._gatherer = Gatherer(self.cache, library, self._database, self._mirror)
        self._reconciler = Reconciler(
            queue=self.queue,
            cache=self.cache,
            gatherer=self._gatherer,
            applier=Applier(
                self._cluster, self.cache, installation, Pace(settings.jobs_per_second, self._clock)
            ),
            database=self._database,
            mirror=self._mirror,
            events=self._events,
            n8n=self._n8n,
            installation=installation,
            clock=self._clock,
        )

    def _sweeping(self, library: Library, s3: S3Settings | None) -> Sweeper | None:
        if s3 is None:
            return None
        storage = Storage(s3)
        grace = timedelta(seconds=self._settings.sweep_grace_seconds)
        survey = Survey(self._cluster, self._database, storage, grace)
        pause = self._settings.sweep_seconds
        return Sweeper(survey, self._database, storage, library, self._mirror, pause)

    async def start(self) -> None:
        """List everything, then begin to work; raises ApiError, Unreachable."""
        await self._stack.enter_async_context(self._cluster)
        await self._stack.enter_async_context(self._n8n)
        self._runner = await serving.serve(
            self._settings.host, self._settings.port, self._unwell, self._ready, self._refresh
        )
        await self.relist()
        for key in self.cache.assets():
            self.queue.add(key)
        self._spawn(self._mirror.run())
        self._spawn(self._events.run())
        self._spawn(inbox.listen(self._database, self._heard, self._missed))
        self._spawn(self._relist_for_ever())
        self._spawn(serving.beat())
        if self._sweeper:
            self._spawn(self._sweeper.run())
        for _ in range(self._settings.workers):
            self._spawn(self._reconciler.work())
        logger.info("started", extra={"assets": self.cache.count(ASSETS)})

    async def stop(self) -> None:
        """End the tasks, write what the mirror still holds, close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(5):
                await self._mirror.flush()
        except (DatabaseUnavailable, TimeoutError):
            logger.warning("the database stays behind until the next start")
        if self._runner:
            await self._runner.cleanup()
        await self._stack.aclose()
        self._database.close()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(coroutine))

    # News ------------------------------------------------------------------------------------------------

    def seen(self, kind: str, manifest: Manifest, *, gone: bool) -> None:
        """Take in what a watch brought."""
        metrics.LAST_EVENT.set(time.time())
        if gone:
            self._seen_gone(kind, manifest)
        elif self.cache.knows(kind, manifest):
            return  # the echo of a write of ours, most often
        elif kind in views.VIEWED:
            self._seen_working(kind, manifest)
        elif key := self.cache.put(kind, manifest):
            if kind == ASSETS:
                self.queue.rank(key, views.priority(manifest))
            self.queue.add(key)

    def _seen_gone(self, kind: str, manifest: Manifest) -> None:
        if kind == ASSETS:
            # Also where a write of ours has met the end first: only this has the last word on the policy.
            policy = (manifest.get("spec") or {}).get("deletionPolicy")
            self._mirror.gone(UUID(manifest["metadata"]["uid"]), policy)
        key = self.cache.drop(kind, manifest)
        if key is None:
            return
        self.queue.add(key)

    def _seen_working(self, kind: str, manifest: Manifest) -> None:
        """Take in a Job or pod: its end at once, whatever else a plan can see of it a little later."""
        metadata = manifest["metadata"]
        known = self.cache.get(kind, AssetKey(metadata["namespace"], metadata["name"]))
        key = self.cache.put(kind, manifest)
        view = views.view(kind, manifest)
        if key is None or (known and view == views.view(kind, known)):
            return
        if isinstance(view, JobView) and view.end:
            self.queue.add(key)
        else:
            self.queue.add_at(key, self._clock() + _SHOWN_WITHIN_SECONDS)

    def seen_namespace(self, manifest: Manifest, *, gone: bool) -> None:
        """Take in a namespace: its workspace decides whether its assets are served."""
        if self.cache.put_namespace(manifest, gone=gone):
            for key in self.cache.assets(manifest["metadata"]["name"]):
                self.queue.add(key)

    def seen_warning(self, event: Manifest) -> None:
        """Take in a warning of the cluster about a Job or pod of ours."""
        read = views.event_trouble(event)
        if read is None:
            return
        uid, trouble = read
        known = self._gatherer.troubles.get(uid)
        if known and known.reason == trouble.reason:
            return  # the same again, of another try: its words may differ by a pod's name
        self._gatherer.troubles[uid] = trouble
        self._revisit(self.cache.find(uid))

    def _heard(self, key: AssetKey) -> None:
        """Take in that the database has news of an asset."""
        self._reconciler.memory(key).unread = True
        self.queue.add(key)

    def _missed(self) -> None:
        """Look at everything under way: nobody was listening for a while."""
        for key in self._reconciler.unfinished:
            self._heard(key)

    async def relist(self) -> None:
        """List everything, and visit what that brought news of; raises ApiError, Unreachable."""
        async for namespaces, _ in self._cluster.pages(kube.NAMESPACES):
            for namespace in namespaces:
                self.seen_namespace(namespace, gone=False)
        for kind, resource in _RESOURCES.items():
            listed: set[AssetKey] = set()
            version = 0
            pages = self._cluster.pages(resource, labels=ASSET_LABEL if kind in _LABELLED else "")
            async for manifests, at in pages:
                version = at
                for manifest in manifests:
                    listed.add(AssetKey(manifest["metadata"]["namespace"], manifest["metadata"]["name"]))
                    self._revisit(self.cache.put(kind, manifest))
            for key in self.cache.drop_missing(kind, listed, version):
                self._revisit(key)
        self._gatherer.troubles = {
            uid: trouble for uid, trouble in self._gatherer.troubles.items() if self.cache.find(uid)
        }
        self._listed = time.time()
        metrics.LAST_LIST.set(self._listed)

    def _revisit(self, key: AssetKey | None) -> None:
        if key:
            self.queue.add(key)

    async def _relist_for_ever(self) -> None:
        listed = True
        while True:
            try:
                if listed:
                    await self._mirror.find_gone(self.cache.asset_uids())
                    await inbox.sweep(self._database)
            except DatabaseUnavailable as error:
                logger.warning("rows of vanished assets were not looked for: %s", error)
            await asyncio.sleep(self._settings.relist_seconds)
            try:
                await self.relist()
                listed = True
                self._missed()
            except (ApiError, Unreachable) as error:
                listed = False  # nothing is called vanished by an incomplete list
                logger.warning("the list of everything is not complete: %s", error)

    # Probes ----------------------------------------------------------------------------------------------

    def _unwell(self) -> str | None:
        """Say what only a restart can mend."""
        dead = [task for task in self._tasks if task.done()]
        if dead:
            return "a background task ended"
        now = self._clock()
        if any(now - began > _LONGEST_VISIT_SECONDS for began in self._reconciler.oldest_visit.values()):
            return "a visit hangs"
        if self._listed and time.time() - self._listed > 3 * self._settings.relist_seconds + 60:
            return "the API server was not listed for a long time"
        return None

    def _ready(self) -> bool:
        return self._listed > 0

    def _refresh(self) -> None:
        for kind in KINDS:
            metrics.OBJECTS.labels(kind).set(self.cache.count(kind))
        metrics.QUEUE.set(len(self.queue))
        metrics.WRITES.set(self._cluster.writes)
        metrics.MIRROR_BEHIND.set(self._mirror.behind)
        metrics.EVENTS_DROPPED.set(self._events.dropped)
