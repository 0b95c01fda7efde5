"""`python -m tests.corpus.fuzzing FILES SCRATCH FIRST END STEP`: damaged files through probe and one transform.

Cases are numbered; a number gives its file, its damage and its operation, always the same. Each case is a line of
JSON on standard output when it begins and one when it has ended. A crash of the runner is the end of this process,
so whoever started it knows which case it was.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

from mediaops.models.work import StepOrder
from tests.corpus.kinds import AUDIO, IMAGE, VIDEO
from tests.corpus.mutations import mutated
from tests.corpus.tables import FILES
from tests.unit.ops.conftest import Bucket, Door

SEEDS = (
    *(
        "plain.mp4",
        "fragmented.mp4",
        "quicktime.mov",
        "matroska.mkv",
        "vp9.webm",
        "mpeg4.avi",
        "transport.ts",
    ),
    *("flash.flv", "windows.wmv", "broadcast.mxf", "theora.ogv", "program.mpg", "animated.gif", "hevc.mp4"),
    *(
        "plain.jpg",
        "orientation-6.jpg",
        "profiled.jpg",
        "plain.png",
        "alpha.webp",
        "plain.avif",
        "moving.gif",
    ),
    *("moving.webp", "lzw.tif", "plain.bmp", "phone.heic"),
    *(
        "plain.wav",
        "variable.mp3",
        "plain.flac",
        "plain.m4a",
        "cover.mp3",
        "vorbis.ogg",
        "bare.aac",
        "plain.aiff",
    ),
)
"""Files, by name, that are damaged."""
TRANSFORMS: dict[str, tuple[dict[str, Any], ...]] = {
    VIDEO: (
        {"type": "compress", "parameters": {"height": 48}},
        {"type": "crop", "parameters": {"aspect": "1:1", "mode": "center"}},
        {"type": "thumbnail", "parameters": {"count": 2}},
    ),
    IMAGE: (
        {"type": "compress", "parameters": {"codec": "webp"}},
        {"type": "crop", "parameters": {"aspect": "1:1", "mode": "center"}},
        {"type": "thumbnail", "parameters": {}},
    ),
    AUDIO: (
        {"type": "compress", "parameters": {"codec": "opus"}},
        {"type": "thumbnail", "parameters": {}},
    ),
}


def main(files: Path, scratch: Path, numbers: range) -> None:
    """Run the cases of those numbers."""
    known = {file.name: file for file in FILES}
    bucket = Bucket()
    door = Door(bucket, scratch)
    for number in numbers:
        dice = random.Random(number)  # noqa: S311
        file = known[SEEDS[number % len(SEEDS)]]
        step = StepOrder(step_key="it", name="it", job_id="row", **dice.choice(TRANSFORMS[file.file_type]))
        _say(case=number, file=file.name, type=step.type)
        damaged = scratch / "damaged"
        damaged.write_bytes(mutated(dice, (files / file.name).read_bytes()))
        bucket.objects.clear()
        order = door.order(
            source=bucket.put_source(damaged, "acme/uploads/source"), steps=[step], file_type=file.file_type
        )
        begin = time.monotonic()
        door.run(order)
        result = bucket.result("it")
        _say(
            ended=number,
            seconds=round(time.monotonic() - begin, 1),
            reasons=[failure.reason for failure in door.failures],
            messages=[failure.message for failure in door.failures],
            files=len(result.files) if result else 0,
            children=_children(),
            peak_mib=max(_peak(resource.RUSAGE_SELF), _peak(resource.RUSAGE_CHILDREN)) // 1024,
        )
    bucket.close()


def _say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def _children() -> int:
    """Count the processes that this one has left running."""
    count = 0
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            count += len(path.read_text().split())
        except FileNotFoundError:  # a thread that has just ended
            continue
    return count


def _peak(who: int) -> int:
    """Give the most memory that this process, or any child, had at a time, in KiB."""
    return resource.getrusage(who).ru_maxrss


if __name__ == "__main__":
    os.environ["MEDIAOPS_PATIENCE_SECONDS"] = "5"
    main(Path(sys.argv[1]), Path(sys.argv[2]), range(*(int(argument) for argument in sys.argv[3:])))
