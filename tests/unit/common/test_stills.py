"""Which pictures of a video stand for it."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mediaops.stills import best
from mediaops.survey import Face, Sample, Survey


def survey(*figures: dict[str, Any], cuts_micros: tuple[int, ...] = ()) -> Survey:
    """Give samples of ordinary figures, four a second, with some of their own."""
    ordinary = {"exposure": 0.5, "contrast": 0.2, "sharpness": 100.0, "change": 0.01}
    samples = [Sample(at_millis=i * 250, **(ordinary | own)) for i, own in enumerate(figures)]
    return Survey(samples=tuple(samples), cuts_micros=cuts_micros)


def test_the_sharpest_is_chosen() -> None:
    assert [500] == best(survey({}, {}, {"sharpness": 180.0}, {}), 1, 1000)


def test_black_fades_and_overexposure_are_passed_over() -> None:
    black, fade = {"exposure": 0.02, "sharpness": 900.0}, {"contrast": 0.02, "sharpness": 900.0}
    white = {"exposure": 0.98}
    assert [750] == best(survey(black, fade, white, {}), 1, 1000)


def test_a_face_counts_for_more_than_some_sharpness() -> None:
    faces = (Face(x=0.4, y=0.3, width=0.2, height=0.35),)
    assert [500] == best(survey({}, {"sharpness": 140.0}, {"faces": faces}, {"faces": faces}), 1, 1000)


def test_what_moves_fast_or_lies_at_a_cut_is_passed_over() -> None:
    swish = {"change": 0.2, "sharpness": 110.0}
    assert [1000] == best(survey({}, {}, {}, swish, {}, cuts_micros=(250_000,)), 1, 1250)


def test_more_than_one_are_spread() -> None:
    figures: list[dict[str, Any]] = [{} for _ in range(40)]
    for near in (4, 5, 6, 7):
        figures[near]["sharpness"] = 200.0 + near
    chosen = best(survey(*figures), 4, 10_000)
    assert 4 == len(chosen)
    assert 1750 in chosen
    assert all(later - earlier >= 1250 for earlier, later in itertools.pairwise(chosen))


def test_spread_gives_way_before_a_black_picture_is_taken() -> None:
    figures = [{"exposure": 0.02, "contrast": 0.0}] * 30 + [{}] * 10
    chosen = best(survey(*figures), 3, 10_000)
    assert 3 == len(chosen)
    assert all(at >= 7500 for at in chosen)


def test_nothing_but_black_gives_a_black_one() -> None:
    assert 1 == len(best(survey(*[{"exposure": 0.0, "contrast": 0.0}] * 8), 1, 2000))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 5000), st.floats(0, 1)), max_size=60),
    st.integers(1, 32),
)
def test_never_more_than_asked_never_twice_the_same(figures: Any, count: int) -> None:
    names = ("exposure", "contrast", "sharpness", "change")
    seen = survey(*(dict(zip(names, each, strict=True)) for each in figures))
    chosen = best(seen, count, 250 * len(figures))
    assert min(count, len(figures)) == len(chosen) == len(set(chosen))
    assert set(chosen) <= {sample.at_millis for sample in seen.samples}
    assert sorted(chosen) == chosen
