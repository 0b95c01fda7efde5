"""Guards against words that an engine made up, the same for every engine; pure.

Whisper and its kin write something where nobody speaks, and repeat themselves where they lose the thread. Their own
figures tell (the thresholds are the reference implementation's, openai/whisper, `transcribe()`), and so does a voice
activity detector that heard nobody.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

NO_SPEECH = 0.6
LOG_PROBABILITY = -1.0
COMPRESSION_RATIO = 2.4
HOPELESS_LOG_PROBABILITY = -2.0
"""Below this a text is guesswork, whatever else speaks for it: an eighth of certainty for each token."""


@dataclass(frozen=True)
class Claim:
    """What an engine claims to have heard, with as many of its figures as it gives."""

    text: str
    log_probability: float | None = None
    """Mean natural logarithm of the tokens' probabilities."""
    compression: float | None = None
    """Compression ratio of the stretch that the text was decoded with, which may be longer."""
    no_speech: float | None = None
    """Probability that nobody speaks."""
    supported: bool | None = None
    """Whether a voice activity detector heard somebody there; None: none was asked."""
    prompt: str = ""
    """What the engine was told beforehand: some engines give it back where they hear nothing."""


def compression_ratio(text: str) -> float:
    """Give how much shorter a text gets by compression: repetition shows."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def is_speech(claim: Claim) -> bool:
    """Say whether a claim is to be believed."""
    text = claim.text.strip()
    if not text or claim.supported is False:
        return False
    if max(compression_ratio(text), claim.compression or 0.0) > COMPRESSION_RATIO:
        return False
    if claim.prompt and len(text.split()) > 2 and text.casefold() in claim.prompt.casefold():
        return False
    if claim.log_probability is None:
        return True
    silent = (claim.no_speech or 0.0) > NO_SPEECH and claim.log_probability < LOG_PROBABILITY
    return not silent and claim.log_probability >= HOPELESS_LOG_PROBABILITY
