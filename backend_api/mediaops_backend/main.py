"""`mediaops-backend`: serve the backend, migrate the database, make an API key."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from kubernetes.config import ConfigException

from mediaops.settings import SettingsError, load
from mediaops.tokens import CapabilityError
from mediaops_backend import keys, logs, migrate
from mediaops_backend.app import create_app
from mediaops_backend.backend import assemble
from mediaops_backend.settings import BackendSettings

GRACEFUL_SECONDS = 25
"""How long requests under way may take after SIGTERM; the pod's grace period is longer."""


class _Lines(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's own lines, sent where ours go; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Bring no handler and no format."""
        self.cfg = cfg
        self.error_log.propagate = True

    def access(self, *_: Any) -> None:
        """Log nothing: a path's query may hold a secret."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with one process of many threads: caches and metrics are one, replicas bring more.

    The application comes assembled: nothing has been contacted yet, so no connection is shared with the
    process that serves.
    """

    def __init__(self, settings: BackendSettings, app: Flask) -> None:
        self._settings = settings
        self._app = app
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn is to do; its own command line and files are not read."""
        settings = self._settings
        options: dict[str, Any] = {
            "bind": f"{settings.host}:{settings.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": settings.threads,
            "worker_tmp_dir": "/dev/shm",  # noqa: S108 — a heartbeat file, where no disk can stall it
            "timeout": 60,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 75,
            "logger_class": _Lines,
            "control_socket_disable": True,
        }
        if settings.tls_certificate_file:
            options |= {"certfile": str(settings.tls_certificate_file), "keyfile": str(settings.tls_key_file)}
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Give the application."""
        return self._app


def serve() -> None:
    """Serve until SIGTERM; raises what `load` and `assemble` raise."""
    settings = load(BackendSettings)
    logs.configure(settings.log_level)
    Server(settings, create_app(assemble(settings))).run()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="mediaops-backend", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve HTTP (the default); settings come from the environment")
    migrate.add_arguments(commands.add_parser("migrate", help="bring the database up to date"))
    keys.add_arguments(commands.add_parser("key", help="make an API key for a workspace, and print it once"))
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "migrate":
                migrate.run(arguments)
            case "key":
                keys.run(arguments)
            case _:
                serve()
    except ConfigException as error:
        sys.exit(f"mediaops-backend: no Kubernetes API: run in a cluster's pod, or set KUBECONFIG ({error})")
    except (SettingsError, CapabilityError, OSError) as error:
        sys.exit(f"mediaops-backend: {error}")
