"""HTTP with a budget: tried again with back-off and jitter while it can help, then given up as out of reach."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import urllib3

from mediaops_ops.outcome import Unreachable

if TYPE_CHECKING:
    from mediaops_ops.settings import Settings

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may change."""

Response = urllib3.BaseHTTPResponse
T = TypeVar("T")


class Again(Exception):
    """This try failed in a way that the next may not."""

    def __init__(self, why: str, *, after: float = 0.0, progressed: bool = False) -> None:
        """Take what happened, seconds to wait if the other side said so, and whether the try got further."""
        super().__init__(why)
        self.after = after
        self.progressed = progressed


def waits(seed: random.Random | None = None) -> Iterator[float]:
    """Give waits in seconds, doubling to a ceiling, each between half and the whole (jitter)."""
    chance = seed or random.Random()  # noqa: S311 — spreads load, guards nothing
    ceiling = FIRST_WAIT_SECONDS
    while True:
        yield ceiling * (0.5 + chance.random() / 2)
        ceiling = min(ceiling * 2, LONGEST_WAIT_SECONDS)


def persistently(attempt: Callable[[], T], *, patience_seconds: float, reason: str, what: str) -> T:
    """Call `attempt` until it no longer raises Again; Unreachable(reason) once patience is spent.

    A try that got further than the one before starts patience anew.
    """
    end, pauses = time.monotonic() + patience_seconds, waits()
    while True:
        try:
            return attempt()
        except Again as error:
            if error.progressed:
                end, pauses = time.monotonic() + patience_seconds, waits()
            pause = max(next(pauses), min(error.after, LONGEST_WAIT_SECONDS * 4))
            if time.monotonic() + pause > end:
                message = f"{what} could not be reached for {patience_seconds:g} seconds: {error}."
                raise Unreachable(reason, message) from error
        time.sleep(pause)


class Http:
    """One pool of connections with our CA and time-outs; follows no redirects, retries nothing by itself."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = urllib3.Timeout(connect=settings.connect_seconds, read=settings.stall_seconds)
        ca_file = str(settings.ca_file) if settings.ca_file else None
        self._pool = urllib3.PoolManager(retries=False, ca_certs=ca_file, maxsize=4)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        stream: bool = False,
        timeout_seconds: float | None = None,
    ) -> Response:
        """Send one request; raises Again for lost connections and for answers that another try may change."""
        timeout = self._timeout if timeout_seconds is None else urllib3.Timeout(timeout_seconds)
        try:
            response = self._pool.request(
                method,
                url,
                headers=headers,
                body=body,
                preload_content=not stream,
                redirect=False,
                timeout=timeout,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Again(why(error)) from error
        if response.status in TRANSIENT:
            after = response.headers.get("Retry-After", "")
            response.close()
            raise Again(f"it answered {response.status}", after=float(after) if after.isdigit() else 0.0)
        return response


def why(error: BaseException) -> str:
    """Give a lost connection's cause in a few words; the library's own text holds addresses."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name could not be resolved"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate was not accepted"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "no connection in time"
    if isinstance(error, (urllib3.exceptions.ReadTimeoutError, TimeoutError)):
        return "it fell silent"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "the connection was refused"
    return "the connection broke off"
