"""What callers may ask for: the seed's body, and per operation its parameters; pure.

The resource's CEL rules on parameters bind the API server, not this door, so those that span fields stand here
once more; a test holds the two against each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mediaops.models.work import StepOrder
from mediaops.operations import REGISTRY, Parameters
from mediaops.operations.caption import CaptionParameters
from mediaops.operations.compress import CompressParameters
from mediaops.operations.crop import CropParameters
from mediaops.operations.filter import FilterParameters, FilterStep
from mediaops.operations.thumbnail import ThumbnailParameters
from mediaops.operations.transcribe import TranscribeEngine, TranscribeParameters
from mediaops.problems import from_validation, invalid
from mediaops_ops import guarded
from mediaops_ops.outcome import StepError

OPERATIONS = tuple(REGISTRY)
OPENAI_MODELS = re.compile(r"^(whisper|gpt)-")
_DRIVE = re.compile(
    r"^https://drive\.google\.com/(?:file/d/|(?:open|uc)\?(?:\S*&)?id=)([A-Za-z0-9_-]{10,256})(?:[/?&#]|$)"
)

MAX_TRANSCRIPT = 100_000
ALIASES = {"caption": {"caption_style": "style"}}
"""Names that the seed gives to parameters, by operation."""

SUBTITLES_SENTENCE = (
    "one burnSubtitles in a filter operation; write a second filter operation for a second language"
)
FILTER_SENTENCE = "a step is exactly one filter, such as brightness: 10; write the next one as a further step"


class JobRequest(BaseModel):
    """The seed's body."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)

    job_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
    """The caller's name for the job; the same again gives the same answer and starts nothing."""
    file_url: Annotated[str, Field(min_length=1, max_length=2048)]
    """An https address, or that of a file in Google Drive."""
    params: dict[str, Any] = {}
    """The operation's parameters, snake_case or camelCase."""
    callback_url: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """An https address that is called when the job has ended."""


class CaptionExtras(BaseModel):
    """What only this door takes with a caption, because it has no asset that would know it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transcript: Annotated[str, Field(max_length=MAX_TRANSCRIPT)] | None = None
    attributes: Annotated[dict[str, Annotated[str, Field(max_length=256)]], Field(max_length=32)] = {}


@dataclass(frozen=True)
class Order:
    """A request that was found good."""

    operation: str
    request: JobRequest
    parameters: Parameters
    extras: CaptionExtras
    drive_file: str | None
    """The file's id, where the address is Google Drive's."""

    def step(self) -> StepOrder:
        """Give the step that does it; the defaults that depend on the file type are filled in when it is known."""
        platforms = self.parameters.platforms if isinstance(self.parameters, CaptionParameters) else None
        return StepOrder(
            step_key="serve",
            name=self.operation,
            type=self.operation,
            parameters=self.parameters.wire(),
            platforms=platforms or [],
            attributes=self.extras.attributes,
        )


def read(operation: str, body: Any) -> Order:
    """Read a request's body; raises Problem 422 naming each wrong field."""
    try:
        request = JobRequest.model_validate(body)
    except ValidationError as error:
        raise from_validation(error) from error
    names = ALIASES.get(operation, {})
    params = {names.get(name, name): value for name, value in request.params.items()}
    extras = {
        name: params.pop(name)
        for name in CaptionExtras.model_fields
        if operation == "caption" and name in params
    }
    if (
        operation == "transcribe"
        and "engine" not in params
        and OPENAI_MODELS.match(str(params.get("model", "")))
    ):
        params["engine"] = TranscribeEngine.OPENAI.value  # the seed names the model alone: whisper-1
    try:
        parameters = REGISTRY[operation].parse(params)
        more = CaptionExtras.model_validate(extras)
    except ValidationError as error:
        raise from_validation(error, "params.") from error
    if fault := spanning_fault(parameters):
        raise invalid(*fault)
    return Order(operation, request, parameters, more, _checked_addresses(request))


def _checked_addresses(request: JobRequest) -> str | None:
    """Give the Drive file's id, if it is one; raises Problem for addresses that would never be fetched."""
    drive = _DRIVE.match(request.file_url)
    for field in ("file_url", "callback_url"):
        url = getattr(request, field)
        if url is None or (field == "file_url" and drive):
            continue
        try:
            guarded.parsed(url)
        except StepError as error:
            raise invalid(field, error.message) from error
    return drive[1] if drive else None


def spanning_fault(parameters: Parameters) -> tuple[str, str] | None:
    """Give the (field, sentence) of the first rule over several fields that is broken, or None."""
    match parameters:
        case CropParameters():
            return _crop_fault(parameters)
        case CompressParameters() if len(parameters.aims) > 1:
            return "params.crf", "give at most one of crf, bitrateKbps, targetVmaf and maxSizeBytes"
        case ThumbnailParameters() if parameters.at_millis is not None:
            other = (
                "count" if parameters.count is not None else "best" if parameters.best is not None else None
            )
            return ("params.at_millis", f"give atMillis or {other}, not both") if other else None
        case TranscribeParameters() if parameters.translation_model and not parameters.translate_to:
            return "params.translation_model", "translationModel chooses who translates: give translateTo too"
        case FilterParameters():
            return _filter_fault(parameters)
    return None


def _filter_fault(parameters: FilterParameters) -> tuple[str, str] | None:
    if sum(step.burn_subtitles is not None for step in parameters.steps) > 1:
        return "params.steps", SUBTITLES_SENTENCE
    faults = ((f"params.steps.{i}", _step_fault(step)) for i, step in enumerate(parameters.steps))
    return next(((field, sentence) for field, sentence in faults if sentence), None)


def _step_fault(step: FilterStep) -> str | None:
    if sum(getattr(step, name) is not None for name in FilterStep.model_fields) != 1:
        return FILTER_SENTENCE
    if step.lut is not None and (step.lut.look is None) == (step.lut.file is None):
        return "give look or file, one of them"
    if step.burn_subtitles is not None:
        return "subtitles are burnt in by an asset's passes only, which have a transcript: apply a MediaAsset"
    if step.file is not None:
        return "files of a workspace's storage are read by an asset's passes only: apply a MediaAsset"
    return None


def _crop_fault(crop: CropParameters) -> tuple[str, str] | None:
    rectangle = crop.width is not None
    if rectangle != (crop.height is not None) or (not rectangle and {crop.x, crop.y, crop.bare_y} != {None}):
        return "params.width", "a rectangle needs width and height (x and y default to the centre)"
    if crop.y is not None and crop.bare_y is not None:
        return "params.y", "give y once; a bare y is read as true"
    if rectangle and crop.aspect is not None:
        return "params.aspect", "give a rectangle (x, y, width, height) or an aspect, not both"
    if crop.mode is not None and crop.aspect is None:
        return "params.mode", "mode says how to reach an aspect: give aspect too"
    if crop.resize is not None and crop.resize.width is None and crop.resize.height is None:
        return "params.resize", "give width, height, or both"
    return None
