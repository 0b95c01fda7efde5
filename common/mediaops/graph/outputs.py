"""Each kind of file that a pass makes: its encoder's arguments and the last filters on its way. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mediaops.encoding import (
    ANIMATED,
    AUDIO_CODECS,
    GIF,
    IMAGE_CONTAINERS,
    IMAGE_QUALITY,
    JPEG,
    PNG,
    SOUND_KBPS,
    VIDEO_CODECS,
    WEBP,
    Container,
    audio_arguments,
    pass_arguments,
    picture_arguments,
    sound_arguments,
)
from mediaops.graph.commands import STATISTICS, ImageFile, Output
from mediaops.graph.wiring import Hanging, Node
from mediaops.media import Media, Sound
from mediaops.models.base import SOURCE
from mediaops.models.work import PREVIEW
from mediaops.operations.compress import Codec, Encoding
from mediaops.operations.preview import PreviewFormat
from mediaops.picture import Change, Picture, PlanError, scaled_to_height, scaled_to_width

ONE_PICTURE = ("-frames:v", "1", "-f", "image2", "-update", "1", "-atomic_writing", "1")
"""One picture, there under its name only once it is whole: so it can be stored while the encode runs on."""

STILLS: dict[Container, tuple[tuple[str, ...], str]] = {
    JPEG: (("-c:v", "mjpeg", "-q:v", "3", *ONE_PICTURE), "yuvj420p"),
    WEBP: (("-c:v", "libwebp", "-quality", str(IMAGE_QUALITY), *ONE_PICTURE), "yuv420p"),
    PNG: (("-c:v", "png", *ONE_PICTURE), "rgb24"),
}
"""FFmpeg's arguments for a still, and the pixel format to bring it to."""

MOVING = ("-c:v", "apng", "-f", "apng", "-plays", "0", "-fps_mode", "passthrough")
"""FFmpeg's arguments for all pictures of an animation, without loss."""

KEPT = {"jpeg": JPEG, "png": PNG, "webp": WEBP, "avif": IMAGE_CONTAINERS[Codec.AVIF], "gif": PNG}
"""How an image is written that is cropped or filtered and not compressed, by its own format; others: JPEG."""

DELIVERED = "scale=out_range=limited,format=yuv420p,setsar=1"
"""What every video comes to before it is encoded: all players open 4:2:0 of 8 bits."""
LOSSLESS = Container("nut", "video/x-nut", ("-f", "nut"))
WAV = Container("wav", "audio/wav", ("-f", "wav"))
LISTENING = ("-af", "aresample=16000:async=1:first_pts=0", "-ac", "1")
"""What engines listen to: 16 kHz mono, with silence where the sound starts late or has gaps."""
ENGINES_KBPS = 32
"""Bit rate of the sound for an engine outside: an hour is 14 MB, below what they take, and speech stays clear."""


def mapped(sound: Sound) -> tuple[str, ...]:
    """Give the arguments that put a sound stream into an output."""
    return ("-map", f"0:{sound.stream}")


# The time base of the graph, not one tick per frame: pictures of variable rate keep their times.
TIMING = ("-fps_mode", "vfr", "-enc_time_base", "filter")


def video(
    node: Node, encoding: Encoding, media: Media, loudness: str | None, sound_kbps: int | None = SOUND_KBPS
) -> Hanging:
    """Write the picture at a node, with the source's sound, as a video; `loudness` is that sound's filter."""
    container = VIDEO_CODECS[encoding.codec].container
    sound = with_sound(encoding, media, loudness, sound_kbps)
    second = pass_arguments(encoding, 2, STATISTICS) if encoding.max_size_bytes is not None else ()
    written = container.written(faststart=encoding.faststart)
    arguments = (
        *sound[:2],
        *picture_arguments(encoding, node.picture),
        *second,
        *sound[2:],
        *TIMING,
        *written,
    )
    return Hanging(
        node.name, DELIVERED, Output(node.name, "rendition", container, arguments, node.picture, lasts=True)
    )


