"""The source: found in storage, or fetched by an ingest Job; either way its identity comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mediaops.identity import ingest_job_name, ingest_step_key
from mediaops.models.conditions import ConditionStatus
from mediaops.models.mediaasset import IngestStatus, MediaAssetStatus, MediaFacts
from mediaops.models.usage import Cost, Usage
from mediaops.models.work import IngestOrder
from mediaops.prices import Prices, cost_of
from mediaops.reasons import Reason
from mediaops_operator.conclude import conclude, left_over
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Found, JobView, Observed
from mediaops_operator.planning.conditions import Says, condition, moment, sentence, stamp
from mediaops_operator.planning.desired import Launch, Note
from mediaops_operator.planning.own_jobs import afterwards
from mediaops_operator.planning.work_orders import work_order
from mediaops_operator.resolve import identified, needs_ingest

SOURCE_READY = "SourceReady"
_STEP = "source"


@dataclass(frozen=True)
class SourcePlan:
    """What becomes of the source."""

    says: Says
    """True: its identity is known. Unknown: on the way. False: a person is needed."""
    facts: MediaFacts | None
    ingest: IngestStatus | None
    launch: Launch | None = None
    ended: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    wake_at: datetime | None = None
    again: bool = False


def failed(status: MediaAssetStatus) -> bool:
    """Say whether the source can't be used in this round."""
    said = condition(status.conditions, SOURCE_READY)
    return said is not None and said.status == "False"


def live_ingest(status: MediaAssetStatus, jobs: tuple[JobView, ...]) -> JobView | None:
    """Give the ingest Job that counts now, ended or not."""
    ingest = status.ingest or IngestStatus(round=status.round)
    return next((j for j in jobs if j.ingest == (ingest.round, ingest.jobs)), None)


def plan_source(
    observed: Observed, status: MediaAssetStatus, installation: Installation, now: datetime
) -> SourcePlan:
    """Give the next step towards the source's identity."""
    spec, facts = observed.asset.spec, status.media
    kind = Reason.INGESTED if needs_ingest(spec) else Reason.FOUND
    if facts and identified(observed.asset):
        said = condition(status.conditions, SOURCE_READY)
        ready = said if said and said.status == "True" else None
        reason = ready.reason if ready else kind
        return SourcePlan(_says("True", reason), facts, status.ingest)
    if failed(status):
        said = condition(status.conditions, SOURCE_READY)
        if said:
            return SourcePlan(Says(SOURCE_READY, "False", said.reason, said.message), facts, status.ingest)
    if observed.source.facts:
        found = observed.source.facts
        job = live_ingest(status, observed.jobs)
        ended = (job.name,) if job and job.end else ()
        ingest = _ingest(status, job, observed.source, installation.prices) if needs_ingest(spec) else None
        return SourcePlan(_says("True", kind), found, ingest, ended=ended)
    if observed.source.trouble:
        trouble = observed.source.trouble
        note = Note(trouble.reason, trouble.message, warning=True)
        return SourcePlan(_says("False", trouble.reason, trouble.message), None, status.ingest, notes=(note,))
    if observed.storage_trouble:
        trouble = observed.storage_trouble
        return SourcePlan(_says("Unknown", trouble.reason, trouble.message), None, status.ingest)
    return _fetch(observed, status, installation, now)


def _ingest(status: MediaAssetStatus, job: JobView | None, found: Found, prices: Prices) -> IngestStatus:
    ingest = status.ingest or IngestStatus(round=status.round)
    name = job.name if job else ingest.job_name
    own = [found.usage] if found.usage and found.made_by is not None and found.made_by == name else []
    return _charged(ingest.model_copy(update={"job_name": name}), own, prices)


def _charged(ingest: IngestStatus, used: Sequence[Usage], prices: Prices) -> IngestStatus:
    """Add what was used up to what fetching cost so far."""
    cost = ingest.cost
    for usage in used:
        cost = (cost or Cost()) + cost_of(usage, prices)
    return ingest.model_copy(update={"cost": cost})


def _fetch(
    observed: Observed, status: MediaAssetStatus, installation: Installation, now: datetime
) -> SourcePlan:
    """Have the source fetched: a Job, another one after a failure, or none any more."""
    ingest = status.ingest or IngestStatus(round=status.round)
    job = live_ingest(status, observed.jobs)
    if job and job.end:
        used = _charged(ingest, left_over(job, _STEP, [_STEP]), installation.prices)
        return _judge(observed, used, job, now)
    if job:
        standstill = job.standstill
        reason = standstill.reason if standstill else Reason.INGESTING
        message = standstill.message if standstill else f"{job.name} fetches the source"
        seen = ingest.model_copy(update={"job_name": job.name, "next_attempt_time": None})
        return SourcePlan(_says("Unknown", reason, message), None, seen)
    due = moment(ingest.next_attempt_time) if ingest.next_attempt_time else None
    if due and due > now:
        said = condition(status.conditions, SOURCE_READY)
        message = said.message if said else ""
        return SourcePlan(_says("Unknown", Reason.BACKING_OFF, message), None, ingest, wake_at=due)
    launch = None if observed.asset.spec.suspend else _launch(observed, ingest, installation)
    if launch is None:
        message = "paused before the source was fetched"
        return SourcePlan(_says("Unknown", Reason.SUSPENDED, message), None, ingest)
    name = launch.order.job
    seen = ingest.model_copy(update={"job_name": name, "next_attempt_time": None})
    return SourcePlan(
        _says("Unknown", Reason.INGESTING, f"{name} fetches the source"), None, seen, launch=launch
    )


def _judge(observed: Observed, ingest: IngestStatus, job: JobView, now: datetime) -> SourcePlan:
    """Take the end of an ingest Job that left no result into account."""
    verdict = conclude(job, _STEP, [_STEP])
    uncounted = ingest.jobs - ingest.attempts
    after = afterwards(
        "fetching the source", job, verdict, ingest.attempts, uncounted, observed.asset.spec.retry, now
    )
    counts: dict[str, int | str] = {"attempts": after.attempts, "jobs": ingest.jobs + 1, "job_name": job.name}
    counts |= {"next_attempt_time": stamp(after.due)} if after.due else {}
    says = _says("Unknown", Reason.BACKING_OFF, after.message)
    return SourcePlan(
        says if after.due else _says("False", verdict.reason, after.message),
        None,
        ingest.model_copy(update=counts),
        ended=(job.name,),
        notes=(after.note,),
        wake_at=after.due,
        again=after.due is not None and after.due <= now,
    )


def _launch(observed: Observed, ingest: IngestStatus, installation: Installation) -> Launch:
    asset = observed.asset
    source = asset.spec.source
    key = ingest_step_key(observed.asset_id, source.wire(), ingest.round)
    order = work_order(
        observed,
        installation,
        ingest_job_name(asset.name, asset.uid, ingest.round, ingest.jobs),
        source=observed.source.object if source.stored else None,
        ingest=IngestOrder(
            step_key=key,
            url=source.url.address if source.url else None,
            google_drive_file_id=source.google_drive.file_id if source.google_drive else None,
        ),
    )
    return Launch(order=order, ingest=(ingest.round, ingest.jobs), credential=source.secret_name)


def _says(status: ConditionStatus, reason: str, message: str | None = None) -> Says:
    return Says(SOURCE_READY, status, reason, sentence(reason) if message is None else message)
