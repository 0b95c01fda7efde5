"""What was heard as each model answers it, in each response format."""

from __future__ import annotations

import math
from typing import Any

from hack.services.standins.base import Response, json_response
from hack.services.standins.openai import hearing, rules

_PLAIN = {"content-type": "text/plain; charset=utf-8"}


def answer(heard: hearing.Heard, model: str, wanted: str, fields: Any) -> Response:
    """The answer to a request that was found good; `fields` are its form's."""
    segments = heard.segments()
    text = "".join(segment["text"] for segment in segments).strip()
    if wanted == "text":
        return Response(200, f"{text}\n".encode(), _PLAIN)
    if wanted in ("srt", "vtt"):
        return Response(200, hearing.subtitles(segments, vtt=wanted == "vtt").encode(), _PLAIN)
    if wanted == "json":
        return json_response(200, _json(heard, model, text, logprobs=bool(fields.getlist("include[]"))))
    common = {"task": "transcribe", "duration": round(heard.duration, 2), "text": text}
    if wanted == rules.DIARIZED:
        speakers = [_speaker(number, segment) for number, segment in enumerate(segments)]
        return json_response(200, common | {"segments": speakers, "usage": _tokens(heard, text)})
    granularities = fields.getlist("timestamp_granularities[]") or ["segment"]
    verbose: dict[str, Any] = common | {"language": "english", "usage": _duration(heard)}
    if "segment" in granularities:
        verbose["segments"] = segments
    if "word" in granularities:
        verbose["words"] = heard.words()
    return json_response(200, verbose)


def _json(heard: hearing.Heard, model: str, text: str, *, logprobs: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"text": text}
    if model == "gpt-transcribe":
        return body | {"languages": [{"code": "en"}] if heard.utterances else [], "usage": _duration(heard)}
    if logprobs:
        sure = [sure for words in heard.utterances for *_, sure in words] or [0.2]
        body["logprobs"] = [{"token": "", "bytes": [], "logprob": math.log(max(0.3, each))} for each in sure]
    return body | {"usage": _duration(heard) if model == "whisper-1" else _tokens(heard, text)}


def _speaker(number: int, segment: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number}",
        "speaker": "AB"[number % 2],
        **{name: segment[name] for name in ("start", "end", "text")},
    }


def _duration(heard: hearing.Heard) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(heard.duration)}


def _tokens(heard: hearing.Heard, text: str) -> dict[str, Any]:
    # Ten tokens for a second of sound and four bytes to a token of text are the rules of thumb.
    asked, written = round(heard.duration * 10), len(text) // 4
    return {
        "type": "tokens",
        "input_tokens": asked,
        "output_tokens": written,
        "total_tokens": asked + written,
    }
