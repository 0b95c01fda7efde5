"""Estimates are upper bounds: what the engines are sent and may answer stays below them."""

from __future__ import annotations

import json

import pytest

from mediaops import estimates
from mediaops.estimates import estimate
from mediaops.models.base import FileType
from mediaops.models.mediaasset import MediaAssetSpec
from mediaops.operations.caption import CaptionParameters
from mediaops.planner import Step, plan_steps
from mediaops.platforms import text_limit
from mediaops.prices import LIST_PRICES, cost_of, dollars
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines import openai_translating, openai_writing
from mediaops_ops.engines.answers import Wanted
from mediaops_ops.engines.material import Material

VOICE = "Warm, plain, never loud. " * 40


def step_of(operation: dict[str, object], *platforms: str) -> Step:
    spec = {
        "fileType": "video",
        "source": {"object": {"key": "clip.mp4"}},
        "operations": [{"name": "it", **operation}],
        "attributes": {"campaign": "launch", "title": "A harbour at dawn"},
    }
    if platforms:
        spec["publish"] = {"targets": [{"name": p, "platform": p} for p in platforms]}
    (step,) = plan_steps(
        MediaAssetSpec.model_validate(spec), asset_name="a", asset_uid="u", identity="sha256:0"
    )
    return step


def test_the_estimate_counts_on_as_many_asks_and_frames_as_there_can_be() -> None:
    assert estimates.WRITING_ASKS == openai_writing.ASKS
    assert estimates.WRITING_ASKS >= openai_translating.ASKS
    assert estimates.FRAMES == openai_writing.FRAMES
    assert estimates.MATERIAL_TOKENS >= openai_writing.TRANSCRIPT_CHARACTERS


@pytest.mark.parametrize("languages", [[], ["de", "ja", "ar"]])
def test_what_is_sent_and_can_be_answered_stays_below_the_estimate(languages: list[str]) -> None:
    """By four bytes a token, the rule of thumb, for the words; frames by their own count."""
    block = {
        "engine": "openai",
        "variants": 4,
        "brandVoice": VOICE,
        **({"translateTo": languages} if languages else {}),
    }
    step = step_of({"caption": block}, "x", "linkedin", "tiktok")
    (most,) = estimate(step, None).models
    parameters = CaptionParameters.model_validate(block)
    wanted = Wanted(("x", "linkedin", "tiktok"), 4, 3, "en")
    said = "a word or two " * 5000
    transcript = Transcript(
        engine="openai",
        model="whisper-1",
        language="en",
        duration_millis=1000,
        segments=(Segment(text=said, start_millis=0, end_millis=1000),),
        words=(Word(text="a", start_millis=0, end_millis=1000),),
    )
    material = Material(FileType.VIDEO, 1000, transcript, dict(step.attributes))
    question = openai_writing.question(parameters, material, wanted, ())
    schema = json.dumps(wanted.schema())
    sent = len(openai_writing.INSTRUCTIONS) + len(question[0]["text"]) + len(schema)
    answered = sum(text_limit(name).most for name in wanted.platforms) * 4 // 4
    tries = openai_writing.ASKS
    assert most.input_tokens >= tries * (sent // 4 + estimates.FRAMES * 2833) + answered * sum(range(tries))
    assert most.output_tokens >= answered * tries * (1 + len(languages))
    assert most.calls == tries * (1 + len(languages))


def test_sound_is_estimated_by_its_length() -> None:
    step = step_of({"transcribe": {"engine": "openai"}})
    assert dollars(cost_of(estimate(step, 600_000), LIST_PRICES).micro_usd) == "$0.06"
    assert cost_of(estimate(step, None), LIST_PRICES).micro_usd == 0


def test_translations_of_what_was_heard_here_are_their_models_alone() -> None:
    step = step_of({"transcribe": {"engine": "pocketsphinx", "translateTo": ["de", "fr"]}})
    usage = estimate(step, 120_000)
    assert [(used.model, used.calls) for used in usage.models] == [("gpt-4o-mini", 12)]
    assert usage.cpu_millis == 360_000
    one = step_of({"transcribe": {"engine": "pocketsphinx", "translateTo": ["de"]}})
    assert usage.models[0].input_tokens == 2 * estimate(one, 120_000).models[0].input_tokens
    # Speech at its fastest is 400 tokens a minute; sent as JSON with its instructions, and once per language.
    assert usage.models[0].output_tokens >= 2 * 2 * 3 * 800


def test_what_runs_here_takes_processor_time_and_gpus_by_the_medias_length() -> None:
    usage = estimate(step_of({"compress": {}, "gpu": 2}), 10_000)
    assert usage.cpu_millis == 60_000
    assert usage.gpu_millis == 40_000
    assert usage.models == []
