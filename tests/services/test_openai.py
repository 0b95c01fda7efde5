"""The engine openai: the real client against a stand-in that speaks OpenAI's wire format and enforces its rules."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import imageio_ffmpeg
import numpy as np
import openai
import pytest
from PIL import Image

from hack.services.service import Tls
from hack.services.standin import StandInService
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.platforms import text_limit
from mediaops.reasons import Reason
from mediaops.scripts import measure
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops import caption, transcribe
from mediaops_ops.engines import sound
from mediaops_ops.metering import METER
from mediaops_ops.outcome import Inputs, StepError, StepOutcome, Unreachable

RATE = 16_000
SAID = "Welcome to our new product. Try it today."


def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


class Api:
    """The stand-in, its key, and its switches."""

    def __init__(self, service: StandInService, key: str, tls: Tls) -> None:
        self.url, self.key, self.ca_file = f"{service.url}/v1", key, tls.authority
        self._admin = httpx2.Client(base_url=service.url, verify=trusting(tls.authority))

    def calls(self, route: str) -> list[dict[str, Any]]:
        return [call for call in self._admin.get("/_standin/calls").json() if call["route"] == route]

    def fault(self, route: str, **fault: object) -> None:
        self._admin.post("/_standin/faults", json={"route": route, **fault}).raise_for_status()

    def forget(self) -> None:
        self._admin.delete("/_standin/faults")

    def client(self, **more: Any) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(verify=trusting(self.ca_file))
        return openai.OpenAI(
            base_url=self.url, http_client=http, max_retries=0, **{"api_key": self.key, **more}
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("openai")
    key = f"sk-{secrets.token_hex(20)}"
    (folder / "key").write_text(key)
    arguments = ["--api-key-file", folder / "key"]
    with StandInService("openai", folder / "service", tls=tls, arguments=arguments) as service:
        yield Api(service, key, tls)


@pytest.fixture
def api(running: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The stand-in without faults, and the environment of a pod with its credential mounted."""
    running.forget()
    credential = tmp_path / "mediaops-credential"
    credential.write_text(json.dumps({"hosts": ["127.0.0.1"], "apiKey": running.key}))
    monkeypatch.setenv("OPENAI_BASE_URL", running.url)
    monkeypatch.setenv("MEDIAOPS_CREDENTIAL_FILE", str(credential))
    monkeypatch.setenv("MEDIAOPS_CA_FILE", str(running.ca_file))
    monkeypatch.setenv("MEDIAOPS_PATIENCE_SECONDS", "6")
    return running


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech of a machine, as a pass prepares it for engines outside: 16 kHz mono FLAC."""

    folder = tmp_path_factory.mktemp("speech")
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", folder / "said.wav", SAID], check=True)
    target = folder / "audio.flac"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", folder / "said.wav"]
    subprocess.run([*ffmpeg, "-ar", str(RATE), "-ac", "1", target], check=True)
    return target


def samples(audio: Path) -> np.ndarray:
    return np.frombuffer(b"".join(sound.frames(audio)), "<i2")


def wav(path: Path, content: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(content.astype("<i2").tobytes())
    return path


def listen(audio: Path, folder: Path, **parameters: object) -> StepOutcome:
    folder.mkdir(exist_ok=True)
    step = StepOrder(
        step_key="k", name="words", type="transcribe", parameters={"engine": "openai", **parameters}
    )
    return transcribe.run(step, Inputs(folder, lambda _: None, FileType.AUDIO, audio=audio))


def frames(folder: Path) -> tuple[Path, ...]:
    """A black picture, two shots and one of them again: two say something of their own."""
    paths = []
    for i, (one, other) in enumerate(
        (("black", "black"), ("red", "white"), ("navy", "grey"), ("red", "white"))
    ):
        paths.append(folder / f"frame-{i}.jpg")
        picture = Image.new("RGB", (320, 180), one)
        picture.paste(other, (40, 40, 160, 140))
        picture.save(paths[-1])
    return tuple(paths)


def write(folder: Path, platforms: list[str], **parameters: object) -> StepOutcome:
    said = "ask not what your country can do for you"
    transcript = Transcript(
        engine="openai",
        model="whisper-1",
        language="en",
        duration_millis=4000,
        segments=(Segment(text=said, start_millis=0, end_millis=4000),),
        words=tuple(Word(text=w, start_millis=0, end_millis=1) for w in said.split()),
    )
    (folder / "transcript.json").write_text(transcript.to_json())
    step = StepOrder(
        step_key="k",
        name="post",
        type="caption",
        parameters={"engine": "openai", **parameters},
        platforms=platforms,
    )
    inputs = Inputs(
        folder,
        lambda _: None,
        FileType.VIDEO,
        duration_millis=4000,
        transcript=folder / "transcript.json",
        frames=frames(folder),
        attributes={"campaign": "launch"},
    )
    return caption.run(step, inputs)


# transcribe --------------------------------------------------------------------------------------------


def test_a_sound_is_written_down_with_the_times_and_words_of_the_answer(
    api: Api, speech: Path, tmp_path: Path
) -> None:
    outcome = listen(speech, tmp_path / "work", language="en")
    transcript = Transcript.model_validate_json((tmp_path / "work/transcript.json").read_text())

    assert len(transcript.words) > 3
    assert [w.text for w in transcript.words] == transcript.text.split()
    assert transcript.text.endswith(".")
    assert all(w.end_millis <= transcript.duration_millis for w in transcript.words)
    assert outcome.values["engine"] == "openai"
    assert outcome.values["model"] == "whisper-1"
    call = api.calls("transcriptions")[-1]
    assert (call["status"], call["response_format"], call["language"]) == (200, "verbose_json", "en")


def test_silence_is_not_sent_at_all(api: Api, tmp_path: Path) -> None:
    before = len(api.calls("transcriptions"))
    with wave.open(str(tmp_path / "audio.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(RATE * 2 * 3))
    assert listen(tmp_path / "audio.wav", tmp_path / "work").skipped == Reason.NO_SPEECH
    assert len(api.calls("transcriptions")) == before


def test_what_whisper_makes_up_over_noise_is_not_taken_for_speech(api: Api, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 2000, RATE * 3).astype("<i2")
    with wave.open(str(tmp_path / "audio.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    made_up = api.client().audio.transcriptions.create(file=tmp_path / "audio.wav", model="whisper-1")
    assert made_up.text == "Thanks for watching!"
    assert listen(tmp_path / "audio.wav", tmp_path / "work").skipped == Reason.NO_SPEECH


def test_a_busy_engine_is_asked_again_when_it_says(api: Api, speech: Path, tmp_path: Path) -> None:
    before = len(api.calls("transcriptions"))
    api.fault("transcriptions", status=429, retry_after=1)
    api.fault("transcriptions", status=500)
    outcome = listen(speech, tmp_path / "work")
    assert outcome.files
    assert [call["status"] for call in api.calls("transcriptions")[before:]] == [429, 500, 200]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "times": 99},
        {"status": 429, "retry_after": 600, "times": 99},
        {"action": "close", "times": 99},
    ],
)
def test_an_engine_that_stays_away_is_out_of_reach_and_no_attempt(
    api: Api, speech: Path, tmp_path: Path, fault: dict[str, Any]
) -> None:
    api.fault("transcriptions", **fault)
    with pytest.raises(Unreachable) as raised:
        listen(speech, tmp_path / "work")
    assert raised.value.reason == "EngineUnavailable"


@pytest.mark.parametrize(
    ("change", "parameters", "reason"),
    [
        ({"apiKey": "sk-wrong"}, {}, "CredentialRejected"),
        ({"hosts": ["api.openai.com"]}, {}, "CredentialNotForHost"),
        ({}, {"model": "whisper-9"}, "EngineRejected"),
        ({}, {"model": "gpt-9-transcribe"}, "EngineRejected"),
    ],
)
def test_what_no_further_try_can_help_fails_at_once_and_for_good(
    api: Api,
    speech: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    parameters: dict[str, str],
    reason: str,
) -> None:
    other = tmp_path / "other-credential"
    other.write_text(json.dumps({"hosts": ["127.0.0.1"], "apiKey": api.key} | change))
    monkeypatch.setenv("MEDIAOPS_CREDENTIAL_FILE", str(other))
    before = len(api.calls("transcriptions"))
    with pytest.raises(StepError) as raised:
        listen(speech, tmp_path / "work", **parameters)
    assert (raised.value.reason, raised.value.permanent) == (reason, True)
    assert len(api.calls("transcriptions")) - before <= 1
    assert api.key not in raised.value.message
    assert "sk-wrong" not in raised.value.message


def test_an_exhausted_quota_is_not_waited_for(api: Api, speech: Path, tmp_path: Path) -> None:
    api.fault("transcriptions", status=429, code="insufficient_quota")
    with pytest.raises(StepError) as raised:
        listen(speech, tmp_path / "work")
    assert (raised.value.reason, raised.value.permanent) == ("EngineRejected", True)


@pytest.mark.parametrize(
    ("model", "answers", "told"),
    [
        ("gpt-transcribe", "json", {"keywords": ["Kubernetes"], "languages": ["en"], "prompt": None}),
        ("gpt-4o-transcribe", "json", {"keywords": [], "language": "en", "prompt": "Kubernetes."}),
        ("gpt-4o-transcribe-diarize", "diarized_json", {"language": "en", "prompt": None}),
    ],
)
def test_models_without_words_times_give_a_transcript_all_the_same(
    api: Api, speech: Path, tmp_path: Path, model: str, answers: str, told: dict[str, Any]
) -> None:
    outcome = listen(speech, tmp_path / "work", model=model, language="en", glossary=["Kubernetes"])
    transcript = Transcript.model_validate_json((tmp_path / "work/transcript.json").read_text())
    assert (transcript.model, transcript.word_times, outcome.values["language"]) == (model, "estimated", "en")
    assert len(transcript.words) > 3
    assert transcript.words[-1].end_millis <= transcript.duration_millis
    call = api.calls("transcriptions")[-1]
    assert (call["status"], call["response_format"]) == (200, answers)
    assert told == {name: call[name] for name in told}


def test_the_newest_model_tells_the_language(api: Api, speech: Path, tmp_path: Path) -> None:
    assert listen(speech, tmp_path / "work", model="gpt-transcribe").values["language"] == "en"
    assert api.calls("transcriptions")[-1]["languages"] == []


def test_a_file_over_the_limit_is_cut_at_silence_and_its_times_are_the_files(
    api: Api, speech: Path, tmp_path: Path
) -> None:
    said = samples(speech)
    gap = np.zeros(RATE * 60 * 14, "<i2")  # a WAV of 27 MB: more than the API takes
    gap[: len(said)] = said
    sound = wav(tmp_path / "audio.wav", np.concatenate([gap, said]))
    before = len(api.calls("transcriptions"))

    listen(speech, tmp_path / "short")
    listen(sound, tmp_path / "work")

    calls = api.calls("transcriptions")[before + 1 :]
    assert [call["status"] for call in calls] == [200, 200]
    assert all(call["bytes"] < 25 * 1024**2 for call in calls)
    short, long = (
        Transcript.model_validate_json((tmp_path / name / "transcript.json").read_text())
        for name in ("short", "work")
    )
    assert [w.text for w in long.words] == [w.text for w in short.words] * 2
    for word, expected in zip(long.words[len(short.words) :], short.words, strict=True):
        assert abs(word.start_millis - expected.start_millis - 14 * 60_000) <= 60
    assert not list((tmp_path / "work").glob("piece-*"))


# translation -------------------------------------------------------------------------------------------

LANGUAGES = ["ar", "de", "en", "es", "fr", "he", "ja", "ko", "pt-BR", "ru", "zh-Hans", "zh-Hant"]


def test_a_transcript_is_translated_into_a_dozen_languages_with_its_times(
    api: Api, speech: Path, tmp_path: Path
) -> None:
    outcome = listen(speech, tmp_path / "work", translateTo=LANGUAGES, glossary=["country"])

    files = {file.name: file.path.read_text() for file in outcome.files}
    assert len(files) == 4 * (1 + len(LANGUAGES))
    assert list(files)[:13] == [f"transcript{n}.json" for n in ("", *(f".{x}" for x in LANGUAGES))]
    spoken = Transcript.model_validate_json(files["transcript.json"])
    for language in LANGUAGES:
        found = Transcript.model_validate_json(files[f"transcript.{language}.json"])
        assert found.language == language
        assert found.cues
        rules = measure(language)
        assert all(rules.width(line) <= rules.line for cue in found.cues for line in cue.lines)
        if language == "en":
            assert found == spoken
            continue
        assert (found.translated_from, found.word_times) == ("en", "estimated")
        assert [(c.start_millis, c.end_millis) for c in found.cues] == [
            (c.start_millis, c.end_millis) for c in spoken.cues
        ]
        assert found.text != spoken.text
        assert ("country" in found.text) == ("country" in spoken.text)
    assert "WEBVTT" in files["transcript.ja.vtt"]
    assert outcome.values["translations"] == ", ".join(LANGUAGES)
    assert api.calls("completions")[-1]["status"] == 200


def test_an_edited_transcript_is_translated_without_listening_again(api: Api, tmp_path: Path) -> None:
    before = len(api.calls("transcriptions"))
    said = Word(text="Welcome", start_millis=100, end_millis=900)
    corrected = Transcript(
        engine="openai",
        model="whisper-1",
        language="en",
        duration_millis=2000,
        segments=(Segment(text="Welcome", start_millis=100, end_millis=900),),
        words=(said,),
    )
    (tmp_path / "edited.json").write_text(corrected.to_json())
    asked = {"engine": "openai", "translateTo": ["de"]}
    step = StepOrder(step_key="k", name="words", type="transcribe", parameters=asked, engine="openai")
    inputs = Inputs(tmp_path, lambda _: None, FileType.AUDIO, transcript=tmp_path / "edited.json")
    transcribe.run(step, inputs)

    assert len(api.calls("transcriptions")) == before
    assert Transcript.model_validate_json((tmp_path / "transcript.json").read_text()).words == (said,)
    german = Transcript.model_validate_json((tmp_path / "transcript.de.json").read_text())
    assert [(c.start_millis, c.end_millis) for c in german.cues] == [(100, 900)]

    (tmp_path / "edited.json").write_text("{}")
    with pytest.raises(StepError, match=r"isn't a transcript\.json") as raised:
        transcribe.run(step, inputs)
    assert raised.value.permanent


def test_a_batch_that_leaves_a_cue_out_is_asked_for_anew(api: Api, speech: Path, tmp_path: Path) -> None:
    before = len(api.calls("completions"))
    api.fault("completions", action="incomplete")
    api.fault("completions", action="garbage")
    assert listen(speech, tmp_path / "work", translateTo=["de"]).values["translations"] == "de"
    assert [call["messages"] for call in api.calls("completions")[before:]] == [2, 4, 6]


def test_a_translation_that_stays_too_long_is_taken_and_still_fits_its_lines(
    api: Api, speech: Path, tmp_path: Path
) -> None:
    api.fault("completions", action="verbose", times=3)
    listen(speech, tmp_path / "work", translateTo=["de"])
    found = Transcript.model_validate_json((tmp_path / "work/transcript.de.json").read_text())
    assert all(len(line) <= 42 for cue in found.cues for line in cue.lines)


def test_translations_that_never_hold_end_the_attempt(api: Api, speech: Path, tmp_path: Path) -> None:
    api.fault("completions", action="incomplete", times=3)
    with pytest.raises(StepError) as raised:
        listen(speech, tmp_path / "work", translateTo=["de"])
    assert (raised.value.reason, raised.value.permanent) == ("ResultInvalid", False)


# caption -----------------------------------------------------------------------------------------------


def test_captions_are_written_from_frames_and_transcript_within_the_limits(api: Api, tmp_path: Path) -> None:
    outcome = write(tmp_path, ["x", "linkedin"], variants=3, hashtags=2)

    assert {(t.platform, t.variant) for t in outcome.texts} == {
        (p, v) for p in ("x", "linkedin") for v in range(3)
    }
    assert all(text_limit(t.platform).fits(t.text) for t in outcome.texts)
    assert "shortened" not in outcome.values
    assert "country" in outcome.texts[0].text
    content = json.loads((tmp_path / "caption.json").read_text())
    assert content["engine"] == "openai"
    assert content["label"].startswith("Written by a language model")
    assert content["altText"] == "Seen: 320 by 180 pixels, 320 by 180 pixels."
    assert content["basis"] == ["transcript", "attributes", "picture"]
    assert api.calls("completions")[-1]["images"] == ["320x180", "320x180"]


def test_every_text_is_written_in_every_language_and_in_the_brands_voice(api: Api, tmp_path: Path) -> None:
    before = len(api.calls("completions"))
    outcome = write(tmp_path, ["x", "tiktok"], variants=2, translateTo=["de", "ar"], brandVoice="Ahoy crew")
    assert [(t.language, t.platform, t.variant) for t in outcome.texts] == [
        (language, platform, variant)
        for language in ("en", "de", "ar")
        for platform in ("x", "tiktok")
        for variant in (0, 1)
    ]
    assert outcome.texts[0].text.startswith("Ahoy crew ")
    assert "-de" in next(t.text for t in outcome.texts if t.language == "de")
    assert set(json.loads((tmp_path / "caption.json").read_text())["altTexts"]) == {"en", "de", "ar"}
    # Frames go out once; what follows is written from the texts.
    assert [len(call["images"]) for call in api.calls("completions")[before:]] == [2, 0, 0]


def test_what_stays_too_long_is_asked_for_again_then_shortened_and_said(api: Api, tmp_path: Path) -> None:
    before = len(api.calls("completions"))
    api.fault("completions", action="long", times=99)
    outcome = write(tmp_path, ["x", "linkedin"])
    assert len(api.calls("completions")) - before == 3
    assert outcome.values["shortened"] == "en/x/0, en/linkedin/0"
    assert all(text_limit(t.platform).fits(t.text) and "…" in t.text for t in outcome.texts)


def test_a_shorter_answer_on_the_second_try_is_taken_as_it_is(api: Api, tmp_path: Path) -> None:
    api.fault("completions", action="long")
    assert "shortened" not in write(tmp_path, ["x"]).values


def test_variants_that_stay_the_same_are_no_result(api: Api, tmp_path: Path) -> None:
    api.fault("completions", action="same", times=99)
    with pytest.raises(StepError) as raised:
        write(tmp_path, ["x"], variants=2)
    assert raised.value.reason == "ResultInvalid"
    assert "nearly the same" in raised.value.message


def test_tokens_and_minutes_are_counted_also_those_of_answers_that_did_not_hold(
    api: Api, speech: Path, tmp_path: Path
) -> None:
    METER.take()
    api.fault("completions", action="garbage")
    write(tmp_path, ["x"])
    (used,) = METER.take().models
    assert (used.engine, used.model, used.calls) == ("openai", "gpt-4o-mini", 2)
    assert used.input_tokens > used.output_tokens > 0
    listen(speech, tmp_path / "work")
    (used,) = METER.take().models
    assert (used.model, used.calls) == ("whisper-1", 1)
    assert 2_000 <= used.audio_millis <= 8_000


def test_an_answer_that_breaks_the_schema_is_asked_for_anew(api: Api, tmp_path: Path) -> None:
    before = len(api.calls("completions"))
    api.fault("completions", action="garbage")
    assert write(tmp_path, ["x"]).texts
    asked = api.calls("completions")[before:]
    assert [call["messages"] for call in asked] == [2, 4]


def test_answers_that_never_hold_end_the_attempt(api: Api, tmp_path: Path) -> None:
    api.fault("completions", action="garbage", times=3)
    with pytest.raises(StepError) as raised:
        write(tmp_path, ["x"])
    assert (raised.value.reason, raised.value.permanent) == ("ResultInvalid", False)


def test_a_model_that_refuses_is_not_pressed(api: Api, tmp_path: Path) -> None:
    api.fault("completions", action="refusal")
    with pytest.raises(StepError) as raised:
        write(tmp_path, ["x"])
    assert (raised.value.reason, raised.value.permanent) == ("EngineRejected", True)


# the stand-in's own rules ------------------------------------------------------------------------------


def test_the_stand_in_refuses_what_openai_refuses(api: Api, speech: Path, tmp_path: Path) -> None:
    client = api.client()
    with pytest.raises(openai.AuthenticationError):
        api.client(api_key="sk-wrong").models.list()
    with pytest.raises(openai.NotFoundError) as unknown:
        client.audio.transcriptions.create(file=speech, model="whisper-9")
    assert unknown.value.code == "model_not_found"
    text = tmp_path / "no.mp3"
    text.write_text("no sound at all")
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(file=text, model="whisper-1")
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(file=speech, model="whisper-1", timestamp_granularities=["word"])
    with pytest.raises(openai.APIStatusError) as large:
        client.audio.transcriptions.create(file=("a.wav", bytes(26 * 1024**2)), model="whisper-1")
    assert large.value.status_code == 413
    with pytest.raises(openai.BadRequestError, match="not compatible with model"):
        client.audio.transcriptions.create(
            file=speech, model="gpt-transcribe", response_format="verbose_json"
        )
    with pytest.raises(openai.BadRequestError, match="'keywords' is not supported"):
        client.audio.transcriptions.create(file=speech, model="whisper-1", keywords=["a"])
    with pytest.raises(openai.BadRequestError, match="logprobs are not supported"):
        client.audio.transcriptions.create(file=speech, model="gpt-transcribe", include=["logprobs"])
    long = tmp_path / "long.flac"
    silence = ["-f", "lavfi", "-i", f"anullsrc=r={RATE}:cl=mono", "-t", "1410", long]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *silence], check=True)
    with pytest.raises(openai.BadRequestError, match="longer than 1400 seconds"):
        client.audio.transcriptions.create(file=long, model="gpt-4o-transcribe")
    with pytest.raises(openai.BadRequestError, match="chunking_strategy is required"):
        client.audio.transcriptions.create(
            file=wav(tmp_path / "long.wav", np.zeros(RATE * 31)), model="gpt-4o-transcribe-diarize"
        )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "required": [],
            "additionalProperties": False,
        },
        {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "maxLength": 280}},
            "required": ["a"],
            "additionalProperties": False,
        },
        {"type": "array", "items": {"type": "string"}},
    ],
    ids=["open", "optional", "untyped", "keyword", "array"],
)
def test_the_stand_in_refuses_schemas_that_strict_mode_refuses(api: Api, schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    with pytest.raises(openai.BadRequestError) as raised:
        api.client().chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}], response_format=wanted
        )
    assert raised.value.code == "invalid_json_schema"


@pytest.mark.parametrize(
    "url", ["https://example.com/a.jpg", "data:image/jpeg;base64,aGVsbG8=", "data:image/png;base64,###"]
)
def test_the_stand_in_reads_only_images_that_are_some(api: Api, url: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    with pytest.raises(openai.BadRequestError):
        api.client().chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": content}]
        )


@pytest.mark.parametrize(
    ("wanted", "begins"), [("text", ""), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n\n00:00:0")]
)
def test_the_stand_in_speaks_the_plain_formats(api: Api, speech: Path, wanted: Any, begins: str) -> None:
    answer = api.client().audio.transcriptions.create(file=speech, model="whisper-1", response_format=wanted)
    assert str(answer).startswith(begins)
    assert len(str(answer)) > 20
