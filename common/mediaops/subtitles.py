"""Burnt-in subtitles: how they may look, and from a transcript's cues to a script for libass. Pure.

The script is Advanced SubStation Alpha 4+, in the picture's own pixels. Text in it is data: braces and backslashes,
which would be commands, are written so that they show, and control characters become spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mediaops.identity import digest
from mediaops.safe_area import insets
from mediaops.transcript import Cue, Transcript, Word


class SubtitleStyle(StrEnum):
    """How subtitles stand out from the picture."""

    OUTLINE = "outline"
    BOX = "box"
    HIGHLIGHT = "highlight"


class SubtitlePosition(StrEnum):
    """Where in the safe area they stand."""

    TOP = "top"
    CENTER = "center"
    BOTTOM = "bottom"


class Font(StrEnum):
    """Typefaces that come with the image; what one lacks is shown in the next that has it."""

    OPEN_SANS = "open-sans"
    DEJAVU_SANS = "dejavu-sans"


FAMILIES = {Font.OPEN_SANS: "Open Sans", Font.DEJAVU_SANS: "DejaVu Sans"}
EAST_ASIAN = "WenQuanYi Micro Hei"
"""The family that has Chinese, Japanese and Korean."""
_ALIGNMENT = {SubtitlePosition.BOTTOM: 2, SubtitlePosition.CENTER: 5, SubtitlePosition.TOP: 8}
_SHAPED = (
    (0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0x1100, 0x11FF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)  # fmt: skip
"""Code points of Han, kana and Hangul with their marks and wide forms (Unicode's blocks)."""
_LATIN_GREEK_CYRILLIC = 0x0530
"""Open Sans has what stands below; other scripts that DejaVu has (Hebrew, Arabic, Armenian, Georgian) are above."""
_PUNCTUATION = (0x2000, 0x20CF)


@dataclass(frozen=True)
class SubtitleFile:
    """A script that a filter of the graph reads, and all that it is made from but the transcript itself."""

    origin: str
    """The transcribe operation."""
    language: str | None
    """Of a translation; None: as it was spoken."""
    style: SubtitleStyle
    position: SubtitlePosition
    font: Font
    size_percent: int
    """Height of the text in percent of the picture's shorter side."""
    color: str
    back_color: str
    """Of the outline or the box."""
    highlight_color: str
    """All colours as #RRGGBB."""
    margin_percent: int | None
    width: int
    height: int
    """Of the picture, in pixels."""

    @property
    def path(self) -> str:
        """Give its path below the pass's folder: letters that no filter graph escapes."""
        return f"files/subtitles-{digest(*vars(self).values())[:16]}.ass"


def ass(transcript: Transcript | None, file: SubtitleFile) -> str:
    """Give the script of a transcript's cues; without one, a script that shows nothing."""
    events = _events(transcript, file) if transcript else ()
    return "\n".join([*_head(file), *events]) + "\n"


def _head(file: SubtitleFile) -> list[str]:
    """Give what stands before the events: the picture's size and the one style."""
    size = max(8, min(file.width, file.height) * file.size_percent // 100)
    edge = insets(file.width, file.height, file.margin_percent)
    vertical = {SubtitlePosition.TOP: edge.top, SubtitlePosition.BOTTOM: edge.bottom}.get(file.position, 0)
    boxed = file.style is SubtitleStyle.BOX
    back = _color(file.back_color)
    style = {
        "Name": "cue",
        "Fontname": FAMILIES[file.font],
        "Fontsize": size,
        "PrimaryColour": _color(file.color),
        "SecondaryColour": _color(file.color),
        "OutlineColour": back,
        "BackColour": back,
        "Bold": -1,
        "Italic": 0,
        "Underline": 0,
        "StrikeOut": 0,
        "ScaleX": 100,
        "ScaleY": 100,
        "Spacing": 0,
        "Angle": 0,
        "BorderStyle": 3 if boxed else 1,
        "Outline": max(1, size // (5 if boxed else 14)),
        "Shadow": 0,
        "Alignment": _ALIGNMENT[file.position],
        "MarginL": edge.left,
        "MarginR": edge.right,
        "MarginV": vertical,
        "Encoding": -1,  # each line runs in the direction of its text
    }
    return [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {file.width}",
        f"PlayResY: {file.height}",
        "WrapStyle: 0",
        "ScaledBorderAndShadow: yes",
        "YCbCr Matrix: None",
        "",
        "[V4+ Styles]",
        f"Format: {', '.join(style)}",
        f"Style: {','.join(str(value) for value in style.values())}",
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ]


def _events(transcript: Transcript, file: SubtitleFile) -> Iterator[str]:
    """Give an event for each cue, or, word by word, for each word of a cue."""
    upright = file.height > file.width
    words = list(transcript.words)
    for cue in transcript.cues:
        # An upright picture is narrower than a cue's line: its lines are broken by libass, evenly.
        lines = [cue.text] if upright else list(cue.lines)
        if file.style is not SubtitleStyle.HIGHLIGHT:
            yield _event(
                cue.start_millis, cue.end_millis, r"\N".join(_text(line, file.font) for line in lines)
            )
            continue
        starts = _word_starts(cue, [word for line in lines for word in line.split()], words)
        for index, start in enumerate(starts):
            end = starts[index + 1] if index + 1 < len(starts) else cue.end_millis
            if end > start:
                yield _event(start, end, _highlighted(lines, index, file))


def _word_starts(cue: Cue, texts: list[str], words: list[Word]) -> list[int]:
    """Give when each word of a cue begins to be said: as the transcript has it, else shared out by length.

    Takes the cue's words from the front of `words`. The first begins with the cue.
    """
    said = words[: len(texts)]
    if [word.text for word in said] == texts:
        del words[: len(texts)]
        starts = [min(max(word.start_millis, cue.start_millis), cue.end_millis) for word in said]
    else:
        span, total, before, starts = cue.end_millis - cue.start_millis, sum(map(len, texts)), 0, []
        for text in texts:
            starts.append(cue.start_millis + span * before // total)
            before += len(text)
    return [cue.start_millis, *starts[1:]]


def _highlighted(lines: Sequence[str], index: int, file: SubtitleFile) -> str:
    """Give a cue's text with one word, counted over its lines, in the highlight's colour."""
    written, count = [], 0
    for line in lines:
        texts = []
        for word in line.split():
            text = _text(word, file.font)
            lit = rf"{{\1c{_color(file.highlight_color)}}}{text}{{\1c{_color(file.color)}}}"
            texts.append(lit if count == index else text)
            count += 1
        written.append(" ".join(texts))
    return r"\N".join(written)


def _event(start_millis: int, end_millis: int, text: str) -> str:
    return f"Dialogue: 0,{_clock(start_millis)},{_clock(end_millis)},cue,,0,0,0,,{text}"


def _clock(millis: int) -> str:
    """Give H:MM:SS.cc."""
    minutes, rest = divmod(millis // 10, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


def _color(color: str) -> str:
    """Give #RRGGBB as ASS writes it: opaque, blue first."""
    red, green, blue = color[1:3], color[3:5], color[5:7]
    return f"&H00{blue}{green}{red}&".upper()


def _text(text: str, font: Font) -> str:
    """Give a line as an event's text: nothing in it is a command but our own changes of typeface."""
    written, family = [], FAMILIES[font]
    for character in text:
        wanted = _family(character, font)
        if wanted is not None and wanted != family:
            written.append(rf"{{\fn{wanted}}}")
            family = wanted
        written.append(_plain(character))
    if family != FAMILIES[font]:
        written.append(rf"{{\fn{FAMILIES[font]}}}")
    return "".join(written)


def _plain(character: str) -> str:
    """Write a character so that it shows as it is."""
    if character in "{}":
        return f"\\{character}"
    if character == "\\":
        return "\\\u2060"  # a joiner of no width: no letter that follows makes it a command
    return " " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character


def _family(character: str, font: Font) -> str | None:
    """Name the family that has a character; None: whichever is in use, for marks and spaces."""
    code = ord(character)
    if any(low <= code <= high for low, high in _SHAPED):
        return EAST_ASIAN
    if unicodedata.category(character)[0] in "MZC":
        return None
    plain = code < _LATIN_GREEK_CYRILLIC or _PUNCTUATION[0] <= code <= _PUNCTUATION[1]
    return FAMILIES[font] if plain else FAMILIES[Font.DEJAVU_SANS]
