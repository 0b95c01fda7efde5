"""Postgres and S3 as tests and demo get them: what they let whom do, and that faults hit them like real ones."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path

import psycopg
import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError

from hack.services.postgres import ADMIN, MigrationFailed, Postgres
from hack.services.s3 import BUCKET, GRANTS, ROOT, S3

STEP = "acme/steps/0123/result.json"
SOURCE = "acme/made/clip.mp4"


def test_postgres_refuses_a_wrong_password_and_a_connection_without_tls(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        postgres.connect(password="guess")
    plain = postgres.url().replace("sslmode=verify-full", "sslmode=disable")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(plain)
    assert postgres.connect().info.pgconn.ssl_in_use


def test_postgres_does_not_run_as_root(postgres: Postgres) -> None:
    pid = postgres.processes.pid("postgres")
    assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_migrations_run_twice_and_a_broken_one_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    for _ in range(2):
        postgres.create_database("migrated")
    postgres.migrate("migrated")
    postgres.migrate("migrated")
    (tmp_path / "1.sql").write_text("create table kept (id int); select nonsense;")
    with pytest.raises(MigrationFailed, match=r'1\.sql.*"nonsense"'):
        postgres.migrate("migrated", tmp_path)


def test_a_role_logs_in_with_the_password_it_was_given(postgres: Postgres, database: str) -> None:
    name = database.rpartition("/")[2].partition("?")[0]
    postgres.set_password("mediaops_backend", "it's a % secret")
    with postgres.connect(name, "mediaops_backend", "it's a % secret") as connection:
        assert connection.execute("select current_user").fetchone() == ("mediaops_backend",)


def test_committed_rows_survive_a_crash_of_postgres(postgres: Postgres) -> None:
    postgres.create_database("crashed")
    with postgres.connect("crashed") as connection:
        connection.execute("create table committed as select 1 as one")
    postgres.kill()
    assert not postgres.running
    with pytest.raises(psycopg.OperationalError):
        postgres.connect("crashed")
    postgres.start()
    with postgres.connect("crashed") as connection:
        assert connection.execute("select one from committed").fetchone() == (1,)


def test_a_paused_postgres_answers_nobody_and_then_goes_on(postgres: Postgres) -> None:
    with postgres.connect() as connection:
        with postgres.paused():
            started = time.monotonic()
            with pytest.raises(psycopg.OperationalError, match="timeout"):
                postgres.connect()
            assert time.monotonic() - started > 1.5
        assert connection.execute("select 1").fetchone() == (1,)


def allowed(s3: S3, user: str, call: str, **arguments: object) -> bool:
    try:
        getattr(s3.client(user), call)(Bucket=BUCKET, **arguments)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != requests.codes.forbidden:
            raise
        return False
    return True


def test_the_operator_reads_everything_and_writes_and_deletes_nothing(s3: S3) -> None:
    for key in (STEP, SOURCE):
        s3.client().put_object(Bucket=BUCKET, Key=key, Body=b"content")
    for key, call in product((STEP, SOURCE), ("get_object", "head_object")):
        assert allowed(s3, "operator", call, Key=key)
    assert allowed(s3, "operator", "list_objects_v2", Prefix="acme/steps/")
    for key in (STEP, SOURCE):
        assert not allowed(s3, "operator", "put_object", Key=key, Body=b"forged")
        assert not allowed(s3, "operator", "create_multipart_upload", Key=key)
        assert not allowed(s3, "operator", "delete_object", Key=key)


def test_the_sweeper_lists_and_deletes_in_step_folders_only_and_reads_nothing(s3: S3) -> None:
    for key in (STEP, SOURCE):
        s3.client().put_object(Bucket=BUCKET, Key=key, Body=b"content")
        for call in ("get_object", "head_object", "create_multipart_upload"):
            assert not allowed(s3, "sweeper", call, Key=key)
        assert not allowed(s3, "sweeper", "put_object", Key=key, Body=b"forged")
    assert allowed(s3, "sweeper", "list_objects_v2", Prefix="acme/steps/")
    for prefix in ("", "acme/", "acme/made/"):
        assert not allowed(s3, "sweeper", "list_objects_v2", Prefix=prefix)
    assert not allowed(s3, "sweeper", "delete_object", Key=SOURCE)
    both = {"Objects": [{"Key": SOURCE}, {"Key": STEP}]}
    answer = s3.client("sweeper").delete_objects(Bucket=BUCKET, Delete=both)
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    left = [entry["Key"] for entry in s3.client().list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert SOURCE in left
    assert STEP not in left
    uploads = {
        key: s3.client("backend").create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        for key in (STEP, SOURCE)
    }
    assert allowed(s3, "sweeper", "list_multipart_uploads", Prefix="acme/steps/")
    assert allowed(s3, "sweeper", "abort_multipart_upload", Key=STEP, UploadId=uploads[STEP])
    assert not allowed(s3, "sweeper", "abort_multipart_upload", Key=SOURCE, UploadId=uploads[SOURCE])
    assert allowed(s3, "backend", "abort_multipart_upload", Key=SOURCE, UploadId=uploads[SOURCE])


def test_the_backend_reads_and_writes_and_does_not_delete(s3: S3) -> None:
    assert allowed(s3, "backend", "put_object", Key=STEP, Body=b"content")
    assert allowed(s3, "backend", "get_object", Key=STEP)
    upload = s3.client("backend").create_multipart_upload(Bucket=BUCKET, Key=SOURCE)["UploadId"]
    assert allowed(s3, "backend", "upload_part", Key=SOURCE, UploadId=upload, PartNumber=1, Body=b"part")
    assert allowed(s3, "backend", "list_parts", Key=SOURCE, UploadId=upload)
    assert allowed(s3, "backend", "abort_multipart_upload", Key=SOURCE, UploadId=upload)
    assert not allowed(s3, "backend", "delete_object", Key=STEP)
    assert not allowed(s3, "backend", "delete_bucket_policy")


def test_nobody_else_gets_anything_of_s3(s3: S3) -> None:
    s3.client().put_object(Bucket=BUCKET, Key=STEP, Body=b"content")
    anonymous = requests.get(f"{s3.url}/{BUCKET}/{STEP}", verify=str(s3.tls and s3.tls.authority), timeout=5)
    assert anonymous.status_code == requests.codes.forbidden
    wrong = S3(s3.folder, s3.place, s3.port, s3.tls, secrets={"backend": "not its secret"})
    assert not allowed(wrong, "backend", "get_object", Key=STEP)


def test_objects_survive_a_crash_of_s3(s3: S3) -> None:
    s3.client("backend").put_object(Bucket=BUCKET, Key=SOURCE, Body=b"kept")
    s3.kill()
    with pytest.raises(BotoCoreError):
        s3.client("backend").head_object(Bucket=BUCKET, Key=SOURCE)
    s3.start()
    assert s3.client("backend").get_object(Bucket=BUCKET, Key=SOURCE)["Body"].read() == b"kept"


def test_another_instance_on_the_same_folder_finds_the_running_service(postgres: Postgres, s3: S3) -> None:
    again = Postgres(postgres.folder, postgres.place, postgres.port, postgres.tls, password="unknown")
    assert again.running
    assert again.processes.pid("postgres") == postgres.processes.pid("postgres")
    assert not Postgres(s3.folder, password="unknown").running
    assert postgres.url(ADMIN) != s3.url


def test_served_operations_use_their_own_prefix_only(s3: S3) -> None:
    assert allowed(s3, "operations", "put_object", Key="serve/a.mp4", Body=b"made")
    assert allowed(s3, "operations", "get_object", Key="serve/a.mp4")
    for key in (SOURCE, STEP):
        assert not allowed(s3, "operations", "get_object", Key=key)
        assert not allowed(s3, "operations", "put_object", Key=key, Body=b"forged")
    assert not allowed(s3, "operations", "list_objects_v2")


def test_a_running_s3_learns_of_users_that_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = S3(tmp_path / "s3", secrets={user: f"{user}-secret" for user in (ROOT, *GRANTS)})
    with monkeypatch.context() as earlier:
        earlier.setattr("hack.services.s3.GRANTS", {"backend": GRANTS["backend"]})
        server.start()
        assert not allowed(server, "operator", "list_objects_v2")
    with server:
        assert allowed(server, "operator", "list_objects_v2")
