"""Complete manifests of everything the operator creates, made without a client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from mediaops.identity import step_folder
from mediaops.models.base import API_VERSION
from mediaops.models.mediaasset import MediaAsset
from mediaops.models.processingjob import AssetReference, ProcessingJobSpec, Version
from mediaops.models.work import Exit, WorkOrder
from mediaops.planner import Step
from mediaops.tokens import POD_TOKEN_AUDIENCE, Capability
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Share
from mediaops_operator.planning.desired import Launch, Note
from mediaops_operator.profiles import Profile

Manifest = dict[str, Any]

ASSET_LABEL = "mediaops.dev/asset"
WORKSPACE_LABEL = "mediaops.dev/workspace"
COUNTS_ANNOTATION = "mediaops.dev/counts"
"""On a Job: which operations, or which ingest or measuring, count it, and at which round and number."""

CREDENTIAL_KEY = "mediaops-credential"
LENT_FILE = "lent-credential.json"
"""In a work order: the installation's credential. Not the key above, so that no asset can name this Secret."""
ORDER_FOLDER = "/var/run/mediaops/order"
TOKEN_FOLDER = "/var/run/mediaops/token"  # noqa: S105 — a path
CREDENTIAL_FOLDER = "/var/run/mediaops/credential"
WORK_FOLDER = "/work"
CONTAINER = "operations"
USER = 65532

_PASSED_THROUGH = ("kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class")

_BACKSTOP_SECONDS = 600
"""How much longer than the run's own deadline the kubelet waits."""

_CAPABILITY_SECONDS = 14 * 24 * 3600
"""How long a Job may wait for its node: without its pod's own token a capability opens nothing."""


def processing_job(asset: MediaAsset, step: Step, workspace: str) -> Manifest:
    """Give the ProcessingJob of one operation."""
    spec = ProcessingJobSpec(
        asset_ref=AssetReference(name=asset.name, uid=asset.uid),
        operation=step.operation,
        versions=[Version(name=name, version=version) for name, version in sorted(step.versions.items())],
        spec_hash=step.spec_hash,
        step_key=step.step_key,
        stored=step.stored,
    )
    return {
        "apiVersion": API_VERSION,
        "kind": "ProcessingJob",
        "metadata": {
            "name": step.processing_job,
            "namespace": asset.namespace,
            "labels": {
                ASSET_LABEL: asset.name,
                WORKSPACE_LABEL: workspace,
                "mediaops.dev/operation": step.name,
                "mediaops.dev/operation-type": step.operation.type,
            },
            "ownerReferences": [owner(asset)],
        },
        "spec": spec.wire(),
    }


def owner(asset: MediaAsset) -> Manifest:
    """Give the reference by which the cluster deletes children with their asset."""
    return {
        "apiVersion": API_VERSION,
        "kind": "MediaAsset",
        "name": asset.name,
        "uid": asset.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def work_order(asset: MediaAsset, launch: Launch, installation: Installation, now: datetime) -> Manifest:
    """Give the Secret with a Job's work order, signed capability included."""
    order = launch.order.model_copy(update={"capability": _capability(launch.order, installation, now)})
    files = {"work-order.json": order.model_dump_json(by_alias=True, exclude_none=True)}
    if installation.ca:
        files["ca.crt"] = installation.ca
    if lent := _lent(asset, launch, installation):
        files[LENT_FILE] = lent
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": order.job,
            "namespace": order.namespace,
            "labels": {ASSET_LABEL: asset.name},
            "ownerReferences": [owner(asset)],
        },
        "stringData": files,
    }


def _lent(asset: MediaAsset, launch: Launch, installation: Installation) -> str | None:
    """Give the installation's credential for a Job whose namespace may have none of its own."""
    profile = installation.profiles[asset.spec.execution.profile]
    return installation.credentials.lent(launch.credential, asset.namespace, profile)


def _capability(order: WorkOrder, installation: Installation, now: datetime) -> str:
    reads = {reference.key for step in order.steps for reference in step.reads.values()}
    if order.source and order.step_keys:
        reads.add(order.source.key)
    own = tuple(step_folder(order.workspace, step) for step in order.step_keys)
    capability = Capability(
        workspace=order.workspace,
        namespace=order.namespace,
        job=order.job,
        reads=frozenset(r for r in reads if not r.startswith(own)),
        step_keys=order.step_keys,
        indexed=tuple(step.step_key for name in order.indexed for step in order.steps if step.name == name),
    )
    issued = int(now.timestamp())
    return installation.signer.sign(
        capability, issued=issued, expires=issued + order.deadline_seconds + _CAPABILITY_SECONDS
    )


