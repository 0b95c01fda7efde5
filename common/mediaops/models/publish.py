"""Where an asset is published, and what people decided about what is posted."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import LABEL_PATTERN, Model, Name, OwnKey, Reference, Sha256, keyed_by, rules
from mediaops.operations.caption import LanguageCode


class AccountReference(Model):
    """A social account, by the name it has in n8n's deployment."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL_PATTERN)]
    """Name of the account."""


class TargetMedia(Model):
    """A file to post."""

    from_: Annotated[Reference, Field(alias="from")]
    """An operation that makes files (crop, filter, compress, thumbnail), or source."""


class TargetText(Model):
    """The text of a post; exactly one of `from` and `value`."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.from) != has(self.value)", "give text.from (a caption operation) or text.value"),
            (
                "!has(self.variant) || has(self.from)",
                "variant chooses among a caption's texts: give text.from too",
            ),
            (
                "!has(self.language) || has(self.from)",
                "language chooses among a caption's texts: give text.from too",
            ),
        )
    )

    from_: Annotated[Reference | None, Field(alias="from")] = None
    """A caption operation."""
    variant: Annotated[int, Field(ge=0, le=7)] | None = None
    """Which of its variants; spec.review.texts overrides it. Default: 0."""
    language: LanguageCode | None = None
    """Which of its languages. Default: the caption's own."""
    value: Annotated[str, Field(min_length=1, max_length=5000)] | None = None
    """The text itself."""


class Target(Model):
    """One account on one platform to publish on."""

    name: Name
    """Name of the target, unique in the asset."""
    platform: Annotated[str, Field(min_length=1, max_length=40, pattern=LABEL_PATTERN)]
    """Platform by name, such as x."""
    account_ref: AccountReference | None = None
    """The account to post with. Default: main."""
    media: Annotated[list[TargetMedia], Field(min_length=1, max_length=4)] | None = None
    """Files to post. Default: the asset's primary file."""
    text: TargetText | None = None
    """Text to post: exactly one of from and value. Default: none."""

    @property
    def account(self) -> str:
        """Name the account."""
        return self.account_ref.name if self.account_ref else "main"


class Publish(Model):
    """What is published, once every operation succeeded."""

    key: Annotated[
        str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    ] = "default"
    """Identity of this publication: each target is posted once per key; another key publishes again, on
    purpose."""
    targets: Annotated[list[Target], Field(min_length=1, max_length=16, json_schema_extra=keyed_by("name"))]
    """Where to publish."""


class ReviewedText(Model):
    """A person's choice of the text that a target gets."""

    target: Name
    """The target, whose text comes from a caption."""
    variant: Annotated[int, Field(ge=0, le=7)]
    """Which of the caption's variants is posted."""


class EditedTranscript(Model):
    """A transcript that a person corrected. What reads the operation's transcript reads this instead."""

    operation: Name
    """The transcribe operation whose transcript it replaces; nothing is heard again, translations are made anew."""
    key: OwnKey
    """Key inside the workspace's part of the bucket (without the workspace) of a transcript.json."""
    sha256: Sha256
    """SHA-256 of the file in lower-case hex."""


class Review(Model):
    """What people decided about this asset. Manifests kept in Git leave it out."""

    texts: Annotated[list[ReviewedText], Field(max_length=16, json_schema_extra=keyed_by("target"))] = []
    """Which variant each target gets, in place of its text.variant."""
    transcripts: Annotated[
        list[EditedTranscript], Field(max_length=16, json_schema_extra=keyed_by("operation"))
    ] = []
    """Transcripts that people corrected; the backend writes them here (PUT …/transcripts/OPERATION)."""
