"""A film made in segments is the film made in one piece: its pictures, its times, its sound."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder
from mediaops.transcript import Cue, Transcript
from mediaops_ops.passes import Pass
from tests.unit.ops import segmenting
from tests.unit.ops.folder_desk import Folder
from tests.unit.ops.segmenting import InSegments, in_segments, likeness, sound, times

FILM = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r={rate}:d={seconds}")
TONE = ("-f", "lavfi", "-i", "sine=f=440:r=48000:d={seconds}")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "12")
OPEN = "open-gop=1:keyint=15:bframes=3:b-adapt=0"
VARIABLE = ("-vf", r"select='not(eq(mod(n,7),3))*not(between(n,40,52))'", "-fps_mode", "vfr")
SOURCES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "open groups, B-frames": ("25", "mp4", ("-c:v", "libx264", "-preset", "veryfast", "-x264-params", OPEN)),
    "hevc with leading pictures": (
        "30", "mp4", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", f"log-level=error:{OPEN}"),
    ),
    "mpeg4": ("25", "mp4", ("-c:v", "mpeg4", "-q:v", "4", "-g", "15", "-bf", "2")),
    "NTSC in Matroska": ("30000/1001", "mkv", X264),
    "an odd rate": ("14.2", "mp4", (*X264, "-g", "5")),
    "variable rate": ("50", "mp4", (*VARIABLE, *X264, "-bf", "2")),
    "vp9": ("25", "webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "12")),
}  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, make: Callable[..., Path]) -> Callable[[str], Path]:
    """Give a function that makes each of SOURCES once: four seconds, with a tone."""
    folder, kept = tmp_path_factory.mktemp("films"), dict[str, Path]()

    def film(name: str) -> Path:
        if name not in kept:
            rate, extension, arguments = SOURCES[name]
            inputs = [part.format(rate=rate, seconds=4) for part in (*FILM, *TONE)]
            coded = ("-c:a", "libopus" if extension == "webm" else "aac", "-shortest")
            kept[name] = make(folder / f"{len(kept)}.{extension}", *inputs, *arguments, *coded)
        return kept[name]

    return film


def both(source: Path, step, folder: Path, asked: int | str = 3, **parameters) -> tuple[Path, InSegments]:
    """Compress a film in one piece and in segments."""
    chain = [step("small", "compress", {"crf": 26, **parameters})]
    whole = segmenting.made(source, chain, folder / "whole").files[0].path
    return whole, in_segments(source, chain, asked, folder)


@pytest.mark.parametrize("name", SOURCES)
def test_pictures_times_and_sound_are_those_of_one_piece(name, films, step, tmp_path) -> None:
    whole, made = both(films(name), step, tmp_path)
    assert made.rendition is not None
    joined = made.rendition.files[0].path
    assert "3" == made.rendition.values["segments"]
    assert times(whole) == times(joined)
    assert all(before < after for before, after in pairwise(times(joined)))
    assert segmenting.decodable(joined) == len(times(joined))
    assert sound(whole) == sound(joined)
    # The very pictures in the same places: one shifted by a single picture would be far below.
    assert min(likeness(joined, whole, "ssim")) > 0.95


@pytest.mark.parametrize("codec", ["h265", "av1", "vp9"])
def test_each_format_is_joined(codec, films, step, tmp_path) -> None:
    whole, made = both(films("open groups, B-frames"), step, tmp_path, codec=codec, crf=32)
    assert made.rendition is not None
    joined = made.rendition.files[0].path
    assert times(whole) == times(joined)
    assert sound(whole) == sound(joined)
    assert min(likeness(joined, whole, "ssim")) > 0.93


def test_joints_look_no_worse(make, step, tmp_path) -> None:
    # Noise over a moving picture: what an encoder spares on is seen at once.
    source = make(
        tmp_path / "noisy.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=9,noise=alls=14:allf=t,gblur=sigma=0.7"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-g", "25"),
    )
    whole, made = both(source, step, tmp_path)
    assert made.rendition is not None
    joined = made.rendition.files[0].path
    one, parts = likeness(whole, source, "libvmaf"), likeness(joined, source, "libvmaf")
    assert len(one) == len(parts)
    at, count = 0, 0
    for segment in made.segments[:-1]:
        at += len(times(segment.files[0].path))
        near = slice(at - 12, at + 12)
        assert fmean(parts[near]) > fmean(one[near]) - 0.5
        assert min(parts[near]) > min(one) - 1
        count += 1
    assert 2 == count
    assert joined.stat().st_size < whole.stat().st_size * 1.05


def test_sound_that_begins_before_the_picture_stays_in_time(make, films, step, tmp_path) -> None:
    source = make(
        tmp_path / "late.mkv",
        *("-itsoffset", "0.36", "-i", str(films("open groups, B-frames"))),
        *("-i", str(films("open groups, B-frames"))),
        *("-map", "0:v", "-map", "1:a", "-c", "copy"),
    )
    whole, made = both(source, step, tmp_path)
    assert made.rendition is not None
    joined = made.rendition.files[0].path
    assert times(whole) == times(joined)
    assert times(joined)[0] > 0.3
    assert sound(whole) == sound(joined)


def test_a_crop_that_follows_sees_the_films_own_times(films, step, tmp_path) -> None:
    chain = [
        step("upright", "crop", {"aspect": "9:16", "mode": "smart"}, stored=False),
        step("small", "compress", {}, input="upright"),
    ]
    whole = segmenting.made(films("mpeg4"), chain, tmp_path / "whole")
    made = in_segments(films("mpeg4"), chain, 3, tmp_path)
    assert made.rendition is not None
    tracks = [
        next(f for f in one.files if f.name == "crop-track.json").path for one in (whole, made.rendition)
    ]
    assert tracks[0].read_text() == tracks[1].read_text()
    assert min(likeness(made.rendition.files[0].path, whole.files[0].path, "ssim")) > 0.95


def test_quality_checks_measure_the_joined_film_as_one_in_one_piece(films, step, tmp_path) -> None:
    chain = [
        step("upright", "crop", {"aspect": "9:16", "mode": "smart"}, stored=False),
        step("small", "compress", {"crf": 30}, input="upright"),
    ]
    measures = [
        step("small/vmaf", "measureVmaf", input="small"),
        step("small/sound", "measureSound", input="small"),
    ]
    whole = segmenting.outcomes(films("mpeg4"), [*chain, *measures], tmp_path / "whole")
    made = in_segments(films("mpeg4"), chain, 3, tmp_path, measures)
    assert whole["small/sound"].values == made.measured["small/sound"].values
    # Held against other pictures, or against ones that are cut out elsewhere, it would be far below.
    vmaf = [float(one["small/vmaf"].values["vmaf"]) for one in (whole, made.measured)]
    assert min(vmaf) > 80
    assert abs(vmaf[0] - vmaf[1]) < 2


def test_a_pod_that_goes_on_after_the_join_measures_by_what_was_found_out_once(films, step, tmp_path) -> None:
    chain = [
        step("upright", "crop", {"aspect": "9:16", "mode": "smart"}, stored=False),
        step("small", "compress", {"crf": 30}, input="upright"),
    ]
    measure = step("small/vmaf", "measureVmaf", input="small")
    made = in_segments(films("mpeg4"), chain, 3, tmp_path, [measure])
    assert made.rendition is not None
    joined = made.rendition.files[0].path

    class Replaced(Folder):
        """The desk of a second pod: the join is done, and segments aren't fetched again."""

        def made(self, made_by: StepOrder, name: str) -> Path:
            assert ("small", "rendition") == (made_by.name, name)
            return joined

    desk = Replaced(films("mpeg4"))
    desk.read_files = {"cuts": made.cuts.files[0].path}
    joining = chain[1].model_copy(update={"reads": {"cuts": ObjectRef(key="cuts")}})
    (tmp_path / "second").mkdir()
    steps = [chain[0], joining, measure]
    work = Pass(steps, FileType.VIDEO, tmp_path / "second", desk, done=frozenset({"small"}))
    work.run()
    assert [] == work.failures
    assert made.measured["small/vmaf"].values == desk.outcomes["small/vmaf"].values


