"""The plan: from what was observed to what is wanted. Pure; the clock is an argument.

`source` finds or fetches the source, `operations` moves each operation along, `passes` makes Jobs of what is
open, `quality` checks the files, `publishing` has the result posted, `summary` says what it all adds up to,
`requests` answers people.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from mediaops.models.mediaasset import SOURCE, MediaAsset, MediaAssetStatus, MediaFacts
from mediaops.models.work import StoredFile
from mediaops.operations import Makes
from mediaops.publications import State
from mediaops.reasons import Reason
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed, Trouble
from mediaops_operator.planning import requests
from mediaops_operator.planning.budget import over_budget, total_cost
from mediaops_operator.planning.conditions import Says, condition, sentence, status_of
from mediaops_operator.planning.desired import Desired, Launch, Note, Withdraw
from mediaops_operator.planning.operations import Course, Work, open_in
from mediaops_operator.planning.passes import OrderTooLarge, launches, results_by_name, too_large
from mediaops_operator.planning.publishing import (
    PUBLISHED,
    Outcome,
    PublishPlan,
    not_requested,
    plan_publishing,
    refreshed,
    source_file,
)
from mediaops_operator.planning.quality import QUALITY_CHECKED, QualityPlan, live_quality, plan_quality
from mediaops_operator.planning.source import SourcePlan, live_ingest, plan_source
from mediaops_operator.planning.summary import is_finished, stuck, summarise
from mediaops_operator.resolve import identified

TROUBLE_PAUSE = timedelta(seconds=5)
"""How soon storage or the database are asked again after they didn't answer."""


def plan(observed: Observed, installation: Installation, now: datetime) -> Desired:
    """Give what is to change now, and when to look again."""
    now = now.replace(microsecond=0)
    asset = observed.asset
    obstacle = _obstacle(observed, installation)
    if obstacle:
        status = stuck(asset, observed.workspace, obstacle, now)
        return Desired(status, notes=_transition(asset.status, status))
    request = requests.pending(asset)
    if request:
        answered = requests.answer(observed, *request, now)
        if answered:
            return answered
    return _plan(observed, installation, now)


def _obstacle(observed: Observed, installation: Installation) -> Trouble | None:
    """Say what a person has to change before the asset is served at all."""
    asset, workspace = observed.asset, observed.workspace
    if workspace is None:
        words = f"kubectl label namespace {asset.namespace} mediaops.dev/workspace=WORKSPACE"
        return Trouble(Reason.NO_WORKSPACE, f"{Reason.NO_WORKSPACE.sentence} {words}")
    if asset.status.workspace not in (None, workspace):
        words = f"it belongs to {asset.status.workspace}, the namespace to {workspace}"
        return Trouble(Reason.WORKSPACE_CHANGED, words)
    if not is_finished(asset) and asset.spec.execution.profile not in installation.profiles:
        words = f"{asset.spec.execution.profile} is none of: {', '.join(sorted(installation.profiles))}"
        return Trouble(Reason.UNKNOWN_PROFILE, words)
    return None


