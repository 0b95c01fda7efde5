"""The only kopf code: watches, and how the process starts and ends (docs/decisions/0036)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from mediaops.models.base import GROUP, VERSION
from mediaops_operator.cache import ASSETS, JOBS, PODS, PROCESSING_JOBS
from mediaops_operator.kube import Access
from mediaops_operator.objects import ASSET_LABEL
from mediaops_operator.service import Service

_LOGIN_LASTS = timedelta(minutes=10)


class _NoDiffs(kopf.DiffBaseStorage):
    """Keeps no earlier state: copying every object for a difference nobody asks for was a third of our CPU."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002
        """Give nothing to compare."""
        return {}

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002
        """Give nothing to compare with."""
        return {}

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Store nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Keeps no handlers' progress: the queue owns all retries."""

    def fetch(self, *, key: Any, body: Any) -> Any:  # noqa: ARG002
        """Give nothing."""
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Store nothing."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """Remove nothing."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Touch nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Give what is there, as it is."""
        return essence


class NoMemories(ResourceMemories):
    """Remembers nothing of single objects: no handler here has a memo, and those of 25,000 took 25 MB."""

    async def recall(self, raw_body: Any, **more: Any) -> ResourceMemory:
        """Give a memory that is forgotten with the event."""
        return await super().recall(raw_body, **more | {"ephemeral": True})


def settings() -> kopf.OperatorSettings:
    """Give kopf's settings, each measured or a known pitfall."""
    kept = kopf.OperatorSettings()
    kept.posting.enabled = False
    kept.scanning.disabled = True
    kept.persistence.diffbase_storage = _NoDiffs()
    kept.persistence.progress_storage = _NoProgress()
    kept.queueing.worker_limit = 300
    kept.queueing.idle_timeout = 0.2
    kept.queueing.exit_timeout = 20
    kept.process.ultimate_exiting_timeout = 40
    kept.watching.inactivity_timeout = 70
    kept.watching.server_timeout = 600
    kept.watching.client_timeout = 660
    kept.watching.connect_timeout = 10
    kept.watching.chunk_size = 500
    kept.watching.label_selectors["jobs"] = ASSET_LABEL
    kept.watching.label_selectors["pods"] = ASSET_LABEL
    kept.watching.field_selectors["events"] = "type=Warning"
    kept.networking.request_timeout = 30
    kept.networking.enforce_retry_after = True
    return kept


def registry(service: Service, access: Access) -> kopf.OperatorRegistry:
    """Give the handlers, bound to one service."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        # The kubelet rotates the token within its hour; kopf asks here again when this one expires.
        expires = datetime.now(UTC) + _LOGIN_LASTS if access.token_file else None
        return kopf.ConnectionInfo(
            server=access.server,
            ca_data=access.ca or None,
            token=access.bearer(),
            certificate_data=access.certificate,
            private_key_data=access.key,
            expiration=expires,
        )

    @kopf.on.startup(registry=handlers)
    async def start(**_: Any) -> None:
        await service.start()

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        await service.stop()

    def watch(group: str, version: str, kind: str) -> None:
        @kopf.on.event(group, version, kind, registry=handlers, id=f"see-{kind}")
        async def see(event: kopf.RawEvent, **_: Any) -> None:
            service.seen(kind, _plain(event), gone=event["type"] == "DELETED")

    watch(GROUP, VERSION, ASSETS)
    watch(GROUP, VERSION, PROCESSING_JOBS)
    watch("batch", "v1", JOBS)
    watch("", "v1", PODS)

    @kopf.on.event("", "v1", "namespaces", registry=handlers)
    async def see_namespace(event: kopf.RawEvent, **_: Any) -> None:
        service.seen_namespace(_plain(event), gone=event["type"] == "DELETED")

    @kopf.on.event("", "v1", "events", registry=handlers)
    async def see_warning(event: kopf.RawEvent, **_: Any) -> None:
        service.seen_warning(_plain(event))

    return handlers


def _plain(event: kopf.RawEvent) -> dict[str, Any]:
    return dict(event["object"])
