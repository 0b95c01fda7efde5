"""What callbacks add up to: the same in every order and after any repeat, once the end is known."""

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mediaops.models.exchange import Callback
from mediaops_backend.callbacks import Heard, merge

FIRST, SECOND = "job-1", "job-2"


def said(status: str = "processing", **fields: Any) -> Callback:
    return Callback.model_validate({"job_id": FIRST, "flask_job_id": "clip-1", "status": status, **fields})


def heard(*callbacks: Callback) -> Heard:
    result: Heard | None = None
    for callback in callbacks:
        result = merge(result, callback)
    assert result
    return result


def test_progress_goes_forward_only() -> None:
    result = heard(said(percent=40, seconds_left=60), said(percent=20, seconds_left=90))
    assert (result.percent, result.seconds_left) == (40, 60)
    assert result.steps[FIRST]["percent"] == 40


def test_what_ended_stays_as_it_ended() -> None:
    ended = heard(said(percent=100, status="completed", output_data={"word_count": "3"}))
    assert merge(ended, said(percent=50)).steps == ended.steps
    assert merge(ended, said("failed", error="late")).status == "completed"


def test_steps_of_a_pass_are_kept_apart() -> None:
    steps = [{"job_id": FIRST, "status": "processing"}, {"job_id": SECOND, "status": "completed"}]
    result = heard(said(steps=steps), said(steps=[{"job_id": SECOND, "status": "processing", "percent": 3}]))
    assert {name: step["status"] for name, step in result.steps.items()} == {
        FIRST: "processing",
        SECOND: "completed",
    }


def test_the_order_does_not_matter() -> None:
    callbacks = (
        said(percent=10),
        said(percent=70, steps=[{"job_id": SECOND, "status": "completed"}]),
        said("completed", percent=100),
    )
    results = {
        (h.status, h.percent, str(sorted(h.steps.items())))
        for p in permutations(callbacks)
        for h in [heard(*p)]
    }
    assert len(results) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["processing", "completed", "failed"]), st.integers(0, 100)), min_size=1
    )
)
def test_a_repeat_changes_nothing(history: list[tuple[str, int]]) -> None:
    result = heard(*(said(status, percent=percent) for status, percent in history))
    for status, percent in history:
        again = merge(result, said(status, percent=percent))
        assert (again.status, again.percent, again.steps) == (result.status, result.percent, result.steps)
