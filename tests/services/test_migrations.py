"""The database as migrated: what the code believes of it, who reads what, and that rows never go backwards."""

import secrets
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.engine import make_url

from hack.services.postgres import MIGRATIONS, Postgres
from mediaops.tables import SCHEMA_VERSION, AssetRow, Base, mirror
from mediaops_backend.migrate import in_order
from tests.services.backend_fixtures import Roles

pytest_plugins = ["tests.services.backend_fixtures"]

TENANT_TABLES = (
    "media_assets",
    "media_processing_jobs",
    "content_posts",
    "job_callbacks",
    "processing_costs",
    "api_keys",
)
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def engine(url: str) -> Any:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))


# Schema


def test_tables_agree_with_the_migrated_database(database: str) -> None:
    """Column by column: type, nullability, and whether the database fills it in; and the keys."""
    connected = engine(database)
    found = inspect(connected)
    for table in Base.metadata.sorted_tables:
        migrated = {
            column["name"]: (
                column["type"].compile(connected.dialect),
                column["nullable"],
                column["default"] is not None,
            )
            for column in found.get_columns(table.name)
        }
        written = {
            column.name: (
                column.type.compile(connected.dialect),
                column.nullable,
                column.server_default is not None,
            )
            for column in table.columns
        }
        assert written == migrated, table.name
        key = found.get_pk_constraint(table.name)["constrained_columns"]
        assert [column.name for column in table.primary_key] == key
    migrated_tables = set(found.get_table_names())
    assert {table.name for table in Base.metadata.sorted_tables} == migrated_tables
    connected.dispose()


def test_the_seeds_columns_are_there(database: str) -> None:
    seed = {
        "media_assets": "id workspace_id source source_id file_type original_url processed_url thumbnail_url status"
        " duration_seconds width height file_size_bytes metadata",
        "media_processing_jobs": "id media_asset_id job_type status input_params output_data flask_job_id attempts"
        " error started_at completed_at",
        "content_posts": "media_asset_id external_post_id platform",
    }
    connected = engine(database)
    for table, columns in seed.items():
        there = {column["name"] for column in inspect(connected).get_columns(table)}
        assert set(columns.split()) <= there
    connected.dispose()


def test_migrating_again_changes_nothing(postgres: Postgres) -> None:
    postgres.create_database("twice")
    postgres.migrate("twice")
    first = dump(postgres)
    postgres.migrate("twice")
    assert dump(postgres) == first
    postgres.drop_database("twice")


