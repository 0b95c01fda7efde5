"""Conditions and outputs: what both resources' status share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mediaops.models.base import Bytes, Generation, Millis, Model, Name, Pixels, Time, keyed_by

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Model):
    """One observed aspect, as Kubernetes writes them."""

    type: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of the aspect."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    """Why, in one CamelCase word of the project's table of reasons."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """Why, in a sentence."""
    observed_generation: Generation = 0
    """The generation of spec this speaks of."""
    last_transition_time: Time
    """When status last changed (RFC 3339)."""


Conditions = Annotated[list[Condition], Field(max_length=16, json_schema_extra=keyed_by("type"))]
"""Conditions of a resource, one of each type."""


class NamedValue(Model):
    """A short figure or word that an operation found, such as vmaf 93.1."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    """What it is."""
    value: Annotated[str, Field(max_length=256)]
    """How much, as text."""


class OutputStatus(Model):
    """A file that an operation made, or the values it found."""

    operation: Name
    """The operation that made it."""
    name: Annotated[str, Field(min_length=1, max_length=40)]
    """Which of its outputs: rendition, transcript.json, thumbnail-0, …"""
    uri: Annotated[str, Field(max_length=1024)]
    """Where it is stored (s3://BUCKET/KEY); the backend gives signed URLs."""
    media_type: Annotated[str, Field(max_length=127)]
    """IANA media type."""
    size_bytes: Bytes
    """Size in bytes."""
    sha256: Annotated[str, Field(max_length=64)]
    """Content hash, lower-case hex."""
    width_pixels: Pixels | None = None
    """Width in pixels."""
    height_pixels: Pixels | None = None
    """Height in pixels."""
    duration_millis: Millis | None = None
    """Length in milliseconds."""
