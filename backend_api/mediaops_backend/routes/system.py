"""What looks after the installation asks: alive, ready, how much, and what can be asked."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mediaops_backend import openapi
from mediaops_backend.backend import backend
from mediaops_backend.documented import documented

routes = Blueprint("system", __name__)


@routes.get("/healthz")
@documented("Alive?", who="anyone")
def healthz() -> Response:
    """Answer as long as the process serves at all."""
    return jsonify(status="ok")


@routes.get("/readyz")
@documented("Ready to serve? Also without Postgres: URL exchange needs none.", who="anyone")
def readyz() -> Response:
    """Answer once the process serves: what it stands on is asked per request, and told by 503."""
    return jsonify(status="ready")


@routes.get("/metrics")
@documented("Metrics in Prometheus' text format.", who="anyone")
def metrics() -> Response:
    """Give the metrics."""
    return Response(generate_latest(backend().metrics.registry), content_type=CONTENT_TYPE_LATEST)


@routes.get("/openapi.json")
@documented("This API as OpenAPI 3.1.", who="anyone")
def openapi_json() -> Response:
    """Give the description, made from the routes and models that serve."""
    return jsonify(openapi.describe(current_app.url_map, current_app.view_functions))


@routes.get("/docs")
@documented("This API as a page.", who="anyone")
def docs() -> Response:
    """Give the description as a page without scripts."""
    page = openapi.page(openapi.describe(current_app.url_map, current_app.view_functions))
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(page, headers=headers, content_type="text/html; charset=utf-8")
