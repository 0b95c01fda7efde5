"""What is made of an answer of OpenAI's, without asking it."""

from pathlib import Path

import pytest
from openai.types.audio import TranscriptionVerbose

from mediaops_ops.engines.credential import EngineCredential, read
from mediaops_ops.engines.languages import code_of
from mediaops_ops.engines.openai_listening import transcript_of
from mediaops_ops.outcome import StepError


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


CREDENTIAL = EngineCredential(hosts=["api.openai.com", "127.0.0.1:8443"], api_key="sk-test")


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://127.0.0.1:8443/v1"])
def test_the_key_goes_to_hosts_the_credential_names(url: str) -> None:
    assert CREDENTIAL.key_for(url) == "sk-test"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "https://api.openai.com.evil.example/v1",
        "https://127.0.0.1:1/v1",
        "https://api.openai.com@evil.example/",
    ],
)
def test_the_key_goes_to_no_other_host(url: str) -> None:
    with pytest.raises(StepError) as raised:
        CREDENTIAL.key_for(url)
    assert (raised.value.reason, raised.value.permanent) == ("CredentialNotForHost", True)


@pytest.mark.parametrize(
    "content", ["no json", "{}", '{"hosts": [], "apiKey": "sk-1"}', '{"hosts": ["a"], "apiKey": ""}']
)
def test_a_credential_that_is_none_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mediaops-credential"
    file.write_text(content)
    with pytest.raises(StepError) as raised:
        read(file)
    assert raised.value.reason == "SecretInvalid"
    assert "sk-1" not in str(raised.value)
