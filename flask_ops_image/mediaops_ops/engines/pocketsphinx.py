"""Listening with pocketsphinx: offline, English, on the processor alone; real, but no match for larger models.

Sound is read an utterance at a time and decoded a few at a time, so an hour takes no more memory than a minute.
Each utterance is decoded by itself (cepstral means and noise of it alone), so the same sound gives the same words
wherever it stands in a file, and whatever is decoded beside it. Two guards keep words from being made up: only what
a voice activity detector takes for speech is decoded at all, and the model's fillers (silence, breath, noise) are no
words.
"""

from __future__ import annotations

import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

from pydantic import TypeAdapter

from mediaops.operations.transcribe import DEFAULT_MODELS, TranscribeEngine
from mediaops.reasons import Reason
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops import processors
from mediaops_ops.engines.side_by_side import streamed
from mediaops_ops.engines.sound import BYTES_PER_MILLI, FRAME_BYTES, RATE, frames, length_millis
from mediaops_ops.engines.utterances import Frame, Utterance, utterances
from mediaops_ops.outcome import Progress, StepError

if TYPE_CHECKING:
    import pocketsphinx

LANGUAGE = "en"
MODEL = DEFAULT_MODELS[TranscribeEngine.POCKETSPHINX]
DECODER_FRAME_MILLIS = 10
SEARCH: dict[str, Any] = {"cmn": "batch", "beam": 1e-60, "pbeam": 1e-60, "wbeam": 1e-40, "maxhmmpf": 7000}
"""How the decoder searches, where that differs from its defaults.

Measured on jfk.flac: with the default beams (1e-48) noise of a single bit turns "what your country can do"
into "like you are comparing can do"; with these it survives that, half the volume, and AAC and MP3 between. At most
7,000 states are followed at a time, a quarter of the default: under half the work for no more wrong words (0086).
"""

MOST_DECODERS = 4
"""Utterances decoded at a time, where there are as many processors: each decoder has a model of its own in memory."""
ALONE_BELOW_MILLIS = 30_000
"""Shorter sounds have hardly a second utterance to decode meanwhile."""
HELD_BACK = 0.95
"""Share of what is read that counts as done: the last utterances are read while others are still decoded."""

_HEAD = struct.Struct("<II")
"""Before an utterance in a pipe: its bytes, and when it begins."""
_WORDS = TypeAdapter(list[Word])
_FILLER = re.compile(r"^[<\[+]")
_PRONUNCIATION = re.compile(r"\(\d+\)$")


def listen(audio: Path, *, language: str | None, model: str, vad: bool, progress: Progress) -> Transcript:
    """Write down a sound file; one in which nobody speaks gives no words. Without `vad` all of it is decoded.

    Raises StepError (permanent) for another language or model than the one there is.
    """
    if language not in (None, LANGUAGE):
        raise StepError(
            Reason.UNSUPPORTED_LANGUAGE,
            f"pocketsphinx knows English (en) only, not {language}; use the engine openai.",
            permanent=True,
        )
    if model != MODEL:
        raise StepError(
            Reason.INVALID_PARAMETERS,
            f"pocketsphinx has the model {MODEL} only, not {model}.",
            permanent=True,
        )
    import pocketsphinx  # only who listens pays for it

    sound = _Sound(audio, pocketsphinx.Vad(sample_rate=RATE) if vad else None)
    heard: list[list[Word]] = []
    with _Decoders() as decoders:
        for words in decoders.decoded(utterances(sound), sound.length):
            heard.append(words)
            progress(sound.done * HELD_BACK)
    progress(1.0)
    spoken = [words for words in heard if words]
    return Transcript(
        engine=TranscribeEngine.POCKETSPHINX,
        model=MODEL,
        language=LANGUAGE,
        duration_millis=sound.millis,
        segments=tuple(_segment(words) for words in spoken),
        words=tuple(word for words in spoken for word in words),
    )


