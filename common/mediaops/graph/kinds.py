"""What a step of each type makes, and which read the media file. Pure."""

from __future__ import annotations

from mediaops.measures import STEP_TYPES
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.operations import REGISTRY, Makes

PREPARE_AUDIO = "prepareAudio"
PREPARE_FRAMES = "prepareFrames"
PREPARE_CUTS = "prepareCuts"
PREPARE_SEGMENT = "prepareSegment"
"""Steps that no operation is: what they make is read by a step of a later pass."""
MAKES: dict[str, Makes] = {
    **{operation.name: operation.makes for operation in REGISTRY.values()},
    PREPARE_AUDIO: Makes.TRANSCRIPT,
    PREPARE_FRAMES: Makes.TEXT,
    PREPARE_CUTS: Makes.RENDITION,
    PREPARE_SEGMENT: Makes.RENDITION,
}
"""What a step of each type makes; what is prepared for another step is what that would read, or make."""


def needs_media(step: StepOrder, file_type: FileType) -> bool:
    """Say whether a step reads the media file itself, and not only what earlier passes prepared of it."""
    if step.engine is not None or step.type in STEP_TYPES:
        return False
    makes = MAKES[step.type]
    if makes is Makes.TRANSCRIPT:
        return "audio" not in step.reads
    if makes is Makes.TEXT and step.type != PREPARE_FRAMES:
        return file_type is not FileType.AUDIO and "frame-0" not in step.reads
    return True
