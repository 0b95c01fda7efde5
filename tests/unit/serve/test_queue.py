import sqlite3
import time
from pathlib import Path

import pytest

from mediaops_ops.serve.queue import ADDED, Job, Queue, flask_job_id


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    queue = Queue(tmp_path / "state/queue.sqlite")
    queue.create()
    return queue


def add(queue: Queue, job_id: str = "one", callback: str | None = "https://example.com/") -> Job:
    return queue.add(job_id, "crop", {"params": {}}, callback=callback, estimated=5)


def taken(queue: Queue) -> Job:
    job = queue.take()
    assert job is not None
    return job


def now(queue: Queue, job: Job) -> Job:
    job_now = queue.get(job.id)
    assert job_now is not None
    return job_now


def test_the_same_job_is_taken_in_once(queue: Queue) -> None:
    assert add(queue).id == add(queue).id == flask_job_id("one")
    taken(queue)
    assert queue.take() is None


def test_jobs_run_in_the_order_they_came(queue: Queue) -> None:
    for name in ("b", "a", "c"):
        add(queue, name)
    assert [taken(queue).job_id for _ in range(3)] == ["b", "a", "c"]


def test_what_was_running_when_the_dispatcher_ended_runs_again_under_another_run(queue: Queue) -> None:
    add(queue)
    first = taken(queue)
    assert queue.resume() == 1
    second = taken(queue)
    assert (first.run, second.run) == (1, 2)

    queue.progress(first.id, first.run, 50, None)
    queue.complete(first.id, first.run, {"from": "first"})
    assert (now(queue, second).status, now(queue, second).percent) == ("processing", 0)

    queue.complete(second.id, second.run, {"from": "second"})
    assert (now(queue, second).output, now(queue, second).percent) == ({"from": "second"}, 100)


def test_a_job_ends_once(queue: Queue) -> None:
    add(queue)
    job = taken(queue)
    queue.cancel(job.id)
    queue.complete(job.id, job.run, {})
    queue.fail(job, "Late", "too late")
    assert (now(queue, job).status, now(queue, job).reason) == ("cancelled", "Cancelled")


def test_a_job_put_back_waits_until_it_is_due(queue: Queue) -> None:
    add(queue)
    job = taken(queue)
    queue.put_back(job, seconds=60, attempts=1, waits=0)
    assert queue.take() is None
    assert (now(queue, job).status, now(queue, job).attempts) == ("queued", 1)


def test_progress_never_goes_back(queue: Queue) -> None:
    add(queue)
    job = taken(queue)
    for percent in (10, 40, 20):
        queue.progress(job.id, job.run, percent, 9)
    assert now(queue, job).percent == 40


def test_a_callback_is_due_when_the_job_ends_and_again_as_asked(queue: Queue) -> None:
    add(queue)
    add(queue, "quiet", callback=None)
    for _ in range(2):
        job = taken(queue)
        queue.complete(job.id, job.run, {})
    (due,) = queue.due_callbacks(10)
    assert due.job_id == "one"
    queue.called_back(due, "pending", again_in=60)
    assert queue.due_callbacks(10) == []
    queue.called_back(due, "delivered")
    assert queue.callback_counts() == {"delivered": 1}


def test_a_dispatcher_that_is_silent_for_long_is_taken_for_dead(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not queue.is_dispatched()
    queue.beat()
    assert queue.is_dispatched()
    later = time.time() + 60
    monkeypatch.setattr("mediaops_ops.serve.queue.time.time", lambda: later)
    assert not queue.is_dispatched()


def test_how_long_a_file_is_is_known_by_its_address_however_it_is_signed(queue: Queue) -> None:
    body = {"file_url": "https://files.example.com/a.mp4?signature=1"}
    job = queue.add("one", "crop", body, callback=None, estimated=5)
    taken(queue)
    assert queue.media_seconds(body["file_url"]) is None
    queue.checked(job.id, 1, 12.5)
    assert queue.media_seconds("https://files.example.com/a.mp4?signature=2") == 12.5
    assert queue.media_seconds("https://files.example.com/b.mp4") is None


def test_what_is_left_is_as_the_worker_said_and_a_new_one_begins_anew(queue: Queue) -> None:
    add(queue)
    job = taken(queue)
    queue.progress(job.id, job.run, 40, 9)
    assert now(queue, job).seconds_left == 9
    queue.resume()
    assert taken(queue).seconds_left is None


def test_a_file_of_an_earlier_version_gets_what_it_lacks(queue: Queue, tmp_path: Path) -> None:
    job = add(queue)
    with sqlite3.connect(tmp_path / "state/queue.sqlite") as db:
        db.execute("DROP INDEX jobs_file")
        for column in ADDED:
            db.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
    queue.create()
    assert now(queue, job) == job
