"""The path of a smart crop: within the picture, never hurried, still where nothing moves, anew at each cut."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaops.operations.crop_track import change, track
from mediaops.picture import Picture
from mediaops.survey import BINS, Face, Sample, Survey
from mediaops.track import (
    ACCELERATION,
    MOST_KNOTS,
    SPEED,
    STILL,
    TICK_SECONDS,
    Knot,
    followed,
    paths,
    simplified,
)

WINDOW = 0.3165
"""9:16 out of 16:9."""
FULL_HD, VERTICAL = Picture(1920, 1080, 25.0), Picture(608, 1080, 25.0)
BRISK = settings(max_examples=40, deadline=None)
edges = st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=200)
windows = st.floats(0.05, 0.95)


def sample(at_millis: int, *, moves_at: float | None = None, face_at: float | None = None) -> Sample:
    """Give a sample with movement in one column, or a face, in shares of the width."""
    across = [0] * BINS
    if moves_at is not None:
        across[min(BINS - 1, int(moves_at * BINS))] = 1000
    faces = () if face_at is None else (Face(x=face_at - 0.05, y=0.3, width=0.1, height=0.2),)
    return Sample(
        at_millis=at_millis,
        exposure=0.5,
        contrast=0.2,
        sharpness=100,
        across=tuple(across) if moves_at is not None else (),
        faces=faces,
    )


def at(knots: tuple[Knot, ...], seconds: float) -> float:
    """Give the edge at a time."""
    for (begin, edge), (end, further) in pairwise(knots):
        if begin <= seconds <= end:
            return edge + (further - edge) * (seconds - begin) / (end - begin)
    return knots[0].edge if seconds < knots[0].seconds else knots[-1].edge


@BRISK
@given(edges, windows)
def test_a_path_never_leaves_the_picture_and_is_never_hurried(wanted: list[float], window: float) -> None:
    path = followed(wanted, window)
    speeds = [0.0, *((later - earlier) / TICK_SECONDS for earlier, later in pairwise(path))]
    assert len(wanted) == len(path)
    assert all(0 <= edge <= 1 - window + 1e-9 for edge in path)
    assert all(abs(speed) <= SPEED * window + 1e-6 for speed in speeds)
    gain = ACCELERATION * window * TICK_SECONDS
    assert all(abs(later - earlier) <= gain + 1e-6 for earlier, later in pairwise(speeds))


@BRISK
@given(st.floats(0, 1), windows, st.lists(st.floats(-0.999, 0.999), min_size=2, max_size=50))
def test_what_hardly_moves_is_not_followed(middle: float, window: float, noise: list[float]) -> None:
    path = followed([middle + STILL * window * part for part in noise], window)
    assert 1 == len(set(path))


@BRISK
@given(edges)
def test_a_simplified_path_stays_within_its_tolerance(values: list[float]) -> None:
    knots = [Knot(i * TICK_SECONDS, value) for i, value in enumerate(values)]
    simple = simplified(knots, 0.01)
    assert set(simple) <= set(knots)
    assert all(abs(at(tuple(simple), knot.seconds) - knot.edge) <= 0.01 + 1e-9 for knot in knots)


def test_a_walker_is_followed_and_stays_in_the_window() -> None:
    def walker(millis: float) -> float:
        return 0.2 + 0.6 * millis / 10_000

    survey = Survey(samples=tuple(sample(t, moves_at=walker(t)) for t in range(0, 10_000, 250)))
    [path] = paths(survey, 10_000_000, WINDOW, "x")
    assert "movement" == path.follows
    for t in range(1000, 10_000, 100):
        middle = at(path.knots, t / 1000) + WINDOW / 2
        assert walker(t) == pytest.approx(middle, abs=0.15 * WINDOW)


def test_a_face_is_worth_more_than_movement() -> None:
    samples = [sample(t, moves_at=0.9, face_at=0.25) for t in range(0, 4000, 250)]
    [path] = paths(Survey(samples=tuple(samples)), 4_000_000, WINDOW, "x")
    assert ("faces", 1) == (path.follows, len(path.knots))
    assert 0.25 == pytest.approx(path.knots[0].edge + WINDOW / 2, abs=0.02)


def test_of_two_that_move_one_is_chosen_and_kept() -> None:
    samples = []
    for index in range(40):
        across = [0] * BINS
        across[3], across[28] = (550, 450) if index % 4 else (450, 550)
        samples.append(sample(index * 250).model_copy(update={"across": tuple(across)}))
    [path] = paths(Survey(samples=tuple(samples)), 10_000_000, WINDOW, "x")
    assert 1 == len(path.knots)
    assert path.knots[0].edge < 0.2


def test_each_cut_begins_anew_without_a_way_between() -> None:
    samples = [sample(t, face_at=0.2 if t < 2000 else 0.8) for t in range(0, 4000, 250)]
    found = paths(Survey(samples=tuple(samples), cuts_micros=(1_960_000,)), 4_000_000, WINDOW, "x")
    assert [1, 1] == [len(path.knots) for path in found]
    assert [0.2, 0.8] == pytest.approx([path.knots[0].edge + WINDOW / 2 for path in found], abs=0.05)
    [filter_] = change(FULL_HD, VERTICAL, found).filters
    assert filter_.startswith("crop=608:1080:'if(lt(t,1.9595),")


def test_without_anything_to_follow_it_stays_in_the_centre() -> None:
    found = paths(Survey(samples=(sample(0), sample(250))), 500_000, WINDOW, "x")
    assert [("centre", 1)] == [(path.follows, len(path.knots)) for path in found]
    made = change(FULL_HD, VERTICAL, found)
    assert (("crop=608:1080:656:0",), False) == (made.filters, made.timed)


def test_a_still_picture_is_cut_where_its_face_is() -> None:
    photo, square = Picture(4000, 3000), Picture(3000, 3000)
    found = paths(Survey(samples=(sample(0, face_at=0.1),)), 0, 0.75, "x")
    assert ("crop=3000:3000:0:0",) == change(photo, square, found).filters


def test_a_long_film_s_path_stays_small_and_is_worked_out_soon() -> None:
    samples = [sample(t * 1500, moves_at=0.5 + 0.4 * math.sin(t / 3)) for t in range(600)]
    found = paths(Survey(samples=tuple(samples)), 900_000_000, WINDOW, "x")
    assert sum(len(path.knots) for path in found) <= MOST_KNOTS
    [filter_] = change(FULL_HD, VERTICAL, found).filters
    assert len(filter_) < 100_000


@BRISK
@given(
    st.lists(st.tuples(st.floats(0, 0.999), st.booleans()), min_size=1, max_size=60),
    st.lists(st.integers(0, 15_000_000), max_size=5),
    windows,
)
def test_whatever_is_seen_the_file_says_where_the_window_lies(
    seen: Any, cuts: list[int], window: float
) -> None:
    samples = [
        sample(i * 250, face_at=where if face else None, moves_at=None if face else where)
        for i, (where, face) in enumerate(seen)
    ]
    length = len(seen) * 250_000
    found = paths(Survey(samples=tuple(samples), cuts_micros=tuple(cuts)), length, window, "x")
    cut = Picture(max(2, int(1920 * window) // 2 * 2), 1080, 25.0)
    kept = track(FULL_HD, cut, found)
    assert [0, length // 1000] == [kept.shots[0].begin_millis, kept.shots[-1].end_millis]
    assert all(shot.end_millis == later.begin_millis for shot, later in pairwise(kept.shots))
    points = [point for shot in kept.shots for point in shot.points]
    assert all(0 <= point.edge_pixels <= 1920 - cut.width + 2 for point in points)
