"""A cluster and a storage in memory, small enough to let thousands of things go wrong in a second.

The operator's own code runs as it is, from the visit down; what stands in are the API server (versions,
conflicts, watches that deliver late), the Job controller with the kubelet, the pods, and storage. The
database is away throughout: processing must not need it.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mediaops.identity import output_key, result_key
from mediaops.measures import STEP_TYPES
from mediaops.models.usage import Usage
from mediaops.models.work import Exit, StepFailure, StepResult, StoredFile, Termination, WorkOrder
from mediaops.storage import NotFound, Stat, Unavailable
from mediaops.tokens import Signer
from mediaops_operator import journal, kube
from mediaops_operator.apply import Applier, Pace, Stale
from mediaops_operator.cache import ASSETS, JOBS, PODS, PROCESSING_JOBS, AssetKey, Cache
from mediaops_operator.database import DatabaseUnavailable
from mediaops_operator.gather import Gatherer, Library, Memory
from mediaops_operator.installation import Installation
from mediaops_operator.kube import Conflict, Gone, Resource
from mediaops_operator.objects import counted_on
from mediaops_operator.planning import plan
from mediaops_operator.planning.desired import Desired
from mediaops_operator.profiles import Profile

Manifest = dict[str, Any]

KEY = AssetKey("acme", "clip")
START = datetime.now(UTC).replace(microsecond=0)  # capabilities are checked against the real clock
KINDS = {kube.ASSETS: ASSETS, kube.PROCESSING_JOBS: PROCESSING_JOBS, kube.JOBS: JOBS, kube.PODS: PODS}

_PEM = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


FILES = {
    "transcribe": "transcript.json",
    "prepareAudio": "audio",
    "prepareCuts": "segments.json",
    "prepareSegment": "segment",
}
"""What the file is called that a step of a type leaves; others: rendition."""


class Crash(Exception):
    """The operator's process dies here."""


