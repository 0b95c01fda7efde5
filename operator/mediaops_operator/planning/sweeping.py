"""Which step folders may be deleted. Pure: from what database, cluster and storage say to a verdict on each folder.

A folder goes only if everything says so: nobody names it, everybody who ever used it released it, nothing of theirs
still runs or posts, and both the release and the last write are longer ago than the grace period.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from mediaops.identity import asset_id, ingest_step_key, step_folder
from mediaops.planner import segments
from mediaops.storage import Stat
from mediaops_operator.observed import Observed
from mediaops_operator.resolve import needs_ingest

_STEP_KEY = re.compile(r"[0-9a-f]{40}")
_WORKSPACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Holder:
    """An asset, gone or not, that used a step folder according to the database."""

    asset_id: UUID
    resource_uid: UUID
    namespace: str
    name: str
    released_at: datetime | None
    """None: it holds the folder back."""


@dataclass(frozen=True)
class Folder:
    """A step folder that may be free to go."""

    workspace: str
    step_key: str
    holders: tuple[Holder, ...]

    @property
    def prefix(self) -> str:
        """Give what all its objects' keys begin with."""
        return step_folder(self.workspace, self.step_key)


@dataclass(frozen=True)
class Listed:
    """A complete list of the cluster, as far as it holds folders back."""

    step_keys: Collection[str] = frozenset()
    """Named by ProcessingJobs, whosever: a step key says nothing of its workspace, so each counts in all of them."""
    assets: Mapping[tuple[str, str], tuple[UUID, Mapping[str, Any]]] = field(default_factory=dict)
    """Uid and source block of each MediaAsset, by namespace and name."""
    working: Collection[UUID] = frozenset()
    """Uids of MediaAssets, there or gone, that still have a Job."""

    def has(self, holder: Holder, workspace: str) -> bool:
        """Say whether a holder's resource is there, whatever its row says: the same one, or the same asset again."""
        uid, source = self.assets.get((holder.namespace, holder.name), (None, {}))
        again = asset_id(workspace, holder.namespace, holder.name, dict(source)) if source else None
        return holder.resource_uid == uid or holder.asset_id == again


class Kept(StrEnum):
    """Why a folder stays."""

    MALFORMED = "its name is none of ours"
    NAMED = "a ProcessingJob names it"
    HELD = "an asset that used it holds it"
    ALIVE = "an asset that used it is there"
    WORKING = "a Job of an asset that used it is there"
    POSTING = "an unfinished publication needs it"
    YOUNG = "released or written to within the grace period"
    LOOKED_AT = "an asset has just looked at it"


def judge(
    folder: Folder,
    objects: Sequence[Stat],
    listed: Listed,
    needed: Collection[str],
    grace: timedelta,
    now: datetime,
) -> Kept | None:
    """Say why a folder stays; None: it may go.

    `objects`: everything that lies in it. `needed`: full keys of files of unfinished publications.
    """
    released = [holder.released_at for holder in folder.holders if holder.released_at]
    touched = max([*released, *(stat.modified for stat in objects)], default=now)
    uids = {holder.resource_uid for holder in folder.holders}
    reasons = (
        (Kept.MALFORMED, not _ours(folder, objects)),
        (Kept.NAMED, folder.step_key in listed.step_keys),
        (Kept.HELD, not released or len(released) < len(folder.holders)),
        (Kept.ALIVE, any(listed.has(holder, folder.workspace) for holder in folder.holders)),
        (Kept.WORKING, any(uid in listed.working for uid in uids)),
        (Kept.POSTING, any(key.startswith(folder.prefix) for key in needed)),
        (Kept.YOUNG, touched > now - grace),
    )
    return next((why for why, holds in reasons if holds), None)


def _ours(folder: Folder, objects: Sequence[Stat]) -> bool:
    """Say whether a folder is one of a step, and the objects are in it: a row that is damaged deletes nothing."""
    named = _STEP_KEY.fullmatch(folder.step_key) and _WORKSPACE.fullmatch(folder.workspace)
    return bool(named) and all(stat.key.startswith(folder.prefix) for stat in objects)


def folders_of(observed: Observed) -> frozenset[str]:
    """Give the step keys that an asset uses: of its operations, of what is made before them, and of its source."""
    asset, status = observed.asset, observed.asset.status
    keys = {job.spec.step_key for job in observed.processing_jobs.values()}
    keys |= {step.prepared.step_key for step in observed.steps if step.prepared}
    for step in observed.steps:
        if step.segments:
            keys.add(segments.cuts_part(step).step_key)
            stage = segments.stage(step, observed.results)
            keys |= stage.keys if stage else set()
    if needs_ingest(asset.spec):
        round_ = status.ingest.round if status.ingest else status.round
        keys.add(ingest_step_key(observed.asset_id, asset.spec.source.wire(), round_))
    return frozenset(keys)
