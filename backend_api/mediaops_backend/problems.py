"""Errors as RFC 9457 has them: a stable type, a sentence a person can act on, the field that was wrong."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json
from kubernetes.client import ApiException
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from urllib3.exceptions import HTTPError
from werkzeug.exceptions import HTTPException

from mediaops.storage import StorageError, Unavailable
from mediaops_backend.database import SchemaTooOld

log = logging.getLogger(__name__)

TYPE_PREFIX = "urn:mediaops:problem:"
"""Prefix of every problem's type; what follows is part of the API and is never renamed."""

RETRY_SECONDS = 5
"""What a caller is told to wait while something we stand on is away."""


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


def from_validation(error: ValidationError) -> Problem:
    """Name each field that a model refused, and why; the values themselves are left out."""
    errors = [
        {
            "field": ".".join(str(part) for part in item["loc"]) or "body",
            "message": item["msg"].removeprefix("Value error, "),
        }
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    first = errors[0]
    return Problem(422, "invalid", f"{first['field']}: {first['message']}", errors=errors)


def register(app: Flask) -> None:
    """Make every way a request can fail answer with a problem."""

    @app.errorhandler(Problem)
    def _problem(error: Problem) -> Response:
        return error.response()

    @app.errorhandler(ValidationError)
    def _validation(error: ValidationError) -> Response:
        return from_validation(error).response()

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        code = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}.get(status, "http")
        headers = {"Allow": ", ".join(allowed)} if (allowed := getattr(error, "valid_methods", None)) else {}
        return Problem(
            status, code, error.description or HTTPStatus(status).phrase, headers=headers
        ).response()

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(PoolTimeout)
    def _database(error: Exception) -> Response:
        log.warning("the database can't be used", extra={"error": type(_cause(error)).__name__})
        return unavailable("the database").response()

    @app.errorhandler(SchemaTooOld)
    def _schema(error: SchemaTooOld) -> Response:
        log.error(str(error))
        return unavailable("the database").response()

    @app.errorhandler(DBAPIError)
    def _statement(error: DBAPIError) -> Response:
        if error.connection_invalidated:
            return _database(error)
        return _unexpected(error)

    @app.errorhandler(Unavailable)
    def _storage(error: Unavailable) -> Response:
        log.warning("storage can't be used", extra={"error": str(error)})
        return unavailable("storage").response()

    @app.errorhandler(StorageError)
    def _storage_refused(error: StorageError) -> Response:
        log.error("storage refused", extra={"error": str(error)})
        return unavailable("storage").response()

    @app.errorhandler(ApiException)
    @app.errorhandler(HTTPError)
    def _cluster(error: Exception) -> Response:
        log.warning(
            "the Kubernetes API can't be used",
            extra={"error": type(error).__name__, "status": getattr(error, "status", None)},
        )
        return unavailable("the Kubernetes API").response()

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        # Type and place only: a message may hold a value of the request, or an address.
        log.error("unexpected error", extra={"error": type(error).__name__, "place": _place(error)})
        return Problem(500, "internal", "something went wrong here; it has been logged").response()


def _cause(error: Exception) -> BaseException:
    return getattr(error, "orig", None) or error


def _place(error: Exception) -> str:
    """Name the innermost function of ours that the error came through."""
    trace, place = error.__traceback__, ""
    while trace:
        code = trace.tb_frame.f_code
        if "mediaops" in code.co_filename:
            place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
