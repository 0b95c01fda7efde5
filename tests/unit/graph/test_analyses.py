"""What has to be found out before a graph can be written down, and what the graph makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from mediaops.graph import AnalysisKind, Findings, PassPlan, plan_pass, supposed
from mediaops.media import Media, Sound
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.operations.loudness import LoudnessFound

AUDIO = Media(
    file_type=FileType.AUDIO,
    format="flac",
    media_type="audio/flac",
    extension="flac",
    duration_millis=10_000,
    sound=Sound(codec="aac", profile="LC"),
)
VIDEO = AUDIO.model_copy(
    update={"file_type": FileType.VIDEO, "width": 320, "height": 240, "frame_rate": 25.0}
)
QUIET = Findings(
    loudness=LoudnessFound(integrated_lufs=-31.5, true_peak_dbtp=-20.25, range_lu=4, threshold_lufs=-41.5)
)


def loud(name: str, **loudness: int) -> StepOrder:
    return StepOrder(step_key=name, name=name, type="compress", parameters={"loudness": loudness})


def filters(plan: PassPlan) -> list[str]:
    arguments: list[tuple[Any, ...]] = [output.arguments for output in plan.outputs]
    return [a[a.index("-af") + 1] for a in arguments if "-af" in a]


@pytest.mark.parametrize("media", [AUDIO, VIDEO])
def test_a_sound_is_measured_once_before_anything_is_made(media: Media) -> None:
    steps = [loud("a"), loud("b", integratedLufs=-23)]
    plan = plan_pass(steps, media)
    assert () == plan.commands
    [wanted] = plan.wanted
    assert (AnalysisKind.LOUDNESS, ("a", "b")) == (wanted.kind, wanted.steps)
    plan = plan_pass(steps, media, QUIET)
    assert () == plan.wanted
    measured = "measured_I=-31.5:measured_TP=-20.25:measured_LRA=4:measured_thresh=-41.5,aresample=48000"
    assert [
        f"loudnorm=I=-14:TP=-1:LRA=4:linear=true:{measured}",
        f"loudnorm=I=-23:TP=-1:LRA=4:linear=true:{measured}",
    ] == filters(plan)


def test_what_is_brought_to_a_loudness_is_never_copied() -> None:
    [output] = plan_pass([loud("a")], VIDEO, QUIET).outputs
    assert "copy" not in output.arguments


def test_more_channels_are_mixed_down_before_they_are_measured_and_made_louder() -> None:
    surround = VIDEO.model_copy(update={"sound": Sound(codec="ac3", channels=6)})
    [chain] = filters(plan_pass([loud("a")], surround, QUIET))
    assert chain.startswith("aformat=channel_layouts=stereo,loudnorm=")


def test_silence_and_films_without_sound_are_left_alone() -> None:
    silence = LoudnessFound(integrated_lufs=-70, true_peak_dbtp=-70, range_lu=0, threshold_lufs=-70)
    assert [] == filters(plan_pass([loud("a")], AUDIO, Findings(loudness=silence)))
    plan = plan_pass([loud("a")], VIDEO.model_copy(update={"sound": None}))
    assert ((), 1) == (plan.wanted, len(plan.commands))


def test_a_preview_supposes_every_kind() -> None:
    findings = Findings()
    plan = plan_pass([loud("a")], AUDIO)
    for analysis in plan.wanted:
        findings = supposed(analysis, findings)
    assert () == plan_pass([loud("a")], AUDIO, findings).wanted
