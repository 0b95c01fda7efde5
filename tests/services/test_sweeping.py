"""The sweeper against Postgres and S3 as they are; what stands in is the API server's lists, page by page."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select

from hack.services.s3 import BUCKET, S3
from mediaops.settings import S3Settings
from mediaops.storage import Forbidden, Storage, StorageError, Upload
from mediaops.tables import AssetRow
from mediaops_operator import releases
from mediaops_operator.database import Database
from mediaops_operator.gather import Library
from mediaops_operator.interlock import Interlock
from mediaops_operator.kube import Access, ApiError, Cluster
from mediaops_operator.mirror import Mirror, upsert
from mediaops_operator.sweeper import Survey, Sweeper
from tests.services.backend_fixtures import Roles

pytest_plugins = ["tests.services.backend_fixtures"]

LONG_AGO = datetime.now(UTC) - timedelta(days=30)
Manifest = dict[str, Any]


class Lists(ThreadingHTTPServer):
    """Answers lists: pages of objects by plural name; a page that is None is an error of the server."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, list[list[Manifest] | None]] = {}
        self.count = 0

    @property
    def access(self) -> Access:
        return Access(f"http://127.0.0.1:{self.server_port}", ca="")


class _Handler(BaseHTTPRequestHandler):
    server: Lists

    def do_GET(self) -> None:
        self.server.count += 1
        address = urlsplit(self.path)
        number = int(parse_qs(address.query).get("continue", ["0"])[0])
        pages = self.server.pages.get(address.path.rpartition("/")[2], [[]])
        page = pages[number]
        more = str(number + 1) if number + 1 < len(pages) else ""
        metadata = {"resourceVersion": "7", "continue": more}
        body = {"message": "etcd is away"} if page is None else {"items": page, "metadata": metadata}
        self.send_response(500 if page is None else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def opened(s3: S3, user: str) -> Storage:
    settings = S3Settings(
        STORAGE_BUCKET=BUCKET,
        STORAGE_URL=s3.url,
        MEDIAOPS_S3_ACCESS_KEY_ID=user,
        MEDIAOPS_S3_SECRET_ACCESS_KEY=s3.secret(user),
        MEDIAOPS_CA_FILE=s3.tls and s3.tls.authority,
    )
    return Storage(settings, timeout_seconds=3)


class Bench:
    """One workspace with assets on record and step folders in storage."""

    def __init__(self, roles: Roles, s3: S3, lists: Lists) -> None:
        self.workspace = f"w-{secrets.token_hex(4)}"
        self.s3, self.lists = s3, lists
        self.database = Database(SecretStr(roles.url("mediaops_operator")))
        self.mirror = Mirror(self.database, time.monotonic, 30, lambda _: None)
        self.library = Library(opened(s3, "operator"), Interlock(time.monotonic))
        self.storage = opened(s3, "sweeper")

    def asset(self, *step_keys: str, released_at: datetime | None = None, **columns: Any) -> Manifest:
        """Put an asset on record."""
        row = {
            "id": uuid.uuid4(),
            "workspace_id": self.workspace,
            "source": "upload",
            "file_type": "video",
            "namespace": self.workspace,
            "name": f"clip-{secrets.token_hex(4)}",
            "resource_uid": uuid.uuid4(),
            "creation_timestamp": LONG_AGO,
            "resource_version": 1,
            "step_keys": list(step_keys),
            "released_at": released_at,
            "gone_at": released_at,
            **columns,
        }
        self.work(lambda connection: upsert(connection, AssetRow, [row]))
        return row

    def folder(self, *names: str) -> str:
        """Put a step folder into storage, and give its step key."""
        step_key = secrets.token_hex(20)
        for name in names or ("result.json", f"{'a' * 64}.mp4"):
            self.s3.client().put_object(
                Bucket=BUCKET, Key=f"{self.workspace}/steps/{step_key}/{name}", Body=b"12345"
            )
        return step_key

    def left(self) -> set[str]:
        """Name the step keys of folders that something lies in."""
        answer = self.s3.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{self.workspace}/steps/")
        return {entry["Key"].split("/")[2] for entry in answer.get("Contents", [])}

    def row(self, asset: Manifest) -> tuple[Any, ...]:
        """Give gone_at, released_at and step keys as they are on record."""
        columns = (AssetRow.gone_at, AssetRow.released_at, AssetRow.step_keys)
        found = self.work(lambda c: c.execute(select(*columns).where(AssetRow.id == asset["id"])).one())
        return tuple(found)

    def work(self, work: Callable[[Connection], Any]) -> Any:
        return asyncio.run(self.database.run(work))

    def sweep(self, grace: timedelta = timedelta(0)) -> bool:
        """Go one round."""

        async def round_(sweeper: Sweeper) -> bool:
            return await sweeper.sweep()

        return bool(self.with_sweeper(round_, grace))

    def with_sweeper(self, body: Callable[[Sweeper], Awaitable[Any]], grace: timedelta = timedelta(0)) -> Any:
        async def run() -> Any:
            async with Cluster(self.lists.access) as cluster:
                survey = Survey(cluster, self.database, self.storage, grace)
                return await body(
                    Sweeper(survey, self.database, self.storage, self.library, self.mirror, pause=1.0)
                )

        return asyncio.run(run())


@pytest.fixture
def bench(roles: Roles, s3: S3) -> Iterator[Bench]:
    lists = Lists()
    threading.Thread(target=lists.serve_forever, daemon=True).start()
    bench = Bench(roles, s3, lists)
    # Nothing that another test left on record is this one's.
    bench.work(lambda connection: connection.execute(AssetRow.__table__.update().values(released_at=None)))  # type: ignore[attr-defined]
    yield bench
    lists.shutdown()
    lists.server_close()
    bench.database.close()


def names(*step_keys: str) -> list[Manifest]:
    return [{"spec": {"stepKey": step_key}} for step_key in step_keys]


def test_a_released_folder_is_deleted_and_then_goes_off_the_record(bench: Bench) -> None:
    shared, own = bench.folder(), bench.folder()
    gone = bench.asset(shared, own, released_at=LONG_AGO)
    bench.asset(shared)
    assert bench.sweep(), "there may be more"
    assert bench.left() == {shared}
    assert bench.row(gone)[2] == [shared, own], "until it is seen to be empty"
    assert bench.sweep()
    assert bench.row(gone)[2] == [shared]
    assert not bench.sweep()


def test_where_nothing_is_released_the_cluster_is_not_even_asked(bench: Bench) -> None:
    bench.asset(bench.folder())
    assert not bench.sweep()
    assert bench.lists.count == 0


def test_what_any_page_of_the_list_names_stays(bench: Bench) -> None:
    first, last, other = (bench.folder() for _ in range(3))
    bench.asset(first, last, other, released_at=LONG_AGO)
    bench.lists.pages["processingjobs"] = [names(first), names(), names(last)]
    bench.sweep()
    assert bench.left() == {first, last}


@pytest.mark.parametrize("plural", ["processingjobs", "jobs", "mediaassets"])
def test_after_an_incomplete_list_nothing_is_deleted(bench: Bench, plural: str) -> None:
    step_key = bench.folder()
    bench.asset(step_key, released_at=LONG_AGO)
    bench.lists.pages[plural] = [[], None]
    with pytest.raises(ApiError):
        bench.sweep()
    assert bench.left() == {step_key}
    bench.lists.pages.clear()
    assert bench.sweep()
    assert bench.left() == set()


def test_an_asset_that_is_there_again_or_still_has_a_job_keeps_its_folders(bench: Bench) -> None:
    back, working = bench.folder(), bench.folder()
    restored = bench.asset(back, released_at=LONG_AGO)
    dying = bench.asset(working, released_at=LONG_AGO)
    metadata = {
        "namespace": restored["namespace"],
        "name": restored["name"],
        "uid": str(restored["resource_uid"]),
    }
    owner = {"uid": str(dying["resource_uid"]), "controller": True}
    bench.lists.pages["mediaassets"] = [[{"metadata": metadata, "spec": {"source": {"url": {}}}}]]
    bench.lists.pages["jobs"] = [[{"metadata": {"ownerReferences": [owner]}}]]
    assert not bench.sweep()
    assert bench.left() == {back, working}


def test_within_the_grace_period_after_release_or_last_write_nothing_goes(bench: Bench) -> None:
    bench.asset(bench.folder(), released_at=LONG_AGO)
    bench.asset(bench.folder(), released_at=datetime.now(UTC))
    assert not bench.sweep(timedelta(hours=1))
    assert len(bench.left()) == 2


def test_what_a_visit_has_just_looked_at_stays(bench: Bench) -> None:
    step_key = bench.folder()
    bench.asset(step_key, released_at=LONG_AGO)

    async def look_then_sweep(sweeper: Sweeper) -> bool:
        await bench.library.look(bench.workspace, [step_key])
        return await sweeper.sweep()

    assert not bench.with_sweeper(look_then_sweep)
    assert bench.left() == {step_key}


def test_what_comes_on_record_while_a_round_is_under_way_stays(bench: Bench) -> None:
    step_keys = [bench.folder() for _ in range(3)]
    bench.asset(*step_keys, released_at=LONG_AGO)
    kept: list[str] = []

    handle = bench.lists.finish_request

    def put_on_record_first(request: Any, address: Any) -> None:
        if not kept:
            kept.append(step_keys[1])
            bench.work(lambda c: upsert(c, AssetRow, [other | {"step_keys": kept}], force=True))
        handle(request, address)

    other = bench.asset()
    bench.lists.finish_request = put_on_record_first  # type: ignore[method-assign]
    assert bench.sweep()
    assert bench.left() == set(kept)


def test_uploads_that_nobody_will_complete_are_aborted_in_step_folders_only(bench: Bench) -> None:
    bench.asset()
    backend = bench.s3.client("backend")
    keys = [f"{bench.workspace}/steps/{'b' * 40}/x.mp4", f"{bench.workspace}/uploads/x.mp4"]
    for key in keys:
        backend.create_multipart_upload(Bucket=BUCKET, Key=key)

    def pending() -> list[str]:
        answer = backend.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{bench.workspace}/")
        return [upload["Key"] for upload in answer.get("Uploads", [])]

    bench.sweep(timedelta(hours=1))
    assert pending() == keys, "a pod may still be at it"
    time.sleep(1.1)  # uploads are dated to the second
    bench.sweep()
    assert pending() == keys[1:]
    bench.storage.abort(Upload(keys[0], str(uuid.uuid4()), LONG_AGO))  # gone already: no error


def test_without_storage_a_round_ends_and_the_next_one_goes_on(bench: Bench) -> None:
    step_key = bench.folder()
    asset = bench.asset(step_key, released_at=LONG_AGO)
    bench.s3.kill()
    try:
        with pytest.raises(StorageError):
            bench.sweep()
        assert bench.row(asset)[2] == [step_key]
    finally:
        bench.s3.start()
    assert bench.sweep()
    assert bench.left() == set()


def test_a_batch_with_a_key_that_may_not_go_says_so(bench: Bench) -> None:
    step_key = bench.folder("a.log", "b.log")
    own = [f"{bench.workspace}/steps/{step_key}/{name}.log" for name in "ab"]
    source = f"{bench.workspace}/uploads/clip.mp4"
    bench.s3.client().put_object(Bucket=BUCKET, Key=source, Body=b"12345")
    with pytest.raises(Forbidden, match="AccessDenied"):
        bench.storage.delete_all([own[0], source, own[1]])
    assert bench.left() == set()
    assert bench.s3.client().head_object(Bucket=BUCKET, Key=source)["ContentLength"] == 5
    bench.storage.delete_all([])


# What the end of a resource does to its row ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_record", "heard", "released"),
    [
        ("Delete", None, True),
        ("Retain", None, False),
        ("Retain", "Delete", True),
        ("Delete", "Retain", False),
    ],
)
def test_the_end_of_a_resource_releases_its_folders_as_its_policy_says(
    bench: Bench, on_record: str, heard: str | None, released: bool
) -> None:
    asset = bench.asset("a" * 40, deletion_policy=on_record)
    bench.mirror.gone(asset["resource_uid"], heard)
    asyncio.run(bench.mirror.flush())
    gone_at, released_at, _ = bench.row(asset)
    assert gone_at is not None
    assert (released_at is not None) is released


