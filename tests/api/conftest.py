"""An API server with etcd and our CRDs, and no node: for every test of this tier.

- `api_server`: the control plane, one for the session; `api_server.api` calls it as an admin.
- `kubeconfig`: the path of its admin's kubeconfig.
- `kubectl`: runs kubectl against it and gives its output.
- `namespace`: a namespace of the test's own, labelled for the workspace of the same name.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.build import tool
from hack.cluster.api import Api
from hack.cluster.control_plane import ControlPlane
from tests.api.resources import Kubectl

CRDS = Path(__file__).parents[2] / "crds"
ESTABLISHED_WITHIN = 30  # seconds

_numbers = count(1)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as plane:
        for path in sorted(CRDS.glob("*.yaml")):
            install(plane.api, yaml.safe_load(path.read_text()))
        yield plane


@pytest.fixture(scope="session")
def kubeconfig(api_server: ControlPlane) -> Path:
    return api_server.kubeconfig


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Kubectl:
    program = tool("kubectl")

    def run(*arguments: str, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        text = yaml.safe_dump(stdin) if stdin is not None else None
        command = [str(program), f"--kubeconfig={kubeconfig}", *arguments]
        return subprocess.run(command, input=text, text=True, capture_output=True, timeout=60, check=False)

    return run


@pytest.fixture
def namespace(api_server: ControlPlane) -> str:
    name = f"test-{next(_numbers)}"
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"mediaops.dev/workspace": name}},
    }
    api_server.api.call("POST", "/api/v1/namespaces", body)
    return name


def install(api: Api, definition: dict[str, Any]) -> None:
    """Create a CRD and wait until its resource is served and its conditions say that all of it is taken."""
    name = definition["metadata"]["name"]
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    api.apply(path, definition)
    end = time.monotonic() + ESTABLISHED_WITHIN
    while True:
        conditions = api.get(path).get("status", {}).get("conditions") or []
        true = {condition["type"] for condition in conditions if condition["status"] == "True"}
        if {"Established", "NamesAccepted"} <= true:
            assert "NonStructuralSchema" not in true, conditions
            break
        assert time.monotonic() < end, conditions
        time.sleep(0.05)
    group, version = definition["spec"]["group"], definition["spec"]["versions"][0]["name"]
    while not api.ready(f"/apis/{group}/{version}/{definition['spec']['names']['plural']}"):
        assert time.monotonic() < end, f"{name} is not served"
        time.sleep(0.05)
