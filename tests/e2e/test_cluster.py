"""The local cluster itself: what it offers, what it survives, and that nothing is left of it."""

import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hack.build import cache_folder, tool
from hack.cluster import ensure_namespace, expose_service
from hack.cluster.images import PAUSE_IMAGE
from hack.cluster.interface import LOCAL, STATE_DIR
from hack.cluster.local import LocalCluster
from hack.cluster.machine import FOLDER
from hack.cluster.network import NODE_ADDRESS, read_sysctls
from hack.cluster.node import DNS_SERVICE, NODE_NAME
from hack.cluster.waiting import wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="the local cluster makes links and mounts: root only"
)

NAMESPACE = "cluster-test"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
READY_SECONDS = 20


def census() -> dict[str, set[str]]:
    """Return what a cluster puts into the machine, by kind."""

    def lines(*command: str) -> set[str]:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return set(output.splitlines())

    rules = {line for save in ("iptables-save", "ip6tables-save") for line in lines(save)}
    # Control planes of other tests have folders of their own; whoever is dead already waits for init only.
    ours = (str(STATE_DIR), str(FOLDER), "containerd-shim", "/bin/busybox", "/coredns")
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    running = {line for line in lines("ps", "-eo", "args") if not line.endswith("<defunct>")}
    return {
        "processes": {line for line in running if any(part in line for part in ours)},
        "mounts": {mount for mount in mounts if not mount.startswith(str(cache_folder()))},  # image builds
        "links": {link.name for link in Path("/sys/class/net").iterdir()},
        "network namespaces": lines("ip", "netns", "list"),
        # Tables and built-in chains are the kernel's; what stands in them, and other chains, are somebody's.
        "iptables": {line for line in rules if line.startswith("-A") or re.match(r":\S+ -", line)},
        "cgroups": {str(folder) for folder in Path("/sys/fs/cgroup").rglob("*") if folder.is_dir()},
        "sysctls": {f"{name}={value}" for name, value in read_sysctls().items()},
        "state": {str(path) for path in FOLDER.glob("*")},
    }