def _plan(observed: Observed, installation: Installation, now: datetime) -> Desired:
    asset = observed.asset
    status = asset.status
    cancelled = status.last_handled.cancel is not None
    source = plan_source(observed, status, installation, now)
    course = Course(observed, status.round, now, installation.bucket, installation.prices)
    course.advance()
    facts = _facts(observed, source)
    spent = total_cost(source.ingest, course.works, asset.status.quality)
    if cancelled:
        course.cancel()
    else:
        length = facts.duration_millis if facts else None
        course.hold(
            over_budget(asset.spec.execution.budget, spent, course.works, length, installation.prices)
        )
    made, trouble = _launches(observed, course.works, source, installation, now)
    _tell_launched(course, made)
    processed = _processed(asset, course.works, source)
    quality = plan_quality(
        observed, course.works, status, installation, now, spent=spent, processed=processed
    )
    publish = _publishing(observed, course, source, quality.says, installation, now)
    spent = total_cost(source.ingest, course.works, quality.status)
    found = {"media": facts, "ingest": source.ingest, "quality": quality.status, "cost": spent}
    limit, said = installation.persist_lag_seconds, quality.says
    status = status.model_copy(update=found)
    status = summarise(observed, status, source.says, course.works, said, publish, trouble, limit, now)
    keys = {step.processing_job: step.step_key for step in observed.steps}
    unwanted = [pj for name, pj in observed.processing_jobs.items() if keys.get(name) != pj.spec.step_key]
    create = tuple(s for s in observed.steps if s.processing_job not in observed.processing_jobs)
    uids = {pj.uid for pj in unwanted}
    idle = _idle_jobs(observed, status, uids, cancelled)
    left = [job.name for job in observed.jobs if job.end and any(s.uid in uids for s in job.shares)]
    there = {job.name for job in observed.jobs}  # a Job that somebody deleted leaves its work order behind
    left += [
        pj.status.job_name
        for pj in unwanted
        if pj.status.pass_
        and pj.status.job_name
        and open_in(pj.status, 1)
        and pj.status.job_name not in there
    ]
    return Desired(
        status=status,
        commits=source.facts is not None and not identified(asset),
        post_actions=(*publish.actions, *_withdrawals(observed, cancelled)),
        delete=tuple(unwanted),
        create=create,
        launches=(*made, *([quality.launch] if quality.launch else [])),
        job_statuses={w.resource.name: w.status for w in course.works},
        delete_jobs=tuple(idle),
        delete_secrets=tuple(dict.fromkeys([*course.ended, *source.ended, *quality.ended, *idle, *left])),
        send=publish.send,
        notes=(*source.notes, *course.notes, *quality.notes, *_transition(asset.status, status)),
        wake_at=_wake(observed, course.works, source, quality, publish, now),
        again=source.again
        or quality.again
        or bool(create or unwanted)
        or any(w.held and w.due is None for w in course.works),
    )


def _launches(
    observed: Observed,
    works: list[Work],
    source: SourcePlan,
    installation: Installation,
    now: datetime,
) -> tuple[list[Launch], Trouble | None]:
    if observed.asset.spec.suspend or observed.asset.status.last_handled.cancel is not None:
        return [], None
    if observed.refusal:
        return [], observed.refusal
    if source.launch:
        return [source.launch], None
    if source.says.status != "True" or len(works) < len(observed.steps):
        return [], None  # ProcessingJobs first: their uids are in the Jobs' names
    return _passes(observed, works, installation, now)


def _passes(
    observed: Observed, works: list[Work], installation: Installation, now: datetime
) -> tuple[list[Launch], Trouble | None]:
    try:
        return launches(observed, works, installation, now), None
    except OrderTooLarge:
        return [], too_large()
    except KeyError as error:  # storage no longer has what an operation that succeeded had left there
        return [], Trouble(Reason.INTERNAL_ERROR, f"an input is missing: {error}")


def _tell_launched(course: Course, made: Iterable[Launch]) -> None:
    """Have the operations of new Jobs say so in the same visit."""
    by_uid = {work.resource.uid: work for work in course.works}
    for launch in made:
        for share in launch.shares:
            course.launched(by_uid[share.uid], launch)


def _facts(observed: Observed, source: SourcePlan) -> MediaFacts | None:
    """Give what is known of the source, with what passes have measured since."""
    facts = source.facts or observed.asset.status.media
    if facts is None or facts.duration_millis or facts.width_pixels:
        return facts
    measured = next((r.source for r in observed.results.values() if r.source), None)
    if measured is None:
        return facts
    return facts.model_copy(
        update={
            "duration_millis": measured.duration_millis,
            "width_pixels": measured.width_pixels,
            "height_pixels": measured.height_pixels,
            "size_bytes": facts.size_bytes or measured.size_bytes,
        }
    )


def _processed(asset: MediaAsset, works: list[Work], source: SourcePlan) -> bool:
    """Say whether the source is there and every operation has succeeded."""
    wanted = len(asset.spec.operations)
    return source.says.status == "True" and len(works) == wanted and all(work.done for work in works)


def _publishing(
    observed: Observed,
    course: Course,
    source: SourcePlan,
    quality: Says | None,
    installation: Installation,
    now: datetime,
) -> PublishPlan:
    asset, works = observed.asset, course.works
    if asset.spec.publish is None:
        return not_requested()
    before = asset.status.publication
    if (
        not _processed(asset, works, source)
        or asset.spec.suspend
        or asset.status.last_handled.cancel is not None
    ):
        return _unpublished(observed, works, source)
    said = condition(asset.status.conditions, PUBLISHED)
    if observed.posts is None and observed.database_trouble is None and said and before:
        # Nothing moved since it was settled, so the database wasn't asked.
        says = Says(PUBLISHED, said.status, said.reason, said.message)
        return PublishPlan(_OUTCOMES[said.status], says, before)
    results = results_by_name(works, observed.results)
    files: dict[str, list[StoredFile]] = {SOURCE: source_file(observed)}
    for work in works:
        kind = work.step.operation.operation.makes
        if kind in (Makes.RENDITION, Makes.IMAGES) and work.name in results:
            files[work.name] = results[work.name].media
    captions = {w.name: results[w.name] for w in works if w.step.operation.operation.makes is Makes.TEXT}
    hold = quality if quality and quality.status != "True" else None
    return plan_publishing(observed, files, captions, asset.status.round, installation, now, hold)


