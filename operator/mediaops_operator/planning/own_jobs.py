"""The course of an asset's own Jobs, which belong to no operation: fetching the source, measuring what is done.

They have a round, attempts and a back-off, as operations have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediaops.models.mediaasset import Retry
from mediaops_operator.conclude import Verdict, backoff
from mediaops_operator.observed import JobView
from mediaops_operator.planning.conditions import stamp
from mediaops_operator.planning.desired import Note


@dataclass(frozen=True)
class Afterwards:
    """What follows on the failure of a Job of the asset's own, which belongs to no operation."""

    attempts: int
    due: datetime | None
    """When the next Job may be made; None: no other will."""
    message: str
    note: Note
    """What people are told."""


def afterwards(
    what: str, job: JobView, verdict: Verdict, attempts: int, uncounted: int, retry: Retry, now: datetime
) -> Afterwards:
    """Give what follows on a Job that failed while it did `what`, after so many attempts and Jobs not counted."""
    attempts += verdict.counted
    note = _failed_note(what, verdict, job.name, attempts, retry.limit)
    if verdict.permanent or (verdict.counted and attempts >= retry.limit):
        tried = "" if verdict.permanent else f" ({attempts} attempts)"
        return Afterwards(attempts, None, f"{verdict.message}{tried}", note)
    wait = backoff(retry, attempts, uncounted, verdict.counted)
    due = (job.end_time or now) + timedelta(seconds=wait)
    message = f"{verdict.reason}: {verdict.message}; the next attempt starts at {stamp(due)}"
    return Afterwards(attempts, due, message, note)


def _failed_note(what: str, verdict: Verdict, job: str, attempts: int, limit: int) -> Note:
    counted = f"attempt {attempts} of {limit}" if verdict.counted else "not counted"
    where = f" in pod {verdict.pod}, exit code {verdict.exit_code}" if verdict.pod else ""
    words = f"{what}, {counted}{where}: {verdict.message}"
    return Note(verdict.reason, words, warning=True, verdict=verdict, kubernetes_job=job)
