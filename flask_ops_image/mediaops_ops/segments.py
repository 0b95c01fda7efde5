"""Segments on disk: laid out for the command that joins them, and counted on both sides of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mediaops import segments
from mediaops.graph import CUTS, PREPARE_SEGMENT, Findings, Known, folder_name
from mediaops.media import Media
from mediaops.models.work import ObjectRef, StepOrder, segment_role
from mediaops.reasons import Reason
from mediaops.segments import Cuts
from mediaops_ops.outcome import OutputFile, StepError


def known(
    steps: Sequence[StepOrder], read: Callable[[ObjectRef, str], Path]
) -> tuple[Media, Findings] | None:
    """Give what was found out once for all segments; None where no step is one or joins them. Raises StepError."""
    step = next((step for step in steps if CUTS in step.reads), None)
    if step is None:
        return None
    try:
        found = Known.model_validate_json(read(step.reads[CUTS], CUTS).read_bytes())
    except ValidationError as error:
        raise StepError(Reason.INTERNAL_ERROR, "What says where to cut can't be read.") from error
    return found.media, found.findings(step.input if step.type == PREPARE_SEGMENT else step.name)


def lay_out(step: StepOrder, cuts: Cuts, read: Callable[[ObjectRef, str], Path], folder: Path) -> int:
    """Put all segments of a rendition beside their list; gives how many pictures they hold. Raises StepError."""
    place = folder / folder_name(step.name)
    place.mkdir(parents=True, exist_ok=True)
    pictures, headers = 0, set()
    for index in range(cuts.count):
        path = read(step.reads[segment_role(index)], segment_role(index))
        (place / segments.file_name(index)).symlink_to(path.resolve())
        count, first, header = _looked_at(path)
        if first != 0:
            raise _broken(f"segment {index} doesn't begin with its first picture")
        pictures += count
        headers.add(header)
    if len(headers) > 1:
        raise _broken("the segments' encoders differ")
    (place / segments.LIST).write_text(segments.listed(cuts))
    return pictures


def check(file: OutputFile) -> OutputFile:
    """Hold a segment against what makes it one: pictures, the first of them at nought. Raises StepError."""
    count, first, _ = _looked_at(file.path)
    if count == 0 or first != 0:
        raise _broken("a segment doesn't begin with its first picture")
    return file


def check_joined(file: OutputFile, pictures: int) -> None:
    """Hold a joined film against its segments: no picture doubled or lost, each later than the one before."""
    count, _, _ = _looked_at(file.path)
    if count != pictures:
        raise _broken(f"the joined film has {count} pictures, its segments {pictures}")


def _looked_at(path: Path) -> tuple[int, int | None, bytes]:
    """Count a film's pictures; give the tick of the first, and the encoder's header too. Raises StepError."""
    import av

    with av.open(str(path), options={"protocol_whitelist": "file,pipe"}) as container:
        stream: Any = container.streams.video[0]
        ticks = [packet.pts for packet in container.demux(stream) if packet.size]
        header = bytes(stream.codec_context.extradata or b"")
    if None in ticks or len(set(ticks)) != len(ticks):
        raise _broken("two pictures have the same time")
    return len(ticks), min(ticks, default=None), header


def _broken(what: str) -> StepError:
    return StepError(Reason.RESULT_INVALID, f"The film in segments came out wrong: {what}.")
