"""What a file's pictures show, seen small: light, sharpness, movement and faces, some times a second. Pure.

One decode to small grey pictures serves every step that has to know (smart crops, best stills, previews). It gives
a few figures for each picture, never the pictures. Where shots begin is exact to the picture; all else is sampled.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

from mediaops.media import Media
from mediaops.models.base import FileType, Millis, Model

SURVEY_VERSION = "1"
"""Semantic version of how pictures are looked at and what is concluded from them; part of the step keys."""

SIDE = 320
"""Longest side in pixels of the small pictures."""
SAMPLES_A_SECOND = 4
MAX_SAMPLES = 4800
"""Twenty minutes at the full rate; longer files are sampled more thinly."""
LOOKS_FOR_FACES_A_SECOND = 2
MAX_LOOKS_FOR_FACES = 1200
"""Looking for faces costs more than all else, and people don't come and go faster."""
KEYFRAMES_ABOVE_MILLIS = 120_000
"""Files longer than this are sampled at their keyframes alone, where only stills are wanted of them."""
BINS = 32
"""Into how many columns, and rows, the picture is divided to say where something is."""
CUT_THRESHOLD = 10
"""Of FFmpeg's scdet: change of the mean difference between pictures, in percent of the range of luma."""

BLACK_BELOW = 0.07
"""Mean luma below which a picture is black: limited range's own black is 16 of 255."""
FLAT_BELOW = 0.03
"""Deviation of the luma below which there is nothing to see: a fade's end, a wall, fog."""
SHORTEST_SHOT_MILLIS = 300
"""Changes that follow sooner are flashes and flicker, not cuts."""


class Face(Model):
    """A face in shares of the picture's width and height, 0 to 1."""

    x: float
    """Left edge."""
    y: float
    """Upper edge."""
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Give its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


class Sample(Model):
    """What one small picture looks like."""

    at_millis: Millis
    exposure: float
    """Mean luma, 0 black to 1 white."""
    contrast: float
    """Standard deviation of the luma, 0 to 0.5."""
    sharpness: float
    """Variance of the Laplacian; comparable within one file only."""
    change: float = 0.0
    """Mean absolute difference to the sample before, 0 to 1."""
    across: tuple[int, ...] = ()
    """Where there is movement (in an image: what stands out), in thousandths by column; empty: nowhere."""
    down: tuple[int, ...] = ()
    """The same by row."""
    faces: tuple[Face, ...] | None = None
    """None: nobody looked."""

    @property
    def shows_something(self) -> bool:
        """Say whether it is neither black nor flat."""
        return self.exposure >= BLACK_BELOW and self.contrast >= FLAT_BELOW


class Survey(Model):
    """What was seen of one file, in order of time."""

    samples: tuple[Sample, ...] = ()
    cuts_micros: tuple[int, ...] = ()
    """Microseconds at which a new shot begins, by the pictures' own times."""


class Shot(NamedTuple):
    """A stretch without a cut."""

    begin_micros: int
    end_micros: int


def shots(survey: Survey, duration_micros: int) -> list[Shot]:
    """Give the stretches between cuts, and between the middles of what is black, over the whole length.

    A fade from picture to picture is no cut: it is part of both, and lies in one shot with them.
    """
    least = SHORTEST_SHOT_MILLIS * 1000
    edges = [0]
    for at in sorted([*survey.cuts_micros, *_middles_of_black(survey)]):
        if edges[-1] + least <= at <= duration_micros - least:
            edges.append(at)
    return [Shot(begin, end) for begin, end in pairwise([*edges, max(duration_micros, 1)])]


def _middles_of_black(survey: Survey) -> list[int]:
    """Give the middle of each stretch of black that pictures fade into and out of, in microseconds.

    One that a cut begins or ends is a shot of its own, and needs no further edge.
    """
    middles: list[int] = []
    for dark, run in groupby(
        range(len(survey.samples)), key=lambda i: survey.samples[i].exposure < BLACK_BELOW
    ):
        places = list(run)
        if not dark or places[0] == 0 or places[-1] == len(survey.samples) - 1:
            continue
        begin, end = (survey.samples[place].at_millis * 1000 for place in (places[0] - 1, places[-1] + 1))
        if not any(begin < cut <= end for cut in survey.cuts_micros):
            middles.append((begin + end) // 2)
    return middles


def faces_seen(survey: Survey) -> list[tuple[Face, ...]]:
    """Give each sample's faces, as of the last look, without those that were there at a single look only.

    The detector takes a pattern for a face now and then, but hardly ever the same one twice.
    """
    looks = [(index, sample.faces) for index, sample in enumerate(survey.samples) if sample.faces is not None]
    kept: dict[int, tuple[Face, ...]] = {}
    for place, (index, faces) in enumerate(looks):
        others = [
            face
            for _, near in (*looks[max(0, place - 1) : place], *looks[place + 1 : place + 2])
            for face in near
        ]
        kept[index] = faces if len(looks) == 1 else tuple(face for face in faces if _again(face, others))
    seen: list[tuple[Face, ...]] = []
    for index in range(len(survey.samples)):
        seen.append(kept[index] if index in kept else (seen[-1] if seen else ()))
    return seen


def _again(face: Face, others: Iterable[Face]) -> bool:
    """Say whether one of the others may be the same face."""
    x, y = face.middle
    return any(
        abs(x - other.middle[0]) < 1.5 * face.width and abs(y - other.middle[1]) < 1.5 * face.height
        for other in others
    )


def small_size(media: Media) -> tuple[int, int]:
    """Give width and height in pixels of the small pictures: even, the longer at most SIDE."""
    width, height = media.width or 2, media.height or 2
    scale = min(1.0, SIDE / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def sampling_rate(media: Media) -> float:
    """Give how many samples a second are taken of a video."""
    length = (media.duration_millis or 0) / 1000
    return min(SAMPLES_A_SECOND, MAX_SAMPLES / length) if length else SAMPLES_A_SECOND


def samples_between_looks(media: Media) -> int:
    """Give at every how many samples faces are looked for."""
    if media.file_type is FileType.IMAGE:
        return 1
    length, rate = (media.duration_millis or 0) / 1000, sampling_rate(media)
    looks = min(LOOKS_FOR_FACES_A_SECOND, MAX_LOOKS_FOR_FACES / length if length else 1.0)
    return max(1, round(rate / looks))
