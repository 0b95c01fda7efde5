"""How languages are written, as far as subtitles care: how wide a character is, where a line may break, which
way it runs; pure.

Sources: the timed-text style guides of Netflix by language (characters a line, and the reading speeds for verbatim
text; half-width characters count as half in scripts of full-width ones), Unicode's East Asian Width (UAX #11),
line breaking (UAX #14: classes CL, NS and OP) and bidirectional algorithm (UAX #9), autumn 2026.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """What fits on a line, and how fast it is read, in halves of a full-width character or whole others."""

    line: int
    """Units that fit on a line."""
    units_per_second: int
    """How many are read in a second."""
    wide: int = 1
    """Units that a full-width character takes; every other takes one."""

    def width(self, text: str) -> int:
        """Give the units that a text takes on a line."""
        if self.wide == 1:
            return len(text)
        return sum(self.wide if is_wide(character) else 1 for character in text)

    def reading_millis(self, text: str) -> int:
        """Give the time it takes to read a text, in milliseconds."""
        return -(-self.width(text) * 1000 // self.units_per_second)


ORDINARY = Measure(line=42, units_per_second=20)
MEASURES = {
    "zh": Measure(line=32, units_per_second=22, wide=2),
    "ja": Measure(line=26, units_per_second=14, wide=2),
    "ko": Measure(line=32, units_per_second=28, wide=2),
    "th": Measure(line=35, units_per_second=20),
}
"""By language: 16 full-width characters a line and 11 a second in Chinese, 13 and 7 in Japanese, 16 and 14 in
Korean, 35 a line in Thai; 42 and 20 elsewhere."""

RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"Arab", "Hebr", "Syrc", "Thaa", "Nkoo"})
RIGHT_TO_LEFT_MARK = "\u200f"

PAUSES = frozenset(",;:.?!\u2026\u060c\u061b\u061f\u06d4\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01")
"""Marks after which a line rather breaks, in Latin, Arabic and CJK scripts."""
FULL_STOPS = (".", "?", "!", "\u2026", "\u061f", "\u06d4", "\u0964", "\u3002", "\uff0e", "\uff1f", "\uff01")
"""What ends a sentence, in scripts that have such marks."""

_OPENING = frozenset("([{\u2018\u201c\u3008\u300a\u300c\u300e\u3010\u3014\u3016\uff08\uff3b\uff5b")
"""What no line ends with."""
_NOT_FIRST = frozenset(
    ")]},.:;?!%\u2019\u201d\u2026\u2030\u3001\u3002\u3005\u3009\u300b\u300d\u300f\u3011\u3015\u3017\u301c\u30fb\u30fc"
    "\uff01\uff05\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3d\uff5d\uff5e"
    "\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u3095\u3096"
    "\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6"
)
"""What no line begins with: closing marks, small kana, the sign of a long vowel."""


def is_wide(character: str) -> bool:
    """Say whether a character takes a full-width cell."""
    return unicodedata.east_asian_width(character) in "WF"


def _is_spaceless(character: str) -> bool:
    """Say whether a character is of a script that puts no spaces between words and breaks anywhere (CJK)."""
    return is_wide(character) and not "\uac00" <= character <= "\ud7a3"  # Korean has spaces


def joined(texts: Iterable[str]) -> str:
    """Put words or lines behind each other, with a space where their script has one."""
    whole = ""
    for text in texts:
        apart = whole and text and not (_is_spaceless(whole[-1]) and _is_spaceless(text[0]))
        whole += f" {text}" if apart else text
    return whole


def measure(language: str, text: str = "") -> Measure:
    """Give the measure of a language, or of the script that the text is in where the language says nothing."""
    known = MEASURES.get(language.partition("-")[0])
    if known or sum(map(is_wide, text)) * 2 < len(text) or not text:
        return known or ORDINARY
    if re.search("[\u3041-\u30ff]", text):
        return MEASURES["ja"]
    return MEASURES["ko" if re.search("[\uac00-\ud7a3]", text) else "zh"]


def unbroken(text: str) -> list[str]:
    """Cut a text at spaces and wherever else its script lets a line break; spaces are left out."""
    return [piece for word in text.split() for piece in _unbroken(word)]


def _unbroken(word: str) -> Iterator[str]:
    held = ""
    for character in word:
        breakable = held and (_is_spaceless(held[-1]) or _is_spaceless(character))
        if breakable and not (held[-1] in _OPENING or character in _NOT_FIRST or _continues(character)):
            yield held
            held = ""
        held += character
    if held:
        yield held


def clusters(text: str) -> Iterator[str]:
    """Give a text's characters, each with the marks that belong to it, which nothing may part from it."""
    held = ""
    for character in text:
        if held and not (_continues(character) or held[-1] == "\u200d"):
            yield held
            held = ""
        held += character
    if held:
        yield held


def _continues(character: str) -> bool:
    """Say whether a character stands on, or joins, the one before it."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def is_right_to_left(language: str) -> bool:
    """Say whether a language is written from right to left."""
    base, *rest = language.split("-")
    if any(len(part) == 4 for part in rest):
        return any(part in _RIGHT_TO_LEFT_SCRIPTS for part in rest)
    return base in RIGHT_TO_LEFT


def directed(line: str, *, right_to_left: bool) -> str:
    """Give a line so that players show it in its direction.

    They take the direction from the first letter, so a line of Hebrew that begins with a Latin name, or
    with nothing but digits, gets a mark in front of it.
    """
    if not right_to_left:
        return line
    first = next((d for d in map(unicodedata.bidirectional, line) if d in ("L", "R", "AL")), None)
    return line if first in ("R", "AL") else RIGHT_TO_LEFT_MARK + line
