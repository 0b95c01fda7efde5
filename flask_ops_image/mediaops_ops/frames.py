"""Filters that FFmpeg hasn't: frames come raw out of one FFmpeg, are changed here by OpenCV, and go into the next.

All run at the same time, so a chain with such a filter still decodes once and encodes once. Frames keep their times:
they travel in NUT, which has them. One that fails closes its pipes, and what is on either side of it ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import TYPE_CHECKING, Any

from mediaops.graph import Command
from mediaops.picture import FrameFilter, FrameFilterName
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
BUFFER_BYTES = 4 * 1024 * 1024
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
        pipes = [os.pipe() for _ in command.feeds]
        own = [write for _, write in pipes] + ([] if fed is None else [fed])
        try:
            line = self._line(command, fed=fed, feeding=[write for _, write in pipes])
            self.processes.append(ffmpeg.start(line, self._folder, self._environment, own))
        finally:
            for descriptor in own:
                os.close(descriptor)
        for feed, (read, _) in zip(command.feeds, pipes, strict=True):
            onward, write = os.pipe()
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

        with os.fdopen(self._read, "rb", 0) as incoming, os.fdopen(self._write, "wb", 0) as outgoing:
            try:
                self._pump(incoming, outgoing)
            except (OSError, EOFError, av.error.FFmpegError) as error:
                # The process before or behind has ended, and says why.
                log.info("frames end early", extra={"why": type(error).__name__})

    def _pump(self, incoming: Any, outgoing: Any) -> None:
        import av

        with (
            av.open(incoming, format="nut", buffer_size=BUFFER_BYTES) as source,
            av.open(outgoing, "w", format="nut", buffer_size=BUFFER_BYTES) as target,
        ):
            stream = source.streams.video[0]
            onward = target.add_stream("rawvideo", rate=stream.average_rate or 25)
            onward.width, onward.height = stream.codec_context.width, stream.codec_context.height
            onward.pix_fmt = stream.codec_context.pix_fmt
            onward.time_base = onward.codec_context.time_base = stream.time_base
            for frame in source.decode(stream):
                changed = self._changed(frame)
                if changed is None:
                    return
                for packet in onward.encode(changed):
                    target.mux(packet)
            for packet in onward.encode():
                target.mux(packet)

    def _changed(self, frame: Any) -> Any:
        """Give a frame as the filter leaves it; None, and the error kept, where the filter broke."""
        import av

        try:
            changed = av.VideoFrame.from_ndarray(self._change(frame.to_ndarray()), format=frame.format.name)
        except Exception as error:
            log.exception("a filter on frames broke")
            self.error = error
            return None
        changed.pts, changed.time_base = frame.pts, frame.time_base
        return changed


def clarity(percent: int) -> Callable[[NDArray[uint8]], NDArray[uint8]]:
    """Give local contrast: contrast-limited adaptive histogram equalization (Zuiderveld 1994) of brightness."""
    import cv2

    clahe = cv2.createCLAHE(CLIP_LIMIT, TILES)
    share = percent / 100

    def mixed(bright: Any) -> Any:
        return cv2.addWeighted(clahe.apply(bright), share, bright, 1 - share, 0)

    def of(picture: Any) -> Any:
        if picture.ndim == 3:  # red, green and blue
            split = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
            split[..., 0] = mixed(split[..., 0])
            return cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB)
        rows = picture.shape[0] * 2 // 3  # yuv420p: brightness above, colour in a third below
        picture[:rows] = mixed(picture[:rows])
        return picture

    return of


FILTERS: dict[FrameFilterName, Callable[[int], Callable[[Any], Any]]] = {FrameFilterName.CLARITY: clarity}
"""Each filter by its name: takes its strength in percent, gives what it does to a frame."""
