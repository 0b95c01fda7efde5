"""One FFmpeg process: started in a group of its own, read while it runs, never left behind."""

from __future__ import annotations

import ctypes
import os
import re
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import IO

from mediaops.graph import Command
from mediaops.reasons import Reason
from mediaops_ops.log import without_addresses
from mediaops_ops.outcome import StepError

TICK_SECONDS = 0.5
ERROR_LINES = 20
"""Kept from the beginning, where causes stand, and from the end."""
PR_SET_PDEATHSIG = 1
TOO_MANY_ERRORS = 69
"""FFmpeg's own exit code for more decoding errors than -max_error_rate allows."""

_PREFIX = re.compile(r"^(\[[^\]]*\] *)+|0x[0-9a-f]+|(?<!\w)/[\w./:-]+/")
_libc = ctypes.CDLL(None)


@cache
def executable() -> str:
    """Give the path of the FFmpeg that comes with imageio-ffmpeg."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


QUIET = {"SVT_LOG": "1"}
"""SVT-AV1 says what it does, beside what FFmpeg says went wrong; this leaves its errors."""


class Data:
    """A pipe of its own for what a command line writes to `url`, cut into pieces of one size.

    FFmpeg waits while a piece is worked on, so nothing piles up, on no disk either.
    """

    def __init__(self, size: int, take: Callable[[bytes], None]) -> None:
        """Take the pieces' size in bytes, and what gets each of them."""
        self.size, self.take = size, take
        self.reader, self.writer = os.pipe()

    @property
    def url(self) -> str:
        """Give the output's name on the command line."""
        return f"pipe:{self.writer}"

    def close(self) -> None:
        """Close both ends."""
        self.close_writer()
        os.close(self.reader)

    def close_writer(self) -> None:
        """Leave the writing end to FFmpeg alone, so that its end is the pipe's."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def read(self, rest: bytearray) -> bool:
        """Hand on whole pieces of what has come; False at the end."""
        chunk = os.read(self.reader, max(65_536, self.size))
        rest += chunk
        while len(rest) >= self.size:
            piece = bytes(rest[: self.size])
            del rest[: self.size]
            self.take(piece)
        return bool(chunk)


def run(
    line: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    on_report: Callable[[dict[str, str]], None],
    on_tick: Callable[[], None],
    data: Data | None = None,
) -> list[str]:
    """Run a command line to its end, in a folder, with variables beside those of this process.

    Gives the first and the last lines of what it said.

    `on_report` gets each of FFmpeg's progress reports, `on_tick` is called about twice a second, `data` gets what
    the line writes to its pipe. Whatever ends this call, an exception from any of them or from a signal included,
    ends the process group first.
    Raises StepError InvalidMedia, OutOfMemory, DiskFull or EncodeFailed.
    """
    process = start(line, folder, environment, (data.writer,) if data else ())
    try:
        ((code, errors),) = follow([process], [on_report], on_tick, data)
    finally:
        end(process)
    if code != 0:
        raise failure(code, errors)
    return errors


def start(
    line: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a command line, which inherits these file descriptors; whoever starts it ends it."""
    return subprocess.Popen(
        line,
        cwd=folder,
        env={**os.environ, **QUIET, **(environment or {})},
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 — one prctl call, bound before the fork
    )


def number(text: str | None) -> float:
    """Read a figure of a progress report; 0 where there is none yet, nor anything below."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0


def time_done(report: dict[str, str], seconds: float) -> float:
    """Give the share of a file of that length that a progress report has come to, 0.0 to 1.0."""
    done = max(number(report.get("time")), number(report.get("out_time_us")) / 1e6)
    return min(1.0, done / seconds) if seconds else 0.0


def write_graph(command: Command, folder: Path) -> None:
    """Write the graph's file, where the graph is too long for the line that is run in the folder."""
    if command.graph_file is not None:
        name, text = command.graph_file
        (folder / name).write_text(text, encoding="utf-8")


