"""The API server's audit log, read as what it is kept for: who wrote what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Write:
    """One finished request that was meant to change something.

    `resource` is GROUP/PLURAL, the plural alone in the core group, with /SUBRESOURCE where there is one:
    `mediaops.dev/mediaassets/status`, `batch/jobs`, `events`. `code` is the HTTP status it got, `at` the time
    it came in (RFC 3339, UTC).
    """

    user: str
    agent: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    at: str


def writes(log: Path) -> Iterator[Write]:
    """Yield the log's writes in the order in which they ended, without a line that is half written yet."""
    with log.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield _write(line)


def _write(line: str) -> Write:
    event = json.loads(line)
    target = event.get("objectRef", {})
    parts = (target.get("apiGroup"), target.get("resource"), target.get("subresource"))
    return Write(
        user=event["user"].get("username", ""),
        agent=event.get("userAgent", ""),
        verb=event["verb"],
        resource="/".join(part for part in parts if part),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        at=event["requestReceivedTimestamp"],
    )
