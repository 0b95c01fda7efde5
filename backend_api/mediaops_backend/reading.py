"""Reading requests: the bearer, and the body as JSON under any content type; and answering with a model."""

from __future__ import annotations

import hmac
import json
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, jsonify, request
from pydantic import BaseModel, SecretStr

from mediaops.problems import Problem, invalid, not_found, unauthorized

MAX_BODY_BYTES = 1024 * 1024
MAX_TEXT_BYTES = 4 * 1024 * 1024
"""A transcript with every word's times, of some four hours."""
M = TypeVar("M", bound=BaseModel)


def bearer() -> str:
    """Give the request's bearer; raises Problem (401) where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("send the header Authorization: Bearer …")
    return token


def is_secret(given: str, secret: SecretStr) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), secret.get_secret_value().encode())


def require_secret(secret: SecretStr) -> None:
    """Let only callers with this bearer pass; raises Problem (401)."""
    if not is_secret(bearer(), secret):
        raise unauthorized("the bearer is not valid here")


def json_body() -> dict[str, Any]:
    """Give the body, a JSON object, whatever the content type says; raises Problem (415, 422).

    Refused are also what JSON in Postgres can't hold: NUL, lone surrogates, NaN and the infinities.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "encoding-not-supported", "send the body without a Content-Encoding")
    raw = request.get_data(cache=False, parse_form_data=False)
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        raise Problem(422, "not-json", "the body must be JSON (UTF-8)") from None
    if "\\u0000" in text:
        raise Problem(422, "not-json", "the body must not hold the character NUL")
    if not isinstance(body, dict):
        raise Problem(422, "not-json", "the body must be a JSON object")
    return body


def text_body() -> str:
    """Give the body as text, whatever the content type says; raises Problem (415, 422)."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "encoding-not-supported", "send the body without a Content-Encoding")
    request.max_content_length = MAX_TEXT_BYTES
    try:
        text = request.get_data(cache=False, parse_form_data=False).decode()
    except UnicodeDecodeError:
        raise Problem(422, "not-text", "the body must be text in UTF-8") from None
    if "\0" in text:
        raise Problem(422, "not-text", "the body must not hold the character NUL")
    return text


def read(model: type[M]) -> M:
    """Give the body as a model; raises Problem (415, 422) and ValidationError."""
    return model.model_validate(json_body())


def answer(model: BaseModel) -> Response:
    """Give a model as the answer."""
    return jsonify(model.model_dump(mode="json"))


def uuid_of(text: str, what: str) -> UUID:
    """Read an id; one that can't be is one that isn't there."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found(what) from None


def query(name: str) -> str:
    """Give a query parameter; raises Problem (422) where it is missing."""
    value = request.args.get(name)
    if not value:
        raise invalid(name, "give it in the query")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
