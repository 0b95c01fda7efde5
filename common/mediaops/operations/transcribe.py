"""Transcription: parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.transcript import Language


class TranscribeEngine(StrEnum):
    """Who listens."""

    POCKETSPHINX = "pocketsphinx"
    OPENAI = "openai"
    FASTER_WHISPER = "faster-whisper"


class TranscriptFormat(StrEnum):
    """How a transcript is written down."""

    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"


DEFAULT_MODELS = {
    TranscribeEngine.POCKETSPHINX: "en-us",
    TranscribeEngine.OPENAI: "whisper-1",
    TranscribeEngine.FASTER_WHISPER: "small",
}
TRANSLATOR = "openai"
"""The engine that translates, whoever listened."""
TRANSLATION_MODEL = "gpt-4o-mini"
MAX_LANGUAGES = 15
"""With the language spoken, four files each: the 64 outputs that a status holds."""

SET = {"x-kubernetes-list-type": "set"}
Term = Annotated[str, Field(min_length=1, max_length=63)]


class TranscribeParameters(Parameters):
    """Write down what is said, with times, and translate it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.translationModel) || has(self.translateTo)",
                "translationModel chooses who translates: give translateTo too",
            )
        )
    )

    engine: TranscribeEngine = TranscribeEngine.POCKETSPHINX
    """Who listens: pocketsphinx (default; offline, English, modest quality), faster-whisper (offline, on the
    GPU if there is one, in images that have it) or openai."""
    model: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The engine's model. Default: en-us for pocketsphinx, small for faster-whisper (a name or a path below
    the image's models folder), whisper-1 for openai, whose newer models (gpt-transcribe,
    gpt-4o-transcribe, …) measure no words' times."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", max_length=3)] | None = None
    """Spoken language as an ISO 639 code, such as en. Default: what the engine detects; pocketsphinx knows
    en only."""
    word_timestamps: bool = True
    """Have words' times measured where the engine can; otherwise words share their segment's time by length."""
    vad: bool = True
    """Leave out what a voice activity detector takes for silence, noise or music, which keeps engines from
    making words up. false: listen to all of it."""
    formats: Annotated[list[TranscriptFormat], Field(min_length=1, max_length=4)] = list(TranscriptFormat)
    """Files to write; json is always among them, because captions and subtitles read it."""
    translate_to: (
        Annotated[list[Language], Field(min_length=1, max_length=MAX_LANGUAGES, json_schema_extra=SET)] | None
    ) = None
    """Languages to translate into, as BCP 47 writes them, such as de, pt-BR or zh-Hant. openai translates,
    whoever listened."""
    translation_model: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Who translates. Default: gpt-4o-mini."""
    glossary: Annotated[list[Term], Field(min_length=1, max_length=100, json_schema_extra=SET)] | None = None
    """Names and terms that are said, spelt as they are to be written; translations keep them as they are."""

    def resolved(self, file_type: FileType) -> TranscribeParameters:  # noqa: ARG002
        """Fill in the engines' default models, and json among the formats."""
        return self.model_copy(
            update={
                "model": self.model or DEFAULT_MODELS[self.engine],
                "formats": sorted({*self.formats, TranscriptFormat.JSON}),
                "translate_to": sorted(set(self.translate_to)) if self.translate_to else None,
                "translation_model": (
                    self.translation_model or TRANSLATION_MODEL if self.translate_to else None
                ),
            }
        )

    def outside_engine(self) -> str | None:
        """Name the engine that runs outside the image: who listens, or who translates what was heard here."""
        if self.engine is TranscribeEngine.OPENAI or self.translate_to:
            return TRANSLATOR
        return None

    def versions(self) -> dict[str, str]:
        """Give the versions of the engines' use here; the models' names stand among the parameters."""
        translation = {"translation": TRANSLATION_VERSION} if self.translate_to else {}
        return {self.engine.value: ENGINE_VERSIONS[self.engine], **translation}


ENGINE_VERSIONS = {
    TranscribeEngine.POCKETSPHINX: "8",
    TranscribeEngine.OPENAI: "2",
    TranscribeEngine.FASTER_WHISPER: "1",
}
TRANSLATION_VERSION = "1"

OPERATION = Operation(
    name="transcribe",
    parameters=TranscribeParameters,
    takes=frozenset({FileType.VIDEO, FileType.AUDIO}),
    makes=Makes.TRANSCRIPT,
    version="2",
    work=3.0,
)
