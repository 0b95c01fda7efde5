"""The queue: one SQLite file that app, dispatcher and workers share; survives any of them being killed.

A job is written by whoever holds its run: the number that the dispatcher gave to the worker it started. A
worker that was given up on can't change a thing any more.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import uuid5

from mediaops.identity import NAMESPACE
from mediaops.reasons import Reason

Status = Literal["queued", "processing", "completed", "failed", "cancelled"]
ENDED = ("completed", "failed", "cancelled")
HEARTBEAT_SECONDS = 15.0
"""A dispatcher that was silent for longer is taken for dead."""
BUSY_SECONDS = 20.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY,
  job_id TEXT NOT NULL UNIQUE,
  operation TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'queued',
  percent INTEGER NOT NULL DEFAULT 0,
  run INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  waits INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL,
  output TEXT,
  reason TEXT,
  error TEXT,
  estimated REAL NOT NULL,
  media_seconds REAL,
  created REAL NOT NULL,
  started REAL,
  ended REAL,
  callback TEXT,
  callback_due REAL,
  callback_tries INTEGER NOT NULL DEFAULT 0,
  callback_state TEXT,
  seconds_left INTEGER,
  file TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (status, due);
CREATE INDEX IF NOT EXISTS jobs_file ON jobs (file);
CREATE INDEX IF NOT EXISTS jobs_callback ON jobs (callback_state, callback_due);
CREATE TABLE IF NOT EXISTS heartbeat (one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL) STRICT;
"""

ADDED = {"seconds_left": "INTEGER", "file": "TEXT"}
"""Columns that a file of an earlier version lacks."""


@dataclass(frozen=True)
class Job:
    """A row; times in seconds since the epoch."""

    id: str
    job_id: str
    operation: str
    body: dict[str, Any]
    status: Status
    percent: int
    run: int
    """Number of the worker that may write it; 0: none yet."""
    attempts: int
    """Failed attempts."""
    waits: int
    """How often it was put back because something was out of reach."""
    due: float
    output: dict[str, Any] | None
    reason: str | None
    error: str | None
    estimated: float
    """Seconds it was thought to take when it arrived."""
    media_seconds: float | None
    created: float
    started: float | None
    ended: float | None
    callback: str | None
    callback_due: float | None
    callback_tries: int
    callback_state: Literal["pending", "delivered", "abandoned"] | None
    seconds_left: int | None
    file: str | None
    """The address of what it works on, without what changes each time it is signed."""


def _job(row: sqlite3.Row) -> Job:
    fields = dict(row)
    fields["body"] = json.loads(fields["body"])
    fields["output"] = json.loads(fields["output"]) if fields["output"] else None
    return Job(**fields)


def _unsigned(address: str | None) -> str | None:
    """Give an address without its query, in which signatures stand."""
    return urlsplit(address)._replace(query="", fragment="").geturl() if address else None


