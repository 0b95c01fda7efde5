"""How a finished picture and its sound are written down: encoder arguments, containers, media types."""

from __future__ import annotations

from dataclasses import dataclass

from mediaops.media import Sound
from mediaops.operations.compress import Codec, Encoding
from mediaops.operations.quality import Scale
from mediaops.picture import Picture, PlanError


@dataclass(frozen=True)
class Container:
    """A file format that renditions come in."""

    extension: str
    media_type: str
    arguments: tuple[str, ...] = ()
    """FFmpeg's muxer arguments."""

    def written(self, *, faststart: bool) -> tuple[str, ...]:
        """Give the muxer's arguments, with the index first or not, where the format has one."""
        if faststart or self.arguments[:2] != FASTSTART:
            return self.arguments
        return self.arguments[2:]


FASTSTART = ("-movflags", "+faststart")
"""Write the index first: a player starts before it has the whole file."""
MP4 = Container("mp4", "video/mp4", (*FASTSTART, "-f", "mp4"))
WEBM = Container("webm", "video/webm", ("-f", "webm"))
M4A = Container("m4a", "audio/mp4", (*FASTSTART, "-f", "ipod"))
OGG = Container("ogg", "audio/ogg", ("-f", "ogg"))
MP3 = Container("mp3", "audio/mpeg", ("-f", "mp3"))
JPEG = Container("jpg", "image/jpeg")
WEBP = Container("webp", "image/webp")
AVIF = Container("avif", "image/avif")
PNG = Container("png", "image/png")
GIF = Container("gif", "image/gif")
ANIMATED = frozenset({WEBP, AVIF, PNG, GIF})
"""Containers of images that keep an animation."""

SOUND_KBPS = 128
"""Bit rate of a video's sound in kilobits per second: AAC-LC at 128 is what platforms ask for at least."""
UNASKED = Encoding(Codec.H264, crf=18, quick=True)
"""Where no compress operation asked: a crop or filter should cost neither visible quality nor much time."""
IMAGE_QUALITY = 82
"""Quality of an image, 1 to 100, unless asked otherwise."""

X264 = ("libx264", "-preset", "medium", "-profile:v", "high")
QUICK_X264 = ("libx264", "-preset", "veryfast", "-profile:v", "high")
"""What each costs in time and bytes stands in docs/decisions/0085."""


@dataclass(frozen=True)
class VideoCodec:
    """How one video format is encoded here."""

    container: Container
    arguments: tuple[str, ...]
    default_crf: int
    decoder: str
    """FFmpeg's name of what it gives, as a probe says it."""
    nvenc: str
    """FFmpeg's encoder on NVIDIA GPUs."""
    search: Scale
    """Its crf, as the search for a VMAF sees it."""
    max_crf: int
    sound_codec: str
    """FFmpeg's name of the sound's format that goes with it."""
    min_side: int = 2
    """Shortest side in pixels that the encoder takes."""


