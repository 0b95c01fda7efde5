"""The visits: take an asset from the queue, observe it, plan, write; then say when to come again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from mediaops.reasons import Reason
from mediaops.rows import asset_row
from mediaops_operator import journal, metrics, posts
from mediaops_operator.apply import Applier, Refused, Stale
from mediaops_operator.cache import AssetKey, Cache
from mediaops_operator.database import Database, DatabaseUnavailable
from mediaops_operator.events import Events
from mediaops_operator.gather import Gatherer, Memory, Visit, trouble_of
from mediaops_operator.installation import Installation
from mediaops_operator.kube import ApiError, Unreachable
from mediaops_operator.mirror import Mirror
from mediaops_operator.n8n import N8n
from mediaops_operator.observed import Observed, Sending
from mediaops_operator.planning import plan
from mediaops_operator.planning.conditions import status_of
from mediaops_operator.planning.desired import Desired, PostAction, Send
from mediaops_operator.planning.summary import is_finished, not_understood
from mediaops_operator.queue import VisitQueue

logger = logging.getLogger(__name__)

_REFUSED_SECONDS = 15.0
"""How long no Job is tried after the API server refused one."""


class Reconciler:
    """Brings every asset in the queue to where its spec wants it."""

    def __init__(
        self,
        *,
        queue: VisitQueue,
        cache: Cache,
        gatherer: Gatherer,
        applier: Applier,
        database: Database,
        mirror: Mirror,
        events: Events,
        n8n: N8n,
        installation: Installation,
        clock: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._cache = cache
        self._gatherer = gatherer
        self._applier = applier
        self._database = database
        self._mirror = mirror
        self._events = events
        self._n8n = n8n
        self._installation = installation
        self._clock = clock
        self._memories: dict[AssetKey, Memory] = {}
        self.unfinished: set[AssetKey] = set()
        """Assets that still have something to do."""
        self.oldest_visit: dict[AssetKey, float] = {}
        """When each visit under way began, by the clock."""

    def memory(self, key: AssetKey) -> Memory:
        """Give what is remembered of an asset."""
        return self._memories.setdefault(key, Memory())

    async def work(self) -> None:
        """Visit one asset after the other, for ever."""
        while True:
            key = await self._queue.take()
            began = self.oldest_visit[key] = self._clock()
            try:
                await self._visit(key)
            except Stale:
                metrics.VISITS.labels("stale").inc()
                self._queue.add(key)
                self._queue.done(key)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever it is, the other assets go on
                pause = self._queue.failed(key)
                known = isinstance(error, ApiError | Unreachable)
                metrics.VISITS.labels("failed").inc()
                logger.log(
                    logging.WARNING if known else logging.ERROR,
                    "%s/%s: %s; again in %.1f s",
                    key.namespace,
                    key.name,
                    error,
                    pause,
                    exc_info=None if known else error,
                )
            else:
                metrics.VISITS.labels("done").inc()
                self._queue.done(key)
            finally:
                self.oldest_visit.pop(key, None)
                metrics.VISIT_SECONDS.observe(self._clock() - began)

    async def _visit(self, key: AssetKey) -> None:
        memory = self.memory(key)
        try:
            visit = await self._gatherer.gather(key, memory, self._clock())
        except ValidationError as error:
            await self._refuse(key, error)
            return
        if visit is None:
            self._forget(key)
            return
        self._queue.rank(key, visit.observed.asset.spec.execution.priority)
        now = datetime.now(UTC)
        visit, desired = await self._plan(visit, memory, now)
        try:
            wrote = await self._applier.apply(visit, desired, now)
        except Refused as refused:
            memory.refusal, memory.refused_until = refused.trouble, self._clock() + _REFUSED_SECONDS
            self._queue.add(key)
            return
        await self._after(key, visit, desired, memory, wrote=wrote)

    async def _plan(self, visit: Visit, memory: Memory, now: datetime) -> tuple[Visit, Desired]:
        """Plan; where that needs publications on record first, put them there and plan with what is so then."""
        desired = plan(visit.observed, self._installation, now)
        if not desired.post_actions or desired.commits:
            return visit, desired
        observed = await self._act(visit.observed, desired.post_actions, memory)
        desired = plan(observed, self._installation, now)
        return replace(visit, observed=observed), desired

    async def _act(self, observed: Observed, actions: tuple[PostAction, ...], memory: Memory) -> Observed:
        memory.sending = None  # whatever is open now hasn't been asked for yet
        row = asset_row(observed.asset, observed.served)
        try:
            work = partial(posts.act, observed=observed, asset_row=row, actions=actions)
            observed = replace(observed, posts=await self._database.run(work), sending=None)
        except DatabaseUnavailable as error:
            trouble = trouble_of(Reason.DATABASE_UNAVAILABLE, error)
            return replace(observed, posts=None, database_trouble=trouble)
        journal.tell(AssetKey(observed.asset.namespace, observed.asset.name), journal.acted(actions))
        return observed

    async def _after(
        self, key: AssetKey, visit: Visit, desired: Desired, memory: Memory, *, wrote: bool
    ) -> None:
        """Do what follows from the writes, and see to the next visit."""
        asset = visit.observed.asset
        if desired.commits and desired.post_actions:
            observed = await self._act(visit.observed, desired.post_actions, memory)
            if observed.posts is None:
                logger.error("%s/%s: the answer to an annotation was lost: set it anew", *key)
        if visit.observed.heard:
            memory.percent_time = self._clock()
        self._events.tell(asset, desired.notes)
        journal.tell(key, journal.visited(visit.observed, desired))
        troubles = journal.troubles(visit.observed, desired)
        journal.tell(key, journal.changed(memory.troubles, troubles))
        memory.troubles = troubles
        self._count(desired)
        if desired.send:
            await self._send(key, desired.send, memory)
        now_seen = self._gatherer.again(key, visit.observed) if wrote else visit.observed
        if now_seen is not None:
            persisted = status_of(now_seen.asset.status.conditions, "Persisted") == "True"
            writes = {key for launch in desired.launches for key in launch.order.step_keys}
            self._mirror.put(now_seen, changed=wrote or not persisted, writes=writes)
            (self.unfinished.discard if is_finished(now_seen.asset) else self.unfinished.add)(key)
        if desired.again or desired.send:
            self._queue.add(key)
        elif desired.wake_at:
            seconds = (desired.wake_at - datetime.now(UTC)).total_seconds()
            self._queue.add_at(key, self._clock() + max(seconds, 0.0) + 0.05)

    async def _send(self, key: AssetKey, send: Send, memory: Memory) -> None:
        message = await self._n8n.send(send, int(time.time()))
        metrics.SENDS.labels("taken" if message is None else "refused").inc()
        last = memory.sending
        failures = 0 if message is None else (last.failures if last else 0) + 1
        memory.sending = Sending(send.number, datetime.now(UTC), failures, message or "")
        journal.tell(key, journal.sent(send, last, memory.sending))

    def _count(self, desired: Desired) -> None:
        for launch in desired.launches:
            metrics.JOBS_LAUNCHED.labels(launch.role).inc()
        for note in desired.notes:
            if note.job and note.reason == Reason.ATTEMPTS_EXHAUSTED:
                metrics.EXHAUSTED.inc()
            elif note.job and note.warning:
                metrics.FAILURES.labels(note.reason).inc()

    async def _refuse(self, key: AssetKey, error: ValidationError) -> None:
        """Say that a spec isn't understood."""
        manifest = self._cache.asset(key)
        if manifest is None:
            return
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        status: dict[str, Any] = not_understood(manifest, fields, datetime.now(UTC))
        if await self._applier.write_status(manifest, status):
            journal.tell(key, [journal.Line("spec not understood", {"why": fields})])

    def _forget(self, key: AssetKey) -> None:
        """Drop what is remembered of an asset that is gone."""
        self._memories.pop(key, None)
        self.unfinished.discard(key)
        self._queue.forget(key)
