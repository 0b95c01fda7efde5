"""What `mediaops-operator` does in its process.

Exit codes: 0 after a stop that was asked for; 2 where settings are wrong; 1 where a watch or a background
task died, after which a restart is cheap.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

import kopf
from pythonjsonlogger.json import JsonFormatter

from mediaops.settings import S3Settings, SettingsError, load
from mediaops.storage import StorageError
from mediaops.tokens import CapabilityError
from mediaops_operator import dry_run, handlers
from mediaops_operator.database import DatabaseUnavailable
from mediaops_operator.kube import Access, ApiError, Unreachable
from mediaops_operator.outdated import find, table
from mediaops_operator.resync import resync as write_all
from mediaops_operator.service import Service
from mediaops_operator.settings import OperatorSettings

WRONG_SETTINGS = 2
DIED = 1


def run() -> int:
    """Run until stopped, and give the exit code."""
    try:
        settings, access = _told()
        service = Service(settings, load(S3Settings), access)
    except _WRONG as error:
        return _refuse(error)
    try:
        asyncio.run(
            kopf.operator(
                registry=handlers.registry(service, access),
                settings=handlers.settings(),
                memories=handlers.NoMemories(),
                # Named here, because kopf would ask for the name of a user that images don't have.
                identity=f"mediaops-operator@{socket.gethostname()}",  # type: ignore[arg-type]  # a NewType
                standalone=True,
                clusterwide=True,
            )
        )
    except Exception:
        logging.getLogger(__name__).exception("the operator ends")
        return DIED
    return 0


def resync(*, force: bool) -> int:
    """Write all rows once, and give the exit code."""
    try:
        settings, access = _told()
    except _WRONG as error:
        return _refuse(error)
    try:
        count = asyncio.run(write_all(settings, access, force=force))
    except (ApiError, Unreachable, DatabaseUnavailable) as error:
        print(f"mediaops-operator: {error}", file=sys.stderr)
        return DIED
    print(f"{count} assets")
    return 0


def outdated(namespace: str | None) -> int:
    """Name what would come out differently, of a namespace or everywhere, and give the exit code."""
    try:
        access = _access()
        found = asyncio.run(find(access, namespace))
    except _WRONG as error:
        return _refuse(error)
    except (ApiError, Unreachable) as error:
        print(f"mediaops-operator: {error}", file=sys.stderr)
        return DIED
    print(table(found))
    return 0


def sweep() -> int:
    """Name what the sweeper would delete now, and give the exit code."""
    try:
        settings, access = _told()
        s3 = load(S3Settings)
    except _WRONG as error:
        return _refuse(error)
    try:
        sweeping = asyncio.run(dry_run.find(settings, s3, access))
    except (ApiError, Unreachable, DatabaseUnavailable, StorageError) as error:
        print(f"mediaops-operator: {error}", file=sys.stderr)
        return DIED
    print(dry_run.table(*sweeping))
    return 0


_WRONG = (SettingsError, CapabilityError, OSError, KeyError, StopIteration)


def _told() -> tuple[OperatorSettings, Access]:
    settings = load(OperatorSettings)
    _log(settings.log_level)
    return settings, _access()


def _access() -> Access:
    kubeconfig = os.environ.get("KUBECONFIG")
    return Access.find(Path(kubeconfig) if kubeconfig else None)


def _refuse(error: Exception) -> int:
    print(f"mediaops-operator: {error}", file=sys.stderr)
    return WRONG_SETTINGS


def _log(level: str) -> None:
    """Log JSON lines to standard error; other libraries only when something is wrong."""
    handler = logging.StreamHandler()
    fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter(fields, rename_fields=names))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("mediaops_operator").setLevel(level)
