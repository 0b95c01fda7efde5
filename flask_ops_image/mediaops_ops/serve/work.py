"""One job, in a process of its own: fetch, one pass, store, tell the queue. What it doesn't survive, the queue does.

`python -m mediaops_ops.serve.work ID RUN FOLDER`. Exit codes are those of `run` (mediaops.models.work.Exit): the
dispatcher concludes from them what the queue wasn't told.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.models.work import Exit, ObjectRef, StepFailure, StepOrder, StoredFile
from mediaops.operations import REGISTRY
from mediaops.pace import Pace
from mediaops.reasons import Reason
from mediaops.settings import load
from mediaops.storage import Storage, StorageError, Unavailable
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops import guarded, probe
from mediaops_ops import log as logs
from mediaops_ops.credential import Credential
from mediaops_ops.incoming import Incoming
from mediaops_ops.limits import Ended, Limits
from mediaops_ops.outcome import OutputFile, StepError, StepOutcome, Unreachable
from mediaops_ops.passes import TRANSCRIPT, Pass
from mediaops_ops.serve.outputs import output_data
from mediaops_ops.serve.queue import Job, Queue
from mediaops_ops.serve.requests import Order, read
from mediaops_ops.serve.settings import ServeSettings
from mediaops_ops.settings import Settings

log = logging.getLogger("mediaops_ops.serve.work")  # __name__ is __main__ here

FETCHED_SHARE = 0.1
"""Share of the progress that fetching the source counts for."""
TELL_SECONDS = 1.0
SECRETS = ("MEDIAOPS_S3_SECRET_ACCESS_KEY", "CALLBACK_SECRET", "GOOGLE_DRIVE_API_KEY")
"""Variables that are forgotten once they are read, so that no child has them."""


class ServeDesk:
    """A pass's source comes from an address, and its files go under the job's own prefix (passes.Desk)."""

    def __init__(
        self,
        order: Order,
        job: Job,
        settings: ServeSettings,
        network: Settings,
        storage: Storage,
        folder: Path,
    ) -> None:
        self._order, self._job, self._settings, self._network = order, job, settings, network
        self._storage, self._folder = storage, folder
        self._queue = Queue(settings.queue_file)
        self._source: Path | None = None
        self._told = 0.0
        self._pace = Pace(time.monotonic())

    def source(self) -> Path:
        """Fetch the source, once; raises StepError."""
        if self._source is None:
            path = self._folder / "source"
            limit = self._settings.max_source_bytes
            if self._order.drive_file:
                self._from_drive(self._order.drive_file, path, limit)
            else:
                with Incoming(path, limit_bytes=limit) as incoming:
                    guarded.fetch(
                        self._order.request.file_url, incoming, self._network, progress=self._fetched
                    )
            self._source = path
        return self._source

    def _from_drive(self, file_id: str, path: Path, limit: int) -> None:
        from mediaops_ops import drive

        key = self._settings.google_drive_api_key
        host = urlsplit(self._network.drive_endpoint or drive.GOOGLE).hostname or ""
        credential = Credential(hosts=[host], api_key=key.get_secret_value() if key else "")
        drive.fetch(file_id, credential, path, self._network, limit_bytes=limit, progress=self._fetched)

    def _fetched(self, fraction: float) -> None:
        self._tell(fraction * FETCHED_SHARE)

    def read(self, ref: ObjectRef, role: str) -> Path:  # noqa: ARG002
        """Give the text that came with a caption's request, as a transcript; nothing else is read here."""
        path = self._folder / TRANSCRIPT
        path.write_text(given_transcript(self._order.extras.transcript or "").to_json(), encoding="utf-8")
        return path

    def made(self, step: StepOrder, name: str) -> Path | None:  # noqa: ARG002 — one step has none before it
        """Give nothing: a job has one step only."""
        return None

    def settle(self, step: StepOrder, outcome: StepOutcome, media: Media | None) -> None:  # noqa: ARG002
        """Store the files, then tell the queue what came out; raises StepError."""
        try:
            files = [self._store(file) for file in outcome.files]
        except Unavailable as error:
            raise Unreachable(Reason.STORAGE_UNAVAILABLE, "Storage could not be reached.") from error
        except StorageError as error:
            raise StepError(Reason.STORAGE_UNAVAILABLE, f"Storage refused the results ({error}).") from error
        transcript = next((f.path for f in outcome.files if f.name == TRANSCRIPT), None)
        output = output_data(
            files=files,
            values=outcome.values,
            texts=list(outcome.texts),
            skipped=outcome.skipped.sentence if outcome.skipped else None,
            media=media,
            transcript=Transcript.model_validate_json(transcript.read_bytes()) if transcript else None,
        )
        self._queue.complete(self._job.id, self._job.run, output)
        log.info("completed", extra={"job": self._job.id})

    def _store(self, file: OutputFile) -> tuple[StoredFile, str]:
        """Put a file under the job's prefix, named by its content; give it with the URL that people open."""
        key = f"{self._settings.prefix}/{self._job.id}/{file.stored_name}"
        self._storage.upload(key, file.path, media_type=file.media_type)
        stored = StoredFile(
            name=file.name,
            key=key,
            media_type=file.media_type,
            size_bytes=file.path.stat().st_size,
            sha256=file.sha256,
            width_pixels=file.width_pixels,
            height_pixels=file.height_pixels,
            duration_millis=file.duration_millis,
        )
        return stored, self._url(key)

    def _url(self, key: str) -> str:
        if self._settings.url_seconds:
            return self._storage.presign_get(key, seconds=self._settings.url_seconds, audience="public")
        return f"{self._settings.public_endpoint}/{self._storage.bucket}/{key}"

    def checked(self, media: Media) -> None:
        """Note how long the source is, by which further jobs on it are estimated."""
        if media.duration_millis:
            self._queue.checked(self._job.id, self._job.run, media.duration_millis / 1000)

    def progress(self, step: str, fraction: float) -> None:  # noqa: ARG002
        """Note how far it is; what follows its own work is the storing."""
        self._tell(FETCHED_SHARE + fraction * (0.98 - FETCHED_SHARE))

    def _tell(self, fraction: float) -> None:
        now = time.monotonic()
        self._pace.note(now, fraction)
        if now - self._told >= TELL_SECONDS:
            self._told = now
            left = self._pace.seconds_left(now)
            self._queue.progress(self._job.id, self._job.run, int(fraction * 100), left)


