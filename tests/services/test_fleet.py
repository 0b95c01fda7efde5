"""All services of the demo together: up, up again, after a crash, down; in a namespace of the test's own."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from hack.cluster.local import LocalCluster
from hack.services.fleet import PORTS, Fleet, NamespaceTaken
from hack.services.namespace import Namespace
from hack.services.s3 import BUCKET

NAMESPACE = Namespace("mediaops-test", "10.251.99.2", "10.251.99.1")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    made = Fleet(LocalCluster(folder / "cluster", folder / "kubeconfig"), folder / "local", NAMESPACE)
    made.up()
    yield made
    made.down()


def pids(fleet: Fleet) -> dict[str, int | None]:
    return {service.name: service.processes.pid(service.name) for service in fleet.services}


def inside(*command: str) -> subprocess.CompletedProcess[str]:
    namespace = ["ip", "netns", "exec", NAMESPACE.name]
    return subprocess.run([*namespace, *command], capture_output=True, text=True, check=False, timeout=10)


def test_each_service_serves_tls_under_the_name_that_pods_use(fleet: Fleet) -> None:
    trusting = ssl.create_default_context(cafile=fleet.tls.authority)
    for name, port in PORTS.items():
        if name == "postgres":
            continue  # asks for TLS inside its own protocol
        with (
            socket.create_connection((NAMESPACE.address, port), 2) as plain,
            trusting.wrap_socket(plain, server_hostname=fleet.host(name)),
        ):
            pass
    with psycopg.connect(
        fleet.database_url("mediaops_backend", sslrootcert=str(fleet.tls.authority)),
        hostaddr=NAMESPACE.address,
    ) as connection:
        assert connection.execute("select count(*) from media_assets").fetchone() == (0,)


def test_names_of_services_resolve_inside_without_a_cluster(fleet: Fleet) -> None:
    for name in PORTS:
        assert inside("getent", "hosts", fleet.host(name)).stdout.split()[0] == NAMESPACE.address


def test_nothing_inside_reaches_beyond_the_machine() -> None:
    assert inside("ip", "route", "get", NAMESPACE.host_address).returncode == 0
    assert "unreachable" in inside("ip", "route", "get", "198.51.100.1").stderr


def test_up_again_changes_nothing_and_brings_back_what_was_killed(fleet: Fleet) -> None:
    fleet.s3.client().put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    before = pids(fleet)
    fleet.s3.kill()
    assert not fleet.status()["s3"]
    fleet.up()
    after = pids(fleet)
    assert all(fleet.status().values())
    assert {name for name in before if before[name] != after[name]} == {"s3"}
    assert fleet.s3.client().get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"kept"


def test_the_inventory_says_where_things_are_and_holds_no_secret(fleet: Fleet) -> None:
    text = fleet.inventory_file.read_text()
    inventory = json.loads(text)
    assert set(inventory["services"]) == set(PORTS)
    files = [path for path in fleet.secrets.folder.iterdir() if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert path.stat().st_mode & 0o077 == 0, path
        assert path.read_text().strip() not in text
    health = requests.get(
        inventory["services"]["n8n"]["url"] + "/healthz", verify=inventory["ca_file"], timeout=5
    )
    assert health.json() == {"status": "ok"}


def test_another_checkout_does_not_take_a_running_namespace_over(fleet: Fleet, tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path / "cluster", tmp_path / "kubeconfig")
    other = Fleet(cluster, tmp_path / "local", NAMESPACE)
    with pytest.raises(NamespaceTaken, match=str(fleet.folder)):
        other.up()
    other.down()
    assert all(fleet.status().values())


def test_down_leaves_secrets_and_nothing_else(fleet: Fleet) -> None:
    running = [pid for pid in pids(fleet).values() if pid]
    database = (fleet.folder / "postgres/data").resolve()
    fleet.down()
    assert not [pid for pid in running if Path(f"/proc/{pid}/exe").exists()]
    left = [fleet.folder, fleet.inventory_file, database, Path("/run/netns", NAMESPACE.name)]
    left += [Path("/sys/class/net", NAMESPACE.name), Path("/etc/netns", NAMESPACE.name)]
    assert not [path for path in left if path.exists()]
    assert fleet.secrets.path("n8n-token").exists()
    fleet.down()  # once more is no error
