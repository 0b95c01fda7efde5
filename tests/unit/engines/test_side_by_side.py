import threading

import pytest

from mediaops_ops.engines.side_by_side import AT_ONCE, side_by_side


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
