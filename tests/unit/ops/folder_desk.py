"""A pass's desk over local files, for tests that look at what a pass makes."""

from __future__ import annotations

from pathlib import Path

from mediaops.media import Media
from mediaops.models.work import ObjectRef, StepOrder
from mediaops_ops.outcome import StepOutcome


class Folder:
    """A desk whose files are all local (mediaops_ops.passes.Desk)."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self.outcomes: dict[str, StepOutcome] = {}
        self.media: Media | None = None
        self.read_files: dict[str, Path] = {}

    def source(self) -> Path:
        return self._source

    def read(self, ref: ObjectRef, _role: str) -> Path:
        return self.read_files[ref.key]

    def made(self, _step: StepOrder, _name: str) -> Path | None:
        return None

    def settle(self, step: StepOrder, outcome: StepOutcome, media: Media | None) -> None:
        self.outcomes[step.name], self.media = outcome, media

    def progress(self, step: str, fraction: float) -> None:
        assert step
        assert 0 <= fraction <= 1
