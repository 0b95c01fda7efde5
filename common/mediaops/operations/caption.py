"""Captions (the text of a post): parameters and pure plan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from mediaops.models.base import LABEL_PATTERN, FileType, Reference, rules
from mediaops.operations.base import Makes, Operation, Parameters


class CaptionEngine(StrEnum):
    """Who writes."""

    OFFLINE = "offline"
    OPENAI = "openai"


DEFAULT_MODELS = {CaptionEngine.OFFLINE: "template", CaptionEngine.OPENAI: "gpt-4o-mini"}
ENGINE_VERSIONS = {CaptionEngine.OFFLINE: "2", CaptionEngine.OPENAI: "2"}

PlatformName = Annotated[str, Field(min_length=1, max_length=40, pattern=LABEL_PATTERN)]
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", max_length=3)]

MAX_TEXTS = 24
"""Texts for one platform, variants times languages: a result with all of them is still read in one go."""
_TOO_MANY = f"variants times languages (language and translateTo) is at most {MAX_TEXTS}"


class CaptionParameters(Parameters):
    """Write the text of a post from what is seen and said."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.translateTo) || "
                f"(has(self.variants) ? self.variants : 1) * (1 + self.translateTo.size()) <= {MAX_TEXTS}",
                _TOO_MANY,
            )
        )
    )

    engine: CaptionEngine = CaptionEngine.OFFLINE
    """Who writes: offline (default; put together from transcript, attributes and measured facts, and
    labelled so) or openai."""
    model: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The engine's model. Default for openai: gpt-4o-mini."""
    style: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The tone to write in, such as engaging or factual."""
    language: LanguageCode = "en"
    """Language of the text as an ISO 639 code."""
    translate_to: Annotated[list[LanguageCode], Field(min_length=1, max_length=16)] | None = None
    """Further languages that every text is written in, as ISO 639 codes (engine openai)."""
    brand_voice: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """How the brand speaks: words it uses and avoids, how it addresses people (engine openai)."""
    transcript_from: Reference | None = None
    """The transcribe operation whose text is used."""
    platforms: Annotated[list[PlatformName], Field(min_length=1, max_length=16)] | None = None
    """Platforms to write for, each within its limit. Default: those of the publishing targets, else one
    general text."""
    variants: Annotated[int, Field(ge=1, le=8)] = 1
    """How many texts per platform and language to choose from; each takes another angle."""
    hashtags: Annotated[int, Field(ge=0, le=30)] = 3
    """At most this many hashtags."""

    @model_validator(mode="after")
    def _few_enough(self) -> CaptionParameters:
        if self.variants * len(self.languages) > MAX_TEXTS:
            raise ValueError(_TOO_MANY)
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """Give every language to write in, the main one first."""
        return tuple(dict.fromkeys([self.language, *(self.translate_to or ())]))

    def resolved(self, file_type: FileType) -> CaptionParameters:  # noqa: ARG002
        """Fill in the engine's default model."""
        return self if self.model else self.model_copy(update={"model": DEFAULT_MODELS[self.engine]})

    def outside_engine(self) -> str | None:
        """Name the engine that runs outside the image."""
        return None if self.engine is CaptionEngine.OFFLINE else self.engine.value

    def versions(self) -> dict[str, str]:
        """Give the version of the engine's use here; the model's name stands among the parameters."""
        return {self.engine.value: ENGINE_VERSIONS[self.engine]}


OPERATION = Operation(
    name="caption",
    parameters=CaptionParameters,
    takes=frozenset(FileType),
    makes=Makes.TEXT,
    version="2",
    work=0.2,
)
