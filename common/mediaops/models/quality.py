"""Quality checks: what the files that are published have to come up to, and the figures that were measured.

Limits and figures are apart on purpose. Figures are measured once and kept in status; limits are compared with them
whenever the spec says others, and nothing is measured again for that.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.measures import Measure
from mediaops.models.base import Model, Reference, Time, rules
from mediaops.models.conditions import NamedValue
from mediaops.models.usage import Cost

LongestSeconds = Annotated[int, Field(ge=1, le=3600)]
"""The longest stretch in seconds that is allowed."""
Lufs = Annotated[int, Field(ge=-70, le=0)]
"""A loudness in LUFS."""


class LoudnessRange(Model):
    """How loud the sound may be, by EBU R128."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(
            (
                "has(self.minLufs) || has(self.maxLufs) || has(self.maxTruePeakDbtp)",
                "loudness needs minLufs, maxLufs or maxTruePeakDbtp",
            ),
            (
                "!has(self.minLufs) || !has(self.maxLufs) || self.minLufs <= self.maxLufs",
                "loudness.minLufs must not be above maxLufs",
            ),
        ),
    )

    min_lufs: Lufs | None = None
    """Lowest integrated loudness in LUFS. A target of -14 with a tolerance of 1 is minLufs -15, maxLufs -13."""
    max_lufs: Lufs | None = None
    """Highest integrated loudness in LUFS."""
    max_true_peak_dbtp: Annotated[int, Field(ge=-20, le=3)] | None = None
    """Highest true peak in dBTP."""


class QualityChecks(Model):
    """What every file that is published (without targets: the primary one) has to come up to. A check that fails
    holds back publishing; files are kept, and other limits are compared with the figures that are known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=rules(
            (
                "has(self.minVmaf) || has(self.loudness) || has(self.maxBlackSeconds) || has(self.maxFrozenSeconds) "
                "|| has(self.maxSilentSeconds) || has(self.maxCharactersPerSecond) || has(self.minConfidencePercent)",
                "qualityChecks needs at least one check, such as minVmaf (or leave qualityChecks out)",
            )
        ),
    )

    min_vmaf: Annotated[int, Field(ge=1, le=100)] | None = None
    """Lowest VMAF of each rendition against the source through the same crops and filters, before it is encoded."""
    loudness: LoudnessRange | None = None
    """How loud the sound may be."""
    max_black_seconds: LongestSeconds | None = None
    """Longest black stretch in seconds."""
    max_frozen_seconds: LongestSeconds | None = None
    """Longest stretch in seconds in which the picture stands still; a black one stands still too."""
    max_silent_seconds: LongestSeconds | None = None
    """Longest silent stretch in seconds: below -50 dBFS."""
    max_characters_per_second: Annotated[int, Field(ge=1, le=100)] | None = None
    """Fastest subtitle cue of each transcribe operation, in characters a second, in whichever of its languages."""
    min_confidence_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """Lowest mean confidence of each transcribe operation's words, in percent, as its engine gives it."""

    @property
    def measures(self) -> frozenset[Measure]:
        """Name what has to be measured for these checks, where a file can have it."""
        asked = {
            Measure.PICTURE: (self.max_black_seconds, self.max_frozen_seconds),
            Measure.SOUND: (self.loudness, self.max_silent_seconds),
            Measure.VMAF: (self.min_vmaf,),
            Measure.TRANSCRIPT: (self.max_characters_per_second, self.min_confidence_percent),
        }
        return frozenset(
            measure for measure, limits in asked.items() if any(one is not None for one in limits)
        )


class Figures(Model):
    """What one measurement of one file found."""

    of: Reference
    """The operation whose output was measured, or source."""
    measure: Measure
    """What was measured."""
    step_key: Annotated[str, Field(min_length=1, max_length=64)]
    """Address of the measurement's result: WORKSPACE/steps/STEPKEY/. Another file has another."""
    values: Annotated[list[NamedValue], Field(max_length=8)] = []
    """The figures, such as vmaf 93.1."""
    nothing: Annotated[str, Field(max_length=63)] | None = None
    """Why there was nothing to measure: one word of the table of reasons."""


class QualityStatus(Model):
    """What is known of the published files' quality, and how measuring it went."""

    figures: Annotated[list[Figures], Field(max_length=128)] = []
    """All that was measured of the files as they are now."""
    round: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Round of attempts."""
    attempts: Annotated[int, Field(ge=0, le=1000)] = 0
    """Attempts counted in this round, of Jobs that only measure; what a pass measures by the way counts none."""
    jobs: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Jobs that only measure, concluded in this round; part of the next one's name."""
    job_name: Annotated[str, Field(max_length=63)] | None = None
    """The Job that measures, or measured last."""
    next_attempt_time: Time | None = None
    """Not before this time (RFC 3339) is the next Job made."""
    cost: Cost | None = None
    """What measuring used up."""
