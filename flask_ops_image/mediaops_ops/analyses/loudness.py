"""How loud a sound is: one decode of the sound alone, through FFmpeg's loudnorm."""

from __future__ import annotations

import json

from mediaops.encoding import in_stereo
from mediaops.graph import Findings, reading
from mediaops.operations.loudness import MEASURING, SILENT_LUFS, LoudnessFound
from mediaops.reasons import Reason
from mediaops_ops import ffmpeg, processors
from mediaops_ops.analyses import Subject
from mediaops_ops.outcome import StepError

NAMES = {
    "integrated_lufs": "input_i",
    "true_peak_dbtp": "input_tp",
    "range_lu": "input_lra",
    "threshold_lufs": "input_thresh",
}
"""Our names of the figures, and loudnorm's."""


def find(subject: Subject) -> Findings:
    """Measure the whole sound; raises StepError."""
    sound = subject.media.sound
    if sound is None:
        raise StepError(Reason.NO_AUDIO, Reason.NO_AUDIO.sentence, permanent=True)
    seconds = (subject.media.duration_millis or 0) / 1000

    def on_report(report: dict[str, str]) -> None:
        subject.progress(ffmpeg.time_done(report, seconds))

    line = [
        *reading(ffmpeg.executable(), str(subject.source), [()], processors.usable(), loglevel="info"),
        *("-map", f"0:{sound.stream}", "-af", in_stereo(sound) + MEASURING, "-f", "null", "-"),
    ]
    said = "\n".join(ffmpeg.run(line, subject.folder, on_report=on_report, on_tick=lambda: None))
    return subject.findings.model_copy(update={"loudness": figures(said)})


def figures(said: str) -> LoudnessFound:
    """Read loudnorm's figures, the last JSON object of what FFmpeg said; raises StepError."""
    try:
        told = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
        found = {name: float(told[theirs]) for name, theirs in NAMES.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise StepError(Reason.ENCODE_FAILED, "FFmpeg didn't say how loud the sound is.") from error
    # Silence is minus infinity, which JSON can't hold.
    return LoudnessFound(**{name: max(value, SILENT_LUFS) for name, value in found.items()})
