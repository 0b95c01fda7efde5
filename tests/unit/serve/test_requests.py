from typing import Any

import pytest

from mediaops.models.base import FileType
from mediaops.operations import REGISTRY
from mediaops.operations.crop import Resize
from mediaops.operations.filter import FilterStep
from mediaops.problems import Problem
from mediaops_ops.outcome import StepError
from mediaops_ops.serve.requests import read
from mediaops_ops.serve.work import given_transcript, step_for

BROKEN = [
    ("crop", {"width": 10}),
    ("crop", {"x": 10}),
    ("crop", {"width": 10, "height": 10, "y": 1, "true": 1}),
    ("crop", {"width": 10, "height": 10, "aspect": "1:1"}),
    ("crop", {"mode": "pad"}),
    ("crop", {"aspect": "1:1", "resize": {}}),
    ("compress", {"crf": 20, "bitrateKbps": 500}),
    ("thumbnail", {"atMillis": [1], "count": 1}),
    ("thumbnail", {"atMillis": [1], "best": True}),
    ("filter", {"steps": [{}]}),
    ("filter", {"steps": [{"burnSubtitles": {"from": name}} for name in ("one", "two")]}),
    ("caption", {"variants": 8, "translateTo": ["de", "fr", "es"]}),
    ("transcribe", {"translationModel": "gpt-4o"}),
    ("filter", {"steps": [{"blur": 1}, {"blur": 1, "sepia": {}}]}),
]


def body(**params: Any) -> dict[str, Any]:
    return {"job_id": "one", "file_url": "https://example.com/a.mp4", "params": params}


def refusal(operation: str, **params: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        read(operation, body(**params))
    return raised.value


def test_every_rule_over_several_parameters_of_the_resource_holds_here_too() -> None:
    models = [*(operation.parameters for operation in REGISTRY.values()), FilterStep, Resize]
    extras: list[Any] = [model.model_config.get("json_schema_extra") or {} for model in models]
    rules = [rule for extra in extras for rule in extra.get("x-kubernetes-validations", [])]
    sentences = {refusal(operation, **params).members["errors"][0]["message"] for operation, params in BROKEN}
    assert {rule["message"] for rule in rules} == sentences


@pytest.mark.parametrize("params", [{"at_millis": [5]}, {"atMillis": [5]}])
def test_parameters_are_taken_in_both_ways_of_writing(params: dict[str, Any]) -> None:
    assert read("thumbnail", body(**params)).step().parameters["atMillis"] == [5]


def test_every_wrong_field_is_named_at_once() -> None:
    errors = refusal("compress", crf=99, codec="divx", typo=1).members["errors"]
    assert {error["field"] for error in errors} == {"params.crf", "params.codec", "params.typo"}


def test_the_seeds_words_are_understood() -> None:
    assert read("transcribe", body(language="en", model="whisper-1")).parameters.outside_engine() == "openai"
    assert read("caption", body(caption_style="factual")).step().parameters["style"] == "factual"


def test_a_caption_brings_what_an_asset_would_know() -> None:
    order = read(
        "caption", body(transcript="ask not\nwhat", attributes={"campaign": "launch"}, platforms=["x"])
    )
    step = step_for(order, FileType.IMAGE)
    assert (step.platforms, step.attributes, set(step.reads)) == (
        ["x"],
        {"campaign": "launch"},
        {"transcript"},
    )
    assert given_transcript("ask not\nwhat").text == "ask not what"
    assert refusal("crop", transcript="ask not").members["errors"][0]["field"] == "params.transcript"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("https://drive.google.com/file/d/1abc123xyz4/view?usp=sharing", "1abc123xyz4"),
        ("https://drive.google.com/file/d/1abc123xyz4", "1abc123xyz4"),
        ("https://drive.google.com/open?id=1abc123xyz4", "1abc123xyz4"),
        ("https://drive.google.com/uc?export=download&id=1abc123xyz4", "1abc123xyz4"),
        ("https://drive.google.com.evil.example/file/d/1abc123xyz4", None),
        ("https://example.com/file/d/1abc123xyz4", None),
    ],
)
def test_links_of_google_drive_are_told_by_their_host_and_id(url: str, file: str | None) -> None:
    assert read("crop", body() | {"file_url": url}).drive_file == file


def test_defaults_that_depend_on_the_file_are_filled_in_when_it_is_known() -> None:
    order = read("compress", body())
    assert step_for(order, FileType.IMAGE).parameters["codec"] == "jpeg"
    assert step_for(order, FileType.AUDIO).parameters["codec"] == "aac"


@pytest.mark.parametrize(
    ("operation", "file_type"), [("crop", FileType.AUDIO), ("transcribe", FileType.IMAGE)]
)
def test_an_operation_refuses_a_file_that_it_does_not_take(operation: str, file_type: FileType) -> None:
    with pytest.raises(StepError) as raised:
        step_for(read(operation, body()), file_type)
    assert (raised.value.reason, raised.value.permanent) == ("WrongFileType", True)
