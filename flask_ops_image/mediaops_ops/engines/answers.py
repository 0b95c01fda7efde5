"""What a language model is asked to answer for a caption, and whether an answer holds; pure.

The schema leaves a model little room: the platforms and variants asked for are the only ones it can name. What a
schema can't say is checked here: each text once, lengths as the platforms count, variants that differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mediaops.models.work import PostText
from mediaops.platforms import TextLimit, alt_text_limit, shortened, text_limit
from mediaops_ops.engines.material import hashtag

ALIKE_FROM = 0.75
"""Share of three-letter sequences in common from which two variants say the same."""
TAGS_SHARE = 3
"""Hashtags take at most one part in this many of a limit, where a text has to be shortened."""

ANGLES = (
    "open with what the viewer gains",
    "open with a question to the reader",
    "open with the most telling moment or figure",
    "tell it as a story of two or three sentences",
    "quote one strong line from the transcript, if there is one",
    "invite to watch, in as few words as possible",
    "say plainly and soberly what it is",
    "with a light touch of humour",
)
"""What sets variants apart, by their number."""


@dataclass(frozen=True)
class Wanted:
    """What one answer has to hold."""

    platforms: tuple[str, ...]
    variants: int
    hashtags: int
    language: str

    @property
    def keys(self) -> list[tuple[str, int]]:
        """Give platform and variant of every text, in order."""
        return [(platform, variant) for platform in self.platforms for variant in range(self.variants)]

    def schema(self) -> dict[str, Any]:
        """Give the answer's schema, in the subset that OpenAI's strict mode knows."""
        text = {
            "type": "object",
            "additionalProperties": False,
            "required": ["platform", "variant", "text", "hashtags"],
            "properties": {
                "platform": {"type": "string", "enum": list(self.platforms)},
                "variant": {"type": "integer", "enum": list(range(self.variants))},
                "text": {"type": "string"},
                "hashtags": {"type": "array", "items": {"type": "string"}},
            },
        }
        return {
            "name": "captions",
            "strict": True,
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["texts", "alt_text"],
                "properties": {
                    "texts": {"type": "array", "items": text},
                    "alt_text": {"type": "string"},
                },
            },
        }


class WrittenText(BaseModel):
    """One text of an answer."""

    model_config = ConfigDict(extra="forbid")

    platform: str
    variant: int
    text: str = Field(min_length=1, max_length=20_000)
    hashtags: list[str] = Field(max_length=100)


class Answer(BaseModel):
    """What the model is to answer."""

    model_config = ConfigDict(extra="forbid")

    texts: list[WrittenText]
    alt_text: str = Field(min_length=1, max_length=20_000)


class Fault(Exception):
    """Why an answer doesn't hold, in words that the model is given back."""


@dataclass(frozen=True)
class Written:
    """An answer that can be used, perhaps only after its texts were shortened."""

    texts: tuple[PostText, ...]
    alt_text: str
    too_long: tuple[str, ...] = ()
    """What exceeds a limit, in words for the model."""
    alike: tuple[str, ...] = ()
    """Variants that say the same, in words for the model; nothing here cures that."""
    cut: tuple[str, ...] = ()
    """Texts that were shortened here, as LANGUAGE/PLATFORM/VARIANT, and LANGUAGE/altText."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Give all that the model is told."""
        return (*self.too_long, *self.alike)

    @property
    def severity(self) -> tuple[int, int]:
        """Give how far from right it is; what can't be cured here weighs more."""
        return len(self.alike), len(self.too_long)


def read(content: str, wanted: Wanted) -> Written:
    """Read an answer; raises Fault where it isn't one. What breaks a limit comes shortened, and named."""
    try:
        answer = Answer.model_validate_json(content)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the answer"
        raise Fault(f"{where}: {error.errors()[0]['msg']}") from error
    written = {(text.platform, text.variant): text for text in answer.texts}
    if sorted(written) != sorted(wanted.keys) or len(answer.texts) != len(wanted.keys):
        raise Fault(f"texts must be exactly one per platform and variant (from 0): {wanted.keys}")
    texts, too_long, cut = list[PostText](), list[str](), list[str]()
    for key in wanted.keys:
        text, count = _composed(written[key], wanted)
        texts.append(text)
        limit = text_limit(key[0])
        if count > limit.most:
            cut.append(f"{wanted.language}/{key[0]}/{key[1]}")
            too_long.append(
                f"the text for {key[0]}, variant {key[1]} counts {count} with its hashtags, "
                f"but at most {limit.most} fit"
            )
    longest = alt_text_limit(wanted.platforms)
    alt_text = " ".join(answer.alt_text.split())
    if len(alt_text) > longest:
        cut.append(f"{wanted.language}/altText")
        too_long.append(f"alt_text has {len(alt_text)} characters, but at most {longest} fit")
        alt_text = shortened(alt_text, longest, len)
    return Written(tuple(texts), alt_text, tuple(too_long), tuple(_alike(texts)), tuple(cut))


def likeness(one: str, other: str) -> float:
    """Give the share of three-letter sequences that two texts have in common, 0 to 1, whatever their script."""
    first, second = _threes(one), _threes(other)
    return len(first & second) / max(1, len(first | second))


def _threes(text: str) -> set[str]:
    bare = re.sub(r"[\W_]+", " ", re.sub(r"[#\uff03]\w+", "", text.casefold())).strip()
    return {bare[place : place + 3] for place in range(max(1, len(bare) - 2))}


def _alike(texts: Iterable[PostText]) -> list[str]:
    """Name variants of one platform that say the same."""
    seen: dict[str, list[PostText]] = {}
    faults = []
    for text in texts:
        for other in seen.setdefault(text.platform, []):
            if likeness(text.text, other.text) >= ALIKE_FROM:
                faults.append(
                    f"variants {other.variant} and {text.variant} for {text.platform} are nearly the same: "
                    "let them differ in opening, order and words"
                )
        seen[text.platform].append(text)
    return faults


def _composed(written: WrittenText, wanted: Wanted) -> tuple[PostText, int]:
    """Put a text and its hashtags together within the limit; also gives what it would have counted whole."""
    body = written.text.strip()
    there = {tag.casefold() for tag in re.findall(r"[#\uff03](\w+)", body)}
    tags = dict.fromkeys(tag for each in written.hashtags if (tag := hashtag(each)))
    used = [tag for tag in tags if tag.casefold() not in there][: max(0, wanted.hashtags - len(there))]
    limit = text_limit(written.platform)
    count = limit.count(_joined(body, used))
    if count > limit.most:
        body, used = _fitted(body, used, limit)
    text = PostText(
        platform=written.platform,
        variant=written.variant,
        language=wanted.language,
        text=_joined(body, used),
        hashtags=used,
    )
    return text, count


def _fitted(body: str, tags: list[str], limit: TextLimit) -> tuple[str, list[str]]:
    """Shorten a text: tags beyond their share go first, then the text's end."""
    used = list(tags)
    while used and limit.count(_joined("", used)) > limit.most // TAGS_SHARE:
        used.pop()
    # Two kept back: joining what was counted apart can make an emoji or a link of the seam.
    room = limit.most - limit.count(_joined("", used)) - 2
    return shortened(body, room, limit.count), used


def _joined(body: str, tags: list[str]) -> str:
    return body + ("\n\n" + " ".join(f"#{tag}" for tag in tags) if tags else "")
