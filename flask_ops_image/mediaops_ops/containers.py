"""How many bytes a container says it has: what tells a file that was cut off from a short one.

A file with its index first plays after a cut, so players and encoders take the stump for the whole. Its
header still says how long the data is.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

MAX_BOXES = 100_000
"""Top-level boxes looked at: a fragmented file has two for every fragment."""


def promised_bytes(path: Path) -> int | None:
    """Give the least size in bytes that the file's own headers say it has; None where they say nothing.

    Reads ISO media files (ISO/IEC 14496-12, 4.2), RIFF and RF64 (AVI, WAV) and Matroska (RFC 8794, 8794bis).
    """
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] in {b"RIFF", b"RF64"}:
            size = int.from_bytes(start[4:8], "little")
            return None if start[:4] == b"RF64" or size in {0, 0xFFFFFFFF} else 8 + size
        if start[:4] == b"\x1a\x45\xdf\xa3":
            return _segment_end(file)
        if start[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"sidx", b"pnot"}:
            return _last_box_end(file)
    return None


def _last_box_end(file: BinaryIO) -> int | None:
    """Follow the top-level boxes of an ISO media file; give where the last one ends."""
    size = file.seek(0, 2)
    position = 0
    for _ in range(MAX_BOXES):
        if position >= size:
            return position
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            # Fewer than eight bytes of rest are padding that some cameras leave; no box begins in them.
            return position
        length = int.from_bytes(header[:4], "big")
        if length == 0:  # "to the end of the file"
            return None
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8 or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in header[4:8]):
            return position  # no box: rubbish behind the last one
        position += length
    return None


def _segment_end(file: BinaryIO) -> int | None:
    """Give where the first segment of a Matroska file ends; None where it was written as of unknown size."""
    file.seek(4)
    header_size = _vint(file)
    if header_size is None:
        return None
    file.seek(header_size, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    size = _vint(file)
    return None if size is None else file.tell() + size


def _vint(file: BinaryIO) -> int | None:
    """Read an EBML variable-size integer; None for the reserved value "unknown"."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    width = 9 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0xFF >> width)]) + file.read(width - 1), "big")
    return None if value == (1 << (7 * width)) - 1 else value
