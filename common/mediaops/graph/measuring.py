"""How FFmpeg measures a finished file: its picture, its sound, and the picture beside what it came from. Pure.

The lines run in a folder in which they leave what filters print: `PRINTED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mediaops.encoding import in_stereo
from mediaops.graph.commands import DEMUXERS, reading
from mediaops.graph.outputs import DELIVERED
from mediaops.measures import BLACK_FILTER, FROZEN_FILTER, SILENT_FILTER, scored_every
from mediaops.media import Media, Sound
from mediaops.operations.loudness import MEASURING
from mediaops.picture import GraphFile

PRINTED = "stretches.txt"
GRAPH = "vmaf.graph"
LOOKS_PER_SECOND = 10
"""Pictures a second that are looked at for black and frozen stretches: so exact these are, to a tenth of a second. A
picture that a file of variable rate shows for long is as many equal ones."""
_NOTHING = ("-f", "null", "-")


@dataclass(frozen=True)
class Way:
    """How the source's picture becomes the one that an operation encodes."""

    stream: int
    """Index of the picture among the source's streams."""
    filters: tuple[str, ...]
    files: tuple[GraphFile, ...]
    """What the filters read."""
    apart: bool
    """True: it passes through a filter that FFmpeg hasn't, so FFmpeg alone can't have it again."""


def picture_line(ffmpeg: str, file: str, media: Media, threads: int) -> list[str]:
    """Look for black and frozen stretches in a video."""
    chain = f"setpts=PTS-STARTPTS,fps={LOOKS_PER_SECOND},{BLACK_FILTER},{FROZEN_FILTER}"
    chain += f",metadata=mode=print:file={PRINTED}"
    return [
        *reading(ffmpeg, file, [()], threads),
        *("-map", f"0:{media.picture_stream}", "-vf", chain, *_NOTHING),
    ]


def sound_line(ffmpeg: str, file: str, sound: Sound, duration_millis: int, threads: int) -> list[str]:
    """Measure loudness and look for silent stretches; a sound that ends before the picture is silent from there."""
    chain = (
        f"{in_stereo(sound)}aresample=async=1:first_pts=0,apad=whole_dur={duration_millis}ms,{SILENT_FILTER}"
    )
    chain += f",ametadata=mode=print:file={PRINTED},{MEASURING}"
    return [
        *reading(ffmpeg, file, [()], threads, loglevel="info"),
        *("-map", f"0:{sound.stream}", "-af", chain, *_NOTHING),
    ]


def vmaf_graph(way: Way, made: Media, threads: int) -> str:
    """Give the graph that holds a finished file, the second input, against the picture that it was encoded from.

    Pictures are matched by the time since the first one, because containers round times.
    """
    begun = "setpts=PTS-STARTPTS"
    asked = ",".join([*way.filters, DELIVERED, begun])
    pictures = (made.duration_millis or 0) / 1000 * (made.frame_rate or 25)
    scoring = f"libvmaf=n_threads={max(1, threads)}:n_subsample={scored_every(pictures)}"
    return (
        f"[0:{way.stream}]{asked}[asked];[1:{made.picture_stream}]{DELIVERED},{begun}[made];"
        f"[made][asked]{scoring}:ts_sync_mode=nearest:shortest=1"
    )


def vmaf_line(ffmpeg: str, source: str, file: str, threads: int) -> list[str]:
    """Measure VMAF by a graph that lies in the folder as `GRAPH`."""
    second: Sequence[str] = ("-protocol_whitelist", "file,pipe", "-format_whitelist", DEMUXERS, "-i", file)
    bounded = ("-threads", str(threads)) if threads else ()
    line = [*reading(ffmpeg, source, [()], threads, loglevel="info"), *bounded, *second]
    return [*line, "-/filter_complex", GRAPH, *_NOTHING]
