"""Filters that FFmpeg hasn't: frames leave one process and come into the next, each at its own time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops_ops import frames
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder

Step = Callable[..., StepOrder]


@pytest.fixture(scope="module")
def uneven(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures at uneven times, in BT.709, with a tone."""
    return make(
        tmp_path_factory.mktemp("uneven") / "uneven.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=20:d=1.5", "-f", "lavfi", "-i", "sine=d=1.5"),
        *("-vf", "setpts=PTS+0.02*mod(N\\,3)/TB,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"),
        *(
            "-fps_mode",
            "vfr",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-qp",
            "0",
            "-video_track_timescale",
            "1000",
        ),
        *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
    )


def run(source: Path, folder: Path, *steps: StepOrder) -> tuple[Folder, Pass]:
    desk = Folder(source)
    work = Pass(list(steps), FileType.VIDEO, folder, desk)
    work.run()
    return desk, work


def pictures(desk: Folder, step: str) -> tuple[list[float], list[Any]]:
    with av.open(str(desk.outcomes[step].files[0].path)) as container:
        made = list(container.decode(video=0))
    return [float(frame.time) for frame in made], [
        frame.to_ndarray(format="rgb24").astype(int) for frame in made
    ]


def filtered(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"steps": list(steps)}


def test_frames_keep_their_times_and_colours_on_the_way(uneven: Path, step: Step, tmp_path: Path) -> None:
    """A change of one percent shows what the way itself does to a picture: next to nothing."""
    desk, work = run(
        uneven,
        tmp_path,
        step("plain", "filter", filtered({"saturation": 1})),
        step("clear", "filter", filtered({"saturation": 1}, {"clarity": 1})),
    )

    assert [] == work.failures
    (times, plain), (changed_times, changed) = pictures(desk, "plain"), pictures(desk, "clear")
    assert 30 == len(times)
    assert times == pytest.approx(changed_times, abs=0.0011)
    assert 2 > max(np.abs(a - b).mean() for a, b in zip(plain, changed, strict=True))


def test_all_that_reads_the_picture_before_and_after_is_made_in_one_go(
    uneven: Path, step: Step, tmp_path: Path
) -> None:
    desk, work = run(
        uneven,
        tmp_path,
        step("square", "crop", {"aspect": "1:1", "mode": "center"}, stored=False),
        step("clear", "filter", filtered({"clarity": 80}, {"sepia": {}}, {"clarity": 30}), input="square"),
        step("small", "compress", {"height": 90}, input="clear"),
        step("poster", "thumbnail", {"count": 2}, input="clear"),
        step("before", "compress", {"height": 60}, input="square"),
    )

    assert [] == work.failures
    sizes = {
        name: [(file.width_pixels, file.height_pixels) for file in outcome.files]
        for name, outcome in desk.outcomes.items()
    }
    assert {
        "clear": [(180, 180)],
        "small": [(90, 90)],
        "poster": [(180, 180)] * 2,
        "before": [(60, 60)],
    } == sizes
    with av.open(str(desk.outcomes["small"].files[0].path)) as container:
        assert 1 == len(container.streams.audio)


def test_whoever_breaks_is_named_and_nothing_is_left_running(
    uneven: Path, step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_percent: int) -> Callable[[Any], Any]:
        def of(_picture: Any) -> Any:
            raise ValueError

        return of

    monkeypatch.setitem(frames.FILTERS, frames.FrameFilterName.CLARITY, broken)
    before = len(list(Path("/proc/self/fd").iterdir()))
    _, work = run(uneven, tmp_path, step("clear", "filter", filtered({"clarity": 10})))

    (failure,) = work.failures
    assert ("clear", "InternalError") == (failure.step, failure.reason)
    assert "A filter on frames broke: ValueError." == failure.message
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_an_encoder_that_fails_behind_the_frames_is_the_one_that_speaks(
    uneven: Path, step: Step, tmp_path: Path
) -> None:
    (tmp_path / "clear").mkdir()
    (tmp_path / "clear" / "rendition.mp4").mkdir()  # so FFmpeg can't write there
    _, work = run(uneven, tmp_path, step("clear", "filter", filtered({"clarity": 10})))

    (failure,) = work.failures
    assert "EncodeFailed" == failure.reason
    assert "Broken pipe" not in failure.message
    assert "Is a directory" in failure.message


def test_a_picture_that_begins_after_its_sound_still_does_behind_the_filter(
    make: Any, step: Step, tmp_path: Path
) -> None:
    late = make(
        tmp_path / "late.mp4",
        *("-itsoffset", "0.8", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=2"),
        *("-f", "lavfi", "-i", "sine=d=3"),
        *("-c:v", "libx264", "-preset", "ultrafast"),
    )
    desk, work = run(late, tmp_path, step("clear", "filter", filtered({"clarity": 10})))

    assert [] == work.failures
    assert pictures(desk, "clear")[0][0] == pytest.approx(0.8, abs=0.05)


def test_a_large_picture_gets_the_same_local_contrast_and_less_of_its_grain() -> None:
    y, x = np.mgrid[0:800, 0:1000]
    grain = np.random.default_rng(3).normal(0, 3, (800, 1000))
    before = (120 + 25 * np.sin(x / 30) * np.cos(y / 40) + 40 * np.sin(x / 200) + grain).astype(np.uint8)
    after, every_pixel = before.copy(), cv2.createCLAHE(frames.CLIP_LIMIT, frames.TILES).apply(before)
    frames.clarity(100)(after)

    def soft(picture: Any) -> Any:
        return cv2.GaussianBlur(picture.astype(float), (0, 0), 4)

    def grainy(picture: Any) -> float:
        return float((picture - soft(picture)).std())

    assert 4 > np.abs(soft(after) - soft(every_pixel)).mean()
    assert 15 < np.abs(soft(after) - soft(before)).mean()
    assert 1.5 * grainy(before) > grainy(after)
    assert 1.9 * grainy(before) < grainy(every_pixel)
