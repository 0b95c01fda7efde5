"""Services and control planes of pytest runs that are no more.

They outlive whoever started them, on purpose; a run ends its own, unless it was killed. Each run has a numbered
folder, below which their state folders lie, and in it a `.lock` with its process id, which it removes at its end.
"""

from __future__ import annotations

import os
from pathlib import Path

from hack.cluster.processes import Processes, state_folders


def end_orphans(runs: Path) -> None:
    """SIGKILL what runs for state folders below `runs` whose run of pytest is over."""
    for folder in state_folders():
        if folder.is_relative_to(runs) and folder != runs and not _goes_on(runs, folder):
            Processes(folder).kill_all()


def _goes_on(runs: Path, folder: Path) -> bool:
    """Say whether the run that a folder belongs to has a process; in doubt it has."""
    lock = runs / folder.relative_to(runs).parts[0] / ".lock"
    try:
        os.kill(int(lock.read_text()), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except (OSError, ValueError):
        return True
    return True
