"""What a runner is given, what it hands back, and how it fails.

A runner is `run(step, inputs) -> StepOutcome`: it works on files that the pass has prepared and leaves its
own files in `inputs.work_dir`. It knows nothing of storage, backend or work orders' other steps. It never
catches BaseException: a stop from outside (SIGTERM, deadline, disk limit) reaches it as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mediaops.models.base import FileType
from mediaops.models.usage import Usage
from mediaops.models.work import PostText
from mediaops.reasons import Reason

if TYPE_CHECKING:
    from mediaops.graph.measuring import Way

Progress = Callable[[float], None]
"""Takes the fraction done, 0.0 to 1.0; cheap to call often, never raises."""


def divided(progress: Progress, share: float) -> tuple[Progress, Progress]:
    """Give a first part's progress, which moves the whole by `share` of it, and that of what is left."""
    return lambda done: progress(done * share), lambda done: progress(share + done * (1 - share))


@dataclass(frozen=True)
class Finished:
    """What a measurement reads."""

    files: tuple[Path, ...]
    """The rendition or source; of a transcription transcript.json, then its translations; empty: it was skipped."""
    source: Path | None = None
    """The source, where the rendition is held against it."""
    way: Way | None = None
    """How the source's picture becomes the one that was encoded; what filters read lies in the work folder."""


@dataclass(frozen=True)
class Inputs:
    """What a pass has ready for one step."""

    work_dir: Path
    """A folder of the step's own, empty at first; output files are left here."""
    progress: Progress
    file_type: FileType
    """What the source is."""
    duration_millis: int | None = None
    """Length of the source, where it has one."""
    audio: Path | None = None
    """Sound of the input for listening (16 kHz mono; Opus for engines outside, else WAV); None: it has none."""
    transcript: Path | None = None
    """transcript.json that the step reads; None: it reads none, or there is none."""
    frames: tuple[Path, ...] = ()
    """A few small JPEGs of the picture in order of time; empty for sound."""
    attributes: dict[str, str] = field(default_factory=dict)
    """The asset's attributes."""
    finished: Finished | None = None
    """What a measurement reads; None for operations."""


@dataclass(frozen=True)
class OutputFile:
    """A file that a step made, before it is stored."""

    name: str
    """Its name in the result: rendition, transcript.json, thumbnail-0, …"""
    path: Path
    """Where it lies; its suffix becomes the stored key's."""
    media_type: str
    """IANA media type."""
    width_pixels: int | None = None
    height_pixels: int | None = None
    duration_millis: int | None = None

    @cached_property
    def sha256(self) -> str:
        """Give the hash of what it holds, in hex."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def stored_name(self) -> str:
        """Give its name in storage, in its step's folder: its own hash, so two writers do no harm."""
        return f"{self.sha256}{self.path.suffix}"


@dataclass(frozen=True)
class StepOutcome:
    """What came out of one step."""

    files: tuple[OutputFile, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    """Short figures and words (≤ 32 names of ≤ 40, values of ≤ 256 characters)."""
    texts: tuple[PostText, ...] = ()
    """caption: what it wrote."""
    skipped: Reason | None = None
    """Why there was nothing to do; the reason of the failure if the step is required."""
    usage: Usage = field(default_factory=Usage)
    """What it used up; the pass fills it in."""


class StepError(Exception):
    """A step failed; reason and message are shown to people, so they hold no addresses and no secrets."""

    def __init__(self, reason: str, message: str, *, permanent: bool = False) -> None:
        """Take one CamelCase word, a sentence (cut at 512 characters), and whether trying again is futile."""
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message[:512]
        self.permanent = permanent


class Unreachable(StepError):
    """Something outside (storage, backend, engine, source) stayed out of reach: again later, not counted."""

    def __init__(self, reason: str, message: str) -> None:
        """Take one CamelCase word and a sentence."""
        super().__init__(reason, message, permanent=False)
