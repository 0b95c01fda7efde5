"""What a pass makes of video and sound: pictures looked at, sounds listened to, times counted."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mediaops.graph import plan_pass
from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder
from mediaops_ops import ffmpeg, probe
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder
from tests.unit.ops.looking import BLACK, BLUE, GREEN, RED, WHITE, frames, near, rendition


@pytest.fixture(scope="module")
def halves(make, tmp_path_factory):
    """One second: the upper half red, the lower blue; 320x240."""
    return make(
        tmp_path_factory.mktemp("halves") / "halves.mp4",
        *(
            "-f",
            "lavfi",
            "-i",
            "color=red:s=320x120:r=25:d=1",
            "-f",
            "lavfi",
            "-i",
            "color=blue:s=320x120:r=25:d=1",
        ),
        *("-filter_complex", "[0][1]vstack,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast"),
    )


def turned(path: Path, target: Path) -> Path:
    """Write a quarter turn into the track header's matrix, as phones do."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize(
    ("codec", "name", "suffix", "sound"),
    [
        ("h264", "h264", ".mp4", "aac"),
        ("h265", "hevc", ".mp4", "aac"),
        ("av1", "av1", ".mp4", "aac"),
        ("vp9", "vp9", ".webm", "opus"),
    ],
)
def test_each_video_codec(make_of, clip, step, codec, name, suffix, sound):
    made = make_of(clip, "video", step("small", "compress", {"codec": codec, "height": 90}))["small"]
    path = rendition(made)

    assert suffix == path.suffix
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        read = {"libdav1d": "av1"}.get(video.codec_context.name, video.codec_context.name)
        assert (name, sound, "yuv420p", (160, 90)) == (
            read,
            audio.codec_context.name,
            video.codec_context.pix_fmt,
            (video.codec_context.width, video.codec_context.height),
        )
        if codec == "h265":
            assert "hvc1" == video.codec_context.codec_tag
    assert 50 == len(frames(path))
    assert float(made.values["ratio"]) > 0


def test_a_turned_video_comes_out_upright(make_of, halves, step, tmp_path):
    phone = turned(halves, tmp_path / "phone.mp4")
    path = rendition(make_of(phone, "video", step("small", "compress", {}))["small"])

    picture = frames(path)[0]
    assert (240, 320, 0) == (picture.width, picture.height, picture.rotation)
    pixels = picture.to_ndarray(format="rgb24")
    left, right = pixels[160, 20], pixels[160, 220]
    assert [True, True] == [near(left, BLUE), near(right, RED)]


def test_a_crop_is_taken_from_the_upright_picture(make_of, halves, step, tmp_path):
    phone = turned(halves, tmp_path / "phone.mp4")
    made = make_of(phone, "video", step("square", "crop", {"aspect": "1:1", "mode": "center"}))["square"]

    assert (240, 240) == (made.files[0].width_pixels, made.files[0].height_pixels)


def test_pixels_come_out_square(make_of, make, step, tmp_path):
    wide = make(
        tmp_path / "wide.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=180x144:r=25:d=1", "-vf", "setsar=16/11", "-c:v", "libx264"),
    )
    picture = frames(rendition(make_of(wide, "video", step("small", "compress", {}))["small"]))[0]

    assert (262, 144) == (picture.width, picture.height)


def test_pictures_of_variable_rate_keep_their_times(make_of, make, step, tmp_path):
    uneven = make(
        tmp_path / "uneven.mkv",
        *(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=160x120:r=50:d=2",
            "-vf",
            "select='not(mod(n,7))+eq(n,3)+eq(n,99)'",
        ),
        *("-fps_mode", "vfr", "-enc_time_base", "1/1000", "-c:v", "libx264", "-preset", "ultrafast"),
    )
    before = [frame.time for frame in frames(uneven)]
    after = [
        frame.time
        for frame in frames(rendition(make_of(uneven, "video", step("small", "compress", {}))["small"]))
    ]

    assert len(before) == len(after)
    assert before == pytest.approx(after, abs=0.002)


