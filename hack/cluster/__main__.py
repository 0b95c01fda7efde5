"""`python -m hack.cluster`: start, stop and look at the cluster of this checkout."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from hack.build import BuildFailed, build_all
from hack.cluster import ApiError, Cluster, ControlPlane, chosen_cluster, ensure_namespace, expose_service
from hack.cluster.images import NotAnArchive
from hack.cluster.interface import LOCAL
from hack.cluster.machine import MachineTaken
from hack.cluster.processes import ComponentDied
from hack.cluster.waiting import TimedOut, say

CONTROL_PLANE_DIR = LOCAL / "control-plane"


def main() -> None:
    """Do what the command line asks; end with a sentence and status 1 where that can't be done."""
    arguments = _parser().parse_args()
    try:
        if getattr(arguments, "control_plane_only", False):
            _control_plane(arguments)
        else:
            _whole(chosen_cluster(), arguments)
    except (
        ApiError,
        BuildFailed,
        ComponentDied,
        MachineTaken,
        NotAnArchive,
        PermissionError,
        TimedOut,
    ) as error:
        sys.exit(f"cluster: {error}")
    except FileNotFoundError as error:
        sys.exit(f"cluster: {error.filename} is missing on this machine")
    except subprocess.CalledProcessError as error:
        sys.exit(f"cluster: {error}\n{error.stderr or ''}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hack.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what doesn't run, wait until Ready")
    up.add_argument("--gpus", type=int, help="how many nvidia.com/gpu the node advertises")
    down = commands.add_parser("down", help="stop all, leave nothing behind")
    for each in (up, down):
        each.add_argument(
            "--control-plane-only", action="store_true", help="etcd and API server, without root"
        )
        each.add_argument("--state-dir", type=Path, default=CONTROL_PLANE_DIR, help="of that control plane")
    up.add_argument("--controllers", action="store_true", help="with controller manager and scheduler")
    commands.add_parser("status", help="say what runs; status 0 if the node is Ready")
    load = commands.add_parser("load-image", help="import image archives")
    load.add_argument("archives", type=Path, nargs="+")
    namespace = commands.add_parser("namespace", help="make a namespace with restricted Pod Security")
    namespace.add_argument("name")
    namespace.add_argument("--workspace")
    expose = commands.add_parser("expose", help="name a process beside the cluster")
    expose.add_argument("namespace")
    expose.add_argument("name")
    expose.add_argument("port", type=int)
    expose.add_argument("address")
    expose.add_argument("target_port", type=int, nargs="?")
    for fault in ("restart", "kill"):
        commands.add_parser(fault, help=f"{fault} a component").add_argument("component")
    return parser


def _whole(cluster: Cluster, arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    match arguments.command:
        case "up":
            build_all("hyperkube", "coredns")
            cluster.up(arguments.gpus)
            say(f"Ready after {time.monotonic() - started:.1f} s; export KUBECONFIG={cluster.kubeconfig}")
        case "down":
            cluster.down()
            say(f"down after {time.monotonic() - started:.1f} s")
        case "status":
            status = cluster.status()
            print(f"running: {', '.join(status.running) or 'nothing'}")
            print(f"node ready: {'yes' if status.node_ready else 'no'}, GPUs: {status.gpus}")
            sys.exit(0 if status.node_ready else 1)
        case "load-image":
            for archive in arguments.archives:
                print("\n".join(cluster.load_image(archive)))
        case "namespace":
            ensure_namespace(cluster.api, arguments.name, arguments.workspace)
        case "expose":
            target = (arguments.address, arguments.target_port)
            print(expose_service(cluster.api, arguments.namespace, arguments.name, arguments.port, *target))
        case "restart":
            cluster.restart_component(arguments.component)
        case "kill":
            cluster.kill_component(arguments.component)


def _control_plane(arguments: argparse.Namespace) -> None:
    if arguments.command == "up":
        plane = ControlPlane(arguments.state_dir, controllers=arguments.controllers)
        plane.start()
        print(plane.kubeconfig)
    else:
        ControlPlane(arguments.state_dir).stop()


main()
