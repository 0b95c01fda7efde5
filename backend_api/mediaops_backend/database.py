"""Postgres: transactions bound to one workspace, and quick failure while it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from mediaops.tables import CHANNEL, SCHEMA_VERSION, SchemaRow

CONNECT_SECONDS = 2

LIMITS = {
    "statement_timeout": "5000",
    "lock_timeout": "3000",
    "idle_in_transaction_session_timeout": "15000",
}
"""Of every transaction, in milliseconds: a caller is waiting, and others for its locks."""


class SchemaTooOld(Exception):
    """The database lacks migrations that this code needs."""


class Database:
    """A pool of connections as the role mediaops_backend."""

    def __init__(self, url: str, *, connections: int = 16) -> None:
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "mediaops-backend",
                # Neither prepared statements nor session settings: a pooler may give every transaction
                # another session.
                "prepare_threshold": None,
            },
            # A failing statement's error must not carry the row's values into a log.
            hide_parameters=True,
        )
        self._checked = False

    @contextmanager
    def unbound(self) -> Iterator[Connection]:
        """Open a transaction that sees no row; only the look-up functions answer in it.

        Raises sqlalchemy's OperationalError or TimeoutError within seconds while Postgres is away.
        """
        with self._engine.begin() as connection:
            connection.execute(
                select(*(func.set_config(name, value, True) for name, value in LIMITS.items()))
            )
            self._check(connection)
            yield connection

    @contextmanager
    def bound(self, workspace: str) -> Iterator[Connection]:
        """Open a transaction that sees the rows of one workspace; raises as `unbound` does."""
        with self.unbound() as connection:
            bind(connection, workspace)
            yield connection

    def _check(self, connection: Connection) -> None:
        """Refuse a schema that is older than this code, once per process."""
        if self._checked:
            return
        try:
            version = connection.scalar(select(func.max(SchemaRow.version))) or 0
        except ProgrammingError:
            raise SchemaTooOld("the database has never been migrated") from None
        if version < SCHEMA_VERSION:
            raise SchemaTooOld(f"the database is at migration {version}, this needs {SCHEMA_VERSION}")
        self._checked = True

    def close(self) -> None:
        """Close idle connections."""
        self._engine.dispose()


def bind(connection: Connection, workspace: str) -> None:
    """Let the rest of this transaction see the rows of one workspace."""
    connection.execute(select(func.set_config("mediaops.workspace", workspace, True)))


def notify(connection: Connection, resource: str) -> None:
    """Tell the operator, when this transaction commits, that NAMESPACE/NAME has news in the database."""
    connection.execute(select(func.pg_notify(CHANNEL, resource)))
