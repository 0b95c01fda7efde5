"""What every operation declares: its parameters, what it takes, what it makes, and its versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict

from mediaops.models.base import FileReference, FileType, Model
from mediaops.picture import Change, Picture


class Parameters(Model):
    """The typed parameters of one operation; unknown names are refused, because a typo must not pass."""

    model_config = ConfigDict(extra="forbid")

    def resolved(self, file_type: FileType) -> Parameters:  # noqa: ARG002
        """Give the same parameters with every default that depends on the file type filled in."""
        return self

    def outside_engine(self) -> str | None:
        """Name the outside engine whose credential this needs, or None if the image alone does it."""
        return None

    def files(self) -> tuple[FileReference, ...]:
        """Give the files of the workspace's storage that these name."""
        return ()

    def content(self) -> dict[str, Any]:
        """Give what decides about the output, for step keys: a file counts by its hash, wherever it lies.

        What isn't set is left out, so that a parameter that is added changes no key. Names of other operations
        are left out, because their step keys count, and platforms, which count as resolved.
        """
        return self.model_dump(mode="json", exclude_none=True, exclude={"transcript_from", "platforms"})

    def versions(self) -> dict[str, str]:
        """Give the semantic version of each engine and model whose change changes the output."""
        return {}


class Makes(StrEnum):
    """What an operation leaves behind."""

    RENDITION = "rendition"
    """One media file that further transforms may read."""
    TRANSCRIPT = "transcript"
    TEXT = "text"
    IMAGES = "images"


@dataclass(frozen=True)
class Operation:
    """One row of the registry."""

    name: str
    parameters: type[Parameters]
    takes: frozenset[FileType]
    makes: Makes
    version: str
    """Semantic version of what this operation does; part of every step key below it."""
    work: float
    """Seconds of one processor for a second of media of 1920 by 1080 pixels, rather too many: for budgets, and by
    what it counts in the progress of a pass."""
    plan: Callable[[Any, Picture], Change] | None = None
    """What makes a rendition: gives what its parameters do to a picture, or raises PlanError. Pure."""

    @property
    def transforms(self) -> bool:
        """Say whether its output is media that another operation may take as input."""
        return self.makes is Makes.RENDITION

    def parse(self, block: dict[str, Any]) -> Parameters:
        """Read a block as the API server admitted it; raises pydantic.ValidationError otherwise."""
        return self.parameters.model_validate(block)
