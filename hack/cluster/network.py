"""The node's address, the ways between pods, node and services beside the cluster, and their removal.

    pod 10.244.0.x ───── link ──┐
                                ├── node 10.250.0.1 (API server, DNS), 10.96.0.0/16 (kube-proxy)
    services 10.251.0.2 ─ link ─┘

Every pod has a routed link of its own (CNI's ptp), so there is no bridge. What goes from pods to other pods,
the node or the services keeps its address; what leaves the machine takes the machine's.
"""

import subprocess
from itertools import pairwise
from pathlib import Path

from hack.cluster.control_plane import POD_RANGE, SERVICE_RANGE

NODE_ADDRESS = "10.250.0.1"
NODE_LINK, NODE_LINK_PEER = "mediaops-node", "mediaops-peer"
SERVICES_RANGE = "10.251.0.0/24"

# Chains that the components and we make; the names of all begin so.
CHAIN_PREFIXES = ("KUBE-", "MEDIAOPS-")

# What kubelet, kube-proxy and we set for the whole machine; `down` puts it back.
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)

RULES = f"""\
*filter
:MEDIAOPS-FORWARD - [0:0]
-I FORWARD -j MEDIAOPS-FORWARD
-A MEDIAOPS-FORWARD -s {POD_RANGE} -j ACCEPT
-A MEDIAOPS-FORWARD -d {POD_RANGE} -j ACCEPT
-A MEDIAOPS-FORWARD -s {SERVICES_RANGE} -d {SERVICE_RANGE} -j ACCEPT
COMMIT
*nat
:MEDIAOPS-MASQUERADE - [0:0]
-A POSTROUTING -s {POD_RANGE} -j MEDIAOPS-MASQUERADE
-A MEDIAOPS-MASQUERADE -d {POD_RANGE} -j RETURN
-A MEDIAOPS-MASQUERADE -d {SERVICES_RANGE} -j RETURN
-A MEDIAOPS-MASQUERADE -d {NODE_ADDRESS} -j RETURN
-A MEDIAOPS-MASQUERADE -j MASQUERADE
COMMIT
"""


def set_up() -> None:
    """Make the node's link, allow forwarding, and add our rules; what is there already stays."""
    if not Path(f"/sys/class/net/{NODE_LINK}").exists():
        _run("ip", "link", "add", NODE_LINK, "type", "veth", "peer", "name", NODE_LINK_PEER)
    _run("ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", NODE_LINK)
    for link in (NODE_LINK, NODE_LINK_PEER):
        _run("ip", "link", "set", link, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    if "MEDIAOPS-FORWARD" not in _run("iptables-save"):
        _run("iptables-restore", "--noflush", stdin=RULES)


def tear_down() -> None:
    """Remove the node's link and every chain of Kubernetes and ours, with the rules that lead there."""
    if Path(f"/sys/class/net/{NODE_LINK}").exists():
        _run("ip", "link", "delete", NODE_LINK)
    for family in ("iptables", "ip6tables"):
        script = removal_script(_run(f"{family}-save"))
        if script:
            _run(f"{family}-restore", "--noflush", stdin=script)


def has_kubernetes_chains() -> bool:
    """Return whether some kube-proxy works, or worked, on this machine."""
    return ":KUBE-SERVICES" in _run("iptables-save")


def removal_script(saved: str) -> str:
    """Return what to feed to `iptables-restore --noflush` so that nothing of ours is left.

    `saved` is the output of `iptables-save`. Rules of others' chains that lead into one of ours go first,
    then the chains are emptied, then deleted. Empty if there is nothing to do.
    """
    tables: list[str] = []
    table, jumps, chains = "", list[str](), list[str]()
    for line in saved.splitlines():
        words = line.split()
        if line.startswith("*"):
            table, jumps, chains = line, [], []
        elif line.startswith(":") and words[0][1:].startswith(CHAIN_PREFIXES):
            chains.append(words[0][1:])
        elif line.startswith("-A") and not words[1].startswith(CHAIN_PREFIXES):
            targets = [after for word, after in pairwise(words) if word in {"-j", "-g"}]
            if any(target.startswith(CHAIN_PREFIXES) for target in targets):
                jumps.append("-D" + line.removeprefix("-A"))
        elif line == "COMMIT" and (jumps or chains):
            emptied = [f"-F {chain}" for chain in chains]
            tables += [table, *jumps, *emptied, *(f"-X {chain}" for chain in chains), "COMMIT"]
    return "\n".join([*tables, ""]) if tables else ""


def read_sysctls() -> dict[str, str]:
    """Return the machine-wide settings that running a node changes; those this kernel has."""
    paths = {name: Path("/proc/sys") / name for name in SYSCTLS}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


def write_sysctls(values: dict[str, str]) -> None:
    """Set machine-wide settings; only those that differ are written."""
    for name, value in values.items():
        path = Path("/proc/sys") / name
        if path.read_text().strip() != value:
            path.write_text(value)


def _run(*command: str, stdin: str | None = None) -> str:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout
