"""The full check of a file before anything is made of it, and its facts.

Everything that a header says is held against what is there: the data's size, each packet's time, the first
picture's decoding. What fails here is refused with a sentence; no operation sees it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mediaops.graph import DEMUXERS, MAX_PIXELS
from mediaops.media import Media, Sound
from mediaops.models.base import FileType
from mediaops.reasons import Reason
from mediaops_ops import images
from mediaops_ops.containers import promised_bytes
from mediaops_ops.outcome import StepError

log = logging.getLogger(__name__)

ATTACHED_PICTURE = 1024
"""AV_DISPOSITION_ATTACHED_PIC: a cover, not a film."""
HDR_TRANSFERS = frozenset({16, 18})
"""PQ (SMPTE ST 2084) and HLG (ARIB STD-B67) in ITU-T H.273."""
MAX_SIDE = 16_384
MAX_DURATION_SECONDS = 48 * 3600
WITH_LENGTH = frozenset({"mov", "matroska", "avi", "flv", "asf", "wav", "flac", "ogg", "caf", "aiff", "w64"})
"""Containers whose header says how long they last; of others FFmpeg only guesses, and a guess proves nothing."""
WITHOUT_INDEX = frozenset({"mpegts", "mpeg", "mpegvideo"})
"""Containers in which FFmpeg seeks by position: it may come out behind the last key picture, and show none."""
MAX_LOST_SHARE = Fraction(1, 20)
MAX_LOST_SECONDS = 1.0
"""A file is cut off if more than both of what its header promises isn't there."""

