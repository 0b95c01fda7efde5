"""From figures and limits to what holds and what doesn't, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mediaops import measures
from mediaops.measures import Measure
from mediaops.models.quality import Figures, LoudnessRange, QualityChecks
from mediaops.reasons import Reason


@dataclass(frozen=True)
class Check:
    """One limit."""

    measure: Measure
    figure: str
    """Name of the figure it is held against."""
    field: str
    """The field of qualityChecks that sets it."""
    limit: int
    most: bool
    """True: the figure may be at most this; False: at least."""
    words: str
    """How the figure reads, with {} for the value."""

    def holds(self, value: float) -> bool:
        """Say whether a figure is within the limit."""
        return value <= self.limit if self.most else value >= self.limit


@dataclass(frozen=True)
class Finding:
    """How one file stands against one limit."""

    of: str
    check: Check
    state: Literal["holds", "fails", "unmeasurable"]
    words: str


def limits(checks: QualityChecks) -> list[Check]:
    """Give every limit that is set."""
    loud = checks.loudness or LoudnessRange()
    black, frozen, silent = checks.max_black_seconds, checks.max_frozen_seconds, checks.max_silent_seconds
    picture, sound, transcript = Measure.PICTURE, Measure.SOUND, Measure.TRANSCRIPT
    rows: list[tuple[Measure, str, str, int | None, bool, str]] = [
        (Measure.VMAF, measures.VMAF, "minVmaf", checks.min_vmaf, False, "VMAF {}"),
        (sound, measures.LUFS, "loudness.minLufs", loud.min_lufs, False, "{} LUFS"),
        (sound, measures.LUFS, "loudness.maxLufs", loud.max_lufs, True, "{} LUFS"),
        (
            sound, measures.TRUE_PEAK, "loudness.maxTruePeakDbtp",
            loud.max_true_peak_dbtp, True, "a true peak of {} dBTP",
        ),
        (picture, measures.BLACK, "maxBlackSeconds", black, True, "{} s black"),
        (picture, measures.FROZEN, "maxFrozenSeconds", frozen, True, "{} s frozen"),
        (sound, measures.SILENT, "maxSilentSeconds", silent, True, "{} s silent"),
        (
            transcript, measures.FASTEST_CUE, "maxCharactersPerSecond",
            checks.max_characters_per_second, True, "a cue of {} characters/s",
        ),
        (
            transcript, measures.CONFIDENCE, "minConfidencePercent",
            checks.min_confidence_percent, False, "a confidence of {} %",
        ),
    ]  # fmt: skip
    return [
        Check(measure, figure, field, limit, most, words)
        for measure, figure, field, limit, most, words in rows
        if limit is not None
    ]


def judged(checks: QualityChecks, found: Iterable[Figures]) -> list[Finding]:
    """Hold all figures against all limits; by file, in the order of the figures."""
    return [finding for figures in found for finding in _judged(limits(checks), figures)]


def _judged(checks: Iterable[Check], figures: Figures) -> Iterator[Finding]:
    values: Mapping[str, str] = {value.name: value.value for value in figures.values}
    for check in checks:
        if check.measure is not figures.measure:
            continue
        value = values.get(check.figure)
        if value is None:
            words = f"{figures.of}: {_unmeasurable(check, figures)}"
            yield Finding(figures.of, check, "unmeasurable", words)
            continue
        said = f"{figures.of}: {check.words.format(value)}"
        if check.holds(float(value)):
            yield Finding(figures.of, check, "holds", said)
        else:
            bound = "at most" if check.most else "at least"
            yield Finding(figures.of, check, "fails", f"{said}, {check.field} allows {bound} {check.limit}")


def _unmeasurable(check: Check, figures: Figures) -> str:
    """Say why there is no figure, and which check to leave out."""
    known = Reason.of(figures.nothing) if figures.nothing else None
    why = known.sentence if known else "The engine doesn't say how sure it is."
    return f"{why[0].lower()}{why[1:].removesuffix('.')}: leave {check.field} out"


def summary(findings: Iterable[Finding]) -> str:
    """Say in a sentence what was found, each figure once."""
    return "; ".join(dict.fromkeys(finding.words for finding in findings))
