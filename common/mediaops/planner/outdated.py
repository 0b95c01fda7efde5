"""What would come out differently today: operations whose engine, model or operation has another version now. Pure.

Nothing of this is ever written: a newer version makes neither a write nor a Job. Whoever wants the newer result asks
for it (`mediaops.dev/reprocess`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def outdated(settled: Iterable[tuple[Step, ProcessingJob]]) -> list[Outdated]:
    """Compare an asset's operations, in their order, with the ProcessingJobs that they have."""
    found: dict[str, Outdated] = {}
    for step, job in settled:
        made = {version.name: version.version for version in job.spec.versions}
        names = sorted(made.keys() | step.versions.keys())
        pairs = {name: (made.get(name), step.versions.get(name)) for name in names}
        changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        reads = next((name for name in step.needs if name in found), None)
        if changed or reads:
            found[step.name] = Outdated(step.name, changed, reads)
    return list(found.values())
