"""Keeps visits and the sweeper out of one step folder at the same time.

A visit names a folder in a ProcessingJob, looks there, and then relies on what it found. The sweeper lists all
ProcessingJobs and then deletes. Between its list and its deletion, a visit's look is what tells: a folder that was
looked at lately isn't deleted, and a look at one that is being deleted waits, and finds nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LATELY_SECONDS = 600.0
"""Twice the longest visit: by then a ProcessingJob, or the database, names what a visit relies on."""


class Interlock:
    """Folders looked at lately, and those that are being deleted; for one event loop.

    `lately`: for how many seconds a look keeps the sweeper out.
    """

    def __init__(self, clock: Callable[[], float], lately: float = LATELY_SECONDS) -> None:
        self.lately = lately
        self._clock = clock
        self._looked: OrderedDict[str, float] = OrderedDict()
        self._deleting: dict[str, asyncio.Event] = {}

    async def look(self, folder: str) -> None:
        """Note that a visit looks at a folder; waits while it is being deleted."""
        self._looked[folder] = self._clock()
        self._looked.move_to_end(folder)
        self._forget_old()
        while deleting := self._deleting.get(folder):
            await deleting.wait()

    @asynccontextmanager
    async def deletion(self, folder: str) -> AsyncIterator[bool]:
        """Give whether the folder may be deleted; until the end of the block nobody looks at it."""
        self._forget_old()
        if folder in self._looked or folder in self._deleting:
            yield False
            return
        over = self._deleting[folder] = asyncio.Event()
        try:
            yield True
        finally:
            del self._deleting[folder]
            over.set()

    def _forget_old(self) -> None:
        while self._looked:
            folder, time = next(iter(self._looked.items()))
            if time > self._clock() - self.lately:
                return
            del self._looked[folder]
