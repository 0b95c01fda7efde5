"""What a caption is written from, however it is written: what was said, what people noted, what was measured."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from mediaops.models.base import FileType
from mediaops.transcript import Transcript
from mediaops_ops.facts import PictureFacts

SURE = 0.5
"""Words that the engine is less sure of don't become keywords."""
MAX_HASHTAG = 100
"""Longest hashtag in characters."""
QUOTABLE = 0.25
"""Stretches of speech that the engine is less sure of aren't quoted."""

_STOP_WORDS = (
    "a about above after again against all almost also although always am among an and another any are around "
    "as ask at away back be because been before being below between both but by came can cannot come could did "
    "do does doing don't done down during each either else ever every few for from further get gets getting "
    "give go goes going gone good got had has have having he her here hers herself him himself his how however "
    "i i'd i'll i'm i've if in into is isn't it it's its itself just keep know let let's like little long look "
    "made make makes many may maybe me mean might more most much must my myself near need never new no nor not "
    "nothing now of off often oh on once one only or other our ours out over own people put quite rather really "
    "right said same say says see seem she should since so some something soon still such take tell than that "
    "that's the their theirs them then there there's these they they're thing things think this those though "
    "three through to today together too two under until up upon us use used using very want was way we we'll "
    "we're we've well went were what what's when where which while who whole whom whose why will with within "
    "without won't would yeah yes yet you you'll you're you've your yours yourself"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing about a text's subject."""

_WORD = re.compile(r"[^\W_][\w'-]*[^\W_]", re.UNICODE)
_SENTENCE_END = re.compile(r"(?<=[.?!…])\s+")


@dataclass(frozen=True)
class Material:
    """Everything a writer may use; it may claim nothing else."""

    file_type: FileType
    duration_millis: int | None = None
    transcript: Transcript | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    picture: PictureFacts | None = None

    @property
    def basis(self) -> tuple[str, ...]:
        """Name what there is to write from, as caption.json shows it."""
        present = {
            "transcript": bool(self.transcript and self.transcript.words),
            "attributes": bool(self.attributes),
            "picture": self.picture is not None,
        }
        return tuple(name for name, there in present.items() if there)

    def excerpts(self) -> list[str]:
        """Give what was said, a sentence or utterance each, without what was badly understood."""
        segments = self.transcript.segments if self.transcript else ()
        heard = [s.text for s in segments if s.confidence is None or s.confidence >= QUOTABLE]
        return [part for text in heard for part in _SENTENCE_END.split(text.strip()) if part]

    def keywords(self, most: int) -> list[str]:
        """Give the words that come up most, of those the engine is sure of; the earlier of equals first."""
        words = self.transcript.words if self.transcript else ()
        counted: Counter[str] = Counter()
        for word in words:
            match = _WORD.search(word.text)
            bare = match[0].casefold().removesuffix("'s") if match else ""
            if (
                len(bare) > 3
                and bare not in STOP_WORDS
                and (word.confidence is None or word.confidence >= SURE)
            ):
                counted[bare] += 1
        return [word for word, _ in counted.most_common(most)]

    def topic(self) -> str | None:
        """Give the subject as people noted it: the title, else the campaign, in words."""
        noted = self.attributes.get("title") or self.attributes.get("campaign")
        words = re.sub(r"[_\s]+", " ", noted).strip() if noted else ""
        return words[:1].upper() + words[1:] if words else None

    def hashtags(self, most: int) -> list[str]:
        """Give at most that many tags, without `#`: the campaign's, then the keywords'."""
        noted = [self.attributes[name] for name in ("campaign", "brand") if name in self.attributes]
        tags = [_tag(text) for text in (*noted, *self.keywords(most))]
        return list(dict.fromkeys(tag for tag in tags if tag and not tag.isdigit()))[:most]


def hashtag(text: str) -> str:
    """Give a tag as platforms take it, without `#`: one word of any script; nothing if only digits are left."""
    words = "".join(c if c == "_" or unicodedata.category(c)[0] in "LMN" else " " for c in text).split()
    tag = words[0] if len(words) == 1 else "".join(word[:1].upper() + word[1:] for word in words)
    return "" if tag.isdigit() else tag[:MAX_HASHTAG]


def _tag(text: str) -> str:
    """Join words to one tag, each with a capital: product_launch_2025 → ProductLaunch2025."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[^\W_]+", text, re.UNICODE))
