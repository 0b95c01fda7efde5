"""The `run` door as a process: what it stores, skips, reports, and how it ends."""

from __future__ import annotations

import hashlib
import io

import av
import pytest
from PIL import Image

from mediaops.models.work import Exit, StepFailure
from mediaops_ops.run import exit_code

VERTICAL = {"aspect": "9:16", "mode": "center"}


@pytest.fixture
def three(step):
    return [
        step("vertical", "crop", VERTICAL, stored=False),
        step("small", "compress", {"height": 120}, input="vertical"),
        step("poster", "thumbnail", {"count": 2, "width": 160}),
    ]


def test_a_pass_crops_compresses_and_takes_stills_in_one_go(door, bucket, clip, three):
    order = door.order(source=bucket.put_source(clip), steps=three)

    assert Exit.DONE == door.run(order), door.failures

    rendition = bucket.result("small").file("rendition")
    assert ("video/mp4", 68, 120) == (rendition.media_type, rendition.width_pixels, rendition.height_pixels)
    assert abs(2000 - rendition.duration_millis) <= 40
    content = bucket.objects[rendition.key]
    assert hashlib.sha256(content).hexdigest() == rendition.sha256
    assert rendition.key == f"acme/steps/small/{rendition.sha256}.mp4"
    with av.open(io.BytesIO(content)) as made:
        assert ["h264", "aac"] == [stream.codec_context.name for stream in made.streams]
        assert "yuv420p" == made.streams.video[0].codec_context.pix_fmt
        assert 50 == sum(1 for _ in made.decode(video=0))
    assert content.index(b"moov") < content.index(b"mdat")
    stills = bucket.result("poster").files
    assert ["thumbnail-0", "thumbnail-1"] == [still.name for still in stills]
    for still in stills:
        assert (160, 90) == Image.open(io.BytesIO(bucket.objects[still.key])).size
    assert bucket.result("vertical") is None
    assert 2000 == pytest.approx(bucket.result("poster").source.duration_millis, abs=50)


def test_the_result_is_put_after_the_files_that_it_names(door, bucket, clip, three):
    door.run(door.order(source=bucket.put_source(clip), steps=three))

    for name in ("small", "poster"):
        own = [key for key in bucket.puts if key.startswith(f"acme/steps/{name}/")]
        assert own[-1].endswith("/result.json")
        assert 1 == sum(key.endswith("/result.json") for key in own)


def test_callbacks_tell_of_finished_steps_and_never_go_back(door, bucket, clip, three):
    door.run(door.order(source=bucket.put_source(clip), steps=three))

    last = bucket.callbacks[-1]
    assert ("row-small", "clip-pass-1", "completed", 100) == tuple(
        last[name] for name in ("job_id", "flask_job_id", "status", "percent")
    )
    assert {"row-small": "completed", "row-poster": "completed"} == {
        step["job_id"]: step["status"] for step in last["steps"]
    }
    percents = [callback["percent"] for callback in bucket.callbacks]
    assert sorted(percents) == percents


def test_a_lost_backend_for_callbacks_is_no_failure(door, bucket, clip, three):
    bucket.fault = lambda _method, path: 503 if path.endswith("/callback") else None

    assert Exit.DONE == door.run(door.order(source=bucket.put_source(clip), steps=three)), door.failures


def test_steps_whose_result_is_there_are_not_made_again(door, bucket, clip, three):
    order = door.order(source=bucket.put_source(clip), steps=three)
    door.run(order)
    before = bucket.objects["acme/steps/small/result.json"]
    del bucket.objects["acme/steps/poster/result.json"]
    bucket.puts.clear()

    assert Exit.DONE == door.run(order), door.failures

    assert bucket.result("poster") is not None
    assert before == bucket.objects["acme/steps/small/result.json"]
    assert not any(key.startswith("acme/steps/small/") for key in bucket.puts)


