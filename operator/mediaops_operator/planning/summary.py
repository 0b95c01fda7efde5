"""The MediaAsset's own status: what all the parts add up to, for people and for what waits on conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mediaops.models.conditions import Condition, ConditionStatus, OutputStatus
from mediaops.models.mediaasset import MediaAsset, MediaAssetStatus, Progress
from mediaops.reasons import Reason
from mediaops_operator.observed import Observed, Trouble
from mediaops_operator.planning.conditions import Says, condition, sentence, settle, stamp
from mediaops_operator.planning.operations import SUCCEEDED, Work, reason_of
from mediaops_operator.planning.publishing import PUBLISHED, PublishPlan
from mediaops_operator.planning.quality import QUALITY_CHECKED
from mediaops_operator.planning.source import SOURCE_READY

Phase = Literal[
    "Pending", "Processing", "Processed", "Publishing", "Published", "Failed", "Suspended", "Cancelled"
]
State = Literal["working", "suspended", "held", "failed", "done"]

_READY: dict[State, tuple[ConditionStatus, ConditionStatus, ConditionStatus, ConditionStatus]] = {
    # state: Ready, Reconciling, Stalled, Finished
    "working": ("False", "True", "False", "False"),
    "suspended": ("False", "False", "False", "False"),
    "held": ("True", "False", "False", "False"),
    "failed": ("False", "False", "True", "True"),
    "done": ("True", "False", "False", "True"),
}

MAX_OUTPUTS = 64


@dataclass(frozen=True)
class Verdict:
    """Where the asset stands."""

    state: State
    phase: Phase
    reason: str
    message: str


_OBSTACLES = frozenset(
    {
        Reason.NO_WORKSPACE,
        Reason.WORKSPACE_CHANGED,
        Reason.UNKNOWN_PROFILE,
        Reason.SPEC_NOT_UNDERSTOOD,
        Reason.BUDGET_EXCEEDED,
    }
)
"""Reasons for which an asset isn't served; it goes on where it was once they are out of the way."""


def is_finished(asset: MediaAsset) -> bool:
    """Say whether nothing is left to do for the spec as it is now."""
    finished = condition(asset.status.conditions, "Finished")
    if finished is None or finished.status != "True" or finished.reason in _OBSTACLES:
        return False
    return asset.status.observed_generation == asset.generation


def not_understood(manifest: dict[str, Any], message: str, now: datetime) -> dict[str, Any]:
    """Give the status of an asset whose spec this version can't read, as JSON."""
    metadata, before = manifest["metadata"], manifest.get("status") or {}
    generation = int(metadata.get("generation", 0))
    known = [Condition.model_validate(c) for c in before.get("conditions") or []]
    verdict = Verdict("failed", "Failed", Reason.SPEC_NOT_UNDERSTOOD, message)
    conditions = settle(known, _ready(verdict), generation, now)
    return before | {
        "observedGeneration": generation,
        "phase": verdict.phase,
        "conditions": [c.wire() for c in conditions],
    }


def stuck(asset: MediaAsset, workspace: str | None, trouble: Trouble, now: datetime) -> MediaAssetStatus:
    """Give the status of an asset that isn't served as it is: a person has to do something first."""
    before = asset.status
    verdict = Verdict("failed", "Failed", trouble.reason, trouble.message)
    says = _ready(verdict)
    checked = (QUALITY_CHECKED,) if asset.spec.quality_checks else ()
    for type_ in (SOURCE_READY, "Processed", *checked, PUBLISHED, "Persisted"):
        known = condition(before.conditions, type_)
        if known:
            says.append(Says(type_, known.status, known.reason, known.message))
        else:
            says.append(Says(type_, "Unknown", trouble.reason, trouble.message))
    return before.model_copy(
        update={
            "observed_generation": asset.generation,
            "workspace": before.workspace or workspace,
            "phase": verdict.phase,
            "conditions": settle(before.conditions, says, asset.generation, now),
            "completion_time": before.completion_time or stamp(now),
        }
    )


