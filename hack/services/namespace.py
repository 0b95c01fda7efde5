"""The network namespace in which the services of demo and e2e tests run, and the ways there.

    pods, node 10.250.0.1 ── host ── veth 10.251.0.1 ══ 10.251.0.2 services

One link and three routes: what runs inside reaches host, pods and cluster addresses, and nothing beyond the
machine. Names of services are in its own /etc/hosts, so they resolve without a cluster too; all other names
are asked of the cluster's DNS.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.control_plane import POD_RANGE, SERVICE_RANGE
from hack.cluster.network import NODE_ADDRESS
from hack.cluster.node import DNS_SERVICE
from hack.services.service import Place


@dataclass(frozen=True)
class Namespace:
    """A network namespace with one address, linked to the host.

    name: at most 14 characters; the host's end of the link has it too.
    """

    name: str = "mediaops-svc"
    address: str = "10.251.0.2"
    host_address: str = "10.251.0.1"

    @property
    def place(self) -> Place:
        """What services are told about it."""
        return Place(self.address, self.name)

    def set_up(self, hosts: Iterable[str]) -> None:
        """Make it, its link and its routes; `hosts` are the names of its address. It can be repeated.

        Raises CalledProcessError, which without root it always does.
        """
        if not self._handle.exists():
            _ip("netns", "add", self.name)
        if not self._link.exists():
            peer = f"{self.name}0"  # until it is inside
            _ip("link", "add", self.name, "type", "veth", "peer", "name", peer)
            _ip("link", "set", peer, "netns", self.name, "name", "eth0")
        _ip("address", "replace", f"{self.host_address}/24", "dev", self.name)
        _ip("link", "set", self.name, "up")
        self._inside("address", "replace", f"{self.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self._inside("link", "set", link, "up")
        for route in (POD_RANGE, SERVICE_RANGE, f"{NODE_ADDRESS}/32"):
            self._inside("route", "replace", route, "via", self.host_address)
        self._etc.mkdir(parents=True, exist_ok=True)
        (self._etc / "resolv.conf").write_text(f"nameserver {DNS_SERVICE}\noptions timeout:1 attempts:3\n")
        (self._etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {' '.join(hosts)}\n")

    def tear_down(self) -> None:
        """Remove all of it, in whatever state it is; processes inside must have ended before."""
        if self._link.exists():
            _ip("link", "delete", self.name)
        if self._handle.exists():
            _ip("netns", "delete", self.name)
        shutil.rmtree(self._etc, ignore_errors=True)
        with contextlib.suppress(OSError):  # it isn't there, or others have theirs in it
            self._etc.parent.rmdir()

    @property
    def _handle(self) -> Path:
        return Path("/run/netns") / self.name

    @property
    def _link(self) -> Path:
        return Path("/sys/class/net") / self.name

    @property
    def _etc(self) -> Path:
        """`ip netns exec` puts what lies here over the files of the same name in /etc."""
        return Path("/etc/netns") / self.name

    def _inside(self, *arguments: str) -> None:
        _ip("-netns", self.name, *arguments)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
