"""For all tiers: what a killed run of pytest left running is ended before a new one begins."""

from __future__ import annotations

import getpass
import tempfile
from pathlib import Path

from tests.orphans import end_orphans


def pytest_sessionstart() -> None:
    end_orphans(Path(tempfile.gettempdir()).resolve() / f"pytest-of-{getpass.getuser()}")
