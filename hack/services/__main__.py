"""`python -m hack.services`: start, stop and look at the services beside the cluster."""

import argparse
import os
import subprocess
import sys
import time

from hack.build import BuildFailed
from hack.cluster import chosen_cluster
from hack.cluster.processes import ComponentDied
from hack.cluster.waiting import TimedOut, say
from hack.services.fleet import BACKEND_URL, Fleet, NamespaceTaken
from hack.services.n8n import DeployFailed
from hack.services.postgres import MigrationFailed


def main() -> None:
    """Do what the command line asks; end with a sentence and status 1 where that can't be done."""
    parser = argparse.ArgumentParser(prog="python -m hack.services", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what doesn't run, wait until all can serve")
    up.add_argument("--backend-url", default=BACKEND_URL, help="the backend, as n8n reaches it")
    commands.add_parser("down", help="stop all, leave nothing behind but secrets")
    commands.add_parser("status", help="say what serves; status 0 if all do")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("services: they run in a network namespace of their own, and making one needs root")
    fleet = Fleet(chosen_cluster(), backend_url=getattr(arguments, "backend_url", BACKEND_URL))
    try:
        _run(fleet, arguments.command)
    except (BuildFailed, ComponentDied, DeployFailed, MigrationFailed, NamespaceTaken, TimedOut) as error:
        sys.exit(f"services: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"services: {error}\n{error.stderr or ''}")


def _run(fleet: Fleet, command: str) -> None:
    started = time.monotonic()
    match command:
        case "up":
            fleet.up()
            say(f"up after {time.monotonic() - started:.1f} s; see {fleet.inventory_file}")
        case "down":
            fleet.down()
            say(f"down after {time.monotonic() - started:.1f} s")
        case "status":
            status = fleet.status()
            for name, serves in status.items():
                print(f"{name}: {'serves' if serves else 'does not serve'}")
            sys.exit(0 if all(status.values()) else 1)


main()
