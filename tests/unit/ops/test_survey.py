"""A survey of real files: where they cut, what moves where, whose face is seen; and stills chosen by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mediaops.graph import Analysis, AnalysisKind, Findings
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.survey import KEYFRAMES_ABOVE_MILLIS, Survey, faces_seen, shots
from mediaops_ops import probe
from mediaops_ops.analyses import Subject, find
from mediaops_ops.preview import SUPPOSED, text
from tests.unit.ops.faces import scene

PEDESTRIANS = Path(__file__).parents[4] / "shared" / "testdata" / "pedestrians.avi"
FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def surveyed(path: Path, folder: Path, file_type: str = "video", waiting: str = "crop") -> Survey:
    """Survey a file as a step of that type wants it."""
    media = probe.check(path, FileType(file_type))
    step = StepOrder(step_key="it", name="it", type=waiting)
    analysis = Analysis(AnalysisKind.SURVEY, ("it",))
    done: list[float] = []
    found = find(Subject(analysis, path, media, [step], Findings(), folder, done.append)).survey
    assert found is not None
    assert sorted(done) == done
    return found


@pytest.fixture(scope="module")
def three_shots(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pattern for a second, black for a second, another pattern from 2.04 s on; 25 pictures a second."""
    sources = (
        "testsrc2=s=320x180:r=25:d=1",
        "color=black:s=320x180:r=25:d=1.04",
        "mandelbrot=s=320x180:r=25",
    )
    inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
    joined = "[2]trim=duration=1[m];[0][1][m]concat=n=3,format=yuv420p"
    return make(
        tmp_path_factory.mktemp("shots") / "a film, of 'shots'.mp4", *inputs, "-filter_complex", joined, *FAST
    )


def test_cuts_are_exact_to_the_picture(three_shots: Path, tmp_path: Path) -> None:
    survey = surveyed(three_shots, tmp_path)
    assert (1_000_000, 2_040_000) == survey.cuts_micros
    assert [0, 1_000_000, 2_040_000] == [shot.begin_micros for shot in shots(survey, 3_040_000)][:3]
    assert [] == list(tmp_path.iterdir())


def test_samples_have_their_times_and_say_what_is_black(three_shots: Path, tmp_path: Path) -> None:
    survey = surveyed(three_shots, tmp_path)
    assert list(range(0, 3250, 250)) == [sample.at_millis for sample in survey.samples][:13]
    dark = [sample.at_millis for sample in survey.samples if not sample.shows_something]
    assert [1000, 1250, 1500, 1750, 2000] == dark


def test_the_best_still_is_neither_black_nor_at_a_cut(
    three_shots: Path, make_of: Callable[..., dict[str, object]], step: Callable[..., StepOrder]
) -> None:
    wanted = step("poster", "thumbnail", {"best": True, "count": 2, "format": "avif"})
    outcome = make_of(three_shots, "video", wanted)["poster"]
    times = [int(at) for at in outcome.values["at_millis"].split(", ")]
    assert [] == [at for at in times if not (at <= 750 or at >= 2290)]
    assert ["thumbnail-0.avif", "thumbnail-1.avif"] == [file.path.name for file in outcome.files]
    for file in outcome.files:
        with Image.open(file.path) as image:
            assert ("AVIF", (320, 180)) == (image.format, image.size)
            assert np.asarray(image).std() > 20


def test_what_moves_is_where_it_is(make: Callable[..., Path], tmp_path: Path) -> None:
    moving = "color=gray:s=320x180:r=25:d=2[g];color=white:s=24x24:r=25:d=2[b];[g][b]overlay=x=40+100*t:y=120"
    path = make(tmp_path / "moving.mp4", "-f", "lavfi", "-i", moving, *FAST)
    for sample in surveyed(path, tmp_path).samples[1:-1]:
        middle = sum((i + 0.5) * part for i, part in enumerate(sample.across)) / sum(sample.across) * 10
        box = 40 + 100 * sample.at_millis / 1000 + 12
        assert box == pytest.approx(
            middle + 12, abs=14
        )  # where it is and where it was, a quarter of a second ago
        assert 20 <= max(range(32), key=lambda row: sample.down[row]) <= 26


def test_faces_are_seen_in_films_and_images(tmp_path: Path, make: Callable[..., Path]) -> None:
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), scene(640, 360, 400, 60, 200))
    [sample] = surveyed(picture, tmp_path, "image").samples
    assert sample.faces is not None
    [seen] = sample.faces
    assert (500 / 640, 170 / 360) == pytest.approx(seen.middle, abs=0.05)
    film = make(tmp_path / "face.mp4", "-loop", "1", "-i", str(picture), "-t", "1.5", "-r", "25", *FAST)
    assert all(1 == len(faces) for faces in faces_seen(surveyed(film, tmp_path)))


def test_long_files_are_read_at_their_keyframes_where_only_stills_are_wanted(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    seconds = KEYFRAMES_ABOVE_MILLIS // 1000 + 6
    source = f"testsrc=s=64x36:r=4:d={seconds}"
    path = make(tmp_path / "long.mp4", "-f", "lavfi", "-i", source, "-g", "8", *FAST)
    thin, whole = surveyed(path, tmp_path, waiting="thumbnail"), surveyed(path, tmp_path)
    assert len(whole.samples) == pytest.approx(
        len(thin.samples), abs=8
    )  # the last keyframe stands to the end
    changes = [sum(1 for sample in survey.samples if sample.change > 0) for survey in (thin, whole)]
    assert changes[0] <= seconds / 2 + 1 <= changes[1]


def test_a_file_of_one_keyframe_is_read_whole(make: Callable[..., Path], tmp_path: Path) -> None:
    seconds = KEYFRAMES_ABOVE_MILLIS // 1000 + 6
    path = make(
        tmp_path / "one.mp4", "-f", "lavfi", "-i", f"testsrc=s=64x36:r=1:d={seconds}", "-g", "9999", *FAST
    )
    survey = surveyed(path, tmp_path, waiting="thumbnail")
    assert 100 < sum(1 for sample in survey.samples if sample.change > 0)


def test_pedestrians_move_everywhere_and_are_nobody_s_face(make: Callable[..., Path], tmp_path: Path) -> None:
    if not PEDESTRIANS.exists():
        pytest.skip("the footage of pedestrians is not here")
    path = make(tmp_path / "five-seconds.avi", "-i", str(PEDESTRIANS), "-t", "5", "-c", "copy")
    survey = surveyed(path, tmp_path)
    assert () == survey.cuts_micros
    assert 20 == pytest.approx(len(survey.samples), abs=1)
    assert all(sample.across for sample in survey.samples[1:-1])
    assert [] == [faces for faces in faces_seen(survey) if faces]


def test_a_preview_names_the_survey(door: object, step: Callable[..., StepOrder]) -> None:
    order = door.order(steps=[step("poster", "thumbnail", {"best": True}), step("small", "compress")])
    said = text(order, SUPPOSED[FileType.VIDEO])
    assert "# first, survey for poster" in said
    assert 1 == said.count("ffmpeg -hide_banner")