def test_a_lower_rate_takes_pictures_away_evenly(make_of, clip, step):
    times = [
        f.time
        for f in frames(rendition(make_of(clip, "video", step("small", "compress", {"fps": 10}))["small"]))
    ]

    assert [0.1] * 19 == pytest.approx(list(np.diff(times)))


def test_a_video_without_sound_and_with_odd_sides(make_of, make, step, tmp_path):
    odd = make(
        tmp_path / "odd.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=161x121:r=25:d=1", "-pix_fmt", "yuv444p", "-c:v", "libx264"),
    )
    made = make_of(
        odd,
        "video",
        step("vertical", "crop", {"aspect": "9:16", "mode": "blur"}),
        step(
            "toned", "filter", {"steps": [{"sepia": {}}, {"vignette": 30}, {"denoise": 20}]}, input="vertical"
        ),
        step("small", "compress", {"height": 64}, input="toned"),
    )

    for name, size in (("vertical", (90, 160)), ("toned", (90, 160)), ("small", (36, 64))):
        picture = frames(rendition(made[name]))[0]
        assert (size, "yuv420p") == ((picture.width, picture.height), picture.format.name)
        with av.open(str(rendition(made[name]))) as container:
            assert not container.streams.audio


def test_sound_that_starts_late_stays_late(make_of, make, step, tmp_path):
    late = make(
        tmp_path / "late.mkv",
        *(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=160x120:r=25:d=2",
            "-itsoffset",
            "0.5",
            "-f",
            "lavfi",
            "-i",
            "sine=d=1.5",
        ),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le"),
    )
    with av.open(str(rendition(make_of(late, "video", step("small", "compress", {}))["small"]))) as container:
        first = next(container.decode(audio=0))

    assert 0.5 == pytest.approx(first.time, abs=0.05)


def test_only_picture_and_sound_go_out_and_nothing_that_tells_where_it_was_filmed(
    make_of, make, clip, step, tmp_path
):
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    told = make(
        tmp_path / "told.mp4",
        *(
            "-i",
            str(clip),
            "-i",
            str(tmp_path / "words.srt"),
            "-map",
            "0",
            "-map",
            "1",
            "-c",
            "copy",
            "-c:s",
            "mov_text",
        ),
        *("-metadata", "location=+52.5200+013.4050/", "-metadata", "title=home"),
    )
    path = rendition(make_of(told, "video", step("small", "compress", {}))["small"])

    with av.open(str(path)) as container:
        assert ["video", "audio"] == [stream.type for stream in container.streams]
    assert b"+52.52" not in path.read_bytes()
    assert b"home" not in path.read_bytes()


def test_a_padded_picture_is_black_beside_and_whole_within(make_of, halves, step):
    picture = frames(
        rendition(make_of(halves, "video", step("tall", "crop", {"aspect": "9:16", "mode": "pad"}))["tall"])
    )[5]
    pixels = picture.to_ndarray(format="rgb24")

    assert (180, 320) == (picture.width, picture.height)
    assert near(pixels[20, 90], BLACK)
    assert near(pixels[300, 90], BLACK)
    assert near(pixels[125, 90], RED)
    assert near(pixels[195, 90], BLUE)


def test_a_still_has_the_full_range_and_the_video_beside_it_the_limited_one(make_of, make, step, tmp_path):
    white = make(
        tmp_path / "white.mp4", *("-f", "lavfi", "-i", "color=white:s=64x64:r=25:d=1", "-pix_fmt", "yuv420p")
    )
    made = make_of(white, "video", step("poster", "thumbnail", {}), step("small", "compress", {}))

    still = Image.open(made["poster"].files[0].path)
    assert near(still.getpixel((32, 32)), WHITE, 3)
    video = frames(rendition(made["small"]))[0]
    assert 235 == pytest.approx(video.to_ndarray()[32, 32], abs=1)


