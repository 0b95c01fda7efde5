import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster.processes import MARK, Component, ComponentDied, Processes


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.kill_all()


def sleeper(name: str = "sleeper") -> Component:
    return Component(name, ["sleep", "60"], lambda: True)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_component_is_started_once_and_found_by_whoever_looks(processes: Processes) -> None:
    assert processes.start(sleeper())
    processes.wait(sleeper())

    found = Processes(processes.state_dir)
    assert ["sleeper"] == found.running()
    assert not found.start(sleeper())


def test_processes_of_another_folder_are_nobodys_here(processes: Processes, tmp_path: Path) -> None:
    processes.start(sleeper())
    processes.wait(sleeper())
    other = Processes(tmp_path / "other")

    other.kill_all()
    assert [] == other.running()
    assert ["sleeper"] == processes.running()


def test_what_a_component_started_ends_with_kill_all_but_is_not_taken_for_it(processes: Processes) -> None:
    # A containerd that is killed leaves its shims behind, with its mark.
    noted = processes.state_dir / "child"
    script = f"sleep 60 & echo $! > {noted}.new; mv {noted}.new {noted}; exec sleep 60"
    parent = Component("parent", ["sh", "-c", script], noted.exists)
    processes.start(parent)
    processes.wait(parent)
    pid = int(noted.read_text())
    processes.kill("parent")

    assert [] == processes.running()
    assert is_alive(pid)
    processes.kill_all()
    assert not is_alive(pid)


def test_one_that_does_not_heed_sigterm_is_killed(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hack.cluster.processes.EXIT_SECONDS", 0.3)
    deaf = Component("deaf", ["sh", "-c", "trap '' TERM; sleep 60 & wait; sleep 60"], lambda: True)
    processes.start(deaf)
    processes.wait(deaf)

    processes.stop("deaf")
    assert processes.pid("deaf") is None


def test_waiting_for_one_that_died_says_what_its_log_says(processes: Processes) -> None:
    broken = Component("broken", ["sh", "-c", "echo no such flag; exit 2"], lambda: False)
    processes.start(broken)

    with pytest.raises(ComponentDied, match="no such flag"):
        processes.wait(broken, timeout=10)


def test_a_process_whose_mark_only_begins_alike_is_left_alone(processes: Processes) -> None:
    env = {**os.environ, MARK: f"{processes.state_dir}-2:sleeper"}
    with subprocess.Popen(["sleep", "60"], env=env, start_new_session=True) as stranger:
        processes.kill_all()
        assert stranger.poll() is None
        stranger.kill()
