"""What a node leaves in the kernel when its processes are gone: containers, mounts, cgroups, a few files."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hack.cluster.control_plane import listens
from hack.cluster.waiting import wait_until

# Pods' cgroups lie below this one, in each hierarchy; nobody else's do.
CGROUP = "mediaops"
KUBELET_CONTROLLERS = {"cpu", "cpuset", "hugetlb", "memory", "pids"}
EXIT_SECONDS = 20.0
CNI_RESULTS = Path("/var/lib/cni/results")
SHIM_SOCKETS = Path("/run/containerd/s")
CONTAINER_LOGS = Path("/var/log/containers")


def make_cgroups() -> None:
    """Make the group the kubelet is told to work in, in every hierarchy (cgroup v1) or the one (v2)."""
    groups = _cgroups()
    for group in groups:
        if len(groups) == 1:  # v2: the kubelet refuses a group that lacks one of its controllers
            _enable_controllers(group.parent)
        group.mkdir(exist_ok=True)


def kill_containers() -> None:
    """SIGKILL every process in our cgroups. Returns when none is left."""

    def none_left() -> bool:
        pids = set(_cgroup_pids())
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    wait_until("the end of all containers", none_left, EXIT_SECONDS)


def remove_cgroups() -> None:
    """Remove our cgroups; they have to be empty of processes."""
    for group in _cgroups():
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()


def unmount_below(*folders: Path) -> None:
    """Unmount all that is mounted below these folders, pods' network namespaces included."""
    points = [point for kind, point in _mounts() if any(point.is_relative_to(folder) for folder in folders)]
    if points:
        subprocess.run(["umount", "--lazy", *map(str, reversed(points))], check=True)


def remove_traces(network: str, pod_logs: Path) -> None:
    """Remove what CNI knows of a network's pods, the kubelet's links to logs, and dead shims' sockets."""
    for result in CNI_RESULTS.glob(f"{network}-*-eth0"):
        sandbox = result.name.removeprefix(f"{network}-").removesuffix("-eth0")
        (CNI_RESULTS / f"cni-loopback-{sandbox}-lo").unlink(missing_ok=True)
        result.unlink()
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(pod_logs):
            link.unlink()
    for shim in SHIM_SOCKETS.glob("*"):
        if not listens(shim):
            shim.unlink()


def _enable_controllers(root: Path) -> None:
    offered = set((root / "cgroup.controllers").read_text().split())
    enabled = root / "cgroup.subtree_control"
    missing = KUBELET_CONTROLLERS & offered - set(enabled.read_text().split())
    enabled.write_text(" ".join(f"+{controller}" for controller in sorted(missing)))


def _cgroups() -> list[Path]:
    """Return where our group is, or would be, in each hierarchy."""
    return [point / CGROUP for kind, point in _mounts() if kind in {"cgroup", "cgroup2"}]


def _cgroup_pids() -> Iterator[int]:
    for group in _cgroups():
        for processes in group.rglob("cgroup.procs"):
            with contextlib.suppress(FileNotFoundError):  # the group went meanwhile
                yield from map(int, processes.read_text().split())


def _mounts() -> list[tuple[str, Path]]:
    """Return the file system type and the mount point of every mount, in the order they were made."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")  # a space is written \040
        found.append((after.split()[0], Path(point)))
    return found
