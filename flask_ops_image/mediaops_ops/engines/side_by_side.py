"""Several things at once, what comes of them in order; the first failure ends them all.

Whatever is called waits for others: for engines outside, or for other processes. The threads are daemons, so a stop
from outside (SIGTERM, deadline), which reaches the main thread as an exception, doesn't wait for answers that nobody
needs any more.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

S = TypeVar("S")
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


def streamed(make: Callable[[], Callable[[S], T]], items: Iterable[S], workers: int) -> Iterator[T]:
    """Work on items as they come, a few at a time; gives what came of each, in their order.

    `make` gives each thread what it works with. At most two items a worker are held, however many there are.
    Raises what `make` or a piece of work raised.
    """
    waiting: queue.SimpleQueue[tuple[S, Future[T]] | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def serve() -> None:
        work: Callable[[S], T] | None = None
        while (task := waiting.get()) and not stopped.is_set():
            item, future = task
            try:
                work = work or make()
                future.set_result(work(item))
            except BaseException as error:
                future.set_exception(error)

    threads = 0
    pending: deque[Future[T]] = deque()
    try:
        for item in items:
            if threads < workers:
                threading.Thread(target=serve, daemon=True).start()
                threads += 1
            future: Future[T] = Future()
            pending.append(future)
            waiting.put((item, future))
            if len(pending) >= 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stopped.set()
        for _ in range(threads):
            waiting.put(None)
