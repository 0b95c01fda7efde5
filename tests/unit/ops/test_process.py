"""`mediaops-ops run` as a process: how it ends, what it leaves behind, and what it says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hack.cluster.waiting import wait_until
from mediaops.models.work import Exit
from mediaops_ops import __main__, limits


@pytest.fixture
def slow(make, clip, tmp_path):
    """Ten minutes, which take far longer to encode than any test waits."""
    return make(tmp_path / "slow.mp4", "-stream_loop", "300", "-i", str(clip), "-c", "copy")


@pytest.fixture
def endless(door, bucket, slow, step):
    """An order that is at work for minutes."""
    return door.order(
        source=bucket.put_source(slow), steps=[step("small", "compress", {"codec": "av1", "crf": 10})]
    )


def at_work_on(folder: Path) -> set[int]:
    """Give the processes with the folder in their command line."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def handles_sigterm(pid: int) -> bool:
    """Say whether a process has a handler for SIGTERM, from the kernel's mask of caught signals."""
    caught = re.search(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def wait_for_ffmpeg(process: subprocess.Popen[str], door) -> None:
    wait_until("ffmpeg", lambda: bool(at_work_on(door.folder / "work") - {process.pid}), 60)


def wait_for_nobody(door) -> None:
    wait_until("the end of ffmpeg", lambda: not at_work_on(door.folder / "work"), 10)


def test_told_to_stop_it_stops_ffmpeg_and_asks_to_be_replaced(door, endless):
    process = door.start(endless)
    wait_for_ffmpeg(process, door)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert Exit.INTERRUPTED == process.returncode
    wait_for_nobody(door)
    assert "Interrupted" == door.termination.reason
    assert [] == list((door.folder / "work").iterdir())


def test_told_to_stop_before_it_began_it_asks_to_be_replaced(door):
    """The order is a pipe that nobody writes: loading is over, or not, when the signal comes."""
    assert Exit.INTERRUPTED == __main__.INTERRUPTED
    os.mkfifo(door.folder / "order.json")
    line = [sys.executable, "-m", "mediaops_ops", "run", "-f", str(door.folder / "order.json")]
    process = subprocess.Popen(line)
    wait_until("its handler", lambda: handles_sigterm(process.pid), 60)

    process.send_signal(signal.SIGTERM)

    assert Exit.INTERRUPTED == process.wait(30)


def test_over_its_deadline_it_ends_as_an_attempt(door, bucket, endless):
    process = door.start(endless.model_copy(update={"deadline_seconds": 8}))
    process.communicate(timeout=60)

    assert Exit.DEADLINE == process.returncode
    wait_for_nobody(door)
    assert ("DeadlineExceeded", None) == (door.termination.reason, door.termination.step)
    assert b"DeadlineExceeded" in bucket.objects["acme/steps/small/clip-pass-1.log"]


def test_over_its_deadline_it_still_says_what_could_not_be_done(door, endless, step):
    outside = step("corner", "crop", {"x": 300, "y": 0, "width": 100, "height": 100})
    changed = {"deadline_seconds": 8, "steps": [outside, *endless.steps]}
    process = door.start(endless.model_copy(update=changed))
    process.communicate(timeout=60)

    assert Exit.DEADLINE == process.returncode
    assert ("corner", "InvalidParameters") == (door.termination.step, door.termination.reason)
    assert ["DeadlineExceeded"] == [other.reason for other in door.termination.others]


def test_near_its_disk_limit_it_ends_as_an_attempt(door, endless):
    process = door.start(endless.model_copy(update={"disk_bytes": endless.source.size_bytes + 4096}))
    process.communicate(timeout=60)

    assert (Exit.DISK_FULL, "DiskFull") == (process.returncode, door.termination.reason)


def test_killed_outright_it_leaves_no_ffmpeg_behind(door, endless):
    process = door.start(endless)
    wait_for_ffmpeg(process, door)

    process.kill()
    process.communicate(timeout=60)

    wait_for_nobody(door)


def test_what_failed_stands_in_the_termination_message_and_the_log_in_storage(door, bucket, clip, step):
    steps = [
        step("corner", "crop", {"x": 300, "y": 0, "width": 100, "height": 100}),
        step("poster", "thumbnail"),
    ]
    process = door.start(door.order(source=bucket.put_source(clip), steps=steps))
    _, log = process.communicate(timeout=60)

    assert Exit.IMPOSSIBLE == process.returncode
    assert ("corner", "InvalidParameters", True) == (
        door.termination.step,
        door.termination.reason,
        door.termination.permanent,
    )
    assert "does not fit into the picture of 320x180" in door.termination.message
    assert b"InvalidParameters" in bucket.objects["acme/steps/corner/clip-pass-1.log"]
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"started", "stored", "finished"} <= {line["message"] for line in lines}
    for secret in (bucket.url, "the-pods-own-token", "the-capability"):
        assert secret not in log
    assert [] == list((door.folder / "work").iterdir())


def test_an_order_that_cannot_be_read_fails_with_a_message(door):
    process = door.start(door.order(), "--ingest")
    process.communicate(timeout=60)

    assert (Exit.FAILED, "InternalError") == (process.returncode, door.termination.reason)


def test_a_hang_that_no_exception_reaches_is_ended_by_force(tmp_path):
    program = f"""
import ctypes, sys
from pathlib import Path
from mediaops_ops import __main__, limits
limits.GRACE_SECONDS = 0.5
def last_words(ended): Path({str(tmp_path / "words")!r}).write_text(ended.reason)
watch = limits.Limits(deadline_seconds=0.5, disk_bytes=0, folder=Path({str(tmp_path)!r}), last_words=last_words)
with watch:
    ctypes.CDLL(None).sigsuspend(b"\\xff" * 128)
"""
    process = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)

    assert Exit.DEADLINE == process.returncode
    assert "DeadlineExceeded" == (tmp_path / "words").read_text()


def test_the_plan_can_be_seen_without_running_it(door, bucket, clip, step):
    steps = [step("vertical", "crop", {"aspect": "9:16", "mode": "center"}, stored=False)]
    steps.append(step("small", "compress", {"height": 720}, input="vertical"))
    (door.folder / "order.json").write_text(
        door.order(source=bucket.put_source(clip), steps=steps).model_dump_json(by_alias=True)
    )
    line = [sys.executable, "-m", "mediaops_ops", "run", "--plan-only", "-f", str(door.folder / "order.json")]

    shown = subprocess.run(line, capture_output=True, text=True, check=True).stdout

    assert "# small (compress of vertical): small/rendition.mp4" in shown
    assert re.search(r"crop=608:1080:656:0.*scale=406:720", shown)
    assert not bucket.gets


def test_disk_use_counts_every_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(os.urandom(100_000))

    assert 100_000 <= limits.used_bytes(tmp_path) < 120_000
