"""What a workspace has: one asset with all that is known of it, and pages of all. Reads rows, writes nothing."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import ColumnElement, Row, select, tuple_

from mediaops.models.base import FileType
from mediaops.operations import REGISTRY
from mediaops.planner.outdated import Made, Outdated, outdated
from mediaops.planner.steps import versions_of
from mediaops.problems import invalid
from mediaops.tables import AssetRow, JobRow, PostRow
from mediaops_backend import assets, costs
from mediaops_backend.assets import Rows
from mediaops_backend.costs import Amounts
from mediaops_backend.database import Database


class Detail(NamedTuple):
    """One asset."""

    rows: Rows
    earlier: Sequence[Row[Any]]
    """Jobs that it wants no longer, because their operation was edited or taken out; the latest first."""
    posts: Sequence[Row[Any]]
    """Publications, in the order in which they were decided."""
    outdated: list[Outdated]
    """Operations that today's versions would make differently."""


class Page(NamedTuple):
    """Some of a workspace's assets."""

    assets: Sequence[tuple[Row[Any], Amounts]]
    """Each with what it cost, the newest first."""
    following: str | None
    """The cursor of the next page; None: this is the last."""


class AssetQuery(BaseModel):
    """The query of GET /api/media/assets."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["pending", "processing", "processed", "failed"] | None = None
    file_type: FileType | None = None
    updated_since: AwareDatetime | None = None
    """Only what changed at that time or later (RFC 3339)."""
    cursor: Annotated[str, Field(max_length=200)] | None = None
    """`next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


def detail(database: Database, workspace: str, asset: UUID) -> Detail:
    """Read all that is on record of an asset; raises Problem (404) where the workspace has no such asset."""
    with database.bound(workspace) as connection:
        rows = assets.read(connection, asset)
        own = JobRow.media_asset_id == asset
        earlier = connection.execute(
            select(JobRow.__table__).where(own & ~JobRow.wanted).order_by(JobRow.updated_at.desc(), JobRow.id)
        ).all()
        posts = connection.execute(
            select(PostRow.__table__)
            .where(PostRow.media_asset_id == asset)
            .order_by(PostRow.created_at, PostRow.target)
        ).all()
    return Detail(rows, earlier, posts, outdated(made for job in rows.jobs if (made := _made(job))))


def page(database: Database, workspace: str, asked: AssetQuery) -> Page:
    """Read one page of a workspace's assets, the newest first; raises Problem (422) for a cursor that isn't one."""
    place = tuple_(AssetRow.created_at, AssetRow.id)
    order = (AssetRow.created_at.desc(), AssetRow.id.desc())
    wanted = select(AssetRow.__table__).where(*_filters(asked)).order_by(*order)
    if asked.cursor is not None:
        wanted = wanted.where(place < tuple_(*_place(asked.cursor)))
    with database.bound(workspace) as connection:
        found = connection.execute(wanted.limit(asked.limit + 1)).all()
        shown = found[: asked.limit]
        spent = costs.of_assets(connection, [row.id for row in shown])
    following = _cursor(shown[-1]) if len(found) > len(shown) else None
    return Page([(row, spent.get(row.id, Amounts())) for row in shown], following)


def _filters(asked: AssetQuery) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if asked.status is not None:
        filters.append(AssetRow.status == asked.status)
    if asked.file_type is not None:
        filters.append(AssetRow.file_type == asked.file_type.value)
    if asked.updated_since is not None:
        filters.append(AssetRow.updated_at >= asked.updated_since)
    return filters


def _cursor(row: Row[Any]) -> str:
    """Give the place of a row in the order of pages; nobody's to read, and the same for ever."""
    text = json.dumps([row.created_at.isoformat(), str(row.id)], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, UUID]:
    try:
        created, id_ = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = datetime.fromisoformat(created), UUID(id_)
    except (ValueError, TypeError, AttributeError):
        raise invalid("cursor", "give `next` of the page before, as it is") from None
    if place[0].tzinfo is None:
        raise invalid("cursor", "give `next` of the page before, as it is")
    return place


def _made(job: Row[Any]) -> Made | None:
    """Compare a job with what today's versions would make; None where it can't be told."""
    if job.versions is None or job.resource_name is None:
        return None
    kind = REGISTRY[job.job_type]
    try:
        parameters = kind.parse(job.input_params)
    except ValidationError:
        return None
    return Made(job.operation, job.versions, versions_of(kind, parameters), job.needs)