_OUTCOMES: dict[str, Outcome] = {"True": "posted", "False": "failed", "Unknown": "working"}


def _unpublished(observed: Observed, works: list[Work], source: SourcePlan) -> PublishPlan:
    """Say that nothing is published yet, or any more; what is posted stays posted."""
    status = observed.asset.status
    publication = status.publication
    if publication and observed.posts is not None:
        publication = refreshed(publication, observed.posts)
    posts = publication.posts if publication else []
    if posts and all(post.state == "Posted" for post in posts):
        said = condition(status.conditions, PUBLISHED)
        reason = said.reason if said and said.status == "True" else Reason.POSTED
        says = Says(PUBLISHED, "True", reason, sentence(reason))
        outcome: Outcome = "working" if any(w.open for w in works) else "posted"
        return PublishPlan(outcome, says, publication)
    if status.last_handled.cancel is not None:
        says = Says(PUBLISHED, "False", Reason.CANCELLED, Reason.CANCELLED.sentence)
    elif source.says.status == "False" or (works and not any(w.open for w in works)):
        says = Says(
            PUBLISHED, "False", Reason.OPERATION_FAILED, "nothing is published before all has succeeded"
        )
    else:
        says = Says(
            PUBLISHED, "Unknown", Reason.WAITING, "publishing follows when every operation has succeeded"
        )
    return PublishPlan("working", says, publication)


def _withdrawals(observed: Observed, cancelled: bool) -> tuple[Withdraw, ...]:
    """Take back what isn't posted of a cancelled asset, or of targets and keys the spec no longer names."""
    publish = observed.asset.spec.publish
    wanted = {(publish.key, t.name) for t in publish.targets} if publish and not cancelled else set()
    rows = frozenset(
        (post.key, post.target)
        for post in observed.posts or ()
        if str(post.row.resource_uid) == observed.asset.uid
        and post.row.state in (State.PLANNED, State.CLAIMED, State.POSTING, State.FAILED)
        and (post.key, post.target) not in wanted
    )
    return (Withdraw(rows),) if rows else ()


def _idle_jobs(
    observed: Observed, status: MediaAssetStatus, unwanted: set[str], cancelled: bool
) -> list[str]:
    """Name running Jobs that nobody wants any more; `unwanted` are uids of ProcessingJobs."""
    uids = {pj.uid for pj in observed.processing_jobs.values()} - unwanted
    busy = [live_ingest(status, observed.jobs)]
    busy += [live_quality(status, observed.jobs)] if observed.asset.spec.quality_checks else []
    return [
        job.name
        for job in observed.jobs
        if not job.end
        and not job.deleted
        and (cancelled or (job not in busy and not any(share.uid in uids for share in job.shares)))
    ]


def _transition(before: MediaAssetStatus, after: MediaAssetStatus) -> tuple[Note, ...]:
    """Tell people when the asset's phase or what hinders it changed."""
    ready = {c.type: c for c in after.conditions}["Ready"]
    old = condition(before.conditions, "Ready")
    if before.phase == after.phase and old is not None and old.reason == ready.reason:
        return ()
    checked = condition(after.conditions, QUALITY_CHECKED)
    unchecked = checked is not None and checked.status == "False" and checked.reason == ready.reason
    warning = unchecked or status_of(after.conditions, "Stalled") == "True"
    return (Note(ready.reason, f"{after.phase}: {ready.message}", warning=warning),)


def _wake(
    observed: Observed,
    works: list[Work],
    source: SourcePlan,
    quality: QualityPlan,
    publish: PublishPlan,
    now: datetime,
) -> datetime | None:
    times = [source.wake_at, quality.wake_at, publish.wake_at]
    times += [w.due for w in works if w.open and w.due and w.due > now]
    if observed.storage_trouble or observed.database_trouble or observed.refusal:
        times.append(now + TROUBLE_PAUSE)
    return min((time for time in times if time), default=None)


__all__ = ["plan"]
