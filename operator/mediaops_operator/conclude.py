"""From an ended Job to what it means for each operation that counted on it.

Exit 0 means: look for the result. 64: it cannot succeed as asked. 69: storage, backend or engine stayed out
of reach, again and not counted. Anything else is an attempt. The termination message says which step failed;
where it doesn't, every operation of the Job counts the attempt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from mediaops.models.mediaasset import Retry
from mediaops.models.usage import Usage
from mediaops.models.work import Exit, StepFailure, Termination
from mediaops.reasons import Reason
from mediaops_operator.observed import JobView, PodView

_WORD = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")

_OUT_OF_REACH = frozenset({Reason.STORAGE_UNAVAILABLE, Reason.BACKEND_UNAVAILABLE, Reason.ENGINE_UNAVAILABLE})

_BY_EXIT = {
    Exit.IMPOSSIBLE: Reason.OPERATION_FAILED,
    Exit.UNREACHABLE: Reason.BACKEND_UNAVAILABLE,
    Exit.DEADLINE: Reason.DEADLINE_EXCEEDED,
    Exit.DISK_FULL: Reason.DISK_FULL,
    Exit.DONE: Reason.RESULT_INVALID,
}

LONGEST_BACKOFF = 3600
"""Longest wait in seconds after an attempt."""
LONGEST_UNCOUNTED_BACKOFF = 300
"""Longest wait in seconds after a Job that didn't count."""


@dataclass(frozen=True)
class Verdict:
    """What an ended Job means for one operation whose result isn't there."""

    reason: str
    message: str
    counted: bool = True
    permanent: bool = False
    """No further attempt can help."""
    blameless: bool = False
    """It was another step's failure: this one goes on at once."""
    pod: str | None = None
    node: str | None = None
    exit_code: int | None = None


def conclude(job: JobView, step: str, steps: Sequence[str]) -> Verdict:
    """Say what the end of a Job means for a step without a result.

    `steps` names all that the Job counted on; a failure that names none of them is everyone's.
    """
    pod = _failed_pod(job)
    general = _general(job, pod)
    named = [f for f in _failures(pod) if f.step and f.step.partition("/")[0] in steps]
    own = next((f for f in named if f.step and f.step.partition("/")[0] == step), None)
    if own is not None and own.reason != Reason.DEPENDENCY_FAILED:
        return _pinned(own, named, general)
    if named and all(f.step for f in _failures(pod)):
        return Verdict(
            Reason.PASS_FAILED,
            f"{named[0].step}, which shared its pass, failed",
            counted=False,
            blameless=True,
            pod=general.pod,
            node=general.node,
            exit_code=general.exit_code,
        )
    if general.reason == Reason.ATTEMPT_FAILED and len(steps) > 1:
        return replace(general, reason=Reason.PASS_FAILED)
    return general


def left_over(job: JobView, step: str, steps: Sequence[str]) -> list[Usage]:
    """Give what an ended Job used up and no result accounts for, if this is the step to charge it to.

    That is the first one that failed by itself; where none did, the first that the Job counted on. Pods of an Indexed
    Job count each for itself.
    """
    pod = _failed_pod(job)
    pods = _ended_pods(job) if job.indexed else [pod] if pod else []
    return [usage for one in pods if (usage := _left_over(one, step, steps))]


def _left_over(pod: PodView, step: str, steps: Sequence[str]) -> Usage | None:
    failures = _failures(pod)
    if not failures or not isinstance(failures[0], Termination) or failures[0].usage is None:
        return None
    named = (f.step.partition("/")[0] for f in failures if f.step and f.reason != Reason.DEPENDENCY_FAILED)
    charged = next((name for name in named if name in steps), steps[0])
    return failures[0].usage if step == charged else None


def _failed_pod(job: JobView) -> PodView | None:
    """Give the pod that ended the Job: the last one that wasn't merely interrupted.

    Of an Indexed Job several may have failed: what can't succeed at all says most, then what counts.
    """
    ended = _ended_pods(job)
    if not job.indexed:
        return ended[-1] if ended else None
    return max(ended, key=_says, default=None)


def _says(pod: PodView) -> int:
    """Give by how much a pod's end says what became of an Indexed Job."""
    ranks: dict[int | None, int] = {Exit.DONE: 0, Exit.UNREACHABLE: 1, Exit.IMPOSSIBLE: 3}
    return ranks.get(pod.exit_code, 2)


