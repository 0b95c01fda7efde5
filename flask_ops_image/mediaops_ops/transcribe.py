"""Run transcribe: an engine listens, the result is cut into cues and written in the formats asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mediaops.cues import cut
from mediaops.models.work import StepOrder
from mediaops.operations.transcribe import (
    TranscribeEngine,
    TranscribeParameters,
    TranscriptFormat,
)
from mediaops.reasons import Reason
from mediaops.transcript import Transcript, srt, txt, vtt
from mediaops_ops.engines import openai_listening, pocketsphinx
from mediaops_ops.outcome import Inputs, OutputFile, StepOutcome

MEDIA_TYPES = {
    TranscriptFormat.JSON: "application/json",
    TranscriptFormat.SRT: "application/x-subrip",
    TranscriptFormat.VTT: "text/vtt",
    TranscriptFormat.TXT: "text/plain; charset=utf-8",
}
LISTEN_SHARE = 0.99
"""Share of the step's progress that listening has; writing the files has the rest."""

_WRITE: dict[TranscriptFormat, Callable[[Transcript], str]] = {
    TranscriptFormat.JSON: Transcript.to_json,
    TranscriptFormat.SRT: lambda transcript: srt(transcript.cues),
    TranscriptFormat.VTT: lambda transcript: vtt(transcript.cues),
    TranscriptFormat.TXT: lambda transcript: txt(transcript.segments),
}


def run(step: StepOrder, inputs: Inputs) -> StepOutcome:
    """Transcribe the prepared sound; raises StepError, and Unreachable where an outside engine stays away."""
    parameters = TranscribeParameters.model_validate(step.parameters).resolved(inputs.file_type)
    if inputs.audio is None:
        return StepOutcome(skipped=Reason.NO_AUDIO)
    transcript = _listen(parameters, inputs.audio, lambda done: inputs.progress(done * LISTEN_SHARE))
    if not transcript.words:
        return StepOutcome(skipped=Reason.NO_SPEECH)
    transcript = transcript.model_copy(update={"cues": cut(transcript.words, transcript.duration_millis)})
    files = tuple(_written(transcript, form, inputs.work_dir) for form in parameters.formats)
    inputs.progress(1.0)
    return StepOutcome(files=files, values=_values(transcript))


def _listen(parameters: TranscribeParameters, audio: Path, progress: Callable[[float], None]) -> Transcript:
    """Have the engine that was asked for listen."""
    engine = (
        pocketsphinx.listen if parameters.engine is TranscribeEngine.POCKETSPHINX else openai_listening.listen
    )
    return engine(audio, language=parameters.language, model=parameters.model or "", progress=progress)


def _written(transcript: Transcript, form: TranscriptFormat, folder: Path) -> OutputFile:
    """Write one format; the file's name is its name in the result."""
    path = folder / f"transcript.{form}"
    path.write_text(_WRITE[form](transcript), encoding="utf-8")
    return OutputFile(path.name, path, MEDIA_TYPES[form], duration_millis=transcript.duration_millis)


def _values(transcript: Transcript) -> dict[str, str]:
    """Give the short values that status and callbacks show."""
    values = {
        "engine": transcript.engine,
        "model": transcript.model,
        "language": transcript.language,
        "word_count": str(transcript.word_count),
        "duration": f"{transcript.duration_millis / 1000:g}",
    }
    if transcript.confidence is not None:
        values["confidence"] = f"{transcript.confidence:.2f}"
    return values
