"""What must be found out about a file before its graph can be written down. Pure.

A plan that lacks a finding names the analysis that gives it (`PassPlan.wanted`) instead of the commands. The
shell runs it and plans again with what was found, until nothing is wanted:

    plan → wanted → findings → plan → … → commands

So an analysis is named in the plan, shared by all steps that ask for the same one, and may itself depend on
an earlier finding. Adding one: a kind here, its finding in `Findings`, the place in the planner that asks for
it, and a module of the same name in `mediaops_ops.analyses`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediaops.models.base import Model
from mediaops.operations.compress import Codec
from mediaops.operations.loudness import LoudnessFound
from mediaops.operations.quality import QualityFound
from mediaops.segments import Cuts
from mediaops.survey import Survey


class AnalysisKind(StrEnum):
    """What can be found out."""

    LOUDNESS = "loudness"
    """How loud the whole sound is, by EBU R128."""
    SURVEY = "survey"
    """What the picture shows, seen small: cuts, light, sharpness, movement, faces."""
    ENCODERS = "encoders"
    """Which formats the node's GPU encodes, and whether it decodes the file, for steps that ask for a GPU."""
    CUTS = "cuts"
    """Where the film is cut into segments, which go by its keyframes."""
    QUALITY = "quality"
    """Which crf brings a step's picture, as it comes out of its chain, to the VMAF asked for."""


@dataclass(frozen=True)
class Analysis:
    """One thing to find out, for one step or more."""

    kind: AnalysisKind
    steps: tuple[str, ...]
    """The steps that wait for it, by name."""

    @property
    def words(self) -> str:
        """Say what it is, for people."""
        return f"{self.kind.value} for {', '.join(self.steps)}"


class Findings(Model):
    """What analyses have found so far."""

    loudness: LoudnessFound | None = None
    """Of the file's sound."""
    survey: Survey | None = None
    """Of the file's upright picture."""
    encoders: tuple[Codec, ...] | None = None
    """What the GPU encodes; empty: nothing."""
    decodes: bool = False
    """The GPU decodes the file."""
    cuts: Cuts | None = None
    """Of the file's picture."""
    qualities: dict[str, QualityFound] = {}
    """By step."""


def supposed(analysis: Analysis, findings: Findings) -> Findings:
    """Give findings as a preview supposes them: of a file that nobody has looked at."""
    match analysis.kind:
        case AnalysisKind.LOUDNESS:
            ordinary = LoudnessFound(integrated_lufs=-20, true_peak_dbtp=-3, range_lu=7, threshold_lufs=-30)
            return findings.model_copy(update={"loudness": ordinary})
        case AnalysisKind.SURVEY:
            return findings.model_copy(update={"survey": Survey()})
        case AnalysisKind.ENCODERS:
            return findings.model_copy(update={"encoders": ()})
        case AnalysisKind.CUTS:
            return findings.model_copy(update={"cuts": Cuts(ticks_per_second=(1000, 1), starts=[0, 30_000])})
        case AnalysisKind.QUALITY:
            ordinary_picture = QualityFound(crf=24, vmaf=95, kbps=2000)
            qualities = findings.qualities | dict.fromkeys(analysis.steps, ordinary_picture)
            return findings.model_copy(update={"qualities": qualities})
