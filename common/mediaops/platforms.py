"""How much text each platform takes, and how it counts; pure.

One row per platform. `n8n/limits.yaml` holds what the platforms' workflows need beside it; a test holds the
two together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

URL_WEIGHT = 23
"""What a link counts on X, whatever its length."""
ELLIPSIS = "…"

_LIGHT = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
"""Code points that count one on X; all others count two (twitter-text's configuration, version 3)."""
_URL = re.compile(r"https?://\S+|(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/\S*)?", re.IGNORECASE)
"""Anything that X might take for a link: rather one too many, so that a text that fits here fits there."""
_PICTOGRAPH = (
    "[\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25aa-\u27bf\u2934-\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    f"|{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]*)*"
)


def weighted(text: str) -> int:
    """Count as X does, in NFC: a link is 23, an emoji of however many code points 2, a wide letter 2."""
    text = unicodedata.normalize("NFC", text)
    text, links = _URL.subn("", text)
    text, emoji = _EMOJI.subn("", text)
    letters = sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in text)
    return links * URL_WEIGHT + emoji * 2 + letters


def utf16_units(text: str) -> int:
    """Count UTF-16 code units, as TikTok does."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True)
class TextLimit:
    """One platform's limit of a post's text."""

    most: int
    unit: str
    """Name of the way it counts: weighted, characters or utf16."""
    source: str
    """Where the limit stands."""
    looked_up: date
    alt_text: int = 0
    """Longest description of a picture for those who don't see it, in characters; 0: it takes none."""

    def count(self, text: str) -> int:
        """Count a text as the platform does."""
        return _COUNT[self.unit](text)

    def fits(self, text: str) -> bool:
        """Say whether the platform takes the text."""
        return self.count(text) <= self.most


_COUNT: dict[str, Callable[[str], int]] = {"weighted": weighted, "characters": len, "utf16": utf16_units}

TEXT_LIMITS = {
    "x": TextLimit(
        280,
        "weighted",
        "https://docs.x.com/fundamentals/counting-characters",
        date(2026, 11, 23),
        alt_text=1000,  # docs.x.com, media metadata: alt_text.text
    ),
    "linkedin": TextLimit(
        3000,
        "characters",
        "https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api",
        date(2026, 11, 23),
        alt_text=4086,  # the same page: content.media.altText
    ),
    "tiktok": TextLimit(
        2200,
        "utf16",
        "https://developers.tiktok.com/doc/content-posting-api-reference-direct-post",
        date(2026, 11, 23),
    ),
}
"""The platforms whose limits are known."""

STRICTEST = TEXT_LIMITS["x"]
"""For texts that are to fit anywhere, and for platforms without a row."""


def text_limit(platform: str) -> TextLimit:
    """Give a platform's limit; the strictest one where it isn't known."""
    return TEXT_LIMITS.get(platform, STRICTEST)


def alt_text_limit(platforms: Iterable[str]) -> int:
    """Give the longest description that each of these platforms takes that takes any; where none does, X's."""
    limits = [row.alt_text for name in platforms if (row := TEXT_LIMITS.get(name)) and row.alt_text]
    return min(limits, default=STRICTEST.alt_text)


LONG_WORD = 40
"""Where the last space lies further back than this, a text is cut inside of a word: not all scripts have spaces."""


def shortened(text: str, room: int, count: Callable[[str], int]) -> str:
    """Cut a text, between words if it has any, so that it counts at most `room` with an ellipsis; or give nothing.

    Links, hashtags and mentions stay whole or go.
    """
    if count(text) <= room:
        return text
    whole = [match.span() for match in _WHOLE.finditer(text)]
    # No letter counts less than one (a long link may, and is then cut earlier than it had to be).
    for length in range(min(len(text) - 1, room), 0, -1):
        end = _word_end(text, next((start for start, end in whole if start < length < end), length))
        short = text[:end].rstrip(",;:.- \n") + ELLIPSIS
        if len(short) > 1 and count(short) <= room:
            return short
    return ""


_WHOLE = re.compile(rf"{_URL.pattern}|[#\uff03@][^\s#\uff03@]+", re.IGNORECASE)
"""What means something else, or nothing, once a piece of it is gone."""
_SPACE = re.compile(r"\s")


def _word_end(text: str, length: int) -> int:
    """Give where the last whole word of a text's beginning ends; that length where there is no word to keep whole."""
    if length == 0 or text[length].isspace():
        return length
    spaces = [match.start() for match in _SPACE.finditer(text, max(0, length - LONG_WORD), length)]
    return spaces[-1] if spaces and spaces[-1] > 0 else length
