"""X's rules, pure: how long a text counts, what media it takes, which file is a playable one.

Sources: docs.x.com (counting characters, media best practices), twitter-text's published v3 configuration.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

MAX_WEIGHTED_LENGTH = 280
URL_LENGTH = 23
MAX_SEGMENT_INDEX = 999
MAX_SEGMENT_BYTES = 5 * 1024 * 1024
"""The largest part that was seen to be taken lies under 5 MB; at 5 MB X has answered 413."""

_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points that weigh one; all others weigh two."""

_URL = re.compile(
    r"https?://[^\s<>\"']+|(?<![@\w.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|app|co|gov|edu|info)\b(?:/\S*)?",
    re.IGNORECASE,
)
_PICTOGRAPH = (
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299]"
)
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"  # a flag
    "|[0-9#*]\ufe0f?\u20e3"  # a keycap
    f"|{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]*)*"
)


def weighted_length(text: str) -> int:
    """The length X counts: NFC, a URL is 23, an emoji (however many code points) 2, CJK and the like 2."""
    text = unicodedata.normalize("NFC", text)
    urls = len(_URL.findall(text))
    text = _URL.sub("", text)
    emoji = len(_EMOJI.findall(text))
    text = _EMOJI.sub("", text)
    rest = sum(1 if any(a <= ord(c) <= b for a, b in _LIGHT) else 2 for c in text)
    return urls * URL_LENGTH + emoji * 2 + rest


@dataclass(frozen=True)
class Category:
    """A media category: the types it takes, its largest size in bytes, its media keys' prefix."""

    types: frozenset[str]
    max_bytes: int
    prefix: str
    processed: bool


CATEGORIES = {
    "tweet_video": Category(
        frozenset({"video/mp4", "video/quicktime"}), 8 * 1024**3, prefix="7", processed=True
    ),
    "tweet_gif": Category(frozenset({"image/gif"}), 15 * 1024**2, prefix="16", processed=True),
    "tweet_image": Category(
        frozenset({"image/jpeg", "image/png", "image/webp"}), 5 * 1024**2, prefix="3", processed=False
    ),
}

_MAGIC = {
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/webp": (8, b"WEBP"),
    "image/gif": (0, b"GIF8"),
}


def media_fault(path: Path, media_type: str) -> str | None:
    """Why X refuses the assembled file, or None if it takes it."""
    if media_type in _MAGIC:
        offset, magic = _MAGIC[media_type]
        with path.open("rb") as file:
            head = file.read(16)
        return None if head[offset : offset + len(magic)] == magic else "file is not of its media type"
    return _video_fault(path)


def _video_fault(path: Path) -> str | None:
    import av  # noqa: PLC0415 (slow to import, and only uploads of videos need it)

    with path.open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            return "file is invalid: no ftyp box"
    try:
        with av.open(str(path), format="mp4") as container:
            if not container.streams.video:
                return "file has no video"
            video = container.streams.video[0]
            seconds = float(Fraction(container.duration or 0, 1_000_000))
            codec, width, height = video.codec_context.name, video.width, video.height
            rate = float(video.average_rate or 0)
            pixels = video.codec_context.pix_fmt
            sound = [stream.codec_context.name for stream in container.streams.audio]
            next(container.decode(video))
    except (av.error.FFmpegError, StopIteration, OSError) as error:
        return f"file is invalid: {type(error).__name__}"
    faults = {
        f"codec {codec}": codec != "h264",
        f"audio codec {sound}": any(name != "aac" for name in sound),
        f"duration of {seconds:.2f} s": not 0.5 <= seconds <= 20 * 60,
        f"frame rate of {rate:.1f}": rate > 60.5,
        f"pixel format {pixels}": pixels not in {"yuv420p", "yuvj420p"},
        f"aspect of {width}:{height}": not Fraction(1, 3) <= Fraction(width, height) <= 3,
    }
    return next((f"not supported: {what}" for what, wrong in faults.items() if wrong), None)
