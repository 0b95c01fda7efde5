"""Whether a sound holds speech at all: engines outside make words up where nobody speaks, and cost money."""

from __future__ import annotations

from pathlib import Path

FRAME_SAMPLES = 480
"""30 ms at 16 kHz."""
LEAST_SPEECH_FRAMES = 8
MODE = 2
"""The detector's strictness, 0 to 3: strict enough for room noise, lenient enough for a far voice."""


def holds_speech(audio: Path) -> bool:
    """Read a sound file until a quarter of a second of speech was heard; reads 16 kHz mono of any format."""
    import av  # only who listens pays for the libraries
    import pocketsphinx

    vad = pocketsphinx.Vad(mode=MODE, sample_rate=16_000)
    heard, rest = 0, b""
    with av.open(str(audio)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        for frame in container.decode(audio=0):
            rest += b"".join(piece.to_ndarray().tobytes() for piece in resampler.resample(frame))
            whole = len(rest) - len(rest) % (FRAME_SAMPLES * 2)
            for at in range(0, whole, FRAME_SAMPLES * 2):
                heard += vad.is_speech(rest[at : at + FRAME_SAMPLES * 2])
            if heard >= LEAST_SPEECH_FRAMES:
                return True
            rest = rest[whole:]
    return False
