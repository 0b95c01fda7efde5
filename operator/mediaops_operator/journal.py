"""What the log tells of each asset: a line for each thing that happened, its facts in fields of their own.

Lines are told after what they speak of was written. Progress is never told, and a trouble only when it begins
and when it is over. Neither addresses nor secrets stand in them: what they quote is on show in a status.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mediaops.reasons import Reason
from mediaops_operator.cache import AssetKey
from mediaops_operator.conclude import Verdict
from mediaops_operator.observed import Observed, Sending, Trouble
from mediaops_operator.planning.conditions import condition, status_of
from mediaops_operator.planning.desired import Decide, Desired, Launch, PostAction, Resolve, Send, Withdraw

logger = logging.getLogger(__name__)

_REQUESTS = ("cancel", "retry", "reprocess", "resolve")


@dataclass(frozen=True)
class Line:
    """One line: what happened, and its facts by name."""

    message: str
    fields: Mapping[str, Any]


def tell(key: AssetKey, lines: Iterable[Line]) -> None:
    """Write lines about an asset into the log."""
    for line in lines:
        fields = {name: value for name, value in line.fields.items() if value not in (None, "", ())}
        logger.info(line.message, extra={"asset": f"{key.namespace}/{key.name}", **fields})


def visited(observed: Observed, desired: Desired) -> Iterator[Line]:
    """Tell what a visit changed."""
    yield from _request(observed, desired)
    for note in desired.notes:
        if note.verdict:
            operation = note.job.spec.operation.name if note.job else None
            yield _verdict(note.verdict, note.kubernetes_job, operation)
    for launch in desired.launches:
        yield _launched(launch)
    yield from _operations(observed, desired)
    yield from _phase(observed, desired)
    yield from _posts(observed, desired)


def _request(observed: Observed, desired: Desired) -> Iterator[Line]:
    before, after = observed.asset.status.last_handled, desired.status.last_handled
    for request in _REQUESTS:
        token = getattr(after, request)
        if token != getattr(before, request):
            # A visit that answers a request does nothing else: what it notes is the answer.
            answer = desired.notes[0] if desired.notes else None
            why = answer.message if answer else "there was nothing to do for it"
            reason = answer.reason if answer else None
            fields = {"request": request, "token": token, "reason": reason, "why": why}
            yield Line("request answered", fields)


def _verdict(verdict: Verdict, job: str, operation: str | None) -> Line:
    return Line(
        "Job ended without a result",
        {
            "job": job,
            "operation": operation,
            "reason": verdict.reason,
            "counted": verdict.counted,
            "permanent": verdict.permanent,
            "exit_code": verdict.exit_code,
            "pod": verdict.pod,
            "node": verdict.node,
            "why": verdict.message,
        },
    )


def _launched(launch: Launch) -> Line:
    """Tell of a Job; `number` counts the Jobs of its round, from 1."""
    own = launch.ingest or launch.quality
    round_, ended = own or (launch.shares[0].round, launch.shares[0].jobs)
    fields = {
        "job": launch.order.job,
        "role": launch.role,
        "operations": [share.operation for share in launch.shares],
        "round": round_,
        "number": ended + 1,
        "gpu": launch.gpu or None,
        "engine": launch.engine,
    }
    return Line("Job launched", fields)


def _operations(observed: Observed, desired: Desired) -> Iterator[Line]:
    for name, status in desired.job_statuses.items():
        resource = observed.processing_jobs[name]
        said = condition(status.conditions, "Succeeded")
        before = status_of(resource.status.conditions, "Succeeded")
        if said and said.status not in ("Unknown", before):
            message = "operation completed" if said.status == "True" else "operation failed"
            yield Line(
                message,
                {
                    "operation": resource.spec.operation.name,
                    "reason": said.reason,
                    "why": said.message,
                    "job": status.job_name,
                },
            )


def _phase(observed: Observed, desired: Desired) -> Iterator[Line]:
    before, after = observed.asset.status, desired.status
    ready, old = condition(after.conditions, "Ready"), condition(before.conditions, "Ready")
    if ready and (before.phase != after.phase or old is None or old.reason != ready.reason):
        message = "status changed" if before.phase == after.phase else "phase changed"
        fields = {"phase": after.phase, "was": before.phase, "reason": ready.reason, "why": ready.message}
        yield Line(message, fields)


def _posts(observed: Observed, desired: Desired) -> Iterator[Line]:
    before = observed.asset.status.publication
    known = {post.target: post.state for post in before.posts} if before else {}
    for post in desired.status.publication.posts if desired.status.publication else []:
        if known.get(post.target) != post.state:
            fields = {
                "target": post.target,
                "state": post.state,
                "was": known.get(post.target),
                "post": post.external_post_id,
                "reason": post.reason,
                "why": post.message,
            }
            yield Line("post changed", fields)


def acted(actions: Iterable[PostAction]) -> Iterator[Line]:
    """Tell what was put on record about publications."""
    for action in actions:
        match action:
            case Decide():
                revisions = {decision.revision for decision in action.decisions.values()}
                yield Line(
                    "publication decided",
                    {
                        "key": action.publish_key,
                        "targets": sorted(action.decisions),
                        "revision": ", ".join(sorted(revisions)),
                    },
                )
            case Withdraw():
                posts = [f"{key}/{target}" for key, target in sorted(action.posts)]
                yield Line("publication withdrawn", {"targets": posts})
            case Resolve():
                post = action.post_id or "to be posted again"
                yield Line(
                    "publication resolved",
                    {"key": action.publish_key, "targets": [action.target], "post": post},
                )


def sent(send: Send, before: Sending | None, after: Sending) -> Iterator[Line]:
    """Tell of a request to n8n; that it isn't taken, once for each reason why."""
    fields = {
        "request": str(send.request_id),
        "send": send.number,
        "targets": [target["name"] for target in send.body["targets"]],
    }
    if not after.failures:
        yield Line("request sent to n8n", fields)
    elif before is None or before.message != after.message:
        yield Line("request not taken by n8n", {**fields, "why": after.message})


def troubles(observed: Observed, desired: Desired) -> dict[Reason, str]:
    """Give what stood in a visit's way, with words on each."""
    found = [observed.storage_trouble, observed.database_trouble, observed.refusal]
    said = {trouble.reason: _words(trouble) for trouble in found if trouble}
    if status_of(desired.status.conditions, "Persisted") == "False":
        said[Reason.MIRROR_LAGGING] = Reason.MIRROR_LAGGING.sentence
    return said


def changed(before: Mapping[Reason, str], now: Mapping[Reason, str]) -> Iterator[Line]:
    """Tell which troubles began, and which are over."""
    for reason in now.keys() - before.keys():
        yield Line("trouble", {"reason": reason, "why": now[reason]})
    for reason in before.keys() - now.keys():
        yield Line("trouble over", {"reason": reason})


def _words(trouble: Trouble) -> str:
    return f"{trouble.message} ({trouble.detail})" if trouble.detail else trouble.message