def test_stills_show_their_moment(make_of, make, step, tmp_path):
    """Red in the first second, green in the second, blue in the third."""
    colors = [("-f", "lavfi", "-i", f"color={color}:s=64x64:r=25:d=1") for color in ("red", "green", "blue")]
    flag = make(
        tmp_path / "flag.mp4",
        *(argument for color in colors for argument in color),
        *("-filter_complex", "[0][1][2]concat=n=3:v=1,format=yuv420p", "-c:v", "libx264"),
    )
    order = step("poster", "thumbnail", {"atMillis": [500, 1500, 2500, 99_000], "format": "png"})
    alone = make_of(flag, "video", order)["poster"]
    beside = make_of(flag, "video", order, step("small", "compress", {}))["poster"]

    for made in (alone, beside):
        seen = [Image.open(file.path).getpixel((32, 32)) for file in made.files]
        assert [True] * 4 == [near(a, b) for a, b in zip(seen, (RED, GREEN, BLUE, BLUE), strict=True)]


def test_more_stills_than_pictures_repeat_them(make_of, make, step, tmp_path):
    one = make(
        tmp_path / "one.mp4", *("-f", "lavfi", "-i", "color=red:s=64x64:r=1:d=1", "-pix_fmt", "yuv420p")
    )

    assert 3 == len(make_of(one, "video", step("poster", "thumbnail", {"count": 3}))["poster"].files)


def test_stills_of_several_commands_are_one_step(make_of, clip, step):
    made = make_of(
        clip, "video", step("poster", "thumbnail", {"count": 9, "width": 64}), step("words", "prepareAudio")
    )

    assert [f"thumbnail-{index}" for index in range(9)] == [file.name for file in made["poster"].files]
    assert all(file.path.exists() for file in made["poster"].files)


@pytest.mark.parametrize(
    ("form", "media_type"), [("jpeg", "image/jpeg"), ("webp", "image/webp"), ("png", "image/png")]
)
def test_each_form_of_still(make_of, clip, step, form, media_type):
    (file,) = make_of(clip, "video", step("poster", "thumbnail", {"format": form, "width": 100}))[
        "poster"
    ].files

    with Image.open(file.path) as image:
        assert (media_type, (100, 56)) == (Image.MIME[image.format], image.size)
    assert (media_type, 100, 56) == (file.media_type, file.width_pixels, file.height_pixels)


def test_hdr_comes_out_in_ordinary_range_even_if_it_is_poorly_tagged(make_of, make, step, tmp_path):
    hdr = make(
        tmp_path / "hdr.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=0.4", "-pix_fmt", "yuv420p10le", "-c:v", "libx265"),
        *("-x265-params", "log-level=error:transfer=smpte2084", "-color_trc", "smpte2084"),
    )
    assert probe.check(hdr, FileType.VIDEO).hdr
    with av.open(str(rendition(make_of(hdr, "video", step("small", "compress", {}))["small"]))) as container:
        frame = next(container.decode(video=0))

    assert (1, "yuv420p") == (frame.color_trc, frame.format.name)


@pytest.mark.parametrize(
    ("codec", "name", "suffix"),
    [("aac", "aac", ".m4a"), ("opus", "opus", ".ogg"), ("mp3", "mp3float", ".mp3")],
)
def test_each_sound_codec(make_of, make, step, tmp_path, codec, name, suffix):
    tone = make(tmp_path / "tone.flac", *("-f", "lavfi", "-i", "sine=f=440:d=3:r=44100"))
    path = rendition(make_of(tone, "audio", step("small", "compress", {"codec": codec}))["small"])

    assert suffix == path.suffix
    with av.open(str(path)) as container:
        assert name == container.streams.audio[0].codec_context.name
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert 3 == pytest.approx(seconds, abs=0.1)


