"""Which measurements a spec's quality checks need, and where each is found."""

from __future__ import annotations

from uuid import UUID

import pytest

from mediaops.models.mediaasset import MediaAssetSpec
from mediaops.models.work import StepResult, StoredFile
from mediaops.planner import pack, plan_measurements, plan_steps
from mediaops.planner.measurements import apart, on_the_way

IDENTITY = "sha256:00"
CHAIN = [
    {"name": "transcript", "transcribe": {"language": "en"}},
    {"name": "tall", "crop": {"aspect": "9:16"}},
    {"name": "small", "input": "tall", "compress": {"height": 720}},
    {"name": "poster", "thumbnail": {}},
]
ALL = {
    "minVmaf": 90,
    "maxBlackSeconds": 2,
    "maxSilentSeconds": 2,
    "maxCharactersPerSecond": 17,
}


def spec(**more):
    written = {"fileType": "video", "source": {"object": {"key": "a.mp4"}}, "operations": CHAIN}
    return MediaAssetSpec.model_validate(written | {"qualityChecks": ALL} | more)


def planned(one):
    steps = plan_steps(one, asset_name="clip", asset_uid="u1", identity=IDENTITY)
    return steps, plan_measurements(one, steps, IDENTITY)


def names(one):
    return [measurement.name for measurement in planned(one)[1]]


def keys(one):
    return {measurement.name: measurement.step_key for measurement in planned(one)[1]}


def targets(*media):
    target = {"name": "x", "platform": "x", **({"media": [{"from": m} for m in media]} if media else {})}
    return {"targets": [target]}


def result(name, *files):
    made = [
        StoredFile(
            name=f, key=f"acme/steps/{name}/{f}", media_type="video/mp4", size_bytes=1, sha256="a" * 64
        )
        for f in files
    ]
    return StepResult(step_key=name, type="x", job="j", files=made)


def test_the_primary_file_and_the_transcripts_are_measured():
    assert ["small/picture", "small/sound", "small/vmaf", "transcript/transcript"] == names(spec())


def test_with_targets_what_they_post_is_measured_instead_and_stills_are_not():
    of = {"transcript/transcript", "tall/picture", "tall/sound", "tall/vmaf"}
    assert of == set(names(spec(publish=targets("tall", "poster"))))
    of = {"transcript/transcript", "source/picture", "source/sound"}
    assert of == set(names(spec(publish=targets("source"))))


def test_limits_have_no_part_in_a_key_and_the_file_has():
    other = spec(qualityChecks={name: limit + 1 for name, limit in ALL.items()})
    assert keys(spec()) == keys(other)
    smaller = [*CHAIN[:2], CHAIN[2] | {"compress": {"height": 480}}, CHAIN[3]]
    changed = keys(spec(operations=smaller))
    assert {"transcript/transcript"} == {name for name, key in keys(spec()).items() if changed[name] == key}


def test_a_check_changes_no_operation_s_key():
    def operations(one):
        return {step.name: (step.step_key, step.processing_job) for step in planned(one)[0]}

    assert operations(spec(qualityChecks=None)) == operations(spec())


def test_an_edited_transcript_is_measured_as_it_was_edited():
    edit = {"operation": "transcript", "key": "edits/t.json", "sha256": "b" * 64}
    edited = spec(review={"transcripts": [edit]})
    assert keys(edited)["transcript/transcript"] != keys(spec())["transcript/transcript"]
    steps, measurements = planned(edited)
    [order] = apart(measurements[-1:], steps, {}, UUID(int=1), "acme")
    assert ("acme/edits/t.json", "b" * 64) == (
        order.reads["transcript"].key,
        order.reads["transcript"].sha256,
    )


def test_a_pass_measures_what_it_makes_and_vmaf_only_where_it_has_all_the_way_from_the_source():
    one = spec(publish=targets("tall", "small"))
    steps, measurements = planned(one)
    inside = {"transcript", "small"}
    [pass_] = pack(steps, open_=inside, done={"tall"}, prepared=set())
    orders = on_the_way(pass_, steps, measurements)
    assert ["small/picture", "small/sound", "transcript/transcript"] == [order.name for order in orders]
    [pass_] = pack(steps, open_={s.name for s in steps}, done=set(), prepared=set())
    assert len(measurements) == len(on_the_way(pass_, steps, measurements))


def test_apart_the_file_is_read_and_the_way_to_it_run_through_again():
    steps, measurements = planned(spec())
    results = {
        "small": result("small", "rendition"),
        "transcript": result("t", "transcript.json", "transcript.srt"),
    }
    orders = {order.name: order for order in apart(measurements, steps, results, UUID(int=1), "acme")}
    assert {"tall", "small"} == {name for name, order in orders.items() if not order.stored}
    assert "acme/steps/small/rendition" == orders["small/vmaf"].reads["input"].key
    assert {"transcript"} == orders["transcript/transcript"].reads.keys()
    with pytest.raises(KeyError):
        apart(measurements, steps, {"transcript": result("t")}, UUID(int=1), "acme")
