"""Kubernetes Events, aggregated: the same words about the same object are counted, not repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from mediaops.models.mediaasset import MediaAsset
from mediaops_operator import kube, objects
from mediaops_operator.kube import ApiError, Cluster, Conflict, Manifest, Unreachable
from mediaops_operator.planning.conditions import stamp
from mediaops_operator.planning.desired import Note

logger = logging.getLogger(__name__)

_WAITING = 2000
"""Events that may wait; more are dropped, because nothing depends on them."""
_COUNTED = 5000
"""Events whose count is remembered."""


class Events:
    """Writes Events in the background."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._queue: asyncio.Queue[Manifest] = asyncio.Queue(_WAITING)
        self._counts: dict[str, int] = {}
        self.dropped = 0
        """Events that were not written."""

    def tell(self, asset: MediaAsset, notes: Iterable[Note]) -> None:
        """Have notes written."""
        for note in notes:
            try:
                self._queue.put_nowait(objects.event(asset, note, stamp(datetime.now(UTC))))
            except asyncio.QueueFull:
                self.dropped += 1

    async def run(self) -> None:
        """Write them, for ever."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except (ApiError, Unreachable) as error:
                self.dropped += 1
                logger.info("an Event was not written: %s", error)

    async def _write(self, event: Manifest) -> None:
        """Create the Event, or count it once more; what was counted before this process started is kept."""
        namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
        try:
            await self._cluster.create(kube.EVENTS, event)
            self._counts[name] = 1
        except Conflict:
            again: Manifest = {"lastTimestamp": event["lastTimestamp"]}
            if name in self._counts:
                self._counts[name] += 1
                again["count"] = self._counts[name]
            await self._cluster.patch(kube.EVENTS, namespace, name, again)
        if len(self._counts) > _COUNTED:
            self._counts.pop(next(iter(self._counts)))