def die_with_parent() -> None:
    """For a child between fork and exec: have the kernel kill it when the thread that started it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process's group, and close its pipes."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def follow(
    processes: Sequence[subprocess.Popen[bytes]],
    on_reports: Sequence[Callable[[dict[str, str]], None]],
    on_tick: Callable[[], None],
    data: Data | None = None,
) -> list[tuple[int, list[str]]]:
    """Read progress and errors of processes, and one's data, until all pipes end.

    Gives each one's exit code, and the first and the last lines of its errors.
    """
    said = [_Said() for _ in processes]
    with selectors.DefaultSelector() as selector:
        for process, on_report, lines in zip(processes, on_reports, said, strict=True):
            for pipe, take in ((process.stdout, _progress_reader(on_report)), (process.stderr, lines.keep)):
                if pipe is not None:
                    reading = partial(_take_lines, pipe, take, bytearray())
                    selector.register(pipe, selectors.EVENT_READ, reading)
        if data is not None:
            data.close_writer()
            selector.register(data.reader, selectors.EVENT_READ, partial(data.read, bytearray()))
        while selector.get_map():
            for key, _ in selector.select(TICK_SECONDS):
                if not key.data():
                    selector.unregister(key.fileobj)
            on_tick()
    return [(process.wait(), lines.all) for process, lines in zip(processes, said, strict=True)]


class _Said:
    """The first and the last lines of what a process said."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=ERROR_LINES)

    def keep(self, line: str) -> None:
        (self._first if len(self._first) < ERROR_LINES else self._last).append(line)

    @property
    def all(self) -> list[str]:
        return [*self._first, *self._last]


def _take_lines(pipe: IO[bytes], take: Callable[[str], object], rest: bytearray) -> bool:
    """Hand on whole lines of what has come; False at the end."""
    chunk = os.read(pipe.fileno(), 65_536)
    rest += chunk
    *lines, last = rest.split(b"\n")
    rest[:] = last[-65_536:]
    for line in lines:
        take(line.decode(errors="replace").strip())
    return bool(chunk)


def _progress_reader(on_report: Callable[[dict[str, str]], None]) -> Callable[[str], None]:
    """Give a reader of progress: names and values, each of FFmpeg's reports closed by `progress`.

    What it says after each picture or piece of sound (mediaops.graph.commands) is a report by itself.
    """
    report: dict[str, str] = {}

    def take(line: str) -> None:
        name, _, value = line.partition("=")
        report[name] = value
        if name in {"progress", "frame", "time"}:
            on_report(report)

    return take


def failure(code: int, errors: Sequence[str]) -> StepError:
    """Give FFmpeg's failure as a reason and one short sentence; its own text has paths and no end."""
    text = "\n".join(errors)
    if code == -signal.SIGKILL or "Cannot allocate memory" in text:
        message = "FFmpeg ran out of memory; give the execution profile more, or make the picture smaller."
        return StepError(Reason.OUT_OF_MEMORY, message)
    if "No space left on device" in text:
        return StepError(Reason.DISK_FULL, "The disk of the pod is full.")
    if code == TOO_MANY_ERRORS:
        message = "The file is damaged: more than a tenth of its pictures or sound can't be decoded."
        return StepError(Reason.INVALID_MEDIA, message, permanent=True)
    if "Invalid data found when processing input" in text or "exceeds max_pixels" in text:
        return StepError(Reason.INVALID_MEDIA, "The file is damaged and can't be decoded.", permanent=True)
    if "requested bitrate is too low" in text:  # x264's second pass, which knows from the first
        message = "The picture can't be made so small at all: allow more bytes, or lower height or fps."
        return StepError(Reason.INVALID_PARAMETERS, message, permanent=True)
    said = next((_plain(line) for line in errors if _plain(line)), "it gave no reason")
    how = f"was ended by signal {-code}" if code < 0 else f"failed ({code})"
    return StepError(Reason.ENCODE_FAILED, f"FFmpeg {how}: {said}")


def _plain(line: str) -> str:
    """Give one of FFmpeg's lines without addresses in memory, folders and URLs, cut to what reads well."""
    return _PREFIX.sub("", without_addresses(line)).strip()[:200]
