"""Structured logs: one JSON object a line, without secrets and without URLs' queries."""

from __future__ import annotations

import logging
import sys
import time
from uuid import uuid4

from flask import Flask, Response, g, request
from pythonjsonlogger.json import JsonFormatter

from mediaops_backend.metrics import Metrics

access = logging.getLogger("mediaops_backend.access")

_QUIET = frozenset({"system.healthz", "system.readyz", "system.metrics"})
"""Endpoints that are asked every few seconds and tell nothing."""


def configure(level: str) -> None:
    """Send every logger's lines to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # urllib3 logs whole addresses at DEBUG, botocore whole requests.
    for noisy in ("urllib3", "botocore", "boto3", "kubernetes"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def register(app: Flask, metrics: Metrics) -> None:
    """Log and count every request by its route's pattern."""

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()
        g.request_id = uuid4().hex

    @app.after_request
    def _end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        route = request.url_rule.rule if request.url_rule else "none"
        metrics.requests.labels(request.method, route, response.status_code).inc()
        metrics.seconds.labels(request.method, route).observe(seconds)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint not in _QUIET or response.status_code >= 500:
            access.info(
                "request",
                extra={
                    "method": request.method,
                    "route": route,
                    "path": request.path[:200],
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 1),
                    "request_id": g.get("request_id"),
                    "workspace": g.get("workspace"),
                    "subject": g.get("subject"),
                },
            )
        return response
