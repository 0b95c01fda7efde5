"""The part of a picture that no platform's interface and no screen's edge covers. Pure.

Upright shapes (2:3 and narrower): the larger, side by side, of what Google asks for on vertical YouTube ads (288
pixels at the top, 672 at the bottom, 48 at the left, 192 at the right of 1080x1920; Google Ads Help, "About video
ad specs") and Meta for Reels (14 % at the top, 35 % at the bottom, 6 % at the sides; Meta Business Help Center,
"Safe zones"), read in autumn 2026. TikTok gives templates and no figures, because its area changes with the
caption. Other shapes are played without an interface over them: 5 % all around, the graphics-safe area of EBU
R 95.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

NARROW = Fraction(2, 3)
"""Width to height of the widest picture that phones show from edge to edge."""


@dataclass(frozen=True)
class Insets:
    """Distances from the edges in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def insets(width: int, height: int, margin_percent: int | None = None) -> Insets:
    """Give how far from each edge a picture of this size is safe.

    `margin_percent`: the same on all sides instead, in percent of the shorter side.
    """
    if margin_percent is not None:
        margin = min(width, height) * margin_percent // 100
        return Insets(margin, margin, margin, margin)
    if Fraction(width, height) <= NARROW:
        return Insets(width * 6 // 100, height * 15 // 100, width * 18 // 100, height * 35 // 100)
    return Insets(width * 5 // 100, height * 5 // 100, width * 5 // 100, height * 5 // 100)
