"""Costs in Postgres: written by the operator's role, added up for the workspace that asks and no other."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from mediaops.tables import AssetRow, CostRow
from mediaops_backend import costs
from mediaops_backend.costs import CostQuery
from mediaops_backend.database import Database
from mediaops_operator.mirror import upsert
from tests.services.backend_fixtures import Installed, Roles

pytest_plugins = ["tests.services.backend_fixtures"]

NOVEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
ZEROS = dict.fromkeys(costs.SUMS, 0)


def asset_row(workspace: str) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "workspace_id": workspace,
        "source": "upload",
        "file_type": "video",
        "namespace": workspace,
        "name": f"clip-{secrets.token_hex(4)}",
        "resource_uid": uuid.uuid4(),
        "creation_timestamp": NOVEMBER,
        "resource_version": 1,
    }


def cost_row(asset: dict[str, Any], job_type: str, spent_at: datetime, **amounts: Any) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "workspace_id": asset["workspace_id"],
        "media_asset_id": asset["id"],
        "media_processing_job_id": None if job_type == "ingest" else uuid.uuid4(),
        "operation": job_type,
        "job_type": job_type,
        "spent_at": spent_at,
        **ZEROS,
        "unpriced_models": [],
        "creation_timestamp": NOVEMBER,
        "resource_version": 5,
        **amounts,
    }


class Books:
    """Two assets of one workspace and one of another."""

    def __init__(self, roles: Roles) -> None:
        self.workspace, other = f"a-{secrets.token_hex(4)}", f"b-{secrets.token_hex(4)}"
        self.first, self.second, foreign = map(asset_row, (self.workspace, self.workspace, other))
        self.job = cost_row(self.first, "caption", DECEMBER, micro_usd=700, api_calls=2, api_input_tokens=900)
        self.engine = create_engine(
            make_url(roles.url("mediaops_operator")).set(drivername="postgresql+psycopg")
        )
        rows = [
            cost_row(self.first, "ingest", NOVEMBER, micro_usd=10, bytes_in=5_000_000_000),
            cost_row(self.first, "compress", NOVEMBER, micro_usd=200, cpu_millis=90_000),
            self.job,
            cost_row(self.second, "caption", DECEMBER, unpriced_models=["gpt-9"], api_calls=1),
            cost_row(foreign, "compress", DECEMBER, micro_usd=10**9),
        ]
        with self.engine.begin() as connection:
            upsert(connection, AssetRow, [self.first, self.second, foreign])
            upsert(connection, CostRow, rows)
        self.database = Database(roles.url("mediaops_backend"))

    def report(self, **query: Any) -> costs.Costs:
        return costs.report(self.database, self.workspace, CostQuery(**query))

    def by_key(self, **query: Any) -> dict[str, int]:
        return {group.key: group.micro_usd for group in self.report(**query).groups}


@pytest.fixture
def books(roles: Roles) -> Iterator[Books]:
    books = Books(roles)
    yield books
    books.database.close()
    books.engine.dispose()


def test_costs_add_up_by_month_operation_and_asset(books: Books) -> None:
    assert books.by_key() == {"2026-12": 700, "2026-11": 210}
    assert books.by_key(by="operation") == {"caption": 700, "compress": 200, "ingest": 10}
    assert books.by_key(by="asset") == {str(books.first["id"]): 910, str(books.second["id"]): 0}
    total = books.report().total
    assert (total.micro_usd, total.bytes_in, total.cpu_millis, total.api_calls) == (910, 5 * 10**9, 90_000, 3)


def test_months_bound_what_is_added_up(books: Books) -> None:
    assert books.by_key(by="operation", since="2026-12") == {"caption": 700}
    november = books.report(by="month", until="2026-11")
    assert [group.key for group in november.groups] == ["2026-11"]
    assert november.total.micro_usd == 210


def test_a_limit_keeps_the_dearest_and_the_total_whole(books: Books) -> None:
    report = books.report(by="operation", limit=1)
    assert [group.key for group in report.groups] == ["caption"]
    assert report.total.micro_usd == 910


def test_models_without_a_price_are_named_where_they_were_used(books: Books) -> None:
    report = books.report(by="operation")
    named = {group.key: group.unpriced_models for group in report.groups}
    assert named == {"caption": ["gpt-9"], "compress": [], "ingest": []}
    assert report.total.unpriced_models == ["gpt-9"]


def test_an_asset_shows_its_sum_and_each_jobs_part(books: Books) -> None:
    with books.database.bound(books.workspace) as connection:
        whole, jobs = costs.of_asset(connection, books.first["id"])
    assert whole.micro_usd == 910
    assert jobs[books.job["media_processing_job_id"]].micro_usd == 700
    assert len(jobs) == 2


def test_a_later_version_replaces_an_earlier_one_and_never_the_other_way(books: Books) -> None:
    for version, micro_usd, now in ((6, 900, 900), (4, 1, 900)):
        with books.engine.begin() as connection:
            upsert(connection, CostRow, [books.job | {"micro_usd": micro_usd, "resource_version": version}])
        assert books.by_key(by="operation")["caption"] == now


def test_a_workspace_that_spent_nothing_gets_zeros(books: Books) -> None:
    report = costs.report(books.database, "nobody", CostQuery())
    assert (report.groups, report.total.micro_usd) == ([], 0)


def test_the_route_answers_its_own_workspace_and_refuses_what_means_nothing(installed: Installed) -> None:
    workspace = installed.workspace()
    asset = installed.asset_row(workspace)
    with installed.roles.connect("mediaops_operator") as connection:
        connection.execute(
            "insert into processing_costs (id, workspace_id, media_asset_id, operation, job_type, spent_at,"
            " micro_usd, creation_timestamp, resource_version)"
            " values (%s, %s, %s, 'small', 'compress', %s, 42, %s, 1)",
            [uuid.uuid4(), workspace, asset, DECEMBER, NOVEMBER],
        )
    path, bearer = "/api/media/costs", installed.user(workspace)
    answer = installed.call("GET", f"{path}?by=operation&since=2026-12", bearer=bearer)
    assert answer.status_code == 200, answer.text
    (group,) = answer.json["groups"]
    assert (group["key"], group["micro_usd"], answer.json["total"]["micro_usd"]) == ("compress", 42, 42)
    shown = installed.call("GET", f"/api/media/process?asset_id={asset}", bearer=bearer).json
    assert shown["asset"]["cost"]["micro_usd"] == 42
    refused = installed.call("GET", f"{path}?by=year", bearer=bearer)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "by")
    assert installed.call("GET", path, bearer="nobody").status_code == 401


@pytest.mark.parametrize(
    "query", [{"by": "year"}, {"since": "2026-13"}, {"until": "2026"}, {"limit": "0"}, {"other": "1"}]
)
def test_a_query_that_means_nothing_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CostQuery.model_validate(query)
