"""Clips to measure on: made by FFmpeg's own sources, a minute each, and the real one where it is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.size import SCALE
from hack.cluster.waiting import say
from mediaops_ops import ffmpeg

FULL_SECONDS = 60
SMALL = "640x360"
RATE = 25
REAL = Path(__file__).parents[2] / "shared" / "testdata" / "pedestrians.avi"
"""795 pictures of 768x576 of a street; not part of the repository."""
SPEECH = REAL.with_name("jfk.flac")
"""Eleven seconds of a speech; not part of the repository."""

GRAIN = "noise=alls=4:allf=t,gblur=0.8"
"""What a camera adds, as its lens and its own filter leave it: without it made pictures compress as no film does, and
sharp it is all that they consist of."""
# Cameras tag HD so; untagged, every picture would be converted on its way through raw frames.
HD_COLORS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
RECIPES: dict[str, tuple[str, str]] = {
    "clouds": (
        f"perlin=s={SMALL}:r={RATE}:octaves=2:persistence=0.6:xscale=8:yscale=8:tscale=0.5",
        f"eq=contrast=3,{GRAIN}",
    ),
    "zoom": (
        f"mandelbrot=s={SMALL}:r={RATE}:start_scale=1.5:end_scale=0.0001:end_pts=1400:maxiter=400",
        f"gblur=1.5,{GRAIN}",
    ),
    "cuts": (
        f"testsrc2=s={SMALL}:r={RATE}",
        "rotate='0.2*sin(t)':ow=iw:oh=ih,crop=iw*0.8:ih*0.8:'iw*0.1*(1+sin(floor(t/4)*2.3+t*0.7))':"
        f"'ih*0.1*(1+cos(floor(t/4)*1.7))',scale={SMALL.replace('x', ':')},hue=h='floor(t/4)*70',gblur=0.6,{GRAIN}",
    ),
}
"""A source and the filters on it, by the clip's name: slow and soft, even motion, a cut every four seconds.

Chosen so that x264 comes to VMAF 95 between crf 18 and 26, as it does with film."""


def seconds() -> int:
    """Give how long the clips are at this run's scale."""
    return max(6, round(FULL_SECONDS * SCALE))


def _made(path: Path, *arguments: str) -> Path:
    if not path.exists():
        say(f"makes {path.name}")
        line = [ffmpeg.executable(), "-hide_banner", "-loglevel", "error", "-y", *arguments, str(path)]
        subprocess.run(line, check=True)
    return path


def small(folder: Path) -> list[Path]:
    """Give the clips for what is about rate and quality: hardly compressed, at most 768x576."""
    found = []
    for name, (source, filters) in RECIPES.items():
        arguments = ["-f", "lavfi", "-i", source, "-t", str(seconds()), "-vf", f"{filters},format=yuv420p"]
        encoder = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "8"]
        found.append(_made(folder / f"{name}-{seconds()}.mp4", *arguments, *encoder))
    if REAL.exists() and SCALE == 1:
        found.append(REAL)
    return found


def full_hd(folder: Path) -> Path:
    """Give the clip for what is about speed: 1080p of coloured clouds with grain, and sound, as a camera writes it.

    Not bars or plain colours: what is even but for its grain is all grain behind a filter for local contrast.
    """
    shape = "octaves=4:persistence=0.5:xscale=6:yscale=6:tscale=0.3"
    clouds = f"perlin=s={{}}:r={RATE}:{shape}:random_mode=seed:random_seed={{}}"
    planes = (("640x360", "eq=contrast=2.5"), ("320x180", "eq=contrast=0.7"), ("320x180", "eq=contrast=0.7"))
    drawn = [
        f"{clouds.format(size, seed)},{change},format=gray[{seed}]"
        for seed, (size, change) in enumerate(planes)
    ]
    picture = ";".join((*drawn, "[0][1][2]mergeplanes=0x001020:yuv420p"))
    sound = f"sine=f=330:r=48000:d={seconds()}"
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-g", "60", "-pix_fmt", "yuv420p"]
    tagged = "setparams=colorspace=bt709:range=tv"
    return _made(
        folder / f"full-hd-clouds-{seconds()}.mp4",
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *("-vf", f"{tagged},scale=1920:1080,{GRAIN},format=yuv420p"),
        *(*encoder, *HD_COLORS, "-c:a", "aac", "-b:a", "128k", "-shortest"),
        *("-movflags", "+faststart"),
    )


def speech(folder: Path) -> Path | None:
    """Give a minute of real speech, the same sentences again and again; None where there is none to make it of."""
    if not SPEECH.exists():
        return None
    return _made(folder / "speech.flac", "-stream_loop", "6", "-i", str(SPEECH), "-t", "60")


def kept(root: Path) -> Path:
    """Give the folder in which clips stay from run to run."""
    folder = Path(os.environ.get("MEDIAOPS_BENCH_CLIPS") or root)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
