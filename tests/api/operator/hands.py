"""What the rest of the cluster would do: make pods of Jobs, let them end, leave results in storage."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Self

from botocore.exceptions import ClientError

from hack.cluster.api import Api, ApiError
from hack.services.s3 import BUCKET, S3
from mediaops.identity import output_key, result_key
from mediaops.models.work import StepOrder, StepResult, StoredFile, WorkOrder
from tests.api.operator.process import Operator

Manifest = dict[str, Any]

PATIENCE_SECONDS = 60.0  # machines can be busy; nothing here waits unless something is wrong
JOBS, PODS, SECRETS = "/apis/batch/v1", "/api/v1", "/api/v1"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Hands:
    """Acts on one namespace."""

    def __init__(self, api: Api, namespace: str, s3: S3, operator: Operator) -> None:
        self.api, self.namespace, self.s3, self.operator = api, namespace, s3, operator
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        api.call("POST", self.path("/api/v1", "serviceaccounts"), account)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for asset in self.jobs_of("mediaassets"):  # the next test's operator would go on with them
            self.delete(asset["metadata"]["name"])

    # Assets ----------------------------------------------------------------------------------------------

    def path(self, group: str, plural: str, name: str = "") -> str:
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def apply(self, spec: Manifest, name: str = "clip", **metadata: Any) -> Manifest:
        """Apply a MediaAsset."""
        body = {
            "apiVersion": "mediaops.dev/v1alpha1",
            "kind": "MediaAsset",
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
        applied: Manifest = self.api.apply(
            self.path("/apis/mediaops.dev/v1alpha1", "mediaassets", name), body
        )
        return applied

    def annotate(self, name: str, annotation: str, value: str) -> None:
        body = {"metadata": {"annotations": {f"mediaops.dev/{annotation}": value}}}
        self.api.patch(self.path("/apis/mediaops.dev/v1alpha1", "mediaassets", name), body)

    def delete(self, name: str) -> None:
        """Delete an asset, and what it owns."""
        uid = self.asset(name)["metadata"]["uid"]
        self.api.delete(self.path("/apis/mediaops.dev/v1alpha1", "mediaassets", name))
        self.collect(uid)

    def collect(self, uid: str) -> None:
        """Delete what a deleted asset owns, which nobody else does here.

        An operator that hasn't heard of its end yet makes a ProcessingJob anew, which the garbage collector would
        delete as well.
        """
        for plural, group in (
            ("processingjobs", "/apis/mediaops.dev/v1alpha1"),
            ("jobs", JOBS),
            ("secrets", SECRETS),
        ):
            for child in self.jobs_of(plural):
                if any(owner["uid"] == uid for owner in child["metadata"].get("ownerReferences", [])):
                    self.api.delete(self.path(group, plural, child["metadata"]["name"]))

    def asset(self, name: str = "clip") -> Manifest:
        found: Manifest = self.api.get(self.path("/apis/mediaops.dev/v1alpha1", "mediaassets", name))
        return found

    def jobs_of(self, plural: str = "jobs") -> list[Manifest]:
        group = {"jobs": JOBS, "pods": PODS, "secrets": SECRETS}.get(plural, "/apis/mediaops.dev/v1alpha1")
        items: list[Manifest] = self.api.get(self.path(group, plural))["items"]
        return items

    def processing_jobs(self) -> dict[str, Manifest]:
        """Give the ProcessingJobs by operation."""
        return {pj["spec"]["operation"]["name"]: pj for pj in self.jobs_of("processingjobs")}

    def put(self, key: str, content: bytes = b"a video") -> None:
        """Put an object into the workspace's storage."""
        self._put(f"{self.namespace}/{key}", content)

    def _put(self, key: str, content: bytes) -> None:
        """Put an object; once more where the body came too late for the server, as on a busy machine."""
        try:
            self.s3.client().put_object(Bucket=BUCKET, Key=key, Body=content)
        except ClientError:
            self.s3.client().put_object(Bucket=BUCKET, Key=key, Body=content)

    # Waiting ---------------------------------------------------------------------------------------------

    def until(self, what: str, holds: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until something holds, and give it."""
        end = time.monotonic() + seconds
        while True:
            found = holds()
            if found:
                return found
            if time.monotonic() > end:
                log = self.operator.log.read_text()[-4000:]
                seen = json.dumps([m.get("status") for m in self.jobs_of("mediaassets")], indent=1)
                raise AssertionError(f"not within {seconds} s: {what}\n{seen[-4000:]}\n{log}")
            time.sleep(0.05)

    def until_condition(self, type_: str, status: str, name: str = "clip", **expected: str) -> Manifest:
        """Wait until the asset's condition has a status (and reason)."""

        def holds() -> Manifest | None:
            found = condition(self.asset(name), type_)
            if found is None or found["status"] != status:
                return None
            return found if all(found[k] == v for k, v in expected.items()) else None

        found: Manifest = self.until(f"{type_} is {status} {expected}", holds)
        return found

    def until_job(self, count: int = 1) -> list[Manifest]:
        """Wait until so many Jobs haven't ended, and give them."""
        found: list[Manifest] = self.until(
            f"{count} Jobs", lambda: (found := self.open_jobs()) and len(found) >= count and found
        )
        return found

    def open_jobs(self) -> list[Manifest]:
        return [j for j in self.jobs_of() if not (j.get("status") or {}).get("conditions")]

    # Jobs ------------------------------------------------------------------------------------------------

    def order(self, job: Manifest) -> WorkOrder:
        """Read a Job's work order as its pod would."""
        secret = self.api.get(self.path(SECRETS, "secrets", job["metadata"]["name"]))
        return WorkOrder.model_validate_json(base64.b64decode(secret["data"]["work-order.json"]))

    def pod(self, job: Manifest, suffix: str = "x1") -> str:
        """Make the pod that the Job controller would."""
        name = f"{job['metadata']['name']}-{suffix}"
        template = job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "controller": True}
        owner |= {"name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]},
            "spec": template["spec"] | {"nodeName": "node-1"},
        }
        self.api.call("POST", self.path(PODS, "pods"), body)
        return name

    def pod_status(self, name: str, phase: str, state: Manifest | None = None, **more: Any) -> None:
        """Say what the kubelet would."""
        status: Manifest = {"phase": phase, **more}
        if state:
            container = {"name": "operations", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
            status["containerStatuses"] = [container | {"state": state}]
        self.api.patch(f"{self.path(PODS, 'pods', name)}/status", {"status": status})

    def run(self, job: Manifest, suffix: str = "x1") -> str:
        """Let the pod of a Job run."""
        name = self.pod(job, suffix)
        self.pod_status(name, "Running", {"running": {"startedAt": now()}})
        return name

    def store(self, order: WorkOrder, steps: Iterable[str] | None = None) -> None:
        """Put the results of (some of) a work order's steps into storage."""
        for step in order.steps:
            if step.stored and (steps is None or step.name in steps):
                self.store_result(order, step)

    def store_result(self, order: WorkOrder, step: StepOrder, **fields: Any) -> StepResult:
        content, result = made(order, step, **fields)
        self._put(result.files[0].key, content)
        self.put_result(order, result)
        return result

    def put_result(self, order: WorkOrder, result: StepResult) -> None:
        content = result.model_dump_json(by_alias=True, exclude_none=True).encode()
        self._put(result_key(order.workspace, result.step_key), content)

    def complete(self, job: Manifest, pod: str | None = None) -> None:
        """End a Job well."""
        if pod:
            self.pod_status(pod, "Succeeded", {"terminated": {"exitCode": 0, "reason": "Completed"}})
        time_ = now()
        conditions = [
            {"type": t, "status": "True", "lastProbeTime": time_, "lastTransitionTime": time_}
            for t in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"startTime": time_, "completionTime": time_, "succeeded": 1, "conditions": conditions}
        self.job_status(job, status)

    def fail(self, job: Manifest, pod: str | None, exit_code: int, message: str = "", **more: Any) -> None:
        """End a Job with a failed container."""
        if pod:
            state = {"exitCode": exit_code, "message": message, "reason": "Error", **more}
            self.pod_status(pod, "Failed", {"terminated": state})
        time_ = now()
        conditions = [
            {
                "type": t,
                "status": "True",
                "reason": "BackoffLimitExceeded",
                "lastProbeTime": time_,
                "lastTransitionTime": time_,
            }
            for t in ("FailureTarget", "Failed")
        ]
        self.job_status(job, {"startTime": time_, "failed": 1, "conditions": conditions})

    def job_status(self, job: Manifest, status: Manifest) -> None:
        self.api.patch(f"{self.path(JOBS, 'jobs', job['metadata']['name'])}/status", {"status": status})

    def succeed(self, job: Manifest) -> WorkOrder:
        """Do everything that a Job's pod should."""
        order = self.order(job)
        pod = self.run(job)
        self.store(order)
        self.complete(job, pod)
        return order

    def exists(self, group: str, plural: str, name: str) -> bool:
        try:
            self.api.get(self.path(group, plural, name))
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True


def made(order: WorkOrder, step: StepOrder, **fields: Any) -> tuple[bytes, StepResult]:
    """Give what a step could have made: the content of its one file, and its result."""
    kinds = {"transcribe": "transcript.json", "caption": "caption.json", "thumbnail": "thumbnail-0"}
    prepared = {"prepareAudio": "audio", "prepareFrames": "frame-0"}
    prepared |= {"prepareCuts": "segments.json", "prepareSegment": "segment"}
    name = prepared.get(step.type, kinds.get(step.type, "rendition"))
    content = f"{step.name} of {step.step_key}".encode()
    digest = hashlib.sha256(content).hexdigest()
    key = output_key(order.workspace, step.step_key, f"{digest}.bin")
    file = StoredFile(name=name, key=key, media_type="video/mp4", size_bytes=len(content), sha256=digest)
    return content, StepResult(step_key=step.step_key, type=step.type, job=order.job, files=[file], **fields)


def condition(manifest: Manifest, type_: str) -> Manifest | None:
    conditions = (manifest.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == type_), None)
