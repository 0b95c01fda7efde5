"""OpenAI's rules, pure: how errors look, which schemas strict mode takes, which images it can read.

Sources: platform.openai.com's API reference and guides (audio, structured outputs, images and vision), and the
words of real answers as users report them, autumn 2026.
"""

import base64
import binascii
import io
import re
from typing import Any

from PIL import Image, UnidentifiedImageError

from hack.services.standins.base import Response, json_response

SHORTEST_SECONDS = 0.1
MAX_FILE_BYTES = 25 * 1024 * 1024
EXTENSIONS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
DIARIZED = "diarized_json"
AUDIO_MODELS = {
    "whisper-1": FORMATS,
    "gpt-transcribe": ("json",),
    "gpt-4o-transcribe": ("json",),
    "gpt-4o-mini-transcribe": ("json",),
    "gpt-4o-mini-transcribe-2025-12-15": ("json",),
    "gpt-4o-transcribe-diarize": ("json", "text", DIARIZED),
}
"""Response formats by model: of the newer ones only the diarizing one gives times."""
MOST_SECONDS = 1400
"""Longest sound for every model but whisper-1, whose only limit is the file's size."""
WHOLE_SECONDS = 30
"""What the diarizing model takes without a chunking_strategy."""
WITH_LOGPROBS = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15")
ONLY_NEWEST = ("keywords[]", "languages[]")
"""Fields that gpt-transcribe alone takes."""
CHAT_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")

