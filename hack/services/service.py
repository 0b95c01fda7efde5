"""What all services have in common: a folder, a place to listen, a process that is started, waited for and hurt."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from hack.cluster.pki import Certificate
from hack.cluster.processes import Component, Processes
from hack.cluster.waiting import TimedOut, say, wait_until

CONNECT_SECONDS = 1.0
EXIT_SECONDS = 20.0


@dataclass(frozen=True)
class Place:
    """Where services listen: an address, and the network namespace that has it (None: the machine's own)."""

    address: str = "127.0.0.1"
    namespace: str | None = None

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return the command line that runs `command` there."""
        return ["ip", "netns", "exec", self.namespace, *command] if self.namespace else [*command]


LOOPBACK = Place()


@dataclass(frozen=True)
class Tls:
    """The certificate that a service shows, and the CA that its clients trust."""

    certificate: Certificate
    authority: Path


class Service(ABC):
    """One service with a folder of its own, in which its data and `logs/NAME.log` lie.

    Its process outlives the Python that started it: another instance with the same folder, place and port is
    the same service. As a context manager it starts, and stops and removes its folder at the end.
    """

    name: ClassVar[str]
    start_seconds: ClassVar[float] = 60.0
    """How long it may take to be ready."""
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, place: Place = LOOPBACK, port: int = 0, tls: Tls | None = None) -> None:
        self.folder = folder.resolve()
        self.place = place
        self.port = port or free_port(place.address)
        self.tls = tls

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return the command line of its process."""

    def env(self) -> Mapping[str, str]:
        """Return its process's environment, beside PATH and HOME (its folder)."""
        return {}

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Make what its process needs on disk; what is there already stays."""

    def ready(self) -> bool:
        """Return whether it can serve."""
        return accepts_connections(self.place.address, self.port)

    @cached_property
    def processes(self) -> Processes:
        """The process, by the mark that its folder gives it."""
        return Processes(self.folder)

    def launch(self) -> None:
        """Start the process if it doesn't run, without waiting for it."""
        if not self.running:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.prepare()
            self.processes.start(self._component())

    def wait(self) -> None:
        """Wait until it can serve. Raises ComponentDied with the end of its log, or TimedOut."""
        self.processes.wait(self._component(), self.start_seconds)

    def start(self) -> None:
        """Launch it and wait; it keeps the data it has. Raises as `wait` does."""
        self.launch()
        self.wait()

    def stop(self) -> None:
        """Ask it to end, and insist after a while; its data stay."""
        tree = self._tree()
        _signal_all(tree[:1], self.stop_signal)
        try:
            self._wait_for_end(tree)
        except TimedOut:
            say(f"{self.name} did not end by itself and is killed")
            self.kill()

    def kill(self) -> None:
        """SIGKILL it and what it started, as a crash would; its data stay."""
        tree = self._tree()
        _signal_all(tree, signal.SIGKILL)
        self._wait_for_end(tree)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop its processes from running meanwhile: connections are taken and nobody answers."""
        tree = self._tree()
        _signal_all(tree, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal_all(tree, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and remove its folder with all its data."""
        self.stop()
        self.processes.kill_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether its process is there; it need not be ready."""
        return self.processes.pid(self.name) is not None

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        return self.processes.log_tail(self.name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _component(self) -> Component:
        return Component(self.name, self.place.command(self.command()), self.ready, self.env())

    def _wait_for_end(self, tree: Sequence[int]) -> None:
        wait_until(f"the end of {self.name}", lambda: not any(map(_alive, tree)), EXIT_SECONDS)

    def _tree(self) -> list[int]:
        """Return its process and all that it started, parents first."""
        pid = self.processes.pid(self.name)
        tree = [] if pid is None else [pid]
        for parent in tree:  # grows while we walk
            children = subprocess.run(
                ["pgrep", "--parent", str(parent)], capture_output=True, text=True, check=False
            )
            tree.extend(int(child) for child in children.stdout.split())
        return tree


class HttpService(Service):
    """A service that speaks HTTP."""

    @property
    def url(self) -> str:
        """Its base URL, by address; by name it has the same scheme and port."""
        return f"{'https' if self.tls else 'http'}://{self.place.address}:{self.port}"


def free_port(address: str) -> int:
    """Return a TCP port of `address` that nobody listens on now."""
    with socket.create_server((address, 0)) as probe:
        return int(probe.getsockname()[1])


def accepts_connections(address: str, port: int) -> bool:
    """Return whether somebody listens there."""
    try:
        socket.create_connection((address, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        # The state follows the command's name, which is in parentheses and may hold spaces.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