def given_transcript(text: str) -> Transcript:
    """Give a text that somebody wrote down elsewhere as a transcript without times; pure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Transcript(
        engine="given",
        model="given",
        language="und",
        duration_millis=0,
        segments=tuple(Segment(text=line, start_millis=0, end_millis=0) for line in lines),
        words=tuple(
            Word(text=word[:1024], start_millis=0, end_millis=0) for line in lines for word in line.split()
        ),
    )


def step_for(order: Order, file_type: FileType) -> StepOrder:
    """Give the step for a file of this type; raises StepError where the operation doesn't take it. Pure."""
    operation = REGISTRY[order.operation]
    if file_type not in operation.takes:
        article = "an" if file_type.value[0] in "ai" else "a"
        named = "audio" if file_type is FileType.AUDIO else f"{article} {file_type.value}"
        message = f"{order.operation} doesn't take {named}."
        raise StepError(Reason.WRONG_FILE_TYPE, message, permanent=True)
    step = order.step()
    update: dict[str, object] = {"parameters": order.parameters.resolved(file_type).wire()}
    if order.extras.transcript:
        update["reads"] = {"transcript": ObjectRef(key="given")}
    return step.model_copy(update=update)


def carry_out(job: Job, settings: ServeSettings, network: Settings, folder: Path) -> Pass:
    """Do the job; gives the pass, with what failed. Raises StepError where it failed before its pass began."""
    order = read(job.operation, job.body)
    desk = ServeDesk(order, job, settings, network, Storage(settings, timeout_seconds=60.0), folder)
    path = desk.source()
    file_type = probe.kind(path)
    work = Pass([step_for(order, file_type)], file_type, folder, desk, on_checked=desk.checked)
    work.run()
    return work


def main(arguments: list[str]) -> int:
    """Do one job of the queue; gives the exit code."""
    logs.start()
    id_, run, folder = arguments[0], int(arguments[1]), Path(arguments[2])
    settings, network = load(ServeSettings), Settings.from_environment(os.environ)
    for name in SECRETS:
        os.environ.pop(name, None)
    job = Queue(settings.queue_file).get(id_)
    if job is None or job.run != run or job.status != "processing":
        return Exit.DONE  # cancelled meanwhile
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)

    def last_words(ended: Ended) -> None:
        _leave(folder, StepFailure(reason=ended.reason, message=ended.message))

    limits = Limits(
        deadline_seconds=settings.job_seconds,
        disk_bytes=settings.disk_bytes,
        folder=folder,
        last_words=last_words,
    )
    with limits:
        try:
            work = carry_out(job, settings, network, folder)
            failures, unreachable = work.failures, bool(work.unreachable)
        except Ended as ended:
            last_words(ended)
            return int(ended.code)
        except StepError as error:
            failures = [StepFailure(reason=error.reason, message=error.message, permanent=error.permanent)]
            unreachable = isinstance(error, Unreachable)
        except Exception as error:
            log.exception("the job broke", extra={"job": id_})
            message = f"The job broke: {type(error).__name__}."
            failures, unreachable = [StepFailure(reason=Reason.INTERNAL_ERROR, message=message)], False
        if not failures:
            return Exit.DONE
        _leave(folder, failures[0])
        if failures[0].permanent:
            return Exit.IMPOSSIBLE
        return Exit.UNREACHABLE if unreachable else Exit.FAILED


def _leave(folder: Path, failure: StepFailure) -> None:
    """Leave why it failed where the dispatcher looks."""
    (folder / "failure.json").write_text(json.dumps(failure.wire()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
