"""Simulated nodes (kwok): pods get scheduled, run and complete, and nothing is executed."""

from pathlib import Path

from hack.build import tool
from hack.cluster.control_plane import ControlPlane
from hack.cluster.processes import Component

STAGES = Path(__file__).with_name("stages.yaml")


def simulate_nodes(plane: ControlPlane, count: int = 10) -> None:
    """Give a control plane with controllers `count` nodes named sim-0, sim-1, …; wait until all are Ready.

    Each takes any number of pods, GPU pods too; a Job's pod is complete as soon as it is bound. kwok ends
    with the control plane. Raises ComponentDied or TimedOut.
    """
    names = [f"sim-{number}" for number in range(count)]
    for name in names:
        plane.api.apply(
            f"/api/v1/nodes/{name}", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        )

    def ready() -> bool:
        nodes = plane.api.get("/api/v1/nodes")["items"]
        fit = {node["metadata"]["name"] for node in nodes if "allocatable" in node["status"]}
        return fit.issuperset(names)

    kwok = Component(
        "kwok",
        [
            tool("kwok"),
            f"--kubeconfig={plane.kubeconfig_for('kwok', 'system:masters')}",
            f"--config={STAGES}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
        ],
        ready,
    )  # fmt: skip
    plane.processes.start(kwok)
    plane.processes.wait(kwok)
