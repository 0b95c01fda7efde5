"""Measure finished files for quality checks: black, frozen and silent stretches, loudness, VMAF, cues.

What a file hasn't is no failure: the outcome says why nothing was measured, and whoever holds figures against limits
decides what that means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mediaops import measures
from mediaops.graph import measuring as lines
from mediaops.measures import Measure
from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.models.work import StepOrder
from mediaops.reasons import Reason
from mediaops_ops import ffmpeg, fonts, processors, transcripts
from mediaops_ops.analyses import loudness
from mediaops_ops.outcome import Finished, Inputs, StepError, StepOutcome

_SCORE = re.compile(r"VMAF score: ([\d.]+)")


def run(step: StepOrder, inputs: Inputs) -> StepOutcome:
    """Measure one file; raises StepError."""
    if inputs.finished is None:
        raise ValueError(f"{step.name} has nothing to measure")
    measured: Callable[[Finished, Inputs], StepOutcome] = {
        Measure.PICTURE: _picture,
        Measure.SOUND: _sound,
        Measure.VMAF: _vmaf,
        Measure.TRANSCRIPT: _transcript,
    }[measures.STEP_TYPES[step.type]]
    return measured(inputs.finished, inputs)


def _figures(**values: float) -> StepOutcome:
    """Give figures with one decimal, which is what they are compared and shown with."""
    return StepOutcome(values={name: f"{value:.1f}" for name, value in values.items()})


def _media(finished: Finished, inputs: Inputs) -> tuple[Path, Media]:
    from mediaops_ops import probe

    path = finished.files[0]
    return path, probe.check(path, inputs.file_type)


def _ran(
    line: Sequence[str], inputs: Inputs, media: Media, environment: Mapping[str, str] | None = None
) -> str:
    """Run a line in the step's folder; give what FFmpeg said."""
    seconds = (media.duration_millis or 0) / 1000

    def on_report(report: dict[str, str]) -> None:
        inputs.progress(ffmpeg.time_done(report, seconds))

    said = ffmpeg.run(line, inputs.work_dir, environment, on_report=on_report, on_tick=lambda: None)
    return "\n".join(said)


def _printed(inputs: Inputs) -> str:
    path = inputs.work_dir / lines.PRINTED
    return path.read_text() if path.exists() else ""


def _picture(finished: Finished, inputs: Inputs) -> StepOutcome:
    if inputs.file_type is not FileType.VIDEO:
        return StepOutcome(skipped=Reason.NO_PICTURE)
    path, media = _media(finished, inputs)
    _ran(lines.picture_line(ffmpeg.executable(), str(path), media, processors.usable()), inputs, media)
    printed = _printed(inputs)
    last = media.last_frame_millis or media.duration_millis or 0
    end = last / 1000 + 1 / (media.frame_rate or lines.LOOKS_PER_SECOND)
    found = {
        measures.BLACK: measures.longest(printed, measures.BLACK_KEYS, end),
        measures.FROZEN: measures.longest(printed, measures.FROZEN_KEYS, end),
    }
    return _figures(**found)


def _sound(finished: Finished, inputs: Inputs) -> StepOutcome:
    path, media = _media(finished, inputs)
    if media.sound is None:
        return StepOutcome(skipped=Reason.NO_AUDIO)
    length = media.duration_millis or 0
    line = lines.sound_line(ffmpeg.executable(), str(path), media.sound, length, processors.usable())
    loud = loudness.figures(_ran(line, inputs, media))
    silent = measures.longest(_printed(inputs), measures.SILENT_KEYS, length / 1000)
    found = {
        measures.LUFS: loud.integrated_lufs,
        measures.TRUE_PEAK: loud.true_peak_dbtp,
        measures.SILENT: silent,
    }
    return _figures(**found)


def _vmaf(finished: Finished, inputs: Inputs) -> StepOutcome:
    way, source = finished.way, finished.source
    if way is None or source is None:
        raise ValueError("there is no picture to measure against")
    if way.apart:
        return StepOutcome(skipped=Reason.FILTERED_APART)
    path, media = _media(finished, inputs)
    if min(media.width or 0, media.height or 0) < measures.LEAST_SIDE:
        return StepOutcome(skipped=Reason.PICTURE_TOO_SMALL)
    threads = processors.usable()
    (inputs.work_dir / lines.GRAPH).write_text(lines.vmaf_graph(way, media, threads), encoding="utf-8")
    line = lines.vmaf_line(ffmpeg.executable(), str(source), str(path), threads)
    environment = fonts.installed(way.files, inputs.work_dir)
    score = _SCORE.search(_ran(line, inputs, media, environment))
    if score is None:
        raise StepError(Reason.ENCODE_FAILED, "The VMAF of the finished file could not be measured.")
    return _figures(**{measures.VMAF: float(score[1])})


def _transcript(finished: Finished, inputs: Inputs) -> StepOutcome:
    read = [transcripts.read(path) for path in finished.files]
    cued = [transcript for transcript in read if transcript.cues]
    if not cued:
        return StepOutcome(skipped=Reason.NO_SPEECH)
    fastest = max(measures.characters_per_second(transcript.cues) for transcript in cued)
    confidence = read[0].confidence  # as it was heard; translations have none
    inputs.progress(1.0)
    found = {measures.FASTEST_CUE: fastest}
    return _figures(**found, **({} if confidence is None else {measures.CONFIDENCE: confidence * 100}))
