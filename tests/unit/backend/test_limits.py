"""How often who may call, on a clock of the test's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from mediaops.problems import Problem, unauthorized
from mediaops_backend import limits, problems
from mediaops_backend.limits import Buckets, network_of


class Clock:
    """Moves when a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_and_then_as_many_as_are_filled_in() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 5, clock)
    assert [0.0] * 5 == [buckets.take("a") for _ in range(5)]
    assert pytest.approx(0.5) == buckets.take("a")
    clock.now += 0.5
    assert [0.0, pytest.approx(0.5)] == [buckets.take("a"), buckets.take("a")]
    clock.now += 1000
    assert [0.0] * 5 == [buckets.take("a") for _ in range(5)]
    assert buckets.take("a") > 0


@pytest.mark.parametrize("now", [0.1, 4321.987654321, 8e6 + 1 / 3])
@pytest.mark.parametrize(("per_second", "burst"), [(0.001, 1), (1.0, 100), (50.0, 500), (0.3, 7)])
def test_the_burst_is_whole_whatever_floats_add_up_to(now: float, per_second: float, burst: int) -> None:
    clock = Clock()
    clock.now = now
    buckets = Buckets(per_second, burst, clock)
    assert {0.0} == {buckets.take("a") for _ in range(burst)}
    assert pytest.approx(1 / per_second, rel=0.01) == buckets.take("a")


def test_refused_calls_do_not_put_off_the_next_token() -> None:
    clock = Clock()
    buckets = Buckets(1.0, 1, clock)
    buckets.take("a")
    for _ in range(100):
        assert pytest.approx(1.0) == buckets.take("a")
    clock.now += 1.0
    assert 0.0 == buckets.take("a")


def test_callers_do_not_take_from_one_another() -> None:
    buckets = Buckets(1.0, 1, Clock())
    assert [0.0, 0.0] == [buckets.take("a"), buckets.take("b")]


def test_a_rate_of_nothing_is_no_limit() -> None:
    buckets = Buckets(0.0, 1, Clock())
    assert {0.0} == {buckets.take("a") for _ in range(100)}


def test_a_flood_of_callers_fills_no_memory() -> None:
    clock = Clock()
    buckets = Buckets(1.0, 3, clock)
    for number in range(3 * Buckets.MOST):
        clock.now += 1e-6
        buckets.take(str(number))
    assert len(buckets._full_at) <= Buckets.MOST


def test_the_wait_is_told_in_whole_seconds() -> None:
    buckets = Buckets(0.4, 1, Clock())
    buckets.check("a")
    with pytest.raises(Problem) as refused:
        buckets.check("a")
    assert (429, {"Retry-After": "3"}) == (refused.value.status, refused.value.headers)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        (None, "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one_place(address: str | None, network: str) -> None:
    assert network == network_of(address)


@pytest.fixture
def client() -> FlaskClient:
    """Give an application with one route, for who says `Bearer right`, and room for two strangers' calls."""
    app = Flask("limited")
    limits.register(app, Buckets(1.0, 2, Clock()))
    problems.register(app)

    @app.get("/")
    def only_the_right_one() -> str:
        if request.headers.get("Authorization") != "Bearer right":
            raise unauthorized("no")
        return "welcome"

    return app.test_client()


def get(client: FlaskClient, bearer: str, address: str = "192.0.2.7") -> SimpleNamespace:
    answer = client.get(
        "/", headers={"Authorization": f"Bearer {bearer}"}, environ_base={"REMOTE_ADDR": address}
    )
    return SimpleNamespace(status=answer.status_code, headers=answer.headers)


def test_strangers_are_slowed_down_and_valid_callers_from_there_are_not(client: FlaskClient) -> None:
    assert [401, 401, 429] == [get(client, "wrong").status for _ in range(3)]
    refused = get(client, "wrong")
    assert ("1", "application/problem+json") == (
        refused.headers["Retry-After"],
        refused.headers["Content-Type"],
    )
    assert 200 == get(client, "right").status
    assert 401 == get(client, "wrong", "192.0.2.8").status
