"""An API server with etcd and our CRDs, and no node: for every test of this tier.

- `api_server`: the control plane, one for the session; `api_server.api` calls it as an admin.
- `kubeconfig`: the path of its admin's kubeconfig.
- `kubectl`: runs kubectl against it and gives its output.
- `namespace`: a namespace of the test's own, labelled for the workspace of the same name.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.build import tool
from hack.cluster.control_plane import ControlPlane
from hack.cluster.crds import install_crds
from tests.api.resources import Kubectl

_numbers = count(1)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as plane:
        install_crds(plane.api)
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
