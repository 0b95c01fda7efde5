"""Files of the corpus, made when a cell first asks for them, and the door that cells go through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.kinds import File, Library
from tests.corpus.tables import FILES
from tests.unit.ops.conftest import Bucket


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a file by its name; it is made once a run."""
    folder = tmp_path_factory.mktemp("corpus")
    known: dict[str, File] = {file.name: file for file in FILES}

    def give(name: str) -> Path:
        path = folder / name
        if not path.exists():
            unfinished = folder / f"making-{name}"
            known[name].make(give, unfinished)
            unfinished.rename(path)
        return path

    return give


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    """Give one storage for all cells; each clears it."""
    bucket = Bucket()
    yield bucket
    bucket.close()
