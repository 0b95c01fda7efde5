import json

import pytest

from mediaops.transcript import Cue
from mediaops_ops.engines.openai_translating import SCHEMA, Answer, Batch, Fault, checked, question


def batch(*texts: str, target: str = "de", millis: int = 4000, glossary: tuple[str, ...] = ()) -> Batch:
    cues = tuple(
        Cue(lines=(text,), start_millis=i * millis, end_millis=(i + 1) * millis)
        for i, text in enumerate(texts)
    )
    return Batch(source="en", target=target, first=41, cues=cues, before=("hello",), glossary=glossary)


def answer(*cues: tuple[int, str]) -> str:
    return json.dumps({"cues": [{"number": number, "text": text} for number, text in cues]})


def test_an_answer_as_asked_gives_the_texts_in_order() -> None:
    assert checked(answer((41, "Guten  Tag"), (42, "Danke")), batch("Good day", "Thanks")) == [
        "Guten Tag",
        "Danke",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("no json", "the answer"),
        ('{"cues": [{"number": 41}]}', "cues.0.text"),
        (answer((41, "Guten Tag")), "numbered 41 to 42, each once and in order"),
        (answer((42, "Danke"), (41, "Guten Tag")), "in order"),
        (answer((41, "Guten Tag"), (42, " ")), "cue 42 has no text"),
    ],
)
def test_an_answer_that_leaves_something_out_can_not_be_used(content: str, fault: str) -> None:
    with pytest.raises(Fault, match=fault) as raised:
        checked(content, batch("Good day", "Thanks"))
    assert raised.value.usable is None


@pytest.mark.parametrize(
    ("text", "asked", "fault"),
    [
        ("w" * 81, batch("Kubernetes"), "longer than the 80 characters"),
        ("天" * 33, batch("Kubernetes", target="zh-Hans"), "longer than the 32 characters"),
        ("K8s läuft", batch("Kubernetes runs", glossary=("Kubernetes",)), "term Kubernetes"),
    ],
)
def test_an_answer_that_is_too_long_or_loses_a_term_is_sent_back_but_can_be_used(
    text: str, asked: Batch, fault: str
) -> None:
    with pytest.raises(Fault, match=fault) as raised:
        checked(answer((41, text)), asked)
    assert raised.value.usable == [text]


def test_a_term_may_move_to_the_next_cue() -> None:
    asked = batch("Kubernetes", "runs", glossary=("Kubernetes",))
    assert checked(answer((41, "Es läuft"), (42, "Kubernetes")), asked)


def test_the_model_is_told_how_much_can_be_read_in_a_cues_time() -> None:
    asked = question(batch("Good day", target="ja", millis=2000))
    assert asked["cues"] == [{"number": 41, "text": "Good day", "at_most": 14}]
    assert asked["task"] == {"translate_from": "en", "translate_to": "ja"}
    assert asked["before"] == ["hello"]


def test_the_schema_that_is_sent_names_the_fields_that_are_checked() -> None:
    ours = Answer.model_json_schema()
    sent = SCHEMA["schema"]
    assert set(ours["properties"]) == set(sent["properties"]) == set(sent["required"])
    item = sent["properties"]["cues"]["items"]
    assert (
        set(ours["$defs"]["TranslatedCue"]["properties"]) == set(item["properties"]) == set(item["required"])
    )
