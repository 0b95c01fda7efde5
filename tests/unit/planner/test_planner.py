"""The planner on manifests: what is stored, what shares a pass, what changes a key."""

from uuid import UUID

import pytest

from mediaops.identity import digest
from mediaops.models.base import FileType
from mediaops.models.mediaasset import MediaAssetSpec
from mediaops.models.publish import Review
from mediaops.models.work import StepResult, StoredFile
from mediaops.operations.crop import CropParameters
from mediaops.planner import Pass, Placement, pack, plan_steps, step_orders

ASSET = UUID(int=1)


def spec(*operations, **more):
    return MediaAssetSpec.model_validate(
        {"fileType": "video", "source": {"object": {"key": "a.mp4"}}, "operations": list(operations), **more}
    )


def steps(s, **more):
    return plan_steps(s, asset_name="clip", asset_uid="u1", identity="sha256:00", **more)


CHAIN = [
    {"name": "transcript", "transcribe": {}},
    {"name": "vertical", "crop": {"aspect": "9:16"}},
    {"name": "bright", "input": "vertical", "filter": {"steps": [{"brightness": 10}]}},
    {"name": "small", "input": "bright", "compress": {"height": 720}},
    {"name": "poster", "thumbnail": {}},
    {"name": "post", "caption": {"transcriptFrom": "transcript"}},
]


def keys(s, **more):
    return {step.name: step.step_key for step in steps(s, **more)}


def everything_open(plan):
    return {"open_": {s.name for s in plan}, "done": set(), "prepared": set()}


def test_a_chain_is_one_pass_and_only_its_end_is_stored():
    plan = steps(spec(*CHAIN))
    assert {s.name: s.stored for s in plan} == {
        "transcript": True,
        "vertical": False,
        "bright": False,
        "small": True,
        "poster": True,
        "post": True,
    }
    assert [("transcript", "vertical", "bright", "small", "poster", "post")] == [
        p.members for p in pack(plan, **everything_open(plan))
    ]


def test_an_intermediate_that_a_target_or_primary_names_is_stored():
    named = spec(
        *CHAIN, publish={"targets": [{"name": "x", "platform": "x", "media": [{"from": "vertical"}]}]}
    )
    assert {s.name for s in steps(named) if s.stored} >= {"vertical", "small"}
    assert {s.name for s in steps(spec(*CHAIN, primary="bright")) if s.stored} >= {"bright", "small"}


def test_editing_one_operation_changes_its_key_and_those_below_only():
    edited = [dict(o) for o in CHAIN]
    edited[2] = {"name": "bright", "input": "vertical", "filter": {"steps": [{"brightness": 20}]}}
    before, after = keys(spec(*CHAIN)), keys(spec(*edited))
    assert {n for n in before if before[n] != after[n]} == {"bright", "small"}


def test_a_caption_depends_on_the_transcript_it_reads_and_on_attributes():
    louder = [dict(o) for o in CHAIN]
    louder[0] = {"name": "transcript", "transcribe": {"language": "en"}}
    before = keys(spec(*CHAIN))
    assert {n for n, k in keys(spec(*louder)).items() if k != before[n]} == {"transcript", "post"}
    assert {n for n, k in keys(spec(*CHAIN, attributes={"campaign": "a"})).items() if k != before[n]} == {
        "post"
    }


def test_a_name_is_no_part_of_a_key_so_equal_work_is_found_under_other_names():
    renamed = [{**o, "name": o["name"] + "2"} for o in CHAIN[:2]]
    assert list(keys(spec(*renamed)).values()) == list(keys(spec(*CHAIN[:2])).values())


def test_pinned_step_keys_outlive_an_upgrade():
    plan = steps(spec(*CHAIN))
    pinned = {s.processing_job: f"pinned-{s.name}" for s in plan}
    assert {s.step_key for s in steps(spec(*CHAIN), pinned=pinned)} == set(pinned.values())


def test_reprocess_makes_new_processing_jobs_with_the_same_keys():
    first, again = steps(spec(*CHAIN)), steps(spec(*CHAIN), reprocess="t1")
    assert {s.processing_job for s in first}.isdisjoint({s.processing_job for s in again})
    assert [s.step_key for s in first] == [s.step_key for s in again]


