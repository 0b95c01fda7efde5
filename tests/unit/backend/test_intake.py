"""How the seed's request becomes a MediaAsset: names, chains, parameters and targets."""

from typing import Any

import pytest

from mediaops.problems import Problem
from mediaops_backend import intake
from mediaops_backend.intake import ProcessRequest


def spec(**fields: Any) -> dict[str, Any]:
    body = {"source": "upload", "source_id": "uploads/clip.mp4", "file_type": "video", **fields}
    made: dict[str, Any] = intake.manifest(ProcessRequest.model_validate(body), "clip", body)["spec"]
    return made


def operations(*wanted: Any, **fields: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = spec(operations=list(wanted), **fields)["operations"]
    return made


def refusal(**fields: Any) -> tuple[str, str]:
    with pytest.raises(Problem) as refused:
        spec(**fields)
    [error] = refused.value.members["errors"]
    return error["field"], error["message"]


def test_transforms_by_name_are_chained_and_others_read_the_source() -> None:
    made = operations(
        "crop", "thumbnail", "filter", "transcribe", "compress", params={"steps": [{"sepia": {}}]}
    )
    assert [(o["name"], o.get("input")) for o in made] == [
        ("crop", None),
        ("thumbnail", None),
        ("filter", "crop"),
        ("transcribe", None),
        ("compress", "filter"),
    ]


def test_objects_say_their_input_themselves_and_are_not_part_of_the_chain() -> None:
    made = operations("crop", {"type": "compress", "name": "small"}, "filter", params={"steps": []})
    assert [(o["name"], o.get("input")) for o in made] == [
        ("crop", None),
        ("small", None),
        ("filter", "crop"),
    ]


def test_the_same_operation_twice_gets_a_name_of_its_own() -> None:
    made = operations("thumbnail", "thumbnail", {"type": "thumbnail", "name": "last"}, {"type": "thumbnail"})
    assert [o["name"] for o in made] == ["thumbnail", "thumbnail-2", "last", "thumbnail-3"]


def test_a_caption_reads_the_transcript_that_stands_above_it() -> None:
    assert operations("transcribe", "caption")[1]["caption"] == {"transcriptFrom": "transcribe"}
    assert operations("caption", "transcribe")[0]["caption"] == {}


@pytest.mark.parametrize(
    ("names", "params", "expected"),
    [
        (["transcribe", "caption"], {"language": "de"}, [{"language": "de"}, {"language": "de"}]),
        (["transcribe", "caption"], {"engine": "pocketsphinx"}, [{"engine": "pocketsphinx"}, {}]),
        (["transcribe", "caption"], {"model": "whisper-1"}, [{"model": "whisper-1", "engine": "openai"}, {}]),
        (["transcribe", "caption"], {"caption_model": "gpt-9"}, [{}, {"model": "gpt-9"}]),
        (
            ["crop", "thumbnail"],
            {"width": 300, "height": 200},
            [{"width": 300, "height": 200}, {"width": 300}],
        ),
        (["crop", "thumbnail"], {"thumbnail_width": 300}, [{}, {"width": 300}]),
        (["compress"], {"bitrate_kbps": 900}, [{"bitrateKbps": 900}]),
    ],
)
def test_parameters_go_to_the_operations_they_fit(
    names: list[str], params: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    made = operations(*names, params=params)
    blocks = [{**operation[operation["name"]]} for operation in made]
    for block in blocks:
        block.pop("transcriptFrom", None)
    assert blocks == expected


@pytest.mark.parametrize("params", [{"colour": "red"}, {"crop_quality": 3}, {"model": "whisper-1"}])
def test_a_parameter_that_fits_nothing_is_named(params: dict[str, Any]) -> None:
    field, message = refusal(operations=["crop"], params=params)
    assert field == f"params.{next(iter(params))}"
    assert "no operation" in message


def test_a_model_that_two_operations_could_mean_is_not_guessed() -> None:
    field, _ = refusal(operations=["transcribe", "caption"], params={"model": "something-new"})
    assert field == "params.model"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"source": "google_drive", "source_id": "1abc"}, {"googleDrive": {"fileId": "1abc"}}),
        (
            {
                "source": "google_drive",
                "source_id": None,
                "original_url": "https://drive.google.com/file/d/1a-b_C/view",
            },
            {"googleDrive": {"fileId": "1a-b_C"}},
        ),
        (
            {
                "source": "google_drive",
                "source_id": None,
                "original_url": "https://drive.google.com/open?id=1abc",
            },
            {"googleDrive": {"fileId": "1abc"}},
        ),
        (
            {"source": "google_drive", "source_id": "1abc", "source_secret": "drive"},
            {"googleDrive": {"fileId": "1abc", "secretRef": {"name": "drive"}}},
        ),
        (
            {"source": "url", "source_secret": "signed"},
            {"url": {"secretRef": {"name": "signed"}}},
        ),
        (
            {"source": "url", "original_url": "https://a.example/x"},
            {"url": {"address": "https://a.example/x"}},
        ),
        ({"source": "upload", "source_id": "u/1"}, {"upload": {"key": "u/1"}}),
        ({"source": "generated", "source_id": "made/1"}, {"object": {"key": "made/1"}}),
    ],
)
def test_sources_of_the_seed_become_source_blocks(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert spec(operations=["thumbnail"], **fields)["source"] == expected


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": "url"}, "original_url"),
        ({"source": "url", "original_url": "https://a.example/x", "source_secret": "s"}, "original_url"),
        ({"source": "upload", "source_id": "u/1", "source_secret": "s"}, "source_secret"),
        ({"source": "generated", "source_id": "made/1", "source_secret": "s"}, "source_secret"),
    ],
)
def test_a_secret_goes_with_sources_that_need_one(fields: dict[str, Any], field: str) -> None:
    assert refusal(**fields)[0] == field


