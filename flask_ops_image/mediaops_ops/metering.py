"""What this process used since it was last asked: processor time as the kernel counts it, bytes, engines' answers.

One process is one pass, so the count is the process's own, as rusage is. Whoever takes a share is a step that
is made; what is left over goes to the next one, and at a failure into the termination message. So all shares together
are what the pass used until then, its imports and its fetching included.
"""

from __future__ import annotations

import resource
import threading
import time
from collections import Counter
from fractions import Fraction

from mediaops.models.usage import MAX_MODELS, ModelUsage, Usage

_COUNTS = ("calls", "input_tokens", "cached_tokens", "output_tokens", "audio_millis")


class Meter:
    """Counts, and gives out each thing counted once; of use from several threads."""

    def __init__(self) -> None:
        self.gpus = 0
        """How many GPUs the process holds."""
        self._lock = threading.Lock()
        self._received = 0
        self._models: dict[tuple[str, str], Counter[str]] = {}
        self._start = time.monotonic()
        self._taken = Counter[str]()

    def received(self, size: int) -> None:
        """Note bytes that came in from storage or a source."""
        with self._lock:
            self._received += size

    def answered(self, engine: str, model: str, **counts: int) -> None:
        """Note an outside engine's answer with what it says to have cost (the fields of ModelUsage)."""
        with self._lock:
            self._models.setdefault((engine, model), Counter()).update({"calls": 1, **counts})

    def take(self, share: Fraction = Fraction(1)) -> Usage:
        """Give what was used and not given out yet: that share of it, and every answer of an engine."""
        with self._lock:
            now = self._totals()
            parts = {name: int((now[name] - self._taken[name]) * share) for name in now}
            self._taken.update(parts)
            models, self._models = self._models, {}
        listed = [
            ModelUsage(engine=engine, model=model, **{name: counts[name] for name in _COUNTS})
            for (engine, model), counts in models.items()
        ]
        return Usage(**parts, models=listed[:MAX_MODELS])

    def _totals(self) -> dict[str, int]:
        return {
            "cpu_millis": _cpu_millis(),
            "gpu_millis": int((time.monotonic() - self._start) * 1000) * self.gpus,
            "bytes_in": self._received,
        }


def _cpu_millis() -> int:
    """Give the processor time of this process and of its ended children in milliseconds."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return int(sum(one.ru_utime + one.ru_stime for one in used) * 1000)


METER = Meter()
"""The process's own."""
