"""How much is measured: full sizes, or a share of them for a look."""

from __future__ import annotations

import os

SCALE = float(os.environ.get("MEDIAOPS_BENCH_SCALE", "1"))
"""Share of the full sizes; below 1 the figures are no evidence, and their notes say so."""
ROUNDS = int(os.environ.get("MEDIAOPS_BENCH_ROUNDS", "5"))
"""How often each timed thing is done."""


def sized(full: int, least: int = 2) -> int:
    """Give a count at this run's scale."""
    return max(least, round(full * SCALE))


def caveat() -> str:
    """Say what keeps this run from being the full one; empty if nothing does."""
    return "" if SCALE == 1 and ROUNDS >= 5 else f" (a sample: scale {SCALE:g}, {ROUNDS} rounds)"
