"""The tables of the corpus, and the cells: every file with every row of operations that takes its type."""

from __future__ import annotations

import os
import random

from tests.corpus.images import IMAGES
from tests.corpus.kinds import File, Row
from tests.corpus.rows import ROWS
from tests.corpus.sounds import SOUNDS
from tests.corpus.videos import VIDEOS

FILES: tuple[File, ...] = (*VIDEOS, *IMAGES, *SOUNDS)
SEED = 5
WHOLE = os.environ.get("MEDIAOPS_SAMPLES") == "full"


def cells() -> list[tuple[File, Row]]:
    """Give every cell; refused files have one row each, which is as good as any other."""
    return [(file, row) for file in FILES for row in rows_of(file)]


def sample() -> list[tuple[File, Row]]:
    """Give each file one row, drawn by a fixed seed, so that each row has its turn."""
    dice, drawn = random.Random(SEED), []  # noqa: S311
    for kind in sorted({file.file_type for file in FILES}):
        rows: list[Row] = []
        for file in FILES:
            if file.file_type is kind:
                if not rows:
                    rows = [row for row in ROWS if kind in row.takes]
                    dice.shuffle(rows)
                drawn.append((file, rows.pop()))
    return drawn


def rows_of(file: File) -> list[Row]:
    """Give the rows of operations that take a file's type."""
    return [row for row in ROWS if file.file_type in row.takes]
