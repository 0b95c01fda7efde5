"""Media for the tests of this tier, made by ffmpeg; small, because every run encodes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

PICTURE = "testsrc2=size=640x360:rate=25"
TONE = "sine=frequency=440:sample_rate=44100"


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, which overwrites and asks nothing."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    words = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    subprocess.run(words, check=True)


def video(folder: Path, *, seconds: float = 2, sound: bool = True, seed: int = 0) -> bytes:
    """Give an H.264 MP4 with its index first, with a tone unless `sound` is False; `seed` makes it another."""
    file = folder / f"video-{seconds}-{sound}-{seed}.mp4"
    picture = f"{PICTURE},hue=h={seed % 360}"
    inputs = ["-f", "lavfi", "-i", picture]
    if sound:
        inputs += ["-f", "lavfi", "-i", TONE, "-c:a", "aac"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    ffmpeg(*inputs, "-t", str(seconds), *codec, file)
    return file.read_bytes()
