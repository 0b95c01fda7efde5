"""The corpus's sounds, one row each. A new row needs nothing else: the cells follow from the tables."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.images import JPEG
from tests.corpus.kinds import AUDIO, File, Library
from tests.corpus.making import changed, cut, noise, remade, run_ffmpeg, sound, video

COVER = ("-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v", "attached_pic")
INVALID = "InvalidMedia"
UNREAD = frozenset({"caption"})
"""A post about a sound is written from its transcript: the file itself isn't opened."""

WAV = sound("plain.wav", "-c:a", "pcm_s16le")
MP3 = sound("constant.mp3", "-b:a", "128k")
M4A = sound("plain.m4a", "-c:a", "aac")
FLAC = sound("plain.flac")


def covered(name: str, of: File) -> File:
    """Give the row of a sound with a picture of its cover in the file."""

    def make(library: Library, target: Path) -> None:
        run_ffmpeg("-i", str(library(of.name)), "-i", str(library(JPEG.name)), *COVER, str(target))

    return File(name, AUDIO, make, of.shown)


GOOD: tuple[File, ...] = (
    WAV,
    sound("24bit.wav", "-c:a", "pcm_s24le", sample_rate=48_000),
    sound("float.wav", "-c:a", "pcm_f32le", sample_rate=96_000),
    sound("telephone.wav", "-c:a", "pcm_mulaw", channels=1, sample_rate=8000),
    sound("large.w64", "-c:a", "pcm_s16le"),
    MP3,
    sound("variable.mp3", "-q:a", "4"),
    FLAC,
    sound("studio.flac", "-sample_fmt", "s32", sample_rate=96_000),
    sound("surround.flac", channels=6, sample_rate=48_000),
    sound("plain.opus", "-c:a", "libopus", sample_rate=48_000),
    sound("vorbis.ogg", "-c:a", "libvorbis"),
    sound("bare.aac", "-c:a", "aac", "-f", "adts"),
    M4A,
    sound("lossless.m4a", "-c:a", "alac"),
    sound("plain.aiff"),
    sound("windows.wma", "-c:a", "wmav2"),
    sound("phone.amr", "-c:a", "libopencore_amrnb", "-b:a", "12.2k", channels=1, sample_rate=8000),
    sound("dolby.ac3", "-c:a", "ac3", channels=6, sample_rate=48_000),
    sound("sound-only.webm", "-c:a", "libopus", sample_rate=48_000),
    covered("cover.mp3", MP3),
    covered("cover.m4a", M4A),
    covered("cover.flac", FLAC),
    remade("replay-gain.flac", FLAC, "-c", "copy", "-metadata", "REPLAYGAIN_TRACK_GAIN=-12.00 dB"),
    sound("short.wav", "-c:a", "pcm_s16le", seconds=0.05, also={"tone": False}),
    sound("one-sample.wav", "-c:a", "pcm_s16le", source="anullsrc=r=44100:cl=mono:d=0.0001", seconds=0.0,
          channels=1),
    sound("silence.mp3", source="anullsrc=r=44100:cl=stereo:d=2"),
    video("film.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", channels=2, file_type=AUDIO),
)  # fmt: skip

BAD: tuple[File, ...] = (
    changed("cut.wav", WAV, cut(0.6), refused=INVALID, unhurt=UNREAD, says="cut off"),
    changed("cut.flac", FLAC, cut(0.4), refused=INVALID, unhurt=UNREAD, says="cut off"),
    changed("cut.m4a", M4A, cut(0.8), refused=INVALID, unhurt=UNREAD, says="cut off"),
    changed("noise.mp3", MP3, noise(0.0, 1.0), refused=INVALID, unhurt=UNREAD),
    video("silent-film.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", file_type=AUDIO, refused="WrongFileType",
          unhurt=UNREAD, says="a video without sound"),
)  # fmt: skip

SOUNDS = (*GOOD, *BAD)
