"""The whole of mediaops on a real cluster, once for the session.

- `installation`: cluster, services and the chart's release, as `make demo` brings them up. What runs already
  is used and left running; the rest is taken down at the end, unless MEDIAOPS_KEEP=1. With
  MEDIAOPS_E2E_IMAGES=keep a release that is there stays as it is, without a look at the sources.
- `workspace`: a namespace for the module, which belongs to a workspace of its own.

`test_cluster.py` needs the machine for itself and comes first; nothing here starts before it is asked for.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster import ApiError, Cluster, chosen_cluster
from hack.images import archive
from hack.installation import NAMESPACE, RELEASE, Installation, start_around
from hack.services.fleet import Fleet
from tests.e2e.workspace import Workspace

LONGEST_SECONDS = 900
"""Of one test, with all that its fixtures bring up: on a busy machine, n8n and the release take minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in ours:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_SECONDS))
    items[:] = [item for item in items if item not in ours] + sorted(ours, key=_place)


def _place(item: pytest.Item) -> int:
    return 0 if item.path.name == "test_cluster.py" else 1


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    if os.geteuid() != 0:
        pytest.skip("cluster and services make links and mounts: root only")
    cluster = chosen_cluster()
    was_running = cluster.status().node_ready
    present = was_running and os.environ.get("MEDIAOPS_E2E_IMAGES") == "keep" and _is_installed(cluster)
    if present:
        mediaops = Installation(cluster, Fleet(cluster))
        mediaops.fleet.up()
        for deployment in ("operator", "backend"):
            mediaops.wait_for(deployment)
    else:
        control, operations = archive("control"), archive("ops")
        mediaops = start_around(control, operations)
        mediaops.install(control, operations)
    yield mediaops
    if not was_running and os.environ.get("MEDIAOPS_KEEP") != "1":
        mediaops.fleet.down()
        cluster.down()


@pytest.fixture(scope="module")
def workspace(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    module = request.module.__name__.rpartition(".")[2].removeprefix("test_").replace("_", "-")
    # Random: rows and posts of an earlier run stay in services that were left running.
    space = Workspace(installation, f"{module}-{secrets.token_hex(3)}")
    installation.workspace(space.name)
    yield space
    if not request.session.testsfailed:
        installation.kubectl("delete", "ma", "--all", "-n", space.name, "--timeout=60s")
        installation.kubectl("delete", "namespace", space.name, "--wait=false")


def _is_installed(cluster: Cluster) -> bool:
    try:
        for part in ("operator", "backend"):
            cluster.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}-{part}")
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True
