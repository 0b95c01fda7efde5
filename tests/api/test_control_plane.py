"""The control plane that tests and benchmarks run beside the full cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster import ControlPlane, ensure_namespace
from hack.cluster.audit import writes
from hack.cluster.simulated import simulate_nodes
from hack.cluster.waiting import wait_until

JOBS = "/apis/batch/v1/namespaces/default/jobs"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("plane"), controllers=True) as running:
        yield running


def test_two_control_planes_know_nothing_of_each_other_and_one_leaves_no_process(
    plane: ControlPlane, tmp_path: Path
) -> None:
    with ControlPlane(tmp_path / "other") as other:
        ensure_namespace(other.api, "only-there")
        assert ["apiserver", "etcd"] == other.processes.running()
        assert not plane.api.ready("/api/v1/namespaces/only-there")

    assert [] == other.processes.running()
    assert plane.api.ready()


def test_a_crash_is_mended_by_start_and_no_object_is_lost(plane: ControlPlane) -> None:
    ensure_namespace(plane.api, "kept", workspace="acme")
    for name in ("etcd", "apiserver"):
        plane.kill(name)
    assert not plane.api.ready()
    plane.start()

    labels = plane.api.get("/api/v1/namespaces/kept")["metadata"]["labels"]
    assert "acme" == labels["mediaops.dev/workspace"]
    assert "restricted" == labels["pod-security.kubernetes.io/enforce"]


def test_a_job_completes_on_simulated_nodes_and_its_writes_are_in_the_audit_log(plane: ControlPlane) -> None:
    simulate_nodes(plane, count=2)
    container = {"name": "main", "image": "none", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {"restartPolicy": "Never", "containers": [container]}
    plane.api.call("POST", JOBS, {"metadata": {"name": "simulated"}, "spec": {"template": {"spec": pod}}})

    def complete() -> bool:
        conditions = plane.api.get(f"{JOBS}/simulated")["status"].get("conditions", [])
        return any(each["type"] == "Complete" for each in conditions)

    wait_until("the job", complete, timeout=60)
    created = [write for write in writes(plane.audit_log) if write.resource == "batch/jobs"]
    assert [("kubernetes-admin", "create", "simulated", 201)] == [
        (write.user, write.verb, write.name, write.code) for write in created if write.verb == "create"
    ]
