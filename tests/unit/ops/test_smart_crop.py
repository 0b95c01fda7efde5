"""Smart crops of real files: where the cut-out lies in each picture, held against what moves in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from mediaops.encoding import PNG
from mediaops.graph import Command, Output, PassPlan
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.operations.crop_track import CropTrack, change
from mediaops.picture import Picture
from mediaops.survey import Shot
from mediaops.track import Knot
from mediaops.track import Path as Way
from mediaops_ops import probe
from mediaops_ops.outcome import StepOutcome
from mediaops_ops.preview import SUPPOSED, text
from mediaops_ops.rendering import Rendering
from tests.unit.ops.faces import scene

FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p")
PEDESTRIANS = Path(__file__).parents[4] / "shared" / "testdata" / "pedestrians.avi"
CUT_SECONDS = 3.04
SIDE = 24
"""Of the white square, pixels."""


def walker(seconds: float) -> float:
    """Give the square's left edge: it goes, stands from 2 s on, and is elsewhere after the cut."""
    if seconds >= CUT_SECONDS - 0.001:
        return 40.0
    return 160 + 120 * min(seconds, 2.0)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A white square that walks over grey, then, after a cut, flickers at the left of a darker one; 640x360."""
    folder = tmp_path_factory.mktemp("walk")
    with av.open(str(folder / "walk.mp4"), "w") as container:
        stream = container.add_stream("libx264", 25, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for index in range(125):
            after = index / 25 >= CUT_SECONDS
            picture = np.full((360, 640), 40 if after else 130, np.uint8)
            x = round(walker(index / 25))
            picture[150 : 150 + SIDE, x : x + SIDE] = 235 if not after or index % 8 < 4 else 180
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.dstack([picture] * 3), "rgb24")))
        container.mux(stream.encode(None))
    return folder / "walk.mp4"


def part(outcome: StepOutcome, name: str) -> Path:
    return next(file.path for file in outcome.files if file.name == name)


def pictures(path: Path) -> list[tuple[float, Any]]:
    """Give each picture's time in seconds and its luma."""
    with av.open(str(path)) as container:
        return [
            (float(frame.time or 0), frame.to_ndarray(format="gray")) for frame in container.decode(video=0)
        ]


def edge_of(track: CropTrack, seconds: float) -> float:
    """Give where the track has its cut-out."""
    shot = next(s for s in reversed(track.shots) if s.begin_millis <= seconds * 1000 + 1)
    points = [(point.at_millis / 1000, point.edge_pixels) for point in shot.points]
    for (begin, edge), (end, further) in pairwise(points):
        if begin <= seconds <= end:
            return edge + (further - edge) * (seconds - begin) / (end - begin)
    return points[0][1] if seconds < points[0][0] else points[-1][1]


def square(picture: Any) -> float:
    """Give the left edge of the bright square."""
    columns = np.flatnonzero((picture[155:170] > 155).mean(axis=0) > 0.5)
    return float(columns.min())


def test_a_walker_stays_in_the_picture_and_a_cut_begins_anew(
    walk: Path, make_of: Callable[..., dict[str, StepOutcome]], step: Callable[..., StepOrder]
) -> None:
    made = make_of(
        walk,
        "video",
        step("vertical", "crop", {"aspect": "9:16"}),
        step("small", "compress", {}, input="vertical"),
        step("poster", "thumbnail", {"atMillis": [1000, 3040], "format": "png"}, input="vertical"),
    )
    track = CropTrack.model_validate_json(part(made["vertical"], "crop-track.json").read_bytes())
    assert track == CropTrack.model_validate_json(part(made["small"], "crop-track.json").read_bytes())
    assert {"framing": "movement"} == made["vertical"].values
    assert (202, 360, "x", 2) == (track.width, track.height, track.axis, len(track.shots))
    shown = pictures(part(made["vertical"], "rendition"))
    assert 125 == len(shown)
    for seconds, picture in shown:
        here = square(picture)
        assert walker(seconds) - edge_of(track, seconds) == pytest.approx(here, abs=3)  # exact to the picture
        if 0.5 <= seconds < 2.5:
            assert 101 - SIDE / 2 == pytest.approx(here, abs=50)  # near the middle, while it walks
    stills = [np.asarray(Image.open(part(made["poster"], f"thumbnail-{n}")).convert("L")) for n in range(2)]
    assert [square(shown[25][1]), square(shown[76][1])] == pytest.approx([square(s) for s in stills], abs=2)


def test_stills_that_are_sought_lie_where_the_film_s_would(
    walk: Path, make_of: Callable[..., dict[str, StepOutcome]], step: Callable[..., StepOrder]
) -> None:
    steps = [
        step("vertical", "crop", {"aspect": "9:16"}, stored=False),
        step("poster", "thumbnail", {"atMillis": [1000, 3000, 3040], "format": "png"}, input="vertical"),
    ]
    made = make_of(walk, "video", *steps)["poster"]
    stills = [np.asarray(Image.open(file.path).convert("L")) for file in made.files]
    places = [square(still) for still in stills]
    assert [101 - SIDE / 2] * 2 == pytest.approx(places[:2], abs=50)
    assert 40 == pytest.approx(
        places[2], abs=3
    )  # at the picture's own left edge: the cut-out can't go further


