"""The cache folder, and the way something gets into it: built aside, then renamed into place."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LOG_TAIL_LINES = 25


class BuildFailed(Exception):
    """A build ended without its result; the message ends with the log's last lines."""


def cache_folder() -> Path:
    """Return `MEDIAOPS_CACHE`, or `mediaops` under XDG's cache folder; it exists afterwards."""
    chosen = os.environ.get("MEDIAOPS_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else base / "mediaops"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def built_once(key: str, build: Callable[[Path], None]) -> Path:
    """Return the cache's folder named `key`; where there is none, `build` fills it first.

    `build` gets an empty folder beside the final one, which is renamed into place when it returns: a folder
    that exists is complete, whatever was killed meanwhile. Callers that want the same key build it once and
    the others wait. The key has to name all that goes in: version, source hash.

    Raises whatever `build` raises; the cache is then as before.
    """
    folder = cache_folder() / key
    if folder.is_dir():
        return folder
    with _lock(key):
        if folder.is_dir():  # whoever held the lock before us has built it
            return folder
        aside = folder.with_name(f".{key}.building")
        shutil.rmtree(aside, ignore_errors=True)  # left by a build that was killed
        aside.mkdir()
        say(f"building {key}")
        started = time.monotonic()
        try:
            build(aside)
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        say(f"built {key} in {time.monotonic() - started:.0f} s")
    return folder


def run_logged(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run a build's command, at low priority and in silence; `env` is added to ours.

    Raises BuildFailed with the command and the last lines it wrote if it ends with anything but 0.
    """
    with tempfile.TemporaryFile() as log:
        ended = subprocess.run(
            ["nice", "-n", "5", *map(str, command)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if ended.returncode != 0:
            log.seek(0)
            tail = b"\n".join(log.read().splitlines()[-LOG_TAIL_LINES:]).decode(errors="replace")
            raise BuildFailed(f"{' '.join(map(str, command))} ended with {ended.returncode}:\n{tail}")


def say(line: str) -> None:
    """Tell the person at the terminal; standard output stays free for what a command answers."""
    print(f"build: {line}", file=sys.stderr, flush=True)


@contextmanager
def _lock(key: str) -> Iterator[None]:
    locks = cache_folder() / ".locks"
    locks.mkdir(exist_ok=True)
    with (locks / key).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {key}, which another process is building")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
