"""Telling the caller that a job has ended: the seed's body and bearer, signed besides by Standard Webhooks.

The callback's address is a stranger's like the source's, and gets the same care: https, a checked address,
no redirects. It is sent again with back-off and jitter until a 2xx acknowledges it, a 410 declines it, or
the deadline passes.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from datetime import UTC, datetime

import urllib3
from standardwebhooks import Webhook

from mediaops.models.exchange import Callback
from mediaops_ops import guarded
from mediaops_ops.net import Again
from mediaops_ops.outcome import StepError
from mediaops_ops.serve.queue import Job, Queue
from mediaops_ops.serve.settings import ServeSettings
from mediaops_ops.settings import Settings

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 600.0
TIMEOUT_SECONDS = 15.0
LOOK_SECONDS = 0.5
AT_ONCE = 16
GONE = 410


class CallbackSender:
    """Sends what is due, in a thread of its own, until it is told to stop."""

    def __init__(self, queue: Queue, settings: ServeSettings, network: Settings) -> None:
        self._queue = queue
        self._settings = settings
        self._network = network.model_copy(update={"stall_seconds": TIMEOUT_SECONDS})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the callback that is being sent, then end."""
        self._stop.set()
        self._thread.join(TIMEOUT_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                for job in self._queue.due_callbacks(AT_ONCE):
                    self._send(job)
                    if self._stop.is_set():
                        return
            except Exception:  # the queue is busy or its disk full: this thread must outlive that
                log.exception("callbacks are held up")

    def _send(self, job: Job) -> None:
        status = self._status(job)
        told = {"job": job.id, "status": status, "tries": job.callback_tries + 1}
        if status is not None and 200 <= status < 300:
            self._queue.called_back(job, "delivered")
            log.info("called back", extra=told)
        elif status == GONE or time.time() > (job.ended or 0.0) + self._settings.callback_seconds:
            self._queue.called_back(job, "abandoned")
            log.warning("callback given up", extra=told)
        else:
            self._queue.called_back(job, "pending", again_in=wait_seconds(job.callback_tries))

    def _status(self, job: Job) -> int | None:
        """Send it once; gives the answer's status, or None if there was none."""
        body = callback_body(job)
        try:
            return post(
                job.callback or "",
                body,
                headers(job, body, self._settings.callback_secret.get_secret_value()),
                self._network,
            )
        except (Again, StepError) as error:
            log.info("callback not taken", extra={"job": job.id, "why": str(error)})
            return None


def wait_seconds(tries: int, chance: random.Random | None = None) -> float:
    """Give the wait after so many tries in seconds: doubled to a ceiling, between half and the whole of it."""
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(tries, 16))
    return ceiling * (0.5 + (chance or random.Random()).random() / 2)  # noqa: S311 — spreads load, guards nothing


def callback_body(job: Job) -> bytes:
    """Give the seed's body; a cancelled job is one that failed."""
    body = Callback(
        job_id=job.job_id,
        flask_job_id=job.id,
        status="completed" if job.status == "completed" else "failed",
        percent=100 if job.status == "completed" else None,
        output_data=job.output or {},
        error=f"{job.reason}: {job.error}"[:2000] if job.error else None,
    )
    return body.model_dump_json(exclude_none=True, exclude={"steps"}).encode()


def headers(job: Job, body: bytes, secret: str) -> dict[str, str]:
    """Give the headers: bearer, and id (the same each time), timestamp and signature of Standard Webhooks."""
    now = datetime.now(UTC)
    id_ = f"{job.id}-{job.status}"
    return {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {secret}",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret.encode()).sign(id_, now, body.decode()),
    }


def post(url: str, body: bytes, headers: dict[str, str], network: Settings) -> int:
    """POST to a checked https address and give the status; raises Again or StepError SourceNotAllowed."""
    wanted = guarded.parsed(url)
    address = guarded.permitted(wanted, network.allowed_networks)[0]
    pool = urllib3.HTTPSConnectionPool(
        address,
        wanted.port,
        server_hostname=wanted.host,
        assert_hostname=wanted.host,
        ca_certs=str(network.ca_file) if network.ca_file else None,
        timeout=urllib3.Timeout(connect=network.connect_seconds, read=network.stall_seconds),
        retries=False,
    )
    sent = {"Host": wanted.host_header, "User-Agent": "mediaops", **headers}
    try:
        response = pool.urlopen("POST", wanted.path, body=body, headers=sent, redirect=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Again(type(error).__name__) from error
    finally:
        pool.close()
    return response.status
