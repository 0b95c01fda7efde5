"""Processes that outlive the command that started them, found again by a mark in their environment.

Each gets an environment variable that names the state folder it belongs to and the component it is. The mark
is there from the moment the process is executed, is inherited by what it starts (containerd's shims), cannot
outlive it and is never met in a process that merely got the same number: no pid file can go stale, and what a
killed launcher left behind is found like anything else.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hack.cluster.waiting import TimedOut, say, wait_until

MARK = "MEDIAOPS_COMPONENT"
LOG_TAIL_LINES = 15
EXIT_SECONDS = 20.0
# So often a component may not be seen before it counts as dead: on a busy machine setsid takes a moment.
UNSEEN_POLLS = 15


class ComponentDied(Exception):
    """A component ended while it was waited for; the message holds the end of its log."""


@dataclass(frozen=True)
class Component:
    """One long-running program: its name, its command, how to see that it works, its own environment."""

    name: str
    command: Sequence[str | Path]
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Processes:
    """The processes of one state folder; their output goes to `logs/NAME.log` in it."""

    state_dir: Path
    logs: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "logs", self.state_dir / "logs")

    def start(self, component: Component) -> bool:
        """Start the component if it isn't running; return whether that was needed."""
        if self.pid(component.name) is not None:
            return False
        self.logs.mkdir(parents=True, exist_ok=True)
        mark = {MARK: f"{self.state_dir}:{component.name}"}
        # Nothing else is passed on: neither a proxy's address nor a KUBECONFIG is meant for these.
        env = {"PATH": os.environ["PATH"], "HOME": str(self.state_dir), **component.env, **mark}
        with (self.logs / f"{component.name}.log").open("ab") as log:
            # --fork: the child is init's at once, so whoever runs us has no zombies to bury.
            subprocess.run(
                ["setsid", "--fork", *map(str, component.command)],
                env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
            )  # fmt: skip
        return True

    def wait(self, component: Component, timeout: float = 60.0) -> None:
        """Wait until the component is ready. Raises ComponentDied or TimedOut."""
        missed = 0

        def ready() -> bool:
            nonlocal missed
            missed = 0 if self.pid(component.name) else missed + 1
            if missed > UNSEEN_POLLS:
                raise ComponentDied(f"{component.name} ended; its log says:\n{self.log_tail(component.name)}")
            return missed == 0 and component.ready()

        wait_until(component.name, ready, timeout)

    def pid(self, name: str) -> int | None:
        """Return the component's process id, or None where it isn't running."""
        return next((pid for pid, mark in self._marked() if mark == name and _leads(pid)), None)

    def stop(self, name: str) -> None:
        """Ask the component to end, and insist when it takes too long. Returns when it is gone."""
        with contextlib.suppress(TimedOut):
            self._end(name, signal.SIGTERM)
            return
        say(f"{name} did not end by itself and is killed")
        self._end(name, signal.SIGKILL)

    def kill(self, name: str) -> None:
        """SIGKILL the component, as a crash would. Returns when it is gone."""
        self._end(name, signal.SIGKILL)

    def kill_all(self) -> None:
        """SIGKILL every process with our mark, whoever started it. Returns when all are gone."""

        def none_left() -> bool:
            marked = list(self._marked())
            for pid, _ in marked:
                self._signal(pid, signal.SIGKILL)
            return not marked

        wait_until("the end of all processes", none_left, EXIT_SECONDS)

    def running(self) -> list[str]:
        """Return the names of the components that run, sorted."""
        return sorted(mark for pid, mark in self._marked() if _leads(pid))

    def log_tail(self, name: str) -> str:
        """Return the last lines of a component's log."""
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _end(self, name: str, with_signal: signal.Signals) -> None:
        pid = self.pid(name)
        if pid is not None:
            self._signal(pid, with_signal)
            wait_until(f"the end of {name}", lambda: self.pid(name) != pid, EXIT_SECONDS)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process that has our mark, never to one that took over its number."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                if _mark_of(pid, self.state_dir) is not None:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def _marked(self) -> Iterator[tuple[int, str]]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                mark = _mark_of(int(entry.name), self.state_dir)
                if mark is not None:
                    yield int(entry.name), mark


def state_folders() -> set[Path]:
    """Return every state folder for which a process runs that we may look at, whoever started it."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    marks = (_environment_entry(pid, f"{MARK}=") for pid in pids)
    return {Path(mark.rpartition(":")[0]) for mark in marks if mark}


def _leads(pid: int) -> bool:
    """Say whether a process leads its session: it is the component, and not what that started."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def _mark_of(pid: int, state_dir: Path) -> str | None:
    """Return the component a process belongs to; None for others' processes and for zombies."""
    return _environment_entry(pid, f"{MARK}={state_dir}:")


def _environment_entry(pid: int, start: str) -> str | None:
    """Return what follows `start` in a process's environment."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, or another user's
        return None
    found = next((entry for entry in environ.split(b"\0") if entry.startswith(start.encode())), None)
    return found.removeprefix(start.encode()).decode() if found else None
