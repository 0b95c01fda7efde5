"""The Flask app: takes jobs in, tells how far they are, cancels them. It does no work itself."""

from __future__ import annotations

import hmac
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from mediaops.operations.caption import CaptionEngine, CaptionParameters
from mediaops.operations.transcribe import TranscribeEngine, TranscribeParameters
from mediaops.problems import Answer, Problem, invalid, not_found, unauthorized, unavailable
from mediaops_ops.serve import metrics
from mediaops_ops.serve.estimates import estimated_seconds
from mediaops_ops.serve.queue import ENDED, Job, Queue
from mediaops_ops.serve.requests import OPERATIONS, Order, read
from mediaops_ops.serve.settings import ServeSettings

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
OPEN = frozenset({"healthz", "readyz", "exposed_metrics"})
"""Endpoints without a bearer: what the cluster asks."""


def create_app(settings: ServeSettings) -> Flask:
    """Make the app over the queue that the settings name."""
    app = Flask("mediaops_ops.serve")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    queue = Queue(settings.queue_file)
    _guard(app, settings)
    _add_errors(app)
    _add_jobs(app, settings, queue)
    _add_probes(app, queue)
    return app


def _guard(app: Flask, settings: ServeSettings) -> None:
    """Let nobody in without the bearer."""
    secret = settings.callback_secret.get_secret_value().encode()

    @app.before_request
    def authenticate() -> None:
        if request.endpoint in OPEN:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), secret):
            raise unauthorized("send Authorization: Bearer with the secret that CALLBACK_SECRET holds here")


def _add_errors(app: Flask) -> None:
    @app.errorhandler(Problem)
    def problem(error: Problem) -> Answer:
        return error.answer()

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Answer:
        code = (error.name or "error").lower().replace(" ", "-")
        return Problem(error.code or 500, code, error.description or "").answer()

    @app.errorhandler(sqlite3.Error)
    def no_queue(error: sqlite3.Error) -> Answer:
        log.error("the queue can't be used", extra={"why": str(error)})
        return unavailable("the queue").answer()


def _add_jobs(app: Flask, settings: ServeSettings, queue: Queue) -> None:
    def taking(operation: str) -> Callable[[], tuple[Response, int]]:
        def take() -> tuple[Response, int]:
            order = read(operation, request.get_json(force=True, silent=True))
            _check_engines(order, settings)
            return _taken(order, settings, queue)

        return take

    for operation in OPERATIONS:
        app.add_url_rule(f"/{operation}", operation, taking(operation), methods=["POST"])

    @app.get("/jobs/<id_>")
    def job(id_: str) -> Response:
        return jsonify(_shown(_found(queue.get(id_))))

    @app.delete("/jobs/<id_>")
    def cancel(id_: str) -> Response:
        return jsonify(_shown(_found(queue.cancel(id_))))


def _check_engines(order: Order, settings: ServeSettings) -> None:
    """Refuse at once what would fail for want of a key."""
    outside = order.parameters.outside_engine()
    if outside is not None and settings.openai_api_key is None:
        engines = {
            TranscribeParameters: TranscribeEngine.POCKETSPHINX,
            CaptionParameters: CaptionEngine.OFFLINE,
        }
        instead = engines[type(order.parameters)].value
        raise invalid("params.engine", f"{outside} has no key here (OPENAI_API_KEY); use {instead}")
    if order.drive_file and settings.google_drive_api_key is None:
        raise invalid(
            "file_url", "Google Drive has no key here (GOOGLE_DRIVE_API_KEY); give another https address"
        )


def _taken(order: Order, settings: ServeSettings, queue: Queue) -> tuple[Response, int]:
    """Queue the job, unless it is there already."""
    body = order.request.model_dump(mode="json")
    job = queue.find(order.request.job_id)
    if job is None:
        waiting = queue.waiting()
        if waiting >= settings.queue_limit:
            detail = f"{waiting} jobs wait already; send it again later"
            raise Problem(429, "queue-full", detail, headers={"Retry-After": "30"})
        past, length = queue.past_seconds(order.operation), queue.media_seconds(body["file_url"])
        job = queue.add(
            order.request.job_id,
            order.operation,
            body,
            callback=order.request.callback_url,
            estimated=estimated_seconds(order.operation, past, waiting, settings.workers, length),
        )
    # Addresses may differ, because they are signed anew each time; what is to be done may not.
    if (job.operation, job.body["params"]) != (order.operation, body["params"]):
        raise Problem(
            409, "job-id-taken", "this job_id stands for another operation or other params; use a new one"
        )
    answer = {"flask_job_id": job.id, "status": "processing", "estimated_duration": round(job.estimated)}
    return jsonify(answer), 202


def _found(job: Job | None) -> Job:
    if job is None:
        raise not_found("job")
    return job


def _shown(job: Job) -> dict[str, Any]:
    """Give a job as GET shows it; times in RFC 3339."""
    shown = {
        "flask_job_id": job.id,
        "job_id": job.job_id,
        "operation": job.operation,
        "status": job.status,
        "percent": job.percent,
        "seconds_left": job.seconds_left if job.status == "processing" else None,
        "estimated_duration": round(job.estimated),
        "attempts": job.attempts + (job.status == "processing"),
        "output_data": job.output,
        "reason": job.reason,
        "error": job.error,
        "callback": job.callback_state,
        "created_at": _time(job.created),
        "started_at": _time(job.started),
        "completed_at": _time(job.ended) if job.status in ENDED else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _add_probes(app: Flask, queue: Queue) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        ready = queue.is_dispatched()
        return jsonify({"status": "ok" if ready else "no dispatcher is at work"}), 200 if ready else 503

    @app.get("/metrics")
    def exposed_metrics() -> Response:
        return Response(metrics.text(queue), content_type=metrics.CONTENT_TYPE)
