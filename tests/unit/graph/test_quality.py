"""What a plan does to reach a quality or a size."""

from __future__ import annotations

from typing import Any

import pytest

from mediaops.graph import AnalysisKind, Findings, PassPlan, plan_pass, plan_samples, sizing
from mediaops.graph.sampling import BEHIND_MILLIS, LEEWAY, PIECE_FRAMES, Piece, pieces
from mediaops.media import Media, Sound
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.operations.compress import Codec
from mediaops.operations.quality import QualityFound

SOUND = Sound(stream=1, codec="aac", profile="LC", size_bytes=960_000)
VIDEO = Media(
    file_type=FileType.VIDEO,
    format="mov",
    media_type="video/mp4",
    extension="mp4",
    size_bytes=30_000_000,
    duration_millis=60_000,
    width=640,
    height=360,
    frame_rate=25.0,
    picture_codec="h264",
    picture_bytes=29_000_000,
    pixel_format="yuv420p",
    sound=SOUND,
)
AUDIO = VIDEO.model_copy(
    update={"file_type": FileType.AUDIO, "width": None, "height": None, "frame_rate": None}
)
FOUND = QualityFound(crf=23.4, vmaf=95, kbps=900, probes=2, frames=60)


def step(
    name: str, type_: str = "compress", parameters: dict[str, Any] | None = None, **fields: Any
) -> StepOrder:
    return StepOrder(step_key=name, name=name, type=type_, parameters=parameters or {}, **fields)


def smart(**parameters: Any) -> StepOrder:
    return step("small", parameters={"targetVmaf": 95, **parameters})


def found(**changes: Any) -> Findings:
    return Findings(qualities={"small": FOUND.model_copy(update=changes)})


def argument(plan: PassPlan, option: str, output: int = 0) -> str:
    arguments = plan.outputs[output].arguments
    return arguments[arguments.index(option) + 1]


def test_a_quality_is_searched_for_before_anything_is_made() -> None:
    plan = plan_pass([smart(height=180)], VIDEO)
    [wanted] = plan.wanted
    assert (AnalysisKind.QUALITY, ("small",), ()) == (wanted.kind, wanted.steps, plan.commands)
    plan = plan_pass([smart(height=180)], VIDEO, found())
    assert "23.4" == argument(plan, "-crf")
    assert {"crf": "23.4", "vmaf": "95.0"}.items() <= plan.values["small"].items()


def test_it_is_measured_on_the_picture_as_its_chain_leaves_it() -> None:
    steps = [
        step("cut", "crop", {"aspect": "1:1"}, stored=False),
        smart(height=180).model_copy(update={"input": "cut"}),
    ]
    samples = plan_samples(steps, VIDEO, Findings(), "small")
    [chain] = samples.commands[1].graph
    start = chain[chain.index("PTS+") + 4 : chain.index("/TB")]
    assert ("-ss", start) == samples.commands[1].inputs[0][:2]
    assert "crop=360:360" in chain
    assert "scale=180:180" in chain
    assert Codec.H264 is samples.encoding.codec


def test_a_step_that_reads_a_searched_one_is_searched_for_itself() -> None:
    steps = [smart(), step("grey", "filter", {"steps": [{"grayscale": {}}]}, input="small")]
    assert ("small", "grey") == plan_pass(steps, VIDEO).wanted[0].steps


def test_pieces_lie_evenly_over_the_film_and_are_a_small_part_of_it() -> None:
    found = pieces(60_000, 25)
    assert 9 == len(found)
    assert [3333 - 480, 10_000 - 480] == [piece.start for piece in found[:2]]
    assert all(piece.length == PIECE_FRAMES * 40 for piece in found)
    assert 5 == len(pieces(15_000, 25))
    assert 48 == len(pieces(3_600_000, 25))
    [whole] = pieces(4000, 25)
    assert (0, 4000) == (whole.start, whole.length)


@pytest.mark.parametrize("apart", [500, 2000, 5000, 10_000, 25_000, 100_000])
def test_pieces_lie_behind_keyframes_and_spread_all_the_same(apart: int) -> None:
    even, keyframes = pieces(60_000, 25), range(0, 60_000, apart)
    found = pieces(60_000, 25, keyframes)

    def decoded(of: list[Piece]) -> int:
        return sum(piece.start - max(k for k in keyframes if k <= piece.start) for piece in of)

    leeway = LEEWAY * 60_000 / 9
    assert all(abs(one.start - other.start) <= leeway + 1 for one, other in zip(found, even, strict=True))
    assert 0 <= found[0].start
    assert found[-1].start + found[-1].length <= 60_000
    assert decoded(found) < (decoded(even) if apart > BEHIND_MILLIS else 9 * BEHIND_MILLIS)
    if apart == 5000:
        assert decoded(found) < 9 * BEHIND_MILLIS
    behind = {piece.start % apart for piece in found}
    assert len(behind) > 5, "not all at the same time after a keyframe"


@pytest.mark.parametrize(
    ("media", "parameters", "kept"),
    [
        ({"picture_bytes": 6_000_000}, {}, True),
        ({"picture_bytes": 7_000_000}, {}, False),  # 900 kbit/s for a minute are 6.75 MB
        ({"picture_bytes": 6_000_000}, {"height": 180}, False),
        ({"picture_bytes": 6_000_000}, {"codec": "h265"}, False),
        ({"picture_bytes": 6_000_000, "turned": True}, {}, False),
        ({"picture_bytes": 6_000_000, "interlaced": True}, {}, False),
        ({"picture_bytes": 6_000_000, "pixel_format": "yuv420p10le"}, {}, False),
        ({"picture_bytes": 6_000_000, "format": "avi"}, {}, False),
    ],
)
def test_a_source_that_is_smaller_and_right_already_is_kept(media, parameters, kept) -> None:
    plan = plan_pass([smart(**parameters)], VIDEO.model_copy(update=media), found())
    assert kept == ("copied" in plan.values["small"].get("kept", ""))
    assert kept == ("-c:v copy" in " ".join(plan.outputs[0].arguments))


