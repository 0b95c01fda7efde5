import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mediaops.platforms import TEXT_LIMITS, shortened, text_limit, utf16_units, weighted

LIMITS = Path(__file__).parents[3] / "n8n/limits.yaml"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hello", 5),
        ("“quoted” — and so on", 20),
        ("日本語", 6),
        ("👍", 2),
        ("👨‍👩‍👧‍👦", 2),
        ("👍🏽", 2),
        ("🇩🇪", 2),
        ("1️⃣", 2),
        ("❤️", 2),
        ("see https://example.com/a/very/long/path?with=query#and-more", 27),
        ("see example.com", 27),
        ("e\u0301", 1),
        ("", 0),
    ],
)
def test_x_counts_links_emoji_and_wide_letters_by_its_own_weights(text: str, count: int) -> None:
    assert weighted(text) == count


def test_tiktok_counts_utf16_units() -> None:
    assert (utf16_units("abc"), utf16_units("👍")) == (3, 2)


def test_a_platform_without_a_row_gets_the_strictest_limit() -> None:
    assert text_limit("mastodon") == min(TEXT_LIMITS.values(), key=lambda limit: limit.most)


@given(
    st.text(alphabet="abc ,.é日👍", max_size=400), st.integers(0, 300), st.sampled_from(sorted(TEXT_LIMITS))
)
def test_a_shortened_text_always_fits_and_stays_as_it_is_if_it_did(
    text: str, room: int, platform: str
) -> None:
    count = TEXT_LIMITS[platform].count
    short = shortened(text, room, count)
    assert count(short) <= room
    if count(text) <= room:
        assert short == text


def test_a_text_is_cut_between_words() -> None:
    assert shortened("ask not what your country can do", 20, len) == "ask not what your…"


@pytest.mark.parametrize(
    "whole",
    ["https://example.com/a/very/long/way/to/a/page-without-a-space-in-it", "#SummerOfLove", "@harbour"],
)
def test_links_hashtags_and_mentions_are_never_cut(whole: str) -> None:
    text = f"one two three {whole} four"
    for room in range(1, len(text)):
        short = shortened(text, room, len)
        assert whole in short or not set(whole[:3]) & set("#@:") & set(short)
        assert "http" not in short or whole in short


@given(st.text(alphabet="ab# @.\n日", max_size=80), st.integers(1, 60))
def test_what_is_cut_ends_where_no_tag_or_mention_runs_on(text: str, room: int) -> None:
    short = shortened(text, room, len)
    kept = short.removesuffix("…")
    if short != text and kept and text.startswith(kept):
        rest = text[len(kept) :]
        assert not re.search(r"[#@][^\s#@]*[^\s#@.]$", kept) or not re.match(r"[^\s#@.]", rest)


def test_n8ns_table_has_the_same_text_limits() -> None:
    rows = yaml.safe_load(LIMITS.read_text())["platforms"]
    for name, row in rows.items():
        assert (TEXT_LIMITS[name].most, TEXT_LIMITS[name].unit) == (
            row["text"]["max"],
            row["text"]["unit"],
        ), name
