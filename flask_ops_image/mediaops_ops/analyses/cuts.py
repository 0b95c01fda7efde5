"""Where a film can be cut: its keyframes, by their own times, each tried before it is cut at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mediaops import segments
from mediaops.graph import Findings
from mediaops.reasons import Reason
from mediaops.segments import Cuts
from mediaops_ops import probe
from mediaops_ops.analyses import Subject
from mediaops_ops.outcome import StepError

MAX_TRIES = 5
"""How often other keyframes are chosen where decoding can't begin at some of them."""

INTRA = frozenset({0, 1})
"""AV_PICTURE_TYPE_I, and NONE of decoders that don't tell."""


@dataclass(frozen=True)
class Scan:
    """What reading all packets of the picture says; in ticks of its stream."""

    keyframes: frozenset[int]
    """Those before which nothing is shown that is decoded after them."""
    end: int


def find(subject: Subject) -> Findings:
    """Cut the film as evenly as asked for; raises StepError."""
    import av

    [name] = subject.analysis.steps
    asked = next(step.parameters["segments"] for step in subject.steps if step.name == name)
    stream = subject.media.picture_stream
    try:
        with probe.opened(subject.source) as container:
            rate, origin = timing(container, stream)
            scanned = scan(container, stream)
        with probe.opened(subject.source) as container:
            first = _first(container, container.streams[stream])
            subject.progress(0.5)
            cuts = _cut(container, stream, asked, scanned, first, rate)
    except av.error.FFmpegError as error:
        message = "The file is damaged: its keyframes can't be read."
        raise StepError(Reason.INVALID_MEDIA, message, permanent=True) from error
    starts = [tick - origin for tick in cuts.starts]
    return subject.findings.model_copy(update={"cuts": cuts.model_copy(update={"starts": starts})})


def timing(container: Any, stream: int) -> tuple[Fraction, int]:
    """Give a stream's ticks per second, and the tick at which the file begins."""
    rate = 1 / Fraction(container.streams[stream].time_base)
    return rate, round(Fraction(container.start_time or 0, 1_000_000) * rate)


def scan(container: Any, stream: int) -> Scan:
    """Read all packets of a stream."""
    keyframes, latest, end = set[int](), None, 0
    for packet in container.demux(container.streams[stream]):
        if not packet.size or packet.pts is None or packet.is_discard:
            continue
        if packet.is_keyframe and not packet.is_corrupt and (latest is None or packet.pts > latest):
            keyframes.add(packet.pts)
        latest = packet.pts if latest is None else max(latest, packet.pts)
        end = max(end, packet.pts + (packet.duration or 0))
    return Scan(frozenset(keyframes), end)


def _first(container: Any, stream: Any) -> int:
    """Give the tick of the first picture that is shown."""
    stream.thread_type = "SLICE"
    for frame in container.decode(stream):
        if frame.pts is not None:
            return int(frame.pts)
    raise StepError(Reason.INVALID_MEDIA, "The file is damaged: not one picture has a time.", permanent=True)


def _cut(container: Any, stream: int, asked: int | Any, scanned: Scan, first: int, rate: Fraction) -> Cuts:
    """Cut, and try each cut; where decoding can't begin, choose again without it."""
    keyframes = set(scanned.keyframes)
    for _ in range(MAX_TRIES):
        cuts = segments.cut(asked, sorted(keyframes), first, scanned.end, rate)
        if cuts.whole:
            return cuts
        false = _false(container, container.streams[stream], cuts.starts[1:])
        if not false:
            return cuts
        keyframes -= false
    return Cuts(asked=asked, whole="decoding can't begin at what the file says are its keyframes.")


def _false(container: Any, stream: Any, ticks: Sequence[int]) -> set[int]:
    """Give those of the ticks at which no whole picture comes out that decodes by itself."""
    false = set()
    for tick in ticks:
        container.seek(tick, stream=stream, backward=True)
        shown = (frame for frame in container.decode(stream) if frame.pts is not None and frame.pts >= tick)
        frame = next(shown, None)
        if frame is None or frame.pts != tick or frame.is_corrupt or int(frame.pict_type) not in INTRA:
            false.add(tick)
    return false
