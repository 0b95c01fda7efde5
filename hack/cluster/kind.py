"""The same cluster on kind, where Docker runs."""

import subprocess
from pathlib import Path

from hack.cluster import objects
from hack.cluster.images import read_archive
from hack.cluster.interface import KUBECONFIG, STATE_DIR, Cluster, Status
from hack.cluster.pki import Authority
from hack.cluster.waiting import say, wait_until

NAME = "mediaops"
NODE = f"{NAME}-control-plane"
CONFIG = Path(__file__).with_name("kind.yaml")

# Our names of components, and what their processes are called in kind's node.
PROCESSES = {
    "etcd": "etcd",
    "apiserver": "kube-apiserver",
    "controller-manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
    "containerd": "containerd",
    "kubelet": "kubelet",
    "kube-proxy": "kube-proxy",
    "coredns": "coredns",
}


class KindCluster(Cluster):
    """A one-node kind cluster named mediaops. Its kubelet and systemd start again what dies."""

    @property
    def authority(self) -> Authority:
        """kind's CA, copied out of the node when the cluster came up."""
        return Authority(STATE_DIR / "kind-pki")

    def up(self, gpus: int | None = None) -> None:
        """See Cluster."""
        if NAME not in _run("kind", "get", "clusters").split():
            say("creating the kind cluster")
            _run(
                "kind",
                "create",
                "cluster",
                "--name",
                NAME,
                "--config",
                CONFIG,
                "--kubeconfig",
                self.kubeconfig,
            )
        _run("kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", self.kubeconfig)
        wait_until("the node to be Ready", self._node_ready, timeout=180)
        self._copy_authority()
        if gpus is not None and gpus != objects.advertised_gpus(self.api, NODE):
            objects.advertise_gpus(self.api, NODE, gpus)

    def down(self) -> None:
        """See Cluster."""
        _run("kind", "delete", "cluster", "--name", NAME, "--kubeconfig", self.kubeconfig)
        KUBECONFIG.unlink(missing_ok=True)

    def status(self) -> Status:
        """See Cluster."""
        if NAME not in _run("kind", "get", "clusters").split() or not self._node_ready():
            return Status((), node_ready=False, gpus=0)
        running = {line.rpartition("/")[2] for line in _in_node("ps", "-eo", "comm").split()}
        # The kernel shows 15 characters of a name.
        names = tuple(sorted(name for name, process in PROCESSES.items() if process[:15] in running))
        return Status(names, node_ready=True, gpus=objects.advertised_gpus(self.api, NODE))

    def load_image(self, archive: Path) -> list[str]:
        """See Cluster. Raises NotAnArchive."""
        tags = [tag for image in read_archive(archive) for tag in image.tags]
        say(f"loading {', '.join(tags)}")
        _run("kind", "load", "image-archive", archive, "--name", NAME)
        return tags

    def kill_component(self, name: str) -> None:
        """See Cluster; here the kubelet, or systemd, starts it again."""
        _in_node("pkill", "-KILL", "-f", f"^([^ ]*/)?{PROCESSES[name]}( |$)")

    def restart_component(self, name: str) -> None:
        """See Cluster."""
        self.kill_component(name)
        wait_until(f"{name} and the node", self._node_ready, timeout=120)

    def _node_ready(self) -> bool:
        if not self.api.ready(f"/api/v1/nodes/{NODE}"):
            return False
        conditions = self.api.get(f"/api/v1/nodes/{NODE}")["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _copy_authority(self) -> None:
        folder = STATE_DIR / "kind-pki"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("ca.crt", "ca.key", "sa.key", "sa.pub"):
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(_in_node("cat", f"/etc/kubernetes/pki/{name}"))


def _in_node(*command: str) -> str:
    return _run("docker", "exec", NODE, *command)


def _run(*command: str | Path) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout
