"""Images: Pillow opens them upright in sRGB for the graph, and writes what the graph made of them.

Pillow knows EXIF's orientation and colour profiles, and its encoders share one scale of quality; FFmpeg's
graph in between is the one that videos get.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mediaops.encoding import AVIF, GIF, JPEG, PNG, WEBP, Container
from mediaops.graph import MAX_PIXELS, ImageFile
from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.reasons import Reason
from mediaops_ops.outcome import StepError

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

READ = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
"""Formats that are read. Not EPS and its like, which run programs."""
WITHOUT_HEIF = tuple(name for name in READ if name != "HEIF")
"""Those that Pillow knows by itself; HEIF's module is loaded only for a file that may be one."""
FORMATS = {"MPO": "jpeg", "HEIF": "heic"}
"""Formats under the name of what everyone takes them for: many phones' JPEGs hold a second picture."""
ANIMATED = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
"""Formats whose further pictures follow the first in time; those of others are pages or variants."""
MAX_ANIMATED_PIXELS = 16 * MAX_PIXELS
"""Of all pictures of an animation together."""
MAX_PICTURES = 10_000
UNTIMED_MILLIS = 100
"""How long browsers show a picture that says nothing of it."""
EXTENSIONS = {"jpeg": "jpg"}
WRITERS: dict[Container, str] = {JPEG: "JPEG", WEBP: "WEBP", AVIF: "AVIF", PNG: "PNG", GIF: "GIF"}
LEAST_QUALITY = 10
"""Below this an image is not worth keeping."""
ORIENTATION = 0x0112
"""EXIF's tag; 5 to 8 are turned by a quarter."""


def _invalid(message: str) -> StepError:
    return StepError(Reason.INVALID_MEDIA, message, permanent=True)


@contextmanager
def _reading() -> Iterator[None]:
    """Whatever a decoder stumbles over is the file's fault: each library has errors of its own for it."""
    try:
        yield
    except StepError:
        raise
    except Exception as error:
        log.info("an image can't be read", extra={"error": type(error).__name__, "why": str(error)[:200]})
        cut = "truncated" in str(error).lower()
        problem = "is cut off: its end is missing" if cut else "is damaged and can't be decoded"
        raise _invalid(f"The image {problem}.") from error


def recognised(path: Path) -> str | None:
    """Name the image format that the file's first bytes are of, if any."""
    try:
        with _header(path) as image:
            return image.format
    except (OSError, ValueError, SyntaxError, RuntimeError):  # the last is libavif's, by way of Pillow
        return None


def _header(path: Path) -> Image:
    """Open an image without decoding it; what it says of its size is for the caller to judge."""
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = None  # our own limit comes first
    with path.open("rb") as file:
        iso_media = file.read(8)[4:] == b"ftyp"
    if iso_media and "HEIF" not in PIL.Image.ID:
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return PIL.Image.open(path, formats=READ if iso_media else WITHOUT_HEIF)


def facts(path: Path) -> Media:
    """Decode the whole image and give its facts; raises StepError InvalidMedia."""
    with _reading(), _opened(path) as image:
        width, height = image.size
        turned = image.getexif().get(ORIENTATION, 1) in {5, 6, 7, 8}
        pictures = _pictures(image)
        if turned:
            width, height = height, width
        name = image.format or ""
        form = FORMATS.get(name, name.lower())
        return Media(
            file_type=FileType.IMAGE,
            format=form,
            media_type=f"image/{form}",
            extension=EXTENSIONS.get(form, form),
            size_bytes=path.stat().st_size,
            width=width,
            height=height,
            pictures=pictures,
        )


def _pictures(image: Image) -> int:
    """Decode every picture of an animation, one after the other, and count them; raises StepError InvalidMedia."""
    count: int = getattr(image, "n_frames", 1) if image.format in ANIMATED else 1
    width, height = image.size
    if count > MAX_PICTURES or count * width * height > MAX_ANIMATED_PIXELS:
        raise _invalid(
            f"The animation of {count} pictures of {width}x{height} pixels is too large; give it as fileType video."
        )
    for index in range(1, count):
        try:
            image.seek(index)
        except EOFError as error:
            raise _invalid(
                f"The image is cut off: {count} pictures are promised, {index} are there."
            ) from error
        image.load()
    return count


def _opened(path: Path) -> Image:
    """Open and decode an image of bounded size, within `_reading`."""
    try:
        image = _header(path)
    except (OSError, ValueError, SyntaxError) as error:
        names = ", ".join(READ)
        raise _invalid(f"The file is not an image that can be read ({names}), or it is damaged.") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _invalid(
            f"The picture of {width}x{height} pixels is too large; at most {MAX_PIXELS} are decoded."
        )
    image.load()
    return image


