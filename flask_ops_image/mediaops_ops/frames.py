"""Filters that FFmpeg hasn't: frames come raw out of one FFmpeg, are changed here by OpenCV, and go into the next.

All run at the same time, so a chain with such a filter still decodes once and encodes once. Frames keep their times:
they travel in NUT, which has them. One that fails closes its pipes, and what is on either side of it ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import TYPE_CHECKING, Any

from mediaops.graph import Command
from mediaops.picture import LARGE_PIXELS, FrameFilter, FrameFilterName
from mediaops.reasons import Reason
from mediaops_ops import ffmpeg
from mediaops_ops.outcome import StepError

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

CLIP_LIMIT = 3.0
"""How steep CLAHE may make the curve of a tile, in multiples of an even one."""
TILES = (8, 8)
ZERO = 128
"""What stands for no change, where changes are kept in bytes; a greater one than 127 is cut off."""
PIPE_BYTES = 1024 * 1024
"""What Linux lets anybody have between two processes; by default it is a sixteenth, and they wait for each other."""
_BROKEN_PIPE = "Broken pipe"


def run(
    command: Command,
    line: Callable[..., list[str]],
    folder: Path,
    environment: dict[str, str],
    *,
    on_reports: Sequence[Callable[[dict[str, str]], None]],
    on_tick: Callable[[], None],
) -> None:
    """Run a command with all that it feeds, to their end.

    `line` gives a command's line, as Command.line does of what it feeds and is fed by. `on_reports` get the progress
    of each command, in the order of `Command.together`. Whatever ends this call ends every process first. Raises
    StepError as ffmpeg.run does.
    """
    group = _Group(line, folder, environment)
    try:
        group.start(command, None)
        ends = ffmpeg.follow(group.processes, on_reports, on_tick)
    finally:
        group.end()
    broken = next((worker.error for worker in group.workers if worker.error), None)
    if broken is not None:
        message = f"A filter on frames broke: {type(broken).__name__}."
        raise StepError(Reason.INTERNAL_ERROR, message) from broken
    failed = [(code, errors) for code, errors in ends if code != 0]
    # Who only lost the one on the other side of its pipe says nothing of its own.
    failed.sort(key=lambda end: any(_BROKEN_PIPE in error for error in end[1]))
    if failed:
        raise ffmpeg.failure(*failed[0])


class _Group:
    """Processes and workers of one command and all that it feeds."""

    def __init__(self, line: Callable[..., list[str]], folder: Path, environment: dict[str, str]) -> None:
        self._line, self._folder, self._environment = line, folder, environment
        self.processes: list[Popen[bytes]] = []
        self.workers: list[_Worker] = []

    def start(self, command: Command, fed: int | None) -> None:
        """Start a command, then what it feeds; its own ends of the pipes are closed here."""
        pipes = [_pipe() for _ in command.feeds]
        own = [write for _, write in pipes] + ([] if fed is None else [fed])
        try:
            line = self._line(command, fed=fed, feeding=[write for _, write in pipes])
            self.processes.append(ffmpeg.start(line, self._folder, self._environment, own))
        finally:
            for descriptor in own:
                os.close(descriptor)
        for feed, (read, _) in zip(command.feeds, pipes, strict=True):
            onward, write = _pipe()
            worker = _Worker(feed.filter, read, write)
            self.workers.append(worker)
            self.start(feed.command, onward)
            worker.start()

    def end(self) -> None:
        """End what is left; workers end with the processes on their pipes."""
        for process in self.processes:
            ffmpeg.end(process)
        for worker in self.workers:
            worker.join()


def _pipe() -> tuple[int, int]:
    """Make a pipe that holds about a frame, or as much as the system allows."""
    read, write = os.pipe()
    with suppress(OSError):
        fcntl(write, F_SETPIPE_SZ, PIPE_BYTES)
    return read, write


class _Worker(Thread):
    """Takes frames from one pipe, and gives them changed to another."""

    def __init__(self, frame_filter: FrameFilter, read: int, write: int) -> None:
        super().__init__(name=f"frames-{frame_filter.name}", daemon=True)
        self._change = FILTERS[frame_filter.name](frame_filter.percent)
        self._read, self._write = read, write
        self.error: Exception | None = None

    def run(self) -> None:
        """Work until the frames end, or a process on either side does."""
        import av

        try:
            self._pump()
        except (OSError, EOFError, av.error.FFmpegError) as error:
            # The process before or behind has ended, and says why.
            log.info("frames end early", extra={"why": type(error).__name__})
        finally:
            os.close(self._read)
            os.close(self._write)

    def _pump(self) -> None:
        import av

        with (
            av.open(f"pipe:{self._read}", format="nut") as source,
            av.open(f"pipe:{self._write}", "w", format="nut") as target,
        ):
            stream = source.streams.video[0]
            onward = target.add_stream("rawvideo", rate=stream.average_rate or 25)
            onward.width, onward.height = stream.codec_context.width, stream.codec_context.height
            onward.pix_fmt = stream.codec_context.pix_fmt
            onward.time_base = onward.codec_context.time_base = stream.time_base
            # A raw frame is its packet: changed where it lies, it is neither decoded nor encoded nor copied.
            for packet in source.demux(stream):
                if not packet.size:
                    continue
                if not self._changed(packet, onward.width, onward.height, onward.pix_fmt):
                    return
                packet.stream = onward
                target.mux(packet)

    def _changed(self, packet: Any, width: int, height: int, pixels: str) -> bool:
        """Have the filter change a frame; False, and the error kept, where it broke."""
        import numpy as np

        try:
            content = np.frombuffer(packet, np.uint8)
            if pixels == "rgb24":
                self._change(content.reshape(height, width, 3))
            else:  # yuv420p: brightness first
                self._change(content[: width * height].reshape(height, width))
        except Exception as error:
            log.exception("a filter on frames broke")
            self.error = error
            return False
        return True


def clarity(percent: int) -> Callable[[NDArray[uint8]], None]:
    """Give local contrast: contrast-limited adaptive histogram equalization (Zuiderveld 1994) of brightness.

    Large pictures are looked at in half their size: it costs half, and raises grain half as much.
    """
    import cv2
    import numpy as np

    cv2.setNumThreads(1)  # FFmpeg on either side has use for the others; a second one here gains little
    clahe = cv2.createCLAHE(CLIP_LIMIT, TILES)
    share = percent / 100

    def change(bright: Any) -> None:
        height, width = bright.shape
        if bright.size < LARGE_PIXELS:
            cv2.addWeighted(clahe.apply(bright), share, bright, 1 - share, 0, bright)
            return
        small = cv2.resize(bright, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        changes = cv2.addWeighted(clahe.apply(small), share, small, -share, ZERO)
        cv2.addWeighted(bright, 1, cv2.resize(changes, (width, height)), 1, -ZERO, bright)

    def of(picture: Any) -> None:
        if picture.ndim == 2:
            change(picture)
            return
        split = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
        bright = np.ascontiguousarray(split[..., 0])
        change(bright)
        split[..., 0] = bright
        cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB, picture)

    return of


FILTERS: dict[FrameFilterName, Callable[[int], Callable[[Any], None]]] = {FrameFilterName.CLARITY: clarity}
"""Each filter by its name: takes its strength in percent, gives what changes a frame where it lies.

A frame comes as its brightness, rows by columns (video), or as red, green and blue (images)."""
