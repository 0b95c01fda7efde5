"""The `serve` door: the seed's HTTP contract over the same operations as `run`.

Three kinds of process, each of which dies with its parent: the dispatcher (`dispatcher`, the container's main
process), gunicorn with the Flask app (`door`, `app`), and one worker per running job (`work`). They share
nothing but the queue, a SQLite file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; gives the exit code."""
    from mediaops.settings import SettingsError, load
    from mediaops_ops.serve.settings import ServeSettings

    parser = argparse.ArgumentParser(
        prog="mediaops-ops serve",
        description="Serve the operations over HTTP. Settings are environment variables: docs/serve.md.",
    )
    parser.parse_args(arguments)
    try:
        settings = load(ServeSettings)
    except SettingsError as error:
        print(f"mediaops-ops serve: {error}", file=sys.stderr)
        return 2
    from mediaops_ops.serve import dispatcher

    return dispatcher.main(settings)
