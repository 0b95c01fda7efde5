"""One local cluster a machine: who has it, and what the machine was like before."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

# Gone after a reboot, like everything it tells about.
FOLDER = Path("/run/mediaops-cluster")
_OWNER = FOLDER / "owner.json"
_LOCK = Path("/run/mediaops-cluster.lock")


class MachineTaken(Exception):
    """Another checkout's cluster, or another Kubernetes, runs on this machine."""


@dataclass(frozen=True)
class Owner:
    """Whose cluster this machine runs, and the machine-wide settings from before it."""

    state_dir: str
    sysctls: dict[str, str]


@contextmanager
def locked() -> Iterator[None]:
    """Let one process at a time start or stop the machine's cluster. Raises PermissionError without root."""
    if os.geteuid() != 0:
        raise PermissionError(
            "the local cluster needs root: it makes links, mounts, cgroups and iptables rules"
        )
    with _LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def owner() -> Owner | None:
    """Return who has the machine's cluster, running or crashed; None if nobody has since the last boot."""
    return Owner(**json.loads(_OWNER.read_text())) if _OWNER.exists() else None


def claim(state_dir: Path, sysctls: dict[str, str]) -> None:
    """Note that the machine's cluster belongs to a state folder."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    aside = _OWNER.with_suffix(".new")
    aside.write_text(json.dumps(asdict(Owner(str(state_dir), sysctls))))
    aside.rename(_OWNER)


def release() -> None:
    """Forget the owner and all that only a running cluster needs."""
    shutil.rmtree(FOLDER, ignore_errors=True)