def left_since(before: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return what is there now and wasn't before, and the other way round, by kind; empty if all is the same."""
    now = census()
    return {kind: before[kind] ^ now[kind] for kind in before if before[kind] != now[kind]}


@pytest.fixture(scope="module")
def before() -> dict[str, set[str]]:
    LocalCluster().down()
    return census()


@pytest.fixture(scope="module")
def cluster(before: dict[str, set[str]]) -> Iterator[LocalCluster]:  # noqa: ARG001 -- to be taken first
    running = LocalCluster()
    running.up(gpus=2)
    ensure_namespace(running.api, NAMESPACE, workspace="test")
    yield running
    running.down()


def job(name: str, script: str, limits: dict[str, str] | None = None, **security: Any) -> dict[str, Any]:
    """Return a Job that runs a shell script in the busybox image, as restricted as our own Jobs are."""
    secure = {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "main",
        "image": PAUSE_IMAGE,
        "command": ["/bin/busybox", "sh", "-ec", script],
        "securityContext": secure | security,
        "resources": {"limits": limits or {}},
    }
    pod = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


def run(cluster: LocalCluster, name: str, script: str, **options: Any) -> str:
    """Run a Job to its end; return what it wrote."""
    cluster.api.call("POST", JOBS, job(name, script, **options))
    wait_until(f"job {name}", lambda: bool(ended(cluster, name)), timeout=60)
    log = kubectl(cluster, "logs", f"job/{name}", "--namespace", NAMESPACE)
    assert "Complete" in ended(cluster, name), log
    return log


def ended(cluster: LocalCluster, name: str) -> set[str]:
    conditions = cluster.api.get(f"{JOBS}/{name}")["status"].get("conditions", [])
    return {each["type"] for each in conditions if each["status"] == "True"} & {"Complete", "Failed"}


def kubectl(cluster: LocalCluster, *arguments: str) -> str:
    command = [str(tool("kubectl")), f"--kubeconfig={cluster.kubeconfig}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def greeter() -> Iterator[int]:
    """A web server on the node's address, beside the cluster; its port."""

    class Greeter(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"hello {self.client_address[0]}\n".encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer((NODE_ADDRESS, 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def beside() -> Iterator[list[str]]:
    """A network namespace as our services live in, beside theirs; the command that runs another in it."""
    name, outside, inside = "mediaops-test", "10.251.0.253", "10.251.0.254"
    resolver = Path("/etc/netns") / name / "resolv.conf"
    resolver.parent.mkdir(parents=True)
    resolver.write_text(f"nameserver {DNS_SERVICE}\n")
    for command in (
        f"ip netns add {name}",
        f"ip link add {name}0 type veth peer name eth0 netns {name}",
        f"ip address add {outside}/30 dev {name}0",
        f"ip link set {name}0 up",
        f"ip -n {name} address add {inside}/30 dev eth0",
        f"ip -n {name} link set eth0 up",
        f"ip -n {name} route add default via {outside}",
    ):
        subprocess.run(command.split(), check=True)
    yield ["ip", "netns", "exec", name]
    subprocess.run(["ip", "netns", "delete", name], check=True)
    shutil.rmtree(resolver.parent)


def test_a_cluster_that_is_up_is_ready_again_at_once(cluster: LocalCluster) -> None:
    started = time.monotonic()
    cluster.up()

    assert time.monotonic() - started < 5
    assert cluster.status().node_ready


def test_a_pod_reaches_names_services_and_a_process_beside_the_cluster(
    cluster: LocalCluster, greeter: int
) -> None:
    host = expose_service(cluster.api, NAMESPACE, "greeter", 80, NODE_ADDRESS, greeter)
    script = f"B=/bin/busybox; $B nslookup kubernetes.default.svc.cluster.local; $B wget -qO- http://{host}/"

    log = run(cluster, "names", script)
    assert "10.96.0.1" in log
    # The process beside sees the pod's own address, not a translated one.
    assert "hello 10.244.0." in log


def test_a_network_namespace_beside_the_cluster_resolves_and_reaches_its_services(
    cluster: LocalCluster, beside: list[str]
) -> None:
    serve = "while true; do echo from the pod | /bin/busybox nc -l -p 8080; done"
    served = job("serving", serve)
    served["spec"]["template"]["metadata"] = {"labels": {"app": "serving"}}
    cluster.api.call("POST", JOBS, served)
    service = {"selector": {"app": "serving"}, "ports": [{"port": 80, "targetPort": 8080}]}
    services = f"/api/v1/namespaces/{NAMESPACE}/services"
    cluster.api.call("POST", services, {"metadata": {"name": "serving"}, "spec": service})
    ask = [*beside, "busybox", "nc", "-w", "2", f"serving.{NAMESPACE}.svc.cluster.local", "80"]

    def answered() -> bool:
        answer = subprocess.run(ask, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        return "from the pod" in answer.stdout

    wait_until("the pod's answer", answered, timeout=30)
    cluster.api.delete(f"{JOBS}/serving")


def test_a_pod_of_less_than_restricted_security_is_refused(cluster: LocalCluster) -> None:
    cluster.api.call("POST", JOBS, job("rooted", "true", runAsNonRoot=False))

    def refused() -> bool:
        events = cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
        return any('violates PodSecurity "restricted' in event["message"] for event in events)

    wait_until("the refusal", refused, timeout=20)


def test_advertised_gpus_are_handed_out_and_no_more(cluster: LocalCluster) -> None:
    run(cluster, "two-gpus", "true", limits={"nvidia.com/gpu": "2"})
    cluster.api.call("POST", JOBS, job("three-gpus", "true", {"nvidia.com/gpu": "3"}))

    def pending() -> bool:
        pods = cluster.api.get(
            f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=batch.kubernetes.io/job-name%3Dthree-gpus"
        )["items"]
        conditions = [each for pod in pods for each in pod["status"].get("conditions", [])]
        return any("Insufficient nvidia.com/gpu" in each.get("message", "") for each in conditions)

    wait_until("the scheduler's word", pending, timeout=20)
    cluster.api.delete(f"{JOBS}/three-gpus")


def test_gpus_stay_advertised_when_the_kubelet_starts_anew(cluster: LocalCluster) -> None:
    cluster.restart_component("kubelet")

    assert 2 == cluster.status().gpus
    run(cluster, "gpu-again", "true", limits={"nvidia.com/gpu": "1"})


def test_the_cluster_goes_on_after_its_api_server_restarts(cluster: LocalCluster) -> None:
    cluster.api.call("POST", JOBS, job("through-restart", "/bin/busybox sleep 4"))
    cluster.restart_component("apiserver")

    wait_until("the job", lambda: "Complete" in ended(cluster, "through-restart"), timeout=60)
    run(cluster, "after-restart", "true")


@pytest.mark.parametrize(
    "name", ["etcd", "apiserver", "controller-manager", "scheduler", "kube-proxy", "coredns"]
)
def test_any_component_that_crashes_is_brought_back_by_up(cluster: LocalCluster, name: str) -> None:
    cluster.kill_component(name)
    assert name not in cluster.status().running
    cluster.up()

    assert name in cluster.status().running
    run(cluster, f"after-{name}", "/bin/busybox nslookup kubernetes.default.svc.cluster.local")


def test_a_crash_of_the_node_loses_no_object_and_no_image(cluster: LocalCluster) -> None:
    for name in ("kubelet", "containerd", "apiserver", "etcd"):
        cluster.kill_component(name)
    cluster.up()

    assert cluster.api.ready(f"{JOBS}/names")
    assert [PAUSE_IMAGE] == [tag for tag in cluster.node.images.tags() if "pause" in tag]
    run(cluster, "after-crash", "true")


def test_another_checkout_is_told_that_the_machine_is_taken(cluster: LocalCluster, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=re.escape(str(cluster.plane.state_dir))):
        LocalCluster(tmp_path / "cluster", tmp_path / "kubeconfig").up()


def test_writes_are_in_the_audit_log_by_user(cluster: LocalCluster) -> None:
    ensure_namespace(cluster.api, "audited")

    assert '"username":"kubernetes-admin"' in cluster.plane.audit_log.read_text()


def test_nothing_is_left_after_down(cluster: LocalCluster, before: dict[str, set[str]]) -> None:
    # Something still runs when the order comes.
    cluster.api.call("POST", JOBS, job("unfinished", "/bin/busybox sleep 600"))
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=batch.kubernetes.io/job-name%3Dunfinished"
    wait_until(
        "the pod", lambda: any(p["status"]["phase"] == "Running" for p in cluster.api.get(pods)["items"]), 30
    )
    assert left_since(before).keys() >= {"processes", "mounts", "links", "iptables", "cgroups", "state"}
    cluster.down()

    assert {} == left_since(before)
    cluster.down()  # and once more does no harm


def test_a_start_that_was_killed_half_way_is_cleaned_up_by_the_next(before: dict[str, set[str]]) -> None:
    for seconds in (1, 4, 7):
        launcher = subprocess.Popen(
            [sys.executable, "-m", "hack.cluster", "up"],
            env={**os.environ, "CLUSTER": "local"},
            cwd=LOCAL.parent,
        )
        time.sleep(seconds)
        launcher.send_signal(signal.SIGKILL)
        launcher.wait()
        cluster = LocalCluster()
        if seconds == 7:
            started = time.monotonic()
            cluster.up()
            assert time.monotonic() - started < READY_SECONDS
            assert cluster.api.ready(f"/api/v1/nodes/{NODE_NAME}")
        cluster.down()
        assert {} == left_since(before)
