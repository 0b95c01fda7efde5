"""transcribe with the real offline engine on real sound."""

import json
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.reasons import Reason
from mediaops.transcript import Transcript, Word
from mediaops_ops import processors, transcribe
from mediaops_ops.engines import pocketsphinx
from mediaops_ops.engines.utterances import Utterance
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


@pytest.fixture
def twice(jfk: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same words twice, a pause between them, short as they are for more than one decoder."""
    monkeypatch.setattr(pocketsphinx, "ALONE_BELOW_MILLIS", 0)
    part, pause = jfk[: 5 * RATE], np.zeros(3 * RATE // 2)
    return wav(tmp_path / "audio.wav", np.concatenate([part, pause, part, pause]))


def test_side_by_side_the_same_words_are_heard_as_one_after_another(
    twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    for count in (1, 2):
        monkeypatch.setattr(processors, "usable", lambda count=count: count)
        _, seen = run(twice, tmp_path / str(count))
        assert seen == sorted(seen)
        heard.append((tmp_path / str(count) / "transcript.json").read_text())
    assert heard[0] == heard[1]
    first, second = Transcript.model_validate_json(heard[0]).segments
    assert "fellow" in first.text
    assert first.text == second.text, "the same sound gives the same words wherever it stands"


def test_a_decoder_that_is_killed_fails_the_step_and_none_is_left(
    twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "usable", lambda: 2)
    asked, processes = pocketsphinx._asked, set[subprocess.Popen[bytes]]()

    def killed(process: subprocess.Popen[bytes], utterance: Utterance) -> list[Word]:
        processes.add(process)
        process.kill()
        return asked(process, utterance)

    monkeypatch.setattr(pocketsphinx, "_asked", killed)
    with pytest.raises(StepError) as raised:
        run(twice, tmp_path / "work")
    assert (raised.value.reason, raised.value.permanent) == (Reason.OUT_OF_MEMORY, False)
    assert processes
    assert all(process.poll() is not None for process in processes)
