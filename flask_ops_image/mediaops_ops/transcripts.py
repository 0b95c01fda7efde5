"""Reading a transcript that another step, or a person, has left."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from mediaops.reasons import Reason
from mediaops.transcript import Transcript
from mediaops_ops.outcome import StepError


def read(path: Path) -> Transcript:
    """Read a transcript.json; raises StepError (permanent) where it is none: people name files in spec.review."""
    try:
        return Transcript.model_validate_json(path.read_bytes())
    except ValidationError as error:
        message = "The transcript named in spec.review isn't a transcript.json."
        raise StepError(Reason.INVALID_PARAMETERS, message, permanent=True) from error
