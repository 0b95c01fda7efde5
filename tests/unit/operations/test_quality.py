"""The search for a crf: how many tries it takes, and what it settles on."""

from __future__ import annotations

import math

import pytest

from mediaops.encoding import VIDEO_CODECS
from mediaops.operations.compress import Codec
from mediaops.operations.quality import (
    MAX_PROBES,
    Level,
    Probe,
    QualityFound,
    Scale,
    following,
    settled,
    words,
)

X264 = VIDEO_CODECS[Codec.H264].search


def searched(
    scale: Scale, target: int, curve: dict[str, float], off: float = 0.0, steeper: float = 1.0
) -> tuple[QualityFound, list[Probe]]:
    """Search on a picture whose VMAF lacks exp(a + b·crf + c·crf²) of 100.

    In the few samples it lacks exp(off) times that at crf 24, and more with each crf by a factor.
    """
    probes: list[Probe] = []
    few = curve | {"a": curve["a"] + off + 24 * curve["b"] * (1 - steeper), "b": curve["b"] * steeper}
    while tried := following(scale, target, probes):
        kbps = 4000 * math.exp(-0.12 * tried.crf)
        everything = None if tried.rough else Level(vmaf(tried.crf, **curve), kbps)
        probes.append(Probe(tried.crf, Level(vmaf(tried.crf, **few), kbps * 1.5), everything))
        assert len(probes) <= MAX_PROBES
    return settled(scale, target, probes, 60), probes


def vmaf(crf: float, a: float, b: float, c: float = 0.0, ceiling: float = 100.0) -> float:
    return max(0.0, ceiling - math.exp(a + b * crf + c * crf * crf))


@pytest.mark.parametrize("steeper", [0.92, 1.0, 1.08])
@pytest.mark.parametrize("off", [-0.2, 0.0, 0.2])
@pytest.mark.parametrize("target", [80, 90, 95])
@pytest.mark.parametrize(
    "curve",
    [
        {"a": -1.45, "b": 0.113},  # pedestrians.avi
        {"a": -0.9, "b": 0.113},  # a picture that is harder
        {"a": -2.5, "b": 0.15},  # one that falls apart sooner
        {"a": -1.0, "b": 0.05, "c": 0.0015},
    ],
)
def test_it_comes_to_the_target_in_few_tries(
    target: int, curve: dict[str, float], off: float, steeper: float
) -> None:
    found, probes = searched(X264, target, curve, off, steeper)
    # Where the few fall faster than all, what they say of another crf is off by a share of what VMAF lacks.
    near, said = (0.3, 0.25) if steeper == 1.0 else (0.06 * (100 - target),) * 2
    assert target == pytest.approx(vmaf(found.crf, **curve), abs=near)
    assert found.vmaf == pytest.approx(vmaf(found.crf, **curve), abs=said)
    assert found.kbps == pytest.approx(4000 * math.exp(-0.12 * found.crf), rel=0.02)
    assert len([probe for probe in probes if probe.all]) == 1, "these are dear"
    assert len(probes) <= 4
    assert found.reached


def test_a_codec_of_whole_numbers_gets_one() -> None:
    found, _ = searched(VIDEO_CODECS[Codec.AV1].search, 95, {"a": -0.2, "b": 0.055})
    assert found.crf == int(found.crf)


def test_what_can_t_be_reached_comes_as_near_as_it_can_and_says_so() -> None:
    found, probes = searched(X264, 97, {"a": 0.0, "b": 0.05, "ceiling": 94.0})
    assert not found.reached
    best = max(probe.all.vmaf for probe in probes if probe.all)
    assert (X264.lowest, best) == (found.crf, pytest.approx(found.vmaf, abs=0.01))
    assert "isn't reached" in words(found, 97)["note"]


def test_a_picture_of_nothing_is_not_searched_for_ever() -> None:
    found, probes = searched(X264, 95, {"a": -50, "b": 0.0})
    assert found.reached
    assert len(probes) <= MAX_PROBES


def test_what_was_found_is_said_with_where_it_comes_from() -> None:
    found = QualityFound(crf=23.4, vmaf=95.04, kbps=900, probes=2, frames=60)
    said = {"crf": "23.4", "vmaf": "95.0", "vmaf_of": "expected from 60 pictures in samples, 2 tries"}
    assert said == words(found, 95)
