"""What is measured of finished files for quality checks: the measurements, their figures, and how to read them. Pure.

A measurement is a step like any other: it has a step key, leaves a `result.json` without files, and is found before
it is made again. One file and one kind make one measurement, so that another check measures only what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from mediaops.scripts import clusters
from mediaops.transcript import Cue


class Measure(StrEnum):
    """One kind of measurement: what comes of one reading of a file."""

    PICTURE = "picture"
    SOUND = "sound"
    VMAF = "vmaf"
    TRANSCRIPT = "transcript"

    @property
    def step_type(self) -> str:
        """Name the type of its step in work orders."""
        return f"measure{self.value.capitalize()}"


STEP_TYPES = {measure.step_type: measure for measure in Measure}
VERSIONS = dict.fromkeys(Measure, "1")
"""Semantic version of each measurement; part of its step key."""

VMAF = "vmaf"
LUFS, TRUE_PEAK = "integrated_lufs", "true_peak_dbtp"
BLACK, FROZEN, SILENT = "longest_black_seconds", "longest_frozen_seconds", "longest_silent_seconds"
FASTEST_CUE, CONFIDENCE = "fastest_cue_characters_per_second", "confidence_percent"

LEAST_STRETCH_SECONDS = 0.5
"""Shorter stretches count as none: cuts through black and held pictures of animations are no faults."""
BLACK_FILTER = "blackdetect=d=0.1:pic_th=0.98:pix_th=0.10"
"""Black: at least 98 % of the pixels are in the lowest tenth of the range."""
FROZEN_FILTER = f"freezedetect=n=-60dB:d={LEAST_STRETCH_SECONDS:g}"
"""Frozen: pixels differ by less than a thousandth of the range on the average."""
SILENT_FILTER = f"silencedetect=n=-50dB:d={LEAST_STRETCH_SECONDS:g}"
BLACK_KEYS = ("lavfi.black_start", "lavfi.black_end")
FROZEN_KEYS = ("lavfi.freezedetect.freeze_start", "lavfi.freezedetect.freeze_end")
SILENT_KEYS = ("lavfi.silence_start", "lavfi.silence_end")

LEAST_SIDE = 32
"""Shorter side in pixels from which there is a VMAF: below 24 libvmaf breaks."""
SCORED_PICTURES = 600
"""Pictures of a film that VMAF is computed of, evenly spread; all of a film that has no more."""

_VALUE = re.compile(r"^(lavfi\.[\w.]+)=(-?[\d.]+)$", re.MULTILINE)


def longest(printed: str, keys: tuple[str, str], end_seconds: float) -> float:
    """Give the longest stretch in seconds in what FFmpeg's (a)metadata filter printed.

    `keys` say where a stretch begins and ends. One that runs to the end of the file, whose length is `end_seconds`,
    has no end in print.
    """
    start, stretches = None, [0.0]
    for key, value in _VALUE.findall(printed):
        if key == keys[0]:
            start = float(value)
        elif key == keys[1] and start is not None:
            stretches.append(float(value) - start)
            start = None
    if start is not None:
        stretches.append(end_seconds - start)
    found = max(stretches)
    return found if found >= LEAST_STRETCH_SECONDS else 0.0


def scored_every(pictures: float) -> int:
    """Give of how many pictures each time one is scored, for a film of that many."""
    return max(1, -(-round(pictures) // SCORED_PICTURES))


def characters_per_second(cues: Iterable[Cue]) -> float:
    """Give how fast the fastest cue has to be read; 0 where there is none."""
    return max((_speed(cue) for cue in cues), default=0.0)


def _speed(cue: Cue) -> float:
    """Count a letter with its marks as one character, as readers do."""
    return sum(1 for _ in clusters(cue.text)) * 1000 / max(1, cue.end_millis - cue.start_millis)
