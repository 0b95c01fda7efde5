"""The operator as a process against a real API server, Postgres and S3; the cluster's controllers are the test.

- `installed`: what one operator needs, in a namespace (and workspace) of the test's own.
- `operator`: the process, started; it can be killed and started again.
- `hands`: does what the Job controller, the kubelet and the operations image would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hack.cluster.audit import Write, writes
from hack.cluster.control_plane import ControlPlane
from hack.services.postgres import Postgres
from hack.services.s3 import S3
from hack.services.service import Tls
from tests.api.operator.hands import Hands
from tests.api.operator.process import OPERATOR, Installed, Operator
from tests.services.conftest import database, postgres, s3, tls

__all__ = ["database", "postgres", "s3", "tls"]


@pytest.fixture
def installed(
    tmp_path: Path, api_server: ControlPlane, postgres: Postgres, database: str, s3: S3, tls: Tls
) -> Iterator[Installed]:
    kubeconfig = api_server.kubeconfig_for(OPERATOR, "system:masters")
    with Installed(tmp_path, kubeconfig, postgres, database, s3, tls) as installation:
        yield installation


@pytest.fixture
def operator(installed: Installed) -> Iterator[Operator]:
    with Operator(installed) as process:
        yield process


@pytest.fixture
def hands(api_server: ControlPlane, namespace: str, s3: S3, operator: Operator) -> Iterator[Hands]:
    with Hands(api_server.api, namespace, s3, operator) as hands:
        yield hands


@pytest.fixture
def written(api_server: ControlPlane, namespace: str) -> Callable[[], list[Write]]:
    """Give the operator's writes in the test's namespace so far, Events apart."""

    def read() -> list[Write]:
        return [
            write
            for write in writes(api_server.audit_log)
            if write.user == OPERATOR and write.namespace == namespace and write.resource != "events"
        ]

    return read
