"""What all models share: camelCase on the wire, descriptions from docstrings, bounded strings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "mediaops.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

SOURCE = "source"
"""The reserved name under which operations and targets mean the source itself."""


class FileType(StrEnum):
    """What kind of media an asset is."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class Model(BaseModel):
    """A piece of a resource or message: camelCase outside, snake_case inside.

    Unknown fields are ignored on the way in, so that an older reader survives a newer writer; where a
    person writes (parameters, REST bodies) the model forbids them instead.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="ignore",
        frozen=True,
    )

    def wire(self) -> dict[str, Any]:
        """Give the JSON form: camelCase, without what is unset or None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Give the schema extension for CEL rules, each with the sentence shown when it is broken."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


def keyed_by(name: str) -> dict[str, Any]:
    """Give the schema extension for a list whose items are told apart by one of their fields."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [name]}


LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

Name = Annotated[str, Field(min_length=1, max_length=40, pattern=LABEL_PATTERN)]
"""A name inside one asset (operation, target): a DNS label of at most 40 characters."""

Reference = Annotated[str, Field(min_length=1, max_length=40)]
"""The name of an operation of the same asset, or `source`."""

ObjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
"""The name of a Kubernetes object in the asset's namespace."""

Key = Annotated[str, Field(min_length=1, max_length=512)]
"""A key in the bucket; the first segment is the workspace."""

OwnKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra=rules(
            (
                "!self.startsWith('/') && !self.contains('..') && !self.startsWith('steps/')",
                "key is a path inside the workspace's storage: no leading slash, no .., not under steps/",
            )
        ),
    ),
]
"""A key inside the workspace's part of the bucket, without the workspace."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]
"""A content hash, in lower-case hex."""


class FileReference(Model):
    """A file in the workspace's storage, pinned to its content: other content under the key fails."""

    model_config = ConfigDict(extra="forbid")

    key: OwnKey
    """Key inside the workspace's part of the bucket (without the workspace)."""
    sha256: Sha256
    """SHA-256 of the file in lower-case hex, as `sha256sum` prints it."""


Millis = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A time span in milliseconds."""

Pixels = Annotated[int, Field(ge=1, le=65_535)]
"""A length in pixels."""

Bytes = Annotated[int, Field(ge=0, le=1 << 50)]
"""A size in bytes, of at most a pebibyte."""

Generation = Annotated[int, Field(ge=-1, le=(1 << 53) - 1)]
"""A metadata.generation that was observed; -1: none yet. JSON numbers are exact up to the bound."""

Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
"""A point in time (RFC 3339)."""
