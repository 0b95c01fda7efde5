"""What the database knows of step folders: who used them, who released them, and which posts still need them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, exists, func, select, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from mediaops.publications import State
from mediaops.tables import AssetRow, PostRow
from mediaops_operator.planning.sweeping import Folder, Holder

SETTLED = (State.POSTED, State.WITHDRAWN)
"""States in which a publication needs its files no more."""


def due(connection: Connection, before: datetime, limit: int) -> list[Folder]:
    """Give at most so many folders that were released before a time, each with all that ever used it.

    Any of them, by chance: those that something else keeps don't stand in the way of the rest.
    """
    released = (
        select(AssetRow.workspace_id, func.unnest(AssetRow.step_keys).label("step_key"))
        .where(AssetRow.released_at <= before, AssetRow.step_keys != [])
        .distinct()
        .subquery()
    )
    holder = aliased(AssetRow)
    held = exists().where(
        _used(released.c.workspace_id, released.c.step_key, holder), holder.released_at.is_(None)
    )
    chosen = select(released).where(~held).order_by(func.random()).limit(limit).subquery()
    rows = connection.execute(
        select(
            chosen.c.workspace_id,
            chosen.c.step_key,
            AssetRow.id,
            AssetRow.resource_uid,
            AssetRow.namespace,
            AssetRow.name,
            AssetRow.released_at,
        ).join(AssetRow, _used(chosen.c.workspace_id, chosen.c.step_key))
    )
    holders: defaultdict[tuple[str, str], list[Holder]] = defaultdict(list)
    for row in rows:
        holders[row[0], row[1]].append(Holder(*row[2:]))
    return [Folder(workspace, step_key, tuple(found)) for (workspace, step_key), found in holders.items()]


def held(connection: Connection, folder: Folder) -> bool:
    """Say whether any asset on record holds a folder now."""
    rows = _used(folder.workspace, cast(folder.step_key, Text)) & AssetRow.released_at.is_(None)
    return bool(connection.scalar(select(exists().where(rows))))


def needed(connection: Connection) -> frozenset[str]:
    """Give the keys of all files that publications may still read: whatever isn't posted or withdrawn."""
    unsettled = PostRow.state.not_in([state.value for state in SETTLED])
    return frozenset(
        file["key"] for files in connection.scalars(select(PostRow.files).where(unsettled)) for file in files
    )


def forget(connection: Connection, folder: Folder) -> None:
    """Take a folder that is empty off the record of all that released it."""
    step_key = cast(folder.step_key, Text)
    rows = _used(folder.workspace, step_key) & AssetRow.released_at.is_not(None)
    left = func.array_remove(AssetRow.step_keys, step_key)
    connection.execute(update(AssetRow).where(rows).values(step_keys=left))


def workspaces(connection: Connection) -> list[str]:
    """Name all workspaces that have, or had, an asset."""
    return list(connection.scalars(select(AssetRow.workspace_id).distinct().order_by(AssetRow.workspace_id)))


def _used(workspace: Any, step_key: Any, row: type[AssetRow] = AssetRow) -> ColumnElement[bool]:
    """Say that an asset of a workspace has a step key on record."""
    return and_(row.workspace_id == workspace, row.step_keys.contains(array([step_key])))
