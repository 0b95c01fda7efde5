"""What is made of an answer of OpenAI's, without asking it."""

from pathlib import Path

import pytest
from openai import BaseModel
from openai.types.audio import Transcription, TranscriptionVerbose
from openai.types.chat import ChatCompletion

from mediaops_ops.engines import openai_api
from mediaops_ops.engines.languages import code_of
from mediaops_ops.engines.openai_listening import transcript_of
from mediaops_ops.outcome import StepError
from mediaops_ops.settings import Settings


def segment(text: str, start: float, end: float, **figures: float) -> dict[str, object]:
    plain = {"avg_logprob": -0.2, "compression_ratio": 1.2, "no_speech_prob": 0.01}
    return (
        {"id": 0, "seek": 0, "temperature": 0, "tokens": [], "text": text, "start": start, "end": end}
        | plain
        | figures
    )


def answer(
    *segments: dict[str, object], words: tuple[tuple[str, float, float], ...] = ()
) -> TranscriptionVerbose:
    return TranscriptionVerbose.model_validate(
        {
            "duration": 30.0,
            "language": "english",
            "text": "",
            "segments": segments,
            "words": [{"word": w, "start": s, "end": e} for w, s, e in words],
        }
    )


def test_words_carry_punctuation_times_and_their_segments_confidence() -> None:
    found = transcript_of(
        answer(segment(" Ask not.", 1.0, 2.5), words=(("Ask", 1.1, 1.5), ("not", 1.6, 2.2))),
        model="whisper-1",
        language=None,
    )
    assert [(w.text, w.start_millis, w.end_millis) for w in found.words] == [
        ("Ask", 1100, 1500),
        ("not.", 1600, 2200),
    ]
    assert (found.language, found.text, found.words[0].confidence) == ("en", "Ask not.", 0.819)


@pytest.mark.parametrize(
    "made_up",
    [
        segment(" Thanks for watching!", 20, 25, no_speech_prob=0.9, avg_logprob=-1.4),
        segment(" la la la la la la la", 20, 25, compression_ratio=3.1),
        segment("  ", 20, 25),
    ],
    ids=["silence", "repetition", "nothing"],
)
def test_segments_that_whisper_makes_up_are_dropped_with_their_words(made_up: dict[str, object]) -> None:
    words = (("Ask", 1.0, 1.4), ("Thanks", 20.5, 21.0))
    found = transcript_of(
        answer(segment(" Ask", 1.0, 2.0), made_up, words=words), model="whisper-1", language=None
    )
    assert [w.text for w in found.words] == ["Ask"]


def test_quiet_but_sure_speech_is_kept() -> None:
    found = transcript_of(
        answer(segment(" Ask", 1, 2, no_speech_prob=0.9, avg_logprob=-0.3)), model="whisper-1", language=None
    )
    assert found.text == "Ask"


@pytest.mark.parametrize(
    ("name", "code"), [("english", "en"), ("German", "de"), ("fr", "fr"), ("klingon", "und")]
)
def test_languages_are_told_by_their_codes(name: str, code: str) -> None:
    assert code_of(name) == code


def settings(tmp_path: Path, credential: str | None, **more: object) -> Settings:
    file = tmp_path / "mediaops-credential"
    if credential is not None:
        file.write_text(credential)
    return Settings.model_validate({"credential_file": file, **more})


def asked_key(settings: Settings) -> str:
    """The key that a call would be made with; nothing is sent."""
    return openai_api.call(settings, "whisper-1", lambda client: client.api_key)


def test_the_key_goes_to_a_host_that_the_credential_names(tmp_path: Path) -> None:
    assert asked_key(settings(tmp_path, '{"hosts": ["API.openai.com"], "apiKey": "sk-test"}')) == "sk-test"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com@evil.example/v1",
    ],
)
def test_the_key_goes_to_no_other_host(url: str, tmp_path: Path) -> None:
    with pytest.raises(StepError) as raised:
        asked_key(
            settings(tmp_path, '{"hosts": ["api.openai.com"], "apiKey": "sk-test"}', openai_base_url=url)
        )
    assert (raised.value.reason, raised.value.permanent) == ("CredentialNotForHost", True)
    assert "sk-test" not in raised.value.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no json", "SecretInvalid"),
        ('{"hosts": ["api.openai.com"], "address": "https://sk-1.example"}', "SecretInvalid"),
        ('{"hosts": [], "apiKey": "sk-1"}', "SecretInvalid"),
        (None, "SecretNotFound"),
    ],
)
def test_a_credential_that_is_none_is_refused_without_showing_it(
    content: str | None, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(StepError) as raised:
        asked_key(settings(tmp_path, content))
    assert (raised.value.reason, raised.value.permanent) == (reason, True)
    assert "sk-1" not in str(raised.value)


def test_the_installations_key_is_used_where_none_is_mounted(tmp_path: Path) -> None:
    assert asked_key(settings(tmp_path, None, openai_api_key="sk-installation")) == "sk-installation"


@pytest.mark.parametrize(
    ("answer_of", "usage", "counts"),
    [
        (
            ChatCompletion,
            {
                "prompt_tokens": 900,
                "completion_tokens": 80,
                "total_tokens": 980,
                "prompt_tokens_details": {"cached_tokens": 512},
            },
            {"input_tokens": 900, "cached_tokens": 512, "output_tokens": 80},
        ),
        (
            Transcription,
            {"type": "tokens", "input_tokens": 140, "output_tokens": 20, "total_tokens": 160},
            {"input_tokens": 140, "output_tokens": 20},
        ),
        (TranscriptionVerbose, {"type": "duration", "seconds": 12}, {"audio_millis": 12_000}),
        (TranscriptionVerbose, None, {"audio_millis": 11_400}),
    ],
    ids=["chat", "tokens", "minutes", "unsaid"],
)
def test_what_an_answer_says_to_have_cost_is_counted(
    answer_of: type[BaseModel], usage: dict[str, object] | None, counts: dict[str, int]
) -> None:
    answered = answer_of.construct(text="", duration=11.4, usage=usage)
    assert openai_api.used(answered) == counts