def test_an_outside_engine_waits_for_the_audio_that_the_decoding_pass_prepares():
    operations = [{"name": "transcript", "transcribe": {"engine": "openai"}}, *CHAIN[1:]]
    plan = steps(spec(*operations))
    (media,) = pack(plan, **everything_open(plan))
    # The caption reads the outside transcript, so it waits; the audio is made on the way.
    assert media.members == ("vertical", "bright", "small", "poster")
    assert [p.name for p in media.prepares] == ["transcript/audio"]
    (engine,) = pack(
        plan, open_={"transcript", "post"}, done=set(media.members), prepared={"transcript/audio"}
    )
    assert engine == Pass(("transcript",), Placement(0, "openai"))
    (last,) = pack(plan, open_={"post"}, done={*media.members, "transcript"}, prepared=set())
    assert last.members == ("post",)


def test_another_gpu_count_is_another_pass_that_reads_a_stored_file():
    operations = [CHAIN[1], {"name": "small", "input": "vertical", "compress": {}, "gpu": 1}]
    plan = steps(spec(*operations))
    assert {s.name: s.stored for s in plan} == {"vertical": True, "small": True}
    assert [("vertical",)] == [p.members for p in pack(plan, **everything_open(plan))]
    (gpu,) = pack(plan, open_={"small"}, done={"vertical"}, prepared=set())
    assert gpu == Pass(("small",), Placement(1))


def test_an_edited_end_runs_its_unstored_chain_again_without_counting_it():
    plan = steps(spec(*CHAIN))
    (again,) = pack(plan, open_={"small"}, done={s.name for s in plan} - {"small"}, prepared=set())
    assert again == Pass(("small",), Placement(), through=("vertical", "bright"))


def test_what_failed_together_runs_apart_one_pass_per_stored_output():
    operations = [*CHAIN[1:4], {"name": "poster", "input": "vertical", "thumbnail": {}}]
    plan = steps(spec(*operations))
    names = {s.name for s in plan}
    assert [(("vertical", "bright", "small"), ()), (("poster",), ("vertical",))] == [
        (p.members, p.through) for p in pack(plan, open_=names, done=set(), prepared=set(), apart=names)
    ]


def test_nothing_runs_on_an_input_that_is_not_there():
    plan = steps(spec(*CHAIN))
    assert pack(plan, open_={"post"}, done=set(), prepared=set()) == []


def test_a_work_order_names_what_it_reads_by_key_and_hash():
    operations = [{"name": "transcript", "transcribe": {"engine": "openai"}}, CHAIN[-1]]
    plan = steps(spec(*operations))
    audio = StoredFile(
        name="audio", key="acme/steps/k/a.flac", media_type="audio/flac", size_bytes=3, sha256="a" * 64
    )
    prepared = StepResult(step_key="k", type="prepareAudio", job="j", files=[audio])
    (order,) = step_orders(
        Pass(("transcript",), Placement(0, "openai")), plan, {"transcript/audio": prepared}, ASSET, "acme"
    )
    assert order.reads["audio"].key == audio.key
    assert (order.engine, order.parameters["model"]) == ("openai", "whisper-1")
    with pytest.raises(KeyError):
        step_orders(Pass(("post",), Placement()), plan, {}, ASSET, "acme")


def graded(key, sha256):
    lut = {"lut": {"file": {"key": key, "sha256": sha256}}}
    return spec({"name": "graded", "filter": {"steps": [lut]}})


def test_a_file_counts_by_its_content_and_is_read_from_the_workspace():
    first, moved, other = graded("a.cube", "a" * 64), graded("b.cube", "a" * 64), graded("a.cube", "b" * 64)
    assert keys(first) == keys(moved)
    assert keys(first) != keys(other)

    (order,) = step_orders(Pass(("graded",), Placement()), steps(first), {}, ASSET, "acme")
    assert {f"file-{'a' * 64}": ("acme/a.cube", "a" * 64)} == {
        role: (ref.key, ref.sha256) for role, ref in order.reads.items()
    }


