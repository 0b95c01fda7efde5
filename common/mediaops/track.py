"""Where a cut-out lies while a film runs: a camera operator's path over what a survey saw. Pure.

A window of fixed size slides along one side of the picture. For each shot: choose at each moment the position that
holds most of what matters (dynamic programming, so that it neither jumps between two people nor settles in the empty
middle between them), find the middle of what lies in it, stand still where that hardly moves, and follow it elsewhere
with bounded speed and acceleration. A cut starts anew. All lengths are shares of the side along which it slides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import copysign, sqrt
from statistics import median
from typing import Literal, NamedTuple

from mediaops.survey import BINS, Face, Sample, Shot, Survey, faces_seen, shots

TICK_SECONDS = 0.1
"""How finely a path is worked out; between ticks the window moves evenly."""
MOST_TICKS = 72_000
"""Two hours; longer files have longer ticks."""
SPEED = 0.8
"""Highest speed, in windows a second."""
ACCELERATION = 0.8
"""Highest acceleration, in windows a second squared."""
STILL = 0.08
"""By how much of the window what matters may leave the middle before the window follows."""
POSITIONS = 33
"""How many positions of the window are weighed up."""
RESTLESS = 0.05
"""What moving the window by one position costs, of what it holds at one moment."""
MOVEMENT_BESIDE_FACES = 0.25
"""What all movement counts where there are faces, which count 1 together."""
HELD = 0.15
"""Least share of what matters that has to lie in the window for it to be aimed at."""
SMOOTHING_SECONDS = 0.5
"""Half of the stretch over which aims are averaged: an operator sees what is coming."""
TOLERANCE = 0.0005
"""By how much a path may be simplified: a pixel of Full HD."""
MOST_KNOTS = 2000
"""Of all paths of a file; they are simplified further until there are no more."""

Axis = Literal["x", "y"]
Follows = Literal["faces", "movement", "detail", "centre"]
"""What a window was led by; detail: what stands out in an image; centre: by nothing."""


class Knot(NamedTuple):
    """A point of a path; between two of them the window moves evenly."""

    seconds: float
    edge: float
    """The window's left, or upper, edge."""


class Path(NamedTuple):
    """The window's way through one shot."""

    shot: Shot
    follows: Follows
    knots: tuple[Knot, ...]


def paths(survey: Survey, duration_micros: int, window: float, axis: Axis) -> list[Path]:
    """Give the way of a window of that length, above 0 and below 1, through each shot."""
    tick = max(TICK_SECONDS, duration_micros / 1e6 / MOST_TICKS)
    seen = faces_seen(survey)
    times = [sample.at_millis * 1000 for sample in survey.samples]
    found = []
    for shot in shots(survey, duration_micros):
        first, end = bisect_left(times, shot.begin_micros), bisect_left(times, shot.end_micros)
        samples, faces = survey.samples[first:end], seen[first:end]
        masses = [_mass(sample, there, axis) for sample, there in zip(samples, faces, strict=True)]
        aims = _aims(samples, masses, window)
        if not aims:
            found.append(Path(shot, "centre", (Knot(shot.begin_micros / 1e6, (1 - window) / 2),)))
            continue
        led: Follows = "movement" if duration_micros > 1 else "detail"
        ticks = [shot.begin_micros / 1e6]
        while ticks[-1] + tick < shot.end_micros / 1e6:
            ticks.append(ticks[-1] + tick)
        edges = followed([aim - window / 2 for aim in _evenly(aims, ticks)], window, tick)
        knots = tuple(map(Knot, ticks, edges))
        found.append(Path(shot, "faces" if any(faces) else led, knots))
    return _simplified(found)


def _mass(sample: Sample, faces: Sequence[Face], axis: Axis) -> list[float]:
    """Give how much of what matters lies in each bin."""
    moving = sample.across if axis == "x" else sample.down
    weight = MOVEMENT_BESIDE_FACES if faces else 1.0
    mass = [part / 1000 * weight for part in moving] or [0.0] * BINS
    sizes = [sqrt(face.width * face.height) for face in faces]
    for face, size in zip(faces, sizes, strict=True):
        middle = face.middle[0] if axis == "x" else face.middle[1]
        mass[min(BINS - 1, max(0, int(middle * BINS)))] += size / sum(sizes)
    return mass


def _aims(samples: Sequence[Sample], masses: Sequence[Sequence[float]], window: float) -> list[Knot]:
    """Give when and at what the window is aimed: at the middle of what matters in its best position."""
    aims = []
    for sample, mass, edge in zip(samples, masses, _positions(masses, window), strict=True):
        held = [
            part * max(0.0, min(edge + window, (index + 1) / BINS) - max(edge, index / BINS)) * BINS
            for index, part in enumerate(mass)
        ]
        if sum(held) > HELD:
            middle = sum((index + 0.5) / BINS * part for index, part in enumerate(held)) / sum(held)
            aims.append(Knot(sample.at_millis / 1000, middle))
    return aims


def _positions(masses: Sequence[Sequence[float]], window: float) -> list[float]:
    """Give the window's edge at each moment: what it holds altogether, less what moving it costs, is at its most."""
    edges = [place * (1 - window) / (POSITIONS - 1) for place in range(POSITIONS)]
    worth = [0.0] * POSITIONS
    came_from: list[list[int]] = []
    neighbours = [*pairwise(range(POSITIONS)), *pairwise(reversed(range(POSITIONS)))]
    for mass in masses:
        before = list(range(POSITIONS))
        for here, there in neighbours:
            if worth[here] - RESTLESS > worth[there]:
                worth[there], before[there] = worth[here] - RESTLESS, before[here]
        came_from.append(before)
        upto = [0.0, *accumulate(mass)]
        worth = [
            value + _between(upto, edge, edge + window) for value, edge in zip(worth, edges, strict=True)
        ]
    middle = POSITIONS // 2
    place = max(range(POSITIONS), key=lambda place: (worth[place], -abs(place - middle)))
    chosen = []
    for before in reversed(came_from):
        chosen.append(edges[place])
        place = before[place]
    return chosen[::-1]


