"""transcribe with the real offline engine on real sound."""

import json
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.reasons import Reason
from mediaops.transcript import Transcript
from mediaops_ops import transcribe
from mediaops_ops.outcome import Inputs, StepError, StepOutcome

JFK = Path(__file__).parents[3] / "shared/testdata/jfk.flac"
RATE = 16_000


def wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def samples_of(file: Path) -> np.ndarray:
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        pieces = [p.to_ndarray()[0] for f in container.decode(audio=0) for p in resampler.resample(f)]
    return np.concatenate(pieces)


def run(audio: Path | None, folder: Path, **parameters: object) -> tuple[StepOutcome, list[float]]:
    seen: list[float] = []
    step = StepOrder(step_key="k", name="words", type="transcribe", parameters=parameters)
    folder.mkdir(exist_ok=True)
    outcome = transcribe.run(step, Inputs(folder, seen.append, FileType.AUDIO, audio=audio))
    return outcome, seen


@pytest.fixture(scope="module")
def jfk() -> np.ndarray:
    if not JFK.exists():
        pytest.skip("../shared/testdata is not there")
    return samples_of(JFK)


def test_a_famous_sentence_is_written_down_with_times_and_in_every_format(
    jfk: np.ndarray, tmp_path: Path
) -> None:
    # Ten seconds of silence before it: times are the file's, not the utterance's.
    audio = wav(tmp_path / "audio.wav", np.concatenate([np.zeros(10 * RATE), jfk]))
    outcome, seen = run(audio, tmp_path / "work")

    files = {file.name: file.path.read_text() for file in outcome.files}
    assert set(files) == {"transcript.json", "transcript.srt", "transcript.vtt", "transcript.txt"}
    transcript = Transcript.model_validate_json(files["transcript.json"])
    assert {"fellow", "country"} <= set(transcript.text.split())
    assert all(
        10_000 <= w.start_millis <= w.end_millis <= transcript.duration_millis for w in transcript.words
    )
    fellow = next(w for w in transcript.words if w.text == "fellow")
    assert abs(fellow.start_millis - 11_400) < 400  # as heard in an editor: "fellow" begins 1.4 s in
    assert all(0 <= (w.confidence or -1) <= 1 for w in transcript.words)
    assert "fellow" in files["transcript.txt"]
    assert files["transcript.vtt"].startswith("WEBVTT\n\n00:00:1")
    assert outcome.values["engine"] == "pocketsphinx"
    assert outcome.values["language"] == "en"
    assert outcome.values["word_count"] == str(len(transcript.text.split()))
    assert abs(float(outcome.values["duration"]) - 21.0) < 0.1
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_no_words_are_made_up_where_nobody_speaks(kind: str, tmp_path: Path) -> None:
    count = 6 * RATE
    sound = {
        "silence": np.zeros(count),
        "noise": np.random.default_rng(1).normal(0, 2000, count),
        "tone": 8000 * np.sin(2 * np.pi * 440 * np.arange(count) / RATE),
    }[kind]
    outcome, _ = run(wav(tmp_path / "audio.wav", sound), tmp_path / "work")
    assert outcome == StepOutcome(skipped=Reason.NO_SPEECH)


def test_a_file_without_sound_gives_nothing_to_do(tmp_path: Path) -> None:
    outcome, _ = run(None, tmp_path / "work")
    assert outcome == StepOutcome(skipped=Reason.NO_AUDIO)


def test_only_the_formats_asked_for_are_written_and_json_always(jfk: np.ndarray, tmp_path: Path) -> None:
    outcome, _ = run(wav(tmp_path / "audio.wav", jfk[: 3 * RATE]), tmp_path / "work", formats=["srt"])
    assert {f.name for f in outcome.files} == {"transcript.json", "transcript.srt"}
    assert json.loads((tmp_path / "work/transcript.json").read_text())["engine"] == "pocketsphinx"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"language": "de"}, "UnsupportedLanguage"), ({"model": "fr-fr"}, "InvalidParameters")],
)
def test_what_the_engine_cannot_do_fails_at_once_and_for_good(
    parameters: dict[str, str], reason: str, tmp_path: Path
) -> None:
    audio = wav(tmp_path / "audio.wav", np.zeros(RATE))
    with pytest.raises(StepError) as raised:
        run(audio, tmp_path / "work", **parameters)
    assert (raised.value.reason, raised.value.permanent) == (reason, True)
