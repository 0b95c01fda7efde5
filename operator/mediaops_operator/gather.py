"""Everything a visit reads: the cache, storage, the database. Nothing here writes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from mediaops.identity import ingest_step_key, job_id, result_key, step_folder
from mediaops.models.mediaasset import SOURCE, MediaAsset, MediaFacts
from mediaops.models.processingjob import ProcessingJob
from mediaops.models.work import ObjectRef, StepResult
from mediaops.operations import Makes
from mediaops.planner import Step, plan_measurements, segments
from mediaops.reasons import Reason
from mediaops.storage import Forbidden, NotFound, Stat, Storage, StorageError
from mediaops_operator import inbox, posts, views
from mediaops_operator.cache import JOBS, PODS, PROCESSING_JOBS, AssetKey, Cache
from mediaops_operator.database import Database, DatabaseUnavailable
from mediaops_operator.inbox import JobNews
from mediaops_operator.interlock import Interlock
from mediaops_operator.mirror import Mirror
from mediaops_operator.observed import Found, Heard, Observed, Sending, Trouble
from mediaops_operator.planning import requests
from mediaops_operator.planning.operations import live_job, open_in, reopened
from mediaops_operator.planning.passes import missing
from mediaops_operator.planning.quality import live_quality
from mediaops_operator.planning.source import failed, live_ingest
from mediaops_operator.planning.summary import is_finished
from mediaops_operator.resolve import (
    identified,
    needs_ingest,
    resolve,
    stored_identity,
    stored_key,
    stored_reference,
)

Manifest = dict[str, Any]
logger = logging.getLogger(__name__)

_THREADS = 16
_KEPT_RESULTS = 2000

PERCENT_STEP = 10
"""Points that progress has to move before it is written."""
PERCENT_SECONDS = 10.0
"""Least time between two such writes of an asset."""


@dataclass
class Memory:
    """What this process remembers of an asset between visits; losing it costs a little work, never truth."""

    sending: Sending | None = None
    news: dict[str, JobNews] = field(default_factory=dict)
    """What running Jobs said, by name."""
    unread: bool = False
    """A NOTIFY said that there is more."""
    refusal: Trouble | None = None
    """Why the API server didn't take a Job, and until when no other is tried."""
    refused_until: float = float("-inf")
    percent_time: float = float("-inf")
    """When progress was last written, by the loop's clock."""
    troubles: dict[Reason, str] = field(default_factory=dict)
    """What stood in the last visit's way, as the log told it."""


@dataclass(frozen=True)
class Visit:
    """What was observed, and the objects as they were then."""

    asset: Manifest
    processing_jobs: Mapping[str, Manifest]
    observed: Observed


@dataclass(frozen=True)
class Looks:
    """What storage answered in one visit."""

    results: dict[str, StepResult] = field(default_factory=dict)
    looked: frozenset[str] = frozenset()
    trouble: Trouble | None = None

    def __add__(self, further: Looks) -> Looks:
        """Give both."""
        found, looked = self.results | further.results, self.looked | further.looked
        return Looks(found, looked, self.trouble or further.trouble)


def trouble_of(reason: Reason, error: Exception) -> Trouble:
    """Say that a service is away, in words that don't change with each try, so that each is no new write."""
    return Trouble(reason, reason.sentence, str(error))


class Library:
    """Results in storage. What was found is kept, because it never changes; what wasn't is asked for again.

    Only the sweeper of this very process deletes results, behind the interlock, and has them forgotten here.
    """

    def __init__(self, storage: Storage, interlock: Interlock | None = None) -> None:
        self.interlock = interlock or Interlock(time.monotonic)
        self._storage = storage
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage")
        self._kept: OrderedDict[str, StepResult] = OrderedDict()

    async def look(self, workspace: str, step_keys: Iterable[str]) -> Looks:
        """Look for the results of steps."""
        keys = list(dict.fromkeys(step_keys))
        answers = await asyncio.gather(*(self._one(workspace, key) for key in keys), return_exceptions=True)
        results: dict[str, StepResult] = {}
        looked, trouble = set(), None
        for key, answer in zip(keys, answers, strict=True):
            if isinstance(answer, StorageError):
                trouble = trouble_of(Reason.STORAGE_UNAVAILABLE, answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                looked.add(key)
                if answer is not None:
                    results[key] = answer
        return Looks(results, frozenset(looked), trouble)

    def forget(self, workspace: str, step_key: str) -> None:
        """Take in that a result is deleted."""
        self._kept.pop(result_key(workspace, step_key), None)

    async def _one(self, workspace: str, step_key: str) -> StepResult | None:
        await self.interlock.look(step_folder(workspace, step_key))
        key = result_key(workspace, step_key)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        try:
            found = StepResult.model_validate(await self._call(self._storage.get_json, key))
        except NotFound:
            return None
        except ValidationError:
            logger.warning("%s is not a result", key)
            return None
        self._kept[key] = found
        if len(self._kept) > _KEPT_RESULTS:
            self._kept.popitem(last=False)
        return found

    async def head(self, key: str) -> Stat:
        """Give what is known of an object; raises StorageError."""
        stat: Stat = await self._call(self._storage.head, key)
        return stat

    async def _call(self, work: Any, key: str) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, key)


