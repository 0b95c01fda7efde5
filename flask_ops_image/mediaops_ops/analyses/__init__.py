"""Finding out what a plan wants to know of a file (mediaops.graph.analyses): a module for each kind.

Each has `find(subject) -> Findings`, which gives back what was found before and its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mediaops.graph import Analysis, Findings
from mediaops.media import Media
from mediaops.models.work import StepOrder
from mediaops.picture import GraphFile
from mediaops_ops.outcome import Progress


@dataclass(frozen=True)
class Subject:
    """What an analysis is to look at."""

    analysis: Analysis
    source: Path
    media: Media
    steps: Sequence[StepOrder]
    """All steps that read this file in the pass."""
    findings: Findings
    """What is known already."""
    folder: Path
    """Where files may be left meanwhile."""
    progress: Progress
    write_file: Callable[[GraphFile], None] = lambda _: None
    """Writes a file that a filter of the graph reads."""


def find(subject: Subject) -> Findings:
    """Carry out an analysis; raises StepError."""
    module = import_module(f"mediaops_ops.analyses.{subject.analysis.kind.value}")
    found: Findings = module.find(subject)
    return found
