"""The `run` door: one work order, then exit; what a Job runs.

Read the order → leave out what has its result already → fetch and check the source → one pass → store each step
as soon as it is finished, its result.json last → exit code and termination message for the operator.

What works on the source is imported while it is being fetched: together they take half a second of every pod.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mediaops.identity import log_key, result_key
from mediaops.models.work import (
    Exit,
    ObjectRef,
    StepFailure,
    StepOrder,
    StepResult,
    Termination,
    WorkOrder,
)
from mediaops.reasons import Reason
from mediaops_ops import log as logs
from mediaops_ops.limits import Ended, Limits
from mediaops_ops.metering import METER
from mediaops_ops.net import Http
from mediaops_ops.outcome import OutputFile, StepError, StepOutcome, Unreachable
from mediaops_ops.settings import PREFIX, Settings
from mediaops_ops.storage import Storage

if TYPE_CHECKING:
    from mediaops.media import Media
    from mediaops_ops.report import Reporter

log = logging.getLogger(__name__)

MAX_TERMINATION_BYTES = 4096
FETCHED_SHARE = 0.05
"""Share of a step's progress that fetching the source counts for."""
STORED_SHARE = 0.05
"""Share of it that storing what was made counts for."""
LOG_PATIENCE_SECONDS = 5.0


class StorageDesk:
    """A pass's files come from storage and go there (mediaops_ops.passes.Desk)."""

    def __init__(self, order: WorkOrder, storage: Storage, folder: Path) -> None:
        self._order = order
        self._storage = storage
        self._folder = folder
        self.reporter: Reporter | None = None
        """What is told how far it is, once that is loaded."""
        self._read: dict[str, Path] = {}
        self._source: Future[Path] | None = None
        self.results: dict[str, StepResult] = {}
        """Results that were there before this run, by the step's name."""

    def source(self) -> Path:
        """Fetch the source, once."""
        return self.begin().result()

    def begin(self) -> Future[Path]:
        """Begin to fetch the source, if that hasn't begun, on a thread that nobody waits for at a stop."""
        if self._source is None:
            coming = self._source = Future[Path]()

            def fetch() -> None:
                try:
                    coming.set_result(self._fetch_source())
                except BaseException as error:
                    coming.set_exception(error)

            threading.Thread(target=fetch, name="source", daemon=True).start()
        return self._source

    def _fetch_source(self) -> Path:
        source = self._order.source
        if source is None:
            raise StepError(Reason.INTERNAL_ERROR, "The work order names no source.", permanent=True)
        limit, size = self._order.max_source_bytes, source.size_bytes
        if limit and size is not None and size > limit:
            message = f"The source has {size} bytes, more than the limit of {limit}."
            raise StepError(Reason.SOURCE_TOO_LARGE, message, permanent=True)
        path = self._folder / f"source{Path(source.key).suffix[:10]}"
        self._storage.fetch(source, path, what="the source", progress=self._fetched)
        return path

    def _fetched(self, fraction: float) -> None:
        for step in self._order.steps:
            self._report(step.name, fraction * FETCHED_SHARE)

    def _report(self, step: str, fraction: float) -> None:
        if self.reporter is not None:
            self.reporter.progress(step, fraction)

    def read(self, ref: ObjectRef, role: str) -> Path:
        """Fetch a file of an earlier pass, or one that a step names, once."""
        from mediaops_ops.filter_files import MAX_BYTES
        from mediaops_ops.passes import NAMED

        path = self._read.get(ref.key)
        if path is None:
            path = self._folder / f"read-{len(self._read)}{Path(ref.key).suffix[:10]}"
            limit = MAX_BYTES if role == NAMED else 0
            self._storage.fetch(ref, path, what=f"the {role} of an earlier step", limit_bytes=limit)
            self._read[ref.key] = path
        return path

    def made(self, step: StepOrder, name: str) -> Path | None:
        """Fetch a file of a step that an earlier pod of this Job finished."""
        result = self.results.get(step.name)
        file = result.file(name) if result else None
        return None if file is None else self.read(ObjectRef(key=file.key, sha256=file.sha256), name)

    def settle(self, step: StepOrder, outcome: StepOutcome, media: Media | None) -> None:
        """Store a step's files, then its result.json; free their room."""
        sent = self._stored(step, outcome)
        files = [self._storage.store(step.step_key, file, sent) for file in outcome.files]
        usage = outcome.usage.model_copy(update={"bytes_out": sum(file.size_bytes for file in files)})
        result = StepResult(
            step_key=step.step_key,
            type=step.type,
            job=self._order.job,
            files=files,
            values=outcome.values,
            texts=list(outcome.texts),
            skipped=outcome.skipped,
            source=media.measured() if media else None,
            usage=usage,
        )
        self._storage.put_result(result, self._folder / "result.json")
        for file in outcome.files:
            if not self._read_again(step, file):
                file.path.unlink(missing_ok=True)
        if self.reporter is not None:
            self.reporter.completed(step.name)
        log.info("stored", extra={"step": step.name, "files": [file.name for file in outcome.files]})

    def _read_again(self, step: StepOrder, file: OutputFile) -> bool:
        """Say whether this pass reads a file that it has stored: a transcript, or what it measures."""
        from mediaops.measures import STEP_TYPES
        from mediaops.transcript import is_transcript
        from mediaops_ops.passes import RENDITION

        measured = any(one.input == step.name and one.type in STEP_TYPES for one in self._order.steps)
        return is_transcript(file.name) or (file.name == RENDITION and measured)

    def _stored(self, step: StepOrder, outcome: StepOutcome) -> Callable[[int], None]:
        """Give what takes how many bytes more of a step's files went up; the last word is its result.json's."""
        total = sum(file.path.stat().st_size for file in outcome.files)
        sent = 0

        def sent_more(size: int) -> None:
            nonlocal sent
            sent += size
            self._report(step.name, 1 - STORED_SHARE + min(0.99, sent / total) * STORED_SHARE)

        return sent_more

    def progress(self, step: str, fraction: float) -> None:
        """Note how far a step is; what follows its own work is the storing."""
        self._report(step, FETCHED_SHARE + fraction * (1 - STORED_SHARE - FETCHED_SHARE))


