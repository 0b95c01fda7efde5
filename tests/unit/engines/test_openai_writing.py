import json

import pytest

from mediaops.operations.caption import CaptionParameters
from mediaops_ops.engines.openai_writing import SCHEMA, Answer, Fault, checked

ASKED = CaptionParameters(engine="openai", variants=2, hashtags=2)


def answer(*texts: tuple[str, int, str, list[str]], alt: str = "A street.") -> str:
    names = ("platform", "variant", "text", "hashtags")
    return json.dumps({"texts": [dict(zip(names, text, strict=True)) for text in texts], "alt_text": alt})


def test_an_answer_as_asked_becomes_texts_with_their_hashtags() -> None:
    texts, alt = checked(
        answer(("x", 1, "Two", []), ("x", 0, "One ", ["#Go", "Run", "Third"])), ASKED, ("x",)
    )
    assert [(t.variant, t.text, t.hashtags) for t in texts] == [
        (0, "One\n\n#Go #Run", ["Go", "Run"]),
        (1, "Two", []),
    ]
    assert alt == "A street."


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("no json", "the answer"),
        (answer(("x", 0, "One", [])), "exactly one per platform and variant"),
        (
            answer(("x", 0, "One", []), ("x", 0, "Two", []), ("x", 1, "Three", [])),
            "exactly one per platform and variant",
        ),
        (answer(("x", 0, "One", []), ("y", 1, "Two", [])), "exactly one per platform and variant"),
        (answer(("x", 0, "One", []), ("x", 1, "One", [])), "same text"),
        (answer(("x", 0, "One", []), ("x", 1, "w" * 281, [])), "counts 281"),
        (answer(("x", 0, "One", []), ("x", 1, "w" * 275, ["Hashtag"])), "at most 280 fit with its hashtags"),
        (answer(("x", 0, "", []), ("x", 1, "Two", [])), "texts.0.text"),
        (answer(("x", 0, "One", []), ("x", 1, "Two", []), alt=""), "alt_text"),
    ],
)
def test_an_answer_that_does_not_hold_is_sent_back_with_the_fault_named(content: str, fault: str) -> None:
    with pytest.raises(Fault, match=fault):
        checked(content, ASKED, ("x",))


def test_the_schema_that_is_sent_names_the_fields_that_are_checked() -> None:
    ours = Answer.model_json_schema()
    sent = SCHEMA["schema"]
    assert set(ours["properties"]) == set(sent["properties"]) == set(sent["required"])
    item = sent["properties"]["texts"]["items"]
    assert set(ours["$defs"]["WrittenText"]["properties"]) == set(item["properties"]) == set(item["required"])