def test_the_waveform_of_a_sound(make_of, make, step, tmp_path):
    tone = make(tmp_path / "tone.mp3", *("-f", "lavfi", "-i", "sine=f=440:d=1"))
    (file,) = make_of(tone, "audio", step("poster", "thumbnail", {"width": 320}))["poster"].files

    with Image.open(file.path) as image:
        assert (320, 80) == image.size
        assert len(image.convert("RGB").getcolors(100_000) or []) > 1


def test_prepared_files_are_outputs_like_others(make_of, clip, step):
    made = make_of(
        clip, "video", step("transcript/audio", "prepareAudio"), step("post/frames", "prepareFrames")
    )

    assert ["audio"] == [file.name for file in made["transcript/audio"].files]
    assert [f"frame-{number}" for number in range(8)] == [file.name for file in made["post/frames"].files]
    with av.open(str(made["transcript/audio"].files[0].path)) as container:
        assert 1 == container.streams.audio[0].codec_context.channels


def test_a_rendition_of_an_earlier_pass_is_transformed_further(make_of, clip, halves, step):
    reads = {"input": ObjectRef(key="earlier")}
    made = make_of(
        clip,
        "video",
        step("small", "compress", {"height": 60}, input="vertical", reads=reads),
        earlier=halves,
    )

    assert (80, 60) == (made["small"].files[0].width_pixels, made["small"].files[0].height_pixels)


def test_nothing_to_hear_is_skipped_or_refused_where_it_is_required(halves, step, tmp_path):
    desk = Folder(halves)
    steps = [step("may", "transcribe"), step("must", "transcribe", required=True), step("small", "compress")]
    work = Pass(steps, FileType.VIDEO, tmp_path, desk)
    work.run()

    assert "NoAudio" == desk.outcomes["may"].skipped
    assert [("must", "NoAudio", True)] == [(f.step, f.reason, f.permanent) for f in work.failures]
    assert "small" in desk.outcomes


def test_what_needs_a_failed_transcript_says_so_and_the_rest_goes_on(clip, step, tmp_path):
    desk = Folder(clip)
    steps = [
        step("transcript", "transcribe", {"language": "de"}),
        step("post", "caption", {"transcriptFrom": "transcript"}, transcript_step="transcript"),
        step("poster", "thumbnail"),
    ]
    work = Pass(steps, FileType.VIDEO, tmp_path, desk)
    work.run()

    assert [("transcript", "UnsupportedLanguage"), ("post", "DependencyFailed")] == [
        (failure.step, failure.reason) for failure in work.failures
    ]
    assert {"poster"} == set(desk.outcomes)


def test_a_damaged_middle_fails_the_pass_in_a_short_sentence(clip, step, tmp_path):
    content = bytearray(clip.read_bytes())
    at = content.index(b"mdat") + 30_000
    content[at:] = b"\x00\x00\x00\x05" * ((len(content) - at) // 4 + 1)
    (tmp_path / "damaged.mp4").write_bytes(content[: clip.stat().st_size])
    desk = Folder(tmp_path / "damaged.mp4")
    work = Pass(
        [step("small", "compress"), step("poster", "thumbnail")], FileType.VIDEO, tmp_path / "work", desk
    )
    (tmp_path / "work").mkdir()
    work.run()

    assert "small" not in desk.outcomes
    for failure in work.failures:
        assert len(failure.message) < 250
        assert str(tmp_path) not in failure.message
    assert work.failures


def test_ffmpeg_reads_no_other_file_than_the_one_it_is_given(tmp_path, clip):
    """A playlist is no media to it, even if the check before let one through."""
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {clip}\n")
    order = StepOrder(step_key="s", name="s", type="compress", parameters={})
    (command,) = plan_pass([order], probe.check(clip, FileType.VIDEO)).commands
    (tmp_path / "s").mkdir()
    line = command.line(ffmpeg.executable(), str(tmp_path / "list.mp4"), str(tmp_path))

    assert 0 != subprocess.run(line, capture_output=True, check=False).returncode
    assert not (tmp_path / "s" / "rendition.mp4").exists()