def test_a_size_is_divided_and_the_picture_gets_two_passes() -> None:
    plan = plan_pass(
        [step("small", parameters={"maxSizeBytes": 10_000_000}), step("poster", "thumbnail")], VIDEO
    )
    poster, first, second = plan.commands
    assert ("thumbnail-0", True) == (poster.outputs[0].name, first.outputs[0].discarded)
    assert ["poster", "small"] == [output.step for output in plan.outputs]
    line = " ".join(first.line("ffmpeg", "SOURCE", "OUT"))
    assert "-pass 1 -passlogfile OUT/small/statistics" in line
    assert line.endswith("-f null -")
    assert "-pass 2 -passlogfile OUT/small/statistics" in " ".join(second.line("ffmpeg", "SOURCE", "OUT"))
    assert second.fit is not None
    # The sound is copied: 960 kB of the 10 MB.
    assert 1150 <= second.fit.kbps <= 1200
    assert argument(plan, "-c:a", 1) == "copy"


def test_a_small_size_takes_from_the_sound_too() -> None:
    plan = plan_pass([step("small", parameters={"maxSizeBytes": 1_500_000})], VIDEO)
    assert ("aac", "32k") == (argument(plan, "-c:a"), argument(plan, "-b:a"))


@pytest.mark.parametrize(
    ("media", "least"), [(VIDEO, "which needs 23: allow at least"), (AUDIO, "aac needs 24")]
)
def test_a_size_that_makes_no_sense_is_refused_with_one_that_does(media: Media, least: str) -> None:
    plan = plan_pass([step("small", parameters={"maxSizeBytes": 100_000})], media)
    assert least in plan.impossible["small"]
    enough = int("".join(c for c in plan.impossible["small"].split("allow at least ")[1].split(" bytes")[0]))
    assert {} == plan_pass([step("small", parameters={"maxSizeBytes": enough})], media).impossible


def test_a_source_that_fits_already_is_kept() -> None:
    plan = plan_pass([step("small", parameters={"maxSizeBytes": 30_000_000})], VIDEO)
    assert 1 == len(plan.commands)
    assert "-c:v copy" in " ".join(plan.outputs[0].arguments)


def test_what_misses_its_size_is_made_again_at_another_rate() -> None:
    command = plan_pass([step("small", parameters={"maxSizeBytes": 10_000_000})], VIDEO).commands[-1]
    fit = command.fit
    assert fit is not None
    assert sizing.refitted(command, fit, 9_900_000, 60) is None
    for size in (10_100_000, 9_000_000):
        again = sizing.refitted(command, fit, size, 60)
        assert again is not None
        changed, held = again
        assert held.kbps == pytest.approx(fit.kbps + (9_910_000 - size) * 8 / 60_000, abs=1)
        assert f"{held.kbps}k" in changed.outputs[0].arguments
    assert sizing.refitted(command, fit, 9_000_000, 60)[0].line("f", "s", "o") != command.line("f", "s", "o")  # type: ignore[index]


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9"])
def test_each_codec_has_the_passes_that_its_encoder_has(codec: str) -> None:
    plan = plan_pass(
        [step("small", parameters={"maxSizeBytes": 10_000_000, "codec": codec, "height": 180})], VIDEO
    )
    assert (1 if codec == "av1" else 2) == len(plan.commands)


def test_a_gpu_s_encoder_is_taken_where_there_is_one() -> None:
    steps = [step("small", gpu=1)]
    assert AnalysisKind.ENCODERS is plan_pass(steps, VIDEO).wanted[0].kind
    plan = plan_pass(steps, VIDEO, Findings(encoders=(Codec.H264,)))
    assert ("h264_nvenc", "23") == (argument(plan, "-c:v"), argument(plan, "-cq"))
    assert {"encoder": "h264_nvenc"} == plan.values["small"]
    plan = plan_pass(steps, VIDEO, Findings(encoders=()))
    assert "libx264" == argument(plan, "-c:v")
    assert "the GPU has no encoder for h264" in plan.values["small"]["encoder"]
    assert () == plan_pass([step("small")], VIDEO).wanted


def test_a_gpu_decodes_what_it_was_seen_to_decode() -> None:
    steps = [step("small", gpu=1), step("sound", "transcribe")]
    (command,) = plan_pass(steps, VIDEO, Findings(encoders=(), decodes=True)).commands
    line = command.line("ffmpeg", "in.mp4", "out")
    assert line[line.index("-i") - 2 : line.index("-i")] == ["-hwaccel", "cuda"]
    (command,) = plan_pass(steps, VIDEO, Findings(encoders=())).commands
    assert "-hwaccel" not in command.line("ffmpeg", "in.mp4", "out")


def test_the_index_stands_first_unless_it_is_not_wanted() -> None:
    assert "+faststart" == argument(plan_pass([step("small")], VIDEO), "-movflags")
    plan = plan_pass([step("small", parameters={"faststart": False})], VIDEO)
    assert "-movflags" not in plan.outputs[0].arguments
