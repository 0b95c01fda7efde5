"""A real Kubernetes for tests and demo: of processes of this machine, or kind where Docker runs.

    from hack.cluster import chosen_cluster, ensure_namespace
    cluster = chosen_cluster()
    cluster.up(gpus=1)
    ensure_namespace(cluster.api, "media", workspace="acme")

`ControlPlane` is the part without nodes, for tests and benchmarks that run beside the full one.
"""

import os
import shutil
import subprocess

from hack.cluster.api import Api, ApiError
from hack.cluster.control_plane import ControlPlane
from hack.cluster.interface import KUBECONFIG, Cluster, Status
from hack.cluster.objects import ensure_namespace, expose_service

__all__ = [
    "KUBECONFIG",
    "Api",
    "ApiError",
    "Cluster",
    "ControlPlane",
    "Status",
    "chosen_cluster",
    "ensure_namespace",
    "expose_service",
]


def chosen_cluster(choice: str | None = None) -> Cluster:
    """Return the cluster that `choice`, or else the environment's CLUSTER, names: auto, kind or local.

    `auto` is kind where it is installed and Docker runs, else local. Raises ValueError for another word.
    """
    choice = choice or os.environ.get("CLUSTER") or "auto"
    if choice == "auto":
        choice = "kind" if _kind_works() else "local"
    # Either needs what the other doesn't, so only the chosen one is imported.
    if choice == "kind":
        from hack.cluster.kind import KindCluster  # noqa: PLC0415

        return KindCluster()
    if choice == "local":
        from hack.cluster.local import LocalCluster  # noqa: PLC0415

        return LocalCluster()
    raise ValueError(f"CLUSTER is {choice!r}: say auto, kind or local")


def _kind_works() -> bool:
    if shutil.which("kind") is None or shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
