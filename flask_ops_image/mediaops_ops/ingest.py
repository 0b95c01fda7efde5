"""`run` on an order to fetch a source: fetch, check, store, probe."""

from __future__ import annotations

import logging
from pathlib import Path

from mediaops.models.source import DRIVE_SECRET
from mediaops.models.work import IngestOrder, StepResult, WorkOrder
from mediaops.reasons import Reason
from mediaops_ops import credential as credentials
from mediaops_ops import guarded, probe
from mediaops_ops.credential import Credential
from mediaops_ops.incoming import Incoming
from mediaops_ops.limits import DISK_SHARE
from mediaops_ops.metering import METER
from mediaops_ops.outcome import OutputFile, StepError
from mediaops_ops.settings import Settings
from mediaops_ops.storage import Storage

log = logging.getLogger(__name__)

STEP_TYPE = "ingest"


def run(order: WorkOrder, ingest: IngestOrder, storage: Storage, settings: Settings, folder: Path) -> None:
    """Fetch the source into storage, unless that is done; raises StepError."""
    if storage.result(ingest.step_key) is not None:
        log.info("the source is stored already")
        return
    path = folder / "source"
    if order.source is not None:  # in storage already, where people put it: what it holds is not known yet
        storage.fetch(order.source, path, what="the source")
    else:
        _fetch(order, ingest, settings, path)
    media = probe.check(path, order.file_type)
    log.info("checked", extra={"media": media.wire()})
    named = path.rename(path.with_suffix(f".{media.extension}"))
    file = OutputFile(
        "source", named, media.media_type, media.width, media.height, duration_millis=media.duration_millis
    )
    stored = storage.store(ingest.step_key, file)
    result = StepResult(
        step_key=ingest.step_key,
        type=STEP_TYPE,
        job=order.job,
        files=[stored],
        source=media.measured(),
        usage=METER.take().model_copy(update={"bytes_out": stored.size_bytes}),
    )
    storage.put_result(result, folder / "result.json")


def _fetch(order: WorkOrder, ingest: IngestOrder, settings: Settings, path: Path) -> None:
    credential = credentials.read(settings)
    limit = size_limit(order)
    if ingest.google_drive_file_id is not None:
        from mediaops_ops import drive

        if credential is None:
            message = f"Google Drive needs an apiKey or a serviceAccount; make the Secret {DRIVE_SECRET}."
            raise StepError(Reason.SECRET_NOT_FOUND, message, permanent=True)
        drive.fetch(ingest.google_drive_file_id, credential, path, settings, limit_bytes=limit)
        return
    with Incoming(path, limit_bytes=limit) as incoming:
        guarded.fetch(_address(ingest, credential), incoming, settings)


def _address(ingest: IngestOrder, credential: Credential | None) -> str:
    """Give the address to fetch: the order's, or the one in the credential, if that is bound to its host."""
    if ingest.url is not None:
        return ingest.url
    if credential is None or credential.address is None:
        message = "The source's Secret holds no address."
        raise StepError(Reason.SECRET_INVALID, message, permanent=True)
    credential.allow(guarded.parsed(credential.address).host)
    return credential.address


def size_limit(order: WorkOrder) -> int:
    """Give the largest source in bytes that is taken: what is allowed, and what fits on the disk; 0: any."""
    limits = [order.max_source_bytes, int(order.disk_bytes * DISK_SHARE)]
    return min((limit for limit in limits if limit), default=0)
