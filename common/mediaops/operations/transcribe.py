"""Transcription: parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from mediaops.models.base import FileType
from mediaops.operations.base import Makes, Operation, Parameters


class TranscribeEngine(StrEnum):
    """Who listens."""

    POCKETSPHINX = "pocketsphinx"
    OPENAI = "openai"


class TranscriptFormat(StrEnum):
    """How a transcript is written down."""

    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"


DEFAULT_MODELS = {TranscribeEngine.POCKETSPHINX: "en-us", TranscribeEngine.OPENAI: "whisper-1"}


class TranscribeParameters(Parameters):
    """Write down what is said, with times."""

    engine: TranscribeEngine = TranscribeEngine.POCKETSPHINX
    """Who listens: pocketsphinx (default; offline, English, modest quality) or openai."""
    model: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The engine's model. Default: en-us for pocketsphinx, whisper-1 for openai."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", max_length=3)] | None = None
    """Spoken language as an ISO 639 code, such as en. Default: what the engine detects; pocketsphinx knows
    en only."""
    formats: Annotated[list[TranscriptFormat], Field(min_length=1, max_length=4)] = list(TranscriptFormat)
    """Files to write; json is always among them, because captions and subtitles read it."""

    def resolved(self, file_type: FileType) -> TranscribeParameters:  # noqa: ARG002
        """Fill in the engine's default model, and json among the formats."""
        formats = sorted({*self.formats, TranscriptFormat.JSON})
        return self.model_copy(
            update={"model": self.model or DEFAULT_MODELS[self.engine], "formats": formats}
        )

    def outside_engine(self) -> str | None:
        """Name the engine that runs outside the image."""
        return None if self.engine is TranscribeEngine.POCKETSPHINX else self.engine.value

    def versions(self) -> dict[str, str]:
        """Give the version of the engine's use here; the model's name stands among the parameters."""
        return {self.engine.value: ENGINE_VERSIONS[self.engine]}


ENGINE_VERSIONS = {TranscribeEngine.POCKETSPHINX: "5", TranscribeEngine.OPENAI: "1"}

OPERATION = Operation(
    name="transcribe",
    parameters=TranscribeParameters,
    takes=frozenset({FileType.VIDEO, FileType.AUDIO}),
    makes=Makes.TRANSCRIPT,
    version="2",
)
