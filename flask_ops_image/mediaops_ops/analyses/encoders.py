"""Which formats the node's GPU encodes: one picture is encoded in each, because lists say what was compiled in."""

from __future__ import annotations

import logging
from pathlib import Path

from mediaops.encoding import VIDEO_CODECS, picture_arguments
from mediaops.graph import Findings
from mediaops.operations.compress import Codec, Encoding
from mediaops.picture import Picture
from mediaops_ops import ffmpeg
from mediaops_ops.analyses import Subject
from mediaops_ops.outcome import StepError

PICTURE = Picture(256, 256, 25.0)
log = logging.getLogger(__name__)


def find(subject: Subject) -> Findings:
    """Try each encoder."""
    found = tuple(codec for codec, row in VIDEO_CODECS.items() if row.nvenc and works(codec, subject.folder))
    log.info("GPU encoders", extra={"found": found})
    return subject.findings.model_copy(update={"encoders": found})


def works(codec: Codec, folder: Path) -> bool:
    """Say whether the GPU encodes a picture in this format; any failure means that it doesn't."""
    line = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"]
    line += ["-f", "lavfi", "-i", f"color=s={PICTURE.width}x{PICTURE.height}:r=25", "-frames:v", "2"]
    line += [*picture_arguments(Encoding(codec, hardware=True), PICTURE), "-f", "null", "-"]
    try:
        ffmpeg.run(line, folder, on_report=lambda _: None, on_tick=lambda: None)
    except StepError as error:
        log.info("no GPU encoder", extra={"codec": codec, "why": error.message})
        return False
    return True
