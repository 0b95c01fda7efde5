"""Callbacks: how far a pass is, told to the backend from a thread of its own.

Best effort: one that is lost costs nothing, because the operator looks into storage when the Job ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from mediaops.models.exchange import Callback, StepCallback
from mediaops.models.work import WorkOrder
from mediaops.operations import REGISTRY
from mediaops.pace import Pace
from mediaops_ops.net import Again, Http
from mediaops_ops.outcome import StepError
from mediaops_ops.settings import Settings

LEAST_SECONDS = 2.0
"""Between two callbacks."""
LEAST_PERCENT = 10
"""Less progress than this is told only with something else, or after a while."""
WHILE_SECONDS = 30.0
"""After which any progress is told, with how long it still takes."""
TIMEOUT_SECONDS = 5.0
log = logging.getLogger(__name__)


class Reporter:
    """Collects progress and sends it; a context manager."""

    def __init__(self, order: WorkOrder, settings: Settings, http: Http) -> None:
        self._url = f"{order.backend_url.rstrip('/')}/api/media/callback"
        self._job = order.job
        self._settings = settings
        self._http = http
        # Prepared files are no operation's result: their row belongs to what reads them, in another Job.
        stored = [step for step in order.steps if step.stored and step.type in REGISTRY]
        self._rows: dict[str, str] = {step.name: step.job_id for step in stored if step.job_id is not None}
        self._fractions: dict[str, float] = dict.fromkeys((step.name for step in stored), 0.0)
        self._weights = {step.name: REGISTRY[step.type].work for step in stored}
        self._states: dict[str, str] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._told_percent = 0
        self._told_states = 0
        self._told_time = time.monotonic()
        self._pace = Pace(self._told_time)
        self._thread = threading.Thread(target=self._tell, name="report", daemon=True)

    def __enter__(self) -> Reporter:
        if self._rows:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def progress(self, step: str, fraction: float) -> None:
        """Note how far a step is, 0.0 to 1.0; never goes back."""
        with self._changed:
            if fraction > self._fractions.get(step, 1.0):
                self._fractions[step] = min(1.0, fraction)
                self._moved()

    def completed(self, step: str) -> None:
        """Note that a step's result is in storage."""
        self._settle(step, "completed")

    def failed(self, steps: Sequence[str]) -> None:
        """Note steps that failed."""
        for step in steps:
            self._settle(step, "failed")

    def close(self) -> None:
        """Tell what hasn't been told yet, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_SECONDS + 1)

    def _settle(self, step: str, state: str) -> None:
        with self._changed:
            if step in self._fractions:  # a prepared file or a measurement has no share in the whole
                self._states[step] = state
                self._fractions[step] = 1.0
                self._moved()

    def _moved(self) -> None:
        self._pace.note(time.monotonic(), self._share)
        self._changed.notify()

    @property
    def _share(self) -> float:
        """Give how much of the whole pass is done, 0.0 to 1.0: each step counts by the work that it is."""
        done = sum(fraction * self._weights[name] for name, fraction in self._fractions.items())
        return done / sum(self._weights.values())

    @property
    def _percent(self) -> int:
        """Give the whole pass's percent; 100 is left to its end."""
        return min(99, int(self._share * 100)) if len(self._states) < len(self._fractions) else 100

    def _worth_telling(self) -> bool:
        moved = self._percent - self._told_percent
        after_a_while = moved > 0 and time.monotonic() - self._told_time >= WHILE_SECONDS
        return len(self._states) > self._told_states or moved >= LEAST_PERCENT or after_a_while

    def _tell(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._worth_telling())
                closing, worth = self._closing, self._worth_telling()
                callback = self._callback()
                self._told_percent, self._told_states = self._percent, len(self._states)
                self._told_time = time.monotonic()
            if worth:
                self._send(callback)
            if closing:
                return
            with self._changed:
                self._changed.wait_for(lambda: self._closing, LEAST_SECONDS)

    def _callback(self) -> Callback:
        steps = [self._step(name, row) for name, row in self._rows.items()]
        states = set(self._states.values())
        over = len(self._states) == len(self._fractions)
        return Callback(
            job_id=next(iter(self._rows.values())),
            flask_job_id=self._job,
            status=("failed" if "failed" in states else "completed") if over else "processing",
            percent=self._percent,
            seconds_left=None if over else self._pace.seconds_left(time.monotonic()),
            steps=steps,
        )

    def _step(self, name: str, row: str) -> StepCallback:
        state = self._states.get(name)
        percent = int(self._fractions[name] * 100)
        if state == "completed":
            return StepCallback(job_id=row, status="completed", percent=100)
        if state == "failed":
            return StepCallback(job_id=row, status="failed")
        return StepCallback(job_id=row, status="processing", percent=min(99, percent))

    def _send(self, callback: Callback) -> None:
        try:
            headers = {
                "Authorization": f"Bearer {self._settings.token()}",
                "Content-Type": "application/json",
            }
            body = callback.model_dump_json(exclude_none=True).encode()
            answer = self._http.request(
                "POST", self._url, headers=headers, body=body, timeout_seconds=TIMEOUT_SECONDS
            )
            if answer.status >= 400:
                log.info("a callback was refused", extra={"status": answer.status})
        except (Again, StepError) as error:
            log.info("a callback was lost", extra={"why": str(error)})
