"""Passes over local files, as `run` does them, without storage: for benchmarks and the pictures in the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder
from mediaops_ops.outcome import StepError, StepOutcome
from mediaops_ops.passes import Pass


class Desk:
    """A pass's desk over one local source (mediaops_ops.passes.Desk)."""

    def __init__(self, source: Path, files: Mapping[str, Path]) -> None:
        self._source = source
        self._files = files
        self.outcomes: dict[str, StepOutcome] = {}

    def source(self) -> Path:
        """Give the source."""
        return self._source

    def read(self, ref: ObjectRef, role: str) -> Path:
        """Give what an earlier pass left, by its key."""
        if ref.key not in self._files:
            raise StepError("InternalError", f"There is no {role} {ref.key}.", permanent=True)
        return self._files[ref.key]

    def made(self, step: StepOrder, name: str) -> Path | None:  # noqa: ARG002
        """Give nothing: no step was done before."""
        return None

    def settle(self, step: StepOrder, outcome: StepOutcome, media: Media | None) -> None:  # noqa: ARG002
        """Keep what a step made."""
        self.outcomes[step.name] = outcome

    def progress(self, step: str, fraction: float) -> None:
        """Nobody watches."""


def made(
    source: Path,
    file_type: FileType,
    steps: Sequence[StepOrder],
    folder: Path,
    files: Mapping[str, Path] | None = None,
) -> dict[str, StepOutcome]:
    """Run steps over a file; gives what each made. Raises RuntimeError where one failed.

    `files`: what earlier passes left, by the key under which a step reads it.
    """
    desk = Desk(source, files or {})
    work = Pass(steps, file_type, folder, desk)
    work.run()
    if work.failures:
        raise RuntimeError(f"{source.name}: {[failure.message for failure in work.failures]}")
    return desk.outcomes
