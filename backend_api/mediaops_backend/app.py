"""The Flask application over one backend."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from mediaops_backend import limits, logs, problems
from mediaops_backend.backend import Backend
from mediaops_backend.reading import MAX_BODY_BYTES
from mediaops_backend.routes import assets, costs, jobs, media, publishing, system


def create_app(backend: Backend) -> Flask:
    """Give the application; one process may hold several, each with a backend of its own."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions["mediaops"] = backend
    logs.register(app, backend.metrics)
    limits.register(app, backend.strangers)  # runs before the line above logs what was answered
    problems.register(app)
    if proxies := backend.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign]
    for blueprint in (
        system.routes,
        media.routes,
        assets.routes,
        costs.routes,
        jobs.routes,
        publishing.routes,
    ):
        app.register_blueprint(blueprint)
    return app