def write_upright(path: Path, target: Path, pictures: int) -> None:
    """Write the image as a PNG for the graph: upright, in sRGB, on white where it is transparent.

    Those of an animation follow one another in the file, which FFmpeg reads as a film.
    """
    with _reading(), _opened(path) as image, target.open("wb") as file:
        for index in range(pictures):
            image.seek(index)
            _upright(image).save(file, "PNG", compress_level=1, icc_profile=None)


def _upright(image: Image) -> Image:
    import PIL.Image
    from PIL import ImageOps

    upright = _in_srgb(_in_eight_bits(ImageOps.exif_transpose(image)))
    if upright.mode in {"RGBA", "LA", "PA", "P"} or "transparency" in upright.info:
        layered = upright.convert("RGBA")
        ground = PIL.Image.new("RGBA", layered.size, "white")
        upright = PIL.Image.alpha_composite(ground, layered)
    return upright.convert("RGB")


def write_logo(path: Path, target: Path, box: tuple[int, int], opacity: float) -> None:
    """Write a logo as a PNG, fitted into a box (pixels) and as opaque as wanted (0 to 1).

    It is scaled with its colours weighted by opacity, so that what is transparent leaves no rim.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    with _reading(), _opened(path) as image:
        upright = _in_srgb(_in_eight_bits(ImageOps.exif_transpose(image)))
        scale = min(box[0] / upright.width, box[1] / upright.height)
        size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
        weighted = upright.convert("RGBA").convert("RGBa")
        fitted = weighted.resize(size, Resampling.LANCZOS).convert("RGBA")
        fitted.putalpha(fitted.getchannel("A").point(lambda value: round(value * opacity)))
        fitted.save(target, "PNG")


def _in_eight_bits(image: Image) -> Image:
    """Bring deep greys down: Pillow itself would cut them off at 255. Those of floating point go from 0 to 1."""
    if image.mode == "F":
        return image.point(lambda value: value * 255).convert("L")
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _in_srgb(image: Image) -> Image:
    """Bring an image with a colour profile of its own into sRGB, which is what the web takes it for.

    Its transparency stays as it is. L*a*b* needs no profile of the file's own: it is one.
    """
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if image.mode != "LAB" and not profile:
        return image
    if image.mode in {"P", "PA"}:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = image.getchannel("A") if "A" in image.getbands() and image.mode != "LAB" else None
    opaque = image if alpha is None else image.convert(image.mode.removesuffix("A"))
    try:
        source = (
            ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if profile and image.mode != "LAB"
            else ImageCms.createProfile("LAB")
        )
        converted = ImageCms.profileToProfile(
            opaque, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile is as good as none
    if converted is None:
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def write(graph_file: Path, target: Path, image_file: ImageFile, source: Path) -> None:
    """Write what the graph made in the form that was asked for; an animation's pictures last as in the source.

    Raises StepError where it gets larger than it may be.
    """
    import PIL.Image

    options: dict[str, object] = {}
    if image_file.container is JPEG:
        options |= {"optimize": True, "progressive": True}
    with PIL.Image.open(graph_file, formats=("PNG",)) as image:
        if image_file.moving:
            durations, loop = _timing(source)
            options |= {"save_all": True, "duration": durations, "loop": loop}

        def save(quality: int) -> bool:
            """Write it in a quality; say whether it is small enough."""
            if image_file.container not in {PNG, GIF}:
                options["quality"] = quality
            image.save(target, WRITERS[image_file.container], **options)
            return image_file.max_bytes is None or target.stat().st_size <= image_file.max_bytes

        if not save(image_file.quality) and not save(_largest(image_file.quality - 1, save)):
            message = (
                f"It has more than {image_file.max_bytes} bytes even at quality {LEAST_QUALITY}: "
                "allow more, or lower height."
            )
            raise StepError(Reason.INVALID_PARAMETERS, message, permanent=True)


def _largest(high: int, fits: Callable[[int], bool]) -> int:
    """Give the highest quality up to a bound that fits, or the lowest one there is."""
    low = LEAST_QUALITY
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _timing(path: Path) -> tuple[list[int], int]:
    """Give how long each picture of an animation lasts, in milliseconds, and how often it is shown; 0: for ever."""
    durations = []
    with _reading(), _opened(path) as image:
        loop = int(image.info.get("loop", 0))
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()  # WebP and AVIF tell it only then
            durations.append(round(image.info.get("duration", 0)) or UNTIMED_MILLIS)
    return durations, loop
