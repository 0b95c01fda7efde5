"""`python -m hack.test fast|all|full`: run the tests by tier.

`fast` needs no cluster. `all` runs every tier, long ones in seeded samples. `full` runs every count in full.
What takes minutes to build is built first, side by side, so that no test's time holds a build.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIDE_BY_SIDE = ("unit", "corpus")
"""Tiers whose files share nothing, so that each processor takes some."""
ONE_BY_ONE = ("api", "services", "e2e", "scale", "chaos")
"""Tiers whose tests start servers, or have the machine for themselves."""


def say(line: str) -> None:
    """Tell the person at the terminal."""
    print(f"test: {line}", flush=True)


def main(scope: str) -> int:
    """Run the tiers of a scope; give pytest's exit status."""
    started = time.monotonic()
    if scope == "fast":
        return _pytest(["unit"], {}, *_PARALLEL)
    if (status := _run([sys.executable, "-m", "hack.lint"])) != 0:
        return status
    if (status := _run([sys.executable, "-m", "hack.prepare"])) != 0:
        return status
    say(f"everything is built after {time.monotonic() - started:.0f} s")
    environment = {"MEDIAOPS_SAMPLES": "full"} if scope == "full" else {}
    statuses = [_pytest(SIDE_BY_SIDE, environment, *_PARALLEL), _pytest(ONE_BY_ONE, environment)]
    say(f"ended after {time.monotonic() - started:.0f} s")
    return max(statuses)


_PARALLEL = ("--numprocesses=auto", "--dist=loadfile")


def _pytest(tiers: Sequence[str], environment: dict[str, str], *arguments: str) -> int:
    folders = [f"tests/{tier}" for tier in tiers if (ROOT / "tests" / tier).is_dir()]
    return _run([sys.executable, "-m", "pytest", "--durations=25", *arguments, *folders], environment)


def _run(command: list[str], environment: dict[str, str] | None = None) -> int:
    say(" ".join(command[1:]))
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False
    ).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("fast", "all", "full"):
        sys.exit("usage: python -m hack.test fast|all|full")
    sys.exit(main(sys.argv[1]))
