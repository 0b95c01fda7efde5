"""Subtitles in the picture: looked at, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mediaops.models.base import FileType
from mediaops.models.work import ObjectRef, StepOrder
from mediaops.transcript import Cue, Transcript
from mediaops_ops import ffmpeg
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder

Step = Callable[..., StepOrder]


@pytest.fixture(scope="module")
def grey(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of grey with a tone, 320x180."""
    return make(
        tmp_path_factory.mktemp("grey") / "grey.mp4",
        *("-f", "lavfi", "-i", "color=0x808080:s=320x180:r=10:d=3", "-f", "lavfi", "-i", "sine=d=3"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p"),
    )


def cues(*texts: str) -> Transcript:
    """A cue a second."""
    made = tuple(
        Cue(lines=(text,), start_millis=index * 1000, end_millis=(index + 1) * 1000)
        for index, text in enumerate(texts)
        if text
    )
    return Transcript(engine="e", model="m", language="en", duration_millis=3000, cues=made)


def stills(source: Path, folder: Path, step: Step, transcript: Transcript, **block: Any) -> list[Any]:
    """Burn a transcript in, and give what is seen in the middle of each second."""
    (folder / "transcript.json").write_text(transcript.to_json())
    desk = Folder(source)
    desk.read_files["transcript"] = folder / "transcript.json"
    burnt = {"steps": [{"burnSubtitles": {"from": "transcript", **block}}]}
    reads = {"transcript": ObjectRef(key="transcript")}
    work = Pass(
        [
            step("burnt", "filter", burnt, stored=False, reads=reads),
            step("looks", "thumbnail", {"atMillis": [500, 1500, 2500]}, input="burnt"),
        ],
        FileType.VIDEO,
        folder,
        desk,
    )
    work.run()
    assert [] == work.failures
    files = desk.outcomes["looks"].files
    return [np.asarray(Image.open(file.path).convert("RGB")).astype(int) for file in files]


def drawn(picture: Any) -> Any:
    """Say which pixels aren't the grey that was there."""
    return np.abs(picture - 128).max(axis=2) > 40


def test_each_cue_shows_in_its_time_and_inside_of_the_safe_area(
    grey: Path, step: Step, tmp_path: Path
) -> None:
    first, second, third = stills(grey, tmp_path, step, cues("Ask not what", "", "your country"))

    assert not drawn(second).any()
    for picture in (first, third):
        rows, columns = np.nonzero(drawn(picture))
        assert rows.size > 200
        assert 90 < rows.min() < rows.max() < 180 - 9 + 1
        assert 16 <= columns.min() < columns.max() <= 320 - 16
        assert abs(160 - (columns.min() + columns.max()) / 2) <= 2
    assert (drawn(first) != drawn(third)).any()


def test_text_that_would_be_a_command_is_shown_where_all_text_is(
    grey: Path, step: Step, tmp_path: Path
) -> None:
    hostile = r"{\an8\pos(10,10)\fs90}up{\p1}m 0 0 l 99 99"
    (picture, *_) = stills(grey, tmp_path, step, cues(hostile))

    rows, _ = np.nonzero(drawn(picture))
    assert rows.size > 200
    assert rows.min() > 90


@pytest.mark.parametrize(
    "text", ["世界 こんにちは", "안녕하세요", "שלום עולם", "مرحبا بالعالم", "Ελλάδα", "Привет"]
)
def test_every_script_has_letters_and_no_boxes(text: str, grey: Path, step: Step, tmp_path: Path) -> None:
    """A typeface without a letter shows the same box for each: so two different texts would look alike."""
    alone, other, _ = stills(grey, tmp_path, step, cues(text, text[::-1], ""))
    missing, missed, _ = stills(grey, tmp_path, step, cues("\U000f0000" * 5, "\U000f0001" * 5, ""))

    assert drawn(alone).sum() > 100
    assert (drawn(alone) != drawn(other)).sum() > 30
    assert (drawn(missing) != drawn(missed)).sum() == 0


def test_colours_are_those_asked_for(grey: Path, step: Step, tmp_path: Path) -> None:
    block = {"style": "box", "color": "#FF0000", "backColor": "#0000FF", "sizePercent": 20}
    (picture, *_) = stills(grey, tmp_path, step, cues("HHH"), **block)

    pixels = picture[drawn(picture)]
    assert (np.abs(pixels - np.array([0, 0, 255])).max(axis=1) < 40).mean() > 0.3
    assert (np.abs(pixels - np.array([255, 0, 0])).max(axis=1) < 40).mean() > 0.02


def burnt(step: Step, **transcribe: Any) -> list[StepOrder]:
    subtitles = {"steps": [{"burnSubtitles": {"from": "transcript"}}]}
    return [
        step("transcript", "transcribe", transcribe),
        step("burnt", "filter", subtitles, transcript_step="transcript", stored=False),
        step("small", "compress", {"height": 90}, input="burnt"),
        step("poster", "thumbnail"),
    ]


def test_a_transcript_of_the_same_pass_is_there_before_the_picture(
    grey: Path, step: Step, tmp_path: Path
) -> None:
    desk = Folder(grey)
    work = Pass(burnt(step), FileType.VIDEO, tmp_path, desk)
    work.run()

    assert [] == work.failures
    assert "transcript" == next(iter(desk.outcomes))
    assert {"transcript", "small", "poster"} == set(desk.outcomes)
    assert desk.outcomes["transcript"].skipped
    assert 90 == desk.outcomes["small"].files[0].height_pixels


def test_what_needs_a_failed_transcript_fails_with_it_down_the_chain(
    grey: Path, step: Step, tmp_path: Path
) -> None:
    desk = Folder(grey)
    work = Pass(burnt(step, language="de"), FileType.VIDEO, tmp_path, desk)
    work.run()

    assert [
        ("transcript", "UnsupportedLanguage"),
        ("burnt", "DependencyFailed"),
        ("small", "DependencyFailed"),
    ] == [(failure.step, failure.reason) for failure in work.failures]
    assert {"poster"} == set(desk.outcomes)


def test_a_translation_that_isnt_there_is_said_so(grey: Path, step: Step, tmp_path: Path) -> None:
    desk = Folder(grey)
    subtitles = {"steps": [{"burnSubtitles": {"from": "transcript", "language": "fr"}}]}
    work = Pass([step("burnt", "filter", subtitles)], FileType.VIDEO, tmp_path, desk)
    work.run()

    (failure,) = work.failures
    assert ("InvalidParameters", True) == (failure.reason, failure.permanent)
    assert "translateTo" in failure.message


def test_the_samples_of_a_search_are_drawn_in_the_same_typefaces(
    grey: Path, step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_to_ours: list[str] = []
    run = ffmpeg.run

    def spied(line: list[str], folder: Path, environment: Any = None, **more: Any) -> list[str]:
        if environment and "FONTCONFIG_FILE" in environment:
            kept_to_ours.append(Path(line[-1]).name)
        return run(line, folder, environment, **more)

    monkeypatch.setattr(ffmpeg, "run", spied)
    (tmp_path / "transcript.json").write_text(cues("Ask not", "what", "your country").to_json())
    desk = Folder(grey)
    desk.read_files["transcript"] = tmp_path / "transcript.json"
    subtitles = {"steps": [{"burnSubtitles": {"from": "transcript"}}]}
    work = Pass(
        [
            step(
                "burnt", "filter", subtitles, stored=False, reads={"transcript": ObjectRef(key="transcript")}
            ),
            step("small", "compress", {"targetVmaf": 80}, input="burnt"),
        ],
        FileType.VIDEO,
        tmp_path,
        desk,
    )
    work.run()

    assert [] == work.failures
    assert "samples" in desk.outcomes["small"].values["vmaf_of"]
    assert [name for name in kept_to_ours if "sample" in name], "they are fontconfig's own choice"
