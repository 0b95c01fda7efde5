"""What the database knows of step folders: who used them, who released them, and which posts still need them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, exists, func, select, update

from mediaops.publications import State
from mediaops.tables import AssetRow, PostRow
from mediaops_operator.planning.sweeping import Folder, Holder

SETTLED = (State.POSTED, State.WITHDRAWN)
"""States in which a publication needs its files no more."""

_KEYS = func.unnest(AssetRow.step_keys).label("step_key")
_HOLDER = (AssetRow.id, AssetRow.resource_uid, AssetRow.namespace, AssetRow.name, AssetRow.released_at)


def due(connection: Connection, before: datetime, limit: int) -> list[Folder]:
    """Give at most so many folders that were released before a time, each with all that ever used it.

    Any of them, by chance: those that something else keeps don't stand in the way of the rest.
    """
    recorded = select(AssetRow.workspace_id, _KEYS).where(AssetRow.step_keys != [])
    released = recorded.where(AssetRow.released_at <= before)
    # Set against set: asking of each folder whether somebody holds it took longer than a statement may.
    free = released.except_(recorded.where(AssetRow.released_at.is_(None))).subquery()
    chosen = connection.execute(select(free).order_by(func.random()).limit(limit)).all()
    holders: dict[tuple[str, str], list[Holder]] = {(workspace, key): [] for workspace, key in chosen}
    used = select(AssetRow.workspace_id, _KEYS, *_HOLDER).subquery()
    named = used.c.step_key.in_([key for _, key in chosen])
    for row in connection.execute(select(used).where(named)):
        if (row[0], row[1]) in holders:
            holders[row[0], row[1]].append(Holder(*row[2:]))
    return [Folder(workspace, key, tuple(found)) for (workspace, key), found in holders.items()]


def held(connection: Connection, folder: Folder) -> bool:
    """Say whether any asset on record holds a folder now."""
    rows = _used(folder) & AssetRow.released_at.is_(None)
    return bool(connection.scalar(select(exists().where(rows))))


def needed(connection: Connection) -> frozenset[str]:
    """Give the keys of all files that publications may still read: whatever isn't posted or withdrawn."""
    unsettled = PostRow.state.not_in([state.value for state in SETTLED])
    return frozenset(
        file["key"] for files in connection.scalars(select(PostRow.files).where(unsettled)) for file in files
    )


def forget(connection: Connection, folder: Folder) -> None:
    """Take a folder that is empty off the record of all that released it."""
    rows = _used(folder) & AssetRow.released_at.is_not(None)
    left = func.array_remove(AssetRow.step_keys, cast(folder.step_key, Text))
    connection.execute(update(AssetRow).where(rows).values(step_keys=left))


def workspaces(connection: Connection) -> list[str]:
    """Name all workspaces that have, or had, an asset."""
    return list(connection.scalars(select(AssetRow.workspace_id).distinct().order_by(AssetRow.workspace_id)))


def _used(folder: Folder) -> ColumnElement[bool]:
    """Say that an asset has a folder on record."""
    named = AssetRow.step_keys.contains([folder.step_key])
    return and_(AssetRow.workspace_id == folder.workspace, named)