class Gatherer:
    """Reads all that concerns one asset."""

    def __init__(self, cache: Cache, library: Library, database: Database, mirror: Mirror) -> None:
        self._cache = cache
        self._library = library
        self._database = database
        self._mirror = mirror
        self.troubles: dict[str, Trouble] = {}
        """What Events say about Jobs and pods, by uid."""

    async def gather(self, key: AssetKey, memory: Memory, clock: float) -> Visit | None:
        """Observe an asset; None if there is none. Raises ValidationError for a spec that isn't understood."""
        manifest = self._cache.asset(key)
        if manifest is None or "deletionTimestamp" in manifest["metadata"]:
            return None
        asset = MediaAsset.model_validate(manifest)
        owned = [m for m in self._cache.children(PROCESSING_JOBS, key) if owner_uid(m) == asset.uid]
        pods = self._cache.children(PODS, key)
        jobs = tuple(
            views.job_view(job, pods, self.troubles)
            for job in self._cache.children(JOBS, key)
            if owner_uid(job) == asset.uid
        )
        observed = Observed(
            asset=asset,
            workspace=self._cache.workspace(key.namespace),
            processing_jobs={m["metadata"]["name"]: ProcessingJob.model_validate(m) for m in owned},
            jobs=jobs,
            sending=memory.sending,
            refusal=memory.refusal if clock < memory.refused_until else None,
        )
        if observed.workspace and asset.status.workspace in (None, observed.workspace):
            observed = await self._look(observed, memory, clock)
        return Visit(manifest, {m["metadata"]["name"]: m for m in owned}, observed)

    def again(self, key: AssetKey, observed: Observed) -> Observed | None:
        """Give the same with the asset and its ProcessingJobs as they are after a visit's writes."""
        manifest = self._cache.asset(key)
        if manifest is None or manifest["metadata"]["uid"] != observed.asset.uid:
            return None
        owned = [m for m in self._cache.children(PROCESSING_JOBS, key) if owner_uid(m) == observed.asset.uid]
        jobs = {m["metadata"]["name"]: ProcessingJob.model_validate(m) for m in owned}
        return replace(observed, asset=MediaAsset.model_validate(manifest), processing_jobs=jobs)

    async def _look(self, observed: Observed, memory: Memory, clock: float) -> Observed:
        """Add what storage and the database know."""
        observed = replace(observed, persist_lag=self._mirror.lag(observed.asset_id))
        request = requests.pending(observed.asset)
        if request and request[0] != "resolve":
            return observed  # this visit only answers it
        if request:
            observed = await self._posts(observed)
            if observed.posts is not None:
                return observed
        await self._news(observed, memory)
        if not identified(observed.asset):
            found, trouble = await self._source(observed)
            observed = replace(observed, source=found, storage_trouble=trouble)
        facts = observed.asset.status.media or observed.source.facts
        if facts is None or facts.identity is None:
            return observed
        steps = resolve(observed.asset, facts.identity, observed.processing_jobs.values())
        measurements = tuple(plan_measurements(observed.asset.spec, steps, facts.identity))
        heard = _heard(observed, steps, memory, clock)
        observed = replace(observed, steps=steps, measurements=measurements, heard=heard)
        if _reads_source(observed) and observed.source.object is None:
            found, trouble = await self._source(observed)
            observed = replace(observed, source=found, storage_trouble=trouble)
        sought = [*_sought(observed, steps, memory), *_measures_sought(observed)]
        looks = await self._library.look(observed.served, sought)
        # Which segments there are stands in what was found first.
        looks += await self._library.look(observed.served, _segments(steps, looks))
        trouble = observed.storage_trouble or looks.trouble
        observed = replace(observed, results=looks.results, looked=looks.looked, storage_trouble=trouble)
        wanted = _publishes(observed) and observed.database_trouble is None
        return await self._posts(observed) if wanted else observed

    async def _news(self, observed: Observed, memory: Memory) -> None:
        """Read what running Jobs said, if a NOTIFY asked for it; without the database they say nothing."""
        running = [job.name for job in observed.jobs if not job.end]
        if running and memory.unread:
            try:
                namespace = observed.asset.namespace
                memory.news = await self._database.run(lambda c: inbox.read(c, namespace, running))
                memory.unread = False
            except DatabaseUnavailable:
                return
        memory.news = {name: news for name, news in memory.news.items() if name in running}

    async def _source(self, observed: Observed) -> tuple[Found, Trouble | None]:
        """Look for the source: to learn its identity, or where pods read it."""
        asset, status = observed.asset, observed.asset.status
        if failed(status):
            return Found(), None
        if needs_ingest(asset.spec):
            return await self._ingested(observed)
        key = stored_key(asset, observed.served)
        if status.media and status.media.identity:
            return Found(object=stored_reference(key, status.media.identity)), None
        return await self._stored(key)

    async def _stored(self, key: str) -> tuple[Found, Trouble | None]:
        try:
            stat = await self._library.head(key)
        except NotFound:
            words = f"there is no object {key.partition('/')[2]} in the workspace's storage"
            return Found(trouble=Trouble(Reason.SOURCE_NOT_FOUND, words)), None
        except Forbidden as error:
            return Found(trouble=Trouble(Reason.SOURCE_FORBIDDEN, str(error))), None
        except StorageError as error:
            return Found(), trouble_of(Reason.STORAGE_UNAVAILABLE, error)
        identity = stored_identity(stat)
        facts = MediaFacts(identity=identity, size_bytes=stat.size)
        return Found(facts, stored_reference(key, identity, stat.media_type)), None

    async def _ingested(self, observed: Observed) -> tuple[Found, Trouble | None]:
        """Look for what an ingest left, unless one is running."""
        asset, status = observed.asset, observed.asset.status
        job = live_ingest(status, observed.jobs)
        if job and not job.end:
            return Found(), None
        round_ = status.ingest.round if status.ingest else status.round
        key = ingest_step_key(observed.asset_id, asset.spec.source.wire(), round_)
        looks = await self._library.look(observed.served, [key])
        result = looks.results.get(key)
        file = result.file("source") if result else None
        if result is None or file is None:
            # Before a stored file is fetched, it has to be there.
            missing = asset.spec.source.stored and not looks.trouble
            return await self._to_ingest(observed) if missing else (Found(), looks.trouble)
        measured = result.source
        facts = MediaFacts(
            identity=f"sha256:{file.sha256}",
            duration_millis=measured.duration_millis if measured else None,
            width_pixels=measured.width_pixels if measured else None,
            height_pixels=measured.height_pixels if measured else None,
            size_bytes=file.size_bytes,
        )
        reference = ObjectRef(
            key=file.key, size_bytes=file.size_bytes, sha256=file.sha256, media_type=file.media_type
        )
        return Found(facts, reference, usage=result.usage, made_by=result.job), None

    async def _to_ingest(self, observed: Observed) -> tuple[Found, Trouble | None]:
        found, trouble = await self._stored(stored_key(observed.asset, observed.served))
        return replace(found, facts=None), trouble

    async def _posts(self, observed: Observed) -> Observed:
        """Add what is on record about publications."""
        resource = f"{observed.asset.namespace}/{observed.asset.name}"
        try:
            rows = await self._database.run(lambda c: posts.read(c, observed.served, resource))
        except DatabaseUnavailable as error:
            return replace(observed, database_trouble=trouble_of(Reason.DATABASE_UNAVAILABLE, error))
        return replace(observed, posts=rows)


