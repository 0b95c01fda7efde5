"""The mirror: rows of assets and operations in the database, behind the cluster by as little as can be.

A visit hands over what it saw; a background task writes it in batches and keeps what the database didn't
take. Versions that the database has already are not written again, so a restart over settled assets writes
nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, case, func, literal, select, update

from mediaops.rows import asset_row, cost_rows, job_row
from mediaops.tables import AssetRow, CostRow, JobRow, Mirrored, mirror_each
from mediaops_operator import posts
from mediaops_operator.cache import AssetKey
from mediaops_operator.database import Database, DatabaseRefused, DatabaseUnavailable
from mediaops_operator.observed import Observed
from mediaops_operator.planning.sweeping import folders_of

Row = dict[str, Any]
logger = logging.getLogger(__name__)

_BATCH = 200
_PAUSE_SECONDS = 0.1
_RETRY_SECONDS = 2.0


@dataclass
class _Pending:
    key: AssetKey
    asset: Row
    jobs: list[Row]
    costs: list[Row]
    since: float
    changed: bool
    """False: the rows may well be there already, as after a start while the database is away."""
    late: bool = False

    @property
    def step_keys(self) -> list[str]:
        """Give the step keys that are to be on record."""
        keys: list[str] = self.asset["step_keys"]
        return keys


class Mirror:
    """What still has to be written, and since when.

    `tell` is called with an asset whose rows have come to be late by more than `limit` seconds, and again when
    they have been written.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float], limit: float, tell: Callable[[AssetKey], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._limit = limit
        self._tell = tell
        self._pending: dict[UUID, _Pending] = {}
        self._gone: dict[UUID, str | None] = {}
        """Resources that are gone, with the last word on what becomes of their outputs, where it was heard."""
        self._known: dict[UUID, tuple[datetime, int]] = {}
        """Versions that the database has, of assets and operations."""
        self._up = False
        self._news = asyncio.Event()

    @property
    def behind(self) -> int:
        """Count the assets whose rows wait to be written."""
        return len(self._pending)

    def lag(self, asset: UUID) -> float:
        """Give how long the database has been behind for an asset in seconds."""
        pending = self._pending.get(asset)
        return self._clock() - pending.since if pending and pending.changed else 0.0

    def put(self, observed: Observed, *, changed: bool, writes: Iterable[str] = ()) -> None:
        """Hand over an asset and its operations as they are now.

        `changed`: they were just written. `writes`: step keys that Jobs made in this visit write to.
        """
        workspace = observed.asset.status.workspace or observed.workspace
        if workspace is None:
            return
        asset = asset_row(observed.asset, workspace)
        jobs = [
            job_row(observed.asset, workspace, place, step, observed.processing_jobs[step.processing_job])
            for place, step in enumerate(observed.steps)
            if step.processing_job in observed.processing_jobs
        ]
        if all(self._known.get(row["id"]) == _version(row) for row in (asset, *jobs)):
            return
        key = AssetKey(observed.asset.namespace, observed.asset.name)
        before = self._pending.get(asset["id"])
        named = ((step, observed.processing_jobs.get(step.processing_job)) for step in observed.steps)
        costs = cost_rows(observed.asset, workspace, [(step, job) for step, job in named if job])
        asset["step_keys"] = sorted(folders_of(observed) | {*writes, *(before.step_keys if before else ())})
        pending = _Pending(key, asset, jobs, costs, self._clock(), changed)
        if before and before.changed:
            pending.since, pending.changed, pending.late = before.since, True, before.late
        self._pending[asset["id"]] = pending
        self._news.set()

    def gone(self, resource_uid: UUID, deletion_policy: str | None = None) -> None:
        """Hand over that a resource is gone; its deletionPolicy, if that was seen, goes before the row's."""
        self._gone[resource_uid] = deletion_policy or self._gone.get(resource_uid)
        self._news.set()

    def waiting(self, workspace: str) -> frozenset[str]:
        """Give the step keys of a workspace that aren't on record yet, though assets use them."""
        rows = (p for p in self._pending.values() if p.asset["workspace_id"] == workspace)
        return frozenset(key for pending in rows for key in pending.step_keys)

    async def load(self) -> None:
        """Read which versions the database has; raises DatabaseUnavailable."""

        def versions(connection: Connection) -> dict[UUID, tuple[datetime, int]]:
            found: dict[UUID, tuple[datetime, int]] = {}
            for table in (AssetRow, JobRow):
                columns = (table.id, table.creation_timestamp, table.resource_version)
                found |= {row[0]: (row[1], row[2]) for row in connection.execute(select(*columns))}
            return found

        self._known = await self._database.run(versions) | self._known

    async def find_gone(self, live: Iterable[UUID]) -> None:
        """Compare with a complete list of the resources there are; raises DatabaseUnavailable.

        One that came back, with a restored etcd, holds its outputs again, whatever its version.
        """
        there = set(live)

        def vanished(connection: Connection) -> list[UUID]:
            known = any_(literal(list(there), ARRAY(Uuid)))
            back = AssetRow.gone_at.is_not(None) & (AssetRow.resource_uid == known)
            connection.execute(update(AssetRow).where(back).values(**HELD))
            uids = connection.scalars(select(AssetRow.resource_uid).where(AssetRow.gone_at.is_(None)))
            return [uid for uid in uids if uid not in there]

        for uid in await self._database.run(vanished):
            self.gone(uid)

    async def run(self) -> None:
        """Write what is handed over, for ever."""
        loaded = told = False
        while True:
            try:
                if not loaded:
                    await self.load()
                    loaded = True
                await self._news.wait()
                self._news.clear()
                await self.flush()
                await asyncio.sleep(_PAUSE_SECONDS)  # lets a batch gather
            except DatabaseUnavailable as error:
                if self._up or not told:
                    told = True
                    logger.warning("the database is behind: %s", error)
                self._up = False
                self._tell_late()
                self._news.set()
                await asyncio.sleep(_RETRY_SECONDS)

    def _tell_late(self) -> None:
        for pending in self._pending.values():
            late = pending.changed and self._clock() - pending.since > self._limit
            if late and not pending.late:
                pending.late = True
                self._tell(pending.key)

    async def flush(self) -> None:
        """Write everything that waits; raises DatabaseUnavailable, and keeps what wasn't written."""
        while self._pending or self._gone:
            batch = dict(list(self._pending.items())[:_BATCH])
            gone = dict(self._gone)
            try:
                await self._database.run(partial(_write, batch=list(batch.values()), gone=gone))
            except DatabaseRefused:
                await self._one_by_one(batch, gone)
            self._up = True
            self._gone = dict(self._gone.items() - gone.items())
            for id_, pending in batch.items():
                for row in (pending.asset, *pending.jobs):
                    self._known[row["id"]] = _version(row)
                if self._pending.get(id_) is pending:
                    del self._pending[id_]
                    if pending.late:
                        self._tell(pending.key)

    async def _one_by_one(self, batch: dict[UUID, _Pending], gone: dict[UUID, str | None]) -> None:
        """Write what the database takes, so that one asset's row doesn't hold back all the others."""
        await self._database.run(partial(_write, batch=[], gone=gone))
        for pending in batch.values():
            try:
                await self._database.run(partial(_write, batch=[pending], gone={}))
            except DatabaseRefused as error:
                logger.error("the rows of %s/%s are not taken: %s", *pending.key, error)


def _version(row: Row) -> tuple[datetime, int]:
    return row["creation_timestamp"], row["resource_version"]


def upsert(connection: Connection, table: type[Mirrored], rows: list[Row], *, force: bool = False) -> None:
    """Write rows, one statement for all: compiling one with so many values took longer than running it."""
    connection.execute(mirror_each(table, list(rows[0]), force=force), rows)


HELD: Row = {"gone_at": None, "released_at": None}
"""The resource is there: nothing of it may be deleted."""


def _write(connection: Connection, batch: list[_Pending], gone: dict[UUID, str | None]) -> None:
    if batch:
        # In the order of their ids, so that two writers never wait for each other in a circle.
        assets = sorted((p.asset | HELD for p in batch), key=lambda row: row["id"])
        upsert(connection, AssetRow, assets)
        jobs = {row["id"]: row for p in batch for row in p.jobs}
        if jobs:
            upsert(connection, JobRow, [jobs[id_] for id_ in sorted(jobs)])
        costs = {row["id"]: row for p in batch for row in p.costs}
        if costs:
            upsert(connection, CostRow, [costs[id_] for id_ in sorted(costs)])
        mirrored = [p.asset["id"] for p in batch if p.jobs]
        connection.execute(
            update(JobRow)
            .where(JobRow.media_asset_id.in_(mirrored), JobRow.id.not_in(list(jobs)), JobRow.wanted)
            .values(wanted=False, updated_at=func.now())
        )
    if gone:
        posts.withdraw_all(connection, gone)
        for policy in set(gone.values()) - {None}:
            heard = [uid for uid, word in gone.items() if word == policy]
            rows = AssetRow.resource_uid.in_(heard)
            connection.execute(update(AssetRow).where(rows).values(deletion_policy=policy))
        now = datetime.now(UTC)
        release = case((AssetRow.deletion_policy == "Delete", func.coalesce(AssetRow.released_at, now)))
        values = {"gone_at": func.coalesce(AssetRow.gone_at, now), "released_at": release}
        connection.execute(update(AssetRow).where(AssetRow.resource_uid.in_(gone)).values(values))
