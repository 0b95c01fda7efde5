"""How long something still takes, by the speed at which it lately went. Pure: the clock is an argument."""

from __future__ import annotations

from collections import deque

LEAST_SECONDS = 5.0
"""What has run for less than this says nothing of its speed yet."""
LEAST_FRACTION = 0.05
"""Nor does what has done less than this."""
WINDOW_SECONDS = 10.0
WINDOW_SHARE = 1 / 3
"""The speed is that of the last third of the time so far, or of the last ten seconds where that is more: fetching,
looking and encoding go at speeds of their own, and how fast an earlier part went says little about what is left."""
LEAST_MOVE = 0.01
"""Where less was done in that time, the whole time is gone by: it stands still, and for how long nobody knows."""
MOST_SECONDS = 1_000_000_000
SPACING_SHARE = 1 / 400
"""Points closer to each other than this share of the time so far are one: it remembers little of long runs."""


class Pace:
    """Points of progress, and what they say about the rest."""

    def __init__(self, start_seconds: float) -> None:
        self._points = deque([(start_seconds, 0.0)])

    def note(self, at_seconds: float, fraction: float) -> None:
        """Note how much was done at a time, 0.0 to 1.0; neither ever goes back."""
        start = self._points[0][0]
        last, done = self._points[-1]
        if fraction > done and at_seconds > last:
            if (
                len(self._points) > 1
                and at_seconds - self._points[-2][0] < (at_seconds - start) * SPACING_SHARE
            ):
                self._points.pop()
            self._points.append((at_seconds, fraction))

    def seconds_left(self, now_seconds: float) -> int | None:
        """Give how many seconds are left; None: too early to say, and nothing is left of what is done."""
        start, (_, done) = self._points[0][0], self._points[-1]
        elapsed = now_seconds - start
        if elapsed < LEAST_SECONDS or not LEAST_FRACTION <= done < 1.0:
            return None
        then, was = self._before(now_seconds - max(WINDOW_SECONDS, elapsed * WINDOW_SHARE))
        if done - was < LEAST_MOVE:
            then, was = start, 0.0
        return min(MOST_SECONDS, round((1 - done) * (now_seconds - then) / (done - was)))

    def _before(self, at_seconds: float) -> tuple[float, float]:
        """Give how far it was at a time, as the last point before it says, or the first."""
        return next((point for point in reversed(self._points) if point[0] <= at_seconds), self._points[0])
