"""Writing captions without a language model: what was said, noted and measured, put together; pure.

It understands nothing and claims nothing: excerpts are quoted as they were heard, facts are measurements.
A style chooses the opening words and whether figures are given; variants differ in opening, order and
excerpt.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediaops.models.base import FileType
from mediaops.models.work import PostText
from mediaops.platforms import TextLimit, shortened, text_limit
from mediaops_ops.engines.material import Material

LANGUAGE = "en"
"""The only language its own words are in."""
GENEROUS = 1000
"""A platform that takes at least this much gets a second excerpt and the keywords."""
TAGS_SHARE = 3
"""Hashtags take at most one part in this many of a platform's limit."""

NOUNS = {FileType.VIDEO: "video", FileType.AUDIO: "recording", FileType.IMAGE: "picture"}


@dataclass(frozen=True)
class _Style:
    """How a style opens, with speech and without."""

    heard: tuple[str, ...]
    seen: tuple[str, ...]
    figures: bool = False
    """Whether it gives length, light and colours even where there is something to quote."""


NEUTRAL = _Style(
    heard=("From the {noun}:", "In the {noun}:", "Heard here:", "A line from it:"),
    seen=("At a glance:", "What there is:", "In short:", "Seen here:"),
)
STYLES = {
    "engaging": _Style(
        heard=("Have a listen:", "What do you say to this?", "Press play:", "Hear it for yourself:"),
        seen=("Have a look!", "What do you see?", "Take a look:", "See for yourself:"),
    ),
    "factual": _Style(
        heard=("What is said:", "Opening words:", "Excerpt:", "Transcript, in part:"),
        seen=("In figures:", "Measured:", "About this {noun}:", "The facts:"),
        figures=True,
    ),
    "professional": _Style(
        heard=("An excerpt:", "In brief:", "We are sharing a {noun}.", "From our {noun}:"),
        seen=("We are sharing a {noun}.", "A {noun} from us.", "Now online: a {noun}.", "Our {noun}."),
    ),
    "playful": _Style(
        heard=("Psst … listen!", "Guess who said this:", "Ears open:", "Now hear this!"),
        seen=("Psst … look!", "Eyes open:", "Ta-da!", "Look what we have here!"),
    ),
}
"""The styles it knows; any other is written neutrally."""


def write(
    material: Material, *, platforms: tuple[str, ...], variants: int, style: str | None, hashtags: int
) -> list[PostText]:
    """Write every variant for every platform, each within its platform's limit and unlike the others."""
    tags = material.hashtags(hashtags)
    texts = []
    for platform in platforms:
        limit, seen = text_limit(platform), set[str]()
        for variant in range(variants):
            text, used = _fitted(_parts(material, style, variant, limit), tags, limit)
            if text in seen:  # so little to say that only a number can tell them apart
                numbered = f"({variant + 1}) {_parts(material, style, variant, limit)[0]}"
                text, used = _fitted([numbered], tags, limit)
            seen.add(text)
            texts.append(
                PostText(platform=platform, variant=variant, language=LANGUAGE, text=text, hashtags=used)
            )
    return texts


def alt_text(material: Material) -> str:
    """Describe the media for those who don't see it, by what was measured; it says that nobody looked."""
    noun = NOUNS[material.file_type].capitalize()
    picture = material.picture
    if picture is None:
        return f"{noun}{_lasting(material)}."
    look = f"{picture.light}, in {picture.shape} format, {picture.palette}"
    return f"{noun}{_lasting(material)}: {look}. Measured automatically, not described by a person."


def known_style(style: str | None) -> str:
    """Name the style that is applied when this one is asked for."""
    return style if style in STYLES else "neutral"


def _lasting(material: Material) -> str:
    """Say how long it lasts, or nothing."""
    if material.duration_millis is None or material.file_type is FileType.IMAGE:
        return ""
    seconds = round(material.duration_millis / 1000)
    return f" of {seconds // 60}:{seconds % 60:02d} minutes"


def _figures(material: Material) -> str:
    """Give the measured facts as a sentence; where there are none, what it is."""
    picture, noun = material.picture, NOUNS[material.file_type].capitalize()
    look = f", {picture.light}, {picture.palette}" if picture else ""
    return f"{noun}{_lasting(material)}{look}."


def _parts(material: Material, style: str | None, variant: int, limit: TextLimit) -> list[str]:
    """Give a variant's sentences, the most important first."""
    manner, noun = STYLES.get(style or "", NEUTRAL), NOUNS[material.file_type]
    excerpts, topic, figures = material.excerpts(), material.topic(), _figures(material)
    openings = manner.heard if excerpts else manner.seen
    turn, place = divmod(variant, len(openings))
    opening = openings[place].format(noun=noun)
    part = variant if len(excerpts) == 1 else turn
    quotes = [_quoted(text, part) for text in excerpts[variant % len(excerpts) :]] if excerpts else []
    generous = limit.most >= GENEROUS
    body = [" ".join([opening, *(quotes[: 2 if generous else 1] or [figures])])]
    if topic:
        body.insert(variant % 2, f"{topic}." if topic[-1].isalnum() else topic)
    if quotes and manner.figures:
        body.insert(len(body) if turn == 0 else 0, figures)
    keywords = material.keywords(5)
    if generous and len(keywords) > 1:
        body.append(f"Words that come up: {', '.join(keywords)}.")
    if closing := material.attributes.get("call_to_action"):
        body.append(closing)
    return body


def _quoted(excerpt: str, part: int) -> str:
    """Quote an excerpt whole, from its middle on, or up to its middle, in turns; a short one always whole."""
    words = excerpt.split()
    if part % 3 == 0 or len(words) < 6:
        return f"“{excerpt}”"
    middle = len(words) // 2
    return f"“… {' '.join(words[middle:])}”" if part % 3 == 1 else f"“{' '.join(words[:middle])} …”"


def _fitted(parts: list[str], tags: list[str], limit: TextLimit) -> tuple[str, list[str]]:
    """Join sentences and tags within the limit: tags beyond their share go first, then the text's end."""
    used = list(tags)
    while used and limit.count(_line(used)) > limit.most // TAGS_SHARE:
        used.pop()
    tail = f"\n\n{_line(used)}" if used else ""
    # Two kept back: joining what was counted apart can make an emoji or a link of the seam.
    body = _cut("\n".join(parts), limit.most - limit.count(tail) - 2, limit)
    return f"{body}{tail}", used


def _cut(body: str, room: int, limit: TextLimit) -> str:
    """Shorten a text, keeping the lines that fit whole and closing a quotation that is cut."""
    if limit.count(body) <= room:
        return body
    kept: list[str] = []
    for line in body.split("\n"):
        left = room - limit.count("\n".join([*kept, ""]))
        if limit.count(line) <= left:
            kept.append(line)
            continue
        short = shortened(line, left - 1, limit.count)
        if short:
            kept.append(f"{short}”" if short.count("“") > short.count("”") else short)
        break
    return "\n".join(kept)


def _line(tags: list[str]) -> str:
    """Write tags as a post has them."""
    return " ".join(f"#{tag}" for tag in tags)
