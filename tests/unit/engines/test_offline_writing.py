import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaops.models.base import FileType
from mediaops.platforms import text_limit
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines.material import Material
from mediaops_ops.engines.offline_writing import STYLES, alt_text, write
from mediaops_ops.facts import PictureFacts

JFK = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)
PICTURE = PictureFacts(
    brightness=0.4, colourfulness=30.0, colour="green", width_pixels=640, height_pixels=360
)


def transcript(*segments: str, confidence: float | None = 0.9) -> Transcript:
    words = [
        Word(text=w, start_millis=0, end_millis=1, confidence=confidence) for s in segments for w in s.split()
    ]
    return Transcript(
        engine="pocketsphinx",
        model="en-us",
        language="en",
        duration_millis=11_000,
        segments=tuple(
            Segment(text=s, start_millis=0, end_millis=1, confidence=confidence) for s in segments
        ),
        words=tuple(words),
    )


def material(**parts: object) -> Material:
    return Material(**({"file_type": FileType.VIDEO, "duration_millis": 11_000, "picture": PICTURE} | parts))


def texts(
    one: Material, platform: str = "x", *, variants: int = 1, style: str | None = None, hashtags: int = 3
) -> list[str]:
    return [
        t.text for t in write(one, platforms=(platform,), variants=variants, style=style, hashtags=hashtags)
    ]


@st.composite
def any_material(draw: st.DrawFn) -> Material:
    sentence = st.sampled_from(
        [JFK, "ok", "ああ" * 80, "w" * 400, "https://example.com/a now 👍👍", "One. Two! Three?"]
    )
    said = draw(st.lists(sentence, max_size=4))
    notes = draw(
        st.dictionaries(
            st.sampled_from(["campaign", "title", "brand", "call_to_action", "other"]),
            st.sampled_from(["launch_2025", "2025", "x " * 120, "#", "…"]),
            max_size=3,
        )
    )
    return material(
        file_type=draw(st.sampled_from(list(FileType))),
        transcript=transcript(*said) if said else None,
        attributes=notes,
        picture=draw(st.sampled_from([None, PICTURE])),
        duration_millis=draw(st.sampled_from([None, 0, 11_000])),
    )


@settings(deadline=None)
@given(
    any_material(),
    st.sampled_from(["x", "linkedin", "tiktok", "any", "mastodon"]),
    st.sampled_from([None, "odd", *STYLES]),
    st.integers(1, 8),
    st.integers(0, 30),
)
def test_every_text_fits_its_platform_and_no_two_variants_are_alike(
    one: Material, platform: str, style: str | None, variants: int, hashtags: int
) -> None:
    found = texts(one, platform, variants=variants, style=style, hashtags=hashtags)
    assert all(text.strip() for text in found)
    assert all(text_limit(platform).fits(text) for text in found)
    assert len(set(found)) == variants


def test_what_was_said_is_quoted_and_its_words_become_hashtags() -> None:
    (found,) = write(
        material(transcript=transcript(JFK)), platforms=("x",), variants=1, style=None, hashtags=2
    )
    assert f"“{JFK}”" in found.text
    assert found.hashtags == ["Country", "Fellow"]
    assert found.text.endswith("\n\n#Country #Fellow")


def test_words_that_the_engine_is_unsure_of_are_neither_quoted_nor_tagged() -> None:
    (found,) = write(
        material(transcript=transcript(JFK, confidence=0.1)),
        platforms=("x",),
        variants=1,
        style=None,
        hashtags=3,
    )
    assert "country" not in found.text.casefold()
    assert found.hashtags == []


def test_the_campaign_is_named_in_words_and_as_the_first_hashtag() -> None:
    (found,) = write(
        material(attributes={"campaign": "product_launch_2025", "target_platforms": "x"}),
        platforms=("x",),
        variants=1,
        style=None,
        hashtags=3,
    )
    assert found.text.startswith("Product launch 2025.")
    assert found.hashtags == ["ProductLaunch2025"]
    assert "target" not in found.text


def test_a_long_quotation_is_cut_between_words_and_closed() -> None:
    (text,) = texts(material(transcript=transcript(" ".join([JFK] * 4))), hashtags=0)
    assert text.endswith("…”")


def test_styles_change_the_wording() -> None:
    said = material(transcript=transcript(JFK))
    assert len({texts(said, style=style)[0] for style in (None, *STYLES)}) == len(STYLES) + 1


def test_only_the_factual_style_gives_figures_where_there_is_something_to_quote() -> None:
    said = material(transcript=transcript(JFK))
    assert (
        "Video of 0:11 minutes, evenly lit, muted colours, mostly green." in texts(said, style="factual")[0]
    )
    assert "evenly lit" not in texts(said, style="engaging")[0]


def test_a_generous_platform_gets_the_keywords_too() -> None:
    assert "Words that come up: country, fellow" in texts(material(transcript=transcript(JFK)), "linkedin")[0]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {},
            "Video of 0:11 minutes: evenly lit, in landscape format, muted colours, mostly green. "
            "Measured automatically, not described by a person.",
        ),
        ({"file_type": FileType.AUDIO, "picture": None}, "Recording of 0:11 minutes."),
        ({"file_type": FileType.IMAGE, "picture": None, "duration_millis": None}, "Picture."),
    ],
)
def test_alternative_texts_say_what_was_measured_and_that_it_was(
    parts: dict[str, object], expected: str
) -> None:
    assert alt_text(material(**parts)) == expected


def test_variants_of_one_sentence_quote_different_parts_of_it() -> None:
    whole, second, first = texts(material(transcript=transcript(JFK)), variants=3, hashtags=0)
    assert f"“{JFK}”" in whole
    assert "“… do for you ask" in second
    assert "“and so my fellow" in first
    assert "ask what you can do" not in first
