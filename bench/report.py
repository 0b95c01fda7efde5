"""What was measured, as a file for machines and a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

REPORT = Path(__file__).parents[1] / ".local" / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    goal: float
    better: Literal["lower", "higher"]
    baseline: str
    """What `value` is held against, in words."""
    runs: int
    """How many measurements `value` is the median (or percentile, as the note says) of."""
    spread: float
    """Largest minus smallest of them, in `value`'s unit."""
    note: str

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def spread(values: Sequence[float]) -> float:
    """Return the largest minus the smallest."""
    return max(values) - min(values)


def ratio(
    name: str, goal: float, ours: Sequence[float], theirs: Sequence[float], baseline: str, note: str
) -> Figure:
    """Give the median of ours ÷ the median of theirs; the spread is that of the pairs measured in turn."""
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    seconds = f"{median(ours):.3g} s against {median(theirs):.3g} s; {note}"
    return Figure(
        name, median(ours) / median(theirs), goal, "lower", baseline, len(pairs), spread(pairs), seconds
    )


def write(figures: Sequence[Figure], path: Path = REPORT) -> None:
    """Replace the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def table(figures: Sequence[Figure]) -> str:
    """Give the figures as an aligned table, a line for each note below it."""
    head = ("figure", "value", "goal", "", "runs", "spread")
    rows = [
        (
            figure.name,
            f"{figure.value:.3g}",
            f"{'≤' if figure.better == 'lower' else '≥'} {figure.goal:g}",
            "" if figure.met else "short of it",
            str(figure.runs),
            f"{figure.spread:.2g}",
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)
    ]
    notes = [f"{figure.name}: against {figure.baseline}. {figure.note}" for figure in figures]
    return "\n".join([*(line.rstrip() for line in lines), "", *notes])
