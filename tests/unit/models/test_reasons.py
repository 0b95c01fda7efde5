"""The table of reasons is complete, and each row can stand in a condition and on the page made from it."""

import json
import re

import pytest

from mediaops.models.conditions import Condition
from mediaops.reasons import Reason

EVERY_REASON = [pytest.param(reason, id=reason.value) for reason in Reason]


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_word_is_the_camel_case_of_its_constant(reason: Reason) -> None:
    assert "".join(part.capitalize() for part in reason.name.split("_")) == reason.value


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_texts_are_sentences_without_a_second_line(reason: Reason) -> None:
    for text in (reason.sentence, reason.cause, reason.fix):
        assert re.fullmatch(r"\S[^\n]*\S", text)
        assert "  " not in text
    assert reason.sentence.endswith(".")


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_reason_fits_a_condition_as_it_is(reason: Reason) -> None:
    condition = Condition(
        type="Ready",
        status="False",
        reason=reason,
        message=reason.sentence,
        last_transition_time="2026-11-23T19:00:00Z",
    )
    assert json.loads(json.dumps(condition.wire()))["reason"] == reason.value


def test_words_and_sentences_are_unique() -> None:
    assert (
        len({reason.value for reason in Reason}) == len({reason.sentence for reason in Reason}) == len(Reason)
    )


def test_word_finds_its_row() -> None:
    assert Reason.of("OutOfMemory") is Reason.OUT_OF_MEMORY
    assert Reason.of("NoSuchReason") is None


def test_member_is_the_word_itself() -> None:
    word: str = Reason.OUT_OF_MEMORY
    assert word == "OutOfMemory"
    assert f"{word}" == "OutOfMemory"
