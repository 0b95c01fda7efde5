"""PostgreSQL, from an event loop: short pieces of synchronous work in a few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, func, make_url, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from mediaops.tables import SCHEMA_VERSION, SchemaRow

T = TypeVar("T")

_CONNECTIONS = 4
_CONNECT_SECONDS = 3
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 15.0
_STATEMENT_MILLIS = 10_000


class DatabaseUnavailable(Exception):
    """The database doesn't answer, or isn't ready for this version; the message holds no address."""


class DatabaseRefused(DatabaseUnavailable):
    """The database is there and doesn't take this very piece of work."""


class Database:
    """Runs pieces of work, each in one transaction."""

    def __init__(self, url: SecretStr) -> None:
        plain = make_url(url.get_secret_value()).set(drivername="postgresql+psycopg")
        self.conninfo = plain.set(drivername="postgresql").render_as_string(hide_password=False)
        """For a connection that listens; holds the password."""
        self._engine = create_engine(
            plain,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=300,
            hide_parameters=True,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "options": f"-c statement_timeout={_STATEMENT_MILLIS} -c lock_timeout=5000",
                "tcp_user_timeout": _STATEMENT_MILLIS,
                "application_name": "mediaops-operator",
            },
        )
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="database")
        self._checked = False
        self._down_until = float("-inf")
        self._hanging = 0

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a piece of work in a transaction; raises DatabaseUnavailable.

        For a moment after a failure it fails at once, and so it does while an earlier piece hangs: nothing
        waits for a database that is away, and no more than a few threads do for one that has stopped. A piece
        that was given up may still be carried out, so each has to bear repetition.
        """
        loop = asyncio.get_running_loop()
        if self._hanging or loop.time() < self._down_until:
            raise DatabaseUnavailable("it didn't answer just now")
        running = loop.run_in_executor(self._threads, self._in_transaction, work)
        try:
            return await asyncio.wait_for(asyncio.shield(running), _PATIENCE_SECONDS)
        except TimeoutError:
            self._hanging += 1
            running.add_done_callback(self._came_back)
            raise DatabaseUnavailable("it took the request and doesn't answer") from None
        except DatabaseRefused:
            raise
        except DatabaseUnavailable:
            self._down_until = loop.time() + _PAUSE_SECONDS
            raise

    def _came_back(self, ended: asyncio.Future[T]) -> None:
        self._hanging -= 1
        if not ended.cancelled():
            ended.exception()  # whatever it was, nobody waits for it any more

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                if not self._checked:
                    self._check(connection)
                return work(connection)
        except (IntegrityError, DataError) as error:
            raise DatabaseRefused(type(error.orig).__name__) from error
        except DBAPIError as error:
            raise DatabaseUnavailable(f"{type(error.orig).__name__}") from error
        except SQLAlchemyError as error:
            raise DatabaseUnavailable(type(error).__name__) from error

    def _check(self, connection: Connection) -> None:
        """Refuse a schema that is older than this code."""
        version = connection.scalar(select(func.max(SchemaRow.version))) or 0
        if version < SCHEMA_VERSION:
            raise DatabaseUnavailable(
                f"its schema is version {version}, {SCHEMA_VERSION} is needed: migrate it"
            )
        self._checked = True

    def close(self) -> None:
        """Close every connection."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()