def run(order_file: Path, work_dir: Path | None, *, ingest: bool = False, index: int = 0) -> int:
    """Carry out a work order; gives the exit code (mediaops.models.work.Exit).

    With `ingest` the order must be one to fetch a source. `index`: which part it is of an order that the pods of an
    Indexed Job share.
    """
    tail = logs.start()
    try:
        settings = Settings.from_environment(os.environ)
    except ValidationError as error:
        named = ", ".join(f"{PREFIX}{str(fault['loc'][0]).upper()}" for fault in error.errors())
        failure = StepFailure(
            reason=Reason.INTERNAL_ERROR, message=f"The pod's environment is wrong: {named}."
        )
        return _conclude([failure], Exit.FAILED, Settings())
    try:
        order = WorkOrder.model_validate_json(order_file.read_bytes())
        if ingest and order.ingest is None:
            raise ValueError("the order names no source to fetch")
        if order.indexed:
            order = order.of_index(index)
    except (OSError, ValueError, IndexError) as error:  # pydantic's ValidationError is a ValueError
        log.error("the work order can't be read", extra={"why": type(error).__name__})
        failure = StepFailure(reason=Reason.INTERNAL_ERROR, message="The work order can't be read.")
        return _conclude([failure], Exit.FAILED, settings)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=work_dir))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)

    def last_words(ended: Ended) -> None:
        log.error("it doesn't come to an end by itself")
        _conclude([_failure(ended)], ended.code, settings)

    limits = Limits(
        deadline_seconds=order.deadline_seconds,
        disk_bytes=order.disk_bytes,
        folder=folder,
        last_words=last_words,
    )
    with limits:
        failures, code = carry_out(order, settings, folder)
        limits.winding_up()
        if code not in {Exit.DONE, Exit.INTERRUPTED}:
            name = f"{order.job}-{index}" if order.indexed else order.job
            _store_log(order, settings, tail, folder, name)
        shutil.rmtree(folder, ignore_errors=True)
        return _conclude(failures, code, settings)


