"""Looking for the crf at which a picture comes to a VMAF: which one to try next, and when to stop. Pure.

What VMAF lacks of 100 grows with the crf about as an exponential does (pedestrians.avi, x264, crf 22 to 26: 2.8,
3.1, 3.5, 3.9, 4.4), so the search is a straight line through the logarithm of that: two tries are enough as a rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mediaops.models.base import Model

MAX_PROBES = 4
NEAR_VMAF = 0.2
"""So near to the target one try is enough: the rest of the way is shorter than the codec's usual line errs."""
WITHIN_VMAF = 1.2
"""With two tries so near to the target the line between them is as good as a third."""
MISSED_VMAF = 0.3
"""More below the target than this means that it wasn't reached."""
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


class Probe(Model):
    """What one try on the samples came to."""

    crf: float
    vmaf: float
    kbps: float
    """Kilobits per second of the measured pictures."""


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


def following(scale: Scale, target: float, probes: Sequence[Probe]) -> float | None:
    """Give the crf to try next; None: enough is known."""
    if not probes:
        return scale.rounded(scale.start + (_lack(target) - _lack(95)) / scale.steepness)
    nearest = _nearest(target, probes)
    aim = scale.rounded(_aim(scale, target, nearest))
    tried = {probe.crf for probe in probes}
    distances = [abs(probe.vmaf - target) for probe in nearest]
    near = distances[0] <= NEAR_VMAF or (len(nearest) == 2 and distances[1] <= WITHIN_VMAF)
    return None if near or aim in tried or len(probes) >= MAX_PROBES else aim


def settled(scale: Scale, target: float, probes: Sequence[Probe], frames: int) -> QualityFound:
    """Give what the tries come to: the crf for the target, or the best found where none reaches it."""
    nearest = _nearest(target, probes)
    crf = scale.rounded(_aim(scale, target, nearest))
    base = min(nearest, key=lambda probe: abs(probe.crf - crf))
    vmaf = 100 - math.exp(_lack(base.vmaf) + (crf - base.crf) * _steepness(scale, nearest))
    kbps = base.kbps * math.exp((base.crf - crf) * _shrinking(scale, nearest))
    best = max(probes, key=lambda probe: probe.vmaf)
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


def _lack(vmaf: float) -> float:
    return math.log(max(100 - vmaf, LEAST_LACK))


def _nearest(target: float, probes: Sequence[Probe]) -> list[Probe]:
    """Give the one or two tries to draw the line through, the nearest first; on both sides of the target if so."""
    ordered = sorted(probes, key=lambda probe: abs(probe.vmaf - target))
    first, others = ordered[0], [probe for probe in ordered[1:] if probe.crf != ordered[0].crf]
    across = [probe for probe in others if (probe.vmaf - target) * (first.vmaf - target) <= 0]
    return [first, *(across or others)[:1]]


def _steepness(scale: Scale, nearest: Sequence[Probe]) -> float:
    """Give the line's slope: the codec's usual one where there is one try, or where two contradict each other."""
    if len(nearest) < 2:
        return scale.steepness
    first, second = nearest
    slope = (_lack(first.vmaf) - _lack(second.vmaf)) / (first.crf - second.crf)
    return slope if scale.steepness / 3 <= slope <= scale.steepness * 3 else scale.steepness


def _shrinking(scale: Scale, nearest: Sequence[Probe]) -> float:
    """Give by how much the logarithm of the rate falls with each crf."""
    if len(nearest) < 2 or min(probe.kbps for probe in nearest) <= 0:
        return scale.steepness
    first, second = nearest
    return math.log(first.kbps / second.kbps) / (second.crf - first.crf)


def _aim(scale: Scale, target: float, nearest: Sequence[Probe]) -> float:
    return nearest[0].crf + (_lack(target) - _lack(nearest[0].vmaf)) / _steepness(scale, nearest)


def words(found: QualityFound, target: int) -> dict[str, str]:
    """Give what a result says of the quality found: values by name."""
    how = f"expected from {found.frames} pictures in samples, {found.probes} tries"
    values = {"crf": f"{found.crf:g}", "vmaf": f"{found.vmaf:.1f}", "vmaf_of": how}
    if not found.reached:
        values["note"] = f"A VMAF of {target} isn't reached; this is the best that was found."
    return values
