"""What is made of an answer of OpenAI's, without asking it."""

from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from openai import BaseModel
from openai.types.audio import Transcription, TranscriptionDiarized, TranscriptionVerbose
from openai.types.chat import ChatCompletion

from mediaops_ops.engines import openai_api
from mediaops_ops.engines.languages import code_of
from mediaops_ops.engines.openai_listening import (
    Asked,
    Kind,
    Piece,
    kind_of,
    of_diarized,
    of_plain,
    of_verbose,
    planned,
    stitched,
)
from mediaops_ops.engines.speech import Activity
from mediaops_ops.engines.utterances import FRAME_MILLIS
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


def unasked(start_millis: int, end_millis: int) -> None:
    """Nobody listened for voices."""


def test_words_carry_punctuation_times_and_their_segments_confidence() -> None:
    found = of_verbose(
        answer(segment(" Ask not.", 1.0, 2.5), words=(("Ask", 1.1, 1.5), ("not", 1.6, 2.2))), 30_000, unasked
    )
    assert [(w.text, w.start_millis, w.end_millis) for w in found.words] == [
        ("Ask", 1100, 1500),
        ("not.", 1600, 2200),
    ]
    assert (found.language, found.segments[0].text, found.words[0].confidence) == ("en", "Ask not.", 0.819)


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
    found = of_verbose(answer(segment(" Ask", 1.0, 2.0), made_up, words=words), 30_000, unasked)
    assert [w.text for w in found.words] == ["Ask"]


def test_what_is_claimed_where_no_voice_was_detected_is_dropped() -> None:
    claimed = answer(segment(" Ask", 1.0, 2.0), segment(" Amen.", 20.0, 21.0))
    found = of_verbose(claimed, 30_000, lambda start, _: start < 3000)
    assert [s.text for s in found.segments] == ["Ask"]


def test_quiet_but_sure_speech_is_kept() -> None:
    found = of_verbose(answer(segment(" Ask", 1, 2, no_speech_prob=0.9, avg_logprob=-0.3)), 30_000, unasked)
    assert found.segments[0].text == "Ask"


def test_a_model_without_times_says_its_text_from_the_stretchs_start_to_its_end() -> None:
    logprobs = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -0.3}]
    said = Transcription.model_validate({"text": " ask not ", "logprobs": logprobs})
    found = of_plain(said, 4000, "")
    assert [(s.text, s.start_millis, s.end_millis, s.confidence) for s in found.segments] == [
        ("ask not", 0, 4000, 0.819)
    ]
    assert [(w.text, w.start_millis, w.end_millis) for w in found.words] == [
        ("ask", 0, 2000),
        ("not", 2000, 4000),
    ]


def test_a_prompt_given_back_and_guesswork_are_no_speech() -> None:
    prompt = "Kubernetes, MediaAsset, Jobs."
    assert not of_plain(Transcription(text="kubernetes, mediaasset, jobs."), 4000, prompt).segments
    unsure = {"text": "mumble", "logprobs": [{"logprob": -2.5}]}
    assert not of_plain(Transcription.model_validate(unsure), 4000, "").segments


def test_the_diarizing_models_segments_have_its_times() -> None:
    said = {"duration": 9.0, "task": "transcribe", "text": "", "segments": []}
    for start, text in ((0.5, " Yes."), (4.0, " No.")):
        named = {"id": "s", "speaker": "A", "type": "transcript.text.segment"}
        said["segments"].append({"start": start, "end": start + 1, "text": text, **named})
    found = of_diarized(TranscriptionDiarized.model_validate(said), 9000, unasked)
    assert [(s.text, s.start_millis, s.end_millis) for s in found.segments] == [
        ("Yes.", 500, 1500),
        ("No.", 4000, 5000),
    ]


def sound(*stretches: tuple[bool, int]) -> Activity:
    """(speech, milliseconds), each a multiple of a frame."""
    speech = b"".join(bytes([spoken]) * (millis // FRAME_MILLIS) for spoken, millis in stretches)
    return Activity(speech, array("f", map(float, speech)), len(speech) * FRAME_MILLIS)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("whisper-1", Kind.VERBOSE),
        ("Systran/faster-whisper-large-v3", Kind.VERBOSE),
        ("gpt-4o-mini-transcribe-2025-12-15", Kind.PLAIN),
        ("gpt-transcribe", Kind.PLAIN),
        ("gpt-4o-transcribe-diarize", Kind.DIARIZED),
    ],
)
def test_what_a_model_answers_is_told_by_its_name(model: str, kind: Kind) -> None:
    assert kind_of(model) == kind


def test_a_file_that_is_small_enough_is_sent_whole_and_a_larger_one_in_pieces_cut_at_pauses() -> None:
    hour = sound((True, 600_000), (False, 3000), (True, 900_000))
    assert planned(hour, Kind.VERBOSE, 20_000_000, vad=True) == [(0, 1_503_000)]
    assert planned(hour, Kind.VERBOSE, 30_000_000, vad=True)[0] == (0, 601_500)
    assert planned(hour, Kind.DIARIZED, 20_000_000, vad=True)[0] == (0, 601_500)
    pieces = planned(hour, Kind.VERBOSE, 30_000_000, vad=True)
    assert all(end - start <= 780_000 for start, end in pieces)
    assert [end for _, end in pieces[:-1]] == [start for start, _ in pieces[1:]]


def test_nothing_is_sent_of_silence_unless_all_is_to_be_listened_to() -> None:
    quiet = sound((False, 60_000))
    assert planned(quiet, Kind.VERBOSE, 1000, vad=True) == []
    assert planned(quiet, Kind.VERBOSE, 1000, vad=False) == [(0, 60_000)]


def test_a_stretch_for_a_model_without_times_is_narrowed_to_its_speech() -> None:
    heard = sound((False, 3000), (True, 6000), (False, 9000))
    assert planned(heard, Kind.PLAIN, 1000, vad=True) == [(2760, 9240)]


def test_pieces_are_stitched_at_the_times_they_were_cut_from() -> None:
    piece = of_verbose(answer(segment(" Ask", 1.0, 2.0), words=(("Ask", 1.2, 1.9),)), 10_000, unasked)
    french = replace(piece, language="fr", segments=())
    whole = stitched(
        Asked("whisper-1", None, True),
        [french, piece, piece],
        [(0, 100), (100, 10_100), (20_000, 30_000)],
        30_000,
    )
    assert [(s.start_millis, s.end_millis) for s in whole.segments] == [(1100, 2100), (21_000, 22_000)]
    assert [w.start_millis for w in whole.words] == [1200, 1300, 21_200]
    assert (whole.language, whole.duration_millis, whole.word_times) == ("en", 30_000, "heard")
    assert stitched(Asked("gpt-transcribe", None, True), [Piece()], [(0, 9)], 9).language == "und"


def test_each_model_is_asked_in_its_own_words() -> None:
    terms = ("Kubernetes",)
    assert Asked("gpt-transcribe", "de", True, terms).body() == {
        "model": "gpt-transcribe",
        "response_format": "json",
        "languages": ["de"],
        "keywords": ["Kubernetes"],
    }
    assert Asked("gpt-4o-transcribe", "de", True, terms).body() == {
        "model": "gpt-4o-transcribe",
        "response_format": "json",
        "language": "de",
        "prompt": "Kubernetes.",
        "include": ["logprobs"],
    }
    assert "prompt" not in Asked("gpt-4o-transcribe-diarize", "de", True, terms).body()
    assert Asked("whisper-1", None, False).body()["timestamp_granularities"] == ["segment"]


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
