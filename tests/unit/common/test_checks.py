"""Figures held against limits, and how figures are read."""

from __future__ import annotations

import pytest

from mediaops.checks import judged, summary
from mediaops.measures import BLACK_KEYS, Measure, characters_per_second, longest, scored_every
from mediaops.models.conditions import NamedValue
from mediaops.models.quality import Figures, QualityChecks
from mediaops.transcript import Cue


def figures(measure: Measure, nothing: str | None = None, **values: str) -> Figures:
    named = [NamedValue(name=name, value=value) for name, value in values.items()]
    return Figures(of="small", measure=measure, step_key="k", values=named, nothing=nothing)


def checks(**limits: object) -> QualityChecks:
    return QualityChecks.model_validate(limits)


@pytest.mark.parametrize(
    ("limits", "measured", "said"),
    [
        ({"minVmaf": 90}, figures(Measure.VMAF, vmaf="90.0"), ("holds", "small: VMAF 90.0")),
        (
            {"minVmaf": 90},
            figures(Measure.VMAF, vmaf="89.9"),
            ("fails", "small: VMAF 89.9, minVmaf allows at least 90"),
        ),
        (
            {"loudness": {"minLufs": -15}},
            figures(Measure.SOUND, integrated_lufs="-23.1"),
            ("fails", "small: -23.1 LUFS, loudness.minLufs allows at least -15"),
        ),
        (
            {"loudness": {"maxTruePeakDbtp": -1}},
            figures(Measure.SOUND, true_peak_dbtp="0.3"),
            ("fails", "small: a true peak of 0.3 dBTP, loudness.maxTruePeakDbtp allows at most -1"),
        ),
        (
            {"maxBlackSeconds": 3},
            figures(Measure.PICTURE, longest_black_seconds="3.0"),
            ("holds", "small: 3.0 s black"),
        ),
        (
            {"maxCharactersPerSecond": 17},
            figures(Measure.TRANSCRIPT, fastest_cue_characters_per_second="19.6"),
            ("fails", "small: a cue of 19.6 characters/s, maxCharactersPerSecond allows at most 17"),
        ),
        (
            {"minConfidencePercent": 70},
            figures(Measure.TRANSCRIPT, fastest_cue_characters_per_second="19.6"),
            ("unmeasurable", "small: the engine doesn't say how sure it is: leave minConfidencePercent out"),
        ),
        (
            {"maxSilentSeconds": 5},
            figures(Measure.SOUND, nothing="NoAudio"),
            ("unmeasurable", "small: the file has no sound to work on: leave maxSilentSeconds out"),
        ),
    ],
)
def test_a_figure_is_held_against_its_limit(limits, measured, said) -> None:
    [finding] = judged(checks(**limits), [measured])
    assert said == (finding.state, finding.words)


def test_a_figure_that_two_limits_look_at_is_told_once() -> None:
    limits = checks(loudness={"minLufs": -16, "maxLufs": -12})
    assert "small: -14.0 LUFS" == summary(judged(limits, [figures(Measure.SOUND, integrated_lufs="-14.0")]))


def test_only_what_is_checked_has_to_be_measured() -> None:
    assert {Measure.SOUND} == checks(maxSilentSeconds=3).measures
    assert {Measure.VMAF, Measure.PICTURE} == checks(minVmaf=90, maxFrozenSeconds=3).measures


def test_the_longest_stretch_counts_and_one_without_an_end_goes_to_the_file_s() -> None:
    printed = (
        "frame:1 pts:1 pts_time:1\nlavfi.black_start=1\nframe:2\nlavfi.black_end=2.5\nlavfi.black_start=4.2"
    )
    assert 1.5 == longest(printed, BLACK_KEYS, 5.0)
    assert 5.8 == pytest.approx(longest(printed, BLACK_KEYS, 10.0))
    assert 0.0 == longest("lavfi.black_start=1\nlavfi.black_end=1.4", BLACK_KEYS, 5.0)
    assert 0.0 == longest("", BLACK_KEYS, 5.0)


def test_a_long_film_is_scored_in_six_hundred_pictures() -> None:
    assert [1, 1, 2, 300] == [scored_every(pictures) for pictures in (0, 600, 601, 180_000)]


def test_a_letter_with_its_marks_is_one_character() -> None:
    cue = Cue(lines=("ne\u0301e", "là"), start_millis=0, end_millis=2000)
    assert 3.0 == characters_per_second([cue])  # "née là" has six
    assert 0.0 == characters_per_second([])
