"""Tones are done where they cost least: behind what makes the picture smaller, on the pictures that become stills."""

from __future__ import annotations

from typing import Any

import pytest

from mediaops.graph import PassPlan, plan_pass
from tests.unit.graph.test_graph import VIDEO, only, step


def toned(*filters: dict[str, Any], **fields: Any) -> Any:
    return step("toned", "filter", {"steps": list(filters)}, **fields)


def chains(plan: PassPlan) -> list[str]:
    """Give the graph's chains without what every rendition and still ends in."""
    return [chain for chain in only(plan).graph if not chain.endswith(("/rendition]", "thumbnail-0]"))]


SMALL = step("small", "compress", {"height": 720, "fps": 10}, input="toned")
VERTICAL = step(
    "small", "crop", {"aspect": "9:16", "mode": "center", "resize": {"height": 720}}, input="toned"
)


@pytest.mark.parametrize(
    ("filters", "written"),
    [
        ([{"contrast": 10}], "eq=contrast=1.1"),
        ([{"brightness": 5}, {"grayscale": {}}], "eq=brightness=0.05,hue=s=0"),
        ([{"lut": {"look": "film"}}], "lut3d=file=files/film-100.cube:interp=tetrahedral"),
        ([{"vignette": 50}], "vignette=angle=0.700"),
    ],
)
def test_tones_are_done_on_the_smaller_picture(filters, written):
    plan = plan_pass([toned(*filters, stored=False), SMALL], VIDEO)

    assert ["[0:0]fps=10,scale=1280:720[small~.0]", f"[small~.0]{written}[small.0]"] == chains(plan)


def test_a_tone_is_done_on_what_a_crop_leaves_and_a_shade_of_the_whole_is_not():
    even = plan_pass([toned({"saturation": 20}, stored=False), VERTICAL], VIDEO)
    shaded = plan_pass([toned({"saturation": 20}, {"vignette": 50}, stored=False), VERTICAL], VIDEO)

    cut = "crop=608:1080:656:0,scale=406:720"
    assert [f"[0:0]{cut}[small~.0]", "[small~.0]eq=saturation=1.2[small.0]"] == chains(even)
    assert ["[0:0]eq=saturation=1.2,vignette=angle=0.700[toned.0]", f"[toned.0]{cut}[small.0]"] == chains(
        shaded
    )


def test_tones_of_several_operations_wander_through_several_that_make_the_picture_smaller():
    plan = plan_pass(
        [
            toned({"contrast": 10}, stored=False),
            step("grey", "filter", {"steps": [{"grayscale": {}}]}, input="toned", stored=False),
            step("half", "crop", {"resize": {"height": 540}}, input="grey", stored=False),
            step("small", "compress", {"height": 270}, input="half"),
        ],
        VIDEO,
    )

    assert [
        "[0:0]scale=960:540[half~.0]",
        "[half~.0]scale=480:270[small~.0]",
        "[small~.0]eq=contrast=1.1,hue=s=0[small.0]",
    ] == chains(plan)


@pytest.mark.parametrize("filters", [[{"sharpen": 20}], [{"contrast": 5}, {"denoise": 30}], [{"blur": 3}]])
def test_what_looks_at_neighbours_stays_where_it_was_asked_for(filters):
    plan = plan_pass([toned(*filters, stored=False), SMALL], VIDEO)

    assert chains(plan)[1].endswith("fps=10,scale=1280:720[small.0]")


@pytest.mark.parametrize(
    ("stored", "more"),
    [
        (True, []),
        (False, [step("again", "compress", {"height": 1000}, input="toned")]),
        (False, [step("strip", "thumbnail", {"preview": {}}, input="toned")]),
    ],
)
def test_tones_that_something_else_needs_on_the_large_picture_are_done_once_and_there(stored, more):
    plan = plan_pass([toned({"contrast": 10}, stored=stored), SMALL, *more], VIDEO)

    assert 1 == ",".join(only(plan).graph).count("eq=contrast")


@pytest.mark.parametrize("larger", [{"height": 2000}, {"height": 1080}])
def test_nothing_changes_where_the_picture_gets_no_smaller(larger):
    crop = step("large", "crop", {"resize": larger}, input="toned")
    plan = plan_pass([toned({"contrast": 10}, stored=False), crop], VIDEO)

    assert "[0:0]eq=contrast=1.1[toned.0]" in chains(plan)


def test_stills_have_tones_done_on_their_own_pictures_alone():
    stills = step("stills", "thumbnail", {"atMillis": [2000, 500]}, input="toned")
    plan = plan_pass([toned({"contrast": 10}, stored=False), SMALL, stills], VIDEO)

    first = "gte(t,0.500)*(isnan(prev_t)+lt(prev_t,0.500))+gte(t,2.000)*(isnan(prev_t)+lt(prev_t,2.000))"
    picked = f"select='{first}+gte(prev_selected_t,2.000)',trim=end_frame=2"
    assert f"[source.0]{picked},eq=contrast=1.1,split=2[toned.0][toned.1]" in only(plan).graph
    assert "[source.1]fps=10,scale=1280:720[small~.0]" in only(plan).graph


def test_what_remembers_pictures_is_given_all_of_them():
    stills = step("still", "thumbnail", {"atMillis": [2000]}, input="toned")
    noisy = toned({"denoise": 10}, stored=False)
    plan = plan_pass([noisy, stills, step("small", "compress", {})], VIDEO)

    assert any(chain.endswith("]hqdn3d=luma_spatial=1.2[toned.0]") for chain in only(plan).graph)


def test_hdr_is_brought_to_ordinary_range_on_the_smaller_picture_too():
    hdr = VIDEO.model_copy(update={"hdr": True})
    poster = step("poster", "thumbnail", {"atMillis": [1000]})
    plan = plan_pass([step("small", "compress", {"height": 720}), poster], hdr)

    assert "[0:0]scale=1280:720[small~.0]" in only(plan).graph
    assert 1 == sum("tonemap" in chain and "select='" in chain for chain in only(plan).graph)
    assert 2 == sum("tonemap" in chain for chain in only(plan).graph)
