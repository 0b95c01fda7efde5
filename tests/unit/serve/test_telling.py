"""What callers are told: estimates, callbacks, settings on their page."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from mediaops.models.exchange import Callback
from mediaops_ops.serve.callbacks import LONGEST_WAIT_SECONDS, callback_body, headers, wait_seconds
from mediaops_ops.serve.estimates import TYPICAL_SECONDS, estimated_seconds
from mediaops_ops.serve.queue import Job, Queue
from mediaops_ops.serve.settings import ServeSettings

PAGE = Path(__file__).parents[3] / "docs/serve.md"
SECRET = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("past", "ahead", "expected"),
    [
        ([], 0, 120),
        ([], 4, 360),
        ([(10.0, None), (30.0, None), (20.0, None)], 0, 20),
        ([(10.0, 5.0), (60.0, 20.0), (80.0, 40.0)], 0, 40),
        ([(0.01, 5.0)], 0, 1),
    ],
)
def test_estimates_come_from_past_runs_and_from_a_table_before_there_are_any(
    past: list[tuple[float, float | None]], ahead: int, expected: int
) -> None:
    assert estimated_seconds("transcribe", past, ahead, workers=2) == expected


def test_a_known_length_decides_where_past_runs_say_what_a_second_takes() -> None:
    past = [(10.0, 5.0), (60.0, 20.0), (80.0, 40.0)]
    assert estimated_seconds("transcribe", past, 0, workers=2, length=90.0) == 180
    assert estimated_seconds("transcribe", [(10.0, None)], 0, workers=2, length=90.0) == 10
    assert estimated_seconds("filter", [], 0, workers=2, length=90.0) == TYPICAL_SECONDS["filter"]


def ended(tmp_path: Path, how: str) -> Job:
    queue = Queue(tmp_path / "queue.sqlite")
    queue.create()
    queue.add("job-uuid-1", "crop", {}, callback="https://example.com/", estimated=5)
    job = queue.take()
    assert job is not None
    if how == "completed":
        queue.complete(job.id, job.run, {"processed_url": "https://example.com/a"})
    else:
        queue.fail(job, "InvalidMedia", "The file is cut off.")
    found = queue.get(job.id)
    assert found is not None
    return found


def test_a_callback_is_the_seeds_body_and_the_backends_model(tmp_path: Path) -> None:
    told: dict[str, Any] = json.loads(callback_body(ended(tmp_path, "completed")))
    assert told | {"flask_job_id": "f"} == {
        "job_id": "job-uuid-1",
        "flask_job_id": "f",
        "status": "completed",
        "percent": 100,
        "output_data": {"processed_url": "https://example.com/a"},
    }
    Callback.model_validate(told)


def test_a_failure_tells_its_reason(tmp_path: Path) -> None:
    told = Callback.model_validate_json(callback_body(ended(tmp_path, "failed")))
    assert (told.status, told.error) == ("failed", "InvalidMedia: The file is cut off.")


def test_a_callback_is_signed_over_its_very_bytes(tmp_path: Path) -> None:
    job = ended(tmp_path, "completed")
    body = callback_body(job)
    sent = headers(job, body, SECRET)
    Webhook(SECRET.encode()).verify(body, sent)
    assert sent["Authorization"] == f"Bearer {SECRET}"
    assert headers(job, body, SECRET)["webhook-id"] == sent["webhook-id"]


def test_waits_double_to_a_ceiling_with_jitter() -> None:
    chance = random.Random(1)  # noqa: S311 — waits, no secrets
    waits = [wait_seconds(tries, chance) for tries in range(40)]
    assert 1 <= waits[0] <= 2
    assert max(waits) <= LONGEST_WAIT_SECONDS
    assert min(waits[12:]) >= LONGEST_WAIT_SECONDS / 2
    assert len(set(waits)) == len(waits)


def test_the_page_lists_every_variable_with_its_default() -> None:
    page = PAGE.read_text()
    for name, field in ServeSettings.model_fields.items():
        assert field.alias is not None, name
        (row,) = [line for line in page.splitlines() if re.match(rf"\|[^|]*\b{field.alias}\b", line)]
        if isinstance(field.default, int | str):
            assert str(field.default) in row, name
    for operation, seconds in TYPICAL_SECONDS.items():
        assert f"{operation} {seconds:g}" in page
