import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster.processes import Component, Processes
from tests.orphans import end_orphans

RUN = "pytest-7"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """A component of a run of pytest, as if its folder were a run's."""
    (tmp_path / RUN / "services").mkdir(parents=True)
    started = Processes(tmp_path / RUN / "services")
    component = Component("sleeper", ["sleep", "60"], lambda: True)
    started.start(component)
    started.wait(component)
    yield started
    started.kill_all()


def lock(tmp_path: Path, pid: int) -> None:
    (tmp_path / RUN / ".lock").write_text(str(pid))


def test_what_a_killed_run_left_is_ended(processes: Processes, tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock(tmp_path, ended.pid)
    end_orphans(tmp_path)
    assert [] == processes.running()


def test_what_a_run_left_whose_folder_is_gone_is_ended(processes: Processes, tmp_path: Path) -> None:
    end_orphans(tmp_path)
    assert [] == processes.running()


def test_what_belongs_to_a_run_that_goes_on_or_to_no_run_stays(processes: Processes, tmp_path: Path) -> None:
    lock(tmp_path, os.getpid())
    end_orphans(tmp_path)
    end_orphans(tmp_path / "elsewhere")
    assert ["sleeper"] == processes.running()