def test_a_callback_that_would_not_be_sent_is_refused_with_what_to_do_instead() -> None:
    body = {"source": "upload", "source_id": "u/1", "file_type": "video", "callback_url": "https://a.example"}
    with pytest.raises(Problem) as refused:
        intake.read(body)
    [error] = refused.value.members["errors"]
    assert error["field"] == "callback_url"
    assert "GET /api/media/process?asset_id=" in error["message"]


def test_platforms_come_from_metadata_once_each_and_do_not_become_attributes() -> None:
    made = spec(metadata={"platforms": ["x"], "target_platforms": ["linkedin", "x"], "campaign": "spring"})
    assert [t["name"] for t in made["publish"]["targets"]] == ["linkedin", "x"] or [
        t["name"] for t in made["publish"]["targets"]
    ] == ["x", "linkedin"]
    assert made["attributes"] == {"campaign": "spring"}


def test_a_publish_block_and_platforms_at_once_are_refused() -> None:
    assert refusal(publish={"targets": []}, metadata={"platforms": ["x"]})[0] == "publish"


def test_metadata_that_is_no_text_is_kept_as_json() -> None:
    made = spec(metadata={"budget": 12, "tags": ["a", "b"], "draft": True}, operations=["thumbnail"])
    assert made["attributes"] == {"budget": "12", "tags": '["a", "b"]', "draft": "true"}


def test_one_key_names_one_asset_per_workspace() -> None:
    assert intake.asset_name("acme", "k") == intake.asset_name("acme", "k")
    assert intake.asset_name("acme", "k") != intake.asset_name("other", "k")
    assert len(intake.asset_name("acme", "k" * 255)) <= 40


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("Invalid value: crop takes an image", "crop takes an image"),
        ('Invalid value: "object": give crf, not both', "give crf, not both"),
        ('Invalid value: "https://a.example/?sig=\\"x\\": y": only https', "only https"),
        ("Invalid value: 99: should be less than or equal to 63", "should be less than or equal to 63"),
        ("Required value", "Required value"),
        (
            'Unsupported value: "10:1": supported values: "9:16"',
            'Unsupported value: "10:1": supported values: "9:16"',
        ),
    ],
)
def test_a_refused_value_is_not_repeated(message: str, sentence: str) -> None:
    problem = intake.refused({"details": {"causes": [{"field": "spec.x", "message": message}]}})
    assert problem.members["errors"] == [{"field": "x", "message": sentence}]


@pytest.mark.parametrize(
    ("status", "field", "words"),
    [
        (
            {
                "message": "…",
                "details": {
                    "causes": [
                        {"field": "spec.operations[0].crop.aspect", "message": 'Unsupported value: "10:1"'}
                    ]
                },
            },
            "operations[0].crop.aspect",
            "Unsupported value",
        ),
        (
            {"message": 'strict decoding error: unknown field "spec.operations[0].crop.aspct"'},
            "operations[0].crop.aspct",
            "not known",
        ),
    ],
)
def test_the_api_servers_refusal_is_passed_on_by_field(
    status: dict[str, Any], field: str, words: str
) -> None:
    problem = intake.refused(status)
    assert problem.status == 422
    [error] = problem.members["errors"]
    assert error["field"] == field
    assert words in error["message"]
