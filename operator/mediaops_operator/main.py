"""`mediaops-operator`: run; `resync` writes all rows once, `outdated` and `sweep --dry-run` only tell."""

from __future__ import annotations

import argparse
import sys


def main() -> None:
    """Run until stopped; see mediaops_operator.run for the exit codes."""
    parser = argparse.ArgumentParser(prog="mediaops-operator", description="The operator of MediaAssets.")
    commands = parser.add_subparsers(dest="command")
    again = commands.add_parser("resync", help="write the rows of everything there is, once")
    again.add_argument(
        "--force", action="store_true", help="also over newer versions (after a restore of etcd)"
    )
    newer = commands.add_parser(
        "outdated", help="name the operations that today's versions would make differently; writes nothing"
    )
    newer.add_argument("-n", "--namespace", help="only of this namespace")
    sweep = commands.add_parser(
        "sweep",
        help="name the step folders that the sweeper would delete; deletes nothing",
        description="Name the step folders that are released and whether each would be deleted now, or why not. Only"
        " the running operator deletes: it alone knows what its visits look at.",
    )
    sweep.add_argument("--dry-run", action="store_true", required=True, help="say so, and delete nothing")
    arguments = parser.parse_args()
    # Where the official client is installed (the backend needs it), kopf imports it just to know its classes.
    # Without it the start takes a second less, and the process 40 MB.
    sys.modules.setdefault("kubernetes", None)  # type: ignore[arg-type]
    from mediaops_operator import run  # noqa: PLC0415

    match arguments.command:
        case "resync":
            sys.exit(run.resync(force=arguments.force))
        case "outdated":
            sys.exit(run.outdated(arguments.namespace))
        case "sweep":
            sys.exit(run.sweep())
        case _:
            sys.exit(run.run())
