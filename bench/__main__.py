"""`make bench`: measure, write .local/bench.json, print a table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import report
from bench.latency import latencies
from bench.media import media
from bench.orchestration import against_bare_jobs, at_rest
from bench.report import Figure
from bench.site import Site
from hack.cluster.waiting import say


def orchestration() -> Iterator[Figure]:
    """Measure the operator on simulated nodes."""
    # A short path: etcd listens on a socket in it.
    with tempfile.TemporaryDirectory(prefix="mediaops-bench-") as folder, Site(Path(folder)) as site:
        for measure in (latencies, at_rest, against_bare_jobs):
            say(measure.__name__.replace("_", " "))
            yield from measure(site)


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {"orchestration": orchestration, "media": media}


def main() -> None:
    """Measure a part, or all; a figure that falls short is shown as such and fails nothing."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure against baselines of the same run.")
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, "all"])
    part = parser.parse_args().part
    figures: list[Figure] = []
    for name, measured in PARTS.items():
        if part in (name, "all"):
            for figure in measured():
                say(f"{figure.name} is {figure.value:.3g}")
                figures.append(figure)
                # What is measured stays, whatever becomes of the rest.
                report.write(figures)
    print(report.table(figures))


if __name__ == "__main__":
    main()
