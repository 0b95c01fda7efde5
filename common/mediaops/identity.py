"""Names and ids: each a pure function of what the thing is, so that making it again finds it.

Ids are the same after a restore, a move or a delete-and-apply; names of Jobs and ProcessingJobs are
what makes a second creation a 409 instead of a double.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from uuid import UUID, uuid5

NAMESPACE = UUID("6f0c9a52-3d1e-5b8a-9a43-0d5c8e6b7a10")
"""The uuid5 namespace of all ids of this project."""

JOB_NAME_LENGTH = 50
"""Longest Job name in characters: a pod's name is the Job's and a suffix of the controller, ≤ 63 in all."""


def canonical(value: Any) -> str:
    """Give the one JSON text that stands for a value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(*parts: Any) -> str:
    """Give the SHA-256 (hex) over the canonical JSON of the parts."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def asset_id(workspace: str, namespace: str, name: str, source: dict[str, Any]) -> UUID:
    """Give an asset's id; `source` is the spec's source block as written on the wire."""
    return uuid5(NAMESPACE, canonical([workspace, f"{namespace}/{name}", source]))


def job_id(asset: UUID, operation: str, spec_hash: str) -> UUID:
    """Give the id of an operation's row; an edited operation is another job."""
    return uuid5(NAMESPACE, canonical([str(asset), operation, spec_hash]))


def request_id(asset: UUID, publish_key: str) -> UUID:
    """Give the id of a publication request."""
    return uuid5(NAMESPACE, canonical([str(asset), "publish", publish_key]))


def _shortened(words: str, room: int) -> str:
    """Cut a name to `room` characters so that it still is one."""
    return re.sub(r"[^a-z0-9-]", "-", words)[:room].strip("-")


def processing_job_name(
    asset: str, asset_uid: str, operation: str, spec_hash: str, stored: bool, reprocess: str | None
) -> str:
    """Give a ProcessingJob's name, ≤ 63 characters: asset - operation - hash of what makes it itself."""
    tail = digest(asset_uid, operation, spec_hash, stored, reprocess)[:8]
    head = _shortened(asset, 27)
    return f"{head}-{_shortened(operation, 26)}-{tail}"


def pass_job_name(asset: str, members: list[tuple[str, int, int]]) -> str:
    """Give a pass's Job name, ≤ 50 characters, from each member's (uid, round, Jobs concluded in it)."""
    return f"{_shortened(asset, 37)}-{digest('pass', sorted(members))[:12]}"


def ingest_job_name(asset: str, asset_uid: str, round_: int, jobs: int) -> str:
    """Give the name of the Job that fetches an asset's source."""
    return f"{_shortened(asset, 30)}-ingest-{digest('ingest', asset_uid, round_, jobs)[:12]}"


def quality_job_name(asset: str, asset_uid: str, round_: int, jobs: int) -> str:
    """Give the name of the Job that only measures what is published."""
    return f"{_shortened(asset, 29)}-quality-{digest('quality', asset_uid, round_, jobs)[:12]}"


def ingest_step_key(asset: UUID, source: dict[str, Any], round_: int) -> str:
    """Give the step key under which an ingest's result is found."""
    return digest("ingest", str(asset), source, round_)[:40]


def step_folder(workspace: str, step_key: str) -> str:
    """Give the key prefix, with its slash, of everything a step stores."""
    return f"{workspace}/steps/{step_key}/"


def result_key(workspace: str, step_key: str) -> str:
    """Give the key of a step's result.json, which is put last."""
    return f"{step_folder(workspace, step_key)}result.json"


def output_key(workspace: str, step_key: str, name: str) -> str:
    """Give the key of a stored output; its name is its own hash and its extension."""
    return f"{step_folder(workspace, step_key)}{name}"


def log_key(workspace: str, step_key: str, job: str) -> str:
    """Give the key of the end of a Job's log."""
    return f"{step_folder(workspace, step_key)}{job}.log"