def summarise(
    observed: Observed,
    status: MediaAssetStatus,
    source: Says,
    works: Sequence[Work],
    quality: Says | None,
    publish: PublishPlan,
    trouble: Trouble | None,
    persist_limit: float,
    now: datetime,
) -> MediaAssetStatus:
    """Give the whole status; `status` brings what parts of the plan have put into it already."""
    asset = observed.asset
    cancelled = status.last_handled.cancel is not None
    verdict = judge(Parts(observed, cancelled, source, works, quality, publish, trouble))
    says = [
        *_ready(verdict),
        source,
        _processed(asset, source, works),
        *([quality] if quality else []),
        publish.says,
        _persisted(observed, persist_limit),
    ]
    finished = verdict.state in ("failed", "done")
    completed, failed = sum(w.done for w in works), sum(w.failed for w in works)
    total = len(asset.spec.operations)
    outputs: list[OutputStatus] = [output for work in works for output in work.status.outputs]
    return status.model_copy(
        update={
            "observed_generation": asset.generation,
            "workspace": status.workspace or observed.workspace,
            "phase": verdict.phase,
            "conditions": settle(asset.status.conditions, says, asset.generation, now),
            "progress": Progress(
                total=total,
                completed=completed,
                failed=failed,
                summary=f"{completed}/{total}",
                seconds_left=_seconds_left(works, total),
            ),
            "start_time": status.start_time or stamp(now),
            "completion_time": (status.completion_time or stamp(now)) if finished else None,
            "outputs": outputs[:MAX_OUTPUTS],
            "publication": publish.status,
        }
    )


def _seconds_left(works: Sequence[Work], total: int) -> int | None:
    """Give how long all operations still take; None while one of them doesn't run, or can't say.

    What is only passed through ends with what passes through it.
    """
    said = [work.status.seconds_left for work in works if work.open and work.step.stored]
    known = [seconds for seconds in said if seconds is not None]
    return max(known, default=None) if len(known) == len(said) and len(works) == total else None


@dataclass(frozen=True)
class Parts:
    """What a verdict is made of."""

    observed: Observed
    cancelled: bool
    source: Says
    works: Sequence[Work]
    quality: Says | None
    """What is said of the quality checks; None: there are none."""
    publish: PublishPlan
    trouble: Trouble | None

    @property
    def settled(self) -> bool:
        """Say whether every operation has ended, one way or the other."""
        wanted = len(self.observed.asset.spec.operations)
        return (
            self.source.status == "True" and len(self.works) == wanted and not any(w.open for w in self.works)
        )

    @property
    def processed(self) -> bool:
        """Say whether every operation succeeded."""
        return self.settled and all(w.done for w in self.works)


def judge(parts: Parts) -> Verdict:
    """Say where the asset stands: by the first policy that has something to say."""
    policies = (_checked, _succeeded, _cancelled, _failed, _suspended, _over_budget, _underway)
    return next(verdict for policy in policies if (verdict := policy(parts)))


def _checked(parts: Parts) -> Verdict | None:
    """Say what quality checks wait for, or have a person see to."""
    says, outcome = parts.quality, parts.publish.outcome
    if says is None or says.status == "True" or not parts.processed or parts.cancelled:
        return None
    if says.status == "Unknown":
        if parts.observed.asset.spec.suspend:
            return _suspended(parts)
        status = parts.publish.status
        sent: Phase = "Publishing" if status is not None and status.sends > 0 else "Processed"
        return Verdict("working", "Published" if outcome == "posted" else sent, says.reason, says.message)
    if outcome == "held":
        return Verdict("held", "Processed", says.reason, says.message)
    if outcome == "none":
        return Verdict("done", "Processed", says.reason, says.message)
    return None


def _succeeded(parts: Parts) -> Verdict | None:
    if not parts.processed:
        return None
    if parts.publish.outcome == "none":
        return Verdict("done", "Processed", Reason.SUCCEEDED, Reason.SUCCEEDED.sentence)
    if parts.publish.outcome == "posted":
        said = parts.publish.says.reason
        reason = Reason.SUCCEEDED if said == Reason.POSTED else said
        return Verdict("done", "Published", reason, sentence(reason))
    return None


def _cancelled(parts: Parts) -> Verdict | None:
    if not parts.cancelled:
        return None
    unknown = parts.observed.database_trouble
    if unknown:  # what isn't posted has to be withdrawn before this is the end
        return Verdict("working", "Cancelled", unknown.reason, unknown.message)
    return Verdict("failed", "Cancelled", Reason.CANCELLED, Reason.CANCELLED.sentence)