class Queue:
    """The file; every method is one transaction on a connection of its own, so any process and thread may call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make the file and its tables, unless they are there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            there = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
            for name, type_ in ADDED.items() if there else ():
                if name not in there:
                    db.execute(f"ALTER TABLE jobs ADD COLUMN {name} {type_}")
            for statement in filter(str.strip, SCHEMA.split(";\n")):
                db.execute(statement)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA synchronous = FULL")  # what was answered 202 outlives a power cut
            yield db
        finally:
            db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    # For the app -----------------------------------------------------------------------------------

    def add(
        self, job_id: str, operation: str, body: dict[str, Any], *, callback: str | None, estimated: float
    ) -> Job:
        """Take a job in, or give the one that has this job_id already."""
        now = time.time()
        with self._write() as db:
            db.execute(
                "INSERT INTO jobs (id, job_id, operation, body, due, estimated, created, callback, file) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id) DO NOTHING",
                (
                    flask_job_id(job_id),
                    job_id,
                    operation,
                    json.dumps(body),
                    now,
                    estimated,
                    now,
                    callback,
                    _unsigned(body.get("file_url")),
                ),
            )
            return _job(db.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone())

    def find(self, job_id: str) -> Job | None:
        """Give a job by the caller's name for it."""
        return self.get(flask_job_id(job_id))

    def get(self, id_: str) -> Job | None:
        """Give a job by its flask_job_id."""
        with self._open() as db:
            row = db.execute("SELECT * FROM jobs WHERE id = ?", (id_,)).fetchone()
        return _job(row) if row else None

    def cancel(self, id_: str) -> Job | None:
        """End a job that hasn't ended, and give it as it is now; None if there is none."""
        with self._write() as db:
            self._end(db, id_, None, "cancelled", None, Reason.CANCELLED, "The job was cancelled.")
        return self.get(id_)

    def waiting(self) -> int:
        """Count the jobs that wait."""
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchone()[0])

    def past_seconds(self, operation: str, most: int = 50) -> list[tuple[float, float | None]]:
        """Give (seconds it took, seconds of media) of the operation's latest completed jobs."""
        with self._open() as db:
            rows = db.execute(
                "SELECT ended - started, media_seconds FROM jobs WHERE operation = ? AND status = 'completed' "
                "ORDER BY ended DESC LIMIT ?",
                (operation, most),
            ).fetchall()
        return [(float(row[0]), row[1]) for row in rows]

    def media_seconds(self, address: str) -> float | None:
        """Give how long a file is, as the latest job that read it found; None: nobody knows."""
        with self._open() as db:
            row = db.execute(
                "SELECT media_seconds FROM jobs WHERE file = ? AND media_seconds IS NOT NULL "
                "ORDER BY created DESC LIMIT 1",
                (_unsigned(address),),
            ).fetchone()
        return row[0] if row else None

    def counts(self) -> list[tuple[str, str, int, float]]:
        """Give (operation, status, jobs, seconds they took in all)."""
        with self._open() as db:
            rows = db.execute(
                "SELECT operation, status, count(*), coalesce(sum(ended - started), 0) FROM jobs GROUP BY 1, 2"
            ).fetchall()
        return [tuple(row) for row in rows]

    def callback_counts(self) -> dict[str, int]:
        """Count callbacks by state."""
        with self._open() as db:
            rows = db.execute(
                "SELECT callback_state, count(*) FROM jobs WHERE callback_state IS NOT NULL GROUP BY 1"
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def is_dispatched(self) -> bool:
        """Say whether a dispatcher is at work."""
        with self._open() as db:
            row = db.execute("SELECT at FROM heartbeat").fetchone()
        return row is not None and time.time() - row[0] < HEARTBEAT_SECONDS

    # For the dispatcher ----------------------------------------------------------------------------

    def beat(self) -> None:
        """Say that the dispatcher is at work."""
        with self._write() as db:
            db.execute(
                "INSERT INTO heartbeat VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET at = excluded.at",
                (time.time(),),
            )

    def resume(self) -> int:
        """Put back what was running when the dispatcher before ended; gives how many."""
        with self._write() as db:
            return db.execute(
                "UPDATE jobs SET status = 'queued', due = ? WHERE status = 'processing'", (time.time(),)
            ).rowcount

    def take(self) -> Job | None:
        """Give the job that has waited longest, under a new run; None if none is due."""
        now = time.time()
        with self._write() as db:
            row = db.execute(
                "UPDATE jobs SET status = 'processing', run = run + 1, started = ?, seconds_left = NULL WHERE id = "
                "(SELECT id FROM jobs WHERE status = 'queued' AND due <= ? ORDER BY created LIMIT 1) RETURNING *",
                (now, now),
            ).fetchone()
        return _job(row) if row else None

    def put_back(self, job: Job, *, seconds: float, attempts: int, waits: int) -> None:
        """Let a job wait and run again."""
        with self._write() as db:
            db.execute(
                "UPDATE jobs SET status = 'queued', due = ?, attempts = ?, waits = ? "
                "WHERE id = ? AND run = ? AND status = 'processing'",
                (time.time() + seconds, attempts, waits, job.id, job.run),
            )

    def fail(self, job: Job, reason: str, error: str) -> None:
        """End a job as failed."""
        with self._write() as db:
            self._end(db, job.id, job.run, "failed", None, reason, error)

    def due_callbacks(self, most: int) -> list[Job]:
        """Give ended jobs whose callback is due."""
        with self._open() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE callback_state = 'pending' AND callback_due <= ? "
                "ORDER BY callback_due LIMIT ?",
                (time.time(), most),
            ).fetchall()
        return [_job(row) for row in rows]

    def called_back(self, job: Job, state: str, *, again_in: float = 0.0) -> None:
        """Note how a callback went; `again_in` seconds where it stays pending."""
        with self._write() as db:
            db.execute(
                "UPDATE jobs SET callback_state = ?, callback_due = ?, callback_tries = callback_tries + 1 "
                "WHERE id = ?",
                (state, time.time() + again_in, job.id),
            )

    # For a worker ----------------------------------------------------------------------------------

    def checked(self, id_: str, run: int, media_seconds: float) -> None:
        """Note how long the file is that a job works on."""
        with self._write() as db:
            db.execute(
                "UPDATE jobs SET media_seconds = ? WHERE id = ? AND run = ?", (media_seconds, id_, run)
            )

    def progress(self, id_: str, run: int, percent: int, seconds_left: int | None) -> None:
        """Note how far a job is, which never goes back, and how long it still takes."""
        with self._write() as db:
            db.execute(
                "UPDATE jobs SET percent = max(percent, ?), seconds_left = ? "
                "WHERE id = ? AND run = ? AND status = 'processing'",
                (percent, seconds_left, id_, run),
            )

    def complete(self, id_: str, run: int, output: dict[str, Any]) -> None:
        """End a job with what came out."""
        with self._write() as db:
            self._end(db, id_, run, "completed", output, None, None)

    @staticmethod
    def _end(
        db: sqlite3.Connection,
        id_: str,
        run: int | None,
        status: Status,
        output: dict[str, Any] | None,
        reason: str | None,
        error: str | None,
    ) -> None:
        """End a job once, if this run holds it (None: whoever does), and make its callback due."""
        now = time.time()
        db.execute(
            "UPDATE jobs SET status = ?, output = ?, reason = ?, error = ?, ended = ?, "
            "started = coalesce(started, ?), "
            "percent = CASE ? WHEN 'completed' THEN 100 ELSE percent END, callback_due = ?, "
            "callback_state = CASE WHEN callback IS NULL THEN NULL ELSE 'pending' END "
            "WHERE id = ? AND (? IS NULL OR run = ?) AND status IN ('queued', 'processing')",
            (
                status, json.dumps(output) if output is not None else None, reason, error, now, now,
                status, now, id_, run, run,
            ),
        )  # fmt: skip


def flask_job_id(job_id: str) -> str:
    """Give our name for a caller's job: the same for the same, also after the queue was lost."""
    return f"flask-{uuid5(NAMESPACE, f'serve/{job_id}')}"