def test_subtitles_burnt_in_show_at_the_films_own_times(films, step, tmp_path) -> None:
    cues = [
        Cue(lines=(f"number {i}",), start_millis=i * 1000 + 300, end_millis=i * 1000 + 900) for i in range(6)
    ]
    heard = Transcript(engine="e", model="m", language="en", duration_millis=4000, cues=tuple(cues))
    (tmp_path / "transcript.json").write_text(heard.to_json())
    reads = {"transcript": ObjectRef(key="transcript")}
    burnt = {"steps": [{"burnSubtitles": {"from": "heard", "sizePercent": 20}}]}
    chain = [
        step("burnt", "filter", burnt, stored=False, reads=reads),
        step("small", "compress", {}, input="burnt"),
    ]
    files = {"transcript": tmp_path / "transcript.json"}
    whole = segmenting.made(films("mpeg4"), chain, tmp_path / "whole", **files)
    made = in_segments(films("mpeg4"), chain, 3, tmp_path, **files)
    assert made.rendition is not None
    # A cue that shows a picture too early or too late would be far below.
    assert min(likeness(made.rendition.files[0].path, whole.files[0].path, "ssim")) > 0.95


def test_the_crf_for_a_quality_is_searched_once(make, step, tmp_path) -> None:
    source = make(
        tmp_path / "noisy.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4,noise=alls=14:allf=t,gblur=sigma=0.7"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "10", "-g", "25"),
    )
    whole, made = both(source, step, tmp_path, asked=2, crf=None, targetVmaf=90, loudness={})
    assert made.rendition is not None
    assert "crf" in made.rendition.values
    assert times(whole) == times(made.rendition.files[0].path)
    scores = likeness(made.rendition.files[0].path, source, "libvmaf")
    assert abs(fmean(scores) - fmean(likeness(whole, source, "libvmaf"))) < 0.5


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"fps": 10}, "frame rate"),
        ({"maxSizeBytes": 100_000}, "maxSizeBytes"),
    ],
)
def test_what_would_show_stays_in_one_piece_and_says_why(parameters, why, films, step, tmp_path) -> None:
    made = in_segments(films("mpeg4"), [step("small", "compress", parameters)], 3, tmp_path)
    assert made.rendition is None
    assert made.cuts.values["segments"].startswith("1: ")
    assert why in made.cuts.values["segments"]


