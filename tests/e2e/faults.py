"""What goes wrong on purpose, and how to tell that nothing was done twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import urllib.parse
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from hack.cluster.audit import writes
from hack.cluster.local import LocalCluster
from hack.cluster.waiting import wait_until
from hack.installation import NAMESPACE, RELEASE, Installation
from hack.services.service import Service
from tests.e2e.media import video
from tests.e2e.workspace import REQUEST_SECONDS, Object, Workspace, asset, conditions, on_x

POD_SECONDS = 120.0
"""How long a pod may take to appear and to start on a busy machine."""
OUTAGE_SECONDS = 60.0


# Assets


def post_of(space: Workspace, name: str) -> str:
    """Give the text by which an asset's post is told from all others."""
    return f"{name} of {space.name}"


def submit(space: Workspace, folder: Path, *names: str, seconds: float = 3, **spec: Any) -> None:
    """Apply assets that make a clip of so many seconds small and post it, each with media of its own."""
    upload(space, folder, *names, seconds=seconds)
    order(space, *names, **spec)


def upload(space: Workspace, folder: Path, *names: str, seconds: float = 3) -> None:
    """Put the assets' clips into storage."""
    for name in names:
        space.upload(video(folder, seconds=seconds, seed=_seed(name)), f"{name}.mp4")


def order(space: Workspace, *names: str, **spec: Any) -> None:
    """Apply assets whose clips are in storage."""
    small = {"name": "small", "compress": {"height": 120}}
    space.apply(
        *(asset(name, f"{name}.mp4", small, publish=on_x(post_of(space, name)), **spec) for name in names)
    )


def assert_done_once(space: Workspace, name: str, *, attempts: int = 0, jobs: int = 1) -> Object:
    """Wait for an asset's end: posted once, in so many Jobs, none of which stands for another's attempt."""
    done = space.published(name)
    made = jobs_of(space, name)
    (small,) = space.jobs(name).values()
    assert small["status"].get("attempts", 0) == attempts, small["status"]
    counted = [tuple(row[:4]) for job in made for row in _counts(job)["operations"]]
    assert len(counted) == len(set(counted)) == jobs, counted
    assert created(space, name) == sorted(job["metadata"]["name"] for job in made)
    assert len(space.posts(post_of(space, name))) == 1
    return done


def jobs_of(space: Workspace, name: str) -> list[Object]:
    """Give an asset's Kubernetes Jobs."""
    return _listed(space, f"/apis/batch/v1/namespaces/{space.name}/jobs", f"mediaops.dev/asset={name}")


def created(space: Workspace, name: str) -> list[str]:
    """Give the names of the Jobs that were ever created for an asset, as often as they were.

    A cluster that keeps no audit log knows only those that are there.
    """
    cluster = space.installation.cluster
    if not isinstance(cluster, LocalCluster):
        return sorted(job["metadata"]["name"] for job in jobs_of(space, name))
    log = writes(cluster.plane.audit_log)
    return sorted(
        write.name
        for write in log
        if (write.verb, write.resource, write.namespace, write.code)
        == ("create", "batch/jobs", space.name, 201)
        and write.name.rpartition("-")[0] == name
    )


def running_pod(space: Workspace, name: str, but: Collection[str] = ()) -> Object:
    """Wait until a pod of an asset runs that is none of `but` (names), and give it."""
    found: list[Object] = []

    def runs() -> bool:
        pods = _listed(space, f"/api/v1/namespaces/{space.name}/pods", f"mediaops.dev/asset={name}")
        found[:] = [
            pod
            for pod in pods
            if pod["status"].get("phase") == "Running"
            and "deletionTimestamp" not in pod["metadata"]
            and pod["metadata"]["name"] not in but
        ]
        return bool(found)

    wait_until(f"a pod of {name}", runs, POD_SECONDS)
    return found[0]


def is_processed(found: Object) -> bool:
    """Say whether all of an asset's operations have succeeded."""
    return conditions(found).get("Processed", {}).get("status") == "True"


# The services beside the cluster


@contextlib.contextmanager
def outage(service: Service) -> Iterator[Callable[[], None]]:
    """Have a service killed for a minute at least; gives what waits until that is over but for its start."""
    service.kill()
    end = time.monotonic() + OUTAGE_SECONDS

    def last() -> None:
        time.sleep(max(0.0, end - time.monotonic()))

    try:
        yield last
        last()
    finally:
        service.start()


# The system's own pods


def pods_of(installation: Installation, part: str) -> list[Object]:
    """Give the pods of `operator` or `backend` that aren't being deleted."""
    listed = installation.cluster.api.get(
        f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector="
        + urllib.parse.quote(f"app.kubernetes.io/component={part}")
    )
    return [pod for pod in listed["items"] if "deletionTimestamp" not in pod["metadata"]]


def delete(installation: Installation, part: str) -> None:
    """Delete the pods of `operator` or `backend` by force: their processes get a SIGTERM while others start."""
    for pod in pods_of(installation, part):
        _remove(installation, pod)


