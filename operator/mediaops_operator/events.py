"""Kubernetes Events, aggregated: the same words about the same object are counted, not repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from mediaops.models.mediaasset import MediaAsset
from mediaops_operator import kube, objects
from mediaops_operator.kube import ApiError, Cluster, Conflict, Gone, Manifest, Unreachable
from mediaops_operator.planning.conditions import stamp
from mediaops_operator.planning.desired import Note

logger = logging.getLogger(__name__)

_WAITING = 2000
"""Events that may wait; more are dropped, because nothing depends on them."""


class Events:
    """Writes Events in the background."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._queue: asyncio.Queue[Manifest] = asyncio.Queue(_WAITING)
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
        namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
        try:
            await self._cluster.create(kube.EVENTS, event)
        except Conflict:
            try:
                there = await self._cluster.get(kube.EVENTS, namespace, name)
            except Gone:
                return
            again = {"count": int(there.get("count", 1)) + 1, "lastTimestamp": event["lastTimestamp"]}
            await self._cluster.patch(kube.EVENTS, namespace, name, again, kube.MERGE)
