"""From steps and facts to one ffmpeg command: what shares a decode, what is an output, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mediaops.graph import PassPlan, needs_media, plan_pass
from mediaops.media import Media, Sound
from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder

VIDEO = Media(
    file_type=FileType.VIDEO,
    format="mov",
    media_type="video/mp4",
    extension="mp4",
    duration_millis=10_000,
    width=1920,
    height=1080,
    frame_rate=25.0,
    last_frame_millis=9960,
    sound=Sound(stream=1, codec="aac", profile="LC"),
)
SILENT = VIDEO.model_copy(update={"sound": None})
IMAGE = Media(
    file_type=FileType.IMAGE, format="png", media_type="image/png", extension="png", width=4000, height=3000
)
AUDIO = Media(
    file_type=FileType.AUDIO,
    format="flac",
    media_type="audio/flac",
    extension="flac",
    duration_millis=10_000,
    sound=Sound(codec="flac", channels=6, sample_rate=96_000),
)
FILE = ObjectRef(key="acme/steps/earlier/file")


def step(name: str, type_: str, parameters: dict[str, Any] | None = None, **fields: Any) -> StepOrder:
    return StepOrder(step_key=name, name=name, type=type_, parameters=parameters or {}, **fields)


def only(plan: PassPlan) -> Any:
    (command,) = plan.commands
    return command


def output(plan: PassPlan, name: str) -> Any:
    return next(o for o in plan.outputs if f"{o.step}/{o.name}" == name)


def arguments(plan: PassPlan, name: str) -> str:
    return " ".join(output(plan, name).arguments)


def test_the_whole_line_of_a_pass():
    """Every step on one decode: this is what a pod runs."""
    plan = plan_pass(
        [
            step("vertical", "crop", {"aspect": "9:16", "mode": "center"}, stored=False),
            step("toned", "filter", {"steps": [{"contrast": 10}]}, input="vertical", stored=False),
            step("small", "compress", {"height": 720}, input="toned"),
            step("poster", "thumbnail", {}),
        ],
        VIDEO,
    )

    line = only(plan).line("ffmpeg", "in.mp4", "out")
    assert (
        "ffmpeg -hide_banner -nostdin -nostats -loglevel error -y -progress pipe:1 -stats_period 0.5 "
        "-max_error_rate 0.1 -protocol_whitelist file,pipe -format_whitelist"
    ) == " ".join(line).partition(" mov,")[0]
    assert [
        "[0:0]split=2[source.0][source.1]",
        "[source.0]crop=608:1080:656:0[vertical.0]",
        "[vertical.0]scale=406:720[small~.0]",
        "[small~.0]eq=contrast=1.1[small.0]",
        "[small.0]scale=out_range=limited,format=yuv420p,setsar=1[small/rendition]",
        "[source.1]select=gte(t\\,1.000),scale=640:360:out_color_matrix=bt601,format=yuvj420p[poster/thumbnail-0]",
    ] == line[line.index("-filter_complex") + 1].split(";")
    assert (
        "-map [small/rendition] -map 0:1 -c:v libx264 -preset medium -profile:v high -pix_fmt yuv420p -crf 23 "
        "-c:a copy -fps_mode vfr -enc_time_base filter -movflags +faststart -f mp4 "
        "-map_metadata -1 -map_chapters -1 -stats_mux_pre:v:0 pipe:1 -stats_mux_pre_fmt:v:0 frame={n} "
        "out/small/rendition.mp4 "
        "-map [poster/thumbnail-0] -c:v mjpeg -q:v 3 -frames:v 1 -f image2 -update 1 -atomic_writing 1 "
        "-map_metadata -1 -map_chapters -1 out/poster/thumbnail-0.jpg"
    ) == " ".join(line[line.index("-filter_complex") + 2 :])


def test_a_stored_intermediate_and_what_follows_it_are_both_one_encode_from_the_source():
    plan = plan_pass(
        [
            step("vertical", "crop", {"aspect": "9:16", "mode": "center"}),
            step("small", "compress", {}, input="vertical"),
        ],
        VIDEO,
    )

    assert [
        "[0:0]crop=608:1080:656:0,split=2[vertical.0][vertical.1]",
        "[vertical.1]scale=out_range=limited,format=yuv420p,setsar=1[vertical/rendition]",
        "[vertical.0]scale=out_range=limited,format=yuv420p,setsar=1[small/rendition]",
    ] == list(only(plan).graph)
    assert "-preset veryfast -profile:v high -pix_fmt yuv420p -crf 18" in arguments(
        plan, "vertical/rendition"
    )
    assert "-crf 23" in arguments(plan, "small/rendition")


def test_what_follows_a_compression_is_encoded_as_that_asked():
    plan = plan_pass(
        [
            step("small", "compress", {"codec": "av1", "crf": 40}, stored=False),
            step("cut", "crop", {"aspect": "1:1", "mode": "center"}, input="small"),
        ],
        VIDEO,
    )

    assert "-c:v libsvtav1 -preset 8 -pix_fmt yuv420p -crf 40" in arguments(plan, "cut/rendition")


def test_an_intermediate_that_nothing_reads_costs_nothing():
    assert (
        ()
        == plan_pass(
            [step("vertical", "crop", {"aspect": "9:16", "mode": "center"}, stored=False)], VIDEO
        ).commands
    )


def test_two_blurred_frames_share_no_label():
    plan = plan_pass(
        [
            step("a", "crop", {"aspect": "9:16", "mode": "blur"}),
            step("b", "crop", {"aspect": "1:1", "mode": "blur"}),
        ],
        VIDEO,
    )
    labels = [part.split("]")[0] for chain in only(plan).graph for part in chain.split("[")[1:]]

    assert {2} == {labels.count(label) for label in labels if label != "0:0" and "/" not in label}


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        (
            {"codec": "h264", "crf": 18},
            "-c:v libx264 -preset medium -profile:v high -pix_fmt yuv420p -crf 18",
        ),
        ({"codec": "h265"}, "-tag:v hvc1 -x265-params log-level=error -pix_fmt yuv420p -crf 28"),
        ({"codec": "av1", "bitrateKbps": 900}, "-c:v libsvtav1 -preset 8 -pix_fmt yuv420p -b:v 900k -c:a"),
        ({"codec": "vp9"}, "-row-mt 1 -pix_fmt yuv420p -crf 33 -b:v 0 -c:a libopus -b:a 128k"),
        ({"bitrateKbps": 2000}, "-b:v 2000k -maxrate 3000k -bufsize 4000k"),
    ],
)
def test_how_videos_are_encoded(block, wanted):
    assert wanted in arguments(plan_pass([step("small", "compress", block)], VIDEO), "small/rendition")


@pytest.mark.parametrize(
    ("sound", "wanted"),
    [
        ({"codec": "aac", "profile": "LC"}, "-c:a copy"),
        ({"codec": "aac", "profile": "HE-AAC"}, "-c:a aac -b:a 128k -fps_mode"),
        ({"codec": "pcm_s16le"}, "-c:a aac -b:a 128k -fps_mode"),
        ({"codec": "ac3", "channels": 6}, "-c:a aac -b:a 128k -ac 2 -fps_mode"),
        ({"codec": "pcm_s24le", "sample_rate": 96_000}, "-c:a aac -b:a 128k -ar 48000 -fps_mode"),
    ],
)
def test_sound_is_copied_where_it_is_right_and_encoded_once_where_it_is_not(sound, wanted):
    media = VIDEO.model_copy(update={"sound": Sound(stream=1, **sound)})

    assert wanted in arguments(plan_pass([step("small", "compress", {})], media), "small/rendition")


def test_a_video_without_sound_has_none_afterwards():
    line = arguments(plan_pass([step("small", "compress", {})], SILENT), "small/rendition")

    assert "-c:a" not in line
    assert "-map 0:" not in line


def test_a_crf_off_the_scale_is_impossible():
    plan = plan_pass([step("small", "compress", {"crf": 60}), step("poster", "thumbnail")], VIDEO)

    assert {"small": "h264 takes a crf from 0 to 51, not 60"} == plan.impossible
    assert ["poster"] == [o.step for o in plan.outputs]


def test_what_reads_an_impossible_step_is_blocked_by_it_down_the_chain():
    plan = plan_pass(
        [
            step("corner", "crop", {"x": 1900, "y": 0, "width": 100, "height": 100}),
            step("toned", "filter", {"steps": [{"sepia": {}}]}, input="corner"),
            step("small", "compress", {}, input="toned"),
            step("poster", "thumbnail", {}, input="corner"),
        ],
        VIDEO,
    )

    assert {"corner"} == set(plan.impossible)
    assert {"toned": "corner", "small": "corner", "poster": "corner"} == plan.blocked
    assert () == plan.commands


def test_stills_alone_are_sought_and_not_decoded_up_to():
    plan = plan_pass([step("poster", "thumbnail", {"atMillis": [500, 7000]})], VIDEO)

    assert (("-ss", "0.500"), ("-ss", "7.000")) == only(plan).inputs
    assert [
        "[0:0]scale=640:360:out_color_matrix=bt601,format=yuvj420p[poster/thumbnail-0]",
        "[1:0]scale=640:360:out_color_matrix=bt601,format=yuvj420p[poster/thumbnail-1]",
    ] == list(only(plan).graph)


def test_many_stills_are_sought_a_few_at_a_time():
    plan = plan_pass([step("poster", "thumbnail", {"count": 10})], VIDEO)

    assert [4, 4, 2] == [len(command.inputs) for command in plan.commands]
    assert [f"thumbnail-{index}" for index in range(10)] == [o.name for o in plan.outputs]


def test_sought_stills_go_through_the_filters_that_they_read():
    plan = plan_pass(
        [
            step("vertical", "crop", {"aspect": "9:16", "mode": "center"}, stored=False),
            step("poster", "thumbnail", {"width": 300}, input="vertical"),
        ],
        VIDEO,
    )

    assert (
        "[0:0]crop=608:1080:656:0,scale=300:533:out_color_matrix=bt601,format=yuvj420p[poster/thumbnail-0]",
    ) == only(plan).graph


def test_listening_alone_decodes_no_picture():
    plan = plan_pass([step("transcript", "transcribe")], VIDEO)

    assert () == only(plan).graph
    assert "-map 0:1 -af aresample=16000:async=1:first_pts=0 -ac 1 -c:a pcm_s16le -f wav" == arguments(
        plan, "transcript/audio"
    )


def test_listening_shares_the_decode_of_a_rendition():
    assert 1 == len(
        plan_pass([step("transcript", "transcribe"), step("small", "compress", {})], VIDEO).commands
    )


def test_sound_for_an_engine_outside_is_small():
    plan = plan_pass([step("transcript/audio", "prepareAudio")], VIDEO)

    assert "-c:a libopus -b:a 32k" in arguments(plan, "transcript/audio/audio")
    assert "transcript.audio/audio.ogg" == output(plan, "transcript/audio/audio").file


def test_frames_for_an_engine_outside_are_few_and_small():
    plan = plan_pass([step("post/frames", "prepareFrames")], VIDEO)

    assert [f"frame-{number}" for number in range(8)] == [o.name for o in plan.outputs]
    assert {768} == {o.picture.width for o in plan.outputs}


@pytest.mark.parametrize(
    ("type_", "media", "reason"),
    [
        ("transcribe", SILENT, "NoAudio"),
        ("prepareAudio", SILENT, "NoAudio"),
        ("prepareFrames", AUDIO, "NoPicture"),
    ],
)
def test_what_has_nothing_to_work_on_says_why(type_, media, reason):
    assert {"it": reason} == plan_pass([step("it", type_)], media).nothing


def test_an_image_is_written_by_pillow_from_a_png():
    plan = plan_pass([step("small", "compress", {"codec": "webp", "height": 600, "quality": 70})], IMAGE)
    made = output(plan, "small/rendition")

    assert ("webp", 70) == (made.image.container.extension, made.image.quality)
    assert "small/rendition.graph.png" == made.file
    assert ("[0:0]scale=800:600[small.0]", "[small.0]format=rgb24[small/rendition]") == only(plan).graph


@pytest.mark.parametrize(
    ("form", "extension"), [("png", "png"), ("jpeg", "jpg"), ("gif", "png"), ("bmp", "jpg")]
)
def test_an_image_that_is_only_cropped_keeps_its_format(form, extension):
    plan = plan_pass(
        [step("square", "crop", {"aspect": "1:1", "mode": "center"})],
        IMAGE.model_copy(update={"format": form}),
    )

    assert extension == output(plan, "square/rendition").container.extension


@pytest.mark.parametrize(
    ("duration_millis", "lowered"), [(40, False), (99, False), (100, True), (60_000, True)]
)
def test_a_film_of_less_than_one_picture_at_the_lower_rate_keeps_its_own(
    duration_millis: int, lowered: bool
) -> None:
    media = VIDEO.model_copy(update={"duration_millis": duration_millis})
    plan = plan_pass([step("small", "compress", {"fps": 10})], media)
    assert lowered == any("fps=10" in chain for chain in only(plan).graph)


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({}, "-map 0:0 -c:a aac -b:a 128k -ac 2 -ar 48000 -movflags +faststart -f ipod"),
        ({"codec": "opus"}, "-map 0:0 -c:a libopus -b:a 96k -af apad=whole_dur=20ms -ac 2 -ar 48000 -f ogg"),
        ({"codec": "mp3", "bitrateKbps": 256}, "-map 0:0 -c:a libmp3lame -b:a 256k -ac 2 -ar 48000 -f mp3"),
    ],
)
def test_how_sounds_are_encoded(block, wanted):
    assert wanted == arguments(plan_pass([step("small", "compress", block)], AUDIO), "small/rendition")


def test_a_sounds_thumbnail_is_its_waveform():
    plan = plan_pass([step("poster", "thumbnail", {"width": 800})], AUDIO)

    assert "showwavespic=s=800x200" in only(plan).graph[0]


def test_odd_sides_of_a_video_are_made_even_first():
    plan = plan_pass(
        [step("small", "compress", {})], VIDEO.model_copy(update={"width": 1919, "height": 1079})
    )

    assert "[0:0]crop=1918:1078:0:0[source.0]" == only(plan).graph[0]


def test_pixels_that_are_not_square_are_made_square_first():
    plan = plan_pass([step("small", "compress", {})], VIDEO.model_copy(update={"square_pixels": False}))

    assert "[0:0]scale=1920:1080,setsar=1[source.0]" == only(plan).graph[0]


def test_hdr_and_interlacing_are_undone_first():
    plan = plan_pass(
        [step("small", "compress", {})], VIDEO.model_copy(update={"hdr": True, "interlaced": True})
    )

    assert (
        only(plan)
        .graph[0]
        .startswith(
            "[0:0]bwdif=mode=send_frame:deint=interlaced,setparams=color_primaries=bt2020:colorspace=bt2020nc,zscale=t=linear:npl=100,"
        )
    )


def test_prepared_files_make_a_step_independent_of_the_media():
    assert not needs_media(step("t", "transcribe", reads={"audio": FILE}), FileType.VIDEO)
    assert not needs_media(step("c", "caption", reads={"frame-0": FILE}), FileType.VIDEO)
    assert not needs_media(step("c", "caption"), FileType.AUDIO)
    assert not needs_media(step("t", "transcribe", engine="openai"), FileType.VIDEO)
    assert needs_media(step("t", "transcribe"), FileType.VIDEO)
    assert needs_media(step("c", "caption"), FileType.IMAGE)


def test_a_still_of_a_subtitled_video_is_sought_and_shown_its_own_time():
    burnt = {"steps": [{"burnSubtitles": {"from": "transcript"}}]}
    plan = plan_pass(
        [
            step("burnt", "filter", burnt, stored=False, transcript_step="transcript"),
            step("poster", "thumbnail", {"atMillis": [7000]}, input="burnt"),
        ],
        VIDEO,
    )
    (chain,) = only(plan).graph
    (file,) = only(plan).files

    assert ("-ss", "7.000") == only(plan).inputs[0]
    assert chain.startswith(f"[0:0]setpts=PTS+7.000/TB,ass=filename={file.path}:fontsdir=files/fonts,")


def test_what_filters_read_is_named_once_for_each_command():
    look = {"steps": [{"lut": {"look": "film"}}]}
    plan = plan_pass([step("a", "filter", look), step("b", "filter", look)], VIDEO)

    assert ["files/film-100.cube"] == [file.path for file in only(plan).files]


def test_frames_leave_the_graph_for_a_filter_that_ffmpeg_hasnt_and_feed_the_rest():
    plan = plan_pass(
        [
            step(
                "clear", "filter", {"steps": [{"contrast": 10}, {"clarity": 40}, {"sepia": {}}]}, stored=False
            ),
            step("small", "compress", {}, input="clear"),
            step("poster", "thumbnail", {}),
        ],
        VIDEO,
    )
    first, second = only(plan).together
    (feed,) = first.feeds

    assert [
        "[0:0]split=2[source.0][source.1]",
        "[source.0]eq=contrast=1.1[clear+1.0]",
        "[source.1]select=gte(t\\,1.000),scale=640:360:out_color_matrix=bt601,format=yuvj420p[poster/thumbnail-0]",
        "[clear+1.0]scale=out_color_matrix=bt709:out_range=limited,format=yuv420p[clear+1/frames-0]",
    ] == list(first.graph)
    assert ["poster"] == [o.step for o in first.outputs]
    assert second.graph[0].startswith("[1:0]setparams=range=limited:color_primaries=bt709")
    assert ["small"] == [o.step for o in second.outputs]
    assert "-map 0:1" in arguments(plan, "small/rendition")
    assert ("clarity", 40) == (feed.filter.name, feed.filter.percent)
    written = " ".join(second.line("ffmpeg", "in.mp4", "out", fed=7))
    assert (
        " -i in.mp4 -seek_timestamp 1 -protocol_whitelist pipe -f nut -i pipe:7 -filter_complex " in written
    )
    assert first.line("ffmpeg", "in.mp4", "out", feeding=[5])[-3:] == ["-f", "nut", "pipe:5"]


@pytest.mark.parametrize("wanted", [{"targetVmaf": 93}, {"maxSizeBytes": 1_000_000}])
def test_a_quality_is_not_searched_behind_a_filter_that_samples_would_leave_out(wanted):
    clear = step("clear", "filter", {"steps": [{"clarity": 40}]}, stored=False)
    plan = plan_pass([clear, step("small", "compress", wanted, input="clear")], VIDEO)

    assert "can't be met behind clarity" in plan.impossible["small"]


def test_x264_gets_half_as_many_threads_again_as_there_are_processors():
    plan = plan_pass([step("a", "compress", {}), step("b", "compress", {"codec": "vp9"})], VIDEO)
    line = only(plan).line("ffmpeg", "in.mp4", "out", 2)
    given = [line[index + 1] for index, word in enumerate(line) if word == "-threads"]

    assert ["2", "3", "2"] == given  # the decoder, x264, VP9
    assert "-threads" not in only(plan).line("ffmpeg", "in.mp4", "out")
