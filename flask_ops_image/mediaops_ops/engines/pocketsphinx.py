"""Listening with pocketsphinx: offline, English, on the processor alone; real, but no match for larger models.

Sound is read and decoded an utterance at a time, so an hour takes no more memory than a minute. Each
utterance is decoded by itself (cepstral means over the whole of it), so the same sound gives the same words
wherever it stands in a file. Two guards keep words from being made up: only what a voice activity detector
takes for speech is decoded at all, and the model's fillers (silence, breath, noise) are no words.
"""

from __future__ import annotations

import re
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediaops.operations.transcribe import DEFAULT_MODELS, TranscribeEngine
from mediaops.reasons import Reason
from mediaops.transcript import Segment, Transcript, Word
from mediaops_ops.engines.utterances import FRAME_MILLIS, Frame, Utterance, utterances
from mediaops_ops.outcome import Progress, StepError

if TYPE_CHECKING:
    import pocketsphinx

LANGUAGE = "en"
SAMPLE_RATE = 16_000
MODEL = DEFAULT_MODELS[TranscribeEngine.POCKETSPHINX]
DECODER_FRAME_MILLIS = 10
SEARCH: dict[str, Any] = {"cmn": "batch", "beam": 1e-60, "pbeam": 1e-60, "wbeam": 1e-40}
"""How the decoder searches, where that differs from its defaults.

Measured on jfk.flac: with the default beams (1e-48) noise of a single bit turns "what your country can do"
into "like you are comparing can do"; with these it survives that, half the volume, and AAC and MP3 between,
for 1.7 times the work.
"""

_FILLER = re.compile(r"^[<\[+]")
_PRONUNCIATION = re.compile(r"\(\d+\)$")


def listen(audio: Path, *, language: str | None, model: str, progress: Progress) -> Transcript:
    """Write down a WAV file (16 kHz, mono, 16 bit); a file in which nobody speaks gives no words.

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
    import pocketsphinx  # 40 MB of model; only who listens pays for it

    with wave.open(str(audio), "rb") as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            raise StepError(Reason.INVALID_MEDIA, "The prepared sound isn't 16 kHz mono of 16 bits.")
        duration = sound.getnframes() * 1000 // SAMPLE_RATE
        decoder = pocketsphinx.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", **SEARCH)
        heard: list[list[Word]] = []
        for utterance in utterances(_frames(sound, pocketsphinx.Vad(sample_rate=SAMPLE_RATE))):
            heard.append(_decoded(decoder, utterance, duration))
            progress(min(1.0, sound.tell() / max(1, sound.getnframes())))
    progress(1.0)
    spoken = [words for words in heard if words]
    return Transcript(
        engine=TranscribeEngine.POCKETSPHINX,
        model=MODEL,
        language=LANGUAGE,
        duration_millis=duration,
        segments=tuple(_segment(words) for words in spoken),
        words=tuple(word for words in spoken for word in words),
    )


def _frames(sound: wave.Wave_read, vad: pocketsphinx.Vad) -> Iterator[Frame]:
    """Read sound a frame at a time; a last piece shorter than a frame is filled up with silence."""
    import numpy as np  # as above

    samples = SAMPLE_RATE * FRAME_MILLIS // 1000
    while pcm := sound.readframes(samples):
        whole = pcm.ljust(samples * 2, b"\0")
        loudness = float(np.mean(np.square(np.frombuffer(whole, dtype="<i2").astype(np.float32))))
        yield Frame(whole, vad.is_speech(whole), loudness)


def _decoded(decoder: pocketsphinx.Decoder, utterance: Utterance, duration: int) -> list[Word]:
    """Give an utterance's words, with times in the file."""
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
