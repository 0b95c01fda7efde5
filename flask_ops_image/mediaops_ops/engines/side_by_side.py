"""Several calls to an engine outside at once: their answers in order, and the first failure ends them all.

The threads are daemons, so a stop from outside (SIGTERM, deadline), which reaches the main thread as an
exception, doesn't wait for answers that nobody needs any more.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 4
"""Calls at a time: engines limit the rate, and most of a call is waiting."""


def side_by_side(tasks: Sequence[Callable[[], T]], progress: Callable[[float], None]) -> list[T]:
    """Do the tasks, a few at a time; gives what each gave. Raises what the first that failed raised."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[int, T | None, BaseException | None]] = queue.SimpleQueue()
    stopped = threading.Event()
    for number in range(len(tasks)):
        waiting.put(number)

    def work() -> None:
        while not stopped.is_set():
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((number, tasks[number](), None))
            except BaseException as error:
                stopped.set()
                ended.put((number, None, error))

    for _ in range(min(AT_ONCE, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    results: dict[int, T] = {}
    try:
        for count in range(1, len(tasks) + 1):
            number, result, error = ended.get()
            if error is not None:
                raise error
            results[number] = result  # type: ignore[assignment]  # T may be Optional itself
            progress(count / len(tasks))
    finally:
        stopped.set()
    return [results[number] for number in range(len(tasks))]
