"""The check before anything is made of a file: what is refused, with which words, and what passes."""

from __future__ import annotations

import os
import struct
import time
import zlib
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from mediaops.models.base import FileType
from mediaops_ops import probe
from mediaops_ops.containers import promised_bytes
from mediaops_ops.outcome import StepError

VIDEO, IMAGE, AUDIO = FileType.VIDEO, FileType.IMAGE, FileType.AUDIO


def refused(path: Path, file_type: FileType = VIDEO) -> str:
    """Give the sentence with which a file is refused for good as invalid."""
    with pytest.raises(StepError) as refusal:
        probe.check(path, file_type)
    assert ("InvalidMedia", True) == (refusal.value.reason, refusal.value.permanent)
    return refusal.value.message


def wrong_type(path: Path, file_type: FileType) -> str:
    with pytest.raises(StepError) as refusal:
        probe.check(path, file_type)
    assert ("WrongFileType", True) == (refusal.value.reason, refusal.value.permanent)
    return refusal.value.message


def cut(path: Path, share: float, target: Path) -> Path:
    content = path.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


@pytest.fixture(scope="module")
def sound(make, tmp_path_factory):
    return make(tmp_path_factory.mktemp("sound") / "tone.mp3", "-f", "lavfi", "-i", "sine=d=2", "-b:a", "64k")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "noise.jpg"
    Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3)).save(path)
    return path


def test_the_facts_of_a_video(clip):
    media = probe.check(clip, VIDEO)

    assert (320, 180, 25.0, "video/mp4", "mp4") == (
        media.width,
        media.height,
        media.frame_rate,
        media.media_type,
        media.extension,
    )
    assert 1960 == media.last_frame_millis
    assert 2000 == pytest.approx(media.duration_millis, abs=50)
    assert ("aac", "LC", 1, 44_100) == (
        media.sound.codec,
        media.sound.profile,
        media.sound.channels,
        media.sound.sample_rate,
    )


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()

    assert "empty" in refused(tmp_path / "empty.mp4")


def test_a_text_named_mp4(tmp_path):
    (tmp_path / "text.mp4").write_text("This is no film.\n" * 50)

    assert "is text" in refused(tmp_path / "text.mp4")


@pytest.mark.parametrize(
    "playlist", ["#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n", "ffconcat version 1.0\nfile clip.mp4\n"]
)
def test_a_playlist_opens_no_other_file(tmp_path, clip, playlist):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "list.mp4").write_text(playlist)

    assert "is text" in refused(tmp_path / "list.mp4")


def test_rubbish(tmp_path):
    (tmp_path / "rubbish.mp4").write_bytes(os.urandom(50_000))

    assert "not a media file" in refused(tmp_path / "rubbish.mp4")


def test_a_file_cut_off_before_its_index(make, clip, tmp_path):
    last = make(
        tmp_path / "last.mp4", "-i", str(clip), "-c", "copy"
    )  # without faststart the index comes last

    assert "cut off" in refused(cut(last, 0.7, tmp_path / "cut.mp4"))


@pytest.mark.parametrize("share", [1 / 6, 0.5, 0.95, 0.999])
def test_a_file_with_its_index_first_and_cut_off(clip, tmp_path, share):
    message = refused(cut(clip, share, tmp_path / "cut.mp4"))

    assert "cut off" in message
    assert str(clip.stat().st_size) in message


