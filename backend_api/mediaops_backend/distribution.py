"""Publications in Postgres: each call locks one row, lets mediaops.publications decide, and writes that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, update

from mediaops import publications
from mediaops.models.exchange import Settlement
from mediaops.problems import not_found
from mediaops.publications import Caps, Publication
from mediaops.tables import PostRow
from mediaops_backend.database import Database, bind, notify

CLAIMS_LOCK = 0x6D65646961
"""Advisory lock under which open claims are counted, so that two claims don't both take the last place."""


class Capped(Exception):
    """As many claims are open as are allowed."""


@dataclass(frozen=True)
class Moved:
    """A publication after a call."""

    row: dict[str, Any]
    """The row as it was; what was decided (text, files, …) never changes here."""
    before: Publication
    publication: Publication

    @property
    def changed(self) -> bool:
        """Say whether the call moved anything."""
        return self.before != self.publication


def claim(database: Database, request: UUID, target: str, caps: Caps, lease_seconds: int) -> Moved:
    """Give a publication to a new holder; raises Problem (404), Refused and Capped."""
    with _bound_to(database, func.mediaops_workspace_of_request(request)) as connection:
        moved = _decide(
            connection,
            (PostRow.request_id == request) & (PostRow.target == target),
            lambda row, now: publications.claim(row, now, lease_seconds),
        )
        connection.execute(select(func.pg_advisory_xact_lock(CLAIMS_LOCK)))
        counts = func.mediaops_open_claims(moved.row["platform"]).table_valued("of_platform", "in_all")
        open_now = connection.execute(select(counts)).one()
        if not caps.allow(open_now.of_platform, open_now.in_all):
            raise Capped
        return _write(connection, moved)


def save(
    database: Database, publication: UUID, fence: int, state: dict[str, Any], lease_seconds: int
) -> Moved:
    """Save a holder's state and renew its lease; raises Problem (404) and Refused."""
    with _bound_to(database, func.mediaops_workspace_of_publication(publication)) as connection:
        moved = _decide(
            connection,
            PostRow.id == publication,
            lambda row, now: publications.save(row, fence, state, now, lease_seconds),
        )
        return _write(connection, moved)


def settle(database: Database, request: UUID, settlement: Settlement) -> Moved:
    """Take a holder's word on how it ended, and tell the operator; raises Problem (404) and Refused."""
    with _bound_to(database, func.mediaops_workspace_of_request(request)) as connection:
        moved = _decide(
            connection,
            (PostRow.request_id == request) & (PostRow.target == settlement.target),
            lambda row, now: _settled(row, settlement, now),
        )
        if moved.changed:
            notify(connection, moved.row["resource"])
        return _write(connection, moved)


def _settled(row: Publication, settlement: Settlement, now: datetime) -> Publication:
    if settlement.external_post_id is not None:
        return publications.settle_posted(
            row, settlement.fence, settlement.external_post_id, settlement.url, now
        )
    if settlement.error is None:
        raise ValueError("the model lets no settlement pass that says nothing")
    error = settlement.error
    return publications.settle_error(row, settlement.fence, error.reason, error.message, error.retryable, now)


@contextmanager
def _bound_to(database: Database, workspace: ColumnElement[str]) -> Iterator[Connection]:
    """Open a transaction bound to the workspace that a look-up function gives; raises Problem (404)."""
    with database.unbound() as connection:
        found = connection.scalar(select(workspace))
        if found is None:
            raise not_found("publication")
        bind(connection, found)
        yield connection


def _decide(
    connection: Connection, which: ColumnElement[bool], move: Callable[[Publication, datetime], Publication]
) -> Moved:
    """Lock the row, and ask for its move at the time by the database's clock once the lock is ours."""
    locked = connection.execute(select(PostRow.__table__).where(which).with_for_update()).one_or_none()
    if locked is None:
        raise not_found("publication")
    row = locked._asdict()
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    before = Publication.of(row)
    return Moved(row, before, move(before, now))


def _write(connection: Connection, moved: Moved) -> Moved:
    changes = publications.changes(moved.before, moved.publication)
    if changes:
        connection.execute(
            update(PostRow)
            .where(PostRow.id == moved.row["id"])
            .values(**changes, updated_at=func.clock_timestamp())
        )
    return moved
