"""Damage done to media files at random: by bytes, by pieces, and to the boxes of ISO media files."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CONTAINERS = {
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"udta",
    b"dinf",
    b"meta",
    b"iprp",
    b"ipco",
}
"""Boxes that hold boxes."""
LIES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Numbers that programs stumble over."""
HEAD = 4096
"""Where headers lie mostly, in bytes."""


@dataclass(frozen=True)
class Box:
    """A box of an ISO media file (ISO/IEC 14496-12, 4.2)."""

    begin: int
    end: int
    kind: bytes


def boxes(content: bytes, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Give every box, outer ones before those within."""
    stop = len(content) if end is None else end
    while begin + 8 <= stop:
        size, kind = int.from_bytes(content[begin : begin + 4], "big"), content[begin + 4 : begin + 8]
        if size < 8 or begin + size > stop:
            return
        yield Box(begin, begin + size, kind)
        if kind in CONTAINERS:
            yield from boxes(content, begin + (12 if kind == b"meta" else 8), begin + size)
        begin += size


def _flip(dice: random.Random, content: bytes) -> bytes:
    """Flip up to 64 bits."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 64)):
        changed[_somewhere(dice, content)] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _lie(dice: random.Random, content: bytes) -> bytes:
    """Write extreme numbers where numbers may stand."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at, width = _somewhere(dice, content), dice.choice((1, 2, 4, 8))
        number = dice.choice(LIES) & ((1 << (8 * width)) - 1)
        changed[at : at + width] = number.to_bytes(width, dice.choice(("big", "little")))
    return bytes(changed)


def _delete(dice: random.Random, content: bytes) -> bytes:
    """Leave a piece out."""
    begin, end = _piece(dice, content)
    return content[:begin] + content[end:]


def _repeat(dice: random.Random, content: bytes) -> bytes:
    """Put a piece in twice, the second time anywhere."""
    begin, end = _piece(dice, content)
    at = _somewhere(dice, content)
    return content[:at] + content[begin:end] + content[at:]


def _overwrite(dice: random.Random, content: bytes) -> bytes:
    """Replace a piece by noise."""
    begin, end = _piece(dice, content)
    return content[:begin] + dice.randbytes(end - begin) + content[end:]


def _cut(dice: random.Random, content: bytes) -> bytes:
    """Keep the beginning only."""
    return content[: dice.randrange(len(content))]


def _swap_boxes(dice: random.Random, content: bytes) -> bytes:
    """Let two boxes change places."""
    found = list(boxes(content))
    pairs = [(a, b) for a in found for b in found if a.end <= b.begin]
    if not pairs:
        return _repeat(dice, content)
    a, b = dice.choice(pairs)
    return (
        content[: a.begin] + content[b.begin : b.end] + content[a.end : b.begin] + content[a.begin : a.end]
    ) + content[b.end :]


def _resize_box(dice: random.Random, content: bytes) -> bytes:
    """Let a box say that it is longer or shorter than it is."""
    found = list(boxes(content))
    if not found:
        return _lie(dice, content)
    box = dice.choice(found)
    size = dice.choice((*LIES, box.end - box.begin - 1, box.end - box.begin + 1, (box.end - box.begin) // 2))
    return content[: box.begin] + (size & 0xFFFFFFFF).to_bytes(4, "big") + content[box.begin + 4 :]


def _cut_box(dice: random.Random, content: bytes) -> bytes:
    """Take the end of one box away; what comes behind moves up."""
    found = [box for box in boxes(content) if box.end - box.begin > 9]
    if not found:
        return _delete(dice, content)
    box = dice.choice(found)
    return content[: dice.randrange(box.begin + 8, box.end)] + content[box.end :]


def _rename_box(dice: random.Random, content: bytes) -> bytes:
    """Call a box by another one's name."""
    found = list(boxes(content))
    if not found:
        return _flip(dice, content)
    box, other = dice.choice(found), dice.choice(found)
    return content[: box.begin + 4] + other.kind + content[box.begin + 8 :]


def _somewhere(dice: random.Random, content: bytes) -> int:
    """Give a place, as often in the head as in all the rest."""
    return dice.randrange(min(HEAD, len(content)) if dice.random() < 0.5 else len(content))


def _piece(dice: random.Random, content: bytes) -> tuple[int, int]:
    """Give where a piece of up to an eighth of the file begins and ends."""
    begin = _somewhere(dice, content)
    return begin, min(len(content), begin + dice.randint(1, max(1, len(content) // 8)))


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip,
    _lie,
    _delete,
    _repeat,
    _overwrite,
    _cut,
    _swap_boxes,
    _resize_box,
    _cut_box,
    _rename_box,
)


def mutated(dice: random.Random, content: bytes) -> bytes:
    """Do one to three things to a file; something is always left of it."""
    for _ in range(dice.randint(1, 3)):
        content = dice.choice(MUTATIONS)(dice, content) or content
    return content
