"""Where a film is cut, and the FFmpeg lines of its parts."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaops import segments
from mediaops.models.work import WorkOrder
from mediaops.segments import Cuts, cut, listed, wanted
from mediaops_ops import preview

NTSC = Fraction(30_000)
"""Ticks per second of a film at 30000/1001 pictures per second."""


@pytest.mark.parametrize(
    ("asked", "seconds", "count"),
    [(4, 10, 4), ("auto", 239, 1), ("auto", 240, 2), ("auto", 600, 5), ("auto", 7200, 16)],
)
def test_auto_goes_by_the_length(asked: int | str, seconds: float, count: int) -> None:
    assert count == wanted(asked, seconds)  # type: ignore[arg-type]


def test_cuts_lie_on_the_keyframes_nearest_to_even_parts() -> None:
    keyframes = [tick * 30_000 for tick in (0, 2, 5, 7, 11, 12)]
    assert [0, 5 * 30_000, 11 * 30_000] == cut(3, keyframes, 0, 15 * 30_000, NTSC).starts


def test_fewer_keyframes_make_fewer_segments_and_it_says_so() -> None:
    found = cut(4, [90_000], 0, 300_000, NTSC)
    assert (2, "2 of 4: its keyframes allow no more") == (found.count, found.words)
    alone = cut(4, [0], 0, 300_000, NTSC)
    assert (1, f"1: {segments.NO_KEYFRAMES}") == (alone.count, alone.words)


@given(
    st.integers(2, 64),
    st.sets(st.integers(0, 10_000_000), max_size=200),
    st.integers(0, 5_000),
    st.integers(1, 10_000_000),
)
def test_segments_follow_one_another_and_none_is_shorter_than_a_second(
    asked: int, keyframes: set[int], first: int, length: int
) -> None:
    end = first + length
    found = cut(asked, sorted(keyframes), first, end, NTSC)
    assert found.whole is not None or 2 <= found.count <= asked
    if found.whole is None:
        assert found.starts[0] == first
        assert set(found.starts[1:]) <= keyframes
        assert all(after - before >= NTSC for before, after in pairwise([*found.starts, end]))


@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=20), st.sampled_from([1000, 12_800, 30_000, 90_000])
)
def test_the_list_brings_each_segment_back_to_its_tick(lengths: list[int], rate: int) -> None:
    starts = [7]
    for length in lengths:
        starts.append(starts[-1] + length)
    cuts = Cuts(ticks_per_second=(rate, 1), starts=starts)
    at = cuts.micros(0)
    for index, line in enumerate(listed(cuts).splitlines()[1::2], 1):
        at += round(Fraction(line.removeprefix("duration ")) * 1_000_000)
        assert starts[index] == round(Fraction(at, 1_000_000) * rate)


def order(*steps: dict, indexed: tuple[str, ...] = ()) -> WorkOrder:
    return WorkOrder.model_validate(
        {
            "job": "clip-0123456789ab",
            "namespace": "acme",
            "workspace": "acme",
            "asset_id": "a",
            "file_type": "video",
            "backend_url": "https://backend",
            "capability": "c",
            "deadline_seconds": 60,
            "steps": [{"step_key": step["name"], **step} for step in steps],
            "indexed": list(indexed),
        }
    )


SMALL = {
    "name": "small",
    "type": "compress",
    "parameters": {"codec": "h264", "height": 360, "targetVmaf": 93},
}
CUTS = {"cuts": {"key": "cuts"}}


def planned(order: WorkOrder) -> list[str]:
    return preview.text(order, preview.SUPPOSED[order.file_type]).splitlines()


def test_where_to_cut_is_found_out_before_anything_that_only_segments_need() -> None:
    said = planned(
        order(
            {**SMALL, "stored": False},
            {"name": "small/cuts", "type": "prepareCuts", "parameters": {"segments": 3}, "input": "small"},
        )
    )
    assert [line for line in said if line.startswith("# first")] == [
        "# first, cuts for small/cuts (below as supposed)",
        "# first, quality for small (below as supposed)",
    ]
    assert not any(line.startswith("ffmpeg") for line in said)


def test_a_segment_is_opened_at_its_cut_and_trimmed_by_the_tick() -> None:
    steps = [
        {"name": f"small/segment-{i}", "type": "prepareSegment", "parameters": {"index": i}, "input": "small"}
        for i in range(3)
    ]
    said = planned(
        order({**SMALL, "parameters": {"crf": 24}, "stored": False}, *({**s, "reads": CUTS} for s in steps))
    )
    first, middle, last = (line for line in said if line.startswith("ffmpeg"))
    assert " -ss " not in first
    assert "trim=end_pts=30000," in first
    assert " -ss 30.000000 -itsoffset 30.000000 -i SOURCE" in middle
    assert "trim=start_pts=30000:end_pts=60000," in middle
    assert "-output_ts_offset -30.000000" in middle
    assert "trim=start_pts=60000," in last
    assert all(
        " -crf 24 " in line and " -an" not in line and "-c:a" not in line for line in (first, middle, last)
    )


def test_the_join_copies_the_pictures_and_writes_the_sound_once() -> None:
    reads = {**CUTS, **{f"segment-{index}": {"key": f"s{index}"} for index in range(3)}}
    parameters = {"codec": "h265", "crf": 24, "loudness": {}}
    said = planned(order({**SMALL, "parameters": parameters, "reads": reads}))
    (line,) = (line for line in said if line.startswith("ffmpeg"))
    assert "-itsoffset 0.000000 -protocol_whitelist file,pipe -f concat -i small/segments.txt" in line
    assert "-map 1:0 -c:v copy -tag:v hvc1 -map 0:1 -c:a aac" in line
    assert "loudnorm" in line


def test_a_pod_of_an_indexed_job_does_its_own_step_of_the_order() -> None:
    parts = [
        {"name": f"small/segment-{i}", "type": "prepareSegment", "parameters": {"index": i}, "input": "small"}
        for i in (1, 4)
    ]
    whole = order({**SMALL, "stored": False}, *parts, indexed=("small/segment-1", "small/segment-4"))
    assert ["small", "small/segment-4"] == [step.name for step in whole.of_index(1).steps]
    with pytest.raises(IndexError):
        whole.of_index(2)
