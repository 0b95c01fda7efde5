"""From a spec to what is to be done: the source's way in, and every operation settled down to a step key."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mediaops.models.mediaasset import SOURCE, MediaAsset, MediaAssetSpec
from mediaops.models.processingjob import ProcessingJob
from mediaops.models.work import ObjectRef
from mediaops.planner import Step, plan_steps, segments
from mediaops.storage import Stat


def resolve(asset: MediaAsset, identity: str, processing_jobs: Iterable[ProcessingJob]) -> tuple[Step, ...]:
    """Settle an asset's operations; ProcessingJobs that exist keep their step keys.

    They don't where the identity isn't on record: then they are of a source that is being looked at anew.
    """
    known = asset.status.media is not None
    steps = plan_steps(
        asset.spec,
        asset_name=asset.name,
        asset_uid=asset.uid,
        identity=identity,
        reprocess=asset.status.last_handled.reprocess,
        pinned={job.name: job.spec.step_key for job in processing_jobs} if known else {},
    )
    length = asset.status.media.duration_millis if asset.status.media else None
    return tuple(segments.asked(asset.spec, steps, length))


def settled(asset: MediaAsset, jobs: Collection[ProcessingJob]) -> list[tuple[int, Step, ProcessingJob]]:
    """Give the operations that have a ProcessingJob, with their places among all."""
    identity = asset.status.media.identity if asset.status.media else None
    if identity is None:
        return []
    by_name = {job.name: job for job in jobs}
    return [
        (place, step, by_name[step.processing_job])
        for place, step in enumerate(resolve(asset, identity, jobs))
        if step.processing_job in by_name
    ]


def needs_ingest(spec: MediaAssetSpec) -> bool:
    """Say whether a Job has to bring the source in before anything else.

    A file in storage is used where it lies, unless it is itself to be posted: what is posted is known by its
    content hash, and only reading the whole file gives that.
    """
    if spec.source.stored is None:
        return True
    targets = spec.publish.targets if spec.publish else []
    named = {m.from_ for t in targets if t.media for m in t.media}
    default = {spec.primary_name} if any(not t.media for t in targets) else set()
    return SOURCE in named | default


def identified(asset: MediaAsset) -> bool:
    """Say whether the identity on record is of the kind that the spec, as it is now, needs."""
    identity = asset.status.media.identity if asset.status.media else None
    return identity is not None and not (identity.startswith("etag:") and needs_ingest(asset.spec))


def stored_key(asset: MediaAsset, workspace: str) -> str:
    """Give the full key of a source that lies in storage."""
    stored = asset.spec.source.stored
    if stored is None:
        raise ValueError("the source doesn't lie in storage")
    return f"{workspace}/{stored.key}"


def stored_identity(stat: Stat) -> str:
    """Give what stands for the content of an object that people put into storage."""
    return f"etag:{stat.etag}/{stat.size}"


def stored_reference(key: str, identity: str, media_type: str | None = None) -> ObjectRef:
    """Give the reference by which pods read such an object, and only while it is the same."""
    etag, _, size = identity.removeprefix("etag:").rpartition("/")
    return ObjectRef(key=key, size_bytes=int(size), etag=etag, media_type=media_type)
