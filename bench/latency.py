"""How soon something happens, on a cluster that has nothing else to do."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from datetime import datetime
from itertools import count
from statistics import quantiles

from bench.client import GaveUp, Manifest, Watch
from bench.report import Figure, ratio, spread
from bench.site import ASSETS, JOBS, Site, asset
from bench.size import caveat, sized
from hack.build import tool
from hack.cluster.audit import writes

SAMPLES = 40
PATIENCE_SECONDS = 60.0
PUBLISHED = {
    "operations": [{"name": "small", "compress": {}}, {"name": "post", "caption": {"platforms": ["x"]}}],
    "publish": {"targets": [{"name": "x", "platform": "x", "text": {"from": "post"}}]},
}


def latencies(site: Site) -> list[Figure]:
    """Measure both latencies, one asset at a time."""
    with site.cluster() as namespace, site.operator():
        return [_apply_to_job(site, namespace), _done_to_n8n(site, namespace)]


def _apply_to_job(site: Site, namespace: str) -> Figure:
    """Time kubectl apply of an asset and kubectl create job, each until a watch shows the Job, in turn."""
    seen = threading.Event()
    names = count(1)
    ours, theirs = [], []

    def added(event: Manifest) -> None:
        if event["type"] == "ADDED":
            seen.set()

    def timed(*arguments: str, stdin: Manifest | None = None) -> float:
        seen.clear()
        command = [
            str(tool("kubectl")),
            f"--kubeconfig={site.plane.kubeconfig}",
            f"-n={namespace}",
            *arguments,
        ]
        started = time.monotonic()
        content = json.dumps(stdin) if stdin else None
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as kubectl:
            kubectl.communicate(content)
        if not seen.wait(PATIENCE_SECONDS):
            raise GaveUp(f"kubectl {' '.join(arguments)}: no Job within {PATIENCE_SECONDS:g} s")
        return time.monotonic() - started

    with Watch(site.api, JOBS.format(namespace), added):
        for _ in range(sized(SAMPLES)):
            name = f"latency-{next(names)}"
            theirs.append(timed("create", "job", name, "--image=mediaops-operations:test"))
            ours.append(timed("apply", "-f", "-", stdin=asset(name, f"{name}.mp4")))
            time.sleep(1)  # until what both started has ended
    note = f"from kubectl's start to the Job in a watch{caveat()}"
    return ratio("latency.apply_to_job_ratio", 3, ours, theirs, "kubectl create job → Job", note)


def _done_to_n8n(site: Site, namespace: str) -> Figure:
    """Time the API server's taking of a Job's completion to n8n's having the signed request."""
    received = site.installed.n8n.received
    arrivals: dict[str, float] = {}
    for number in range(sized(SAMPLES)):
        name = f"post-{number}"
        known = len(received)
        site.api.call("POST", ASSETS.format(namespace), asset(name, f"{name}.mp4", **PUBLISHED))
        end = time.monotonic() + PATIENCE_SECONDS
        while len(received) == known:
            if time.monotonic() > end:
                raise GaveUp(f"{name}: no request within {PATIENCE_SECONDS:g} s")
            time.sleep(0.01)
        arrivals[_job_of(site, namespace, name)] = received[known].at
    completions: dict[str, float] = {}
    for write in writes(site.plane.audit_log):
        if write.resource == "batch/jobs/status" and write.name in arrivals:
            at = datetime.fromisoformat(write.at).timestamp()
            if at < arrivals[write.name]:
                completions[write.name] = at
    waits = [(arrived - completions[job]) * 1000 for job, arrived in arrivals.items()]
    p95 = quantiles(waits, n=20, method="inclusive")[-1]
    note = f"p95 of {len(waits)}, one at a time, from the audit log's last status of the Job{caveat()}"
    return Figure(
        "latency.done_to_n8n_ms_p95", p95, 300, "lower", "a fixed bound", len(waits), spread(waits), note
    )


def _job_of(site: Site, namespace: str, name: str) -> str:
    found = site.api.get(f"{JOBS.format(namespace)}?labelSelector=mediaops.dev/asset={name}")["items"]
    return str(max(found, key=lambda job: job["metadata"]["creationTimestamp"])["metadata"]["name"])