def job(asset: MediaAsset, launch: Launch, installation: Installation) -> Manifest:
    """Give the Job of one pass, of the ingest, or of measuring."""
    order = launch.order
    labels = {
        ASSET_LABEL: asset.name,
        WORKSPACE_LABEL: order.workspace,
        "app.kubernetes.io/name": "mediaops",
        "app.kubernetes.io/component": "operations",
        "mediaops.dev/role": launch.role,
        **({"mediaops.dev/engine": launch.engine} if launch.engine else {}),
    }
    queued = {k: v for k, v in (asset.metadata.get("labels") or {}).items() if k in _PASSED_THROUGH}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": order.job,
            "namespace": order.namespace,
            "labels": labels | queued,
            "annotations": {COUNTS_ANNOTATION: counts(launch)},
            "ownerReferences": [owner(asset)],
        },
        "spec": {
            **_completions(launch),
            "podReplacementPolicy": "Failed",
            "ttlSecondsAfterFinished": installation.job_ttl_seconds,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "Ignore",
                        "onExitCodes": {
                            "containerName": CONTAINER,
                            "operator": "In",
                            "values": [int(Exit.INTERRUPTED)],
                        },
                    },
                    *_hopeless(launch),
                ]
            },
            "template": {"metadata": {"labels": labels}, "spec": _pod(asset, launch, installation)},
        },
    }


def _completions(launch: Launch) -> Manifest:
    """Say how many pods do a Job: one, or one for each step that the pods of an Indexed Job share."""
    count = len(launch.order.indexed)
    if not count:
        return {"backoffLimit": 0, "completions": 1, "parallelism": 1}
    # No backoffLimit here: one segment's failure would stop the others, whose work the next attempt can use.
    return {
        "completionMode": "Indexed",
        "backoffLimitPerIndex": 0,
        "completions": count,
        "parallelism": count,
    }


def _hopeless(launch: Launch) -> list[Manifest]:
    """End an Indexed Job at once where one of its pods found that it can't succeed as asked."""
    codes = {"containerName": CONTAINER, "operator": "In", "values": [int(Exit.IMPOSSIBLE)]}
    return [{"action": "FailJob", "onExitCodes": codes}] if launch.order.indexed else []


def counts(launch: Launch) -> str:
    """Write down what the Job counts on; see `counted_on`."""
    rows = [[s.operation, s.uid, s.round, s.jobs, s.member] for s in launch.shares]
    counted: Manifest = {"operations": rows}
    if launch.ingest:
        counted = {"ingest": launch.ingest}
    elif launch.quality:
        counted = {"quality": launch.quality, "measures": launch.measures}
    parts = {"parts": launch.parts} if launch.parts else {}
    return json.dumps(counted | parts | {"log": launch.log_step}, separators=(",", ":"))


@dataclass(frozen=True)
class Counted:
    """What a Job counts on, read back."""

    shares: tuple[Share, ...] = ()
    ingest: tuple[int, int] | None = None
    quality: tuple[int, int] | None = None
    measures: tuple[str, ...] = ()
    log_step: str = ""
    parts: str = ""