def first_pass(node: Node, encoding: Encoding) -> Hanging | None:
    """Look through the picture at a node before it is written to a size; None where the encoder has no such pass."""
    passing = pass_arguments(encoding, 1, STATISTICS)
    if not passing:
        return None
    arguments = (*picture_arguments(encoding, node.picture), *passing, *TIMING)
    container = VIDEO_CODECS[encoding.codec].container
    output = Output(node.name, "first-pass", container, arguments, node.picture, lasts=True, discarded=True)
    return Hanging(node.name, DELIVERED, output)


def as_it_is(node: Node, encoding: Encoding, media: Media, loudness: str | None) -> Output:
    """Write the source's own picture, not encoded again, with its sound."""
    container = VIDEO_CODECS[encoding.codec].container
    sound = with_sound(encoding, media, loudness, SOUND_KBPS)
    tag = ("-tag:v", "hvc1") if encoding.codec is Codec.H265 else ()
    picture = ("-map", f"0:{media.picture_stream}", "-c:v", "copy", *tag)
    arguments = (*picture, *sound, *container.written(faststart=encoding.faststart))
    return Output(node.name, "rendition", container, arguments, node.picture, lasts=True)


def with_sound(
    encoding: Encoding, media: Media, loudness: str | None, sound_kbps: int | None
) -> tuple[str, ...]:
    """Map a film's sound and say how it is written; the map is the first two arguments."""
    if media.sound is None:
        return ()
    return (*mapped(media.sound), *sound_arguments(encoding.codec, media.sound, loudness, sound_kbps))


def counted(source: Node, step: str) -> Hanging:
    """Write nothing of a video's pictures, so that FFmpeg counts them where all that is made comes at the end."""
    arguments = ("-fps_mode", "passthrough")
    return Hanging(
        SOURCE,
        "null",
        Output(step, "counted", LOSSLESS, arguments, source.picture, lasts=True, discarded=True),
    )


def sample(node: Node, index: int) -> Hanging:
    """Write a piece of the picture that a video is made of, without loss."""
    arguments = ("-c:v", "utvideo", "-fps_mode", "passthrough", *LOSSLESS.arguments)
    return Hanging(node.name, DELIVERED, Output(node.name, f"sample-{index}", LOSSLESS, arguments))


def image(node: Node, media: Media) -> Hanging:
    """Write the picture at a node, or all pictures of an animation, as an image; raises PlanError."""
    moving, quality = media.pictures > 1, IMAGE_QUALITY
    if node.encoding is not None:
        container = IMAGE_CONTAINERS[node.encoding.codec]
        quality = node.encoding.quality or quality
    else:
        container = GIF if moving and media.format == "gif" else KEPT.get(media.format, JPEG)
    if moving and container not in ANIMATED:
        raise PlanError(
            "the image is animated, which JPEG can't keep: compress it as webp or avif, or give it as "
            "fileType video"
        )
    size = node.encoding.max_size_bytes if node.encoding else None
    file = ImageFile(container, quality, moving, size)
    return png(node.name, node.name, "rendition", Change(node.picture), file)


def png(node: str, step: str, name: str, change: Change, file: ImageFile) -> Hanging:
    """Write an image's picture without loss, for Pillow to write the file itself."""
    arguments = MOVING if file.moving else STILLS[PNG][0]
    output = Output(step, name, file.container, arguments, change.picture, image=file)
    return Hanging(node, ",".join((*change.texts, "format=rgb24")), output)


def still(
    node: str, step: str, name: str, change: Change, container: Container, at_millis: int | None
) -> Hanging:
    """Write one picture of a video, or a small one of an image (no time)."""
    file = None if container in STILLS else ImageFile(container)  # written by Pillow, of the PNG
    arguments, pixels = STILLS[PNG if file else container]
    tail = _in_pixels(change.texts, pixels)
    return Hanging(
        node, tail, Output(step, name, container, arguments, change.picture, image=file), at_millis
    )


def _in_pixels(filters: Sequence[str], pixels: str) -> str:
    """Give the filters up to a picture's pixel format.

    JPEG and WebP are read by BT.601's matrix, whatever the video's is. An explicit scale keeps their range within
    this branch: negotiated instead, it spreads through the split into the video.
    """
    *before, last = filters if filters and filters[-1].startswith("scale=") else (*filters, "scale=iw:ih")
    matrix = ":out_color_matrix=bt601" if pixels.startswith("yuv") else ""
    return ",".join((*before, f"{last}{matrix}", f"format={pixels}"))