def test_a_word_on_the_policy_that_comes_after_a_complete_list_still_counts(bench: Bench) -> None:
    asset = bench.asset("a" * 40, deletion_policy="Delete")
    for heard in (None, "Retain"):
        bench.mirror.gone(asset["resource_uid"], heard)
        asyncio.run(bench.mirror.flush())
    gone_at, released_at, _ = bench.row(asset)
    assert gone_at is not None
    assert released_at is None


def test_a_resource_that_came_back_with_etcd_holds_its_folders_again(bench: Bench) -> None:
    asset = bench.asset("a" * 40, released_at=LONG_AGO)
    asyncio.run(bench.mirror.find_gone([asset["resource_uid"]]))
    assert bench.row(asset)[:2] == (None, None)


def test_step_keys_of_an_asset_are_added_up(bench: Bench) -> None:
    asset = bench.asset("b" * 40, "a" * 40)
    for version, step_keys in ((2, ["c" * 40]), (1, ["d" * 40])):  # the second is late
        row = asset | {"resource_version": version, "step_keys": step_keys}
        bench.work(lambda connection, row=row: upsert(connection, AssetRow, [row]))
    assert bench.row(asset)[2] == ["a" * 40, "b" * 40, "c" * 40]


def test_files_of_publications_are_needed_until_they_are_posted_or_withdrawn(
    bench: Bench, roles: Roles
) -> None:
    asset = bench.asset()
    states = ("planned", "claimed", "posting", "failed", "outcome_unknown", "withdrawn", "posted")
    with roles.connect("mediaops_operator") as connection:
        for state in states:
            connection.execute(
                "insert into content_posts (workspace_id, media_asset_id, resource, resource_uid, publish_key,"
                " target, request_id, revision, platform, account, files, state, external_post_id)"
                " values (%s, %s, 'a/b', %s, 'default', %s, %s, 'r', 'x', 'main', %s, %s, %s)",
                (
                    bench.workspace,
                    asset["id"],
                    asset["resource_uid"],
                    state,
                    uuid.uuid4(),
                    json.dumps([{"key": f"{bench.workspace}/{state}"}]),
                    state,
                    "17" if state == "posted" else None,
                ),
            )
    needed = {key for key in bench.work(releases.needed) if key.startswith(bench.workspace)}
    assert needed == {f"{bench.workspace}/{state}" for state in states[:5]}
