"""A video made in segments: what can be cut, each segment's command, and the one that joins them. Pure.

Three kinds of steps, each run by a Job of its own: `prepareCuts` finds out, once, where to cut and all else that the
encode has to know; `prepareSegment` encodes one stretch, without sound; the rendition's own step, which reads them
(`segment-0`, …), joins the pictures as they are and writes the sound, once.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mediaops import segments
from mediaops.encoding import MP4, SOUND_KBPS, VIDEO_CODECS, picture_arguments
from mediaops.graph import outputs
from mediaops.graph.analyses import Findings
from mediaops.graph.commands import Command, Joined, Output, folder_name
from mediaops.graph.wiring import Hanging, Node, Nodes, files, filtered_apart, label, way
from mediaops.media import Media
from mediaops.models.base import Model
from mediaops.operations.compress import Codec, Encoding
from mediaops.operations.loudness import LoudnessFound
from mediaops.operations.quality import QualityFound
from mediaops.segments import Cuts
from mediaops.survey import Survey

CUTS = "cuts"
"""The role of the file that says what was found out once."""
CUTS_FILE = "segments.json"
REMUXED = frozenset({"mov", "matroska"})
"""Containers whose pictures have all their times."""
CUT_CODECS = frozenset({"h264", "hevc", "mpeg4", "vp8", "vp9", "av1", "prores", "mjpeg", "dnxhd"})
"""Coding formats whose keyframes say truly that decoding can begin there."""
NEIGHBOURS = {
    "fps": "its frame rate is lowered, which counts from the film's beginning.",
    "hqdn3d": "denoise looks at the pictures before each picture.",
    "bwdif": "its pictures are interlaced, and deinterlacing looks at their neighbours.",
}
"""Filters that make a picture of more than that picture."""


class Known(Model):
    """What was found out once for all segments, as it is stored: `segments.json`."""

    media: Media
    """Of the file, which was read from beginning to end: nobody has to do so again."""
    cuts: Cuts
    loudness: LoudnessFound | None = None
    survey: Survey | None = None
    quality: QualityFound | None = None

    def findings(self, step: str) -> Findings:
        """Give it as what is known before the plan of a pass; `step` is the rendition's."""
        qualities = {step: self.quality} if self.quality else {}
        return Findings(cuts=self.cuts, loudness=self.loudness, survey=self.survey, qualities=qualities)


def known(media: Media, findings: Findings, cuts: Cuts, step: str) -> Known:
    """Give what is to be kept of findings, under no step's name: another asset may call it something else."""
    if cuts.whole:
        return Known(media=media, cuts=cuts)
    quality = findings.qualities.get(step)
    return Known(media=media, cuts=cuts, loudness=findings.loudness, survey=findings.survey, quality=quality)


def whole_because(media: Media, nodes: Nodes, name: str, encoding: Encoding) -> str | None:
    """Say, as a sentence, why a rendition can't be made in segments without anyone seeing it; None: it can."""
    if not media.seekable or media.format not in REMUXED:
        return f"its container ({media.format}) doesn't give every picture's time."
    if media.picture_codec not in CUT_CODECS:
        return f"its coding format ({media.picture_codec}) isn't known to have true keyframes."
    if encoding.max_size_bytes is not None:
        return "maxSizeBytes spreads its bytes over the whole film."
    if filtered_apart(nodes, [name]):
        return "clarity takes its pictures out of the filter graph."
    texts = ",".join(way(nodes, name))
    return next((why for filter_, why in NEIGHBOURS.items() if _has(texts, filter_)), None)


def _has(texts: str, name: str) -> bool:
    return re.search(rf"(?:^|[,;\]]){name}(?:=|,|;|\[|$)", texts) is not None


def segment(
    nodes: Nodes, node: Node, encoding: Encoding, media: Media, cuts: Cuts, index: int, step: str
) -> Command:
    """Encode the pictures of one segment, from nought on.

    The input is opened at the segment's first picture. Its times stay the film's own (-itsoffset takes back what -ss
    does), so filters that go by the time do what they would in one piece. What is read before and after, because open
    groups of pictures need it, is trimmed off by the tick.
    """
    begin = [f"start_pts={cuts.starts[index]}"] if index else []
    end = [f"end_pts={cuts.starts[index + 1]}"] if index + 1 < cuts.count else []
    arguments = (
        *picture_arguments(encoding, node.picture),
        *outputs.TIMING,
        *("-output_ts_offset", segments.in_seconds(-cuts.micros(index))),
        *("-f", "mp4"),
    )
    container = replace(MP4, arguments=())
    output = Output(step, "segment", container, arguments, node.picture)
    hanging = Hanging(node.name, outputs.DELIVERED, output)
    chain = (f"trim={':'.join((*begin, *end))}", *way(nodes, node.name), hanging.tail)
    mapped = replace(output, arguments=("-map", f"[{label(output)}]", *arguments))
    opened = ("-ss", cuts.seek(index), "-itsoffset", cuts.seek(index)) if index else ()
    graph = f"[0:{media.picture_stream}]{','.join(chain)}[{label(output)}]"
    return Command((opened,), (graph,), (mapped,), files(nodes, [hanging]))


def join(node: Node, encoding: Encoding, media: Media, cuts: Cuts, loudness: str | None) -> Command:
    """Join the segments' pictures as they are, with the source's sound, written as in one piece."""
    codec = VIDEO_CODECS[encoding.codec]
    tag = ("-tag:v", "hvc1") if encoding.codec is Codec.H265 else ()
    sound = outputs.with_sound(encoding, media, loudness, SOUND_KBPS)
    arguments = (
        *("-map", "1:0", "-c:v", "copy"),
        *tag,
        *sound,
        *codec.container.written(faststart=encoding.faststart),
    )
    output = Output(node.name, "rendition", codec.container, arguments, node.picture, lasts=True)
    listed = f"{folder_name(node.name)}/{segments.LIST}"
    return Command(((),), (), (output,), joined=Joined(listed, segments.in_seconds(cuts.micros(0))))
