"""What a model may answer for a caption: what is taken, what is sent back, what is shortened at last."""

from __future__ import annotations

import json

import pytest

from hack.services.standins.openai.rules import strict_schema_fault
from mediaops.platforms import text_limit
from mediaops_ops.engines.answers import Answer, Fault, Wanted, likeness, read
from mediaops_ops.engines.material import hashtag
from mediaops_ops.engines.openai_writing import excerpt

ASKED = Wanted(("x",), variants=2, hashtags=2, language="en")
SHORT = "A harbour wakes before the sun."
OTHER = "Who else is up at five?"


def answer(*texts: tuple[str, int, str, list[str]], alt: str = "A street.") -> str:
    names = ("platform", "variant", "text", "hashtags")
    return json.dumps({"texts": [dict(zip(names, text, strict=True)) for text in texts], "alt_text": alt})


def test_an_answer_as_asked_becomes_texts_with_their_hashtags() -> None:
    written = read(answer(("x", 1, OTHER, []), ("x", 0, f"{SHORT} ", ["#Go", "Run", "Third"])), ASKED)
    assert [(t.variant, t.text, t.hashtags, t.language) for t in written.texts] == [
        (0, f"{SHORT}\n\n#Go #Run", ["Go", "Run"], "en"),
        (1, OTHER, [], "en"),
    ]
    assert (written.alt_text, written.faults, written.cut) == ("A street.", (), ())


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("no json", "the answer"),
        (answer(("x", 0, SHORT, [])), "exactly one per platform and variant"),
        (
            answer(("x", 0, SHORT, []), ("x", 0, OTHER, []), ("x", 1, "Three", [])),
            "exactly one per platform and variant",
        ),
        (answer(("x", 0, SHORT, []), ("y", 1, OTHER, [])), "exactly one per platform and variant"),
        (answer(("x", 0, "", []), ("x", 1, OTHER, [])), "texts.0.text"),
        (answer(("x", 0, SHORT, []), ("x", 1, OTHER, []), alt=""), "alt_text"),
    ],
)
def test_what_is_no_answer_is_sent_back_with_the_fault_named(content: str, fault: str) -> None:
    with pytest.raises(Fault, match=fault):
        read(content, ASKED)


def test_variants_that_say_the_same_in_other_punctuation_are_a_fault_that_nothing_here_cures() -> None:
    written = read(answer(("x", 0, SHORT, ["One"]), ("x", 1, f"{SHORT.upper()}!!", ["Two"])), ASKED)
    assert "nearly the same" in written.faults[0]
    assert written.cut == ()


def test_what_is_too_long_is_named_and_comes_shortened_at_a_word_with_its_tags_whole() -> None:
    long = "The quiet harbour wakes " * 15
    written = read(answer(("x", 0, long, ["Harbour"]), ("x", 1, OTHER, [])), ASKED)
    text = written.texts[0].text
    assert "counts 369 with its hashtags, but at most 280 fit" in written.faults[0]
    assert written.cut == ("en/x/0",)
    assert text_limit("x").fits(text)
    assert text.endswith("…\n\n#Harbour")
    assert set(text.partition("…")[0].split()) == {"The", "quiet", "harbour", "wakes"}


def test_a_link_that_does_not_fit_whole_goes_whole() -> None:
    asked = Wanted(("linkedin",), variants=1, hashtags=0, language="en")
    body = "word " * 590 + "https://example.com/" + "a" * 120
    text = read(answer(("linkedin", 0, body, [])), asked).texts[0].text
    assert text.endswith("word…")
    assert "http" not in text


def test_alt_text_keeps_within_what_the_strictest_of_the_platforms_takes() -> None:
    both = Wanted(("linkedin", "x"), variants=1, hashtags=0, language="en")
    content = answer(("linkedin", 0, SHORT, []), ("x", 0, SHORT, []), alt="A long quay. " * 100)
    written = read(content, both)
    assert len(written.alt_text) <= 1000
    assert written.cut == ("en/altText",)
    only = Wanted(("linkedin",), variants=1, hashtags=0, language="en")
    assert read(answer(("linkedin", 0, SHORT, []), alt="A long quay. " * 100), only).cut == ()


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("#Go", "Go"),
        ("summer sale", "SummerSale"),
        ("हिन्दी", "हिन्दी"),
        ("東京", "東京"),
        ("2026", ""),
        ("rock'n'roll", "RockNRoll"),
        ("# ", ""),
    ],
)
def test_hashtags_are_one_word_of_any_script(written: str, tag: str) -> None:
    assert hashtag(written) == tag


def test_a_tag_that_the_text_has_already_is_not_repeated() -> None:
    texts = read(answer(("x", 0, "Up early #harbour", ["Harbour", "Dawn"]), ("x", 1, OTHER, [])), ASKED).texts
    assert texts[0].text == "Up early #harbour\n\n#Dawn"


@pytest.mark.parametrize(
    ("one", "other", "alike"), [("東京の朝は早い", "東京の朝は早い。", True), (SHORT, OTHER, False)]
)
def test_likeness_is_told_in_any_script(one: str, other: str, alike: bool) -> None:
    assert (likeness(one, other) >= 0.75) == alike


def test_the_schema_that_is_sent_names_what_is_checked_and_is_one_that_strict_mode_takes() -> None:
    sent = ASKED.schema()["schema"]
    ours = Answer.model_json_schema()
    assert set(ours["properties"]) == set(sent["properties"]) == set(sent["required"])
    item = sent["properties"]["texts"]["items"]
    assert set(ours["$defs"]["WrittenText"]["properties"]) == set(item["properties"]) == set(item["required"])
    assert item["properties"]["platform"]["enum"] == ["x"]
    assert item["properties"]["variant"]["enum"] == [0, 1]
    assert strict_schema_fault(sent) is None


def test_of_a_long_transcript_beginning_middle_and_end_are_sent() -> None:
    words = [f"word{number}" for number in range(3000)]
    sent = excerpt(" ".join(words), 600)
    assert len(sent) <= 620
    beginning, middle, end = sent.split(" […] ")
    assert beginning.startswith("word0 ")
    assert end.endswith("word2999")
    assert middle.startswith("word15")
    assert excerpt("short") == "short"
