"""What a workspace has, as its users see it: an asset with all that is known of it, and pages; nothing of others."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from hack.services.s3 import BUCKET
from mediaops.models.mediaasset import MediaAsset
from mediaops.models.processingjob import ProcessingJob
from mediaops.operations import REGISTRY
from mediaops.planner import Step, plan_steps
from mediaops.rows import asset_row, cost_rows, job_row
from mediaops.tables import AssetRow, CostRow, JobRow
from mediaops_operator.mirror import upsert
from tests.services.backend_fixtures import Installed

pytest_plugins = ["tests.services.backend_fixtures"]

PATH = "/api/media/assets"
CREATED = "2026-11-26T10:00:00Z"
OPERATIONS = [
    {"name": "words", "transcribe": {"engine": "pocketsphinx"}},
    {"name": "vertical", "crop": {"aspect": "9:16"}},
    {"name": "small", "input": "vertical", "compress": {"crf": 28}},
    {"name": "post", "caption": {"engine": "offline", "transcriptFrom": "words"}},
]


class Shelf:
    """Assets of a workspace, with the rows that the operator writes of them."""

    def __init__(self, installed: Installed, workspace: str) -> None:
        self.installed, self.workspace = installed, workspace
        self.engine = create_engine(
            make_url(installed.roles.url("mediaops_operator")).set(drivername="postgresql+psycopg")
        )

    def put(self, **status: dict[str, Any]) -> str:
        """Write the rows of an asset whose operations have each the status given by name; gives its id."""
        asset = MediaAsset.model_validate(
            {
                "metadata": self.metadata(f"clip-{secrets.token_hex(4)}"),
                "spec": {
                    "fileType": "video",
                    "source": {"object": {"key": "clip.mp4"}},
                    "operations": OPERATIONS,
                },
                "status": {"phase": "Processing"},
            }
        )
        steps = plan_steps(asset.spec, asset_name=asset.name, asset_uid=asset.uid, identity="sha256:0")
        jobs = [self.job(step, status.get(step.name, {})) for step in steps]
        pairs = list(zip(steps, jobs, strict=True))
        made = [job_row(asset, self.workspace, place, *pair) for place, pair in enumerate(pairs)]
        costs = cost_rows(asset, self.workspace, pairs)
        with self.engine.begin() as connection:
            upsert(connection, AssetRow, [asset_row(asset, self.workspace)])
            upsert(connection, JobRow, made)
            if costs:
                upsert(connection, CostRow, costs)
        return str(asset_row(asset, self.workspace)["id"])

    def metadata(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "namespace": self.workspace,
            "uid": str(uuid.uuid4()),
            "generation": 1,
            "creationTimestamp": CREATED,
            "resourceVersion": "1",
        }

    def job(self, step: Step, status: dict[str, Any]) -> ProcessingJob:
        versions = [{"name": name, "version": version} for name, version in step.versions.items()]
        return ProcessingJob.model_validate(
            {
                "metadata": self.metadata(step.processing_job),
                "spec": {
                    "assetRef": {"name": "clip", "uid": "u"},
                    "operation": step.operation.wire(),
                    "versions": versions,
                    "specHash": step.spec_hash,
                    "stepKey": step.step_key,
                    "stored": step.stored,
                },
                "status": status,
            }
        )

    def output(self, operation: str, content: bytes) -> dict[str, Any]:
        """Store a rendition, and give what status says of it."""
        key = f"{self.workspace}/steps/{'0' * 40}/{secrets.token_hex(8)}.mp4"
        self.installed.s3.client("backend").put_object(Bucket=BUCKET, Key=key, Body=content)
        return {
            "operation": operation,
            "name": "rendition",
            "uri": f"s3://{BUCKET}/{key}",
            "mediaType": "video/mp4",
            "sizeBytes": len(content),
            "sha256": "0" * 64,
            "widthPixels": 404,
        }

    def get(self, path: str = "", workspace: str | None = None) -> Any:
        return self.installed.call(
            "GET", f"{PATH}{path}", bearer=self.installed.user(workspace or self.workspace)
        )

    def write(self, statement: str, *values: Any) -> list[Any]:
        with self.installed.roles.connect("mediaops_operator") as connection:
            found = connection.execute(statement.encode(), values)
            return found.fetchall() if found.description else []


@pytest.fixture
def shelf(installed: Installed) -> Any:
    shelf = Shelf(installed, installed.workspace())
    yield shelf
    shelf.engine.dispose()


def test_an_asset_comes_with_jobs_outputs_that_open_costs_and_posts(shelf: Shelf) -> None:
    cost = {"microUsd": 7, "cpuMillis": 9000}
    small = {"phase": "Completed", "outputs": [shelf.output("small", b"video")], "cost": cost}
    asset = shelf.put(small=small, words={"phase": "Completed"})
    shelf.write(
        "insert into content_posts (workspace_id, media_asset_id, resource, resource_uid, publish_key, target,"
        " request_id, revision, platform, account) values (%s, %s, 'a/b', %s, 'default', 'x', %s, 'r1', 'x', 'main')",
        shelf.workspace,
        asset,
        uuid.uuid4(),
        uuid.uuid4(),
    )
    answer = shelf.get(f"/{asset}")
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert (found["asset"]["id"], found["asset"]["cost"]["micro_usd"]) == (asset, 7)
    assert [(job["operation"], job["status"], job["cost"]["cpu_millis"]) for job in found["jobs"]] == [
        ("words", "completed", 0),
        ("vertical", "queued", 0),
        ("small", "completed", 9000),
        ("post", "queued", 0),
    ]
    assert (found["progress"]["total"], found["progress"]["completed"]) == (4, 2)
    (output,) = found["outputs"]
    assert (output["operation"], output["name"], output["width_pixels"]) == ("small", "rendition", 404)
    assert shelf.installed.s3.tls
    opened = requests.get(output["url"], verify=str(shelf.installed.s3.tls.authority), timeout=10)
    assert opened.content == b"video"
    assert [(post["target"], post["state"], post["url"]) for post in found["posts"]] == [
        ("x", "planned", None)
    ]
    assert (found["outdated"], found["earlier_jobs"]) == ([], [])


def test_how_long_it_still_takes_is_the_longest_of_what_runs_and_nothing_while_something_waits(
    shelf: Shelf,
) -> None:
    running = {"phase": "Processing", "jobName": "clip-1"}
    done = {"phase": "Completed"}
    asset = shelf.put(words=running, vertical=running, small=running, post=done)
    assert shelf.get(f"/{asset}").json["progress"]["seconds_left"] is None
    for operation, seconds in (("words", 30), ("small", 90)):
        shelf.write(
            "update media_processing_jobs set percent = 20, seconds_left = %s, progress_job_name = 'clip-1'"
            " where media_asset_id = %s and operation = %s",
            seconds,
            asset,
            operation,
        )
    assert shelf.get(f"/{asset}").json["progress"]["seconds_left"] == 90  # vertical is only passed through
    shelf.write("update media_processing_jobs set flask_job_id = 'clip-2' where media_asset_id = %s", asset)
    assert shelf.get(f"/{asset}").json["progress"]["seconds_left"] is None


def test_what_a_newer_engine_would_change_is_named_and_nothing_is_written(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = shelf.put()
    rows = "select id, xmin::text from media_processing_jobs where media_asset_id = %s order by id"
    before = shelf.write(rows, asset)
    kind = REGISTRY["crop"]
    monkeypatch.setitem(REGISTRY, "crop", type(kind)(**{**vars(kind), "version": "99"}))
    assert shelf.get(f"/{asset}").json["outdated"] == [
        {
            "operation": "vertical",
            "changed": [{"name": "crop", "made_with": kind.version, "today": "99"}],
            "reads": None,
        },
        {"operation": "small", "changed": [], "reads": "vertical"},
    ]
    assert shelf.write(rows, asset) == before
    shelf.write("update media_processing_jobs set versions = null where media_asset_id = %s", asset)
    assert shelf.get(f"/{asset}").json["outdated"] == []  # rows of before don't say what they were made with


def test_an_operation_that_was_edited_is_history(shelf: Shelf) -> None:
    asset = shelf.put()
    shelf.write(
        "update media_processing_jobs set wanted = false where media_asset_id = %s and operation = 'post'",
        asset,
    )
    found = shelf.get(f"/{asset}").json
    assert ["words", "vertical", "small"] == [job["operation"] for job in found["jobs"]]
    assert ["post"] == [job["operation"] for job in found["earlier_jobs"]]


def test_another_workspaces_assets_are_not_there(shelf: Shelf) -> None:
    asset, stranger = shelf.put(), shelf.installed.workspace()
    assert shelf.get(f"/{asset}", stranger).status_code == 404
    assert shelf.get(f"/{uuid.uuid4()}").status_code == 404
    assert shelf.get("/none").status_code == 404
    assert shelf.get("", stranger).json == {"assets": [], "next": None}
    assert shelf.installed.call("GET", f"{PATH}/{asset}").status_code == 401
    assert shelf.installed.call("GET", PATH).status_code == 401
    cursor = shelf.get("?limit=1").json["next"]
    shelf.put()
    cursor = cursor or shelf.get("?limit=1").json["next"]
    assert shelf.get(f"?cursor={cursor}", stranger).json["assets"] == []


def test_pages_are_whole_while_assets_come_and_change(shelf: Shelf) -> None:
    put = [shelf.put() for _ in range(5)]
    first = shelf.get("?limit=2").json
    shelf.put()
    shelf.write("update media_assets set updated_at = now() where id = %s", put[0])
    second = shelf.get(f"?limit=2&cursor={first['next']}").json
    third = shelf.get(f"?limit=2&cursor={second['next']}").json
    seen = [asset["id"] for page in (first, second, third) for asset in page["assets"]]
    assert seen == put[::-1]
    assert third["next"] is None


def test_pages_are_narrowed_by_status_type_and_time(shelf: Shelf) -> None:
    old, new = shelf.put(), shelf.put()
    shelf.write("update media_assets set status = 'failed', updated_at = '2026-01-01Z' where id = %s", old)

    def ids(query: str) -> list[str]:
        return [asset["id"] for asset in shelf.get(f"?{query}").json["assets"]]

    assert ids("status=failed") == [old]
    assert ids("status=processing&file_type=video") == [new]
    assert ids("file_type=audio") == []
    assert ids("updated_since=2026-02-01T00:00:00Z") == [new]
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ids(f"updated_since={later}") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("status=odd", "status"),
        ("updated_since=2026-01-01T00:00:00", "updated_since"),
        ("cursor=x", "cursor"),
        ("cursor=WyIyMDI2LTAxLTAxIiwxXQ", "cursor"),
        ("order=name", "order"),
    ],
)
def test_a_query_that_means_nothing_is_refused(shelf: Shelf, query: str, field: str) -> None:
    answer = shelf.get(f"?{query}")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