def kill(installation: Installation, part: str) -> None:
    """SIGKILL what the containers of `operator` or `backend` run, and have their pods replaced at once.

    No deletion does that: even by force it sends a SIGTERM first. Without it the kubelet would start the same
    container again, but after a second kill only when its back-off is over.
    """
    pods = pods_of(installation, part)
    containers = [
        status["containerID"].rpartition("/")[2]
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
        if "containerID" in status
    ]
    assert containers, f"no container of the {part} to kill"

    def all_gone() -> bool:
        left = [pid for container in containers for pid in _in_cgroup(container)]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    wait_until(f"the end of the {part}", all_gone, POD_SECONDS)
    for pod in pods:
        _remove(installation, pod)


def _remove(installation: Installation, pod: Object) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}"
    installation.cluster.api.call("DELETE", path, {"gracePeriodSeconds": 0})


def wait_for_start(installation: Installation, part: str) -> None:
    """Wait until a container of `operator` or `backend` runs; it need not be ready."""

    def runs() -> bool:
        states = [pod["status"].get("containerStatuses", []) for pod in pods_of(installation, part)]
        return any("running" in status["state"] for statuses in states for status in statuses)

    wait_until(f"a start of the {part}", runs, POD_SECONDS)


@contextlib.contextmanager
def settings(installation: Installation, **by_part: Mapping[str, str]) -> Iterator[None]:
    """Run `operator` and `backend` with other environment variables meanwhile."""
    before = {part: _env(installation, part) for part in by_part}
    after = {
        part: {name: before[part].get(name) for name in variables} for part, variables in by_part.items()
    }
    try:
        _set_env(installation, by_part)
        yield
    finally:
        _set_env(installation, after)


def _env(installation: Installation, part: str) -> dict[str, str | None]:
    """Give what the chart wrote into a Deployment, as far as it is plain text."""
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}-{part}"
    [container] = installation.cluster.api.get(path)["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def _set_env(installation: Installation, by_part: Mapping[str, Mapping[str, str | None]]) -> None:
    """Set variables, or take those away that are None, and wait until all pods have them."""
    for part, variables in by_part.items():
        words = [f"{name}-" if value is None else f"{name}={value}" for name, value in variables.items()]
        installation.kubectl("set", "env", f"deployment/{RELEASE}-{part}", "-n", NAMESPACE, *words)
    for part in by_part:
        installation.wait_for(part)


# X


def break_x(space: Workspace, route: str, **fault: Any) -> None:
    """Make X misbehave at its next calls of a route; see Fault of the stand-in."""
    _x(space, "POST", "faults", json={"route": route, **fault})


def mend_x(space: Workspace) -> None:
    """Take back all faults of X that haven't come yet."""
    _x(space, "DELETE", "faults")


def wait_for_hung(space: Workspace, *routes: str, since: float) -> None:
    """Wait until X holds back its answer to a call of each route; `since` in seconds since the epoch."""

    def held() -> bool:
        calls = _x(space, "GET", "calls").json()
        return set(routes) <= {c["route"] for c in calls if c["at"] >= since and c["fate"] == "hang"}

    wait_until(f"calls of {', '.join(routes)}", held, 2 * POD_SECONDS)


def _x(space: Workspace, verb: str, path: str, **arguments: Any) -> requests.Response:
    url = f"{space.installation.fleet.stand_ins['x'].url}/_standin/{path}"
    answer = requests.request(verb, url, verify=space.trusted, timeout=REQUEST_SECONDS, **arguments)
    answer.raise_for_status()
    return answer


# What a pod runs; needs the node to be this machine


def wait_for_program(pod: Object, program: str) -> list[int]:
    """Wait until a pod runs a program, and give its process ids here."""
    uid: str = pod["metadata"]["uid"]
    found: list[int] = []

    def runs() -> bool:
        found[:] = _processes(uid, program)
        return bool(found)

    wait_until(f"{program} in {pod['metadata']['name']}", runs, POD_SECONDS)
    return found


def freeze(pod: Object, program: str) -> None:
    """Stop a program of a pod where it is, as soon as it runs."""
    for pid in wait_for_program(pod, program):
        os.kill(pid, signal.SIGSTOP)


def _processes(pod_uid: str, program: str) -> Iterator[int]:
    """Give the processes of a pod that run a program, by the start of its name."""
    for pid in _in_cgroup(pod_uid):
        with contextlib.suppress(OSError):  # gone
            if Path(f"/proc/{pid}/comm").read_text().startswith(program):
                yield pid


def _in_cgroup(name: str) -> Iterator[int]:
    """Give the processes in cgroups whose path has a pod's uid, or a container's id, in it."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # gone, or no process
            # A pod's uid stands there as it is, or with underscores, by the driver.
            if name in (entry / "cgroup").read_text().replace("_", "-"):
                yield int(entry.name)


def _listed(space: Workspace, path: str, selector: str) -> list[Object]:
    listed = space.installation.cluster.api.get(f"{path}?labelSelector={urllib.parse.quote(selector)}")
    items: list[Object] = listed["items"]
    return items


def _counts(job: Object) -> Object:
    counts: Object = json.loads(job["metadata"]["annotations"]["mediaops.dev/counts"])
    return counts


def _seed(name: str) -> int:
    return sum(name.encode())