def test_a_cut_is_seen_without_the_datas_size(clip, tmp_path):
    """A size of zero says `to the end of the file`; the index still says how long it lasts."""
    content = bytearray(clip.read_bytes())
    at = content.index(b"mdat") - 4
    content[at : at + 4] = bytes(4)
    (tmp_path / "open.mp4").write_bytes(content[: len(content) // 3])
    longer = promised_bytes(tmp_path / "open.mp4")

    assert longer is None
    assert "seconds that its header promises" in refused(tmp_path / "open.mp4")


@pytest.mark.parametrize(
    ("name", "arguments"), [("cut.avi", ["-c:v", "mpeg4"]), ("cut.mkv", ["-c:v", "mpeg4"]), ("cut.flv", [])]
)
def test_other_containers_cut_off(make, clip, tmp_path, name, arguments):
    whole = make(tmp_path / f"whole-{name}", "-stream_loop", "3", "-i", str(clip), *arguments)
    probe.check(whole, VIDEO)

    assert "cut off" in refused(cut(whole, 0.4, tmp_path / name))


@pytest.mark.parametrize("name", ["tone.wav", "tone.flac", "tone.ogg", "tone.m4a"])
def test_sounds_cut_off(make, tmp_path, name):
    whole = make(tmp_path / f"whole-{name}", "-f", "lavfi", "-i", "anoisesrc=d=6")
    probe.check(whole, AUDIO)

    if name.endswith("ogg"):  # it has no header that says how long it is: what is there is all there is
        return
    assert "cut off" in refused(cut(whole, 0.4, tmp_path / name), AUDIO)


def test_a_header_that_claims_ten_gigabytes(clip, tmp_path):
    content = clip.read_bytes()
    at = content.index(b"mdat") - 4
    header = struct.pack(">I4sQ", 1, b"mdat", 10 * 2**30)
    (tmp_path / "huge.mp4").write_bytes(content[:at] + header + content[at + 8 :])

    message = refused(tmp_path / "huge.mp4")
    assert "cut off" in message
    assert str(10 * 2**30) in message or "1073" in message


def test_an_index_that_claims_four_thousand_million_samples_ends_soon(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    at = content.index(b"stsz") + 12
    content[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "bomb.mp4").write_bytes(content)

    begin = time.monotonic()
    refused(tmp_path / "bomb.mp4")
    assert time.monotonic() - begin < 10


def test_an_absurd_picture(make, tmp_path):
    """Declared 65,000 by 65,000 pixels: refused before a picture of that size is made."""
    small = make(tmp_path / "small.avi", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-c:v", "rawvideo")
    content = bytearray(small.read_bytes())
    at = content.index(b"strf") + 8
    content[at + 4 : at + 12] = struct.pack("<ii", 65_000, 65_000)
    (tmp_path / "absurd.avi").write_bytes(content)

    assert "too large" in refused(tmp_path / "absurd.avi") or "damaged" in refused(tmp_path / "absurd.avi")


def test_an_image_that_claims_too_many_pixels(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(content)

    assert "too large" in refused(tmp_path / "bomb.png", IMAGE)


def test_an_image_cut_off(picture, tmp_path):
    assert "cut off" in refused(cut(picture, 0.6, tmp_path / "cut.jpg"), IMAGE)


def test_a_video_whose_data_is_nothing_but_zeros(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    at = content.index(b"mdat") + 4
    content[at:] = bytes(len(content) - at)
    (tmp_path / "zeros.mp4").write_bytes(content)

    assert "not one picture" in refused(tmp_path / "zeros.mp4")


def test_each_type_is_told_from_the_others(clip, sound, picture, make, tmp_path):
    silent = make(tmp_path / "silent.mp4", "-i", str(clip), "-an", "-c", "copy")

    assert "a JPEG image, but fileType says video" in wrong_type(picture, VIDEO)
    assert "an audio file, but fileType says video" in wrong_type(sound, VIDEO)
    assert "a video without sound, but fileType says audio" in wrong_type(silent, AUDIO)
    assert "a video, but fileType says image" in wrong_type(clip, IMAGE)
    assert "an audio file, but fileType says image" in wrong_type(sound, IMAGE)


def test_a_file_says_itself_what_it_is(clip, sound, picture, tmp_path):
    (tmp_path / "text").write_text("neither")

    assert [VIDEO, AUDIO, IMAGE] == [probe.kind(path) for path in (clip, sound, picture)]
    with pytest.raises(StepError, match="is text"):
        probe.kind(tmp_path / "text")


def test_a_cover_is_no_film(sound, picture, make, tmp_path):
    covered = make(
        tmp_path / "covered.mp3",
        *(
            "-i",
            str(sound),
            "-i",
            str(picture),
            "-map",
            "0:a",
            "-map",
            "1:v",
            "-c",
            "copy",
            "-disposition:v",
            "attached_pic",
        ),
    )

    assert "an audio file" in wrong_type(covered, VIDEO)
    assert probe.check(covered, AUDIO).width is None


def test_a_turned_video_is_measured_upright(clip, tmp_path):
    turned = rotated(clip, tmp_path / "turned.mp4")
    media = probe.check(turned, VIDEO)

    assert (180, 320) == (media.width, media.height)


def rotated(clip: Path, target: Path) -> Path:
    """Write a display matrix of 90 degrees into the track header, as phones do."""
    content = bytearray(clip.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 36  # version 0: 36 bytes after version and flags comes the matrix
    content[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    target.write_bytes(content)
    return target


def test_pixels_that_are_not_square_are_measured_as_seen(make, tmp_path):
    wide = make(
        tmp_path / "wide.mp4",
        *(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=180x144:d=1",
            "-vf",
            "setsar=16/11",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
        ),
    )
    media = probe.check(wide, VIDEO)

    assert (round(180 * Fraction(16, 11)), 144, False) == (media.width, media.height, media.square_pixels)


def test_an_image_is_measured_upright(picture, tmp_path):
    with Image.open(picture) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(tmp_path / "turned.jpg", exif=exif)

    media = probe.check(tmp_path / "turned.jpg", IMAGE)
    assert (48, 64, "image/jpeg", "jpg") == (media.width, media.height, media.media_type, media.extension)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.wav", "audio/wav"),
        ("a.flac", "audio/flac"),
        ("a.m4a", "audio/mp4"),
        ("a.ogg", "audio/ogg"),
        ("a.mp3", "audio/mpeg"),
    ],
)
def test_sounds_are_known_by_what_they_are(sound, make, tmp_path, name, media_type):
    made = make(tmp_path / name, "-i", str(sound))
    nameless = made.rename(tmp_path / "source")

    media = probe.check(nameless, AUDIO)
    assert media_type == media.media_type
    assert 2000 == pytest.approx(media.duration_millis, abs=80)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.webm", "video/webm"),
        ("a.mkv", "video/x-matroska"),
        ("a.mov", "video/quicktime"),
        ("a.avi", "video/x-msvideo"),
        ("a.ts", "video/mp2t"),
    ],
)
def test_videos_are_known_by_what_they_are(make, clip, tmp_path, name, media_type):
    codecs = ["-c:v", "libvpx-vp9", "-cpu-used", "8", "-t", "0.5"] if name == "a.webm" else ["-c", "copy"]
    nameless = make(tmp_path / name, "-i", str(clip), *codecs).rename(tmp_path / "source")

    assert media_type == probe.check(nameless, VIDEO).media_type


def test_a_trimmed_file_is_not_taken_for_a_cut_off_one(make, clip, tmp_path):
    """Phones trim by an edit list: more is in the file than is shown."""
    trimmed = make(
        tmp_path / "trimmed.mp4", "-ss", "1.1", "-i", str(clip), "-c", "copy", "-movflags", "+faststart"
    )

    assert 900 == pytest.approx(probe.check(trimmed, VIDEO).duration_millis, abs=60)


def test_a_fragmented_file_passes(make, clip, tmp_path):
    fragmented = make(
        tmp_path / "f.mp4", "-i", str(clip), "-c", "copy", "-movflags", "frag_keyframe+empty_moov"
    )

    assert 2000 == pytest.approx(probe.check(fragmented, VIDEO).duration_millis, abs=60)
