"""Qualities and sizes that were asked for, measured on what came out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import av
import pytest
from PIL import Image

from mediaops.models.base import FileType
from mediaops.operations.compress import Codec
from mediaops_ops import ffmpeg, probe
from mediaops_ops.analyses.encoders import decodes, works
from mediaops_ops.outcome import StepOutcome
from mediaops_ops.passes import Pass
from tests.unit.ops.folder_desk import Folder

SCENES = "testsrc2=s=320x180:r=25:d=6,hue=h='floor(t/2)*90',noise=alls=4:allf=t,format=yuv420p"
LOSSLESS = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")


@pytest.fixture(scope="module")
def scenes(make, tmp_path_factory) -> Path:
    """Six seconds of pictures, without loss, and a tone."""
    tone = ("-f", "lavfi", "-i", "sine=f=440:r=48000:d=6")
    path = tmp_path_factory.mktemp("scenes") / "scenes.mp4"
    return make(path, "-f", "lavfi", "-i", SCENES, *tone, *LOSSLESS, "-c:a", "aac", "-b:a", "64k")


def vmaf(made: Path, source: Path) -> float:
    """Give the VMAF of a whole film, aligned by time."""
    line = [ffmpeg.executable(), "-hide_banner", "-nostats", "-i", str(made), "-i", str(source)]
    line += ["-filter_complex", "[0:v]settb=AVTB[a];[1:v]settb=AVTB[b];[a][b]libvmaf", "-f", "null", "-"]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stderr
    score = re.search(r"VMAF score: ([\d.]+)", said)
    assert score
    return float(score[1])


def only(outcome: StepOutcome) -> Path:
    [file] = outcome.files
    return file.path


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(("codec", "target"), [("h264", 90), ("av1", 90)])
def test_a_quality_is_reached(make_of, scenes, step, codec, target) -> None:
    made = make_of(scenes, "video", step("small", "compress", {"codec": codec, "targetVmaf": target}))[
        "small"
    ]
    whole = vmaf(only(made), scenes)
    assert target == pytest.approx(whole, abs=1.0)
    assert float(made.values["vmaf"]) == pytest.approx(whole, abs=1.0)
    assert "samples" in made.values["vmaf_of"]
    assert not list(only(made).parent.glob("sample*"))


def test_a_source_that_is_smaller_is_kept_picture_by_picture(make_of, make, scenes, step, tmp_path) -> None:
    poor = make(tmp_path / "poor.mp4", "-i", str(scenes), "-c:v", "libx264", "-crf", "40", "-c:a", "copy")
    made = make_of(poor, "video", step("small", "compress", {"targetVmaf": 95}))["small"]
    assert "copied" in made.values["kept"]
    assert pictures(poor) == pictures(only(made))


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_film_comes_to_its_size(make_of, scenes, step, codec) -> None:
    limit = 250_000
    made = make_of(scenes, "video", step("small", "compress", {"codec": codec, "maxSizeBytes": limit}))[
        "small"
    ]
    assert 0.98 * limit <= only(made).stat().st_size <= limit


def test_a_film_that_can_t_be_so_small_fails_with_a_sentence(make, step, tmp_path) -> None:
    tiny = (
        "testsrc2=s=64x64:r=120:d=3,noise=alls=90:allf=t"  # so many pictures that their headers alone fill it
    )
    source = make(tmp_path / "noise.mp4", "-f", "lavfi", "-i", tiny, *LOSSLESS)
    order = step("small", "compress", {"maxSizeBytes": 10_200})
    work = Pass([order], FileType.VIDEO, tmp_path, Folder(source))
    work.run()
    [failure] = work.failures
    assert ("InvalidParameters", True) == (failure.reason, failure.permanent), failure.message
    assert "can't be made" in failure.message


@pytest.mark.parametrize("codec", ["aac", "mp3", "opus"])
def test_a_sound_stays_within_its_size(make_of, make, step, tmp_path, codec) -> None:
    source = make(tmp_path / "noise.wav", "-f", "lavfi", "-i", "anoisesrc=r=48000:d=8:a=0.5", "-ac", "2")
    limit = 100_000
    made = make_of(source, "audio", step("small", "compress", {"codec": codec, "maxSizeBytes": limit}))[
        "small"
    ]
    assert 0.7 * limit <= only(made).stat().st_size <= limit


def test_an_image_stays_within_its_size(make_of, make, step, tmp_path) -> None:
    source = make(
        tmp_path / "a.png",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=640x480",
        "-vf",
        "noise=alls=40",
        "-frames:v",
        "1",
    )
    made = make_of(source, "image", step("small", "compress", {"maxSizeBytes": 60_000}))["small"]
    assert 0.9 * 60_000 <= only(made).stat().st_size <= 60_000
    assert Image.open(only(made)).size == (640, 480)


def test_no_gpu_has_no_encoder_and_is_no_failure(make_of, scenes, step, tmp_path) -> None:
    assert not works(Codec.H264, tmp_path)
    assert not decodes(scenes, probe.check(scenes, FileType.VIDEO), tmp_path)
    made = make_of(scenes, "video", step("small", "compress", {"height": 90}, gpu=1))["small"]
    assert "libx264: the GPU has no encoder for h264" == made.values["encoder"]
