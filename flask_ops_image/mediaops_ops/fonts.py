"""Typefaces for subtitles: those that come with the image, and no other that a machine may happen to have."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from mediaops.operations.filter import FONTS
from mediaops.picture import GraphFile
from mediaops.reasons import Reason
from mediaops.subtitles import SubtitleFile
from mediaops_ops.outcome import StepError

INSTALLED = Path("/usr/share/fonts/truetype")
FILES = (
    "open-sans/OpenSans-Bold.ttf",
    "dejavu/DejaVuSans-Bold.ttf",
    "wqy/wqy-microhei.ttc",
)
"""What is used of Debian's fonts-open-sans, fonts-dejavu-core and fonts-wqy-microhei."""


def installed(files: Iterable[GraphFile], folder: Path) -> dict[str, str]:
    """Put the typefaces where the graph looks for them; give the variables that keep fontconfig to them.

    Nothing is done where none of the graph's files has subtitles. Without a configuration of its own, fontconfig
    reads the machine's and writes caches where a pod can't. Raises StepError where the image lacks one.
    """
    if not any(isinstance(file, SubtitleFile) for file in files):
        return {}
    target = folder / FONTS
    target.mkdir(parents=True, exist_ok=True)
    for file in (INSTALLED / name for name in FILES):
        if not file.is_file():
            raise StepError(
                Reason.INTERNAL_ERROR, f"The image lacks the typeface {file.name}.", permanent=True
            )
        link = target / file.name
        if not link.exists():
            link.symlink_to(file)
    configuration = folder / "files" / "fonts.conf"
    configuration.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
        f"<fontconfig><dir>{escape(str(target))}</dir>"
        f"<cachedir>{escape(str(folder / 'files' / 'cache'))}</cachedir></fontconfig>\n"
    )
    return {"FONTCONFIG_FILE": str(configuration)}
