"""A sound file as engines and their guards read it: 16 kHz, mono, 16 bits, a frame at a time in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

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


def between(audio: Path, spans: Sequence[Span]) -> Iterator[bytes]:
    """Give the sound of each span, in order and apart, in one reading; holds one span at a time."""
    held, position, current = bytearray(), 0, 0
    for pcm in frames(audio):
        end = position + len(pcm) // BYTES_PER_MILLI
        while current < len(spans) and spans[current][0] < end:
            start, until = spans[current]
            first, last = (max(start, position) - position), (min(until, end) - position)
            held += pcm[first * BYTES_PER_MILLI : last * BYTES_PER_MILLI]
            if until > end:
                break
            yield bytes(held)
            held.clear()
            current += 1
        position = end
    if current < len(spans) and held:
        yield bytes(held)


def cut_out(audio: Path, spans: Sequence[Span], folder: Path) -> list[Path]:
    """Write spans, in order and apart, to FLAC files of their own; gives them. FLAC loses nothing."""
    pieces = []
    for number, pcm in enumerate(between(audio, spans)):
        pieces.append(folder / f"piece-{number}.flac")
        _write(pieces[-1], pcm)
    return pieces


def _write(path: Path, pcm: bytes) -> None:
    import av
    import numpy as np

    frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        stream.format = "s16"
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
