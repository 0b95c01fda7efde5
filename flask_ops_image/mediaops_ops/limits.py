"""The ends that come from outside a pass: told to stop, deadline, full disk.

Each reaches the main thread as `Ended`, wherever it is, so that `finally` blocks stop children and clean up.
A main thread that doesn't come back in time (a hang inside a library) is ended together with the process;
children die with it (PR_SET_PDEATHSIG). A pod over its own limits would be replaced by Kubernetes for ever,
which is why the deadline and the disk limit are kept here.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

from mediaops.models.work import Exit
from mediaops.reasons import Reason

TICK_SECONDS = 0.5
GRACE_SECONDS = 8.0
"""How long the main thread has to wind up; below the kubelet's grace period."""
DISK_SHARE = 0.95
"""Share of the disk limit at which the pass ends itself, before the kubelet evicts the pod."""


class Ended(BaseException):
    """The pass is over, for a reason that lies outside of it."""

    def __init__(self, code: Exit, reason: str, message: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.message = message


def used_bytes(folder: Path) -> int:
    """Give what a folder takes on disk."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118 — a hot loop of strings
            except FileNotFoundError:  # a temporary file that was just renamed
                continue
    return total


class Limits:
    """Watches over one run; a context manager for the main thread."""

    def __init__(
        self, *, deadline_seconds: float, disk_bytes: int, folder: Path, last_words: Callable[[Ended], None]
    ) -> None:
        """Take limits (disk 0: none) and what to say before the process is ended by force."""
        self._deadline_seconds = deadline_seconds
        self._end = time.monotonic() + deadline_seconds
        self._disk = int(disk_bytes * DISK_SHARE)
        self._folder = folder
        self._last_words = last_words
        self._done = threading.Event()
        self._reader, self._writer = os.pipe()
        self._verdict: Ended | None = None

    @property
    def remaining_seconds(self) -> float:
        """Give the time left before the deadline."""
        return max(0.0, self._end - time.monotonic())

    def __enter__(self) -> Limits:
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self._on_signal)
        threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="limits", daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.winding_up()
        self._done.set()

    def winding_up(self) -> None:
        """From here on signals are ignored: what is left to do is short, and must not be cut in half."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._verdict is None:
            self._verdict = self._stopped()
        if number == signal.SIGUSR1 or self._verdict.code is Exit.INTERRUPTED:
            self.winding_up()
            raise self._verdict

    def _stopped(self) -> Ended:
        if self.remaining_seconds <= 0:
            return self._overdue()
        return Ended(Exit.INTERRUPTED, Reason.INTERRUPTED, "The pod was told to stop.")

    def _overdue(self) -> Ended:
        message = f"The work was not done within its deadline of {self._deadline_seconds:g} seconds."
        return Ended(Exit.DEADLINE, Reason.DEADLINE_EXCEEDED, message)

    def _watch(self, main: int) -> None:
        """Look at clock, disk and signals until the run is over."""
        while not self._done.is_set():
            told, _, _ = select.select([self._reader], [], [], TICK_SECONDS)
            if told:
                os.read(self._reader, 64)
                verdict = self._verdict or self._stopped()
            elif self.remaining_seconds <= 0:
                verdict = self._overdue()
            elif self._disk and used_bytes(self._folder) >= self._disk:
                verdict = Ended(
                    Exit.DISK_FULL,
                    Reason.DISK_FULL,
                    "The work folder came to 95 % of the pod's disk limit.",
                )
            else:
                continue
            if self._verdict is None:
                self._verdict = verdict
                signal.pthread_kill(main, signal.SIGUSR1)
            break
        if not self._done.wait(GRACE_SECONDS) and self._verdict is not None:
            self._last_words(self._verdict)
            os._exit(self._verdict.code)