LOOPING: dict[PreviewFormat, tuple[Container, tuple[str, ...]]] = {
    PreviewFormat.WEBP: (
        WEBP,
        ("-c:v", "libwebp_anim", "-quality", str(IMAGE_QUALITY), "-loop", "0", "-f", "webp"),
    ),
    PreviewFormat.GIF: (GIF, ("-c:v", "gif", "-loop", "0", "-f", "gif")),
}
"""How an animation is written that begins again at its end."""


def preview(node: str, step: str, change: Change, form: PreviewFormat) -> Hanging:
    """Write pictures of a video as a small animation; a GIF's 256 colours are those that all of them need."""
    container, arguments = LOOPING[form]
    output = Output(step, PREVIEW, container, ("-fps_mode", "passthrough", *arguments), change.picture)
    tail = _in_pixels(change.texts, "rgb24" if form is PreviewFormat.GIF else "yuv420p")
    if form is PreviewFormat.GIF:
        seen, drawn, colors = (f"{step}/{PREVIEW}.{part}" for part in ("seen", "drawn", "colors"))
        tail += f",split[{seen}][{drawn}];[{seen}]palettegen[{colors}];[{drawn}][{colors}]paletteuse"
    return Hanging(node, tail, output)


def waveform(step: str, width: int, container: Container) -> Hanging:
    """Draw a whole sound; hangs on no node, but on the sound itself."""
    file = None if container in STILLS else ImageFile(container)
    arguments, pixels = STILLS[PNG if file else container]
    picture = Picture(width, max(2, width // 4))
    drawn = f"showwavespic=s={picture.width}x{picture.height}:colors=0x4ea1ff"
    # It draws nothing at all of fewer samples than columns.
    tail = _in_pixels(("aformat=channel_layouts=mono", f"apad=whole_len={picture.width}", drawn), pixels)
    return Hanging(SOURCE, tail, Output(step, "thumbnail-0", container, arguments, picture, image=file))


ARRIVING = ("setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709",)
"""What raw frames don't tell: the colours in which they left (see `frames`)."""
NUT = Container("nut", "video/x-nut", ("-f", "nut"))


def frames(node: str, index: int, *, still: bool) -> Hanging:
    """Hand the pictures at a node out raw, with their times."""
    colors = "scale=out_color_matrix=bt709:out_range=limited,format=yuv420p"
    arguments = ("-c:v", "rawvideo", "-fps_mode", "vfr", "-enc_time_base", "filter", *NUT.arguments)
    return Hanging(node, "format=rgb24" if still else colors, Output(node, f"frames-{index}", NUT, arguments))


def sound_file(step: str, encoding: Encoding, sound: Sound, loudness: str | None) -> Output:
    """Write a sound for delivery; `loudness` is its filter."""
    container = AUDIO_CODECS[encoding.codec][0]
    written = container.written(faststart=encoding.faststart)
    arguments = (*mapped(sound), *audio_arguments(encoding, sound, loudness), *written)
    return Output(step, "rendition", container, arguments, lasts=True)


def listening(step: str, sound: Sound, *, outside: bool) -> Output:
    """Write the sound that a transcript is made from: as it is for an engine here, small for one outside."""
    container = AUDIO_CODECS[Codec.OPUS][0] if outside else WAV
    opus = ("-c:a", "libopus", "-b:a", f"{ENGINES_KBPS}k", "-application", "voip")
    codec = opus if outside else ("-c:a", "pcm_s16le")
    return Output(step, "audio", container, (*mapped(sound), *LISTENING, *codec, *container.arguments))


FRAME_SIDE = 768
"""Longest side in pixels of a frame that a caption looks at."""


def looked_at(picture: Picture) -> Change:
    """Scale down to what a caption looks at."""
    still = Picture(picture.width, picture.height)
    if max(picture.width, picture.height) <= FRAME_SIDE:
        return Change(still)
    wide = picture.width >= picture.height
    return scaled_to_width(still, FRAME_SIDE) if wide else scaled_to_height(still, FRAME_SIDE)
