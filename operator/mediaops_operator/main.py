"""`mediaops-operator`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run until stopped; see mediaops_operator.run for the exit codes."""
    # Where the official client is installed (the backend needs it), kopf imports it just to know its classes.
    # Without it the start takes a second less, and the process 40 MB.
    sys.modules.setdefault("kubernetes", None)  # type: ignore[arg-type]
    from mediaops_operator.run import run  # noqa: PLC0415

    sys.exit(run())
