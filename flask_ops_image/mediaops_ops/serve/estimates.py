"""How long a job may take, told before anything of it is known; pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

TYPICAL_SECONDS = {
    "transcribe": 120.0,
    "caption": 10.0,
    "filter": 20.0,
    "crop": 20.0,
    "compress": 120.0,
    "thumbnail": 5.0,
}
"""Before an operation has run here: the seed's table of typical durations (transcribe: its example)."""


def estimated_seconds(
    operation: str,
    past: Sequence[tuple[float, float | None]],
    ahead: int,
    workers: int,
    length: float | None = None,
) -> int:
    """Give seconds from arrival to the end: the media's length times the median factor of past runs, after the jobs
    that wait before it.

    `past` are (seconds it took, seconds of media). Where the media's `length` in seconds isn't known on arrival, the
    median length of past jobs stands for it.
    """
    factors = [took / length for took, length in past if length]
    lengths = [length for _, length in past if length]
    if factors:
        own = median(factors) * (length or median(lengths))
    elif past:
        own = median(took for took, _ in past)
    else:
        own = TYPICAL_SECONDS[operation]
    return max(1, round(own * (1 + ahead / workers)))