_DATA_URL = re.compile(r"data:(?P<type>[\w/+.-]+);base64,(?P<data>.*)", re.DOTALL)
_SCHEMA_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_KEYWORDS = frozenset(
    ("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref")
).union(
    ("$defs", "description", "title", "pattern", "format", "multipleOf", "minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
)
"""What strict mode knows; it refuses the rest of JSON schema, such as minLength and allOf."""
MAX_DEPTH = 10
MAX_ENUM = 1000


class Refused(Exception):
    """The API refuses the call with this answer."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.response = error(status, message, code=code, param=param)


def error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """An error as the API words it."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    if status == 429:
        kind = "insufficient_quota" if code == "insufficient_quota" else "requests"
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return json_response(status, body, headers)


def no_such_model(name: str) -> Refused:
    """The refusal of an unknown model."""
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Refused(404, message, code="model_not_found")


def check_transcription(fields: Any) -> tuple[str, str]:
    """Raise Refused unless the API takes such a form's fields; give the model and the response format."""
    model, wanted = fields.get("model", ""), fields.get("response_format", "json")
    if not model:
        raise Refused(400, "you must provide a model parameter")
    if model not in AUDIO_MODELS:
        raise no_such_model(model)
    if wanted not in (*FORMATS, DIARIZED):
        message = f"response_format '{wanted}' is not one of {[*FORMATS, DIARIZED]}"
        raise Refused(400, message, param="response_format")
    if wanted not in AUDIO_MODELS[model]:
        message = f"response_format '{wanted}' is not compatible with model '{model}'. Use 'json' instead."
        raise Refused(400, message, code="unsupported_value", param="response_format")
    granularities = fields.getlist("timestamp_granularities[]")
    if granularities and wanted != "verbose_json":
        message = "timestamp_granularities needs response_format verbose_json"
        raise Refused(400, message, param="timestamp_granularities")
    if set(granularities) - {"word", "segment"}:
        raise Refused(400, "Invalid value for 'timestamp_granularities'.", param="timestamp_granularities")
    if fields.getlist("include[]") and (model not in WITH_LOGPROBS or wanted != "json"):
        message = f"logprobs are not supported with model '{model}' and response_format '{wanted}'."
        raise Refused(400, message, code="unsupported_value", param="include")
    if fields.get("prompt") and model == "gpt-4o-transcribe-diarize":
        message = "prompt is not supported with this model."
        raise Refused(400, message, code="unsupported_value", param="prompt")
    for name in ONLY_NEWEST:
        if fields.getlist(name) and model != "gpt-transcribe":
            raise Refused(400, f"'{name[:-2]}' is not supported with model '{model}'.", param=name[:-2])
    if not re.fullmatch("[a-z]{2,3}", fields.get("language", "en")):
        message = f"Language parameter must be specified in ISO-639-1 format, not '{fields['language']}'."
        raise Refused(400, message, code="invalid_language_format", param="language")
    return model, wanted


def check_length(model: str, seconds: float, fields: Any) -> None:
    """Raise Refused for a sound that is too short, or longer than the model takes."""
    if seconds < SHORTEST_SECONDS:
        message = f"Audio file is too short. Minimum audio length is {SHORTEST_SECONDS} seconds."
        raise Refused(400, message, code="audio_too_short", param="file")
    if model != "whisper-1" and seconds > MOST_SECONDS:
        message = (
            f"audio duration {seconds} seconds is longer than {MOST_SECONDS} seconds which is the maximum for "
            "this model"
        )
        raise Refused(400, message, code="invalid_value")
    if model == "gpt-4o-transcribe-diarize" and seconds > WHOLE_SECONDS and "chunking_strategy" not in fields:
        message = "chunking_strategy is required for diarization models"
        raise Refused(400, message, code="invalid_value", param="chunking_strategy")


def strict_schema_fault(schema: Any, where: str = "()", depth: int = 1) -> str | None:
    """Why strict mode refuses a JSON schema, or None if it takes it."""
    if not isinstance(schema, dict):
        return f"In context={where}, schema must be an object."
    fault = _form_fault(schema, where, depth)
    if fault or "$ref" in schema:
        return fault
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "anyOf" not in schema and any(kind not in _TYPES for kind in kinds):
        return f"In context={where}, schema must have a 'type' key."
    children = [(f"{where}.anyOf", each) for each in schema.get("anyOf", [])]
    if "object" in kinds:
        if fault := _object_fault(schema, where):
            return fault
        children += [(f"{where}.{name}", each) for name, each in schema.get("properties", {}).items()]
    if "array" in kinds:
        if "items" not in schema:
            return f"In context={where}, array schema missing items."
        children.append((f"{where}.items", schema["items"]))
    return next((fault for at, each in children if (fault := strict_schema_fault(each, at, depth + 1))), None)


def _form_fault(schema: dict[str, Any], where: str, depth: int) -> str | None:
    if depth == 1 and schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    if depth > MAX_DEPTH:
        return f"In context={where}, schema is nested more than {MAX_DEPTH} levels deep."
    if strange := sorted(set(schema) - _KEYWORDS):
        return f"In context={where}, '{strange[0]}' is not permitted."
    if "enum" in schema and not 1 <= len(schema["enum"]) <= MAX_ENUM:
        return f"In context={where}, enum must have 1 to {MAX_ENUM} values."
    return None


def _object_fault(schema: dict[str, Any], where: str) -> str | None:
    if schema.get("additionalProperties") is not False:
        return f"In context={where}, 'additionalProperties' is required to be supplied and to be false."
    if set(schema.get("required", [])) != set(schema.get("properties", {})):
        return (
            f"In context={where}, 'required' is required to be supplied and to be an array including every key "
            "in properties."
        )
    return None


def check_response_format(wanted: Any) -> None:
    """Raise Refused unless this is a response_format that the API takes."""
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise Refused(400, "Invalid value for 'response_format.type'.", param="response_format")
    if kind != "json_schema":
        return
    body = wanted.get("json_schema")
    if not isinstance(body, dict) or not isinstance(body.get("schema"), dict):
        message = "Missing required parameter: 'response_format.json_schema'."
        raise Refused(400, message, code="missing_required_parameter", param="response_format.json_schema")
    if not _SCHEMA_NAME.fullmatch(str(body.get("name", ""))):
        message = "Invalid 'response_format.json_schema.name': string does not match pattern."
        raise Refused(400, message, code="invalid_value", param="response_format.json_schema.name")
    fault = strict_schema_fault(body["schema"]) if body.get("strict") else None
    if fault:
        message = f"Invalid schema for response_format '{body['name']}': {fault}"
        raise Refused(400, message, code="invalid_json_schema", param="response_format")


def image_size(url: str) -> tuple[int, int]:
    """Decode an image given as a data URL and return its width and height; raises Refused."""
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise Refused(400, "Error while downloading the image.", code="invalid_image_url", param="url")
    try:
        content = base64.b64decode(match["data"], validate=True)
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            size, kind = image.size, Image.MIME.get(image.format or "")
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError):
        kind, size = None, (0, 0)
    if kind not in IMAGE_TYPES or kind != match["type"]:
        message = (
            "You uploaded an unsupported image. Please make sure your image is valid and of a supported type."
        )
        raise Refused(400, message, code="image_parse_error")
    return size
