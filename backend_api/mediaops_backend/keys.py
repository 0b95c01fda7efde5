"""Make an API key from the command line, as the owner or the backend's role."""

from __future__ import annotations

import argparse
from typing import Annotated

from pydantic import Field, SecretStr
from sqlalchemy import insert

from mediaops.settings import Settings, load
from mediaops.tables import KeyRow
from mediaops_backend.database import Database
from mediaops_backend.people import key_hash, new_key


class KeySettings(Settings):
    """What making a key needs to know."""

    database_url: Annotated[SecretStr, Field(alias="DATABASE_URL")]
    """PostgreSQL, as the role mediaops_backend."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--workspace", required=True, help="the workspace that the key opens")
    parser.add_argument("--name", required=True, help="what the key is for")


def make(database: Database, workspace: str, name: str) -> str:
    """Store a new key's hash and give the key, which nothing else knows."""
    key = new_key()
    with database.bound(workspace) as connection:
        # No RETURNING: the hash may be written, never read.
        connection.execute(
            insert(KeyRow).values(workspace_id=workspace, name=name, hash=key_hash(key)).inline()
        )
    return key


def run(arguments: argparse.Namespace) -> None:
    """Run the command; raises SettingsError."""
    database = Database(load(KeySettings).database_url.get_secret_value(), connections=1)
    print(make(database, arguments.workspace, arguments.name))
    database.close()
