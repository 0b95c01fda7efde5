"""From Jobs, pods and Events as the API server gives them to what decides something. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from mediaops.models.mediaasset import Priority
from mediaops.models.source import DRIVE_SECRET
from mediaops.reasons import Reason
from mediaops_operator.cache import JOBS, PODS
from mediaops_operator.credentials import DRIVE_HOST, OPENAI, OPENAI_HOST, engine_secret
from mediaops_operator.objects import CONTAINER, COUNTS_ANNOTATION, CREDENTIAL_KEY, counted_on
from mediaops_operator.observed import JobView, PodView, Trouble

Manifest = dict[str, Any]

_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_MISSING_SECRET = re.compile(r'secret "(?:[^"/]*/)?([^"/]+)" not found')
_START = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def moment(text: str | None) -> datetime | None:
    """Read the API server's time."""
    return datetime.fromisoformat(text) if text else None


def job_view(job: Manifest, pods: Iterable[Manifest], troubles: Mapping[str, Trouble]) -> JobView:
    """Cut down a Job, with its pods; `troubles` are Events' words, by the uid of what they are about."""
    metadata, status = job["metadata"], job.get("status") or {}
    counted = counted_on((metadata.get("annotations") or {}).get(COUNTS_ANNOTATION, ""))
    ended = next(
        (
            c
            for c in status.get("conditions") or []
            if c["type"] in ("Complete", "Failed") and c["status"] == "True"
        ),
        None,
    )
    own = [p for p in pods if _belongs(p, metadata["uid"])]
    views = sorted((pod_view(p, troubles) for p in own), key=lambda pod: (pod.created, pod.name))
    return JobView(
        name=metadata["name"],
        uid=metadata["uid"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        shares=counted.shares,
        ingest=counted.ingest,
        quality=counted.quality,
        measures=counted.measures,
        log_step=counted.log_step,
        suspended=bool(job["spec"].get("suspend")),
        end=ended["type"] if ended else None,
        end_reason=ended.get("reason", "") if ended else "",
        end_message=ended.get("message", "") if ended else "",
        end_time=moment(ended.get("lastTransitionTime")) if ended else None,
        pods=tuple(views),
        trouble=troubles.get(metadata["uid"]) if not views else None,
        deleted="deletionTimestamp" in metadata,
        parts=counted.parts,
        indexed=job["spec"]["completions"] if job["spec"].get("completionMode") == "Indexed" else 0,
        succeeded=status.get("succeeded") or 0,
    )


def priority(asset: Manifest) -> Priority:
    """Give a MediaAsset's priority, before the rest of it is read."""
    named = ((asset.get("spec") or {}).get("execution") or {}).get("priority")
    return Priority(named) if named in list(Priority) else Priority.NORMAL


VIEWED = frozenset({JOBS, PODS})
"""Kinds of which a plan sees a view, and which change often in ways that it doesn't see."""


def view(kind: str, manifest: Manifest) -> JobView | PodView:
    """Give what a plan can see of one such object by itself."""
    return job_view(manifest, (), {}) if kind == JOBS else pod_view(manifest, {})


def _belongs(pod: Manifest, job_uid: str) -> bool:
    return any(owner.get("uid") == job_uid for owner in pod["metadata"].get("ownerReferences") or [])


def pod_view(pod: Manifest, troubles: Mapping[str, Trouble]) -> PodView:
    """Cut down a pod."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    container: Manifest = next(
        (c for c in status.get("containerStatuses") or [] if c["name"] == CONTAINER), {}
    )
    state = container.get("state") or {}
    terminated = state.get("terminated") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    return PodView(
        name=metadata["name"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        node=(pod.get("spec") or {}).get("nodeName"),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason"),
        message=status.get("message", ""),
        disrupted=conditions.get("DisruptionTarget", {}).get("status") == "True",
        exit_code=terminated.get("exitCode"),
        exit_reason=terminated.get("reason"),
        termination=terminated.get("message", ""),
        trouble=_pod_trouble(conditions, state.get("waiting") or {}, troubles.get(metadata["uid"])),
    )


def _pod_trouble(
    conditions: Mapping[str, Manifest], waiting: Manifest, told: Trouble | None
) -> Trouble | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return Trouble(Reason.UNSCHEDULABLE, scheduled.get("message", Reason.UNSCHEDULABLE.sentence))
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL:
        return Trouble(Reason.IMAGE_PULL_FAILED, message or Reason.IMAGE_PULL_FAILED.sentence)
    if reason in _START:
        return Trouble(Reason.CONTAINER_NOT_STARTED, f"{reason}: {message}")
    return told if reason in ("", "ContainerCreating", "PodInitializing") else None


def event_trouble(event: Manifest) -> tuple[str, Trouble] | None:
    """Read a warning about a Job or pod that says why it doesn't start: (uid, trouble)."""
    about = event["involvedObject"]
    read = _WARNINGS.get((about.get("kind", ""), event.get("reason", "")))
    return (about.get("uid", ""), read(event.get("message") or "")) if read else None


def _failed_create(message: str) -> Trouble:
    quota = "exceeded quota" in message
    return Trouble(Reason.QUOTA_EXCEEDED if quota else Reason.POD_CREATION_FORBIDDEN, message)


def _failed_mount(message: str) -> Trouble:
    if "references non-existent secret key" in message:
        return Trouble(Reason.SECRET_INVALID, f"it has no key mediaops-credential: {message}")
    missing = _MISSING_SECRET.search(message)
    if missing is None:
        return Trouble(Reason.CONTAINER_NOT_STARTED, message)
    if 'volume "credential"' not in message:  # the work order: nothing that people make
        return Trouble(Reason.SECRET_NOT_FOUND, message)
    return Trouble(Reason.SECRET_NOT_FOUND, _what_to_make(missing[1]))


def _what_to_make(secret: str) -> str:
    """Name a missing Secret and what to put in: its name tells for whom it is, unless an asset chose it."""
    if secret == DRIVE_SECRET:
        content = f"hosts ({DRIVE_HOST}) and an apiKey or a serviceAccount of Google's"
    elif secret == engine_secret(OPENAI):
        content = f"hosts ({OPENAI_HOST}) and an apiKey of OpenAI's"
    else:
        content = "hosts and one of address, apiKey, serviceAccount"
    return (
        f"this namespace has no Secret {secret}; make it with the key {CREDENTIAL_KEY}, "
        f"which holds as JSON {content}; it goes on by itself"
    )


def _failed_sandbox(message: str) -> Trouble:
    return Trouble(Reason.CONTAINER_NOT_STARTED, message)


_WARNINGS: dict[tuple[str, str], Callable[[str], Trouble]] = {
    ("Job", "FailedCreate"): _failed_create,
    ("Pod", "FailedMount"): _failed_mount,
    ("Pod", "FailedCreatePodSandBox"): _failed_sandbox,
}
