"""What people ask for through annotations: a token each, answered in status.lastHandled.

A visit that answers one does nothing else: it commits, with resourceVersion, and the next visit acts on it.

- `mediaops.dev/retry: TOKEN` opens the next round for what failed.
- `mediaops.dev/cancel: TOKEN` stops the asset for good.
- `mediaops.dev/reprocess: TOKEN` plans every operation anew with today's versions.
- `mediaops.dev/resolve: TARGET=posted:ID` or `TARGET=post-again`, with `#TOKEN` behind it where the same word
  is given a second time: a person's word on a post whose outcome is unknown.
"""

from __future__ import annotations

from datetime import datetime

from mediaops.models.conditions import Condition, ConditionStatus
from mediaops.models.mediaasset import IngestStatus, MediaAsset, MediaAssetStatus
from mediaops.reasons import Reason
from mediaops_operator.observed import Observed
from mediaops_operator.planning.conditions import Says, condition, settle, status_of
from mediaops_operator.planning.desired import Desired, Note, Resolve
from mediaops_operator.planning.operations import SUCCEEDED
from mediaops_operator.planning.quality import not_measured
from mediaops_operator.planning.source import SOURCE_READY, failed

ANNOTATIONS = ("cancel", "retry", "reprocess", "resolve")

_SOURCE_REASONS = frozenset({Reason.INVALID_MEDIA, Reason.WRONG_FILE_TYPE, Reason.SOURCE_CHANGED})
"""Failures of operations that only another look at the source can mend."""


def pending(asset: MediaAsset) -> tuple[str, str] | None:
    """Give the first annotation that isn't answered yet, and its token."""
    for name in ANNOTATIONS:
        token = asset.annotation(name)
        if token and token != getattr(asset.status.last_handled, name):
            return name, token
    return None


def answer(observed: Observed, name: str, token: str, now: datetime) -> Desired | None:
    """Give the visit that answers an annotation; None where it has to wait for the database."""
    status = observed.asset.status
    handled = status.last_handled.model_copy(update={name: token})
    answered = status.model_copy(update={"last_handled": handled})
    if name == "resolve":
        return _resolve(observed, answered, token, now)
    if name == "retry":
        if status.last_handled.cancel is not None or not _anything_failed(observed):
            return Desired(answered, commits=True, again=True)
        note = Note(Reason.RETRY_REQUESTED, f"round {status.round + 1} of attempts is open")
        return Desired(_next_round(observed, answered, now), commits=True, notes=(note,), again=True)
    if name == "reprocess":
        note = Note(Reason.REPROCESS_REQUESTED, Reason.REPROCESS_REQUESTED.sentence)
        reopened = _under_way(answered, Reason.REPROCESS_REQUESTED, now)
        return Desired(reopened, commits=True, notes=(note,), again=True)
    note = Note(Reason.CANCELLED, Reason.CANCELLED.sentence, warning=True)
    if status_of(status.conditions, "Ready") != "True":  # what is done stays done
        answered = _under_way(answered, Reason.CANCELLED, now)
    return Desired(answered, commits=True, notes=(note,), again=True)


def _under_way(status: MediaAssetStatus, reason: Reason, now: datetime, *others: Says) -> MediaAssetStatus:
    """Say that the asset isn't finished (any more), so that the next visit looks at all of it."""
    says = {c.type: Says(c.type, c.status, c.reason, c.message) for c in status.conditions}
    words: list[tuple[str, ConditionStatus]] = [
        ("Ready", "False"),
        ("Reconciling", "True"),
        ("Stalled", "False"),
        ("Finished", "False"),
    ]
    says |= {type_: Says(type_, value, reason, reason.sentence) for type_, value in words}
    says |= {other.type: other for other in others}
    conditions = settle(status.conditions, list(says.values()), max(status.observed_generation, 0), now)
    return status.model_copy(update={"conditions": conditions, "completion_time": None})


def _anything_failed(observed: Observed) -> bool:
    status = observed.asset.status
    posts = status.publication.posts if status.publication else []
    return (
        failed(status)
        or any(_failure(job.status.conditions) for job in observed.processing_jobs.values())
        or not_measured(status)
        or any(post.state == "Failed" for post in posts)
    )


def _failure(conditions: list[Condition]) -> str | None:
    found = condition(conditions, SUCCEEDED)
    return found.reason if found and found.status == "False" else None


def _next_round(observed: Observed, status: MediaAssetStatus, now: datetime) -> MediaAssetStatus:
    """Open the next round; where the source was bad, it is looked at or fetched again."""
    round_ = status.round + 1
    status = status.model_copy(update={"round": round_})
    reasons = {_failure(job.status.conditions) for job in observed.processing_jobs.values()}
    if not failed(status) and not reasons & _SOURCE_REASONS:
        return _under_way(status, Reason.RETRY_REQUESTED, now)
    ready = Says(SOURCE_READY, "Unknown", Reason.RETRY_REQUESTED, Reason.RETRY_REQUESTED.sentence)
    ingest = IngestStatus(round=round_, cost=status.ingest.cost) if status.ingest else None
    anew = {"media": None, "ingest": ingest}
    return _under_way(status.model_copy(update=anew), Reason.RETRY_REQUESTED, now, ready)


def _resolve(observed: Observed, status: MediaAssetStatus, token: str, now: datetime) -> Desired | None:
    """Act on a person's word. It is answered first: a word lost in a crash is better than one taken twice."""
    target, _, word = token.partition("#")[0].partition("=")
    publish = observed.asset.spec.publish
    names = {t.name for t in publish.targets} if publish else set()
    post_id = word.removeprefix("posted:") if word.startswith("posted:") else None
    if publish is None or target not in names or not (post_id or word == "post-again"):
        words = (
            f"{token!r} is not understood: TARGET=posted:ID or TARGET=post-again, TARGET one of spec.publish"
        )
        return Desired(
            status, commits=True, notes=(Note("InvalidAnnotation", words, warning=True),), again=True
        )
    if observed.posts is None:
        return None
    note = Note(Reason.RESOLVED, f"{target}: {word}")
    action = Resolve(publish.key, target, post_id)
    status = _under_way(status, Reason.RESOLVED, now)
    return Desired(status, commits=True, post_actions=(action,), notes=(note,), again=True)
