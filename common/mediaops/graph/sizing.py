"""How a file is brought to a size: what is left for the picture, and how to go on from what came out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mediaops.encoding import AUDIO_CODECS, SOUND_KBPS
from mediaops.graph.commands import Command, Fit
from mediaops.media import Media
from mediaops.operations.compress import Codec, Encoding
from mediaops.picture import Picture, PlanError

AIM = 0.991
"""Share of the size that is aimed at: an encoder's passes come to within a percent of what they aim at."""
LEAST_SHARE = 0.98
"""What comes to less of the size is made again, larger."""
LEAST_BITS_PER_PIXEL = {Codec.H264: 0.004, Codec.H265: 0.0025, Codec.VP9: 0.0025, Codec.AV1: 0.002}
"""Below this even slides and talking heads fall apart (our own looking, not a standard)."""
SOUND_SHARE = 0.2
"""The most of a film's size that its sound may take."""
SOUND_STEPS_KBPS = (SOUND_KBPS, 96, 64, 48, 32)
AUDIO_KBPS = {Codec.AAC: (24, 320), Codec.OPUS: (12, 256), Codec.MP3: (32, 320)}
"""The lowest and highest rates that a sound file gets, of two channels."""
MP3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
"""The rates that MPEG-1 Layer III has."""
FRAME_BYTES, SOUND_FRAME_BYTES, FILE_BYTES = 14, 8, 2000
"""What the container takes for each picture, each packet of sound, and in all; from MP4s that were made here."""
PACKETS_PER_SECOND = 47
"""Of AAC at 48 kHz; Opus has 50."""


@dataclass(frozen=True)
class Budget:
    """What a film of a size comes to."""

    picture_kbps: int
    sound_kbps: int | None
    """None: the sound is copied as it is."""


def budget(encoding: Encoding, media: Media, picture: Picture, *, copied: bool) -> Budget:
    """Divide a size between picture and sound, which is copied or encoded; raises PlanError where it is too small."""
    size, seconds = encoding.max_size_bytes or 0, (media.duration_millis or 0) / 1000
    rate = picture.frame_rate or 25.0
    if seconds <= 0:
        raise PlanError("maxSizeBytes needs a film whose length is known")
    others = FILE_BYTES + FRAME_BYTES * rate * seconds
    sound_kbps: int | None = None
    if media.sound is not None:
        others += SOUND_FRAME_BYTES * PACKETS_PER_SECOND * seconds
        most = size * SOUND_SHARE
        if copied and media.sound.size_bytes is not None and media.sound.size_bytes <= most:
            others += media.sound.size_bytes
        else:
            fitting = [kbps for kbps in SOUND_STEPS_KBPS if kbps * 125 * seconds <= most]
            sound_kbps = fitting[0] if fitting else SOUND_STEPS_KBPS[-1]
            others += sound_kbps * 125 * seconds
    kbps = int((size * AIM - others) * 8 / 1000 / seconds)
    pixels = picture.width * picture.height * rate
    least = max(8, round(pixels * LEAST_BITS_PER_PIXEL[encoding.codec] / 1000))
    if kbps < least:
        needed = int((least * 125 * seconds + others) / AIM) + 1
        raise PlanError(
            f"{size} bytes for {seconds:.1f} seconds leave {max(kbps, 0)} kbit/s for a picture of {picture.width}x"
            f"{picture.height} pixels, {rate:g} a second, which needs {least}: "
            f"allow at least {needed} bytes, or lower height or fps"
        )
    return Budget(kbps, sound_kbps)


def sound_kbps(encoding: Encoding, media: Media) -> int:
    """Give the rate of a sound file of a size; raises PlanError where that is too small."""
    size, seconds = encoding.max_size_bytes or 0, (media.duration_millis or 0) / 1000
    if seconds <= 0:
        raise PlanError("maxSizeBytes needs a sound whose length is known")
    others = FILE_BYTES + SOUND_FRAME_BYTES * PACKETS_PER_SECOND * seconds
    lowest, highest = AUDIO_KBPS[encoding.codec]
    kbps = int((size * AIM - others) * 8 / 1000 / seconds)
    if kbps < lowest:
        needed = int((lowest * 125 * seconds + others) / AIM) + 1
        raise PlanError(
            f"{size} bytes for {seconds:.1f} seconds leave {max(kbps, 0)} kbit/s, and {encoding.codec.value} needs "
            f"{lowest}: allow at least {needed} bytes"
        )
    return _allowed(encoding.codec, min(kbps, highest))


def _allowed(codec: Codec, kbps: int) -> int:
    return max(rate for rate in MP3_KBPS if rate <= kbps) if codec is Codec.MP3 else kbps


def sized_sound(encoding: Encoding, media: Media) -> tuple[Encoding, Fit]:
    """Give a sound file's encoding at the rate for its size, and what it is held against."""
    kbps = sound_kbps(encoding, media)
    steps = MP3_KBPS if AUDIO_CODECS[encoding.codec][1] == "libmp3lame" else ()
    fit = Fit(encoding.max_size_bytes or 0, "-b:a", kbps, AUDIO_KBPS[encoding.codec][1], steps)
    return replace(encoding, bitrate_kbps=kbps), fit


def refitted(command: Command, fit: Fit, size_bytes: int, seconds: float) -> tuple[Command, Fit] | None:
    """Give the command to run instead, at another rate, after one made so many bytes; None: that size is right."""
    if LEAST_SHARE * fit.max_bytes <= size_bytes <= fit.max_bytes:
        return None
    off = (AIM * fit.max_bytes - size_bytes) * 8 / 1000 / seconds
    # Twice the rate at most, and half at least: where little is known, size follows rate only nearby.
    kbps = round(min(max(fit.kbps + off, fit.kbps / 2), fit.kbps * 2))
    kbps = min(max(kbps, 1), fit.most_kbps)
    if fit.steps:
        kbps = max((step for step in fit.steps if step <= kbps), default=fit.steps[0])
    if kbps == fit.kbps:
        return None
    [output] = command.outputs
    arguments = list(output.arguments)
    arguments[arguments.index(fit.option) + 1] = f"{kbps}k"
    changed = replace(command, outputs=(replace(output, arguments=tuple(arguments)),))
    return changed, replace(fit, kbps=kbps)
