"""What is really in a file that an operation made: read back packet by packet, picture by picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from tests.corpus.kinds import Color, Corners

HDR_CURVES = {16, 18}
COEFFICIENTS = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}
"""Kr and Kb of a matrix by its number in ITU-T H.273; players take what says nothing for BT.601."""
BT601 = (0.299, 0.114)
SAMPLED = ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
"""Where the corners' colours are looked at, as shares of width and height: beside the inset."""


@dataclass(frozen=True)
class Heard:
    """The sound of a file."""

    codec: str
    channels: int
    seconds: float
    hertz: float
    """The loudest frequency; 0: silence."""
    level: float
    """Root of the mean square of the first channel, full scale 1."""


@dataclass(frozen=True)
class Seen:
    """The picture of a video."""

    codec: str
    width: int
    height: int
    pixels: str
    """FFmpeg's name of the pixel format."""
    times: list[float]
    """When each picture begins, in seconds."""
    full_range: bool
    hdr: bool
    rotation: int
    square: bool
    interlaced: bool
    matrix: int
    middle: Any
    """The picture in the middle, as a frame."""


def seen(path: Path) -> Seen:
    """Decode every picture."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        frames, times = [], []
        for frame in container.decode(stream):
            times.append(float(frame.time))
            frames.append(frame)
            if len(frames) > 240:
                raise AssertionError("more pictures than any file of the corpus has")
        aspect = stream.sample_aspect_ratio
        middle = frames[len(frames) // 2]
        name = stream.codec_context.name
        return Seen(
            codec={"libdav1d": "av1"}.get(name, name),
            width=middle.width,
            height=middle.height,
            pixels=middle.format.name,
            times=times,
            full_range=middle.color_range == 2,
            hdr=middle.color_trc in HDR_CURVES,
            rotation=middle.rotation,
            square=aspect is None or aspect in {0, 1},
            interlaced=any(frame.interlaced_frame for frame in frames),
            matrix=int(middle.colorspace),
            middle=middle,
        )


def heard(path: Path) -> Heard | None:
    """Decode the whole sound; None: there is none."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=48_000)
        parts = [
            part.to_ndarray()[0] for frame in container.decode(stream) for part in resampler.resample(frame)
        ]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
        samples = np.concatenate(parts) if parts else np.zeros(0)
        middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
        loud = len(middle) > 100 and float(np.abs(middle).max()) > 0.001
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) if loud else np.zeros(1)
        return Heard(
            codec=stream.codec_context.name,
            channels=stream.channels,
            seconds=len(samples) / 48_000,
            hertz=float(np.argmax(spectrum) * 48_000 / len(middle)) if loud else 0.0,
            level=float(np.sqrt(np.mean(np.square(middle)))) if len(middle) else 0.0,
        )


def colors(picture: Seen, *, left: float, top: float, width: float, height: float) -> Corners:
    """Give the corners of a rectangle (pixels) of the picture in the middle, as a player shows them."""
    planes = _planes(picture.middle)

    def at(x: float, y: float) -> Color:
        luma, blue, red = (
            float(plane[int((top + y * height) * plane.shape[0] / picture.height)]
                  [int((left + x * width) * plane.shape[1] / picture.width)])
            for plane in planes
        )  # fmt: skip
        return _rgb(luma, blue, red, *COEFFICIENTS.get(picture.matrix, BT601))

    a, b, c, d = (at(x, y) for x, y in SAMPLED)
    return a, b, c, d


def _planes(frame: Any) -> list[Any]:
    """Give luma and both colour differences of a planar frame of 8 bits."""
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        planes.append(rows[:, : plane.width])
    return planes


def _rgb(luma: float, blue: float, red: float, kr: float, kb: float) -> Color:
    """Bring one pixel of limited range to red, green and blue (ITU-R BT.601, BT.709)."""
    y, b, r = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    out_red, out_blue = y + 2 * (1 - kr) * r, y + 2 * (1 - kb) * b
    out_green = (y - kr * out_red - kb * out_blue) / (1 - kr - kb)
    first, second, third = (
        round(255 * min(1.0, max(0.0, value))) for value in (out_red, out_green, out_blue)
    )
    return first, second, third


def image_colors(image: Image.Image, *, left: float, top: float, width: float, height: float) -> Corners:
    """Give the corners of a rectangle (pixels) of an image."""
    plain = image.convert("RGB")

    def at(x: float, y: float) -> Color:
        red, green, blue = plain.getpixel((int(left + x * width), int(top + y * height)))
        return red, green, blue

    a, b, c, d = (at(x, y) for x, y in SAMPLED)
    return a, b, c, d


def furthest(found: Corners, wanted: Corners) -> int:
    """Give the largest difference of any channel of any corner."""
    return max(
        abs(a - b) for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


def index_first(path: Path) -> bool:
    """Say whether an MP4's index lies before its data, so that it plays while it loads."""
    content = path.read_bytes()
    return 0 <= content.find(b"moov") < content.find(b"mdat")
