"""What someone who knows FFmpeg would type: the baselines of bench.media. Better them, if you can.

Each takes the FFmpeg to run, the source and a folder, and gives a command line. Encoder, preset, crf and threads are
the same as ours, which the lines of `mediaops-ops run --plan-only` show.
"""

from __future__ import annotations

from pathlib import Path

X264 = ["-c:v", "libx264", "-preset", "medium", "-profile:v", "high", "-pix_fmt", "yuv420p"]
SAID = ["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]


def fused(ffmpeg: str, source: Path, folder: Path) -> list[str]:
    """Crop to a square, more contrast, 720 lines, and a still of the source: one input, one graph, all outputs."""
    graph = (
        "[0:v]split[a][b];[a]crop=1080:1080,eq=contrast=1.1:saturation=1.2,scale=720:720,format=yuv420p[film];"
        "[b]select=gte(t\\,1),scale=1280:720,format=yuvj420p[still]"
    )
    return [
        *(ffmpeg, *SAID, "-i", str(source), "-filter_complex", graph),
        *("-map", "[film]", "-map", "0:a", *X264, "-crf", "23", "-c:a", "copy", "-movflags", "+faststart"),
        str(folder / "film.mp4"),
        *("-map", "[still]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-update", "1"),
        str(folder / "still.jpg"),
    ]


def one_after_another(ffmpeg: str, source: Path, folder: Path) -> list[list[str]]:
    """Crop, colour, 720 lines, still: four commands, each on the file of the one before."""
    crop, colour, small = (folder / f"{name}.mp4" for name in ("crop", "colour", "small"))
    copied = ["-c:a", "copy", "-movflags", "+faststart"]
    still = ["-vf", "scale=1280:720,format=yuvj420p", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3"]
    return [
        [ffmpeg, *SAID, "-i", str(source), "-vf", "crop=1080:1080", *X264, "-crf", "20", *copied, str(crop)],
        [
            *(ffmpeg, *SAID, "-i", str(crop), "-vf", "eq=contrast=1.1:saturation=1.2"),
            *(*X264, "-crf", "20", *copied, str(colour)),
        ],
        [ffmpeg, *SAID, "-i", str(colour), "-vf", "scale=720:720", *X264, "-crf", "23", *copied, str(small)],
        [ffmpeg, *SAID, "-ss", "1", "-i", str(small), *still, "-update", "1", str(folder / "last.jpg")],
    ]


def encode(ffmpeg: str, source: Path, target: Path, encoder: list[str]) -> list[str]:
    """Encode the picture as it is, the times of its pictures kept."""
    timing = ["-fps_mode", "vfr", "-enc_time_base", "filter"]
    picture = ["-an", "-vf", "format=yuv420p", *encoder, *timing]
    return [ffmpeg, *SAID, "-i", str(source), *picture, str(target)]


def vmaf(ffmpeg: str, made: Path, source: Path) -> list[str]:
    """Hold a film against its source, picture by picture as their times say; every third is scored."""
    graph = "[0:v]settb=AVTB[a];[1:v]format=yuv420p,settb=AVTB[b];[a][b]libvmaf=n_threads=2:n_subsample=3"
    files = ["-i", str(made), "-i", str(source)]
    return [ffmpeg, "-hide_banner", "-nostdin", "-nostats", *files, "-lavfi", graph, "-f", "null", "-"]
