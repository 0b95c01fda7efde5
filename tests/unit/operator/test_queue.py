"""The queue: once at a time, fair between namespaces, urgent first, patient with failures."""

from __future__ import annotations

import asyncio

from mediaops.models.mediaasset import Priority
from mediaops_operator.cache import AssetKey
from mediaops_operator.queue import FIRST_PAUSE, LONGEST_PAUSE, VisitQueue


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def key(name: str, namespace: str = "a") -> AssetKey:
    return AssetKey(namespace, name)


def take_all(queue: VisitQueue, count: int) -> list[AssetKey]:
    async def several() -> list[AssetKey]:
        return [await asyncio.wait_for(queue.take(), 1) for _ in range(count)]

    return asyncio.run(several())


def test_an_asset_added_twice_is_visited_once() -> None:
    queue = VisitQueue(Clock())
    queue.add(key("x"))
    queue.add(key("x"))
    assert [key("x")] == take_all(queue, 1)
    assert 0 == len(queue)


def test_an_asset_added_during_its_visit_is_visited_again_afterwards() -> None:
    queue = VisitQueue(Clock())
    queue.add(key("x"))
    take_all(queue, 1)
    queue.add(key("x"))
    assert 0 == len(queue)
    queue.done(key("x"))
    assert [key("x")] == take_all(queue, 1)


def test_namespaces_take_turns() -> None:
    queue = VisitQueue(Clock())
    for number in range(3):
        queue.add(key(f"x{number}", "many"))
    queue.add(key("y", "few"))
    assert ["many", "few", "many", "many"] == [taken.namespace for taken in take_all(queue, 4)]


def test_urgent_assets_go_first_within_their_namespace() -> None:
    queue = VisitQueue(Clock())
    queue.rank(key("later"), Priority.LOW)
    queue.rank(key("now"), Priority.URGENT)
    for name in ("later", "usual", "now"):
        queue.add(key(name))
    assert ["now", "usual", "later"] == [taken.name for taken in take_all(queue, 3)]


def test_what_is_due_later_comes_when_it_is_due_and_at_the_earliest_time_asked_for() -> None:
    clock = Clock()
    queue = VisitQueue(clock)
    queue.add_at(key("x"), 50.0)
    queue.add_at(key("x"), 10.0)
    queue.add_at(key("x"), 90.0)
    clock.time = 10.0
    assert [key("x")] == take_all(queue, 1)
    queue.done(key("x"))
    clock.time = 100.0
    queue.add(key("y"))
    assert [key("y")] == take_all(queue, 1)
    assert 0 == len(queue)


def test_a_visit_does_for_what_was_due_later() -> None:
    clock = Clock()
    queue = VisitQueue(clock)
    queue.add_at(key("x"), 50.0)
    queue.add(key("x"))
    assert [key("x")] == take_all(queue, 1)
    queue.done(key("x"))
    clock.time = 100.0
    queue.add(key("y"))
    assert [key("y")] == take_all(queue, 1)
    assert 0 == len(queue)


def test_a_failed_visit_waits_twice_as_long_each_time_whatever_else_adds_it() -> None:
    clock = Clock()
    queue = VisitQueue(clock)
    queue.add(key("x"))
    pauses = []
    for _ in range(12):
        assert [key("x")] == take_all(queue, 1)
        pauses.append(queue.failed(key("x")))
        queue.add(key("x"))  # an event meanwhile
        assert 0 == len(queue)
        clock.time += pauses[-1]
    assert [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4] == pauses[:3]
    assert LONGEST_PAUSE == pauses[-1]
    take_all(queue, 1)
    queue.done(key("x"))
    queue.add(key("x"))
    take_all(queue, 1)
    assert FIRST_PAUSE == queue.failed(key("x"))