def counted_on(text: str) -> Counted:
    """Read what `counts` wrote; nothing where it is something else."""
    try:
        written = json.loads(text)
        shares = tuple(Share(*row) for row in written.get("operations", []))
        return Counted(
            shares,
            _numbers(written.get("ingest")),
            _numbers(written.get("quality")),
            tuple(map(str, written.get("measures", ()))),
            str(written.get("log", "")),
            str(written.get("parts", "")),
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        return Counted()


def _numbers(written: list[int] | None) -> tuple[int, int] | None:
    return None if written is None else (int(written[0]), int(written[1]))


def _pod(asset: MediaAsset, launch: Launch, installation: Installation) -> Manifest:
    profile = installation.profiles[asset.spec.execution.profile]
    lent = _lent(asset, launch, installation) is not None
    priority_class = installation.priority_classes.get(asset.spec.execution.priority)
    optional = {
        "serviceAccountName": profile.service_account_name,
        "runtimeClassName": profile.runtime_class_name,
        "priorityClassName": priority_class,
        "nodeSelector": profile.node_selector,
        "tolerations": profile.tolerations,
        "imagePullSecrets": profile.image_pull_secrets,
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "activeDeadlineSeconds": launch.order.deadline_seconds + _BACKSTOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **{name: value for name, value in optional.items() if value},
        "containers": [_container(launch, installation, profile, lent=lent)],
        "volumes": _volumes(launch, profile.work_size_limit, lent=lent),
    }


def _container(launch: Launch, installation: Installation, profile: Profile, *, lent: bool) -> Manifest:
    resources: dict[str, dict[str, str]] = {name: dict(value) for name, value in profile.resources.items()}
    if launch.gpu:
        resources.setdefault("limits", {})[profile.gpu_resource] = str(launch.gpu)
    engine = profile.engines.get(launch.engine) if launch.engine else None
    environment = {
        **profile.env,
        "MEDIAOPS_TOKEN_FILE": f"{TOKEN_FOLDER}/token",
        "MEDIAOPS_WORK_DIR": WORK_FOLDER,
        "TMPDIR": WORK_FOLDER,
        "HOME": WORK_FOLDER,
        "MEDIAOPS_CREDENTIAL_FILE": f"{CREDENTIAL_FOLDER}/{CREDENTIAL_KEY}" if launch.credential else "",
        "MEDIAOPS_LENT_CREDENTIAL_FILE": f"{ORDER_FOLDER}/{LENT_FILE}" if lent else "",
        "MEDIAOPS_CA_FILE": f"{ORDER_FOLDER}/ca.crt" if installation.ca else "",
        "MEDIAOPS_ALLOWED_CIDRS": installation.allowed_cidrs if launch.ingest else "",
        "OPENAI_BASE_URL": engine.base_url if engine and launch.engine == "openai" else "",
    }
    mounts = [("order", ORDER_FOLDER), ("token", TOKEN_FOLDER)]
    if launch.credential:
        mounts.append(("credential", CREDENTIAL_FOLDER))
    return {
        "name": CONTAINER,
        "image": profile.image,
        "imagePullPolicy": profile.image_pull_policy,
        "args": ["run", "-f", f"{ORDER_FOLDER}/work-order.json"],
        "env": [{"name": name, "value": value} for name, value in environment.items() if value],
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "work", "mountPath": WORK_FOLDER},
            *({"name": name, "mountPath": path, "readOnly": True} for name, path in mounts),
        ],
    }


def _volumes(launch: Launch, work_size_limit: str, *, lent: bool) -> list[Manifest]:
    token = {
        "serviceAccountToken": {"audience": POD_TOKEN_AUDIENCE, "path": "token", "expirationSeconds": 3600}
    }
    volumes: list[Manifest] = [
        {"name": "work", "emptyDir": {"sizeLimit": work_size_limit}},
        {"name": "order", "secret": {"secretName": launch.order.job, "defaultMode": 0o440}},
        {"name": "token", "projected": {"sources": [token], "defaultMode": 0o440}},
    ]
    if launch.credential:
        # Just the one key: an asset can't point at another Secret and get something out of it.
        item = {"key": CREDENTIAL_KEY, "path": CREDENTIAL_KEY}
        secret = {"secretName": launch.credential, "items": [item], "defaultMode": 0o440}
        # With a credential lent by the installation the pod starts without the namespace's own, too.
        secret |= {"optional": True} if lent else {}
        volumes.append({"name": "credential", "secret": secret})
    return volumes


def event(asset: MediaAsset, note: Note, now: str) -> Manifest:
    """Give the Event of a note; the same note again has the same name, so that it is counted instead."""
    about: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "ProcessingJob" if note.job else "MediaAsset",
        "namespace": asset.namespace,
        "name": note.job.name if note.job else asset.name,
        "uid": note.job.uid if note.job else asset.uid,
    }
    mark = sha256(f"{about['uid']}\0{note.reason}\0{note.message}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name'][:200]}.{mark}", "namespace": asset.namespace},
        "involvedObject": about,
        "type": "Warning" if note.warning else "Normal",
        "reason": note.reason,
        "message": note.message[:1024],
        "source": {"component": "mediaops-operator"},
        "reportingComponent": "mediaops-operator",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
