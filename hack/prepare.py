"""`python -m hack.prepare`: build everything that tests and benchmarks start, side by side.

Kubernetes and the Go tools, n8n, and the two images. Each is built once, named by what goes in. The demo does with
fewer tools (DEMO).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hack.build import BuildFailed, build_all
from hack.images import IMAGES, archive
from hack.services.n8n_runtime import n8n_runtime

DEMO = ("hyperkube", "coredns", "versitygw", "helm")
"""The tools that a cluster with mediaops and its services needs; kwok and kubeconform are for tests."""


def prepare(*tools: str) -> None:
    """Build what is missing: the tools named, or all, and what isn't a tool. Raises BuildFailed."""
    builds: list[Callable[[], object]] = [
        lambda: build_all(*tools),
        n8n_runtime,
        lambda: [archive(name) for name in IMAGES],
    ]
    with ThreadPoolExecutor(len(builds)) as pool:
        for running in [pool.submit(build) for build in builds]:
            running.result()


if __name__ == "__main__":
    try:
        prepare()
    except BuildFailed as failure:
        sys.exit(f"prepare: {failure}")
