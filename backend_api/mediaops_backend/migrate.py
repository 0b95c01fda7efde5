"""Run migrations/*.sql in order, and set the roles' passwords: what an installer does, without psql."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Annotated

import psycopg
from psycopg import sql
from pydantic import Field, SecretStr

from mediaops.settings import Settings, SettingsError, load
from mediaops.tables import BACKEND_ROLE, OPERATOR_ROLE

FIRST = "media_processing_extension.sql"
"""The seed's migration; its followers are numbered."""

_FOLDERS = (Path("/opt/migrations"), Path(__file__).resolve().parents[2] / "migrations")
"""In the control image, and in a checkout."""


class MigrateSettings(Settings):
    """What migrating needs to know."""

    database_url: Annotated[SecretStr, Field(alias="DATABASE_URL")]
    """PostgreSQL as an administrator (the first time), or as mediaops_owner."""
    backend_password: Annotated[SecretStr | None, Field(alias="MEDIAOPS_BACKEND_PASSWORD", min_length=8)] = (
        None
    )
    """Password that the role mediaops_backend gets. Default: left as it is."""
    operator_password: Annotated[
        SecretStr | None, Field(alias="MEDIAOPS_OPERATOR_PASSWORD", min_length=8)
    ] = None
    """Password that the role mediaops_operator gets. Default: left as it is."""


def in_order(folder: Path) -> list[Path]:
    """Give the migrations in the order in which they run."""
    return [folder / FIRST, *sorted(folder.glob("[0-9]*.sql"))]


def apply(url: str, folder: Path, passwords: dict[str, str]) -> list[str]:
    """Run every migration (each is safe to run again), set passwords by role, give the files' names.

    Raises psycopg.Error; each file is one transaction.
    """
    names = []
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        # Two installers at once wait for each other.
        connection.execute("select pg_advisory_lock(hashtext('mediaops-migrate'))")
        for path in in_order(folder):
            connection.execute(path.read_text().encode())
            names.append(path.name)
        for role, password in passwords.items():
            # Hashed here: a statement may be logged by the server.
            hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(role), sql.Literal(hashed.decode())
                )
            )
    return names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    found = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
    parser.add_argument("--folder", type=Path, default=found, help="folder of the .sql files (%(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Run the command; raises SettingsError."""
    settings = load(MigrateSettings)
    given = {BACKEND_ROLE: settings.backend_password, OPERATOR_ROLE: settings.operator_password}
    passwords = {role: secret.get_secret_value() for role, secret in given.items() if secret}
    try:
        names = apply(settings.database_url.get_secret_value(), arguments.folder, passwords)
    except psycopg.Error as error:
        raise SettingsError(f"migrating failed: {error}") from None
    for name in names:
        print(f"applied {name}")
    for role in passwords:
        print(f"set the password of {role}")
