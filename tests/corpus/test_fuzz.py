"""Damaged files: each comes to a result or a named failure, soon, and nothing is left behind."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mediaops.reasons import Reason
from tests.corpus.fuzzing import SEEDS
from tests.corpus.kinds import Library
from tests.corpus.tables import WHOLE

CASES = 2000 if WHOLE else 200
WORKERS = 2
CASE_SECONDS = 90.0
"""Deadline of a case, on a busy machine."""
PEAK_MIB = 1500
"""No damaged file of a few kilobytes may take more memory."""
MARK = "MEDIAOPS_FUZZ"


class Worker:
    """One process that runs every other case, watched from outside."""

    def __init__(self, files: Path, folder: Path, first: int) -> None:
        self.scratch, self.outside = folder / f"scratch-{first}", folder / f"outside-{first}"
        self.scratch.mkdir()
        self.outside.mkdir()
        self.running: dict[str, Any] | None = None
        self.since = time.monotonic()
        self.ended: list[dict[str, Any]] = []
        self._rest = b""
        line = [sys.executable, "-m", "tests.corpus.fuzzing", str(files), str(self.scratch)]
        outside = dict.fromkeys(("HOME", "TMPDIR"), str(self.outside))
        self.errors = (folder / f"errors-{first}").open("w+")
        self.process = subprocess.Popen(
            [*line, str(first), str(CASES), str(WORKERS)],
            cwd=self.outside,
            env={**os.environ, **outside, MARK: str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )

    def read(self) -> bool:
        """Take in what it has said; False once it has ended."""
        assert self.process.stdout is not None
        chunk = os.read(self.process.stdout.fileno(), 65_536)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            said = json.loads(line)
            self.since = time.monotonic()
            if "case" in said:
                self.running = said
            else:
                self.ended.append({**(self.running or {}), **said})
                self.running = None
        return bool(chunk)

    def overdue(self) -> bool:
        return self.running is not None and time.monotonic() - self.since > CASE_SECONDS

    def last_words(self) -> str:
        self.errors.seek(0)
        return self.errors.read()[-2000:]


pytestmark = pytest.mark.timeout(3600 if WHOLE else 300)  # each case has a deadline of its own


@pytest.fixture(scope="module")
def workers(library: Library, tmp_path_factory: pytest.TempPathFactory) -> list[Worker]:
    """Run every case; a worker that dies or hangs is ended there, and shows it."""
    (files,) = {library(name).parent for name in SEEDS}
    folder = tmp_path_factory.mktemp("fuzz")
    started = [Worker(files, folder, first) for first in range(WORKERS)]
    with selectors.DefaultSelector() as selector:
        for worker in started:
            selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
        while selector.get_map():
            for key, _ in selector.select(1.0):
                if not key.data.read():
                    selector.unregister(key.fileobj)
            for worker in started:
                if worker.overdue() and worker.process.poll() is None:
                    worker.process.kill()
    for worker in started:
        worker.process.wait()
    return started


def test_no_damaged_file_breaks_the_runner_or_holds_it_up(workers: list[Worker]) -> None:
    for worker in workers:
        assert worker.running is None, (worker.running, worker.last_words())
        assert worker.process.returncode == 0, worker.last_words()
    assert sum(len(worker.ended) for worker in workers) == CASES


def test_each_comes_to_a_result_or_to_a_failure_of_the_table(workers: list[Worker]) -> None:
    for case in (case for worker in workers for case in worker.ended):
        assert bool(case["files"]) != bool(case["reasons"]), case
        for reason, message in zip(case["reasons"], case["messages"], strict=True):
            assert Reason.of(reason) is not None, case
            assert reason != Reason.INTERNAL_ERROR, case
            assert len(message) <= 512
            assert "/tmp" not in message, case  # noqa: S108 — what it mustn't hold


def test_the_damage_is_neither_too_small_nor_too_large(workers: list[Worker]) -> None:
    reasons = Counter(case["reasons"][0] if case["reasons"] else "" for w in workers for case in w.ended)

    assert reasons[""] > CASES / 10
    assert reasons[Reason.INVALID_MEDIA] > CASES / 10


def test_nothing_is_left_running(workers: list[Worker]) -> None:
    assert {0} == {case["children"] for worker in workers for case in worker.ended}
    mark = f"{MARK}={workers[0].scratch.parent}".encode()
    for process in Path("/proc").glob("[0-9]*/environ"):
        try:
            assert mark not in process.read_bytes()
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue


def test_nothing_is_written_outside_of_the_work_folder(workers: list[Worker]) -> None:
    for worker in workers:
        assert [] == list(worker.outside.iterdir())
        assert {"token", "damaged"} == {path.name for path in worker.scratch.iterdir() if path.is_file()}


def test_no_small_file_takes_much_memory(workers: list[Worker]) -> None:
    heavy = max((case for w in workers for case in w.ended), key=lambda case: case["peak_mib"])

    assert heavy["peak_mib"] < PEAK_MIB, heavy
