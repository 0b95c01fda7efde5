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

MAX_FILE_BYTES = 25 * 1024 * 1024
EXTENSIONS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
AUDIO_MODELS = {"whisper-1": FORMATS, "gpt-4o-transcribe": ("json",), "gpt-4o-mini-transcribe": ("json",)}
"""Response formats by model: the newer ones give no times."""
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
