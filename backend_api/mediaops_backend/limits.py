"""How often who may call: a token bucket for each, in this process (each replica counts for itself).

Users and API keys have one each. Who shows no valid credentials shares one with its network address, and only
with others who show none, so that nobody is kept out by a neighbour's guesses. Pods and n8n have none: how
many there are is the operator's and the claims' affair.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from flask import Flask, Response, request

from mediaops.problems import Problem

NETWORK_BITS = 64
"""An IPv6 customer has at least so many addresses of its own that they count as one."""


ROUNDING = 1e-3
"""Share of a token that sums of floats may be wrong by."""


class Buckets:
    """A bucket of `burst` tokens for each caller, filled again at `per_second`; 0: no limit."""

    MOST = 10_000
    """Callers kept in mind; beyond that all begin anew, so that a flood of addresses fills no memory."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: dict[str, float] = {}
        """When each bucket is full again; one that is full needs no entry."""

    def take(self, caller: str) -> float:
        """Take a token; give 0, or the seconds until there is one where the bucket is empty."""
        if not self._per_second:
            return 0.0
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(caller, now), now) + 1 / self._per_second
            lacking = (full_at - now) * self._per_second - self._burst
            if lacking > ROUNDING:
                return lacking / self._per_second
            if len(self._full_at) >= self.MOST:
                self._full_at = {who: at for who, at in self._full_at.items() if at > now}
            if len(self._full_at) >= self.MOST:
                self._full_at.clear()
            self._full_at[caller] = full_at
            return 0.0

    def check(self, caller: str) -> None:
        """Take a token; raises Problem (429) where the bucket is empty."""
        if wait := self.take(caller):
            raise too_many(wait)


def too_many(wait: float) -> Problem:
    """Give the answer to a caller whose next token comes in so many seconds."""
    seconds = max(1, math.ceil(wait))
    detail = f"too many calls; send this one again in {seconds} s"
    return Problem(429, "too-many-calls", detail, headers={"Retry-After": str(seconds)})


def network_of(address: str | None) -> str:
    """Give what counts as one place: an IPv4 address, or the network of an IPv6 one."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    return str(found) if found.version == 4 else str(ip_network((found, NETWORK_BITS), strict=False))


def register(app: Flask, strangers: Buckets) -> None:
    """Answer 429 in place of 401 to an address that was refused too often."""

    @app.after_request
    def _strangers(response: Response) -> Response:
        if response.status_code != 401 or not (wait := strangers.take(network_of(request.remote_addr))):
            return response
        return app.make_response(too_many(wait).answer())
