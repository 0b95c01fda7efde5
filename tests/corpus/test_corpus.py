"""Every file of the corpus through every operation that takes its type: right, or refused by name."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mediaops.models.work import StepOrder
from mediaops.reasons import Reason
from tests.corpus.kinds import File, Library, Result, Row
from tests.corpus.tables import FILES, ROWS, WHOLE, cells, sample
from tests.unit.ops.conftest import Bucket, Door

CELLS = cells() if WHOLE else sample()


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("file", "row"), CELLS, ids=[f"{file.name}-{row.name}" for file, row in CELLS])
def test_cell(bucket: Bucket, library: Library, tmp_path: Path, file: File, row: Row) -> None:
    source = library(file.name)
    bucket.objects.clear()
    bucket.callbacks.clear()
    door = Door(bucket, tmp_path)
    steps = [StepOrder(step_key=step["name"], job_id=f"row-{step['name']}", **step) for step in row.steps]
    order = door.order(
        source=bucket.put_source(source, "acme/uploads/source"), steps=steps, file_type=file.file_type
    )

    begin = time.monotonic()
    door.run(order)
    assert time.monotonic() - begin < file.deadline_seconds

    refused = None if row.name in file.unhurt else file.refused
    wanted = refused or file.but.get(row.name) or row.refuses(file.shown)
    if wanted is not None:
        _refused(door, wanted, file)
        return
    assert [] == door.failures
    row.check(file, {step.name: _result(bucket, step.name, tmp_path) for step in steps if step.stored})


def _refused(door: Door, reason: str, file: File) -> None:
    """One of the reasons of the table, for good, in a sentence that shows nothing of the pod's insides."""
    assert {reason} == {failure.reason for failure in door.failures if failure.reason != "DependencyFailed"}
    for failure in door.failures:
        assert Reason.of(failure.reason) is not None
        assert str(door.folder) not in failure.message
        assert failure.message.endswith(".")
        if failure.reason == reason:
            assert failure.permanent
            assert file.says in failure.message


def _result(bucket: Bucket, step: str, folder: Path) -> Result:
    """Bring what a step stored into files."""
    result = bucket.result(step)
    assert result is not None, f"{step} left nothing"
    paths = {}
    for file in result.files:
        path = folder / f"{step}-{file.name}{Path(file.key).suffix if '.' not in file.name else ''}"
        path.write_bytes(bucket.objects[file.key])
        paths[file.name] = path
    media_types = {file.name: file.media_type for file in result.files}
    return Result(paths, media_types, result.values, result.skipped)


def test_the_tables_are_as_large_as_they_must_be() -> None:
    assert len(FILES) >= 60
    assert len({file.name for file in FILES}) == len(FILES)
    assert {(row.name, kind) for row in ROWS for kind in row.takes} <= {
        (row.name, file.file_type) for file, row in sample()
    }
