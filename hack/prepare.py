"""`python -m hack.prepare`: build everything that demo, tests and benchmarks start, side by side.

Kubernetes and the Go tools, n8n, and the two images. Each is built once, named by what goes in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hack.build import BuildFailed, build_all
from hack.images import IMAGES, archive
from hack.services.n8n_runtime import n8n_runtime


def prepare() -> None:
    """Build what is missing. Raises BuildFailed."""
    builds: list[Callable[[], object]] = [build_all, n8n_runtime, lambda: [archive(name) for name in IMAGES]]
    with ThreadPoolExecutor(len(builds)) as pool:
        for running in [pool.submit(build) for build in builds]:
            running.result()


if __name__ == "__main__":
    try:
        prepare()
    except BuildFailed as failure:
        sys.exit(f"prepare: {failure}")
