"""What the backend tells by the database: progress of Jobs, finished steps, and that a post has news.

A NOTIFY names an asset. Progress only makes the operator look earlier and show more; losing it loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection, select
from sqlalchemy import func as sql

from mediaops.tables import CHANNEL, CallbackRow
from mediaops_operator.cache import AssetKey
from mediaops_operator.database import Database

logger = logging.getLogger(__name__)

_RECONNECT_SECONDS = 2.0
_SILENCE_SECONDS = 30.0
_ANSWER_SECONDS = 10.0
_KEPT_DAYS = 7


@dataclass(frozen=True)
class JobNews:
    """What a Job's callbacks added up to."""

    percents: dict[str, int] = field(default_factory=dict)
    """By the operation's job id, 0 to 100."""
    finished: frozenset[str] = frozenset()
    """Job ids of operations whose result should be in storage by now."""
    seconds_left: int | None = None
    """How long the whole Job thinks it still takes; None: it doesn't say."""


def read(connection: Connection, namespace: str, jobs: list[str]) -> dict[str, JobNews]:
    """Give what Jobs of a namespace said, by their names."""
    columns = (CallbackRow.job_name, CallbackRow.steps, CallbackRow.seconds_left)
    which = (CallbackRow.namespace == namespace) & CallbackRow.job_name.in_(jobs)
    rows = connection.execute(select(*columns).where(which))
    return {name: _news(steps, seconds_left) for name, steps, seconds_left in rows}


def _news(steps: dict[str, Any], seconds_left: int | None) -> JobNews:
    percents = {
        id_: int(step["percent"]) for id_, step in steps.items() if isinstance(step.get("percent"), int)
    }
    finished = frozenset(id_ for id_, step in steps.items() if step.get("status") == "completed")
    return JobNews(percents, finished, seconds_left)


async def sweep(database: Database) -> None:
    """Delete what Jobs of long ago said; raises DatabaseUnavailable."""
    old = CallbackRow.received_at < sql.now() - sql.make_interval(0, 0, 0, _KEPT_DAYS)

    def delete_old(connection: Connection) -> None:
        connection.execute(CallbackRow.__table__.delete().where(old))  # type: ignore[attr-defined]

    await database.run(delete_old)


async def listen(database: Database, heard: Callable[[AssetKey], None], missed: Callable[[], None]) -> None:
    """Call `heard` for every NOTIFY, for ever; `missed` after each time nobody was listening."""
    told = False
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                database.conninfo, autocommit=True, connect_timeout=5, application_name="mediaops-operator"
            )
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                told = False
                missed()
                while True:
                    async for notice in connection.notifies(timeout=_SILENCE_SECONDS):
                        namespace, _, name = notice.payload.partition("/")
                        heard(AssetKey(namespace, name))
                    async with asyncio.timeout(_ANSWER_SECONDS):
                        await connection.execute("SELECT 1")  # a dead connection shows itself here
        except (psycopg.Error, OSError, TimeoutError) as error:
            if not told:
                logger.warning("not listening to the database: %s", type(error).__name__)
            told = True
            await asyncio.sleep(_RECONNECT_SECONDS)
