"""Errors as RFC 9457 has them: a stable type, a sentence a person can act on, the field that was wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, json

TYPE_PREFIX = "urn:mediaops:problem:"
"""Prefix of every problem's type; what follows is part of the API and is never renamed."""


class Problem(Exception):
    """An answer other than success."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers = headers or {}
        self.members = members

    def response(self) -> Response:
        """Give the answer."""
        body = {
            "type": TYPE_PREFIX + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return Response(json.dumps(body), self.status, self.headers, content_type="application/problem+json")


def invalid(field: str, message: str) -> Problem:
    """Give the answer to one wrong field."""
    return Problem(422, "invalid", f"{field}: {message}", errors=[{"field": field, "message": message}])
