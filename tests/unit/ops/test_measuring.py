"""Finished files are measured for quality checks, in the pass that makes them or later, on real media."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder
from mediaops.reasons import Reason
from mediaops.transcript import Cue, Segment, Transcript, Word
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder

FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
MOVING = "testsrc2=s=320x180:r=25"


def measuring(step, of: str, kind: str, **reads: ObjectRef) -> StepOrder:
    """Give the step that measures an operation's output, or the source."""
    return step(f"{of}/{kind}", f"measure{kind.capitalize()}", input=of, reads=reads)


@pytest.fixture(scope="module")
def flawed(make, tmp_path_factory) -> Path:
    """Twelve seconds: 3 s black from 2 s on, 2.5 s frozen from 7 s on; silent for 4 s, and in its last second."""
    picture = f"{MOVING}:d=12,drawbox=t=fill:c=black:enable='between(t,2,4.99)',"
    picture += "loop=loop=62:size=1:start=175"
    sound = "sine=f=440:r=48000:d=11,volume=enable='between(t,3,7)':volume=0"
    return make(
        tmp_path_factory.mktemp("flawed") / "flawed.mp4",
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *(*FAST, "-c:a", "aac", "-t", "12"),
    )


def test_black_frozen_and_silent_stretches_are_found_to_a_tenth_of_a_second(make_of, step, flawed) -> None:
    outcomes = make_of(
        flawed,
        "video",
        step("small", "compress", {"height": 90}),
        measuring(step, "small", "picture"),
        measuring(step, "small", "sound"),
    )
    picture, sound = outcomes["small/picture"].values, outcomes["small/sound"].values
    assert 3.0 == pytest.approx(float(picture["longest_black_seconds"]), abs=0.11)
    # The black stretch stands still, too, and is the longer one.
    assert 3.0 == pytest.approx(float(picture["longest_frozen_seconds"]), abs=0.11)
    assert 4.0 == pytest.approx(float(sound["longest_silent_seconds"]), abs=0.11)
    assert () == outcomes["small/picture"].files


def test_stretches_that_run_to_the_end_of_the_file_count_to_it(make, make_of, step, tmp_path) -> None:
    picture = f"{MOVING}:d=4,tpad=stop_mode=clone:stop_duration=2"
    source = make(
        tmp_path / "end.mp4",
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=f=440:r=48000:d=3"),
        *(*FAST, "-c:a", "aac"),
    )
    outcomes = make_of(
        source,
        "video",
        measuring(step, "source", "picture"),
        measuring(step, "source", "sound"),
    )
    assert 2.0 == pytest.approx(float(outcomes["source/picture"].values["longest_frozen_seconds"]), abs=0.21)
    # The sound ends three seconds before the picture: who watches hears nothing from there on.
    assert 3.0 == pytest.approx(float(outcomes["source/sound"].values["longest_silent_seconds"]), abs=0.11)


def test_a_picture_shown_for_long_in_a_file_of_variable_rate_is_frozen(make, make_of, step, tmp_path) -> None:
    kept = f"{MOVING}:d=6,select='lt(t,2)+gte(t,4)'"
    source = make(tmp_path / "variable.mp4", "-f", "lavfi", "-i", kept, *FAST, "-fps_mode", "vfr")
    values = make_of(source, "video", measuring(step, "source", "picture"))["source/picture"].values
    assert 2.0 == pytest.approx(float(values["longest_frozen_seconds"]), abs=0.21)
    assert "0.0" == values["longest_black_seconds"]


def test_loudness_is_that_of_the_finished_file(make, make_of, step, tmp_path) -> None:
    source = make(tmp_path / "quiet.wav", "-f", "lavfi", "-i", "sine=f=1000:r=48000:d=6,volume=0.1")
    outcomes = make_of(
        source,
        "audio",
        step("loud", "compress", {"codec": "aac", "loudness": {"integratedLufs": -16}}),
        measuring(step, "loud", "sound"),
        measuring(step, "source", "sound"),
    )
    assert -16 == pytest.approx(float(outcomes["loud/sound"].values["integrated_lufs"]), abs=0.5)
    assert float(outcomes["source/sound"].values["integrated_lufs"]) < -35
    assert float(outcomes["loud/sound"].values["true_peak_dbtp"]) < -10


def test_silence_has_a_loudness_and_a_film_without_sound_has_none(make, make_of, step, tmp_path) -> None:
    silent = make(tmp_path / "silent.wav", "-f", "lavfi", "-i", "anullsrc=r=48000:d=3")
    values = make_of(silent, "audio", measuring(step, "source", "sound"))["source/sound"].values
    assert ("-70.0", "3.0") == (values["integrated_lufs"], values["longest_silent_seconds"])
    mute = make(tmp_path / "mute.mp4", "-f", "lavfi", "-i", f"{MOVING}:d=1", *FAST)
    assert (
        make_of(mute, "video", measuring(step, "source", "sound"))["source/sound"].skipped is Reason.NO_AUDIO
    )


