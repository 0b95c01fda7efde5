"""Loudness of real sounds, measured by another implementation of EBU R128 than the one that set it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mediaops.operations.loudness import LoudnessFound
from mediaops_ops import ffmpeg
from mediaops_ops.analyses.loudness import figures
from mediaops_ops.outcome import StepError

BURSTS = "sine=f=440:r=48000:d=9,volume='0.05+0.05*lt(mod(t,3),1)':eval=frame"
"""A tone that is louder for one second of every three."""


def measured(path: Path) -> tuple[float, float]:
    """Give integrated loudness and true peak, as FFmpeg's ebur128 has them."""
    line = [ffmpeg.executable(), "-hide_banner", "-nostats", "-i", str(path)]
    line += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stderr
    summary = said[said.rindex("Summary:") :]
    integrated = re.search(r"I: +(-?[\d.]+) LUFS", summary)
    peak = re.search(r"Peak: +(-?[\d.]+|-inf) dBFS", summary)
    assert integrated
    assert peak
    return float(integrated[1]), float(peak[1])


@pytest.mark.parametrize(("target", "codec"), [(-14, "aac"), (-23, "opus")])
def test_a_sound_is_brought_to_its_loudness(make, make_of, step, tmp_path, target, codec) -> None:
    source = make(tmp_path / "bursts.wav", "-f", "lavfi", "-i", BURSTS)
    wanted = {"codec": codec, "loudness": {"integratedLufs": target}}
    [file] = make_of(source, "audio", step("loud", "compress", wanted))["loud"].files
    loudness, peak = measured(file.path)
    assert target == pytest.approx(loudness, abs=0.5)
    assert peak <= -0.5  # a lossy encoder may add half a decibel to the -1 asked for


def test_a_film_s_sound_is_and_its_picture_stays(make, make_of, step, tmp_path) -> None:
    film = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=9", "-f", "lavfi", "-i", BURSTS]
    source = make(tmp_path / "film.mp4", *film, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    [file] = make_of(source, "video", step("loud", "compress", {"loudness": {}}))["loud"].files
    assert -14 == pytest.approx(measured(file.path)[0], abs=0.5)
    assert (64, 64) == (file.width_pixels, file.height_pixels)


def test_silence_stays_silence(make, make_of, step, tmp_path) -> None:
    source = make(tmp_path / "silence.wav", "-f", "lavfi", "-i", "anullsrc=r=48000:d=2")
    [file] = make_of(source, "audio", step("loud", "compress", {"loudness": {}}))["loud"].files
    assert measured(file.path)[0] <= -70


def test_figures_are_read_from_what_loudnorm_says() -> None:
    said = 'noise {\n[Parsed_loudnorm_0]\n{"input_i" : "-inf", "input_tp" : "-3.10", '
    said += '"input_lra" : "0.00", "input_thresh" : "-70.00", "normalization_type" : "dynamic"}\n[out#0] end'
    found = LoudnessFound(integrated_lufs=-70, true_peak_dbtp=-3.1, range_lu=0, threshold_lufs=-70)
    assert found == figures(said)
    assert found.silent
    with pytest.raises(StepError, match="how loud"):
        figures("[out#0] end")
