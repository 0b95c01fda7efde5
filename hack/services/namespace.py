"""The network namespace in which the services of demo and e2e tests run, and the ways there.

    pods, node 10.250.0.1 ── host ── veth 10.251.0.1 ══ 10.251.0.2 services

One link and three routes: what runs inside reaches host, pods and cluster addresses, and nothing beyond the
machine. Names of services are in its own /etc/hosts, so they resolve without a cluster too; all other names
are asked of the cluster's DNS.
"""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from hack.cluster.control_plane import POD_RANGE, SERVICE_RANGE
from hack.cluster.network import NODE_ADDRESS
from hack.cluster.node import DNS_SERVICE
from hack.services.service import Place

NAME = "mediaops-svc"
ADDRESS = "10.251.0.2"
HOST_ADDRESS = "10.251.0.1"
PLACE = Place(ADDRESS, NAME)

_LINK = "mediaops-svc"  # the host's end; the other is called eth0
_PEER = "mediaops-svc0"  # until it is inside
_HANDLE = Path("/run/netns") / NAME
# `ip netns exec` puts what lies here over the files of the same name in /etc.
_ETC = Path("/etc/netns") / NAME


def set_up(hosts: Iterable[str]) -> None:
    """Make the namespace, its link and its routes; `hosts` are the names of its address. It can be repeated.

    Raises CalledProcessError, which without root it always does.
    """
    if not _HANDLE.exists():
        _ip("netns", "add", NAME)
    if not Path(f"/sys/class/net/{_LINK}").exists():
        _ip("link", "add", _LINK, "type", "veth", "peer", "name", _PEER)
        _ip("link", "set", _PEER, "netns", NAME, "name", "eth0")
    _ip("address", "replace", f"{HOST_ADDRESS}/24", "dev", _LINK)
    _ip("link", "set", _LINK, "up")
    _ip("-netns", NAME, "address", "replace", f"{ADDRESS}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        _ip("-netns", NAME, "link", "set", link, "up")
    for route in (POD_RANGE, SERVICE_RANGE, f"{NODE_ADDRESS}/32"):
        _ip("-netns", NAME, "route", "replace", route, "via", HOST_ADDRESS)
    _ETC.mkdir(parents=True, exist_ok=True)
    (_ETC / "resolv.conf").write_text(f"nameserver {DNS_SERVICE}\noptions timeout:1 attempts:3\n")
    (_ETC / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {' '.join(hosts)}\n")


def tear_down() -> None:
    """Remove all of it, in whatever state it is; processes inside must have ended before."""
    if Path(f"/sys/class/net/{_LINK}").exists():
        _ip("link", "delete", _LINK)
    if _HANDLE.exists():
        _ip("netns", "delete", NAME)
    shutil.rmtree(_ETC, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