def _ended_pods(job: JobView) -> list[PodView]:
    return [
        pod
        for pod in job.pods
        if pod.phase in ("Failed", "Succeeded") and not pod.disrupted and pod.exit_code != Exit.INTERRUPTED
    ]


def _failures(pod: PodView | None) -> list[StepFailure]:
    """Read the termination message; one that isn't ours says nothing."""
    if pod is None or not pod.termination:
        return []
    try:
        first = Termination.model_validate_json(pod.termination)
    except ValidationError:
        return []
    return [first, *first.others]


def _general(job: JobView, pod: PodView | None) -> Verdict:
    """Judge the Job as a whole."""
    if pod is None:
        if job.end == "Complete":
            return Verdict(Reason.RESULT_INVALID, "the Job is complete, but its result isn't in storage")
        return Verdict(Reason.ATTEMPT_FAILED, job.end_message or "the Job failed, and its pod is gone")
    seen = Verdict("", "", pod=pod.name, node=pod.node, exit_code=pod.exit_code)
    return _by_kubelet(pod, seen) or _by_exit_code(pod, seen)


def _by_kubelet(pod: PodView, seen: Verdict) -> Verdict | None:
    """Judge by what the kubelet says, where that decides."""
    if pod.reason == "Evicted":
        return replace(seen, reason=Reason.DISK_FULL, message=pod.message or "evicted over its disk limit")
    if pod.exit_code is None:
        trouble = pod.trouble
        reason = trouble.reason if trouble else Reason.CONTAINER_NOT_STARTED
        message = trouble.message if trouble else pod.message or "the container never started"
        return replace(seen, reason=reason, message=message, counted=False)
    if pod.exit_reason == "OOMKilled":
        return replace(seen, reason=Reason.OUT_OF_MEMORY, message=Reason.OUT_OF_MEMORY.sentence)
    if pod.reason == "DeadlineExceeded":
        return replace(seen, reason=Reason.DEADLINE_EXCEEDED, message=Reason.DEADLINE_EXCEEDED.sentence)
    return None


def _by_exit_code(pod: PodView, seen: Verdict) -> Verdict:
    """Judge by the exit code, in the words of the termination message where there is one."""
    failures = _failures(pod)
    told = next((f for f in failures if f.step is None), failures[0] if failures else None)
    by_code = _BY_EXIT.get(Exit(pod.exit_code)) if pod.exit_code in list(Exit) else None
    reason: str = _word(told.reason) if told else by_code or Reason.ATTEMPT_FAILED
    message = told.message if told else f"the container ended with exit code {pod.exit_code}"
    unreachable = _is_out_of_reach(reason, pod.exit_code)
    permanent = pod.exit_code == Exit.IMPOSSIBLE or bool(told and told.permanent)
    return replace(
        seen, reason=reason, message=message, counted=permanent or not unreachable, permanent=permanent
    )


def _is_out_of_reach(reason: str, code: int | None) -> bool:
    """Say whether a part of the installation, or an engine, is to blame.

    A source isn't one of them: it may never come back, so each Job that waited for it counts.
    """
    return reason in _OUT_OF_REACH or (code == Exit.UNREACHABLE and reason != Reason.SOURCE_UNREACHABLE)


def _pinned(own: StepFailure, named: list[StepFailure], general: Verdict) -> Verdict:
    reason = _word(own.reason)
    named = [f for f in named if f.reason != Reason.DEPENDENCY_FAILED]
    # Under exit 64 at least one failure is final; where none says so itself, all are.
    impossible = general.exit_code == Exit.IMPOSSIBLE and not any(f.permanent for f in named)
    permanent = own.permanent or impossible
    counted = permanent or not _is_out_of_reach(reason, general.exit_code)
    return replace(general, reason=reason, message=own.message, counted=counted, permanent=permanent)


def _word(reason: str) -> str:
    """Keep a reason that is a word fit for a condition."""
    return reason if _WORD.fullmatch(reason) else Reason.ATTEMPT_FAILED


def backoff(retry: Retry, attempts: int, uncounted: int, counted: bool) -> int:
    """Give the wait in seconds before the next Job: doubled with each attempt, or each Job not counted."""
    if counted:
        return int(min(retry.backoff_seconds * 2 ** (attempts - 1), LONGEST_BACKOFF))
    return int(min(5 * 2 ** min(uncounted, 10), LONGEST_UNCOUNTED_BACKOFF))