@pytest.mark.parametrize("rate", ["25", "30000/1001", "vfr"])
def test_vmaf_tells_a_good_encode_from_a_bad_one_whatever_the_times(
    make, make_of, step, tmp_path, rate
) -> None:
    if rate == "vfr":
        pictures, timing = "testsrc2=s=480x270:r=25:d=4,select='mod(n,7)'", ("-fps_mode", "vfr")
    else:
        pictures, timing = f"testsrc2=s=480x270:r={rate}:d=4", ()
    source = make(tmp_path / "source.mkv", "-f", "lavfi", "-i", pictures, *FAST, "-crf", "6", *timing)
    outcomes = make_of(
        source,
        "video",
        step("cut", "crop", {"width": 320, "height": 240}, stored=False),
        step("good", "compress", {"crf": 16}, input="cut"),
        step("bad", "compress", {"crf": 48}, input="cut"),
        measuring(step, "good", "vmaf"),
        measuring(step, "bad", "vmaf"),
    )
    assert float(outcomes["good/vmaf"].values["vmaf"]) > 94
    assert float(outcomes["bad/vmaf"].values["vmaf"]) < 75


def test_a_file_that_is_there_is_measured_without_being_made_again(make_of, step, clip) -> None:
    small = step("small", "compress", {"height": 90})
    of = [measuring(step, "small", kind) for kind in ("vmaf", "picture")]
    first = make_of(clip, "video", small, *of)
    [made] = first["small"].files
    later = [measuring(step, "small", kind, input=ObjectRef(key="made")) for kind in ("vmaf", "picture")]
    way = small.model_copy(update={"stored": False})
    again = make_of(clip, "video", way, *later, made=made.path)
    assert {"small/vmaf", "small/picture"} == again.keys()
    assert [first[s.name].values for s in of] == [again[s.name].values for s in of]


def test_behind_clarity_there_is_no_vmaf(make_of, step, clip) -> None:
    clear = step("clear", "filter", {"steps": [{"clarity": 40}]})
    assert make_of(clip, "video", clear, measuring(step, "clear", "vmaf"))["clear/vmaf"].skipped is (
        Reason.FILTERED_APART
    )


def test_a_filter_s_own_change_is_no_loss(make_of, step, clip) -> None:
    steps = [{"grayscale": {}}]
    grey = step("grey", "filter", {"steps": steps}, stored=False)
    outcomes = make_of(
        clip,
        "video",
        grey,
        step("small", "compress", {"crf": 14}, input="grey"),
        measuring(step, "small", "vmaf"),
    )
    assert float(outcomes["small/vmaf"].values["vmaf"]) > 94


def spoken(*cues: tuple[str, int, int], confidence: float | None = None) -> Transcript:
    words = tuple(
        Word(text=text.split()[0], start_millis=start, end_millis=end, confidence=confidence)
        for text, start, end in cues
    )
    return Transcript(
        engine="test",
        model="test",
        language="en",
        duration_millis=10_000,
        segments=tuple(Segment(text=text, start_millis=start, end_millis=end) for text, start, end in cues),
        words=words,
        cues=tuple(Cue(lines=(text,), start_millis=start, end_millis=end) for text, start, end in cues),
    )


def test_the_fastest_cue_of_any_language_counts(make_of, step, clip, tmp_path) -> None:
    heard, german = tmp_path / "transcript.json", tmp_path / "transcript.de.json"
    heard.write_text(spoken(("ten chars.", 0, 1000), confidence=0.8).to_json())
    german.write_text(spoken(("thirty characters, no more now", 0, 2000)).to_json())
    reads = {"transcript": ObjectRef(key="heard"), "transcript.de.json": ObjectRef(key="german")}
    order = measuring(step, "words", "transcript", **reads)
    values = make_of(clip, "video", order, heard=heard, german=german)["words/transcript"].values
    assert {"fastest_cue_characters_per_second": "15.0", "confidence_percent": "80.0"} == values


def test_an_engine_that_isn_t_sure_of_anything_gives_no_confidence(make_of, step, clip, tmp_path) -> None:
    heard = tmp_path / "transcript.json"
    heard.write_text(spoken(("ten chars.", 0, 1000)).to_json())
    order = measuring(step, "words", "transcript", transcript=ObjectRef(key="heard"))
    values = make_of(clip, "video", order, heard=heard)["words/transcript"].values
    assert {"fastest_cue_characters_per_second"} == values.keys()


def test_what_was_never_made_isn_t_measured(step, tmp_path, clip) -> None:
    work = Pass(
        [step("cut", "crop", {"width": 9000, "height": 9000}), measuring(step, "cut", "picture")],
        FileType.VIDEO,
        tmp_path,
        Folder(clip),
    )
    work.run()
    assert ["cut", "cut/picture"] == [failure.step for failure in work.failures]
    assert Reason.DEPENDENCY_FAILED == work.failures[1].reason
