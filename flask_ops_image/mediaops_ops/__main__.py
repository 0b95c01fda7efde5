"""The command `mediaops-ops`: two doors onto the same operations."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

INTERRUPTED = 75
"""mediaops.models.work.Exit.INTERRUPTED, before that is loaded."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mediaops-ops",
        description="Runs mediaops' operations on media: one work order, or as a service.",
    )
    doors = parser.add_subparsers(dest="door", required=True, metavar="run|serve")
    run = doors.add_parser(
        "run",
        help="carry out one work order, then exit",
        description="Carry out one work order, then exit. Exit codes: 0 done, 1 an attempt failed, 64 it can't "
        "succeed as asked, 69 something stayed out of reach, 70 over its deadline, 73 disk limit, 75 told to stop.",
    )
    run.add_argument("-f", "--file", type=Path, required=True, metavar="ORDER", help="the work order (JSON)")
    run.add_argument(
        "--work-dir",
        type=Path,
        metavar="DIR",
        default=os.environ.get("MEDIAOPS_WORK_DIR"),
        help="folder for files at work (default: MEDIAOPS_WORK_DIR, else TMPDIR)",
    )
    run.add_argument(
        "--index",
        type=int,
        default=int(os.environ.get("JOB_COMPLETION_INDEX") or 0),
        help="which part of an order that pods share (default: JOB_COMPLETION_INDEX, which an Indexed Job sets)",
    )
    run.add_argument("--ingest", action="store_true", help="insist that the order is one to fetch a source")
    run.add_argument(
        "--plan-only", action="store_true", help="print the pass and its ffmpeg lines; run nothing"
    )
    run.add_argument(
        "--media", type=Path, metavar="FACTS", help="with --plan-only: the source's facts (JSON)"
    )
    serve = doors.add_parser("serve", help="serve the operations over HTTP", add_help=False)
    serve.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the door that the command line names; gives the exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.door == "serve":
        from mediaops_ops import serve

        return int(serve.main(arguments.arguments) or 0)
    if arguments.plan_only:
        from mediaops_ops import preview

        return preview.show(arguments.file, arguments.media)
    # The first process of a container ignores what it has no handler for, and what follows takes a while to load.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    from mediaops_ops import run

    return run.run(arguments.file, arguments.work_dir, ingest=arguments.ingest, index=arguments.index)


if __name__ == "__main__":
    sys.exit(main())
