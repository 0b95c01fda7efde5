"""What an operation made: from its result into status, and from status back to a result."""

from __future__ import annotations

from mediaops.models.conditions import NamedValue, OutputStatus
from mediaops.models.processingjob import ProcessingJobStatus
from mediaops.models.work import StepResult, StoredFile
from mediaops.planner import Step

MAX_OUTPUTS = 64
MAX_VALUES = 32


def outputs(operation: str, result: StepResult, bucket: str) -> list[OutputStatus]:
    """Give the files of a result as status shows them."""
    return [
        OutputStatus(
            operation=operation,
            name=file.name,
            uri=f"s3://{bucket}/{file.key}",
            media_type=file.media_type,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            width_pixels=file.width_pixels,
            height_pixels=file.height_pixels,
            duration_millis=file.duration_millis,
        )
        for file in result.files[:MAX_OUTPUTS]
    ]


def values(result: StepResult) -> list[NamedValue]:
    """Give the short values of a result, within status's bounds."""
    pairs = list(result.values.items())[:MAX_VALUES]
    return [NamedValue(name=name[:40], value=value[:256]) for name, value in pairs]


def result_of(step: Step, status: ProcessingJobStatus) -> StepResult:
    """Give back a settled operation's result as far as status holds it: all but texts."""
    files = [
        StoredFile(
            name=output.name,
            key=output.uri.removeprefix("s3://").partition("/")[2],
            media_type=output.media_type,
            size_bytes=output.size_bytes,
            sha256=output.sha256,
            duration_millis=output.duration_millis,
        )
        for output in status.outputs
    ]
    return StepResult(step_key=step.step_key, type=step.operation.type, job="", files=files)
