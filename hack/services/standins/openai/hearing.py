"""What the stand-in hears: really decoded and really recognised, if badly (pocketsphinx at its fastest).

Where nobody speaks it does what whisper-1 is known for: it makes a phrase up, and says in the segment's figures
that it doesn't believe it. Clients have to look.
"""

import io
import math
import zlib
from dataclasses import dataclass, field
from typing import Any

import av
import pocketsphinx

RATE = 16_000
MADE_UP = " Thanks for watching!"
_FAST = {"beam": 1e-30, "wbeam": 1e-20, "pbeam": 1e-30, "fwdflat": False, "bestpath": True}


class Undecodable(Exception):
    """The file is no sound that can be decoded."""


@dataclass(frozen=True)
class Heard:
    """What was said: words as (text, start, end, confidence), seconds, by utterance."""

    duration: float
    utterances: tuple[tuple[tuple[str, float, float, float], ...], ...] = field(default=())

    def segments(self) -> list[dict[str, Any]]:
        """The segments of a verbose_json answer."""
        if not self.utterances:
            return [_segment(0, MADE_UP, 0.0, self.duration, -1.4, no_speech=0.94)]
        return [
            _segment(
                number,
                " " + " ".join(word for word, *_ in words).capitalize() + ".",
                words[0][1],
                words[-1][2],
                math.log(max(0.01, sum(sure for *_, sure in words) / len(words))),
                no_speech=0.02,
            )
            for number, words in enumerate(self.utterances)
        ]

    def words(self) -> list[dict[str, Any]]:
        """The words of a verbose_json answer, without punctuation as whisper-1 gives them."""
        return [
            {"word": word, "start": start, "end": end}
            for words in self.utterances
            for word, start, end, _ in words
        ]


def _segment(
    number: int, text: str, start: float, end: float, log_probability: float, *, no_speech: float
) -> dict[str, Any]:
    raw = text.encode()
    return {
        "id": number,
        "seek": round(start * 100),
        "start": start,
        "end": end,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(log_probability, 4),
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 4),
        "no_speech_prob": no_speech,
    }


def hear(content: bytes) -> Heard:
    """Decode a sound file of any format and write down what is said in it; raises Undecodable."""
    pcm = _decoded(content)
    segmenter = pocketsphinx.Segmenter(vad_mode=2, sample_rate=RATE)
    # The last word of a stretch that ends in speech is lost without some silence behind it.
    stretches = list(segmenter.segment(io.BytesIO(pcm + bytes(RATE))))
    decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL", cmn="batch", **_FAST)
    utterances = [_recognised(decoder, each.pcm, each.start_time) for each in stretches]
    return Heard(len(pcm) / 2 / RATE, tuple(words for words in utterances if words))


def _decoded(content: bytes) -> bytes:
    try:
        with av.open(io.BytesIO(content)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            frames = [*container.decode(audio=0), None]
            return b"".join(p.to_ndarray().tobytes() for frame in frames for p in resampler.resample(frame))
    except (av.error.FFmpegError, IndexError, ValueError, OSError) as error:
        raise Undecodable from error


def _recognised(decoder: Any, pcm: bytes, offset: float) -> tuple[tuple[str, float, float, float], ...]:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    pieces = list(decoder.seg()) if decoder.hyp() else []
    return tuple(
        (
            piece.word.partition("(")[0],
            round(offset + piece.start_frame / 100, 2),
            round(offset + (piece.end_frame + 1) / 100, 2),
            min(1.0, max(0.0, piece.prob)),
        )
        for piece in pieces
        if piece.word[0] not in "<[+"
    )


def subtitles(segments: list[dict[str, Any]], *, vtt: bool) -> str:
    """Segments as the API gives them in srt or vtt."""

    def clock(seconds: float) -> str:
        whole, rest = divmod(round(seconds * 1000), 1000)
        text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{rest:03d}"
        return text.replace(",", ".") if vtt else text

    blocks = [
        ("" if vtt else f"{number}\n") + f"{clock(s['start'])} --> {clock(s['end'])}\n{s['text'].strip()}\n\n"
        for number, s in enumerate(segments, 1)
    ]
    return ("WEBVTT\n\n" if vtt else "") + "".join(blocks)
