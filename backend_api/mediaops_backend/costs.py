"""What a workspace's processing cost: sums over its rows, by asset, operation or month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Connection, Row, Select, Text, cast, func, select

from mediaops.models.usage import MAX_MODELS, Cost
from mediaops.tables import CostRow
from mediaops_backend.database import Database

SUMS = tuple(name for name in Cost.model_fields if name != "unpriced_models")
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
Grouping = Literal["asset", "operation", "month"]


class CostQuery(BaseModel):
    """The query of GET /api/media/costs."""

    model_config = ConfigDict(extra="forbid")

    by: Grouping = "month"
    """What the amounts are grouped by; operations by their type, `ingest` among them."""
    since: Annotated[str, Field(pattern=MONTH)] | None = None
    """First month, such as 2026-11 (UTC)."""
    until: Annotated[str, Field(pattern=MONTH)] | None = None
    """Last month."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    """At most so many groups; the dearest, of months the latest."""


class Amounts(BaseModel):
    """What was used up, in the units of the names; micro_usd are millionths of a US dollar."""

    micro_usd: int = 0
    cpu_millis: int = 0
    gpu_millis: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    api_calls: int = 0
    api_input_tokens: int = 0
    api_output_tokens: int = 0
    api_audio_millis: int = 0
    unpriced_models: list[str] = []
    """Models whose use isn't in micro_usd, because the installation's prices don't have them."""


class Group(Amounts):
    """One line of the answer."""

    key: str
    """The asset's id, the operation's type, or the month."""


class Costs(BaseModel):
    """The answer to GET /api/media/costs."""

    by: Grouping
    groups: list[Group]
    total: Amounts
    """Over all groups, also those that the limit left out."""


def report(database: Database, workspace: str, asked: CostQuery) -> Costs:
    """Add a workspace's costs up."""
    key = _KEYS[asked.by]
    span = _span(asked)
    order = key.desc() if asked.by == "month" else func.sum(CostRow.micro_usd).desc()
    grouped: Select[Any] = (
        select(key.label("key"), *_sums()).where(*span).group_by(key).order_by(order, key).limit(asked.limit)
    )
    models = func.jsonb_array_elements_text(CostRow.unpriced_models).table_valued("value")
    with database.bound(workspace) as connection:
        rows = connection.execute(grouped).all()
        total = connection.execute(select(*_sums()).where(*span)).one()
        unpriced = connection.execute(
            select(key.label("key"), models.c.value)
            .select_from(CostRow)
            .join(models, _TRUE)
            .where(*span)
            .distinct()
        ).all()
    names = sorted({row.value for row in unpriced})
    return Costs(
        by=asked.by,
        groups=[
            Group(
                key=row.key,
                unpriced_models=sorted(u.value for u in unpriced if u.key == row.key)[:MAX_MODELS],
                **_amounts(row),
            )
            for row in rows
        ],
        total=Amounts(unpriced_models=names[:MAX_MODELS], **_amounts(total)),
    )


def of_asset(connection: Connection, asset: UUID) -> tuple[Amounts, dict[UUID, Amounts]]:
    """Give what an asset cost in all, and each of its jobs by id."""
    rows = connection.execute(select(CostRow.__table__).where(CostRow.media_asset_id == asset)).all()
    jobs: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        if row.media_processing_job_id is not None:
            jobs.setdefault(row.media_processing_job_id, []).append(row)
    return _added(rows), {id_: _added(own) for id_, own in jobs.items()}


def of_assets(connection: Connection, assets: Sequence[UUID]) -> dict[UUID, Amounts]:
    """Give what each of these assets cost in all, of those that cost anything."""
    rows = connection.execute(select(CostRow.__table__).where(CostRow.media_asset_id.in_(assets))).all()
    own: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        own.setdefault(row.media_asset_id, []).append(row)
    return {id_: _added(spent) for id_, spent in own.items()}


def _added(rows: Sequence[Row[Any]]) -> Amounts:
    models = sorted({model for row in rows for model in row.unpriced_models})
    sums = {name: sum(getattr(row, name) for row in rows) for name in SUMS}
    return Amounts(**sums, unpriced_models=models[:MAX_MODELS])


_TRUE = select(1).exists()
_KEYS: dict[Grouping, ColumnElement[str]] = {
    "asset": cast(CostRow.media_asset_id, Text),
    "operation": CostRow.__table__.c.job_type,
    "month": func.to_char(func.timezone("UTC", CostRow.spent_at), "YYYY-MM"),
}


def _sums() -> list[ColumnElement[Any]]:
    return [func.coalesce(func.sum(getattr(CostRow, name)), 0).label(name) for name in SUMS]


def _amounts(row: Row[Any]) -> dict[str, int]:
    return {name: int(getattr(row, name)) for name in SUMS}


def _span(asked: CostQuery) -> list[ColumnElement[bool]]:
    """Give the conditions on when it was spent."""
    span: list[ColumnElement[bool]] = []
    if asked.since:
        span.append(CostRow.spent_at >= _month(asked.since))
    if asked.until:
        year, month = map(int, asked.until.split("-"))
        after = f"{year + month // 12:04d}-{month % 12 + 1:02d}"
        span.append(CostRow.spent_at < _month(after))
    return span


def _month(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
