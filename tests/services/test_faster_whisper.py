"""The engine faster-whisper, really loaded and run, on a tiny model made here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import wave
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.reasons import Reason
from mediaops.transcript import Transcript
from mediaops_ops import transcribe
from mediaops_ops.engines import sound
from mediaops_ops.engines.faster_whisper_listening import GROUP_MILLIS, found, grouped
from mediaops_ops.outcome import Inputs, StepError, StepOutcome
from tests.services.tiny_whisper import LANGUAGE, SENTENCE, make

RATE = 16_000
SAYS = "".join(SENTENCE)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make(folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("speech")
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", folder / "said.wav", "Try it today."], check=True)
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", folder / "said.wav"]
    subprocess.run([*ffmpeg, "-ar", str(RATE), "-ac", "1", folder / "audio.wav"], check=True)
    return np.frombuffer(b"".join(sound.frames(folder / "audio.wav")), "<i2")


@pytest.fixture(autouse=True)
def _environment(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIAOPS_MODELS_DIR", str(models))


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), "<i2")


def listen(folder: Path, *pieces: np.ndarray, **parameters: object) -> StepOutcome:
    with wave.open(str(folder / "audio.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.concatenate(pieces).astype("<i2").tobytes())
    asked = {"engine": "faster-whisper", "model": "tiny", **parameters}
    step = StepOrder(step_key="k", name="words", type="transcribe", parameters=asked)
    return transcribe.run(step, Inputs(folder, lambda _: None, FileType.AUDIO, audio=folder / "audio.wav"))


def transcript(folder: Path) -> Transcript:
    return Transcript.model_validate_json((folder / "transcript.json").read_text())


def test_each_stretch_of_speech_is_heard_at_its_place_and_the_language_is_detected(
    speech: np.ndarray, tmp_path: Path
) -> None:
    outcome = listen(tmp_path, silence(3), speech, silence(40), speech)

    found_ = transcript(tmp_path)
    assert (found_.engine, found_.model, found_.language) == ("faster-whisper", "tiny", LANGUAGE)
    assert [segment.text for segment in found_.segments] == [SAYS, SAYS]
    second = 43_000 + len(speech) * 1000 // RATE
    assert [2500 < s.start_millis < 3200 or abs(s.start_millis - second) < 700 for s in found_.segments]
    assert [word.text for word in found_.words] == [*SAYS.split(), *SAYS.split()]
    assert all(word.confidence is not None for word in found_.words)
    assert found_.word_times == "heard"
    assert len(outcome.files) == 4


def test_nothing_is_heard_where_nobody_speaks_unless_all_is_to_be_listened_to(tmp_path: Path) -> None:
    assert listen(tmp_path, silence(9)).skipped == Reason.NO_SPEECH
    listen(tmp_path, silence(40), vad=False)
    assert [segment.text for segment in transcript(tmp_path).segments] == [SAYS, SAYS]


def test_a_language_that_is_given_is_kept_and_words_times_can_be_left_out(
    speech: np.ndarray, tmp_path: Path
) -> None:
    listen(tmp_path, speech, language="en", wordTimestamps=False, glossary=["What"])
    found_ = transcript(tmp_path)
    assert (found_.language, found_.word_times, found_.text) == ("en", "estimated", "Ask not What.")


@pytest.mark.parametrize(
    ("parameters", "reason", "says"),
    [
        ({"model": "large-v3"}, "EngineNotInstalled", "there are: tiny"),
        ({"model": "../../etc"}, "EngineNotInstalled", "isn't in the image's models folder"),
        ({"model": "/etc"}, "EngineNotInstalled", "isn't in the image's models folder"),
        ({"language": "xx"}, "UnsupportedLanguage", "'xx' is not a valid language code"),
    ],
)
def test_what_the_image_or_the_model_cannot_do_fails_at_once_and_for_good(
    speech: np.ndarray, tmp_path: Path, parameters: dict[str, str], reason: str, says: str
) -> None:
    with pytest.raises(StepError, match=says) as raised:
        listen(tmp_path, speech, **parameters)
    assert (raised.value.reason, raised.value.permanent) == (reason, True)


def test_an_image_without_the_engine_says_so(
    speech: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(StepError, match="isn't in this image; use its target gpu") as raised:
        listen(tmp_path, speech)
    assert (raised.value.reason, raised.value.permanent) == ("EngineNotInstalled", True)


def test_a_model_that_is_damaged_says_so(
    speech: np.ndarray, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "models" / "tiny"
    shutil.copytree(models / "tiny", broken)
    (broken / "model.bin").write_bytes((broken / "model.bin").read_bytes()[:5000])
    monkeypatch.setenv("MEDIAOPS_MODELS_DIR", str(tmp_path / "models"))
    with pytest.raises(StepError, match="can't be loaded") as raised:
        listen(tmp_path, speech)
    assert raised.value.permanent


def test_a_model_is_found_by_name_by_path_and_in_hugging_faces_cache(models: Path, tmp_path: Path) -> None:
    assert found("tiny", models) == models / "tiny"
    assert found(str(models / "tiny"), models) == models / "tiny"
    cached = tmp_path / "models--Systran--faster-whisper-base"
    shutil.copytree(models / "tiny", cached / "snapshots" / "abc")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    assert found("base", tmp_path) == cached / "snapshots" / "abc"


def test_a_long_sound_is_read_half_an_hour_at_a_time() -> None:
    spans = [(at, at + 20_000) for at in range(0, 3 * GROUP_MILLIS, 30_000)]
    groups = grouped(spans)
    assert [span for group in groups for span in group] == spans
    assert [len(group) for group in groups] == [60, 60, 60]