def _between(upto: Sequence[float], begin: float, end: float) -> float:
    """Give the mass between two places, by its sums up to the edge of each bin."""

    def up_to(place: float) -> float:
        index = min(BINS - 1, int(place * BINS))
        return upto[index] + (upto[index + 1] - upto[index]) * (place * BINS - index)

    return up_to(min(1.0, end)) - up_to(begin)


def _evenly(aims: Sequence[Knot], ticks: Sequence[float]) -> list[float]:
    """Give the aim at each tick: the median of three samples, evenly between them, as at the ends beyond them."""
    values = [aim.edge for aim in aims]
    calm = [median(values[place - 1 : place + 2]) for place in range(1, len(values) - 1)]
    calm = [values[0], *calm, values[-1]]
    even, place = [], 0
    for at in ticks:
        while place + 1 < len(aims) and aims[place + 1].seconds <= at:
            place += 1
        if at <= aims[place].seconds or place + 1 == len(aims):
            even.append(calm[place])
            continue
        begin, end = aims[place].seconds, aims[place + 1].seconds
        even.append(calm[place] + (calm[place + 1] - calm[place]) * (at - begin) / (end - begin))
    return even


def followed(wanted: Sequence[float], window: float, tick: float = TICK_SECONDS) -> list[float]:
    """Give the window's edge at each tick (seconds), following the edges that are wanted.

    It never leaves 0 to 1 - window, nor moves faster than SPEED, nor changes its speed by more than ACCELERATION,
    and it stands still from beginning to end where STILL allows that.
    """
    farthest = 1 - window
    goals = [min(farthest, max(0.0, edge)) for edge in wanted]
    if max(goals) - min(goals) <= 2 * STILL * window:
        return [(max(goals) + min(goals)) / 2] * len(goals)
    goals = _averaged(_dragged(goals, STILL * window), max(1, round(SMOOTHING_SECONDS / tick)))
    speed, gain = 0.0, ACCELERATION * window * tick
    edges = [goals[0]]
    for here, goal in pairwise(goals):
        edge = edges[-1]
        lag = here - edge
        speed_wanted = (goal - here) / tick + copysign(_stoppable(abs(lag), gain, tick), lag)
        speed = min(speed + gain, max(speed - gain, speed_wanted))
        speed = min(SPEED * window, max(-SPEED * window, speed))
        # Always slow enough to come to rest at the picture's edge, whatever it was to follow.
        speed = min(_stoppable(farthest - edge, gain, tick), max(-_stoppable(edge, gain, tick), speed))
        edges.append(min(farthest, max(0.0, edge + speed * tick)))
    return edges


def _stoppable(distance: float, gain: float, tick: float) -> float:
    """Give the highest speed for the next tick from which one can stop within a distance, slowing by `gain` a tick.

    From a speed v between n and n + 1 gains, the way to rest is tick * ((n + 1) * v - gain * n * (n + 1) / 2).
    """
    distance = max(0.0, distance)
    slowings = int((sqrt(1 + 8 * distance / (tick * gain)) - 1) / 2)
    return (distance / tick + gain * slowings * (slowings + 1) / 2) / (slowings + 1)


def _dragged(goals: Sequence[float], slack: float) -> list[float]:
    """Let a point be drawn along on a slack lead: it moves only as far as it must."""
    drawn = [goals[0]]
    for goal in goals[1:]:
        drawn.append(min(goal + slack, max(goal - slack, drawn[-1])))
    return drawn


def _averaged(goals: Sequence[float], reach: int) -> list[float]:
    """Give the mean of each goal and its neighbours up to `reach` ticks before and after."""
    upto = [0.0, *accumulate(goals)]
    spans = [(max(0, place - reach), min(len(goals), place + reach + 1)) for place in range(len(goals))]
    return [(upto[end] - upto[begin]) / (end - begin) for begin, end in spans]


def _simplified(found: Sequence[Path]) -> list[Path]:
    """Leave out points that lie on the way between others, within a tolerance that leaves at most MOST_KNOTS."""
    tolerance = TOLERANCE
    while True:
        simple = [path._replace(knots=tuple(simplified(path.knots, tolerance))) for path in found]
        if sum(len(path.knots) for path in simple) <= max(MOST_KNOTS, 2 * len(found)):
            return simple
        tolerance *= 2


def simplified(knots: Sequence[Knot], tolerance: float) -> list[Knot]:
    """Leave out points so that none lies further than `tolerance` from the way between those that stay."""
    kept = [knots[0]]
    anchor, lowest, highest = 0, float("-inf"), float("inf")
    for place in range(1, len(knots)):
        span = knots[place].seconds - knots[anchor].seconds
        slope = (knots[place].edge - knots[anchor].edge) / span
        if not lowest <= slope <= highest:
            anchor = place - 1
            kept.append(knots[anchor])
            span = knots[place].seconds - knots[anchor].seconds
            lowest, highest = float("-inf"), float("inf")
        rise = knots[place].edge - knots[anchor].edge
        lowest, highest = max(lowest, (rise - tolerance) / span), min(highest, (rise + tolerance) / span)
    if len(knots) > 1 and any(knot.edge != kept[-1].edge for knot in knots[anchor:]):
        kept.append(knots[-1])
    return kept