def test_an_order_that_is_done_reads_no_source(door, bucket, clip, three):
    order = door.order(source=bucket.put_source(clip), steps=three)
    door.run(order)
    bucket.gets.clear()

    assert Exit.DONE == door.run(order), door.failures

    assert not any(key == order.source.key for key, _ in bucket.gets)


def test_what_another_asset_could_skip_still_fails_where_it_is_required(
    door, bucket, make, clip, step, tmp_path
):
    silent = bucket.put_source(make(tmp_path / "silent.mp4", "-i", str(clip), "-an", "-c", "copy"))
    assert Exit.DONE == door.run(door.order(source=silent, steps=[step("words", "transcribe")]))
    assert "NoAudio" == bucket.result("words").skipped

    required = door.order(source=silent, steps=[step("words", "transcribe", required=True)])
    assert (Exit.IMPOSSIBLE, "NoAudio", True) == door.refused(required)


def test_a_fetch_that_breaks_off_goes_on_where_it_stopped(door, bucket, clip, three):
    bucket.cut_after = 20_000

    assert Exit.DONE == door.run(door.order(source=bucket.put_source(clip), steps=three)), door.failures

    ranges = [headers.get("Range") for key, headers in bucket.gets if key.endswith("source.mp4")]
    assert [None, "bytes=20000-"] == ranges


def test_large_files_go_up_in_parts(door, bucket, clip, three):
    bucket.multipart_bytes = 10_000

    assert Exit.DONE == door.run(door.order(source=bucket.put_source(clip), steps=three)), door.failures

    rendition = bucket.result("small").file("rendition")
    assert rendition.size_bytes > 10_000
    assert hashlib.sha256(bucket.objects[rendition.key]).hexdigest() == rendition.sha256


def test_a_replaced_source_is_refused_for_good(door, bucket, clip, three):
    source = bucket.put_source(clip).model_copy(update={"sha256": None, "etag": '"what-it-was"'})

    assert (Exit.IMPOSSIBLE, "SourceChanged", True) == door.refused(door.order(source=source, steps=three))


@pytest.mark.parametrize(
    ("path", "reason"), [("/urls", "BackendUnavailable"), ("/objects/", "StorageUnavailable")]
)
def test_what_stays_out_of_reach_is_not_counted_as_an_attempt(door, bucket, clip, three, path, reason):
    bucket.fault = lambda _method, at: 503 if path in at else None
    order = door.order(source=bucket.put_source(clip), steps=three)

    assert (Exit.UNREACHABLE, reason, False) == door.refused(order)


def test_a_step_that_cannot_be_done_leaves_the_others_alone(door, bucket, clip, step):
    steps = [
        step("corner", "crop", {"x": 300, "y": 0, "width": 100, "height": 100}),
        step("tiny", "compress", {"height": 60}, input="corner"),
        step("poster", "thumbnail", {}),
    ]

    assert Exit.IMPOSSIBLE == door.run(door.order(source=bucket.put_source(clip), steps=steps))

    assert bucket.result("poster") is not None
    assert [("corner", "InvalidParameters", True), ("tiny", "DependencyFailed", False)] == [
        (failure.step, failure.reason, failure.permanent) for failure in door.failures
    ]


FAILED = StepFailure(step="a", reason="EncodeFailed", message="m")
FINAL = StepFailure(step="b", reason="InvalidParameters", message="m", permanent=True)
AWAY = StepFailure(step="c", reason="EngineUnavailable", message="m")
NEEDY = StepFailure(step="d", reason="DependencyFailed", message="m")


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([], Exit.DONE),
        ([FINAL, NEEDY], Exit.IMPOSSIBLE),
        ([AWAY, NEEDY], Exit.UNREACHABLE),
        ([FINAL, AWAY], Exit.UNREACHABLE),
        ([FAILED], Exit.FAILED),
        ([FAILED, AWAY, FINAL], Exit.FAILED),
    ],
)
def test_the_exit_code_says_what_most_needs_to_be_known(failures, code):
    assert code == exit_code(failures, [AWAY])
