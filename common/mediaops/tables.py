"""The Postgres tables, as SQLAlchemy sees them; migrations/*.sql are the truth, a test holds the two together.

No metadata.create_all anywhere: roles, policies and grants are not SQLAlchemy's, and without them a table
would be open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    tuple_,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, Insert, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = 5
"""The migration that this code needs; see the table mediaops_schema."""

CHANNEL = "mediaops"
"""NOTIFY channel from the backend to the operator; the payload is the asset's NAMESPACE/NAME."""

OWNER_ROLE = "mediaops_owner"
BACKEND_ROLE = "mediaops_backend"
OPERATOR_ROLE = "mediaops_operator"


class Base(DeclarativeBase):
    """What all tables share: types by annotation."""

    type_annotation_map = {
        str: Text,
        int: Integer,
        float: Double,
        datetime: DateTime(timezone=True),
        UUID: Uuid,
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class AssetRow(Base):
    """One MediaAsset, mirrored by the operator; outlives the resource."""

    __tablename__ = "media_assets"
    __table_args__ = (UniqueConstraint("workspace_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    source: Mapped[str]
    """google_drive, upload, generated (an object in storage) or url."""
    source_id: Mapped[str | None]
    """The Drive file's id, or the object's key."""
    file_type: Mapped[str]
    original_url: Mapped[str | None]
    """The address people see for the source; never a signed one."""
    processed_url: Mapped[str | None]
    """s3://BUCKET/KEY; the backend gives it out signed."""
    thumbnail_url: Mapped[str | None]
    """s3://BUCKET/KEY; the backend gives it out signed."""
    status: Mapped[str] = mapped_column(server_default="pending")
    """pending, processing, processed or failed."""
    duration_seconds: Mapped[float | None]
    width: Mapped[int | None]
    """Pixels."""
    height: Mapped[int | None]
    """Pixels."""
    file_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    """The asset's attributes, and what the request said beside them."""

    namespace: Mapped[str]
    name: Mapped[str]
    resource_uid: Mapped[UUID]
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0")
    creation_timestamp: Mapped[datetime]
    resource_version: Mapped[int] = mapped_column(BigInteger)
    """With creation_timestamp: an older version never replaces a newer one."""
    phase: Mapped[str] = mapped_column(server_default="Pending")
    reason: Mapped[str | None]
    message: Mapped[str | None]
    round: Mapped[int] = mapped_column(server_default="1")
    gone_at: Mapped[datetime | None]
    """When a complete re-list no longer showed the resource."""
    released_at: Mapped[datetime | None]
    """Since when nothing of this asset holds back its step folders."""
    deletion_policy: Mapped[str] = mapped_column(server_default="Retain")
    """Retain or Delete: whether the resource's end releases them."""
    step_keys: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Every step folder that was ever made or used for it and hasn't been deleted since."""
    last_seen_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    created_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class JobRow(Base):
    """One operation with its parameters; an edited operation is another row."""

    __tablename__ = "media_processing_jobs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "media_asset_id"], ["media_assets.workspace_id", "media_assets.id"]
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    media_asset_id: Mapped[UUID]
    job_type: Mapped[str]
    """An operation of the registry."""
    status: Mapped[str] = mapped_column(server_default="queued")
    """queued, processing, completed or failed."""
    input_params: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    output_data: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    flask_job_id: Mapped[str | None]
    """The Kubernetes Job's name."""
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    operation: Mapped[str]
    """The operation's name in the asset."""
    position: Mapped[int] = mapped_column(server_default="0")
    """Place among the asset's operations, from 0."""
    wanted: Mapped[bool] = mapped_column(server_default=sql("true"))
    """False once the asset no longer names this operation with these parameters."""
    step_key: Mapped[str | None]
    versions: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Versions of operation, engine and models that it was made with, by name; None: not on record."""
    needs: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    """Operations of the asset whose results it reads, by name."""
    stored: Mapped[bool] = mapped_column(server_default=sql("true"))
    resource_name: Mapped[str | None]
    """The ProcessingJob's name; None until it exists."""
    resource_uid: Mapped[UUID | None]
    creation_timestamp: Mapped[datetime]
    resource_version: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    round: Mapped[int] = mapped_column(server_default="1")
    percent: Mapped[int | None]
    """Progress of the Job in progress_job_name; of no meaning for another."""
    seconds_left: Mapped[int | None]
    progress_job_name: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class CostRow(Base):
    """What one ProcessingJob, or fetching one asset's source, used up so far; outlives both."""

    __tablename__ = "processing_costs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "media_asset_id"], ["media_assets.workspace_id", "media_assets.id"]
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The uid of the ProcessingJob; of the MediaAsset for its source."""
    workspace_id: Mapped[str]
    media_asset_id: Mapped[UUID]
    media_processing_job_id: Mapped[UUID | None]
    operation: Mapped[str]
    job_type: Mapped[str]
    """An operation of the registry, or ingest."""
    spent_at: Mapped[datetime]
    """When it ended, or began if it hasn't; decides the month it counts in."""
    micro_usd: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Millionths of a US dollar, at the prices of when it was spent."""
    cpu_millis: Mapped[int] = mapped_column(BigInteger, server_default="0")
    gpu_millis: Mapped[int] = mapped_column(BigInteger, server_default="0")
    bytes_in: Mapped[int] = mapped_column(BigInteger, server_default="0")
    bytes_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    api_calls: Mapped[int] = mapped_column(BigInteger, server_default="0")
    api_input_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    api_output_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    api_audio_millis: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unpriced_models: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    """Models whose use isn't in micro_usd."""
    creation_timestamp: Mapped[datetime]
    resource_version: Mapped[int] = mapped_column(BigInteger)
    """With creation_timestamp: an older version never replaces a newer one."""
    created_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class PostRow(Base):
    """One publication; mediaops.publications says how it moves."""

    __tablename__ = "content_posts"
    __table_args__ = (
        UniqueConstraint("workspace_id", "resource", "publish_key", "target"),
        UniqueConstraint("request_id", "target"),
        ForeignKeyConstraint(
            ["workspace_id", "media_asset_id"], ["media_assets.workspace_id", "media_assets.id"]
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=sql("gen_random_uuid()"))
    workspace_id: Mapped[str]
    media_asset_id: Mapped[UUID]
    resource: Mapped[str]
    """NAMESPACE/NAME of the MediaAsset."""
    resource_uid: Mapped[UUID]
    publish_key: Mapped[str]
    target: Mapped[str]
    request_id: Mapped[UUID]
    revision: Mapped[str]
    platform: Mapped[str]
    account: Mapped[str]
    text: Mapped[str] = mapped_column(server_default="")
    files: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    """What was decided to be posted: [{key, sha256, size, type}]."""
    state: Mapped[str] = mapped_column(server_default="planned")
    fence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    posting_fence: Mapped[int | None] = mapped_column(BigInteger)
    """The holder that was let through to the one call that can't be taken back; a later one only looks up."""
    lease_until: Mapped[datetime | None]
    saved_state: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    round: Mapped[int] = mapped_column(server_default="1")
    attempts: Mapped[int] = mapped_column(server_default="0")
    retry_limit: Mapped[int] = mapped_column(server_default="3")
    backoff_seconds: Mapped[int] = mapped_column(server_default="10")
    next_attempt_at: Mapped[datetime | None]
    retryable: Mapped[bool | None]
    reason: Mapped[str | None]
    message: Mapped[str | None]
    external_post_id: Mapped[str | None]
    url: Mapped[str | None]
    posted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class CallbackRow(Base):
    """What one Kubernetes Job's callbacks added up to: the operator's inbox."""

    __tablename__ = "job_callbacks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "media_asset_id"], ["media_assets.workspace_id", "media_assets.id"]
        ),
    )

    workspace_id: Mapped[str]
    namespace: Mapped[str] = mapped_column(primary_key=True)
    job_name: Mapped[str] = mapped_column(primary_key=True)
    media_asset_id: Mapped[UUID]
    status: Mapped[str]
    """processing, completed or failed: what the Job said last, never backwards."""
    percent: Mapped[int | None]
    seconds_left: Mapped[int | None]
    steps: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """By job id: {status, percent, output_data}; a finished step stays finished."""
    error: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class KeyRow(Base):
    """An API key, hashed; found through the function mediaops_key_lookup before a workspace is bound."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=sql("gen_random_uuid()"))
    workspace_id: Mapped[str]
    name: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the key, hex."""
    created_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SchemaRow(Base):
    """A migration that ran."""

    __tablename__ = "mediaops_schema"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    applied_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


Mirrored = AssetRow | JobRow | CostRow
"""The tables that the operator writes from resources."""


def mirror(table: type[Mirrored], rows: Sequence[dict[str, Any]], *, force: bool = False) -> Insert:
    """Give the statement that writes versions of resources into their rows and never an older over a newer.

    `rows` are dictionaries by column name, all with the same names, each id at most once; columns that they
    don't name, such as progress, stay as they are. A row is replaced by the same or a later version, ordered
    by (creation_timestamp, resource_version); `force` (after a restore of etcd, whose versions start again
    lower) replaces it in any case. An asset's step keys are added to those that are there.
    """
    statement = insert(table.__table__).values(list(rows))  # type: ignore[arg-type]
    return _mirrored(statement, table, list(rows[0]), force)


def mirror_each(table: type[Mirrored], names: Sequence[str], *, force: bool = False) -> Insert:
    """Give the same for any number of rows with these columns, to be executed with the rows as parameters."""
    return _mirrored(insert(table.__table__), table, names, force)  # type: ignore[arg-type]


def _mirrored(statement: Insert, table: type[Mirrored], columns: Sequence[str], force: bool) -> Insert:
    incoming = statement.excluded
    current = table.__table__.c
    names = [name for name in columns if name not in ("id", "created_at", "updated_at")]
    newer = tuple_(incoming.creation_timestamp, incoming.resource_version) >= tuple_(
        current.creation_timestamp, current.resource_version
    )
    values = {**{name: incoming[name] for name in names}, "updated_at": sql("now()")}
    if "step_keys" in values:
        values["step_keys"] = _MERGED_STEP_KEYS
    return statement.on_conflict_do_update(index_elements=["id"], set_=values, where=None if force else newer)


_MERGED_STEP_KEYS = sql(
    "array(select distinct key from unnest(media_assets.step_keys || excluded.step_keys) as key order by key)"
)
