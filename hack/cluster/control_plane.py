"""Kubernetes without nodes: etcd and the API server, with the controllers and scheduler where asked.

Needs no root. Several run side by side, each in a state folder of its own.
"""

import os
import shutil
import socket
import zlib
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from hack.build import tool
from hack.cluster.api import Api, replace_file, write_kubeconfig
from hack.cluster.pki import Authority, Certificate
from hack.cluster.processes import Component, Processes

SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
POD_RANGE = "10.244.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"

# A port is chosen here when none is given: below what the kernel hands out to clients (32768 and up).
PORTS = range(20000, 30000)

SOCKET_PATH_BYTES = 107

# At their defaults (20 and 50 a second) these clients are what any load test would measure.
CLIENT_QPS = 1000
CLIENT_BURST = 2000

# Every write is logged with who and what but not with its content; reads and leases would drown them.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}]},
        {"level": "Metadata"},
    ],
}


class ControlPlane:
    """etcd and an API server in `state_dir`, which is theirs; the CA in it survives, the data does not.

    As a context manager it is started on entry and stopped on exit. `start` finds and keeps what runs
    already and starts what is missing, so a crash of any part, or of whoever started it, is mended by it.

    - `address`: where the API server listens, and under which it advertises itself to pods if it isn't
      loopback.
    - `port`: 0 chooses one and keeps it for this folder.
    - `controllers`: run controller manager and scheduler too. Without them nothing makes Jobs' pods,
      namespaces' service accounts or finishes deleting a namespace.
    """

    def __init__(
        self, state_dir: Path, *, address: str = "127.0.0.1", port: int = 0, controllers: bool = False
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.etcd_socket = checked_socket(self.state_dir / "etcd.sock")
        self.address = address
        self.controllers = controllers
        self.kubeconfig = self.state_dir / "admin.kubeconfig"
        self.audit_log = self.state_dir / "logs" / "audit.log"
        self.processes = Processes(self.state_dir)
        self._fixed_port = port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @cached_property
    def authority(self) -> Authority:
        """The CA of this control plane, made on first use."""
        return Authority(self.state_dir / "pki")

    @cached_property
    def port(self) -> int:
        """The API server's port."""
        return self._fixed_port or _keep_port(self.state_dir / "port", self.address)

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://{self.address}:{self.port}"

    @cached_property
    def api(self) -> Api:
        """The API as a cluster admin; it exists once started."""
        return Api(self.kubeconfig)

    def start(self) -> None:
        """Start what doesn't run and wait until all answers. Raises ComponentDied or TimedOut."""
        _forget_other_boot(self.state_dir)
        self.prepare()
        for component in self.components():
            self.processes.start(component)
            self.processes.wait(component)

    def stop(self) -> None:
        """End every process of this folder and remove its data; the CA and, until the next start, logs stay."""
        self.processes.kill_all()  # nothing is left to flush: the data goes too
        shutil.rmtree(self.state_dir / "etcd", ignore_errors=True)
        self.etcd_socket.unlink(missing_ok=True)

    def restart(self, name: str) -> None:
        """End a component, start it again and wait until it works. Raises KeyError for an unknown name."""
        component = {each.name: each for each in self.components()}[name]
        self.processes.stop(name)
        self.processes.start(component)
        self.processes.wait(component)

    def kill(self, name: str) -> None:
        """SIGKILL a component and leave it dead; `start` brings it back."""
        self.processes.kill(name)

    def components(self) -> list[Component]:
        """Return the parts in the order they start in."""
        parts = [self._etcd(), self._apiserver()]
        return [*parts, self._controller_manager(), self._scheduler()] if self.controllers else parts

    def kubeconfig_for(self, user: str, group: str | None = None) -> Path:
        """Return a kubeconfig by which the API server knows its bearer as `user` in `group`."""
        return self._kubeconfig(self.state_dir / f"{user.replace(':', '-')}.kubeconfig", user, group)

    def prepare(self) -> None:
        """Write certificates and configuration files where they aren't right already.

        Logs stay for a look after `stop`, but not into the life of new data: the audit log is counted in.
        """
        if not (self.state_dir / "etcd").exists():
            shutil.rmtree(self.processes.logs, ignore_errors=True)
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._kubeconfig(self.kubeconfig, "kubernetes-admin", "system:masters")
        replace_file(self.state_dir / "audit-policy.yaml", yaml.safe_dump(AUDIT_POLICY, sort_keys=False))
        if self.controllers:
            scheduler = {
                "apiVersion": "kubescheduler.config.k8s.io/v1",
                "kind": "KubeSchedulerConfiguration",
                "leaderElection": {"leaderElect": False},
                "clientConnection": {
                    "kubeconfig": str(self.kubeconfig_for("system:kube-scheduler")),
                    "qps": CLIENT_QPS,
                    "burst": CLIENT_BURST,
                },
            }
            replace_file(self.state_dir / "scheduler.yaml", yaml.safe_dump(scheduler, sort_keys=False))

    def _kubeconfig(self, path: Path, user: str, group: str | None) -> Path:
        identity = self.authority.issue(user, organization=group)
        write_kubeconfig(path, self.url, self.authority.cert, identity)
        return path

    def _etcd(self) -> Component:
        # A socket in our folder: no port to collide on, and only its owner may open it.
        return Component(
            "etcd",
            [
                tool("hyperkube"), "etcd",
                f"--data-dir={self.state_dir / 'etcd'}",
                f"--listen-client-urls={self._etcd_url}",
                "--advertise-client-urls=http://127.0.0.1:2379",  # must be said, is told to nobody
                "--listen-peer-urls=http://127.0.0.1:0",
                "--unsafe-no-fsync",  # the data is thrown away after a reboot anyway
                "--log-level=warn",
            ],
            lambda: listens(self.etcd_socket),
        )  # fmt: skip

    def _apiserver(self) -> Component:
        serving = self._api_certificate()
        kubelet_client = self.authority.issue("kube-apiserver-kubelet-client", organization="system:masters")
        loopback = self.address.startswith("127.")
        return Component(
            "apiserver",
            [
                tool("hyperkube"), "kube-apiserver",
                f"--etcd-servers={self._etcd_url}",
                f"--bind-address={self.address}",
                f"--advertise-address={self.address}",
                # Pods could not reach a loopback address, and the server refuses to advertise one.
                *(["--endpoint-reconciler-type=none"] if loopback else []),
                f"--secure-port={self.port}",
                f"--tls-cert-file={serving.cert}",
                f"--tls-private-key-file={serving.key}",
                f"--client-ca-file={self.authority.cert}",
                f"--service-account-key-file={self.authority.service_account_public_key}",
                f"--service-account-signing-key-file={self.authority.service_account_key}",
                f"--service-account-issuer={ISSUER}",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                "--allow-privileged",
                f"--kubelet-certificate-authority={self.authority.cert}",
                f"--kubelet-client-certificate={kubelet_client.cert}",
                f"--kubelet-client-key={kubelet_client.key}",
                "--kubelet-preferred-address-types=InternalIP",
                f"--audit-policy-file={self.state_dir / 'audit-policy.yaml'}",
                f"--audit-log-path={self.audit_log}",
                "--audit-log-maxsize=2000",
                # Without it a stop waits a minute for watches that nobody ends.
                "--shutdown-watch-termination-grace-period=1s",
            ],
            self.api.ready,
        )  # fmt: skip

    def _api_certificate(self) -> Certificate:
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        names += ["kubernetes.default.svc.cluster.local", "localhost"]
        return self.authority.issue("kube-apiserver", sans=[*names, "127.0.0.1", self.address, API_SERVICE])

    def _controller_manager(self) -> Component:
        return Component(
            "controller-manager",
            [
                tool("hyperkube"), "kube-controller-manager",
                f"--kubeconfig={self.kubeconfig_for('system:kube-controller-manager')}",
                f"--service-account-private-key-file={self.authority.service_account_key}",
                f"--root-ca-file={self.authority.cert}",
                "--use-service-account-credentials",
                "--allocate-node-cidrs",
                f"--cluster-cidr={POD_RANGE}",
                "--leader-elect=false",
                "--secure-port=0",
                f"--kube-api-qps={CLIENT_QPS}",
                f"--kube-api-burst={CLIENT_BURST}",
                "--concurrent-job-syncs=20",
            ],
            lambda: self.api.ready("/api/v1/namespaces/default/serviceaccounts/default"),
        )  # fmt: skip

    def _scheduler(self) -> Component:
        return Component(
            "scheduler",
            [
                tool("hyperkube"), "kube-scheduler",
                f"--config={self.state_dir / 'scheduler.yaml'}",
                "--secure-port=0",
            ],
            lambda: self.processes.pid("scheduler") is not None,
        )  # fmt: skip

    @property
    def _etcd_url(self) -> str:
        return f"unix://{self.etcd_socket}"


def _forget_other_boot(state_dir: Path) -> None:
    """Remove the data of before a reboot: etcd does not sync it to the disk."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    mark = state_dir / "boot_id"
    if not mark.exists() or mark.read_text() != boot:
        shutil.rmtree(state_dir / "etcd", ignore_errors=True)
        state_dir.mkdir(parents=True, exist_ok=True)
        mark.write_text(boot)


def _keep_port(file: Path, address: str) -> int:
    """Return the port that `file` names, chosen among the free ones where it doesn't exist yet."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Folders start looking at different places, so that two at once don't choose the same.
        start = zlib.crc32(str(file).encode()) % len(PORTS)
        candidates = (PORTS[(start + step) % len(PORTS)] for step in range(len(PORTS)))
        file.write_text(str(next(port for port in candidates if _is_free(address, port))))
    return int(file.read_text())


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def checked_socket(path: Path) -> Path:
    """Return `path`. Raises ValueError if the kernel would not take it as a socket's, being too long."""
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise ValueError(f"{path} has more than {SOCKET_PATH_BYTES} bytes: use a folder nearer the root")
    return path


def listens(path: Path) -> bool:
    """Return whether someone listens at a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
