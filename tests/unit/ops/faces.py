"""A drawn face that OpenCV's detector takes for one: no picture of a person is kept here."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

GROUND = 90
"""Luma of what is around it."""


def face(side: int) -> Any:
    """Draw a grey face, a square array of bytes; the detector marks its inner three quarters."""
    large = side * 4
    picture = np.full((large, large), GROUND, np.uint8)

    def oval(x: float, y: float, wide: float, high: float, luma: int) -> None:
        middle, half = (int(x * large), int(y * large)), (int(wide * large), int(high * large))
        cv2.ellipse(picture, middle, half, 0, 0, 360, luma, -1, cv2.LINE_AA)

    oval(0.5, 0.42, 0.36, 0.40, 50)  # hair
    oval(0.5, 0.52, 0.28, 0.38, 200)
    oval(0.5, 0.25, 0.22, 0.08, 205)  # forehead
    for x in (0.38, 0.62):
        oval(x, 0.40, 0.085, 0.022, 70)  # brow
        oval(x, 0.465, 0.075, 0.045, 110)
        oval(x, 0.47, 0.03, 0.028, 30)  # eye
    oval(0.5, 0.52, 0.03, 0.12, 225)  # nose
    for x in (0.46, 0.54):
        oval(x, 0.635, 0.02, 0.015, 110)
    oval(0.5, 0.74, 0.10, 0.03, 100)  # mouth
    oval(0.5, 0.80, 0.08, 0.012, 165)
    soft = cv2.GaussianBlur(picture, (0, 0), large * 0.012)
    return cv2.resize(soft, (side, side), interpolation=cv2.INTER_AREA)


def scene(width: int, height: int, x: int, y: int, side: int) -> Any:
    """Give a grey picture with a face whose square begins at x, y."""
    picture = np.full((height, width), GROUND, np.uint8)
    picture[y : y + side, x : x + side] = face(side)
    return picture
