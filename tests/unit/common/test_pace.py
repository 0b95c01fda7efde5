"""How long something still takes: by its latest speed, and only once there is enough to say it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaops.pace import LEAST_FRACTION, LEAST_SECONDS, Pace


def going(*phases: tuple[float, float], each: float = 0.5) -> tuple[Pace, float]:
    """Give a pace after phases of (seconds, progress made in them), and the time then."""
    pace, now, done = Pace(0.0), 0.0, 0.0
    for seconds, share in phases:
        for _ in range(round(seconds / each)):
            now, done = now + each, done + share * each / seconds
            pace.note(now, done)
    return pace, now


@pytest.mark.parametrize("seconds", [20, 60, 3600, 36_000])
def test_at_an_even_speed_the_rest_is_what_is_left_of_it(seconds: float) -> None:
    pace, now = going((seconds * 0.4, 0.4))
    left = pace.seconds_left(now)
    assert left == pytest.approx(seconds * 0.6, rel=0.02)


def test_a_slow_beginning_is_forgotten() -> None:
    pace, now = going((60, 0.05), (30, 0.45))
    assert pace.seconds_left(now) == pytest.approx(0.5 / 0.015, rel=0.02)


def test_a_quick_beginning_is_forgotten() -> None:
    pace, now = going((1, 0.3), (15, 0.1))
    assert pace.seconds_left(now) == pytest.approx(0.6 * 150, rel=0.02)


def test_while_nothing_moves_it_is_the_whole_time_that_counts() -> None:
    pace, now = going((20, 0.5))
    assert pace.seconds_left(now + 20) == 40


@pytest.mark.parametrize(
    ("phases", "why"),
    [
        ((), "nothing was done"),
        (((LEAST_SECONDS - 1, 0.5),), "it has hardly run"),
        (((60, LEAST_FRACTION - 0.01),), "hardly anything was done"),
        (((64, 1.0),), "nothing is left"),
    ],
)
def test_nothing_is_said_where_there_is_not_enough_to_say_it(
    phases: tuple[tuple[float, float], ...], why: str
) -> None:
    pace, now = going(*phases)
    assert pace.seconds_left(now) is None, why


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1)), max_size=50), st.floats(0, 2e5))
def test_it_is_never_below_zero_whatever_was_noted(points: list[tuple[float, float]], now: float) -> None:
    pace = Pace(0.0)
    for at, done in points:
        pace.note(at, done)
    left = pace.seconds_left(now)
    assert left is None or left >= 0


def test_long_runs_take_little_memory() -> None:
    pace = Pace(0.0)
    for tick in itertools.islice(itertools.count(1), 200_000):
        pace.note(tick / 2, tick / 400_000)
    assert len(pace._points) < 10_000
