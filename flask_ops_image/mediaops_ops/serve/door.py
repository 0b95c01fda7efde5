"""gunicorn with the app; a process of its own, started by the dispatcher, gone with it."""

from __future__ import annotations

from typing import Any

from gunicorn.app.base import BaseApplication

from mediaops.settings import load
from mediaops_ops import log as logs
from mediaops_ops.serve.app import create_app
from mediaops_ops.serve.settings import ServeSettings

PROCESSES = 2
THREADS = 8
GRACE_SECONDS = 10


class Door(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn, configured here and nowhere else."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        options = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "workers": PROCESSES,
            "threads": THREADS,
            "worker_class": "gthread",
            "graceful_timeout": GRACE_SECONDS,
            "timeout": 60,
            "worker_tmp_dir": "/dev/shm",  # noqa: S108 — heartbeats of workers must not wait for a disk
            "preload_app": True,
            "accesslog": None,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Give the WSGI app."""
        return create_app(self._settings)


if __name__ == "__main__":
    logs.start()
    Door(load(ServeSettings)).run()