def test_a_quality_is_searched_for_on_what_is_cut_out(
    walk: Path, make_of: Callable[..., dict[str, StepOutcome]], step: Callable[..., StepOrder]
) -> None:
    steps = [
        step("vertical", "crop", {"aspect": "9:16"}, stored=False),
        step("small", "compress", {"targetVmaf": 90}, input="vertical"),
    ]
    made = make_of(walk, "video", *steps)["small"]
    assert {"rendition", "crop-track.json"} == {file.name for file in made.files}
    assert float(made.values["vmaf"]) >= 89


def test_nothing_to_follow_stays_in_the_centre_and_says_so(
    make: Callable[..., Path],
    make_of: Callable[..., dict[str, StepOutcome]],
    step: Callable[..., StepOrder],
    tmp_path: Path,
) -> None:
    flat = make(tmp_path / "flat.mp4", "-f", "lavfi", "-i", "smptebars=s=320x180:r=25:d=1", *FAST)
    made = make_of(flat, "video", step("square", "crop", {"aspect": "1:1"}))["square"]
    assert "centre: neither faces nor movement were found" == made.values["framing"]
    [shot] = json.loads(part(made, "crop-track.json").read_text())["shots"]
    assert ("centre", [{"atMillis": 0, "edgePixels": 70.0}]) == (shot["follows"], shot["points"])


def test_what_is_cut_already_is_cut_in_the_centre(
    walk: Path, make_of: Callable[..., dict[str, StepOutcome]], step: Callable[..., StepOrder]
) -> None:
    steps = [
        step("corner", "crop", {"x": 0, "y": 0, "width": 320, "height": 180}, stored=False),
        step("square", "crop", {"aspect": "1:1"}, input="corner"),
    ]
    made = make_of(walk, "video", *steps)["square"]
    assert "cut or padded already" in made.values["framing"]
    assert ["rendition"] == [file.name for file in made.files]


def test_a_photo_is_cut_where_its_face_is(
    make_of: Callable[..., dict[str, StepOutcome]], step: Callable[..., StepOrder], tmp_path: Path
) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), scene(1200, 600, 860, 150, 300))
    made = make_of(photo, "image", step("square", "crop", {"aspect": "1:1", "resize": {"width": 300}}))[
        "square"
    ]
    assert "faces" == made.values["framing"]
    picture = np.asarray(Image.open(part(made, "rendition")).convert("L"))
    face_columns = np.flatnonzero((np.abs(picture.astype(int) - 90) > 30).any(axis=0))
    assert 130 <= face_columns.min()
    assert face_columns.max() <= 299


def test_pedestrians_are_kept_in_view_with_an_even_hand(
    make: Callable[..., Path],
    make_of: Callable[..., dict[str, StepOutcome]],
    step: Callable[..., StepOrder],
    tmp_path: Path,
) -> None:
    if not PEDESTRIANS.exists():
        pytest.skip("the footage of pedestrians is not here")
    path = make(tmp_path / "eight-seconds.avi", "-i", str(PEDESTRIANS), "-t", "8", "-c", "copy")
    made = make_of(path, "video", step("vertical", "crop", {"aspect": "9:16", "resize": {"height": 144}}))
    track = CropTrack.model_validate_json(part(made["vertical"], "crop-track.json").read_bytes())
    [shot] = track.shots
    assert "movement" == shot.follows
    edges = [edge_of(track, tick / 10) for tick in range(80)]
    assert max(edges) - min(edges) > 40
    assert max(abs(later - earlier) for earlier, later in pairwise(edges)) <= 0.8 * track.width * 0.1 + 1


def test_a_graph_too_long_for_an_argument_goes_into_a_file(walk: Path, tmp_path: Path) -> None:
    picture, cut = Picture(640, 360, 25.0), Picture(202, 360, 25.0)
    knots = tuple(Knot(tick / 1000, 0.3 if tick % 2 else 0.2) for tick in range(4000))
    [filter_] = change(picture, cut, [Way(Shot(0, 5_000_000), "movement", knots)]).filters
    arguments = ("-map", "[a/thumbnail-0]", "-c:v", "png", "-frames:v", "1", "-f", "image2", "-update", "1")
    output = Output("a", "thumbnail-0", PNG, arguments, Picture(202, 360))
    command = Command(((),), (f"[0:0]{filter_}[a/thumbnail-0]",), (output,))
    assert len(filter_) > 131_072
    made: list[str] = []
    Rendering(
        plan=PassPlan((command,)),
        media=probe.check(walk, FileType.VIDEO),
        source=walk,
        folder=tmp_path,
        on_progress=lambda _: None,
        on_step=lambda name, _: made.append(name),
        on_failure=lambda _, error: pytest.fail(str(error)),
        write_file=lambda _: None,
    ).run()
    assert ["a"] == made


def test_one_survey_and_one_graph_serve_all_that_want_it(door: Any, step: Callable[..., StepOrder]) -> None:
    steps = [
        step("vertical", "crop", {"aspect": "9:16"}, stored=False),
        step("small", "compress", {}, input="vertical"),
        step("poster", "thumbnail", {"best": True}),
    ]
    said = text(door.order(steps=steps), SUPPOSED[FileType.VIDEO])
    assert "# first, survey for vertical, poster (below as supposed)" in said
    assert 1 == said.count("ffmpeg -hide_banner")