def carry_out(order: WorkOrder, settings: Settings, folder: Path) -> tuple[list[StepFailure], Exit]:
    """Do what the order says, in an empty folder; give what failed, and the exit code. Raises nothing."""
    storage = Storage(order, settings, Http(settings))
    METER.gpus = order.gpus
    log.info("started", extra={"job": order.job, "steps": [step.name for step in order.steps]})
    try:
        if order.ingest is not None:
            from mediaops_ops import ingest

            ingest.run(order, order.ingest, storage, settings, folder)
            return [], Exit.DONE
        return _pass(order, storage, settings, folder)
    except Ended as ended:
        return [_failure(ended)], ended.code
    except StepError as error:
        log.error("the whole order failed", extra={"reason": error.reason, "why": error.message})
        failure = StepFailure(reason=error.reason, message=error.message, permanent=error.permanent)
        return [failure], exit_code([failure], [failure] if isinstance(error, Unreachable) else [])
    except Exception as error:
        log.exception("run broke")
        message = f"The pass broke: {type(error).__name__}."
        return [StepFailure(reason=Reason.INTERNAL_ERROR, message=message)], Exit.FAILED


def _pass(
    order: WorkOrder, storage: Storage, settings: Settings, folder: Path
) -> tuple[list[StepFailure], Exit]:
    """Run what is not done yet; a replaced pod goes on where the one before stopped."""
    desk = StorageDesk(order, storage, folder)
    stored = [step for step in order.steps if step.stored]
    storage.ask_ahead([result_key(order.workspace, step.step_key) for step in stored])
    for step in stored:
        result = storage.result(step.step_key)
        # The same step of another asset may have been skipped where this one is required.
        if result is not None and not (result.skipped and step.required):
            desk.results[step.name] = result
    if any(not step.reads for step in stored if step.name not in desk.results):
        desk.begin()
    from mediaops_ops.passes import Pass
    from mediaops_ops.report import Reporter

    with Reporter(order, settings, Http(settings)) as reporter:
        desk.reporter = reporter
        for name in desk.results:
            reporter.completed(name)
        work = Pass(order.steps, order.file_type, folder, desk, frozenset(desk.results))
        try:
            work.run()
        except Ended as ended:
            # What was found to be impossible before it ended is not to be found again by the next attempt.
            return [*work.failures, _failure(ended)], ended.code
        finally:
            reporter.failed([failure.step for failure in work.failures if failure.step])
        return work.failures, exit_code(work.failures, work.unreachable)


def _failure(ended: Ended) -> StepFailure:
    log.warning("ended", extra={"reason": ended.reason})
    return StepFailure(reason=ended.reason, message=ended.message)


def exit_code(failures: Sequence[StepFailure], unreachable: Sequence[StepFailure]) -> Exit:
    """Give the code that says most: an attempt that failed, else something out of reach, else all in vain.

    `unreachable` are those failures that only came of something outside being out of reach. What fails because it
    needs another step says nothing of its own.
    """
    own = [failure for failure in failures if failure.reason != Reason.DEPENDENCY_FAILED]
    if not own:
        return Exit.DONE
    if all(failure.permanent for failure in own):
        return Exit.IMPOSSIBLE
    if all(failure.permanent or failure in unreachable for failure in own):
        return Exit.UNREACHABLE
    return Exit.FAILED


def _conclude(failures: list[StepFailure], code: Exit, settings: Settings) -> int:
    """Write the termination message, within what Kubernetes keeps of it."""
    if failures:
        first, others = failures[0], failures[1:]
        usage = METER.take()
        while True:
            termination = Termination(**first.model_dump(), others=others, usage=usage)
            message = termination.model_dump_json(by_alias=True, exclude_none=True)
            if len(message.encode()) <= MAX_TERMINATION_BYTES or not others:
                break
            others = others[:-1]
        try:
            settings.termination_log.write_text(message)
        except OSError as error:
            log.warning("no termination message could be left", extra={"why": error.strerror})
    log.info("finished", extra={"code": int(code)})
    return int(code)


def _store_log(order: WorkOrder, settings: Settings, tail: logs.Tail, folder: Path, name: str) -> None:
    """Put the log's end beside the first step's results; best effort."""
    hurried = settings.model_copy(update={"patience_seconds": LOG_PATIENCE_SECONDS, "stall_seconds": 5.0})
    step_key = order.ingest.step_key if order.ingest else order.steps[0].step_key if order.steps else None
    if step_key is None:
        return
    try:
        key = log_key(order.workspace, step_key, name)
        Storage(order, hurried, Http(hurried)).put_bytes(key, tail.text(), folder / "tail.log")
    except (StepError, OSError) as error:
        log.warning("the log could not be stored", extra={"why": type(error).__name__})