def dump(postgres: Postgres) -> str:
    command = ["pg_dump", "--schema-only", f"--dbname={postgres.url('twice')}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # Newer pg_dumps write a random word around the dump, against injection through psql.
    return "\n".join(line for line in text.splitlines() if not line.startswith("\\"))


def test_the_owner_and_a_role_that_is_no_superuser_can_migrate(postgres: Postgres) -> None:
    """As on hosted databases, whose administrator is no superuser."""
    password = secrets.token_hex(12)
    postgres.create_database("hosted")
    with postgres.connect("hosted") as connection:
        for statement in (
            "create role hosted_admin login createrole",
            "grant mediaops_owner, mediaops_backend, mediaops_operator to hosted_admin with admin option",
            "grant all on schema public to hosted_admin with grant option",
        ):
            connection.execute(statement)
    postgres.set_password("hosted_admin", password)
    for _ in range(2):
        for file in in_order(MIGRATIONS):
            with postgres.connect("hosted", "hosted_admin", password) as connection:
                connection.execute(file.read_text().encode())
    postgres.set_password("mediaops_owner", password)
    for file in in_order(MIGRATIONS):
        with postgres.connect("hosted", "mediaops_owner", password) as connection:
            connection.execute(file.read_text().encode())
    postgres.drop_database("hosted")


def test_the_installer_migrates_and_sets_passwords_without_psql(postgres: Postgres) -> None:
    url, password = postgres.create_database("installed"), secrets.token_hex(12)
    environment = {
        "DATABASE_URL": url,
        "MEDIAOPS_BACKEND_PASSWORD": password,
        "MEDIAOPS_OPERATOR_PASSWORD": password,
    }
    program = Path(".venv/bin/mediaops-backend").resolve()
    for _ in range(2):
        ended = subprocess.run(
            [program, "migrate"], env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
    assert password not in ended.stdout + ended.stderr
    with postgres.connect("installed", "mediaops_operator", password) as connection:
        version = connection.execute("select max(version) from mediaops_schema").fetchone()
    assert version == (SCHEMA_VERSION,)
    refused = subprocess.run(
        [program, "migrate"], env={"DATABASE_URL": url.replace("installed", "nowhere")}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "nowhere" in refused.stderr
    assert "Traceback" not in refused.stderr
    postgres.drop_database("installed")


# Tenancy


@pytest.fixture
def two(roles: Roles) -> tuple[str, str]:
    """Two workspaces with one row of everything each."""
    names = (f"a-{secrets.token_hex(4)}", f"b-{secrets.token_hex(4)}")
    with roles.connect("mediaops_owner") as connection:
        for workspace in names:
            asset = uuid.uuid4()
            connection.execute(
                "insert into media_assets (id, workspace_id, source, file_type, namespace, name, resource_uid,"
                " creation_timestamp, resource_version) values (%s, %s, 'upload', 'video', %s, 'clip', %s, %s, 1)",
                [asset, workspace, workspace, uuid.uuid4(), NOW],
            )
            connection.execute(
                "insert into media_processing_jobs (id, workspace_id, media_asset_id, job_type, operation,"
                " creation_timestamp, resource_version) values (%s, %s, %s, 'crop', 'crop', %s, 1)",
                [uuid.uuid4(), workspace, asset, NOW],
            )
            connection.execute(
                "insert into content_posts (workspace_id, media_asset_id, resource, resource_uid, publish_key,"
                " target, request_id, revision, platform, account)"
                " values (%s, %s, %s, %s, 'default', 'x', %s, 'r', 'x', 'main')",
                [workspace, asset, f"{workspace}/clip", uuid.uuid4(), uuid.uuid4()],
            )
            connection.execute(
                "insert into job_callbacks (workspace_id, namespace, job_name, media_asset_id, status)"
                " values (%s, %s, 'job', %s, 'processing')",
                [workspace, workspace, asset],
            )
            connection.execute(
                "insert into processing_costs (id, workspace_id, media_asset_id, operation, job_type, spent_at,"
                " creation_timestamp, resource_version) values (%s, %s, %s, 'crop', 'crop', %s, %s, 1)",
                [uuid.uuid4(), workspace, asset, NOW, NOW],
            )
            connection.execute(
                "insert into api_keys (workspace_id, name, hash) values (%s, 'ci', %s)",
                [workspace, secrets.token_hex(32)],
            )
    return names


def seen(connection: psycopg.Connection[Any], table: str) -> set[str]:
    query = sql.SQL("select workspace_id from {}").format(sql.Identifier(table))
    return {row[0] for row in connection.execute(query).fetchall()}


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_security_is_enabled_and_forced_and_no_role_goes_around_it(roles: Roles, table: str) -> None:
    with roles.connect("mediaops_owner") as connection:
        flags = connection.execute(
            "select relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner) from pg_class where relname = %s",
            [table],
        ).fetchone()
        bypassing = connection.execute(
            "select rolname from pg_roles where rolname like 'mediaops%%' and (rolbypassrls or rolsuper)"
        ).fetchall()
    assert flags == (True, True, "mediaops_owner")
    assert bypassing == []


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_an_unbound_connection_reads_nothing(roles: Roles, two: tuple[str, str], table: str) -> None:
    with roles.connect("mediaops_backend") as connection:
        assert seen(connection, table) == set()
    with roles.connect("mediaops_owner") as connection:
        assert set(two) <= seen(connection, table)


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_a_bound_transaction_reads_its_workspace_and_the_next_nothing(
    roles: Roles, two: tuple[str, str], table: str
) -> None:
    with roles.connect("mediaops_backend") as connection:
        with connection.transaction():
            connection.execute("select set_config('mediaops.workspace', %s, true)", [two[0]])
            assert seen(connection, table) == {two[0]}
        assert seen(connection, table) == set()


@pytest.mark.parametrize("where", ["workspace_id", "app_metadata"])
def test_supabases_claims_bind_too(roles: Roles, two: tuple[str, str], where: str) -> None:
    claims = (
        {"workspace_id": two[1]} if where == "workspace_id" else {"app_metadata": {"workspace_id": two[1]}}
    )
    with roles.connect("mediaops_backend") as connection, connection.transaction():
        connection.execute("select set_config('request.jwt.claims', %s::text, true)", [Jsonb(claims)])
        assert seen(connection, "media_assets") == {two[1]}


@pytest.mark.parametrize(
    "claims", ["", "{}", '{"workspace_id": ""}', '{"user_metadata": {"workspace_id": "WS"}}']
)
def test_claims_without_a_workspace_bind_to_nothing(roles: Roles, two: tuple[str, str], claims: str) -> None:
    with roles.connect("mediaops_backend") as connection, connection.transaction():
        connection.execute(
            "select set_config('request.jwt.claims', %s, true)", [claims.replace("WS", two[0])]
        )
        assert seen(connection, "media_assets") == set()


def test_a_bound_role_writes_nothing_into_another_workspace(roles: Roles, two: tuple[str, str]) -> None:
    mine, theirs = two
    with roles.connect("mediaops_backend") as connection:
        connection.execute("select set_config('mediaops.workspace', %s, false)", [mine])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "insert into media_assets (id, workspace_id, source, file_type, namespace, name, resource_uid,"
                " creation_timestamp, resource_version) values (%s, %s, 'upload', 'video', 'n', 'c', %s, %s, 1)",
                [uuid.uuid4(), theirs, uuid.uuid4(), NOW],
            )
        touched = connection.execute(
            "update content_posts set state = 'withdrawn' where workspace_id = %s", [theirs]
        ).rowcount
        assert touched == 0


def test_a_job_of_one_workspace_cannot_hang_on_anothers_asset(roles: Roles, two: tuple[str, str]) -> None:
    with roles.connect("mediaops_operator") as connection:
        row = connection.execute("select id from media_assets where workspace_id = %s", [two[1]]).fetchone()
        assert row
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(
                "insert into media_processing_jobs (id, workspace_id, media_asset_id, job_type, operation,"
                " creation_timestamp, resource_version) values (%s, %s, %s, 'crop', 'crop', %s, 1)",
                [uuid.uuid4(), two[0], row[0], NOW],
            )


def test_the_operator_sees_every_workspace_but_no_keys(roles: Roles, two: tuple[str, str]) -> None:
    with roles.connect("mediaops_operator") as connection:
        for table in ("media_assets", "media_processing_jobs", "content_posts", "job_callbacks"):
            assert set(two) <= seen(connection, table)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            seen(connection, "api_keys")


def test_nobody_but_the_owner_reads_a_keys_hash_or_deletes_rows(roles: Roles, two: tuple[str, str]) -> None:
    with roles.connect("mediaops_backend") as connection:
        connection.execute("select set_config('mediaops.workspace', %s, false)", [two[0]])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select hash from api_keys")
        for table in TENANT_TABLES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))


