"""`mediaops-backend`: serve the backend, migrate the database, make an API key."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from kubernetes.config import ConfigException

from mediaops.settings import SettingsError, load
from mediaops.tokens import CapabilityError
from mediaops_backend import keys, logs, migrate
from mediaops_backend.app import create_app
from mediaops_backend.backend import assemble
from mediaops_backend.settings import BackendSettings

GRACEFUL_SECONDS = 25
"""How long requests under way may take after SIGTERM; the pod's grace period is longer."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with one process of many threads: caches and metrics are one, replicas bring more."""

    def __init__(self, settings: BackendSettings) -> None:
        self._settings = settings
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
            "loglevel": "warning",
            # logs.configure has set up every logger; gunicorn must not bring its own format.
            "logconfig_dict": {"version": 1, "disable_existing_loggers": False},
        }
        if settings.tls_certificate_file:
            options |= {"certfile": str(settings.tls_certificate_file), "keyfile": str(settings.tls_key_file)}
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Assemble in the worker, so that no connection is shared with the process that started it."""
        return create_app(assemble(self._settings))


def serve() -> None:
    """Serve until SIGTERM; raises SettingsError."""
    settings = load(BackendSettings)
    logs.configure(settings.log_level)
    # Once in this process too: what is wrong with the capability keys ends the start, with a sentence.
    assemble(settings).database.close()
    Server(settings).run()


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
    except (SettingsError, CapabilityError, ConfigException, OSError) as error:
        sys.exit(f"mediaops-backend: {error}")