def test_denoise_and_auto_on_a_short_film_stay_in_one_piece(films, step, tmp_path) -> None:
    chain = [step("clean", "filter", {"steps": [{"denoise": 30}]})]
    denoised = in_segments(films("mpeg4"), chain, 3, tmp_path)
    assert "denoise" in denoised.cuts.values["segments"]
    (tmp_path / "short").mkdir()
    short = in_segments(films("mpeg4"), [step("small", "compress", {})], "auto", tmp_path / "short")
    assert "minutes" in short.cuts.values["segments"]


def test_a_film_of_one_group_of_pictures_stays_in_one_piece(make, step, tmp_path) -> None:
    source = make(
        tmp_path / "one.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=5"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "1000"),
    )
    made = in_segments(source, [step("small", "compress", {})], 4, tmp_path)
    assert "keyframe" in made.cuts.values["segments"]


def test_run_does_its_own_part_of_an_order_that_pods_share(door, bucket, films, step) -> None:
    source = bucket.put_source(films("mpeg4"))
    chain = step("small", "compress", {"codec": "h264"}, stored=False)

    def part(name: str, type_: str, parameters: dict[str, Any], **fields: Any) -> StepOrder:
        return StepOrder(
            step_key=f"key-{name}",
            name=f"small/{name}",
            type=type_,
            parameters=parameters,
            input="small",
            **fields,
        )

    cutting = door.order(source=source, steps=[chain, part("cuts", "prepareCuts", {"segments": 2})])
    assert 0 == door.run(cutting)
    cuts = bucket.result("key-cuts")
    assert ("2", "2") == (cuts.values["count"], cuts.values["segments"])
    reads = {"cuts": ObjectRef(key=cuts.files[0].key)}
    parts = [part(f"segment-{i}", "prepareSegment", {"index": i}, reads=reads) for i in range(2)]
    shared = door.order(source=source, steps=[chain, *parts], indexed=[one.name for one in parts])
    pod = door.start(shared, JOB_COMPLETION_INDEX="1")
    assert 0 == pod.wait()
    assert bucket.result("key-segment-0") is None
    made = bucket.result("key-segment-1")
    assert ["segment"] == [file.name for file in made.files]
    assert made.usage.cpu_millis > 0


def test_a_pod_that_fails_leaves_its_log_under_its_own_index(door, bucket, films, step) -> None:
    source = bucket.put_source(films("mpeg4"))
    chain = step("small", "compress", {"codec": "h264"}, stored=False)
    bucket.objects["acme/steps/k/cuts.json"] = b"no cuts"
    lost = StepOrder(
        step_key="lost", name="small/segment-0", type="prepareSegment", parameters={"index": 0}, input="small",
        reads={"cuts": ObjectRef(key="acme/steps/k/cuts.json")},
    )  # fmt: skip
    pod = door.start(door.order(source=source, steps=[chain, lost], indexed=[lost.name]))
    assert 1 == pod.wait()
    assert "where to cut" in door.termination.message
    assert "acme/steps/small/clip-pass-1-0.log" in bucket.objects