def test_look_ups_before_binding_give_a_workspace_and_nothing_more(
    roles: Roles, two: tuple[str, str]
) -> None:
    with roles.connect("mediaops_owner") as connection:
        row = connection.execute(
            "select request_id, id, (select hash from api_keys where workspace_id = p.workspace_id)"
            " from content_posts p where workspace_id = %s",
            [two[0]],
        ).fetchone()
    assert row
    request, publication, key_hash = row
    with roles.connect("mediaops_backend") as connection:
        answers = [
            connection.execute("select mediaops_workspace_of_request(%s)", [request]).fetchone(),
            connection.execute("select mediaops_workspace_of_publication(%s)", [publication]).fetchone(),
            connection.execute("select workspace_id from mediaops_key_lookup(%s)", [key_hash]).fetchone(),
        ]
        assert answers == [(two[0],)] * 3
        assert connection.execute("select * from mediaops_key_lookup(%s)", ["0" * 64]).fetchone() is None
    with (
        roles.connect("mediaops_operator") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select * from mediaops_key_lookup(%s)", [key_hash])


# The mirror


def version(created: datetime, number: int, status: str) -> dict[str, Any]:
    return {
        "id": MIRRORED,
        "workspace_id": "mirror",
        "source": "upload",
        "file_type": "video",
        "namespace": "mirror",
        "name": "clip",
        "resource_uid": MIRRORED,
        "status": status,
        "creation_timestamp": created,
        "resource_version": number,
    }


MIRRORED = uuid.uuid4()


def test_rows_never_go_backwards_unless_forced(roles: Roles) -> None:
    recreated = NOW + timedelta(hours=1)
    steps = [
        (version(NOW, 50, "pending"), False, "pending"),
        (version(NOW, 70, "processing"), False, "processing"),
        (version(NOW, 60, "pending"), False, "processing"),
        (version(NOW, 70, "processed"), False, "processed"),
        (version(recreated, 5, "pending"), False, "pending"),
        (version(NOW, 900, "processed"), False, "pending"),
        (version(NOW, 3, "failed"), True, "failed"),
    ]
    connected = engine(roles.url("mediaops_operator"))
    for row, force, expected in steps:
        with connected.begin() as connection:
            connection.execute(mirror(AssetRow, [row], force=force))
            status = connection.scalar(select(AssetRow.status).where(AssetRow.id == MIRRORED))
        assert status == expected
    connected.dispose()
