"""The corpus's images, one row each. A new row needs nothing else: the cells follow from the tables."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from tests.corpus.kinds import BLUE, CORNERS, IMAGE, PICTURE_MILLIS, RED, Corners, File, Library, Shown
from tests.corpus.making import changed, cut, noise, remade, video, written

pillow_heif.register_heif_opener()

ORIENTATION = 0x0112
"""EXIF's tag."""
SIZE = (160, 120)
STORED = {
    1: (),
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_90,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_270,),
}
"""How an upright picture lies in a file of each orientation (EXIF 2.32, 4.6.4)."""


def quarters(size: tuple[int, int] = SIZE, corners: Corners = CORNERS) -> Image.Image:
    """Paint four quarters."""
    width, height = size
    picture = Image.new("RGB", size, corners[0])
    picture.paste(corners[1], (width // 2, 0, width, height // 2))
    picture.paste(corners[2], (0, height // 2, width // 2, height))
    picture.paste(corners[3], (width // 2, height // 2, width, height))
    return picture


def image(
    name: str,
    change: Callable[[Image.Image], Image.Image] = lambda picture: picture,
    size: tuple[int, int] = SIZE,
    also: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    **fields: Any,
) -> File:
    """Give the row of an image that Pillow writes of the quarters, changed; `also` are further fields of Shown."""

    def make(_: Library, target: Path) -> None:
        change(quarters(size)).save(target, **(options or {}))

    facts: dict[str, Any] = {"width": size[0], "height": size[1], "frames": 1}
    if min(size) < 8:
        facts["corners"] = None
    return File(name, IMAGE, make, Shown(**(facts | (also or {}))), **fields)


def oriented(name: str, orientation: int, **options: Any) -> File:
    """Give the row of an image that lies in its file as EXIF says, and is shown upright."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation

    def lying(picture: Image.Image) -> Image.Image:
        for way in STORED[orientation]:
            picture = picture.transpose(way)
        return picture

    return image(name, lying, options={"exif": exif.tobytes(), **options})


def swapped_profile() -> bytes:
    """Give a colour profile in which red and green have changed places: who ignores it shows wrong colours."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"~", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"~", b"gXYZ", 1)


def swap(picture: Image.Image) -> Image.Image:
    """Store what `swapped_profile` brings back: red as green and green as red."""
    bands = picture.split()
    return Image.merge(picture.mode, (bands[1], bands[0], *bands[2:]))


def deep_grey(picture: Image.Image) -> Image.Image:
    """Give grey of 16 bits."""
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)


def in_lab(picture: Image.Image) -> Image.Image:
    """Give L*a*b*."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    if converted is None:
        raise ValueError("not converted")
    return converted


def see_through(picture: Image.Image) -> Image.Image:
    """Make all transparent but the quarters' left half, which is to come out on white."""
    alpha = Image.new("L", picture.size, 0)
    alpha.paste(255, (0, 0, picture.width // 2, picture.height))
    picture.putalpha(alpha)
    return picture


def moving(name: str, mode: str = "RGB", pictures: int = 5, **options: Any) -> File:
    """Give the row of an animation: the quarters, on which something moves in the middle and upper left."""

    def make(_: Library, target: Path) -> None:
        frames = []
        for index in range(pictures):
            frame = quarters()
            frame.paste((0, 0, 0), (60 + 8 * index, 50, 68 + 8 * index, 70))
            frame.paste((0, 0, 0), (24 + 2 * index, 30, 28 + 2 * index, 34))
            frames.append(frame.quantize(32) if mode == "P" else frame)
        frames[0].save(
            target, save_all=True, append_images=frames[1:], duration=PICTURE_MILLIS, loop=0, **options
        )

    return File(name, IMAGE, make, Shown(160, 120, frames=pictures, within=24 if mode == "P" else 14))


def bomb(width: int, height: int) -> bytes:
    """Give a small PNG that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


ON_WHITE: Corners = (RED, (255, 255, 255), BLUE, (255, 255, 255))
GREYS: Corners = ((88,) * 3, (134,) * 3, (58,) * 3, (230,) * 3)
"""BT.601's greys, which Pillow and JPEG take."""
JPEG = image("plain.jpg", options={"quality": 95})
PNG = image("plain.png")
WEBP = image("lossy.webp", options={"quality": 95})
AVIF = image("plain.avif", options={"quality": 95})
HEIC = image("phone.heic", options={"quality": 95})
INVALID = "InvalidMedia"

GOOD: tuple[File, ...] = (
    JPEG,
    *(oriented(f"orientation-{n}.jpg", n, quality=95) for n in range(2, 9)),
    oriented("orientation-6.png", 6),
    oriented("orientation-8.webp", 8, lossless=True),
    image("progressive.jpg", options={"quality": 95, "progressive": True}),
    image("cmyk.jpg", lambda p: p.convert("CMYK"), options={"quality": 95}),
    image("grey.jpg", lambda p: p.convert("L"), also={"corners": GREYS}, options={"quality": 95}),
    image("profiled.jpg", swap, options={"quality": 95, "icc_profile": swapped_profile()}),
    image("profiled.png", swap, options={"icc_profile": swapped_profile()}),
    image("profiled-alpha.png", lambda p: see_through(swap(p)), also={"corners": ON_WHITE},
          options={"icc_profile": swapped_profile()}),
    image("profiled-palette.png", lambda p: swap(p).quantize(16), options={"icc_profile": swapped_profile()}),
    image("broken-profile.jpg", options={"quality": 95, "icc_profile": b"no profile at all" * 20}),
    image("two-pictures.jpg", options={"format": "MPO", "save_all": True, "append_images": [quarters()],
                                       "quality": 95}),
    PNG,
    image("grey-16bit.png", deep_grey, also={"corners": GREYS}),
    remade("colour-16bit.png", PNG, "-pix_fmt", "rgb48be", "-update", "1"),
    image("palette.png", lambda p: p.quantize(16)),
    image("palette-clear.png", lambda p: see_through(p).quantize(16), also={"corners": ON_WHITE, "within": 20}),
    image("alpha.png", see_through, also={"corners": ON_WHITE}),
    image("grey-alpha.png", lambda p: see_through(p).convert("LA"),
          also={"corners": tuple((level,) * 3 for level in (88, 255, 58, 255))}),
    image("one-bit.png", lambda p: p.convert("1", dither=Image.Dither.NONE),
          also={"corners": tuple((level,) * 3 for level in (0, 255, 0, 255))}),
    image("one-pixel.png", size=(1, 1)),
    image("narrow.png", size=(9, 600)),
    image("eight-k.jpg", size=(7680, 4320), options={"quality": 95}, deadline_seconds=120),
    WEBP,
    image("alpha.webp", see_through, also={"corners": ON_WHITE}, options={"lossless": True}),
    HEIC,
    oriented("orientation-6.heic", 6, quality=95),
    image("profiled.heic", swap, options={"quality": 95, "icc_profile": swapped_profile()}),
    AVIF,
    image("plain.gif", lambda p: p.quantize(16)),
    image("plain.bmp"),
    image("plain.tiff"),
    image("lzw.tif", options={"compression": "tiff_lzw"}),
    image("lab.tif", in_lab),
    image("float.tif", lambda p: Image.fromarray(np.asarray(p.convert("L")).astype(np.float32) / 255),
          also={"corners": GREYS}),
    image("cmyk.tif", lambda p: p.convert("CMYK")),
    remade("colour-16bit.tif", PNG, "-pix_fmt", "rgb48le", "-update", "1"),
    moving("moving.gif", "P"),
    moving("moving.webp", lossless=True),
    moving("moving.png"),
    moving("moving.avif", quality=95),
)  # fmt: skip

BAD: tuple[File, ...] = (
    changed("cut.jpg", JPEG, cut(0.7), refused=INVALID, says="cut off"),
    changed("cut.webp", WEBP, cut(0.7), refused=INVALID, says="cut off"),
    changed("cut.avif", AVIF, cut(0.7), refused=INVALID, says="cut off"),
    changed("cut.heic", HEIC, cut(0.7), refused=INVALID, says="cut off"),
    changed("cut.png", PNG, cut(0.7), refused=INVALID, says="cut off"),
    changed("noise.png", PNG, noise(0.3, 0.9), refused=INVALID),
    written("bomb.png", bomb(60_000, 60_000), IMAGE, refused=INVALID, says="too large"),
    written("text.jpg", b"This is no photograph.\n" * 50, IMAGE, refused=INVALID, says="not an image"),
    written("empty.jpg", b"", IMAGE, refused=INVALID, says="empty"),
    video("film.jpg", "-f", "mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", file_type=IMAGE,
          refused="WrongFileType", says="a video"),
)  # fmt: skip

IMAGES = (*GOOD, *BAD)
