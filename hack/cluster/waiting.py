"""Waiting for something that comes about by itself, and saying so."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.1


class TimedOut(Exception):
    """What was waited for did not come about in time."""


def say(line: str) -> None:
    """Tell the person at the terminal, in the name of the command they started (cluster, services, demo …).

    Standard output stays free for what a command answers.
    """
    program = Path(sys.argv[0])
    speaker = program.parent.name if program.stem == "__main__" else program.stem
    print(f"{speaker}: {line}", file=sys.stderr, flush=True)


def wait_until(what: str, check: Callable[[], bool], timeout: float) -> float:
    """Call `check` until it holds; return the seconds that took, having said so if it was worth a line.

    `check` may raise: that ends the wait (a component that died is not waited for).
    Raises TimedOut after `timeout` seconds.
    """
    started = time.monotonic()
    while not check():
        if time.monotonic() - started > timeout:
            raise TimedOut(f"{what}: not after {timeout:.0f} s")
        time.sleep(POLL_SECONDS)
    took = time.monotonic() - started
    if took > 0.5:
        say(f"waited {took:.1f} s for {what}")
    return took