def owner_uid(manifest: Manifest) -> str | None:
    """Give the uid of the object that controls another."""
    owners = manifest["metadata"].get("ownerReferences") or []
    return next((o["uid"] for o in owners if o.get("controller")), None)


def _reads_source(observed: Observed) -> bool:
    """Say whether something still reads the source, or posts it."""
    if not is_finished(observed.asset):
        return True
    known = observed.processing_jobs
    round_ = observed.asset.status.round
    return any(
        step.processing_job not in known or open_in(known[step.processing_job].status, round_)
        for step in observed.steps
    )


def _sought(observed: Observed, steps: Iterable[Step], memory: Memory) -> list[str]:
    """Name the step keys to look for: of what is open and not running, or said to be finished."""
    keys: list[str] = []
    round_ = observed.asset.status.round
    finished = {id_ for news in memory.news.values() for id_ in news.finished}
    for step in steps:
        resource = observed.processing_jobs.get(step.processing_job)
        if resource is None:
            continue
        if not open_in(resource.status, round_):
            if step.operation.operation.makes is Makes.TEXT and _has_targets(observed):
                keys.append(step.step_key)  # publishing reads its texts
            continue
        running = _runs(observed, resource)
        if step.segments:
            keys.append(segments.cuts_part(step).step_key)  # running or not: how far it is goes by it
        said = str(job_id(observed.asset_id, step.name, step.spec_hash)) in finished
        if running and not said:
            continue
        if step.stored:
            keys.append(step.step_key)
        if step.prepared and not running:
            keys.append(step.prepared.step_key)
    return keys


