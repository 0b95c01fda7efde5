"""Which pictures of a video stand for it: sharp, well exposed, with faces, neither fade nor black. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import sqrt
from statistics import median

from mediaops.survey import Face, Sample, Survey, faces_seen

NEAR_A_CUT_MICROS = 250_000
"""So close to a cut a picture may still be a transition, and the still come from the other side of it."""
FACE_WORTH = 0.5
"""What a face that fills a tenth of the picture adds to a score; sharpness, light and contrast add at most 1 each."""


def scores(survey: Survey) -> list[float]:
    """Give how well each sample stands for its video; negative: a fade, black, or a cut's edge."""
    typical = (
        median([sample.sharpness for sample in survey.samples if sample.shows_something] or [1.0]) or 1.0
    )
    cuts = sorted(survey.cuts_micros)
    seen = faces_seen(survey)
    return [
        _score(sample, faces, typical, near_a_cut=_near(cuts, sample.at_millis * 1000))
        for sample, faces in zip(survey.samples, seen, strict=True)
    ]


def _score(sample: Sample, faces: Sequence[Face], typical: float, *, near_a_cut: bool) -> float:
    if not sample.shows_something:
        return sample.contrast - 2.0
    sharp = sample.sharpness / (sample.sharpness + typical)
    light = 1.0 - abs(sample.exposure - 0.5) * 2
    contrast = min(1.0, sample.contrast / 0.25)
    people = FACE_WORTH * min(1.0, sum(sqrt(face.width * face.height) for face in faces) / 0.3)
    restless = min(1.0, sample.change / 0.1)
    return sharp + light + contrast + people - restless - (4.0 if near_a_cut else 0.0)


def _near(cuts: Sequence[int], at: int) -> bool:
    place = bisect_left(cuts, at)
    return any(abs(cut - at) <= NEAR_A_CUT_MICROS for cut in cuts[max(0, place - 1) : place + 1])


def best(survey: Survey, count: int, duration_millis: int) -> list[int]:
    """Give when the best pictures are, in milliseconds and in order of time; fewer where there are fewer samples.

    They are spread: at least half an even share of the length apart, unless that leaves nothing but fades and black.
    """
    ranked = sorted(
        zip(scores(survey), survey.samples, strict=True), key=lambda pair: (-pair[0], pair[1].at_millis)
    )
    chosen: list[int] = []
    apart = duration_millis / count / 2
    while ranked and len(chosen) < count:
        free = [pair for pair in ranked if all(abs(pair[1].at_millis - at) >= apart for at in chosen)]
        good = [pair for pair in free if pair[0] >= 0 or apart < 1]
        if good:
            chosen.append(good[0][1].at_millis)
            ranked.remove(good[0])
        elif apart < 1:
            break
        else:
            apart /= 2
    return sorted(chosen)
