"""Looking at what a pass made: its rendition, its pictures, their colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

from mediaops_ops.outcome import StepOutcome

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def rendition(outcome: StepOutcome) -> Path:
    return next(file.path for file in outcome.files if file.name == "rendition")


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def near(color: Any, wanted: tuple[int, int, int], by: int = 40) -> bool:
    return all(abs(int(a) - b) <= by for a, b in zip(color, wanted, strict=True))
