import threading
from collections.abc import Callable, Iterator

import pytest

from mediaops_ops.engines.side_by_side import AT_ONCE, side_by_side, streamed


def test_answers_come_in_the_order_of_the_questions_however_they_end() -> None:
    last = threading.Event()
    seen: list[float] = []

    def first() -> str:
        assert last.wait(10)
        return "first"

    def second() -> str:
        last.set()
        return "second"

    assert side_by_side([first, second], seen.append) == ["first", "second"]
    assert seen == [0.5, 1.0]


def test_the_first_failure_ends_them_all() -> None:
    begun: list[int] = []

    def task(number: int) -> int:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"[0-3]"):
        side_by_side([lambda i=i: task(i) for i in range(500)], lambda _: None)
    assert len(begun) <= AT_ONCE


def test_no_more_than_a_few_run_at_once() -> None:
    now: set[int] = set()
    most = 0
    lock = threading.Lock()

    def task(number: int) -> None:
        nonlocal most
        with lock:
            now.add(number)
            most = max(most, len(now))
        threading.Event().wait(0.005)
        with lock:
            now.remove(number)

    side_by_side([lambda i=i: task(i) for i in range(20)], lambda _: None)
    assert 1 <= most <= AT_ONCE


def test_nothing_to_do_is_done_at_once() -> None:
    assert side_by_side([], lambda _: None) == []


def test_a_stream_comes_in_its_order_though_its_later_items_end_first() -> None:
    later = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert later.wait(10)
        if item == 1:
            later.set()
        return item * item

    assert list(streamed(lambda: work, range(9), 2)) == [item * item for item in range(9)]


def test_a_stream_is_read_only_as_far_as_it_is_worked_on() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            read.append(item)
            yield item

    results = streamed(lambda: str, items(), 3)
    assert next(results) == "0"
    assert len(read) == 6
    results.close()
    assert len(read) == 6


@pytest.mark.parametrize("where", ["make", "work"])
def test_what_fails_in_a_stream_is_raised_here(where: str) -> None:
    def make() -> Callable[[int], int]:
        if where == "make":
            raise OSError("no model")
        return lambda item: 1 // (item - 3)

    with pytest.raises((OSError, ZeroDivisionError)):
        list(streamed(make, range(10), 2))


def test_each_worker_of_a_stream_makes_its_own_tool_once() -> None:
    made: list[int] = []

    def make() -> Callable[[int], int]:
        made.append(threading.get_ident())
        return lambda item: item

    assert list(streamed(make, range(50), 4)) == list(range(50))
    assert len(made) == len(set(made)) <= 4
    assert list(streamed(make, [], 4)) == []
