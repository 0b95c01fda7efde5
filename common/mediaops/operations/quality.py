"""Looking for the crf at which a picture comes to a VMAF: which one to try next, and when to stop. Pure.

What VMAF lacks of 100 grows with the crf about as an exponential does (pedestrians.avi, x264, crf 22 to 26: 2.8,
3.1, 3.5, 3.9, 4.4), so the search is a straight line through the logarithm of that. The first tries are made on a few
of the samples, to come near; one on all of them, for the truth. What a few more say elsewhere counts by how few and
all differed there, which changes little with the crf. Two or three tries are enough as a rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mediaops.models.base import Model

MAX_PROBES = 5
ROUGH_PROBES = 2
"""At most so many tries are made on a few samples."""
ROUGHLY = 0.5
"""So near to the target by a few samples, the next try is made on all; in the logarithm of what VMAF lacks of 100."""
NEAR = 0.12
"""So near to it by all samples (0.6 of VMAF 95), the codec's usual line is right for the rest of the way."""
MISSED_VMAF = 0.3
"""More below the target than this means that it wasn't reached."""
APART_CRF = 1.0
"""Between tries that are nearer to each other than this, no line is drawn: it would follow what they err."""
LEAST_LACK = 0.05
"""VMAF may say 100, whose lack has no logarithm."""


@dataclass(frozen=True)
class Scale:
    """A codec's crf, as a search sees it."""

    start: float
    """The crf that gives VMAF 95 of an ordinary film."""
    steepness: float
    """By how much the logarithm of what VMAF lacks grows with each crf."""
    lowest: float
    highest: float
    step: float
    """What the encoder tells apart."""

    def rounded(self, crf: float) -> float:
        """Give the nearest crf that can be asked for."""
        return round(min(max(crf, self.lowest), self.highest) / self.step) * self.step


class Try(NamedTuple):
    """What to encode next: at which crf, and whether a few samples will do."""

    crf: float
    rough: bool


class Level(NamedTuple):
    """What samples came to."""

    vmaf: float
    kbps: float
    """Kilobits per second of the measured pictures."""


class Probe(NamedTuple):
    """What one try came to."""

    crf: float
    few: Level
    """On a few samples."""
    all: Level | None
    """On all of them; None: they weren't encoded."""


class _Point(NamedTuple):
    """A try as all samples see it: what they said, or what they would have said by the difference elsewhere."""

    crf: float
    vmaf: float
    kbps: float


class QualityFound(Model):
    """The crf that a search settled on, and what it gives."""

    crf: float
    vmaf: float
    """Measured on samples, or, where that crf wasn't tried itself, on the line between two that were."""
    kbps: float
    """Kilobits per second of the picture, expected from the samples."""
    reached: bool = True
    """False: no crf reaches the target; this is the best that was found."""
    probes: int = 1
    frames: int = 0
    """How many pictures were measured each time."""


def following(scale: Scale, target: float, probes: Sequence[Probe]) -> Try | None:
    """Give what to try next; None: enough is known."""
    if not probes:
        return Try(scale.rounded(scale.start + (_lack(target) - _lack(95)) / scale.steepness), rough=True)
    nearest = _nearest(target, _points(probes))
    aim = scale.rounded(_aim(scale, target, nearest))
    off = [abs(_lack(probe.all.vmaf) - _lack(target)) for probe in probes if probe.all]
    if not off:
        near = abs(_lack(nearest[0].vmaf) - _lack(target)) <= ROUGHLY or aim == nearest[0].crf
        return Try(aim, rough=not near and len(probes) < ROUGH_PROBES)
    told = any(abs(probe.crf - aim) < APART_CRF for probe in probes)
    return None if min(off) <= NEAR or told or len(probes) >= MAX_PROBES else Try(aim, rough=True)


def settled(scale: Scale, target: float, probes: Sequence[Probe], frames: int) -> QualityFound:
    """Give what the tries come to: the crf for the target, or the best found where none reaches it."""
    points = _points(probes)
    nearest = _nearest(target, points)
    crf = scale.rounded(_aim(scale, target, nearest))
    base = min(nearest, key=lambda point: abs(point.crf - crf))
    vmaf = 100 - math.exp(_lack(base.vmaf) + (crf - base.crf) * _steepness(scale, nearest))
    kbps = base.kbps * math.exp((base.crf - crf) * _shrinking(scale, nearest))
    best = max(points, key=lambda point: point.vmaf)
    if vmaf < target - MISSED_VMAF and crf <= scale.lowest:
        crf, vmaf, kbps = best.crf, best.vmaf, best.kbps
    return QualityFound(
        crf=round(crf, 2),
        vmaf=round(vmaf, 2),
        kbps=round(kbps, 1),
        reached=vmaf >= target - MISSED_VMAF,
        probes=len(probes),
        frames=frames,
    )


def _points(probes: Sequence[Probe]) -> list[_Point]:
    """Put tries on a few samples on the level of all, by how the two differ in the last try that has both."""
    last = next((probe for probe in reversed(probes) if probe.all), None)
    if last is None or last.all is None:
        return [_Point(probe.crf, *probe.few) for probe in probes]
    lift = _lack(last.all.vmaf) - _lack(last.few.vmaf)
    share = last.all.kbps / last.few.kbps if last.few.kbps else 1.0
    return [
        _Point(probe.crf, *probe.all)
        if probe.all
        else _Point(probe.crf, 100 - math.exp(_lack(probe.few.vmaf) + lift), probe.few.kbps * share)
        for probe in probes
    ]


def _lack(vmaf: float) -> float:
    return math.log(max(100 - vmaf, LEAST_LACK))


def _nearest(target: float, points: Sequence[_Point]) -> list[_Point]:
    """Give the try to start from, and one to draw the line through; on both sides of the target if so."""
    ordered = sorted(points, key=lambda point: abs(point.vmaf - target))
    first = ordered[0]
    others = [point for point in ordered if abs(point.crf - first.crf) >= APART_CRF]
    across = [point for point in others if (point.vmaf - target) * (first.vmaf - target) <= 0]
    return [first, *(across or others)[:1]]


def _steepness(scale: Scale, nearest: Sequence[_Point]) -> float:
    """Give the line's slope: the codec's usual one where there is one try, or where two contradict each other."""
    if len(nearest) < 2:
        return scale.steepness
    first, second = nearest
    slope = (_lack(first.vmaf) - _lack(second.vmaf)) / (first.crf - second.crf)
    return slope if scale.steepness / 3 <= slope <= scale.steepness * 3 else scale.steepness


def _shrinking(scale: Scale, nearest: Sequence[_Point]) -> float:
    """Give by how much the logarithm of the rate falls with each crf."""
    if len(nearest) < 2 or min(point.kbps for point in nearest) <= 0:
        return scale.steepness
    first, second = nearest
    return math.log(first.kbps / second.kbps) / (second.crf - first.crf)


def _aim(scale: Scale, target: float, nearest: Sequence[_Point]) -> float:
    return nearest[0].crf + (_lack(target) - _lack(nearest[0].vmaf)) / _steepness(scale, nearest)


def words(found: QualityFound, target: int) -> dict[str, str]:
    """Give what a result says of the quality found: values by name."""
    how = f"expected from {found.frames} pictures in samples, {found.probes} tries"
    values = {"crf": f"{found.crf:g}", "vmaf": f"{found.vmaf:.1f}", "vmaf_of": how}
    if not found.reached:
        values["note"] = f"A VMAF of {target} isn't reached; this is the best that was found."
    return values