def _segments(steps: Iterable[Step], looks: Looks) -> list[str]:
    """Name the step keys of segments of what isn't running, where it was found out what they are."""
    stages = [segments.stage(step, looks.results) for step in steps if step.step_key in looks.looked]
    return sorted(key for stage in stages if stage for key in stage.keys - looks.looked)


def _runs(observed: Observed, resource: ProcessingJob) -> bool:
    """Say whether a Job that counts on an operation is under way."""
    status = reopened(resource.status, observed.asset.status.round)
    job = live_job(resource, status, observed.jobs)
    return job is not None and not job.end


def _measures_sought(observed: Observed) -> list[str]:
    """Name the step keys of measurements to look for: of files that no Job works on, unless one measures now."""
    job = live_quality(observed.asset.status, observed.jobs)
    if job and not job.end:
        return []
    resources = {step.name: observed.processing_jobs.get(step.processing_job) for step in observed.steps}
    return [
        one.step_key
        for one in missing(observed)
        if one.of == SOURCE or ((resource := resources[one.of]) and not _runs(observed, resource))
    ]


def _has_targets(observed: Observed) -> bool:
    return observed.asset.spec.publish is not None and not is_finished(observed.asset)


def _publishes(observed: Observed) -> bool:
    """Say whether publications matter to this visit."""
    asset = observed.asset
    publication = asset.status.publication
    under_way = any(
        post.state in ("Planned", "Claimed", "Posting") for post in (publication.posts if publication else [])
    )
    if under_way:
        return True
    if is_finished(asset) or (asset.spec.publish is None and publication is None):
        return False
    if asset.status.last_handled.cancel is not None:
        return True
    round_ = asset.status.round
    for step in observed.steps:
        resource = observed.processing_jobs.get(step.processing_job)
        if resource is None:
            return False
        if open_in(resource.status, round_) and step.stored and step.step_key not in observed.results:
            return False
    return True


def _heard(observed: Observed, steps: Iterable[Step], memory: Memory, clock: float) -> dict[str, Heard]:
    """Give the progress that is due to be written: where one is ten points further, and at most every ten seconds.

    All that run are written then, so that what they say of the time left is of the same moment.
    """
    if clock - memory.percent_time < PERCENT_SECONDS:
        return {}
    said = {
        id_: Heard(min(percent, 99), news.seconds_left)
        for news in memory.news.values()
        for id_, percent in news.percents.items()
    }
    heard, due = {}, False
    for step in steps:
        resource = observed.processing_jobs.get(step.processing_job)
        word = said.get(str(job_id(observed.asset_id, step.name, step.spec_hash)))
        if resource and word and open_in(resource.status, observed.asset.status.round):
            before = resource.status.percent
            heard[step.name] = word._replace(percent=max(word.percent, before))
            due = due or word.percent >= before + PERCENT_STEP
    return heard if due else {}