class _Sound:
    """A sound's frames, and how far they are read; a last piece shorter than a frame is filled up with silence."""

    def __init__(self, audio: Path, vad: pocketsphinx.Vad | None) -> None:
        self._audio, self._vad = audio, vad
        self.length = length_millis(audio)
        self.millis = 0

    @property
    def done(self) -> float:
        """Give the fraction that is read."""
        return min(1.0, self.millis / max(1, self.length))

    def __iter__(self) -> Iterator[Frame]:
        import numpy as np  # as above

        for pcm in frames(self._audio):
            self.millis += len(pcm) // BYTES_PER_MILLI
            whole = pcm.ljust(FRAME_BYTES, b"\0")
            loudness = float(np.mean(np.square(np.frombuffer(whole, dtype="<i2").astype(np.float32))))
            yield Frame(whole, self._vad is None or self._vad.is_speech(whole), loudness)


class _Decoders:
    """Decoders side by side, each in a process of its own: pocketsphinx holds the interpreter while it decodes."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def decoded(self, spoken: Iterable[Utterance], length_millis: int) -> Iterator[list[Word]]:
        """Give the words of each utterance, in order; raises StepError."""
        workers = min(processors.usable(), MOST_DECODERS)
        if workers == 1 or length_millis < ALONE_BELOW_MILLIS:
            return map(partial(_decoded, _decoder()), spoken)
        return streamed(self._started, spoken, workers)

    def _started(self) -> Callable[[Utterance], list[Word]]:
        line = [sys.executable, "-m", __name__]
        process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._processes.append(process)
        return partial(_asked, process)


def _asked(process: subprocess.Popen[bytes], utterance: Utterance) -> list[Word]:
    """Have another process decode an utterance; raises StepError where it died of it."""
    asked, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        asked.write(_HEAD.pack(len(utterance.pcm), utterance.start_millis) + utterance.pcm)
        asked.flush()
        answer = answers.readline()
    except BrokenPipeError:
        answer = b""
    if not answer:
        died_of = process.wait()
        reason = Reason.OUT_OF_MEMORY if died_of == -signal.SIGKILL else Reason.INTERNAL_ERROR
        raise StepError(reason, f"pocketsphinx ended unexpectedly (exit code {died_of}).")
    return _WORDS.validate_json(answer)


def main() -> None:
    """Decode utterances as `_asked` writes them, a line of words for each, until there are no more."""
    decoder, asked = _decoder(), sys.stdin.buffer
    while head := asked.read(_HEAD.size):
        size, start_millis = _HEAD.unpack(head)
        words = _decoded(decoder, Utterance(asked.read(size), start_millis))
        sys.stdout.buffer.write(_WORDS.dump_json(words) + b"\n")
        sys.stdout.buffer.flush()


def _decoder() -> pocketsphinx.Decoder:
    import pocketsphinx  # 40 MB of model; only who listens pays for it

    return pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL", **SEARCH)


def _decoded(decoder: pocketsphinx.Decoder, utterance: Utterance) -> list[Word]:
    """Give an utterance's words, with times in the file."""
    duration = utterance.start_millis + len(utterance.pcm) // BYTES_PER_MILLI
    decoder.reinit_feat()  # else it takes what it learned of noise from whatever it decoded before
    decoder.start_utt()
    decoder.process_raw(utterance.pcm, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [
        Word(
            text=_PRONUNCIATION.sub("", piece.word),
            start_millis=min(duration, utterance.start_millis + piece.start_frame * DECODER_FRAME_MILLIS),
            end_millis=min(duration, utterance.start_millis + (piece.end_frame + 1) * DECODER_FRAME_MILLIS),
            confidence=round(min(1.0, max(0.0, piece.prob)), 3),
        )
        for piece in decoder.seg()
        if not _FILLER.match(piece.word)
    ]


def _segment(words: list[Word]) -> Segment:
    """Give an utterance's words as one stretch of speech; its confidence is their mean."""
    sure = [word.confidence or 0.0 for word in words]
    return Segment(
        text=" ".join(word.text for word in words),
        start_millis=words[0].start_millis,
        end_millis=words[-1].end_millis,
        confidence=round(sum(sure) / len(sure), 3),
    )


if __name__ == "__main__":
    main()
