"""What the node's GPU encodes and decodes: it is tried on a picture, because lists say what was compiled in."""

from __future__ import annotations

import logging
from pathlib import Path

from mediaops.encoding import VIDEO_CODECS, picture_arguments
from mediaops.graph import HARDWARE_DECODED, Findings, reading
from mediaops.media import Media
from mediaops.operations.compress import Codec, Encoding
from mediaops.picture import Picture
from mediaops_ops import ffmpeg, processors
from mediaops_ops.analyses import Subject
from mediaops_ops.outcome import StepError

PICTURE = Picture(256, 256, 25.0)
log = logging.getLogger(__name__)


def find(subject: Subject) -> Findings:
    """Try each encoder, and the decoder on the file."""
    found = tuple(codec for codec, row in VIDEO_CODECS.items() if row.nvenc and works(codec, subject.folder))
    decoded = decodes(subject.source, subject.media, subject.folder)
    log.info("GPU", extra={"encodes": found, "decodes": decoded})
    return subject.findings.model_copy(update={"encoders": found, "decodes": decoded})


def works(codec: Codec, folder: Path) -> bool:
    """Say whether the GPU encodes a picture in this format; any failure means that it doesn't."""
    line = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"]
    line += ["-f", "lavfi", "-i", f"color=s={PICTURE.width}x{PICTURE.height}:r=25", "-frames:v", "2"]
    line += [*picture_arguments(Encoding(codec, hardware=True), PICTURE), "-f", "null", "-"]
    return _runs(line, folder, f"encoder for {codec}")


def decodes(source: Path, media: Media, folder: Path) -> bool:
    """Say whether a file's first pictures can be decoded with the GPU at hand."""
    line = reading(ffmpeg.executable(), str(source), [HARDWARE_DECODED], processors.usable())
    line += ["-map", f"0:{media.picture_stream}", "-frames:v", "2", "-f", "null", "-"]
    return _runs(line, folder, "decoder")


def _runs(line: list[str], folder: Path, what: str) -> bool:
    """Run a command line; any failure means that the GPU hasn't what it is for."""
    try:
        ffmpeg.run(line, folder, on_report=lambda _: None, on_tick=lambda: None)
    except StepError as error:
        log.info("no GPU", extra={"for": what, "why": error.message})
        return False
    return True
