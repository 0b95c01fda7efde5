"""Every way a request can fail, answered with a problem (mediaops.problems)."""

from __future__ import annotations

import logging
from http import HTTPStatus

from flask import Flask
from kubernetes.client import ApiException
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from urllib3.exceptions import HTTPError
from werkzeug.exceptions import HTTPException

from mediaops.problems import Answer, Problem, from_validation, unavailable
from mediaops.storage import StorageError, Unavailable
from mediaops_backend.database import SchemaTooOld

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Make every way a request can fail answer with a problem."""

    @app.errorhandler(Problem)
    def _problem(error: Problem) -> Answer:
        return error.answer()

    @app.errorhandler(ValidationError)
    def _validation(error: ValidationError) -> Answer:
        return from_validation(error).answer()

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Answer:
        status = error.code or 500
        code = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}.get(status, "http")
        headers = {"Allow": ", ".join(allowed)} if (allowed := getattr(error, "valid_methods", None)) else {}
        return Problem(status, code, error.description or HTTPStatus(status).phrase, headers=headers).answer()

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(PoolTimeout)
    def _database(error: Exception) -> Answer:
        log.warning("the database can't be used", extra={"error": type(_cause(error)).__name__})
        return unavailable("the database").answer()

    @app.errorhandler(SchemaTooOld)
    def _schema(error: SchemaTooOld) -> Answer:
        log.error(str(error))
        return unavailable("the database").answer()

    @app.errorhandler(DBAPIError)
    def _statement(error: DBAPIError) -> Answer:
        if error.connection_invalidated:
            return _database(error)
        return _unexpected(error)

    @app.errorhandler(Unavailable)
    def _storage(error: Unavailable) -> Answer:
        log.warning("storage can't be used", extra={"error": str(error)})
        return unavailable("storage").answer()

    @app.errorhandler(StorageError)
    def _storage_refused(error: StorageError) -> Answer:
        log.error("storage refused", extra={"error": str(error)})
        return unavailable("storage").answer()

    @app.errorhandler(ApiException)
    @app.errorhandler(HTTPError)
    def _cluster(error: Exception) -> Answer:
        log.warning(
            "the Kubernetes API can't be used",
            extra={"error": type(error).__name__, "status": getattr(error, "status", None)},
        )
        return unavailable("the Kubernetes API").answer()

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Answer:
        # Type and place only: a message may hold a value of the request, or an address.
        log.error("unexpected error", extra={"error": type(error).__name__, "place": _place(error)})
        return Problem(500, "internal", "something went wrong here; it has been logged").answer()


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
