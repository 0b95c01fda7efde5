"""What the operator costs beside the Jobs themselves: time, writes, memory."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path

from bench.client import Settled, asset_processed, create, job_complete
from bench.report import Figure, ratio
from bench.site import ASSETS, JOBS, OPERATIONS, Site, asset, bare_job
from bench.size import ROUNDS, caveat, sized
from hack.cluster.audit import Write
from hack.cluster.waiting import say, wait_until
from tests.api.operator.process import Operator

ASSETS_A_RUN = 1000
SETTLED_ASSETS = 5000
"""Each is five resources: itself and four ProcessingJobs."""


def against_bare_jobs(site: Site) -> list[Figure]:
    """Time assets, planned as by default and with a Job per operation, and as many bare Jobs, in turn."""
    assets = sized(ASSETS_A_RUN)
    jobs = assets * len(OPERATIONS)
    bare, fused, unfused = [], [], []
    for number in range(ROUNDS):
        bare.append(_bare(site, jobs))
        seconds, fused_writes = _processed(site, assets)
        fused.append(seconds)
        seconds, unfused_writes = _processed(site, assets, MEDIAOPS_UNFUSED="true")
        unfused.append(seconds)
        say(
            f"round {number + 1}: bare {bare[-1]:.1f} s, fused {fused[-1]:.1f} s, unfused {unfused[-1]:.1f} s"
        )
    baseline = f"{jobs} bare Jobs"
    what = f"{assets} assets of {len(OPERATIONS)} operations each on simulated nodes"
    return [
        ratio("orchestration.vs_bare_jobs", 0.8, fused, bare, baseline, what + caveat()),
        ratio("orchestration.unfused", 1.25, unfused, bare, baseline, f"{what}, a Job each{caveat()}"),
        _writes("orchestration.writes_per_asset", 30, fused_writes, assets),
        _writes("orchestration.writes_per_asset_unfused", 40, unfused_writes, assets),
    ]


def at_rest(site: Site) -> list[Figure]:
    """Measure an operator that has many resources, and what one writes that finds them all settled."""
    assets = sized(SETTLED_ASSETS)
    resources = assets * (1 + len(OPERATIONS))
    with site.cluster() as namespace:
        path = ASSETS.format(namespace)
        # All have one source, whose results are there once the first is done: the others run no Job.
        with site.operator() as operator, Settled(site.api, path, asset_processed) as settled:
            create(site.api, path, [asset("clip-0", "clip.mp4")])
            settled.wait(1)
            create(site.api, path, (asset(f"clip-{n}", "clip.mp4") for n in range(1, assets)))
            settled.wait(assets)
            known = len(site.written())
            now, peak = _memory_mb(operator)
        figures = [
            Figure(
                "orchestration.memory_mb", peak, 300, "lower", "a fixed bound", 1, 0.0,
                f"peak RSS while {resources} resources settled ({now:.0f} MB afterwards){caveat()}",
            )
        ]  # fmt: skip
        for name, module, note in (
            ("orchestration.resync_writes", "mediaops_operator", "restarted"),
            (
                "orchestration.resync_writes_newer_engine",
                "bench.newer_engine",
                "restarted with newer engines",
            ),
        ):
            with site.operator(module) as operator:
                wait_until("visits of everything", partial(_visited, operator, assets), 900)
                fresh = site.written()[known:]
            known += len(fresh)
            what = f"writes over {resources} settled resources, {note}: {_kinds(fresh)}{caveat()}"
            figures.append(Figure(name, len(fresh), 0, "lower", "a fixed bound", 1, 0.0, what))
    return figures


def _bare(site: Site, jobs: int) -> float:
    """Give the seconds from the first request to the last Job's completion."""
    with site.cluster() as namespace:
        path = JOBS.format(namespace)
        with Settled(site.api, path, job_complete) as settled:
            started = time.monotonic()
            create(site.api, path, (bare_job(f"job-{n}") for n in range(jobs)))
            settled.wait(jobs)
            return time.monotonic() - started


def _processed(site: Site, assets: int, **env: str) -> tuple[float, list[Write]]:
    """Give the seconds from the first request to the last asset's end, and all that the operator wrote."""
    with site.cluster() as namespace, site.operator(**env):
        path = ASSETS.format(namespace)
        with Settled(site.api, path, asset_processed) as settled:
            started = time.monotonic()
            create(site.api, path, (asset(f"clip-{n}", f"clip-{n}.mp4") for n in range(assets)))
            settled.wait(assets)
            seconds = time.monotonic() - started
        return seconds, site.written()


def _writes(name: str, goal: float, written: list[Write], assets: int) -> Figure:
    each = {kind: round(number / assets, 2) for kind, number in _kinds(written).items()}
    note = f"mean over {assets} assets, from the audit log: {each}{caveat()}"
    return Figure(name, len(written) / assets, goal, "lower", "a fixed bound", 1, 0.0, note)


def _kinds(written: list[Write]) -> dict[str, int]:
    return dict(Counter(f"{write.verb} {write.resource}" for write in written).most_common())


def _visited(operator: Operator, assets: int) -> bool:
    try:
        return operator.metric("mediaops_operator_visit_seconds_count") >= assets
    except OSError:  # it is busy and answers late: asked again
        return False


def _memory_mb(operator: Operator) -> tuple[float, float]:
    """Give the process's resident memory and its peak, in MB."""
    assert operator.process is not None
    status = Path(f"/proc/{operator.process.pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    now, peak = (int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))  # it says KiB
    return now, peak
