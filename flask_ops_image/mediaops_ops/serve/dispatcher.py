"""The main process: starts gunicorn, gives each due job a worker, concludes from how it ended, sends callbacks.

If it is killed, everything it started goes with it (PR_SET_PDEATHSIG), and the next one puts back what was
running: a job is done again from its beginning, under a run that the former worker can't write to.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mediaops.models.work import Exit, StepFailure
from mediaops.reasons import Reason
from mediaops_ops import log as logs
from mediaops_ops.ffmpeg import die_with_parent
from mediaops_ops.serve.callbacks import CallbackSender
from mediaops_ops.serve.queue import Job, Queue
from mediaops_ops.serve.settings import ServeSettings
from mediaops_ops.settings import Settings

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
BEAT_SECONDS = 3.0
GRACE_SECONDS = 15.0
"""What workers have to end in when they are told to; they take less (mediaops_ops.limits)."""
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 300.0


@dataclass
class Worker:
    """A job at work."""

    job: Job
    process: subprocess.Popen[bytes]
    folder: Path


class Dispatcher:
    """Runs until it is told to stop, or gunicorn ends."""

    def __init__(self, settings: ServeSettings, queue: Queue, work_root: Path) -> None:
        self._settings, self._queue, self._root = settings, queue, work_root
        self._workers: list[Worker] = []
        self._stopping = False
        self._beat_at = 0.0

    def run(self) -> int:
        """Dispatch; gives the exit code: 0 if it was told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        door = _child([sys.executable, "-m", "mediaops_ops.serve.door"])
        callbacks = CallbackSender(self._queue, self._settings, Settings.from_environment(os.environ))
        callbacks.start()
        try:
            while not self._stopping and door.poll() is None:
                self._tick()
                time.sleep(TICK_SECONDS)
        finally:
            _end(door)
            self._put_all_back()
            callbacks.stop()
        if not self._stopping:
            log.error("gunicorn ended by itself", extra={"code": door.returncode})
        return 0 if self._stopping else 1

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _tick(self) -> None:
        if time.monotonic() - self._beat_at > BEAT_SECONDS:
            self._queue.beat()
            self._beat_at = time.monotonic()
        for worker in list(self._workers):
            if worker.process.poll() is not None:
                self._conclude(worker)
            elif self._is_settled(worker):
                _end(worker.process)
                self._conclude(worker)
        while len(self._workers) < self._settings.workers and (job := self._queue.take()):
            self._start(job)

    def _is_settled(self, worker: Worker) -> bool:
        """Say whether the job has ended, or is another worker's."""
        now = self._queue.get(worker.job.id)
        return now is None or now.status != "processing" or now.run != worker.job.run

    def _start(self, job: Job) -> None:
        folder = self._root / f"{job.id}-{job.run}"
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "mediaops_ops.serve.work", job.id, str(job.run), str(folder)]
        log.info("started", extra={"job": job.id, "operation": job.operation, "run": job.run})
        self._workers.append(Worker(job, _child(command), folder))

    def _conclude(self, worker: Worker) -> None:
        """Draw the conclusion from a worker's end, and clear up after it."""
        self._workers.remove(worker)
        failure = _failure(worker)
        shutil.rmtree(worker.folder, ignore_errors=True)
        job, code = worker.job, worker.process.returncode
        if self._is_settled(worker):
            return
        log.warning("not done", extra={"job": job.id, "code": code, "reason": failure.reason})
        if code == Exit.INTERRUPTED:
            self._queue.put_back(job, seconds=0, attempts=job.attempts, waits=job.waits)
        elif code == Exit.IMPOSSIBLE:
            self._queue.fail(job, failure.reason, failure.message)
        elif code == Exit.UNREACHABLE and time.time() < job.created + self._settings.patience_seconds:
            self._queue.put_back(job, seconds=_wait(job.waits), attempts=job.attempts, waits=job.waits + 1)
        elif code != Exit.UNREACHABLE and job.attempts + 1 < self._settings.attempts:
            self._queue.put_back(job, seconds=_wait(job.attempts), attempts=job.attempts + 1, waits=job.waits)
        else:
            self._queue.fail(job, failure.reason, failure.message)

    def _put_all_back(self) -> None:
        """Stop every worker; each goes on when this starts again."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in list(self._workers):
            _end(worker.process)
            self._conclude(worker)


def _wait(times: int) -> float:
    """Give the wait before a job runs again in seconds."""
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(times, 10))


def _failure(worker: Worker) -> StepFailure:
    """Give why a worker ended, in its own words if it left any."""
    try:
        return StepFailure.model_validate(json.loads((worker.folder / "failure.json").read_text()))
    except (OSError, ValueError):
        killed = worker.process.returncode == -signal.SIGKILL
        reason = Reason.OUT_OF_MEMORY if killed else Reason.INTERNAL_ERROR
        message = "The worker was killed, most likely at its memory limit." if killed else "The worker broke."
        return StepFailure(reason=reason, message=message)


def _child(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a child that is killed when this process ends, however it ends."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509 — one prctl call, bound before the fork
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a child to end, and insist after a while."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(settings: ServeSettings) -> int:
    """Serve; gives the exit code."""
    logs.start()
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.error("another serve works on this state folder")
            return 1
        queue = Queue(settings.queue_file)
        queue.create()
        log.info("serving", extra={"port": settings.port, "put_back": queue.resume()})
        # Named by the state folder, so that what a killed predecessor left is found and removed.
        mark = hashlib.sha256(str(settings.state.resolve()).encode()).hexdigest()[:12]
        root = Path(tempfile.gettempdir()) / f"mediaops-serve-{mark}"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(mode=0o700)
        try:
            return Dispatcher(settings, queue, root).run()
        finally:
            shutil.rmtree(root, ignore_errors=True)
