"""Which pictures of a video are chosen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mediaops.choosing import Look, choose

DAY = Look(luma=0.5, contrast=0.2, sharpness=400.0, signature=(0.9, 0.1, 0.5))
NIGHT = Look(luma=0.2, contrast=0.1, sharpness=300.0, signature=(0.1, 0.1, 0.3))
BEACH = Look(luma=0.6, contrast=0.2, sharpness=350.0, signature=(0.9, 0.9, 0.1))
BLACK = Look(luma=0.01, contrast=0.01, sharpness=0.1, signature=(0.0, 0.0, 0.0))
FADE = Look(luma=0.4, contrast=0.02, sharpness=3.0, signature=(0.4, 0.4, 0.4))
BLUR = replace(BEACH, sharpness=20.0, signature=(0.0, 1.0, 1.0))


def test_black_pictures_fades_and_blurs_are_left_out() -> None:
    assert choose([BLACK, DAY, FADE, BLUR, NIGHT, BEACH, BLACK], 4) == [1, 4, 5]


def test_of_shots_that_repeat_each_is_chosen_once_in_the_order_of_time() -> None:
    assert choose([NIGHT, DAY, DAY, NIGHT, BEACH, DAY], 4) == [0, 1, 4]


def test_where_fewer_are_wanted_the_sharpest_and_the_most_unlike_stay() -> None:
    assert choose([NIGHT, DAY, replace(DAY, signature=(0.8, 0.1, 0.5))], 2) == [0, 1]


def test_a_video_that_shows_nothing_has_one_picture_all_the_same() -> None:
    assert choose([BLACK, FADE, BLACK], 3) == [1]
    assert choose([], 3) == []


shares = st.floats(0, 1)
looks = st.builds(
    Look,
    luma=shares,
    contrast=st.floats(0, 0.5),
    sharpness=st.floats(0, 1e5),
    signature=st.tuples(shares, shares),
)


@given(st.lists(looks, max_size=12), st.integers(1, 6))
def test_the_choice_is_never_empty_and_keeps_order_and_number(pictures: list[Look], most: int) -> None:
    chosen = choose(pictures, most)
    assert len(chosen) <= most
    assert bool(chosen) == bool(pictures)
    assert chosen == sorted(set(chosen))
