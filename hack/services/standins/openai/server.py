"""The routes. What the API refuses is refused with its words; the key is checked before all else.

`/_standin/calls` lists what was asked, without keys and content. `POST /_standin/faults` takes a Fault: the next
calls of a route fail as it says. `DELETE` forgets them.
"""

import hmac
import json
import threading
import time
import uuid
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import parse_form_data
from werkzeug.test import EnvironBuilder

from hack.services.standins.base import Request, Response, Route, Router, json_response
from hack.services.standins.openai import hearing, rules, transcribing, writing
from hack.services.standins.openai.rules import Refused

_heard = lru_cache(maxsize=64)(hearing.hear)


@dataclass(frozen=True)
class Fault:
    """How a route (transcriptions, completions) misbehaves for the next `times` calls after `skip` good ones.

    action: status (answer `status`; `retry_after` seconds go into its header), close, hang (answer after
    `seconds`); of completions: garbage (not by the schema), refusal (the model refuses), long and same (texts longer
    than asked for, variants that are all one), incomplete and verbose (of subtitles: the last one left out, every
    one ten times as long).
    """

    route: str
    action: str = "status"
    times: int = 1
    skip: int = 0
    status: int = 500
    code: str | None = None
    retry_after: float | None = None
    seconds: float = 1.0


