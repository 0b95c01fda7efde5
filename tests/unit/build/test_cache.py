import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hack.build import BuildFailed, built_once, run_logged, tool


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDIAOPS_CACHE", str(tmp_path))
    return tmp_path


def test_callers_who_want_the_same_at_once_get_one_build() -> None:
    builds: list[Path] = []
    together = threading.Barrier(3)

    def build(folder: Path) -> None:
        builds.append(folder)
        time.sleep(0.2)
        (folder / "program").write_text("done")

    def want() -> str:
        together.wait()
        return (built_once("program-v1", build) / "program").read_text()

    with ThreadPoolExecutor(3) as pool:
        assert ["done"] * 3 == [each.result() for each in [pool.submit(want) for _ in range(3)]]
    assert 1 == len(builds)


def test_what_a_failed_build_wrote_is_not_taken_for_a_result(cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("written")
        raise BuildFailed("disk full")

    with pytest.raises(BuildFailed, match="disk full"):
        built_once("program-v1", fail)
    assert [] == [path for path in cache.iterdir() if path.name != ".locks"]

    assert built_once("program-v1", lambda folder: (folder / "whole").touch()).joinpath("whole").exists()


def test_what_a_killed_build_left_is_thrown_away(cache: Path) -> None:
    left = cache / ".program-v1.building"
    left.mkdir()
    (left / "half").touch()

    built = built_once("program-v1", lambda folder: (folder / "whole").touch())
    assert ["whole"] == [path.name for path in built.iterdir()]


def test_a_failing_command_is_told_with_the_end_of_what_it_wrote() -> None:
    with pytest.raises(BuildFailed, match=r"(?s)ended with 3.*line 40$") as failure:
        run_logged(["sh", "-c", "for i in $(seq 40); do echo line $i; done; exit 3"])
    assert "line 10\n" not in str(failure.value)


def test_a_machine_without_go_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("PATH", str(cache))

    with pytest.raises(BuildFailed, match="Go is missing"):
        tool("versitygw")
