"""Loudness by EBU R128: measured over the whole sound first, then brought to the target. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import Model

SILENT_LUFS = -70.0
"""The gate of ITU-R BS.1770: what is not louder has no loudness."""
LEAST_RANGE_LU, LARGEST_RANGE_LU = 1.0, 50.0
"""Bounds of loudnorm's option LRA."""

MEASURING = "loudnorm=print_format=json"
"""The filter that measures a sound, and writes the figures down when it ends."""


class Loudness(Model):
    """The loudness to bring the sound to, by EBU R128."""

    model_config = ConfigDict(extra="forbid")

    integrated_lufs: Annotated[int, Field(ge=-40, le=-5)] = -14
    """Integrated loudness in LUFS. Default: -14, what large platforms play at; EBU R128 itself asks for -23."""
    true_peak_dbtp: Annotated[int, Field(ge=-9, le=0)] = -1
    """Highest true peak in dBTP. Default: -1."""


class LoudnessFound(Model):
    """What a sound measures, as FFmpeg's loudnorm says it."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float
    threshold_lufs: float

    @property
    def silent(self) -> bool:
        """Say whether there is nothing to make louder."""
        return self.integrated_lufs <= SILENT_LUFS


def normalising(wanted: Loudness, found: LoudnessFound) -> str | None:
    """Give the filter that brings a measured sound to its target; None for silence.

    It is one gain for the whole sound, which leaves its dynamics as they are, wherever the peaks allow that; where
    they don't, loudnorm evens the sound out as it goes.
    """
    if found.silent:
        return None
    spread = min(max(found.range_lu, LEAST_RANGE_LU), LARGEST_RANGE_LU)
    # A measured range of 0 means "not measured" to loudnorm, and the target's has to be as large.
    return (
        f"loudnorm=I={wanted.integrated_lufs}:TP={wanted.true_peak_dbtp}:LRA={spread:g}:linear=true"
        f":measured_I={found.integrated_lufs:g}:measured_TP={found.true_peak_dbtp:g}"
        f":measured_LRA={max(found.range_lu, 0.1):g}:measured_thresh={found.threshold_lufs:g},"
        "aresample=48000"  # loudnorm may work at 192 kHz
    )