class OpenAI:
    """The whole stand-in as a function from request to response."""

    def __init__(self, state: Path, api_key: str) -> None:
        self._key = api_key
        self._log = state / "calls.jsonl"
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._router = Router()
        for method, path, name, route in (
            ("POST", "/v1/audio/transcriptions", "transcriptions", self._transcriptions),
            ("POST", "/v1/chat/completions", "completions", self._completions),
            ("GET", "/v1/models", "models", self._models),
            ("GET", "/v1/models/{id}", "model", self._model),
        ):
            self._router.add(method, path, self._watched(name, route))
        self._router.add("GET", "/_standin/calls", lambda _: json_response(200, self.calls()))
        self._router.add("POST", "/_standin/faults", self._add_fault)
        self._router.add("DELETE", "/_standin/faults", self._clear_faults)

    def __call__(self, request: Request) -> Response:
        return self._router(request)

    # Faults and the log

    def calls(self) -> list[dict[str, Any]]:
        """What was asked, oldest first."""
        with self._lock:
            return (
                [json.loads(line) for line in self._log.read_text().splitlines()]
                if self._log.exists()
                else []
            )

    def _add_fault(self, request: Request) -> Response:
        fault = Fault(**(request.json_object() or {}))
        with self._lock:
            self._faults.append(fault)
        return json_response(201, {})

    def _clear_faults(self, _: Request) -> Response:
        with self._lock:
            self._faults.clear()
        return json_response(200, {})

    def _take_fault(self, route: str) -> Fault | None:
        with self._lock:
            for i, fault in enumerate(self._faults):
                if fault.route != route:
                    continue
                if fault.skip:
                    self._faults[i] = replace(fault, skip=fault.skip - 1)
                    return None
                self._faults[i : i + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None

    def _watched(self, name: str, route: Any) -> Route:
        def watched(request: Request) -> Response:
            detail: dict[str, Any] = {}
            try:
                self._check_key(request)
                fault = self._take_fault(name)
                response = self._broken(fault) if fault else None
                if response is None:
                    response = route(request, detail, fault)
                if fault and fault.action in ("hang", "close"):
                    response = replace(response, fate=fault.action, seconds=fault.seconds)
            except Refused as refused:
                response = refused.response
            self._note(name, response, {"bytes": len(request.body), **detail})
            return response

        return watched

    @staticmethod
    def _broken(fault: Fault) -> Response | None:
        if fault.action != "status":
            return None
        after = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
        words = {429: "Rate limit reached.", 500: "The server had an error while processing your request."}
        return rules.error(fault.status, words.get(fault.status, "Fault."), code=fault.code, headers=after)

    def _note(self, route: str, response: Response, detail: dict[str, Any]) -> None:
        line = json.dumps({"route": route, "status": response.status, "fate": response.fate, **detail})
        with self._lock, self._log.open("a") as file:
            file.write(line + "\n")

    def _check_key(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refused(401, "You didn't provide an API key.")
        if not hmac.compare_digest(key.strip().encode(), self._key.encode()):
            raise Refused(401, "Incorrect API key provided.", code="invalid_api_key")

    # Models

    @staticmethod
    def _model_row(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "system"}

    def _models(self, _: Request, __: dict[str, Any], ___: Fault | None) -> Response:
        names = (*rules.AUDIO_MODELS, *rules.CHAT_MODELS)
        return json_response(200, {"object": "list", "data": [self._model_row(name) for name in names]})

    def _model(self, request: Request, _: dict[str, Any], __: Fault | None) -> Response:
        name = request.params["id"]
        if name not in (*rules.AUDIO_MODELS, *rules.CHAT_MODELS):
            raise rules.no_such_model(name)
        return json_response(200, self._model_row(name))

    # Audio

    def _transcriptions(self, request: Request, detail: dict[str, Any], _: Fault | None) -> Response:
        size = int(request.headers.get("content-length") or len(request.body))
        if size > rules.MAX_FILE_BYTES:
            raise Refused(
                413, f"Maximum content size limit ({rules.MAX_FILE_BYTES}) exceeded ({size} bytes read)"
            )
        if request.media_type != "multipart/form-data":
            raise Refused(400, "Could not parse multipart form")
        fields, files = _multipart(request)
        detail |= {"model": fields.get("model"), "response_format": fields.get("response_format", "json")}
        detail |= {"language": fields.get("language"), "prompt": fields.get("prompt")}
        detail |= {"keywords": fields.getlist("keywords[]"), "languages": fields.getlist("languages[]")}
        model, wanted = rules.check_transcription(fields)
        heard = self._hear(files.get("file"))
        detail["seconds"] = round(heard.duration, 1)
        rules.check_length(model, heard.duration, fields)
        return transcribing.answer(heard, model, wanted, fields)

    @staticmethod
    def _hear(file: FileStorage | None) -> hearing.Heard:
        if file is None:
            raise Refused(400, "Missing required parameter: 'file'.", param="file")
        if (file.filename or "").rpartition(".")[2].lower() not in rules.EXTENSIONS:
            raise Refused(400, f"Invalid file format. Supported formats: {list(rules.EXTENSIONS)}")
        try:
            heard = _heard(file.read())
        except hearing.Undecodable as error:
            message = "The audio file could not be decoded or its format is not supported."
            raise Refused(400, message) from error
        return heard

    # Chat

    def _completions(self, request: Request, detail: dict[str, Any], fault: Fault | None) -> Response:
        body = request.json_object()
        if body is None:
            raise Refused(400, "We could not parse the JSON body of your request.")
        model, messages = body.get("model"), body.get("messages")
        detail |= {"model": model, "messages": len(messages) if isinstance(messages, list) else 0}
        if not isinstance(model, str) or not model:
            raise Refused(400, "you must provide a model parameter")
        if model not in rules.CHAT_MODELS:
            raise rules.no_such_model(model)
        if not isinstance(messages, list) or not messages:
            raise Refused(400, "Invalid 'messages': empty array.", code="empty_array", param="messages")
        sizes = [rules.image_size(url) for message in messages for url in _images(message)]
        detail["images"] = [f"{width}x{height}" for width, height in sizes]
        schema = None
        if "response_format" in body:
            rules.check_response_format(body["response_format"])
            schema = body["response_format"].get("json_schema", {}).get("schema")
        content = writing.answer(messages, sizes, schema, fault.action if fault else "")
        if fault and fault.action == "garbage":
            content = content[: len(content) // 2]
        refusal = "I'm sorry, I can't help with that." if fault and fault.action == "refusal" else None
        return _completion(model, None if refusal else content, refusal, len(request.body))


def _multipart(request: Request) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """Fields and files; a field may come several times, as the granularities do."""
    content_type = request.headers.get("content-type", "")
    environ = EnvironBuilder(method="POST", data=request.body, content_type=content_type).get_environ()
    _, fields, files = parse_form_data(environ)
    return fields, files


def _images(message: Any) -> list[str]:
    """The addresses of a message's images; raises Refused where the message isn't one."""
    if not isinstance(message, dict) or message.get("role") not in (
        "system",
        "developer",
        "user",
        "assistant",
    ):
        raise Refused(400, "Invalid value for 'messages[].role'.", code="invalid_value", param="messages")
    content = message.get("content")
    if isinstance(content, str):
        return []
    if not isinstance(content, list):
        raise Refused(400, "Invalid type for 'messages[].content'.", code="invalid_type", param="messages")
    urls = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "image_url":
            urls.append(str(part.get("image_url", {}).get("url", "")))
        elif kind != "text":
            message = f"Invalid value: '{kind}'. Supported values are: 'text' and 'image_url'."
            raise Refused(400, message, code="invalid_value", param="messages")
    return urls


def _completion(model: str, content: str | None, refusal: str | None, asked_bytes: int) -> Response:
    # Four bytes a token is the rule of thumb; nothing here has a tokenizer.
    prompt, written = asked_bytes // 4, len(content or refusal or "") // 4
    return json_response(
        200,
        {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": None,
                    "message": {"role": "assistant", "content": content, "refusal": refusal},
                }
            ],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": written,
                "total_tokens": prompt + written,
            },
        },
    )
