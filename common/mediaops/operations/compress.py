"""Compression: parameters and pure plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from mediaops.models.base import FileType, rules
from mediaops.operations.base import Makes, Operation, Parameters
from mediaops.operations.loudness import Loudness
from mediaops.picture import Change, Picture, Thinning, scaled_to_height


class Codec(StrEnum):
    """The coding formats on offer, by file type."""

    H264 = "h264"
    H265 = "h265"
    AV1 = "av1"
    VP9 = "vp9"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    AAC = "aac"
    OPUS = "opus"
    MP3 = "mp3"


CODECS: dict[FileType, tuple[Codec, ...]] = {
    FileType.VIDEO: (Codec.H264, Codec.H265, Codec.AV1, Codec.VP9),
    FileType.IMAGE: (Codec.JPEG, Codec.WEBP, Codec.AVIF),
    FileType.AUDIO: (Codec.AAC, Codec.OPUS, Codec.MP3),
}
"""The codecs each file type can have; the first is its default."""


AIMS = ("crf", "bitrate_kbps", "target_vmaf", "max_size_bytes")
"""What decides about quality and size, one at most."""


class CompressParameters(Parameters):
    """Encode for delivery: H.264 in MP4 with its index first unless said otherwise."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "[has(self.crf), has(self.bitrateKbps), has(self.targetVmaf), has(self.maxSizeBytes)]"
                ".filter(x, x).size() <= 1",
                "give at most one of crf, bitrateKbps, targetVmaf and maxSizeBytes",
            ),
        )
    )

    codec: Codec | None = None
    """Coding format. Video: h264 (default), h265, av1, vp9. Image: jpeg (default), webp, avif. Audio: aac
    (default), opus, mp3."""
    height: Annotated[int, Field(ge=16, le=8192)] | None = None
    """Scale down to this height in pixels (never up), keeping the shape."""
    fps: Annotated[int, Field(ge=1, le=120)] | None = None
    """Lower the frame rate to this many frames per second (never raise it)."""
    crf: Annotated[int, Field(ge=0, le=63)] | None = None
    """Constant quality of the codec: lower is better and larger. Default: what suits the codec (h264: 23)."""
    bitrate_kbps: Annotated[int, Field(ge=8, le=400_000)] | None = None
    """Average bit rate in kilobits per second, of the picture (video) or the sound (audio)."""
    target_vmaf: Annotated[int, Field(ge=40, le=99)] | None = None
    """Find the crf at which the picture comes to this VMAF, measured on samples of it (video)."""
    max_size_bytes: Annotated[int, Field(ge=1000, le=1 << 40)] | None = None
    """Make the whole file, sound included, as good as fits into so many bytes (video: in two passes)."""
    faststart: bool | None = None
    """Put the index first, so that players start before they have the whole file (MP4, M4A). Default: true."""
    quality: Annotated[int, Field(ge=1, le=100)] | None = None
    """Quality of an image, 1 to 100. Default: 82."""
    loudness: Loudness | None = None
    """Bring the sound to a loudness (EBU R128); `{}` means -14 LUFS. Default: as it is."""

    @property
    def aims(self) -> list[str]:
        """Name what is set of the parameters of which one at most may be."""
        return [name for name in AIMS if getattr(self, name) is not None]

    def resolved(self, file_type: FileType) -> CompressParameters:
        """Fill in the file type's default codec."""
        return self if self.codec else self.model_copy(update={"codec": CODECS[file_type][0]})


KEPT = "The source's picture is what was asked for, and smaller than an encode of it: it was copied."


@dataclass(frozen=True)
class Encoding:
    """How the last compress operation on a chain wants the result written down."""

    codec: Codec
    crf: float | None = None
    """Constant quality on the codec's scale; None: its default."""
    bitrate_kbps: int | None = None
    """Kilobits per second instead of constant quality."""
    target_vmaf: int | None = None
    """The VMAF whose crf is to be found first."""
    max_size_bytes: int | None = None
    """What the whole file may have."""
    quick: bool = False
    """H.264 in less than half the time, for up to a quarter more bytes at the same quality."""
    hardware: bool = False
    """The GPU's encoder writes it."""
    faststart: bool = True
    """The index stands before the media."""
    quality: int | None = None
    """1 to 100, images only."""
    loudness: Loudness | None = None
    """The loudness that its sound gets."""


def plan(parameters: CompressParameters, picture: Picture) -> Change:
    """Give what compressing does to the picture itself: fewer pixels, fewer pictures per second, never more."""
    change = Change(picture)
    if parameters.height is not None and parameters.height < picture.height:
        change = scaled_to_height(picture, parameters.height)
    rate = picture.frame_rate
    if rate is None or parameters.fps is None or parameters.fps >= rate:
        return change
    lowered = Picture(change.picture.width, change.picture.height, float(parameters.fps))
    return Change(lowered, (Thinning(f"fps={parameters.fps}"), *change.filters))


def lasting(parameters: CompressParameters, duration_millis: int) -> CompressParameters:
    """Leave its rate to a film that is shorter than one picture at the lower one: else none would be left."""
    if parameters.fps is not None and parameters.fps * duration_millis < 1000:
        return parameters.model_copy(update={"fps": None})
    return parameters


def encoding(parameters: CompressParameters) -> Encoding:
    """Give how the result is written down; `parameters` are resolved, so the codec is set."""
    if parameters.codec is None:
        raise ValueError("compress parameters must be resolved first")
    return Encoding(
        codec=parameters.codec,
        crf=parameters.crf,
        bitrate_kbps=parameters.bitrate_kbps,
        target_vmaf=parameters.target_vmaf,
        max_size_bytes=parameters.max_size_bytes,
        faststart=parameters.faststart is not False,
        quality=parameters.quality,
        loudness=parameters.loudness,
    )


OPERATION = Operation(
    name="compress",
    parameters=CompressParameters,
    takes=frozenset(FileType),
    makes=Makes.RENDITION,
    version="2",
    work=6.0,
    plan=plan,
)