class ApiServer:
    """Objects with versions, and what watches have still to deliver."""

    def __init__(self) -> None:
        self.objects: dict[tuple[Resource, str], Manifest] = {}
        self.undelivered: list[tuple[str, Manifest, bool]] = []
        self.writes = 0
        self.crash_after: int | None = None
        self.job_names: Counter[str] = Counter()
        self._version = 0
        self._uids = 0
        self.clock = START

    # The calls of mediaops_operator.kube.Cluster ------------------------------------------------------

    async def get(self, resource: Resource, _namespace: str, name: str) -> Manifest:
        return copy.deepcopy(self._there(resource, name))

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        self._count()
        made = self.make(resource, manifest)
        self._maybe_crash()
        return copy.deepcopy(made)

    async def replace_status(self, resource: Resource, manifest: Manifest, status: Manifest) -> Manifest:
        self._count()
        metadata = manifest["metadata"]
        there = self._there(resource, metadata["name"])
        if there["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise Conflict(409, "Conflict", "the object has been modified")
        there["status"] = copy.deepcopy(status)
        changed = self.touch(resource, metadata["name"])
        self._maybe_crash()
        return copy.deepcopy(changed)

    async def delete(self, resource: Resource, _namespace: str, name: str, uid: str | None = None) -> None:
        self._count()
        there = self.objects.get((resource, name))
        if there and uid in (None, there["metadata"]["uid"]):
            self.remove(resource, name)
        self._maybe_crash()

    # What is behind them -------------------------------------------------------------------------------

    def make(self, resource: Resource, manifest: Manifest) -> Manifest:
        name = manifest["metadata"]["name"]
        if (resource, name) in self.objects:
            raise Conflict(409, "AlreadyExists", f"{name} already exists")
        if resource == kube.JOBS:
            self.job_names[name] += 1
        made = copy.deepcopy(manifest)
        self._uids += 1
        made["metadata"] |= {
            "uid": f"00000000-0000-0000-0000-{self._uids:012d}",
            "creationTimestamp": self.clock.isoformat(),
            "generation": 1,
        }
        self.objects[resource, name] = made
        self.touch(resource, name)
        return made

    def touch(self, resource: Resource, name: str) -> Manifest:
        there = self._there(resource, name)
        self._version += 1
        there["metadata"]["resourceVersion"] = str(self._version)
        self._tell(resource, there, gone=False)
        return there

    def remove(self, resource: Resource, name: str) -> None:
        there = self.objects.pop((resource, name))
        self._version += 1
        there["metadata"]["resourceVersion"] = str(self._version)
        self._tell(resource, there, gone=True)
        for other_resource, other in list(self.objects):
            child = self.objects.get((other_resource, other))
            owners = (child or {"metadata": {}})["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == there["metadata"]["uid"] for owner in owners):
                self.remove(other_resource, other)

    def of(self, resource: Resource) -> list[Manifest]:
        return [m for (kind, _), m in self.objects.items() if kind == resource]

    def _there(self, resource: Resource, name: str) -> Manifest:
        try:
            return self.objects[resource, name]
        except KeyError:
            raise Gone(404, "NotFound", name) from None

    def _tell(self, resource: Resource, manifest: Manifest, *, gone: bool) -> None:
        if resource in KINDS:
            self.undelivered.append((KINDS[resource], copy.deepcopy(manifest), gone))

    def _count(self) -> None:
        self.writes += 1

    def _maybe_crash(self) -> None:
        """Die after the write, before its answer is read."""
        if self.crash_after is not None:
            self.crash_after -= 1
            if self.crash_after <= 0:
                self.crash_after = None
                raise Crash


class MemoryStorage:
    """Objects by key; it can be down."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False

    def get_json(self, key: str) -> Any:
        self._up()
        if key not in self.objects:
            raise NotFound(key)
        return json.loads(self.objects[key])

    def head(self, key: str) -> Stat:
        self._up()
        if key not in self.objects:
            raise NotFound(key)
        return Stat(key, len(self.objects[key]), "e" * 32, START)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("storage can't be reached")


class NoDatabase:
    """A database that is away."""

    async def run(self, _work: Any) -> Any:
        raise DatabaseUnavailable("away")


class NoMirror:
    """A mirror that nobody reads."""

    def lag(self, _asset: Any) -> float:
        return 0.0


class World:
    """One asset, its operator, and everything that can happen to them."""

    def __init__(self, spec: Manifest, seed: int = 0, **installation: Any) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.api = ApiServer()
        self.storage = MemoryStorage()
        self.storage.objects["acme/clip.mp4"] = b"a video"
        self.installation = Installation(
            profiles={"default": Profile(image="operations:test")},
            bucket="media",
            backend_url="https://backend",
            signer=Signer(_PEM),
            **installation,
        )
        metadata = {"name": KEY.name, "namespace": KEY.namespace}
        self.api.make(kube.ASSETS, {"metadata": metadata, "spec": spec, "status": {"observedGeneration": -1}})
        self.last: Desired | None = None
        self.made_again = False
        """A Job was deleted that no status could miss, an ingest or one just made: the next has the same name."""
        self.log: list[str] = []
        self.told: list[journal.Line] = []
        self.cuts = {"count": "3", "segments": "3"}
        """What is found out about where to cut."""
        self.figures: dict[str, dict[str, str]] = {}
        """What measurements find, by the name of their step; nothing: the file has no sound."""
        self.usage: Usage | None = None
        """What each step of a Job says to have used up, and a container that fails."""
        self.restart()

    # The operator ----------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Start the operator's process anew: it knows what a complete list says."""
        self.cache = Cache()
        self.cache.put_namespace(
            {"metadata": {"name": KEY.namespace, "labels": {"mediaops.dev/workspace": "acme"}}}
        )
        self.memory = Memory()
        self.gatherer = Gatherer(self.cache, Library(self.storage), NoDatabase(), NoMirror())  # type: ignore[arg-type]
        pace = Pace(1e9, lambda: 0.0)
        self.applier = Applier(self.api, self.cache, self.installation, pace)  # type: ignore[arg-type]
        self.api.undelivered.clear()
        self.api.crash_after = None
        for resource, kind in KINDS.items():
            for manifest in self.api.of(resource):
                self.cache.put(kind, manifest)

    def visit(self) -> Desired | None:
        """Visit once; None where there is nothing to visit, or the visit was overtaken."""
        return asyncio.run(self._visit())

    async def _visit(self) -> Desired | None:
        visit = await self.gatherer.gather(KEY, self.memory, self.seconds)
        if visit is None:
            return None
        desired = plan(visit.observed, self.installation, self.api.clock)
        try:
            await self.applier.apply(visit, desired, self.api.clock)
        except Stale:
            return None
        self.told += journal.visited(visit.observed, desired)
        self.last = desired
        return desired

    def settle(self, visits: int = 20) -> None:
        """Deliver everything and visit until nothing more is to be done at this time."""
        for _ in range(visits):
            self.deliver_all()
            before = self.api.writes
            desired = self.visit()
            if desired is not None and not desired.again and self.api.writes == before:
                return
        raise AssertionError(f"it doesn't come to rest: {self.asset['status']}")

    @property
    def seconds(self) -> float:
        return (self.api.clock - START).total_seconds()

    def pass_time(self, seconds: float) -> None:
        self.api.clock += timedelta(seconds=seconds)

    def deliver(self) -> bool:
        """Deliver one event of one kind, in the order of that kind; say whether there was one."""
        kinds = list(dict.fromkeys(kind for kind, _, _ in self.api.undelivered))
        if not kinds:
            return False
        kind = self.random.choice(kinds)
        index = next(i for i, event in enumerate(self.api.undelivered) if event[0] == kind)
        _, manifest, gone = self.api.undelivered.pop(index)
        (self.cache.drop if gone else self.cache.put)(kind, manifest)
        return True

    def deliver_all(self) -> None:
        while self.deliver():
            pass

    # Reading ---------------------------------------------------------------------------------------------

    @property
    def asset(self) -> Manifest:
        return self.api.objects[kube.ASSETS, KEY.name]

    def condition(self, type_: str) -> tuple[str, str]:
        """Give a condition's status and reason."""
        found = next(c for c in self.asset["status"]["conditions"] if c["type"] == type_)
        return found["status"], found["reason"]

    def processing_jobs(self) -> dict[str, Manifest]:
        return {m["spec"]["operation"]["name"]: m for m in self.api.of(kube.PROCESSING_JOBS)}

    def succeeded(self) -> dict[str, tuple[str, str]]:
        """Give status and reason of each operation."""
        answers = {}
        for name, manifest in self.processing_jobs().items():
            conditions = (manifest.get("status") or {}).get("conditions") or []
            found = next((c for c in conditions if c["type"] == "Succeeded"), None)
            answers[name] = (found["status"], found["reason"]) if found else ("", "")
        return answers

    def jobs(self) -> list[Manifest]:
        """Give the Jobs that haven't ended."""
        return [j for j in self.api.of(kube.JOBS) if not (j.get("status") or {}).get("conditions")]

    def members(self, job: Manifest) -> list[str]:
        counted = counted_on(job["metadata"]["annotations"]["mediaops.dev/counts"])
        return [share.operation for share in counted.shares]

    def order(self, job: Manifest) -> WorkOrder:
        secret = self.api.objects[kube.SECRETS, job["metadata"]["name"]]
        return WorkOrder.model_validate_json(secret["stringData"]["work-order.json"])

    # Editing ---------------------------------------------------------------------------------------------

    def edit(self, **spec: Any) -> None:
        self.asset["spec"] |= spec
        self.asset["metadata"]["generation"] += 1
        self.api.touch(kube.ASSETS, KEY.name)

    def annotate(self, name: str, token: str) -> None:
        self.asset["metadata"].setdefault("annotations", {})[f"mediaops.dev/{name}"] = token
        self.api.touch(kube.ASSETS, KEY.name)

    # What Jobs, pods and storage do ------------------------------------------------------------------------

    def run(self, job: Manifest, index: int | None = None) -> Manifest:
        """Let a pod of a Job run; `index` is its own of an Indexed Job's."""
        name = job["metadata"]["name"] + (f"-{index}" if index is not None else "")
        number = sum(p["metadata"]["name"].startswith(name) for p in self.api.of(kube.PODS))
        owner = {
            "kind": "Job",
            "name": job["metadata"]["name"],
            "uid": job["metadata"]["uid"],
            "controller": True,
        }
        metadata = {
            "name": f"{name}-{number}",
            "namespace": KEY.namespace,
            "labels": job["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": [owner],
        }
        pod = self.api.make(kube.PODS, {"metadata": metadata, "spec": {"nodeName": "n1"}})
        self._pod(pod, "Running", {"running": {}})
        return pod

    def end_pod(self, pod: Manifest, code: int, message: str = "", reason: str = "Error") -> None:
        """End a pod with an exit code and a termination message."""
        terminated = {"exitCode": code, "reason": reason, "message": message}
        self._pod(pod, "Succeeded" if code == 0 else "Failed", {"terminated": terminated})

    def _pod(self, pod: Manifest, phase: str, state: Manifest, **more: Any) -> None:
        pod["status"] = {
            "phase": phase,
            "containerStatuses": [{"name": "operations", "state": state}],
            **more,
        }
        self.api.touch(kube.PODS, pod["metadata"]["name"])

    def store(self, order: WorkOrder, *names: str) -> None:
        """Put results of steps into storage; all of them where none is named."""
        for step in order.steps:
            if not step.stored or (names and step.name not in names):
                continue
            if step.type in STEP_TYPES:
                figures = self.figures.get(step.name, {})
                self.put_result(
                    StepResult(
                        step_key=step.step_key,
                        type=step.type,
                        job=order.job,
                        values=figures,
                        skipped=None if figures else "NoAudio",
                        usage=self.usage,
                    )
                )
            else:
                file_name = FILES.get(step.type, "rendition")
                digest = (step.step_key * 2)[:64].ljust(64, "0")
                file = StoredFile(
                    name=file_name,
                    key=output_key("acme", step.step_key, f"{digest}.bin"),
                    media_type="video/mp4",
                    size_bytes=1,
                    sha256=digest,
                )
                self.put_result(
                    StepResult(
                        step_key=step.step_key,
                        type=step.type,
                        job=order.job,
                        files=[file],
                        usage=self.usage,
                        values=self.cuts if step.type == "prepareCuts" else {},
                    )
                )

    def put_result(self, result: StepResult) -> None:
        key = result_key("acme", result.step_key)
        self.storage.objects[key] = result.model_dump_json(by_alias=True).encode()

    def complete(self, job: Manifest) -> None:
        """Let a Job do all it should."""
        order = self.order(job)
        pod = self.run(job)
        self.store(order)
        self.end(job, pod, 0)

    def complete_without_storage(self, job: Manifest) -> None:
        """Let a Job store its results just before storage goes away."""
        self.storage.down, down = False, self.storage.down
        self.complete(job)
        self.storage.down = down

    def finish_ingest(self, job: Manifest) -> None:
        """Let an ingest Job store the source."""
        order = self.order(job)
        assert order.ingest is not None
        key = output_key("acme", order.ingest.step_key, f"{'a' * 64}.mp4")
        file = StoredFile(name="source", key=key, media_type="video/mp4", size_bytes=7, sha256="a" * 64)
        self.put_result(
            StepResult(
                step_key=order.ingest.step_key, type="ingest", job=order.job, files=[file], usage=self.usage
            )
        )
        self.end(job, self.run(job), 0)

    def end(
        self,
        job: Manifest,
        pod: Manifest | None,
        code: int,
        *failures: StepFailure,
        exit_reason: str = "Error",
    ) -> None:
        """End a Job with its pod's exit code and termination message."""
        if pod is not None:
            message = ""
            if failures:
                first, *others = failures
                said = Termination(**first.model_dump(), others=others, usage=self.usage)
                message = said.model_dump_json(by_alias=True, exclude_none=True)
            self.end_pod(pod, code, message, exit_reason)
        type_ = "Complete" if code == 0 else "Failed"
        time = self.api.clock.isoformat()
        job["status"] = {"conditions": [{"type": type_, "status": "True", "lastTransitionTime": time}]}
        self.api.touch(kube.JOBS, job["metadata"]["name"])

    def fail(self, job: Manifest, code: int, *failures: StepFailure, **more: Any) -> None:
        self.end(job, self.run(job), code, *failures, **more)

    def interrupt(self, job: Manifest) -> None:
        """Stop a Job's pod from outside; Kubernetes replaces it."""
        pod = self.run(job)
        state = {"terminated": {"exitCode": int(Exit.INTERRUPTED), "reason": "Error"}}
        condition = {"type": "DisruptionTarget", "status": "True"}
        self._pod(pod, "Failed", state, conditions=[condition])


def failure(step: str | None, reason: str = "EncodeFailed", *, permanent: bool = False) -> StepFailure:
    return StepFailure(step=step, reason=reason, message=f"{step} broke", permanent=permanent)
