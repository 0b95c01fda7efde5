"""The queue of assets to visit: each at most once at a time, fair between namespaces, urgent ones first.

An asset that is added while it is being visited is visited again afterwards. A failed visit comes back after
a pause that doubles; whatever else adds the asset in between waits for that too.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable

from mediaops.models.mediaasset import Priority
from mediaops_operator.cache import AssetKey

FIRST_PAUSE = 0.5
"""Wait in seconds after the first failed visit."""
LONGEST_PAUSE = 120.0

_RANKS = {Priority.URGENT: 0, Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}


class VisitQueue:
    """Keys in, keys out; for one event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: OrderedDict[str, list[tuple[int, int, AssetKey]]] = OrderedDict()
        """By namespace, the one whose turn is next first; heaps of (rank, arrival, key)."""
        self._queued: set[AssetKey] = set()
        self._visited: set[AssetKey] = set()
        self._dirty: set[AssetKey] = set()
        self._later: list[tuple[float, AssetKey]] = []
        self._due: dict[AssetKey, float] = {}
        self._failures: dict[AssetKey, int] = {}
        self._not_before: dict[AssetKey, float] = {}
        self._arrivals = itertools.count()
        self._priorities: dict[AssetKey, Priority] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued)

    def rank(self, key: AssetKey, priority: Priority) -> None:
        """Remember how urgent an asset is."""
        self._priorities[key] = priority

    def add(self, key: AssetKey) -> None:
        """Have an asset visited as soon as its turn comes."""
        if key in self._visited:
            self._dirty.add(key)
        elif self._not_before.get(key, 0.0) > self._clock():
            self.add_at(key, self._not_before[key])
        elif key not in self._queued:
            self._enqueue(key)

    def add_at(self, key: AssetKey, time: float) -> None:
        """Have an asset visited at a time of the clock, or earlier."""
        if time < self._due.get(key, float("inf")):
            self._due[key] = time
            heapq.heappush(self._later, (time, key))
            self._changed.set()

    async def take(self) -> AssetKey:
        """Wait for the next asset; `done` or `failed` has to follow."""
        while True:
            wait = self._promote()
            if self._ready:
                return self._pop()
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    def done(self, key: AssetKey) -> None:
        """Say that a visit went well."""
        self._failures.pop(key, None)
        self._not_before.pop(key, None)
        self._release(key)

    def failed(self, key: AssetKey) -> float:
        """Say that a visit failed; gives the pause in seconds before the next one."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(FIRST_PAUSE * 2.0 ** min(count - 1, 16), LONGEST_PAUSE)
        self._not_before[key] = self._clock() + pause
        self._dirty.discard(key)
        self._visited.discard(key)
        self.add_at(key, self._not_before[key])
        return pause

    def forget(self, key: AssetKey) -> None:
        """Drop what is remembered of an asset that is gone."""
        for memory in (self._priorities, self._failures, self._not_before, self._due):
            memory.pop(key, None)

    def _priority(self, key: AssetKey) -> Priority:
        return self._priorities.get(key, Priority.NORMAL)

    def _release(self, key: AssetKey) -> None:
        self._visited.discard(key)
        if key in self._dirty:
            self._dirty.discard(key)
            self._enqueue(key)

    def _enqueue(self, key: AssetKey) -> None:
        heap = self._ready.setdefault(key.namespace, [])
        heapq.heappush(heap, (_RANKS[self._priority(key)], next(self._arrivals), key))
        self._queued.add(key)
        self._changed.set()

    def _promote(self) -> float | None:
        """Move what is due into the ready heaps; give the wait until the next is, None: nothing waits."""
        now = self._clock()
        while self._later:
            time, key = self._later[0]
            if self._due.get(key) != time:
                heapq.heappop(self._later)  # replaced by an earlier time, or forgotten
                continue
            if time > now:
                return time - now
            heapq.heappop(self._later)
            del self._due[key]
            self.add(key)
        return None

    def _pop(self) -> AssetKey:
        namespace, heap = next(iter(self._ready.items()))
        key = heapq.heappop(heap)[2]
        if heap:
            self._ready.move_to_end(namespace)
        else:
            del self._ready[namespace]
        self._queued.discard(key)
        self._visited.add(key)
        self._due.pop(key, None)  # this visit sees what a later one was for, and says when to come again
        if self._ready:
            self._changed.set()  # the next worker may go on at once
        return key
