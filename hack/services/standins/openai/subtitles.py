"""Subtitles as if translated (the question is mediaops_ops.engines.openai_translating's)."""

import zlib
from typing import Any

_LETTERS = {"ar": "ابتثجحخدرزسشصعغفقكلمنهوي", "he": "אבגדהוזחטיכלמנסעפצקרשת", "ru": "абвгдежзиклмнопрстуфхцч"}
_SIGNS = {
    "zh": "天地人大小山水火木日月年",
    "ja": "あいうえおかきくけこさしすせそ",
    "ko": "가나다라마바사아자차카타",
}


def translated(asked: dict[str, Any], manner: str) -> list[dict[str, Any]]:
    """Each cue in letters of the language asked for: the same word always comes out the same, terms stay."""
    language = asked["task"]["translate_to"].partition("-")[0]
    terms = {term.casefold() for term in asked["glossary"]}
    cues = []
    for cue in asked["cues"]:
        words = [
            word if word.strip(".,?!").casefold() in terms else _word(word, language)
            for word in cue["text"].split()
        ]
        space = "" if language in ("zh", "ja") else " "
        while len(words) > 1 and len(space.join(words)) > cue["at_most"]:
            longest = max(
                (word for word in words if word.casefold() not in terms), key=len, default=words[-1]
            )
            words.remove(longest)
        cues.append({"number": cue["number"], "text": space.join(words)})
    if manner == "incomplete":
        cues.pop()
    return [cue | {"text": cue["text"] * 10} for cue in cues] if manner == "verbose" else cues


def _word(word: str, language: str) -> str:
    number = zlib.crc32(word.casefold().encode())
    if signs := _SIGNS.get(language):
        return signs[number % len(signs)] + signs[number // 31 % len(signs)]
    letters = _LETTERS.get(language, "aeiou" + language)
    return "".join(letters[(number >> i) % len(letters)] for i in range(min(4, len(word))))
