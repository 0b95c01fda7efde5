"""A sound file as engines and their guards read it: 16 kHz, mono, 16 bits, a frame at a time in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mediaops.reasons import Reason
from mediaops_ops.engines.utterances import FRAME_MILLIS
from mediaops_ops.outcome import StepError

RATE = 16_000
FRAME_SAMPLES = RATE * FRAME_MILLIS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2
BYTES_PER_MILLI = RATE * 2 // 1000

Span = tuple[int, int]
"""Start and end in milliseconds."""


def frames(audio: Path) -> Iterator[bytes]:
    """Give FRAME_MILLIS of a sound at a time; the last piece may be shorter. Raises StepError InvalidMedia."""
    rest = b""
    for decoded in _decoded(audio):
        rest += decoded
        whole = len(rest) - len(rest) % FRAME_BYTES
        for at in range(0, whole, FRAME_BYTES):
            yield rest[at : at + FRAME_BYTES]
        rest = rest[whole:]
    if rest:
        yield rest


def _decoded(audio: Path) -> Iterator[bytes]:
    import av  # only who listens pays for the libraries

    try:
        with av.open(str(audio)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in container.decode(audio=0):
                yield from (piece.to_ndarray().tobytes() for piece in resampler.resample(frame))
            yield from (piece.to_ndarray().tobytes() for piece in resampler.resample(None))
    except (av.error.FFmpegError, IndexError) as error:
        raise StepError(Reason.INVALID_MEDIA, "The prepared sound can't be read.") from error


def length_millis(audio: Path) -> int:
    """Give a sound's length as its header has it, in milliseconds; 0 where that says nothing."""
    import av

    try:
        with av.open(str(audio)) as container:
            return (container.duration or 0) // 1000
    except av.error.FFmpegError:
        return 0


def cut_out(audio: Path, spans: Sequence[Span], folder: Path) -> list[Path]:
    """Write spans, in order and apart, to FLAC files of their own; gives them. FLAC loses nothing."""
    pieces = [folder / f"piece-{number}.flac" for number in range(len(spans))]
    writers: dict[int, Any] = {}
    current, position = 0, 0
    for pcm in frames(audio):
        end = position + len(pcm) // BYTES_PER_MILLI
        while current < len(spans) and spans[current][0] < end:
            start = max(spans[current][0], position)
            until = min(spans[current][1], end)
            if current not in writers:
                writers[current] = _Writer(pieces[current])
            offset = position * BYTES_PER_MILLI
            writers[current].write(pcm[start * BYTES_PER_MILLI - offset : until * BYTES_PER_MILLI - offset])
            if spans[current][1] > end:
                break
            writers.pop(current).close()
            current += 1
        position = end
    for writer in writers.values():
        writer.close()
    return [piece for piece in pieces if piece.exists()]


class _Writer:
    """One FLAC file being written."""

    def __init__(self, path: Path) -> None:
        import av

        self._container = av.open(str(path), "w", format="flac")
        self._stream = self._container.add_stream("flac", rate=RATE, layout="mono")
        self._stream.format = "s16"
        self._samples = 0

    def write(self, pcm: bytes) -> None:
        import av
        import numpy as np

        if not pcm:
            return
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._samples
        self._samples += frame.samples
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