VIDEO_CODECS: dict[Codec, VideoCodec] = {
    Codec.H264: VideoCodec(
        MP4,
        X264,
        23,
        "h264",
        "h264_nvenc",
        Scale(24, 0.113, 8, 44, 0.1),
        51,
        "aac",
    ),
    Codec.H265: VideoCodec(
        MP4,
        ("libx265", "-preset", "medium", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
        28,
        "hevc",
        "hevc_nvenc",
        Scale(26, 0.11, 10, 45, 0.1),
        51,
        "aac",
        min_side=16,
    ),
    Codec.AV1: VideoCodec(
        MP4,
        ("libsvtav1", "-preset", "8"),
        35,
        "av1",
        "av1_nvenc",
        Scale(34, 0.06, 10, 60, 1),
        63,
        "aac",
        min_side=4,
    ),
    Codec.VP9: VideoCodec(
        WEBM,
        ("libvpx-vp9", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"),
        33,
        "vp9",
        "",
        Scale(33, 0.07, 8, 60, 1),
        63,
        "opus",
    ),
}
"""Apple's players open HEVC only under the tag hvc1."""

AUDIO_CODECS: dict[Codec, tuple[Container, str, int]] = {
    Codec.AAC: (M4A, "aac", 128),
    Codec.OPUS: (OGG, "libopus", 96),
    Codec.MP3: (MP3, "libmp3lame", 192),
}
"""Container, FFmpeg's encoder and default bit rate in kilobits per second."""

IMAGE_CONTAINERS: dict[Codec, Container] = {Codec.JPEG: JPEG, Codec.WEBP: WEBP, Codec.AVIF: AVIF}


def picture_arguments(encoding: Encoding, picture: Picture) -> tuple[str, ...]:
    """Give the encoder's arguments for a video's picture.

    Raises PlanError for a crf off the codec's scale, or a picture smaller than its encoder takes.
    """
    codec = VIDEO_CODECS[encoding.codec]
    if min(picture.width, picture.height) < codec.min_side:
        raise PlanError(
            f"the picture of {picture.width}x{picture.height} pixels is too small for {encoding.codec.value}, "
            f"which takes at least {codec.min_side}x{codec.min_side}"
        )
    if encoding.hardware:
        return _nvenc_arguments(encoding)
    arguments = ("-c:v", *(QUICK_X264 if encoding.quick else codec.arguments), "-pix_fmt", "yuv420p")
    if encoding.bitrate_kbps is not None:
        rate = encoding.bitrate_kbps
        if encoding.max_size_bytes is not None:  # what counts is the whole: no bound on any second of it
            return (*arguments, "-b:v", f"{rate}k")
        if encoding.codec is Codec.AV1:  # SVT-AV1 takes a maximum rate with constant quality only
            return (*arguments, "-b:v", f"{rate}k")
        return (*arguments, "-b:v", f"{rate}k", "-maxrate", f"{rate * 3 // 2}k", "-bufsize", f"{rate * 2}k")
    crf = codec.default_crf if encoding.crf is None else encoding.crf
    if crf > codec.max_crf:
        raise PlanError(f"{encoding.codec.value} takes a crf from 0 to {codec.max_crf}, not {crf:g}")
    free_rate = ("-b:v", "0") if encoding.codec is Codec.VP9 else ()  # else libvpx caps it at 200 kbit/s
    return (*arguments, "-crf", f"{crf:g}", *free_rate)


def _nvenc_arguments(encoding: Encoding) -> tuple[str, ...]:
    """Give the arguments of NVIDIA's encoders, whose scale of constant quality (cq) is about the crf's."""
    codec = VIDEO_CODECS[encoding.codec]
    tag = ("-tag:v", "hvc1") if encoding.codec is Codec.H265 else ()
    tuned = ("-preset", "p6", "-tune", "hq", "-spatial-aq", "1", "-rc-lookahead", "32", "-rc", "vbr")
    arguments = ("-c:v", codec.nvenc, *tuned, *tag, "-pix_fmt", "yuv420p")
    if encoding.bitrate_kbps is not None:
        return (*arguments, "-multipass", "fullres", "-b:v", f"{encoding.bitrate_kbps}k")
    crf = codec.default_crf if encoding.crf is None else encoding.crf
    if crf > codec.max_crf:
        raise PlanError(f"{encoding.codec.value} takes a crf from 0 to {codec.max_crf}, not {crf:g}")
    return (*arguments, "-cq", f"{max(1, min(crf, 51)):g}", "-b:v", "0")


def encoder_words(encoding: Encoding) -> str:
    """Say which encoder writes a video for which a GPU was asked."""
    codec = VIDEO_CODECS[encoding.codec]
    if encoding.hardware:
        return codec.nvenc
    return f"{codec.arguments[0]}: the GPU has no encoder for {encoding.codec.value}"


def pass_arguments(encoding: Encoding, number: int, statistics: str) -> tuple[str, ...]:
    """Give the arguments of the first or second pass; empty where the encoder has but one."""
    if encoding.hardware or encoding.codec is Codec.AV1:  # FFmpeg has no first pass for SVT-AV1
        return ()
    if encoding.codec is Codec.H265:
        return ("-x265-params", f"log-level=error:pass={number}:stats={statistics}")
    return ("-pass", str(number), "-passlogfile", statistics)


def copied(codec: Codec, sound: Sound, loudness: str | None) -> bool:
    """Say whether a video's sound can be copied, because it is right already."""
    wanted = VIDEO_CODECS[codec].sound_codec
    plain = sound.channels <= 2 and sound.sample_rate <= 48_000 and loudness is None
    return plain and sound.codec == wanted and (wanted != "aac" or sound.profile == "LC")


def sound_arguments(
    codec: Codec, sound: Sound, loudness: str | None, kbps: int | None = SOUND_KBPS
) -> tuple[str, ...]:
    """Give the arguments for a video's sound: copied where it is right already, encoded once otherwise.

    `loudness`: the filter that brings it to the loudness asked for. `kbps`: its rate; another one than usual is
    there to save room, so it is encoded in any case.
    """
    if kbps in {SOUND_KBPS, None} and copied(codec, sound, loudness):
        return ("-c:a", "copy")
    encoder = "aac" if VIDEO_CODECS[codec].sound_codec == "aac" else "libopus"
    return ("-c:a", encoder, "-b:a", f"{kbps or SOUND_KBPS}k", *_within_reach(sound, loudness))


def audio_arguments(encoding: Encoding, sound: Sound, loudness: str | None) -> tuple[str, ...]:
    """Give the encoder's arguments for a sound file; `loudness` as above."""
    _, encoder, default = AUDIO_CODECS[encoding.codec]
    # libopus writes nothing of a sound that is shorter than its frames.
    whole = ("-af", "apad=whole_dur=20ms") if encoding.codec is Codec.OPUS and loudness is None else ()
    within = _within_reach(sound, loudness)
    return ("-c:a", encoder, "-b:a", f"{encoding.bitrate_kbps or default}k", *whole, *within)


def in_stereo(sound: Sound) -> str:
    """Give the filter that leaves at most two channels, with its comma; nothing where there are no more."""
    return "aformat=channel_layouts=stereo," if sound.channels > 2 else ""


def _within_reach(sound: Sound, loudness: str | None) -> tuple[str, ...]:
    """Bring more than two channels down to stereo, and studio sample rates to 48 kHz, which all encoders take."""
    if loudness is not None:
        return ("-af", in_stereo(sound) + loudness)
    channels = ("-ac", "2") if sound.channels > 2 else ()
    return (*channels, "-ar", "48000") if sound.sample_rate > 48_000 else channels
