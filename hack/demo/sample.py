"""The demo's media, made here: speech by espeak-ng, pictures and the rest by ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

from hack.build import built_once

WORDS = "Welcome to the launch. Today we show you a pipeline that never loses a job, and never posts twice."
VERSION = 1
"""Raised when a sample changes, because it is made once per machine."""


def samples() -> Path:
    """Give a folder with launch.mp4 (video with speech), team.png and intro.wav; made once, ≤ 2 MB each."""
    return built_once(f"samples-{VERSION}", _make)


def _make(folder: Path) -> None:
    speech = folder / "intro.wav"
    _run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(speech), WORDS])
    picture = "gradients=size=1280x720:rate=25:speed=0.02:seed=7[sky];testsrc2=size=480x270:rate=25[card];"
    picture += "[sky][card]overlay=x='400+300*sin(t/2)':y=225[v]"
    _ffmpeg(
        ["-i", speech, "-filter_complex", picture, "-map", "[v]", "-map", "0:a", "-shortest"],
        ["-c:v", "libx264", "-crf", "24", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k"],
        ["-movflags", "+faststart", folder / "launch.mp4"],
    )
    _ffmpeg(["-f", "lavfi", "-i", "mandelbrot=size=1280x960", "-frames:v", "1", folder / "team.png"])


def _ffmpeg(*parts: list[str | Path]) -> None:
    flat = [str(word) for part in parts for word in part]
    _run([imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *flat])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)
