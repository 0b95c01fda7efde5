"""The local cluster: a control plane and a node as processes of this machine, without Docker."""

import shutil
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from hack.cluster import leftovers, machine, network, objects
from hack.cluster.api import replace_file
from hack.cluster.control_plane import ControlPlane
from hack.cluster.images import PAUSE_IMAGE, write_busybox_archive
from hack.cluster.interface import KUBECONFIG, STATE_DIR, Cluster, Status
from hack.cluster.node import DNS_SERVICE, NETWORK, NODE_NAME, Node
from hack.cluster.pki import Authority
from hack.cluster.processes import Component
from hack.cluster.waiting import say

API_PORT = 6443


class LocalCluster(Cluster):
    """One node and its control plane; needs root, and there is one such cluster a machine."""

    def __init__(self, state_dir: Path = STATE_DIR, kubeconfig: Path = KUBECONFIG) -> None:
        self.plane = ControlPlane(state_dir, address=network.NODE_ADDRESS, port=API_PORT, controllers=True)
        self.node = Node(self.plane, PAUSE_IMAGE, machine.FOLDER)
        self.kubeconfig = kubeconfig
        self._gpus_file = self.plane.state_dir / "gpus"

    @property
    def authority(self) -> Authority:
        """The cluster's CA; it survives `down`."""
        return self.plane.authority

    @cached_property
    def components(self) -> dict[str, Component]:
        """All parts by name, in the order in which they become ready."""
        return {each.name: each for each in [*self.plane.components(), *self.node.components()]}

    def up(self, gpus: int | None = None) -> None:
        """See Cluster. What a crash or a reboot left is cleaned up first; what still works is kept."""
        with machine.locked():
            self._take_machine()
            self._start()
            self._advertise(gpus)
            replace_file(self.kubeconfig, self.plane.kubeconfig.read_text())

    def down(self) -> None:
        """See Cluster. It needs nothing that still works: what can be found is ended and removed."""
        with machine.locked():
            owner = machine.owner()
            if owner is not None and owner.state_dir == str(self.plane.state_dir):
                self._sweep(owner)
            self.kubeconfig.unlink(missing_ok=True)

    def status(self) -> Status:
        """See Cluster."""
        running = tuple(self.plane.processes.running())
        if "apiserver" not in running or not self.plane.api.ready():
            return Status(running, node_ready=False, gpus=0)
        gpus = objects.advertised_gpus(self.api, NODE_NAME)
        return Status(running, node_ready=self.components["kubelet"].ready(), gpus=gpus)

    def load_image(self, archive: Path) -> list[str]:
        """See Cluster. Images stay over `down` and `up`. Raises NotAnArchive."""
        return self.node.images.load(archive)

    def kill_component(self, name: str) -> None:
        """See Cluster; `up` or `restart_component` brings it back."""
        self.plane.processes.kill(self.components[name].name)

    def restart_component(self, name: str) -> None:
        """See Cluster."""
        component = self.components[name]
        with machine.locked():
            self.plane.processes.stop(name)
            self._bring_up([component])
            if name == "kubelet":
                self._advertise(None)

    def _take_machine(self) -> None:
        owner = machine.owner()
        if owner is None and network.has_kubernetes_chains():
            raise machine.MachineTaken(
                "another Kubernetes runs here: its iptables chains would mix with ours"
            )
        if owner is not None and owner.state_dir != str(self.plane.state_dir):
            if LocalCluster(Path(owner.state_dir)).plane.processes.running():
                raise machine.MachineTaken(f"the cluster of {owner.state_dir} runs here: stop that first")
            say(f"cleaning up after {owner.state_dir}")
            LocalCluster(Path(owner.state_dir))._sweep(owner)
            owner = None
        if owner is None:
            self._remove_data()  # from before a reboot
            machine.claim(self.plane.state_dir, network.read_sysctls())

    def _start(self) -> None:
        network.set_up()
        leftovers.make_cgroups()
        self.plane.prepare()
        self.node.write_files()
        self.plane.processes.start(self.node.containerd)  # takes its time while the API server starts
        self._bring_up(self.plane.components()[:2])
        self.plane.processes.wait(self.node.containerd)
        self._load_pause_image()
        objects.apply_dns(self.plane.api, DNS_SERVICE, network.NODE_ADDRESS)
        self._bring_up(self.components.values())

    def _bring_up(self, components: Iterable[Component]) -> None:
        """Start components all at once, then wait for each."""
        for component in components:
            self.plane.processes.start(component)
        for component in components:
            self.plane.processes.wait(component)

    def _load_pause_image(self) -> None:
        archive = self.plane.state_dir / "pause.tar"
        write_busybox_archive(archive, PAUSE_IMAGE, ["/bin/busybox", "sleep", "infinity"])
        self.node.images.load(archive)

    def _advertise(self, gpus: int | None) -> None:
        """Advertise GPUs, and remember how many: a kubelet that starts anew forgets them."""
        if gpus is not None:
            self._gpus_file.write_text(str(gpus))
        wanted = int(self._gpus_file.read_text()) if self._gpus_file.exists() else 0
        if wanted != objects.advertised_gpus(self.plane.api, NODE_NAME):
            objects.advertise_gpus(self.plane.api, NODE_NAME, wanted)

    def _sweep(self, owner: machine.Owner) -> None:
        """End and remove all that a cluster may have left, in whatever state it is."""
        self.plane.processes.kill_all()
        leftovers.kill_containers()
        self._remove_data()
        leftovers.remove_cgroups()
        leftovers.remove_traces(NETWORK, self.node.pod_logs)
        network.tear_down()
        network.write_sysctls(owner.sysctls)
        machine.release()

    def _remove_data(self) -> None:
        """Remove what the cluster knew; its CA, its images and, until the next start, its logs stay."""
        self.plane.stop()
        # What a pod mounted must be gone before its folder is emptied.
        leftovers.unmount_below(self.plane.state_dir, machine.FOLDER)
        for folder in (self.node.kubelet_dir, self.node.pod_logs):
            shutil.rmtree(folder, ignore_errors=True)
        self._gpus_file.unlink(missing_ok=True)