VIDEO_TYPES = {
    "mov": ("mp4", "video/mp4"),
    "matroska": ("mkv", "video/x-matroska"),
    "avi": ("avi", "video/x-msvideo"),
    "mpegts": ("ts", "video/mp2t"),
    "mpeg": ("mpg", "video/mpeg"),
    "mpegvideo": ("mpg", "video/mpeg"),
    "flv": ("flv", "video/x-flv"),
    "asf": ("wmv", "video/x-ms-wmv"),
    "ogg": ("ogv", "video/ogg"),
    "gif": ("gif", "image/gif"),
    "apng": ("png", "image/apng"),
}
AUDIO_TYPES = {
    "mov": ("m4a", "audio/mp4"),
    "matroska": ("mka", "audio/x-matroska"),
    "asf": ("wma", "audio/x-ms-wma"),
    "ogg": ("ogg", "audio/ogg"),
    "wav": ("wav", "audio/wav"),
    "mp3": ("mp3", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "aac": ("aac", "audio/aac"),
    "aiff": ("aiff", "audio/aiff"),
}
IMAGE_BRANDS = frozenset(b"ftyp" + brand for brand in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"))
"""What ISO media files begin with that hold images, which FFmpeg takes for films."""
WEBM_CODECS = frozenset({"vp8", "vp9", "av1", "opus", "vorbis"})


@dataclass
class Span:
    """What was found of one stream by reading all its packets, half a million in an hour: times in ticks."""

    tick: Fraction
    """In seconds."""
    first_tick: int | None = None
    last_tick: int = 0
    end_tick: int = 0
    shortest_ticks: int = 0
    packets: int = 0
    timed: bool = True
    """Every packet said when it begins."""
    size_bytes: int = 0

    def add(self, begin: int | None, duration: int, size_bytes: int) -> None:
        """Take a packet in; one that doesn't say when it begins follows on the one before."""
        if begin is None:
            self.timed, begin = False, self.end_tick
        self.first_tick = begin if self.first_tick is None else min(self.first_tick, begin)
        self.last_tick = max(self.last_tick, begin)
        self.end_tick = max(self.end_tick, begin + duration)
        self.shortest_ticks = min(self.shortest_ticks or duration, duration)
        self.packets += 1
        self.size_bytes += size_bytes

    @property
    def first(self) -> Fraction | None:
        """Give when the first packet begins, in seconds; None: there is none."""
        return None if self.first_tick is None else self.first_tick * self.tick

    @property
    def last(self) -> Fraction:
        """Give when the last packet begins, in seconds."""
        return self.last_tick * self.tick

    @property
    def end(self) -> Fraction:
        """Give when the last packet ends, in seconds."""
        return self.end_tick * self.tick

    @property
    def shortest(self) -> Fraction:
        """Give for how long the shortest packet is shown, in seconds."""
        return self.shortest_ticks * self.tick


def check(path: Path, file_type: FileType) -> Media:
    """Give the facts of a file of that type; raises StepError InvalidMedia or WrongFileType otherwise."""
    if path.stat().st_size == 0:
        raise _invalid("The file is empty (zero bytes).")
    _refuse_cut_off(path)
    if file_type is FileType.IMAGE:
        if images.recognised(path) is None and (found := _film_or_sound(path)) is not None:
            raise _wrong_type(found, file_type)
        return images.facts(path)
    return _streams(path, file_type)


def kind(path: Path) -> FileType:
    """Say what a file is, where nobody said so before; `check` holds it to that. Raises StepError InvalidMedia."""
    import av

    if path.stat().st_size == 0:
        raise _invalid("The file is empty (zero bytes).")
    if images.recognised(path) is not None:
        return FileType.IMAGE
    try:
        with opened(path) as container:
            return FileType.VIDEO if _pictures(container) else FileType.AUDIO
    except (av.error.FFmpegError, UnicodeError, ValueError) as error:
        raise _unreadable(path) from error


def _film_or_sound(path: Path) -> str | None:
    """Say what a file is that is no image; None where it is none of these either, or a damaged AVIF or HEIC."""
    with path.open("rb") as file:
        if file.read(12)[4:] in IMAGE_BRANDS:
            return None
    try:
        return {FileType.VIDEO: "video", FileType.AUDIO: "audio file"}.get(kind(path))
    except StepError:
        return None


def _invalid(message: str) -> StepError:
    return StepError(Reason.INVALID_MEDIA, message, permanent=True)


def _refuse_cut_off(path: Path) -> None:
    """Hold the size that the container's header promises against the file's."""
    promised, size = promised_bytes(path), path.stat().st_size
    # RIFF chunks are padded to even sizes; some writers count the padding byte and don't write it.
    if promised is not None and promised > size + 1:
        raise _invalid(
            f"The file is cut off: it holds {size} bytes, and its header says that it has {promised}."
        )


def _streams(path: Path, file_type: FileType) -> Media:
    """Open the file as FFmpeg does, with no playlist and no network among the formats."""
    import av

    try:
        with opened(path) as container:
            return _facts(container, path, file_type)
    except (av.error.FFmpegError, UnicodeError, ValueError) as error:
        image = images.recognised(path)
        raise (_wrong_type(f"{image} image", file_type) if image else _unreadable(path)) from error


def opened(path: Path) -> Any:
    """Open a file as FFmpeg does, with no playlist and no network among the formats; raises av's errors."""
    import av

    options = {"protocol_whitelist": "file,pipe", "format_whitelist": DEMUXERS}
    return av.open(str(path), options=options, metadata_errors="replace")


def _pictures(container: Any) -> list[Any]:
    """Give the video streams that are films and not covers, and that there is a decoder for."""
    return [
        stream
        for stream in container.streams.video
        if not stream.disposition & ATTACHED_PICTURE and stream.codec_context is not None
    ]


def _unreadable(path: Path) -> StepError:
    """Say why nothing could be found in a file."""
    head = path.read_bytes()[:65_536] if path.stat().st_size < 2**20 else b""
    if head and _is_text(head):
        return _invalid("The file is text, not a media file, whatever its name says.")
    with path.open("rb") as file:
        iso = file.read(12)[4:8] == b"ftyp"
    if iso:
        return _invalid(
            "The file is cut off or damaged: its index (the moov box) is missing or can't be read."
        )
    return _invalid("The file is not a media file, or it is damaged: no stream could be found in it.")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n" for character in text)


def _wrong_type(found: str, file_type: FileType) -> StepError:
    article = "an" if found[0] in "aeiouAEIOU" else "a"
    message = f"The file is {article} {found}, but fileType says {file_type.value}."
    return StepError(Reason.WRONG_FILE_TYPE, message, permanent=True)


def _facts(container: Any, path: Path, file_type: FileType) -> Media:
    """Read every packet, decode the first picture, and put the facts together."""
    pictures = _pictures(container)
    sounds = [s for s in container.streams.audio if s.codec_context is not None]
    if file_type is FileType.VIDEO and not pictures:
        raise _wrong_type("audio file", file_type) if sounds else _invalid("The file has no video stream.")
    if file_type is FileType.AUDIO and not sounds:
        raise (
            _wrong_type("video without sound", file_type) if pictures else _invalid("The file has no sound.")
        )
    picture = pictures[0] if pictures and file_type is FileType.VIDEO else None
    sound = sounds[0] if sounds else None
    if picture is not None:
        _refuse_absurd(picture.codec_context.width, picture.codec_context.height)
    frame = _first_frame(path, picture.index) if picture is not None else None
    spans = _spans(container)
    start, length = _refuse_stump(container, spans)
    name = container.format.name.split(",")[0]
    extension, media_type = _type_of(container, name, file_type)
    facts: dict[str, Any] = {
        "file_type": file_type,
        "format": name,
        "media_type": media_type,
        "extension": extension,
        "size_bytes": path.stat().st_size,
        "duration_millis": round(length * 1000),
        "sound": _sound(sound, spans[sound.index])
        if sound is not None and spans[sound.index].packets
        else None,
    }
    if file_type is FileType.AUDIO and facts["sound"] is None:
        raise _invalid("The file's sound stream is empty.")
    if picture is not None:
        facts |= _picture(picture, name, frame, spans[picture.index], start)
    return Media.model_validate(facts)


def _refuse_absurd(width: int, height: int) -> None:
    if width <= 0 or height <= 0:
        raise _invalid("The file's picture has no size: it is damaged, or nothing could be decoded.")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise _invalid(
            f"The picture of {width}x{height} pixels is too large; at most {MAX_PIXELS} are decoded."
        )


def _first_frame(path: Path, index: int) -> Any:
    """Decode one picture: a file of which not even that works is no video."""
    import av

    with opened(path) as container:  # apart from the other reading: not every container can be rewound
        stream = container.streams[index]
        stream.thread_type = "SLICE"  # frame threads would decode many pictures ahead for this one
        try:
            for frame in container.decode(stream):
                _refuse_absurd(frame.width, frame.height)
                return frame
        except av.error.FFmpegError as error:
            log.info("the first picture can't be decoded", extra={"error": type(error).__name__})
    raise _invalid("The file is damaged: not one picture of it can be decoded.")


def _spans(container: Any) -> dict[int, Span]:
    """Read all packets, which costs little more than reading the file, and give each stream's span."""
    import av

    spans = {stream.index: Span(stream.time_base or Fraction(1)) for stream in container.streams}
    try:
        for packet in container.demux():
            if not packet.size or packet.is_discard:
                continue
            # A bare stream of H.264 or HEVC has no times: its pictures follow one another.
            begin = packet.pts if packet.pts is not None else packet.dts
            spans[packet.stream_index].add(begin, packet.duration or 0, packet.size)
    except av.error.FFmpegError as error:
        # A damaged end: what could be read is judged by its span.
        log.info("reading packets ended early", extra={"error": type(error).__name__})
    return spans


def _refuse_stump(container: Any, spans: dict[int, Span]) -> tuple[Fraction, Fraction]:
    """Hold the header's length against the packets' span; give where the file begins and its length, in seconds."""
    timed = {s.index for s in container.streams if s.type in {"video", "audio"}}
    there = [span for index, span in spans.items() if index in timed and span.first is not None]
    if not there:
        raise _invalid("The file holds no picture and no sound: it is cut off after its header, or empty.")
    start = min(_starts(there))
    length = max(span.end for span in there) - start
    if length > MAX_DURATION_SECONDS:
        raise _invalid(f"The file says that it lasts {float(length) / 3600:.0f} hours; at most 48 are taken.")
    if container.format.name.split(",")[0] not in WITH_LENGTH or not container.duration:
        return start, length
    promised = Fraction(container.duration, 1_000_000)
    everything = max(span.end for span in spans.values()) - start  # subtitles may outlast picture and sound
    lost = promised - everything
    if lost > MAX_LOST_SECONDS and lost > promised * MAX_LOST_SHARE:
        raise _invalid(
            f"The file is cut off: it holds {float(everything):.1f} of the {float(promised):.1f} seconds "
            "that its header promises."
        )
    # ISO media gives durations in order of decoding, so the last picture's can come out as another one's. Where
    # pictures come at a variable rate, their sum, which FFmpeg takes for the length, may not even reach that picture.
    if promised <= max(span.last for span in there) - start:
        return start, max(span.last + span.shortest for span in there) - start
    return start, promised if abs(promised - length) < MAX_LOST_SECONDS else length


def _starts(spans: Iterable[Span]) -> list[Fraction]:
    return [span.first for span in spans if span.first is not None]


def _sound(stream: Any, span: Span) -> Sound:
    context = stream.codec_context
    return Sound(
        stream=stream.index,
        codec=context.name,
        profile=context.profile,
        channels=max(1, context.channels),
        sample_rate=max(1, context.sample_rate),
        size_bytes=span.size_bytes,
    )


def _picture(stream: Any, name: str, frame: Any, span: Span, start: Fraction) -> dict[str, Any]:
    """Give the facts of the upright picture with square pixels."""
    context = stream.codec_context
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
    width, height = frame.width, frame.height
    if aspect > 1:
        width = round(width * aspect)
    elif 0 < aspect < 1:
        height = round(height / aspect)
    if round(frame.rotation / 90) % 2:
        width, height = height, width
    _refuse_absurd(width, height)
    rate = stream.average_rate or stream.guessed_rate
    length = span.end - (span.first or 0)
    if name in WITHOUT_INDEX and span.first is not None:
        # Of these FFmpeg counts the time from the first picture where it doesn't read the sound before it.
        start = max(start, span.first)
    if not rate and length > 0:
        rate = Fraction(span.packets) / length
    return {
        "width": width,
        "height": height,
        "square_pixels": aspect in {0, 1},
        "frame_rate": min(float(rate), 1000.0) if rate else None,
        "last_frame_millis": int((span.last - start) * 1000),
        "picture_codec": context.name,
        "picture_bytes": span.size_bytes,
        "pixel_format": frame.format.name,
        "turned": bool(frame.rotation),
        "picture_stream": stream.index,
        "seekable": span.timed and name not in WITHOUT_INDEX,
        "interlaced": bool(frame.interlaced_frame),
        "hdr": frame.color_trc in HDR_TRANSFERS,
    }


def _type_of(container: Any, name: str, file_type: FileType) -> tuple[str, str]:
    """Give extension and media type by what the container is, whatever the file was called."""
    video = file_type is FileType.VIDEO
    streams = (*container.streams.video, *container.streams.audio)
    codecs = {s.codec_context.name if s.codec_context else "unknown" for s in streams}
    if name == "matroska" and codecs <= WEBM_CODECS:
        return "webm", f"{file_type.value}/webm"
    brand = container.metadata.get("major_brand", "")
    if name == "mov" and video and brand.startswith("qt"):
        return "mov", "video/quicktime"
    return (VIDEO_TYPES if video else AUDIO_TYPES).get(name, ("bin", f"{file_type.value}/x-{name}"))
