"""Errors as RFC 9457 has them: a stable type, a sentence a person can act on, the field that was wrong.

For whatever serves HTTP; a web framework is needed only by who sends the answer.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

TYPE_PREFIX = "urn:mediaops:problem:"
"""Prefix of every problem's type; what follows is part of the API and is never renamed."""

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = 5
"""What a caller is told to wait while something we stand on is away."""

Answer = tuple[str, int, dict[str, str]]
"""Body, status and headers, in the form in which a Flask view may give them."""

_WORDS = {"extra_forbidden": "is not known", "missing": "is missing"}
"""In place of pydantic's own sentences, by its type of error."""


class Problem(Exception):
    """An answer other than success."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members
        """Further members of the answer, such as `errors` or `until`."""

    def answer(self) -> Answer:
        """Give the answer."""
        body = {
            "type": TYPE_PREFIX + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return json.dumps(body), self.status, {**self.headers, "Content-Type": MEDIA_TYPE}


def unauthorized(detail: str) -> Problem:
    """Give the answer to missing or bad credentials; never says which part was wrong."""
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def not_found(what: str) -> Problem:
    """Give the answer for what isn't there, or is another workspace's: the two look the same."""
    return Problem(404, "not-found", f"there is no such {what}")


def invalid(field: str, message: str) -> Problem:
    """Give the answer to one wrong field."""
    return Problem(422, "invalid", f"{field}: {message}", errors=[{"field": field, "message": message}])


def unavailable(what: str) -> Problem:
    """Give the answer while something we stand on is away."""
    return Problem(
        503,
        "unavailable",
        f"{what} can't be reached; ask again later",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def from_validation(error: ValidationError, prefix: str = "") -> Problem:
    """Name each field that a model refused, behind a prefix, and why; the values themselves are left out."""
    errors = [
        {
            "field": prefix + ".".join(str(part) for part in item["loc"]) or "body",
            "message": _WORDS.get(item["type"], item["msg"].removeprefix("Value error, ")),
        }
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    first = errors[0]
    return Problem(422, "invalid", f"{first['field']}: {first['message']}", errors=errors)