def test_what_isnt_set_is_no_part_of_a_key_so_a_later_versions_parameters_change_none():
    class Later(CropParameters):
        zoom: int | None = None

    today, later = (
        one.model_validate({"aspect": "9:16"}).resolved(FileType.VIDEO) for one in (CropParameters, Later)
    )
    assert today.content() == later.content()


def test_what_is_translated_runs_on_prepared_sound_with_the_translators_key_whoever_listens():
    plan = steps(spec({"name": "words", "transcribe": {"translateTo": ["de", "ar"]}}, CHAIN[4]))
    words = plan[0]
    assert words.placement == Placement(0, "openai")
    assert words.prepared is not None
    assert words.operation.transcribe.translate_to == ["ar", "de"]
    assert [p.members for p in pack(plan, **everything_open(plan))] == [("poster",)]
    on_gpu = steps(spec({"name": "words", "gpu": 1, "transcribe": {"translateTo": ["de"]}}))
    assert on_gpu[0].placement == Placement(1, "openai")


def test_another_language_or_translator_is_another_output():
    one = keys(spec({"name": "words", "transcribe": {"translateTo": ["de"]}}))
    assert one == keys(spec({"name": "words", "transcribe": {"translateTo": ["de"]}}))
    for change in ({"translateTo": ["de", "fr"]}, {"translateTo": ["de"], "translationModel": "gpt-4o"}):
        assert one != keys(spec({"name": "words", "transcribe": change}))


def test_a_whisper_of_the_image_runs_on_its_gpu_without_prepared_sound():
    plan = steps(spec({"name": "words", "gpu": 1, "transcribe": {"engine": "faster-whisper"}}, CHAIN[4]))
    assert (plan[0].placement, plan[0].prepared) == (Placement(1), None)
    assert plan[0].operation.transcribe.model == "small"
    assert {("words",), ("poster",)} == {p.members for p in pack(plan, **everything_open(plan))}


def subtitled(transcribe=None, **block):
    burnt = {"burnSubtitles": {"from": "transcript", **block}}
    return spec(
        {"name": "transcript", "transcribe": transcribe or {}},
        {"name": "burnt", "filter": {"steps": [burnt]}},
        {"name": "small", "input": "burnt", "compress": {}},
        {"name": "poster", "thumbnail": {}},
    )


def test_what_is_burnt_in_counts_for_all_that_follows_and_its_style_for_nothing_above():
    before = keys(subtitled())
    louder, boxed = keys(subtitled({"language": "en"})), keys(subtitled(style="box"))
    assert {"transcript", "burnt", "small"} == {n for n in before if before[n] != louder[n]}
    assert {"burnt", "small"} == {n for n in before if before[n] != boxed[n]}


def test_subtitles_share_the_pass_of_a_transcript_made_here_and_wait_for_one_made_outside():
    plan = steps(subtitled())
    assert ("transcript",) == next(s for s in plan if s.name == "burnt").needs
    assert [("transcript", "burnt", "small", "poster")] == [
        p.members for p in pack(plan, **everything_open(plan))
    ]

    outside = steps(subtitled({"engine": "openai"}))
    (media,) = pack(outside, **everything_open(outside))
    assert (("poster",), ["transcript/audio"]) == (media.members, [p.name for p in media.prepares])
    (last,) = pack(outside, open_={"burnt", "small"}, done={"transcript", "poster"}, prepared=set())
    assert ("burnt", "small") == last.members


def test_a_pass_of_its_own_waits_for_the_transcript_that_it_reads():
    plan = steps(subtitled())
    names = {s.name for s in plan}
    first = pack(plan, open_=names, done=set(), prepared=set(), apart=names)
    assert [("transcript",), ("poster",)] == [p.members for p in first]
    (last,) = pack(plan, open_={"burnt", "small"}, done={"transcript", "poster"}, prepared=set(), apart=names)
    assert ("burnt", "small") == last.members


