"""How the corpus's files are made: FFmpeg's test sources, and changes to what they gave."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from mediaops_ops import ffmpeg
from tests.corpus.kinds import AUDIO, BLUE, GREEN, RED, VIDEO, WHITE, Color, Corners, File, Library, Shown

SILENT = None
QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-threads", "2")
INSET_FROM = 64
"""Sides from which on a moving picture is laid into the middle, in pixels."""


def run_ffmpeg(*arguments: str) -> None:
    """Run FFmpeg; its own words stand in the failure."""
    line = [ffmpeg.executable(), *QUIET, *arguments]
    done = subprocess.run(line, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]


def _hex(color: Color) -> str:
    return "0x" + "".join(f"{value:02x}" for value in color)


def quarters(width: int, height: int, rate: str = "25", seconds: float = 1.0) -> str:
    """Write a lavfi source: four coloured quarters, and where there is room a moving picture in the middle."""
    boxes = ",".join(
        f"drawbox=x={x}:y={y}:w=iw:h=ih:color={_hex(color)}:t=fill"
        for x, y, color in (("iw/2", "0", GREEN), ("0", "ih/2", BLUE), ("iw/2", "ih/2", WHITE))
    )
    ground = f"color=c={_hex(RED)}:s={width}x{height}:r={rate}:d={seconds:g},format=gbrp,{boxes}"
    if min(width, height) < INSET_FROM:
        return ground
    inset = f"testsrc2=s={width // 4}x{height // 4}:r={rate}:d={seconds:g},format=gbrp"
    return f"{ground}[ground];{inset}[inset];[ground][inset]overlay=(W-w)/2:(H-h)/2:format=gbrp"


def tone(channels: int, sample_rate: int, seconds: float) -> str:
    """Write a lavfi source: 440 Hz, the same on every channel."""
    one = "sin(2*PI*440*t)*0.25"
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[channels]
    return f"aevalsrc={'|'.join([one] * channels)}:c={layout}:s={sample_rate}:d={seconds:g}"


def video(
    name: str,
    *arguments: str,
    size: tuple[int, int] = (160, 120),
    shown: tuple[int, int] | None = None,
    rate: str = "25",
    seconds: float = 1.0,
    channels: int | None = SILENT,
    sample_rate: int = 44_100,
    filters: str = "",
    frames: int | None = None,
    also: dict[str, Any] | None = None,
    **fields: Any,
) -> File:
    """Give the row of a video that FFmpeg makes of the test sources.

    `arguments` are its output's, `filters` come before its encoder, `shown` is the size after rotation and with
    square pixels where it differs, `also` are further fields of Shown.
    """

    def make(_: Library, target: Path) -> None:
        inputs = ["-f", "lavfi", "-i", quarters(*size, rate, seconds)]
        if channels is not None:
            inputs += ["-f", "lavfi", "-i", tone(channels, sample_rate, seconds)]
        drawn = ["-vf", filters] if filters else []
        run_ffmpeg(*inputs, *drawn, *arguments, str(target))

    width, height = shown or size
    mean = float(Fraction(rate))
    facts: dict[str, Any] = {
        "width": width,
        "height": height,
        "seconds": seconds,
        "frames": round(seconds * mean) if frames is None else frames,
        "rate": mean,
        "channels": channels,
    }
    if min(width, height) < 8:
        facts["corners"] = None
    return File(name, make=make, shown=Shown(**(facts | (also or {}))), **({"file_type": VIDEO} | fields))


def sound(
    name: str,
    *arguments: str,
    channels: int = 2,
    sample_rate: int = 44_100,
    seconds: float = 2.0,
    source: str | None = None,
    also: dict[str, Any] | None = None,
    **fields: Any,
) -> File:
    """Give the row of a sound that FFmpeg makes of a tone, or of another lavfi source."""

    def make(_: Library, target: Path) -> None:
        run_ffmpeg(
            "-f", "lavfi", "-i", source or tone(channels, sample_rate, seconds), *arguments, str(target)
        )

    facts: dict[str, Any] = {"seconds": seconds, "channels": channels, "tone": source is None}
    return File(name, make=make, shown=Shown(**(facts | (also or {}))), **({"file_type": AUDIO} | fields))


def remade(name: str, of: File, *arguments: str, before: tuple[str, ...] = (), **fields: Any) -> File:
    """Give the row of a file that FFmpeg makes of another one; `before` are arguments of its input."""

    def make(library: Library, target: Path) -> None:
        run_ffmpeg(*before, "-i", str(library(of.name)), *arguments, str(target))

    return File(name, make=make, **({"shown": of.shown, "file_type": of.file_type} | fields))


def changed(name: str, of: File, change: Callable[[bytes], bytes], **fields: Any) -> File:
    """Give the row of a file whose bytes are another one's, changed."""

    def make(library: Library, target: Path) -> None:
        target.write_bytes(change(library(of.name).read_bytes()))

    return File(name, make=make, **({"shown": of.shown, "file_type": of.file_type} | fields))


def written(name: str, content: bytes, file_type: Any, **fields: Any) -> File:
    """Give the row of a file with this content."""
    return File(name, file_type, lambda _, target: target.write_bytes(content) and None, **fields)


def cut(share: float) -> Callable[[bytes], bytes]:
    """Keep this share of the bytes, from the beginning."""
    return lambda content: content[: int(len(content) * share)]


def noise(begin: float, end: float, every: int = 1) -> Callable[[bytes], bytes]:
    """Replace every so manieth byte between two shares of the file by a random one."""

    def change(content: bytes) -> bytes:
        dice, changed_content = random.Random(7), bytearray(content)  # noqa: S311
        for at in range(int(len(content) * begin), int(len(content) * end), every):
            changed_content[at] = dice.randrange(256)
        return bytes(changed_content)

    return change


def turned(corners: Corners, quarters_clockwise: int) -> Corners:
    """Give the corners of a picture after so many quarter turns clockwise."""
    for _ in range(quarters_clockwise % 4):
        upper_left, upper_right, lower_left, lower_right = corners
        corners = (lower_left, upper_left, lower_right, upper_right)
    return corners


def mirrored(corners: Corners) -> Corners:
    """Give the corners of a picture seen in a mirror."""
    upper_left, upper_right, lower_left, lower_right = corners
    return upper_right, upper_left, lower_right, lower_left
