"""Sprites and previews, planned: what stands where, and which pictures of a video are shown."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediaops.operations import preview, sprite
from mediaops.operations.preview import Preview
from mediaops.operations.sprite import MOST_TILES, Sprite
from mediaops.picture import Picture, PlanError

FULL_HD = Picture(1920, 1080, 25.0)


def test_a_sheet_has_a_picture_a_second_and_says_where() -> None:
    sheet = sprite.plan(Sprite(), FULL_HD, 12_500, 12_460)

    assert (Picture(1600, 180), 13) == (sheet.change.picture, sheet.count)
    assert sheet.change.texts == (
        "fps=1000/1000:start_time=0:round=up",
        "scale=160:90",
        "tile=10x2",
    )
    text = sheet.vtt("sheet.jpg")
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsheet.jpg#xywh=0,0,160,90\n\n")
    assert text.endswith("00:00:12.000 --> 00:00:12.500\nsheet.jpg#xywh=320,90,160,90\n")


def test_a_short_video_has_a_row_no_longer_than_it_needs() -> None:
    assert Picture(320, 90) == sprite.plan(Sprite(), FULL_HD, 1_700, 1_660).change.picture


def test_a_small_picture_is_not_scaled_up() -> None:
    sheet = sprite.plan(Sprite(), Picture(90, 120, 25.0), 3_000, 2_960)
    assert (Picture(270, 120), "tile=3x1") == (sheet.change.picture, sheet.change.texts[1])


def test_the_last_picture_stands_for_what_only_sounds() -> None:
    sheet = sprite.plan(Sprite(), FULL_HD, 9_000, 960)
    assert sheet.vtt("x").endswith("\n\n00:00:00.000 --> 00:00:09.000\nx#xywh=0,0,160,90\n")


@given(st.integers(41, 24 * 3_600_000))
def test_a_sheet_covers_any_length_with_at_most_a_hundred_pictures(length: int) -> None:
    sheet = sprite.plan(Sprite(), FULL_HD, length, length - 40)
    times = re.findall(r"(\S+) --> (\S+)", sheet.vtt("x"))
    assert 1 <= sheet.count == len(times) <= 100
    assert all(end == begin for (_, end), (begin, _) in pairwise(times))
    assert (sheet.count - 1) * sheet.every_millis < length <= sheet.count * sheet.every_millis + 40


@pytest.mark.parametrize(
    ("parameters", "picture", "says"),
    [
        (Sprite(every_millis=100), FULL_HD, f"at most {MOST_TILES}: give everyMillis of at least 150"),
        (Sprite(every_millis=150, columns=1), FULL_HD, "too large; the longest side is 8192"),
    ],
)
def test_a_sheet_that_is_too_large_is_impossible(parameters: Sprite, picture: Picture, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        assert sprite.plan(parameters, picture, 60_000, 59_960).change


def test_a_preview_shows_pieces_from_all_over_a_video() -> None:
    change = preview.plan(Preview(), FULL_HD, 60_000)
    assert Picture(320, 180) == change.picture
    assert change.texts == (
        "fps=10:start_time=0:round=up",
        "select='between(n,95,104)+between(n,295,304)+between(n,495,504)'",
        "setpts=N",
        "scale=320:180",
    )


def test_a_preview_is_no_faster_than_its_video() -> None:
    assert "fps=2:start_time=0:round=up" == preview.plan(Preview(), Picture(640, 360, 2.0), 60_000).texts[0]


@example(length=3334, pieces=4, fps=3, duration=3667)  # nearly all of it
@given(st.integers(500, 6000), st.integers(1, 6), st.integers(1, 15), st.integers(1, 3_600_000))
def test_the_pieces_of_a_preview_lie_in_its_video_and_add_up(
    length: int, pieces: int, fps: int, duration: int
) -> None:
    found = preview.spans(Preview(length_millis=length, pieces=pieces), fps, duration)
    there = max(1, duration * fps // 1000)
    shown = sum(last - first + 1 for first, last in found)
    assert shown == min(there, max(1, length * fps // 1000))
    assert all(0 <= first <= last < there for first, last in found)
    assert all(last < first for (_, last), (first, _) in pairwise(found))
