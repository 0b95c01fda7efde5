"""What would come out differently today: operations whose engine, model or operation has another version now. Pure.

Nothing of this is ever written: a newer version makes neither a write nor a Job. Whoever wants the newer result asks
for it (`mediaops.dev/reprocess`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mediaops.models.processingjob import ProcessingJob
from mediaops.planner.steps import Step


@dataclass(frozen=True)
class Outdated:
    """One operation that would come out differently."""

    operation: str
    changed: Mapping[str, tuple[str | None, str | None]]
    """Version it was made with, and today's, by what it is the version of; None: it had, or has, no part in it."""
    reads: str | None = None
    """An operation that it reads and that is outdated itself."""

    @property
    def words(self) -> str:
        """Say why, for people."""
        parts = [f"{name} {made or 'none'} → {now or 'none'}" for name, (made, now) in self.changed.items()]
        return ", ".join([*parts, *([f"reads {self.reads}"] if self.reads else [])])


@dataclass(frozen=True)
class Made:
    """One operation, and by which versions it was made and would be made today."""

    operation: str
    versions: Mapping[str, str]
    today: Mapping[str, str]
    needs: Sequence[str]
    """Operations that it reads."""


def outdated(made: Iterable[Made]) -> list[Outdated]:
    """Name those of an asset's operations, given in their order, that would come out differently."""
    found: dict[str, Outdated] = {}
    for one in made:
        names = sorted(one.versions.keys() | one.today.keys())
        pairs = {name: (one.versions.get(name), one.today.get(name)) for name in names}
        changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        reads = next((name for name in one.needs if name in found), None)
        if changed or reads:
            found[one.operation] = Outdated(one.operation, changed, reads)
    return list(found.values())


def made_of(step: Step, job: ProcessingJob) -> Made:
    """Compare an operation with the ProcessingJob that it has."""
    versions = {version.name: version.version for version in job.spec.versions}
    return Made(step.name, versions, step.versions, step.needs)