def _failed(parts: Parts) -> Verdict | None:
    if parts.source.status == "False":
        return Verdict("failed", "Failed", parts.source.reason, parts.source.message)
    if parts.processed and parts.publish.outcome == "failed":
        return Verdict("failed", "Failed", parts.publish.says.reason, parts.publish.says.message)
    if parts.settled and not parts.processed:
        names = ", ".join(f"{w.name} ({reason_of(w)})" for w in parts.works if w.failed)
        return Verdict("failed", "Failed", Reason.OPERATION_FAILED, f"failed: {names}")
    return None


def _suspended(parts: Parts) -> Verdict | None:
    if not parts.observed.asset.spec.suspend:
        return None
    return Verdict("suspended", "Suspended", Reason.SUSPENDED, Reason.SUSPENDED.sentence)


def _over_budget(parts: Parts) -> Verdict | None:
    """Stop where nothing can go on but what the budget doesn't allow: a person has to raise it."""
    open_ = {w.name: w for w in parts.works if w.open}
    held = [w for w in open_.values() if w.over_budget]
    blocked = {w.name for w in held}
    for work in open_.values():  # what is needed stands above what needs it
        if work.job is None and (not work.step.stored or blocked.intersection(work.step.needs)):
            blocked.add(work.name)
    if not held or blocked != set(open_):
        return None
    said = condition(held[0].status.conditions, SUCCEEDED)
    words = said.message if said else Reason.BUDGET_EXCEEDED.sentence
    return Verdict("failed", "Failed", Reason.BUDGET_EXCEEDED, words)


def _underway(parts: Parts) -> Verdict:
    if parts.processed:
        status, says = parts.publish.status, parts.publish.says
        phase: Phase = "Publishing" if status is not None and status.sends > 0 else "Processed"
        return Verdict("working", phase, says.reason, says.message)
    if parts.source.status != "True":
        reason, message = parts.source.reason, parts.source.message
        if parts.trouble:
            reason, message = parts.trouble.reason, parts.trouble.message
        return Verdict("working", "Pending", reason, message)
    return _working(parts.observed, parts.works, parts.trouble)


def _working(observed: Observed, works: Sequence[Work], trouble: Trouble | None) -> Verdict:
    """Say what the operations are at, what hinders them first."""
    standstill = next((w.job.standstill for w in works if w.open and w.job and w.job.standstill), None)
    hindrance = trouble or observed.storage_trouble or standstill
    if hindrance:
        return Verdict("working", "Processing", hindrance.reason, hindrance.message)
    done, total = sum(w.done for w in works), len(observed.asset.spec.operations)
    words = f"{done} of {total} operations are done"
    reasons = {reason_of(w) for w in works if w.open}
    for reason in (Reason.RUNNING, Reason.QUEUED, Reason.BACKING_OFF):
        if reason in reasons:
            return Verdict("working", "Processing", reason, words)
    return Verdict("working", "Processing", Reason.QUEUED, words)


def _ready(verdict: Verdict) -> list[Says]:
    types = ("Ready", "Reconciling", "Stalled", "Finished")
    return [
        Says(type_, value, verdict.reason, verdict.message)
        for type_, value in zip(types, _READY[verdict.state], strict=True)
    ]


def _processed(asset: MediaAsset, source: Says, works: Sequence[Work]) -> Says:
    if source.status != "True":
        return Says("Processed", source.status, source.reason, "the source isn't ready")
    if len(works) < len(asset.spec.operations) or any(w.open for w in works):
        return Says("Processed", "Unknown", Reason.RUNNING, "operations are under way")
    failed = [w.name for w in works if w.failed]
    if failed:
        return Says("Processed", "False", Reason.OPERATION_FAILED, f"failed: {', '.join(failed)}")
    return Says("Processed", "True", Reason.SUCCEEDED, "every operation succeeded")


def _persisted(observed: Observed, limit: float) -> Says:
    """Say whether the database keeps up: a lag below the limit is no news."""
    if observed.persist_lag <= limit:
        return Says("Persisted", "True", Reason.MIRRORED, Reason.MIRRORED.sentence)
    return Says("Persisted", "False", Reason.MIRROR_LAGGING, Reason.MIRROR_LAGGING.sentence)