def test_the_language_asked_for_is_the_file_that_is_read():
    files = [
        StoredFile(name=name, key=f"k/{name}", media_type="application/json", size_bytes=3, sha256="a" * 64)
        for name in ("transcript.json", "transcript.de.json")
    ]
    made = {"transcript": StepResult(step_key="k", type="transcribe", job="j", files=files)}
    for block, key in (({}, "k/transcript.json"), ({"language": "de"}, "k/transcript.de.json")):
        plan = steps(subtitled(**block))
        burnt, _ = step_orders(Pass(("burnt", "small"), Placement()), plan, made, ASSET, "acme")
        assert key == burnt.reads["transcript"].key


def edited(sha256):
    entry = {"operation": "transcript", "key": "reviews/a.json", "sha256": sha256}
    return spec(*CHAIN, review={"transcripts": [entry]})


def test_an_edited_transcript_reruns_only_what_reads_it():
    heard, once, twice = keys(spec(*CHAIN)), keys(edited("a" * 64)), keys(edited("b" * 64))
    assert {"post"} == {name for name in heard if heard[name] != once[name]}
    assert {"post"} == {name for name in once if once[name] != twice[name]}
    jobs = {s.name: s.processing_job for s in steps(spec(*CHAIN))}
    changed = {s.name for s in steps(edited("a" * 64)) if s.processing_job != jobs[s.name]}
    assert {"post"} == changed


def test_an_edit_is_read_in_place_of_the_transcript_whatever_became_of_that():
    plan = steps(edited("a" * 64))
    post = next(s for s in plan if s.name == "post")
    assert (post.transcript, post.needs) == ("transcript", ())
    (order,) = step_orders(Pass(("post",), Placement()), plan, {}, ASSET, "acme")
    assert (order.reads["transcript"].key, order.reads["transcript"].sha256) == (
        "acme/reviews/a.json",
        "a" * 64,
    )
    assert order.transcript_step is None


def test_what_comes_out_the_same_after_another_transcription_is_not_run_again():
    other = [{"name": "transcript", "transcribe": {"vad": False}}, *CHAIN[1:]]
    entry = {"operation": "transcript", "key": "reviews/a.json", "sha256": "a" * 64}
    again = keys(spec(*other, review={"transcripts": [entry]}))
    assert keys(edited("a" * 64))["post"] == again["post"]


def test_an_edit_is_translated_anew_without_listening_and_what_is_burnt_in_follows():
    entry = {"operation": "transcript", "key": "reviews/a.json", "sha256": "a" * 64}
    changed = {"transcript", "burnt", "small"}
    for block in ({}, {"language": "de"}):
        plain = subtitled({"translateTo": ["de"]}, **block)
        corrected = plain.model_copy(update={"review": Review.model_validate({"transcripts": [entry]})})
        before, after = keys(plain), keys(corrected)
        assert changed == {name for name in before if before[name] != after[name]}
    plan = steps(corrected)
    transcript = plan[0]
    assert (transcript.placement, transcript.prepared) == (Placement(0, "openai"), None)
    first = pack(plan, open_={s.name for s in plan}, done=set(), prepared=set())
    assert [("poster",), ("transcript",)] == [p.members for p in first]
    (order,) = step_orders(first[1], plan, {}, ASSET, "acme")
    assert (order.reads.keys(), order.engine) == ({"transcript"}, "openai")


def test_a_job_is_named_by_what_was_written_and_by_no_default():
    (poster,) = steps(spec({"name": "poster", "thumbnail": {}}))
    assert digest({"name": "poster", "thumbnail": {}}, [], (), {})[:40] == poster.spec_hash


def test_a_file_prepared_in_a_pass_that_runs_through_a_done_transform_leaves_it_in():
    plan = steps(
        spec(
            {"name": "transcript", "transcribe": {"engine": "openai"}},
            {"name": "vertical", "crop": {"aspect": "9:16"}},
            {"name": "small", "input": "vertical", "compress": {}},
        )
    )
    [pass_] = pack(plan, open_={"transcript", "small"}, done={"vertical"}, prepared=set())
    assert (("small",), ("vertical",)) == (pass_.members, pass_.through)
    assert ["transcript/audio"] == [prepared.name for prepared in pass_.prepares]
