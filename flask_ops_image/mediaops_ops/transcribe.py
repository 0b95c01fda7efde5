"""Run transcribe: an engine listens, the result is cut into cues, translated, and written as asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mediaops.cues import cut
from mediaops.models.work import StepOrder
from mediaops.operations.transcribe import (
    TranscribeEngine,
    TranscribeParameters,
    TranscriptFormat,
)
from mediaops.reasons import Reason
from mediaops.transcript import Transcript, file_name, srt, txt, vtt
from mediaops_ops import transcripts
from mediaops_ops.engines import (
    faster_whisper_listening,
    openai_listening,
    openai_translating,
    pocketsphinx,
)
from mediaops_ops.engines.glossary import spelt
from mediaops_ops.outcome import Inputs, OutputFile, StepOutcome

MEDIA_TYPES = {
    TranscriptFormat.JSON: "application/json",
    TranscriptFormat.SRT: "application/x-subrip",
    TranscriptFormat.VTT: "text/vtt",
    TranscriptFormat.TXT: "text/plain; charset=utf-8",
}
LISTEN_SHARE = 0.8
"""Share of the step's progress that listening has where there is something to translate afterwards."""

_WRITE: dict[TranscriptFormat, Callable[[Transcript], str]] = {
    TranscriptFormat.JSON: Transcript.to_json,
    TranscriptFormat.SRT: lambda transcript: srt(transcript.cues, transcript.language),
    TranscriptFormat.VTT: lambda transcript: vtt(transcript.cues, transcript.language),
    TranscriptFormat.TXT: lambda transcript: txt(transcript.segments),
}


def run(step: StepOrder, inputs: Inputs) -> StepOutcome:
    """Transcribe the prepared sound; raises StepError, and Unreachable where an outside engine stays away."""
    parameters = TranscribeParameters.model_validate(step.parameters).resolved(inputs.file_type)
    share = LISTEN_SHARE if parameters.translate_to else 1.0
    if inputs.transcript is not None:  # a person corrected it: there is nothing left to hear
        transcript = transcripts.read(inputs.transcript)
    elif inputs.audio is None:
        return StepOutcome(skipped=Reason.NO_AUDIO)
    else:
        transcript = _listen(
            parameters, inputs.audio, inputs.work_dir, lambda done: inputs.progress(done * share)
        )
    if not transcript.words:
        return StepOutcome(skipped=Reason.NO_SPEECH)
    cues = cut(transcript.words, transcript.duration_millis, transcript.language)
    transcript = transcript.model_copy(update={"cues": cues})
    written: dict[str | None, Transcript] = {None: transcript}
    if parameters.translate_to:
        translated = openai_translating.translate(
            transcript,
            parameters.translate_to,
            model=parameters.translation_model or "",
            glossary=parameters.glossary or (),
            progress=lambda done: inputs.progress(share + done * (1 - share)),
        )
        written |= zip(parameters.translate_to, translated, strict=True)
    # Status shows 64 files: those that other steps read stand first.
    files = tuple(
        _written(each, form, file_name(form, language), inputs.work_dir)
        for form in parameters.formats
        for language, each in written.items()
    )
    inputs.progress(1.0)
    return StepOutcome(files=files, values=_values(transcript, parameters.translate_to or ()))


def _listen(
    parameters: TranscribeParameters, audio: Path, folder: Path, progress: Callable[[float], None]
) -> Transcript:
    """Have the engine that was asked for listen; the glossary's terms come out as it spells them."""
    language, model, vad = parameters.language, parameters.model or "", parameters.vad
    word_times, glossary = parameters.word_timestamps, parameters.glossary or ()
    match parameters.engine:
        case TranscribeEngine.POCKETSPHINX:
            heard = pocketsphinx.listen(audio, language=language, model=model, vad=vad, progress=progress)
        case TranscribeEngine.FASTER_WHISPER:
            heard = faster_whisper_listening.listen(
                audio,
                language=language,
                model=model,
                word_times=word_times,
                vad=vad,
                glossary=glossary,
                progress=progress,
            )
        case TranscribeEngine.OPENAI:
            heard = openai_listening.listen(
                audio,
                language=language,
                model=model,
                word_times=word_times,
                vad=vad,
                glossary=glossary,
                folder=folder,
                progress=progress,
            )
    return spelt(heard, glossary)


def _written(transcript: Transcript, form: TranscriptFormat, name: str, folder: Path) -> OutputFile:
    """Write one format; the file's name is its name in the result."""
    path = folder / name
    path.write_text(_WRITE[form](transcript), encoding="utf-8")
    return OutputFile(name, path, MEDIA_TYPES[form], duration_millis=transcript.duration_millis)


def _values(transcript: Transcript, translations: Sequence[str]) -> dict[str, str]:
    """Give the short values that status and callbacks show."""
    values = {
        "engine": transcript.engine,
        "model": transcript.model,
        "language": transcript.language,
        "word_count": str(transcript.word_count),
        "duration": f"{transcript.duration_millis / 1000:g}",
    }
    if translations:
        values["translations"] = ", ".join(translations)
    if transcript.confidence is not None:
        values["confidence"] = f"{transcript.confidence:.2f}"
    return values
