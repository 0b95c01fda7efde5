"""What any cluster of ours can do, whether it is made of processes or of containers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.api import Api
from hack.cluster.pki import Authority, Certificate

LOCAL = Path(__file__).parents[2] / ".local"
STATE_DIR = LOCAL / "cluster"
KUBECONFIG = LOCAL / "kubeconfig"


@dataclass(frozen=True)
class Status:
    """Which components run (empty if the cluster is down), and what the node offers."""

    running: tuple[str, ...]
    node_ready: bool
    gpus: int


class Cluster(ABC):
    """A whole cluster of this checkout, reached through `.local/kubeconfig`."""

    kubeconfig = KUBECONFIG

    @property
    def api(self) -> Api:
        """The API as a cluster admin."""
        return Api(self.kubeconfig)

    @abstractmethod
    def up(self, gpus: int | None = None) -> None:
        """Start what doesn't run and wait until the node is Ready and names resolve.

        `gpus` is how many `nvidia.com/gpu` the node advertises; None leaves that as it is (none at first).
        """

    @abstractmethod
    def down(self) -> None:
        """Stop it all and leave nothing behind but files; it is no error if nothing runs."""

    @abstractmethod
    def status(self) -> Status:
        """Return what runs."""

    @abstractmethod
    def load_image(self, archive: Path) -> list[str]:
        """Make an archive's images known to the node, if they aren't yet; return their tags."""

    @abstractmethod
    def kill_component(self, name: str) -> None:
        """SIGKILL a component, as a crash would; on the local cluster nothing starts it again by itself."""

    @abstractmethod
    def restart_component(self, name: str) -> None:
        """End a component, start it again and wait until it works. Raises KeyError for an unknown name."""

    def issue_certificate(self, name: str, sans: Sequence[str]) -> Certificate:
        """Return certificate and key for a server named by `sans`, signed by the cluster's CA.

        Files under `.local/cluster/pki/issued`; the same call returns the same ones until they run out.
        """
        return self.authority.issue(name, sans=sans)

    @property
    @abstractmethod
    def authority(self) -> Authority:
        """The cluster's CA: `authority.cert` is what clients trust."""
