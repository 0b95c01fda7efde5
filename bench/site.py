"""A cluster of simulated nodes with Postgres, storage's stand-in and the operator's process beside it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

from bench.client import Manifest
from bench.storage import Storage
from hack.cluster.api import Api
from hack.cluster.audit import Write, writes
from hack.cluster.control_plane import ControlPlane
from hack.cluster.crds import install_crds
from hack.cluster.pki import Authority
from hack.cluster.simulated import simulate_nodes
from hack.cluster.waiting import wait_until
from hack.services.postgres import Postgres
from hack.services.service import Tls
from tests.api.operator.process import OPERATOR, Installed, Operator

ASSETS = "/apis/mediaops.dev/v1alpha1/namespaces/{}/mediaassets"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
QUIET_SECONDS = 2.0
"""For how long the operator has to be silent before its writes are counted."""

OPERATIONS: list[Manifest] = [  # each stores an output, so that unfused it is a Job
    {"name": "transcript", "transcribe": {}},
    {"name": "vertical", "crop": {"aspect": "9:16"}},
    {"name": "small", "compress": {"height": 720}},
    {"name": "poster", "thumbnail": {}},
]


class Site:
    """Everything in a folder; `cluster` gives an empty cluster, with the services kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._numbers = count(1)

    def __enter__(self) -> Self:
        authority = Authority(self.folder / "authority")
        tls = Tls(authority.issue("services", sans=["localhost", "127.0.0.1"]), authority.cert)
        password = secrets.token_hex(16)
        postgres = self._stack.enter_context(Postgres(self.folder / "postgres", tls=tls, password=password))
        url = postgres.create_database("bench")
        postgres.migrate("bench")
        self.storage = self._stack.enter_context(Storage())
        self.plane = ControlPlane(self.folder / "cluster", controllers=True)
        kubeconfig = self.plane.kubeconfig_for(OPERATOR, "system:masters")
        # Not the tests' DEBUG: logging is part of what is measured, as it is in production.
        more = {"MEDIAOPS_LOG_LEVEL": "INFO"}
        installed = Installed(self.folder, kubeconfig, postgres, url, self.storage, tls, more=more)
        self.installed = self._stack.enter_context(installed)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def api(self) -> Api:
        """The API as a cluster admin."""
        return self.plane.api

    @contextmanager
    def cluster(self) -> Iterator[str]:
        """Start an empty cluster and give a namespace in it, a workspace of its own; end it afterwards."""
        with self.plane:
            install_crds(self.api)
            simulate_nodes(self.plane)
            namespace = f"bench-{next(self._numbers)}"
            labels = {"mediaops.dev/workspace": namespace}
            metadata = {"name": namespace, "labels": labels}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
            self.api.call("POST", "/api/v1/namespaces", body)
            account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
            wait_until("the namespace's service account", lambda: self.api.ready(account), 30)
            with self.storage.of(self.api):
                yield namespace

    @contextmanager
    def operator(self, module: str = "mediaops_operator", **env: str) -> Iterator[Operator]:
        """Start an operator and end it afterwards."""
        process = Operator(self.installed, module)
        process.start(**env)
        try:
            yield process
        finally:
            process.kill()

    def written(self) -> list[Write]:
        """Give the operator's writes in this cluster so far, Events apart, when there are no more to come."""

        def read() -> list[Write]:
            log = self.plane.audit_log
            return [w for w in writes(log) if w.user == OPERATOR and w.resource != "events"]

        before = None
        while before != (before := len(read())):
            time.sleep(QUIET_SECONDS)
        return read()


def asset(name: str, source: str, **spec: Any) -> Manifest:
    """Give a MediaAsset of four operations; every source is a content of its own."""
    return {
        "apiVersion": "mediaops.dev/v1alpha1",
        "kind": "MediaAsset",
        "metadata": {"name": name},
        "spec": {"fileType": "video", "source": {"object": {"key": source}}, "operations": OPERATIONS} | spec,
    }


def bare_job(name: str) -> Manifest:
    """Give a Job as plain as one can be."""
    container = {"name": "operations", "image": "mediaops-operations:test"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }
