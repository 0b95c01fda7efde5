"""Make the pictures in the docs: `python -m hack.docs_media` writes docs/pictures/filters/NAME.jpg.

The scene is drawn here, each picture is what the operations image makes of it. Pictures are committed, so they are
small; what they show is tested elsewhere (tests/unit/ops/test_filters.py).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hack.passes import made
from mediaops.looks import Look
from mediaops.models.base import SOURCE, FileType
from mediaops.models.work import ObjectRef, StepOrder, file_role
from mediaops.transcript import Cue, Transcript, Word

PICTURES = Path(__file__).parent.parent / "docs" / "pictures" / "filters"
WIDTH, HEIGHT = 320, 180
QUALITY = 80
SHA256 = "0" * 64
LOGO = {"key": "logo.png", "sha256": SHA256}
"""The logo; who fetches it here doesn't look at its hash."""
SUBTITLES = {"from": "transcript", "sizePercent": 12}
SHOWN: dict[str, list[dict[str, Any]]] = {
    "original": [],
    "brightness": [{"brightness": 15}],
    "contrast": [{"contrast": 40}],
    "saturation": [{"saturation": 60}],
    "sharpen": [{"sharpen": 80}],
    "blur": [{"blur": 3}],
    "grayscale": [{"grayscale": {}}],
    "sepia": [{"sepia": {}}],
    "vignette": [{"vignette": 60}],
    "denoise": [{"denoise": 40}],
    "clarity": [{"clarity": 70}],
    **{f"lut-{look}": [{"lut": {"look": look.value}}] for look in Look},
    "watermark": [{"watermark": {"file": LOGO, "sizePercent": 25, "opacityPercent": 80}}],
    "burnSubtitles": [{"burnSubtitles": {**SUBTITLES, "style": "highlight"}}],
    "brandKit": [
        {
            "brandKit": {
                "logo": {"file": LOGO, "position": "top-left", "sizePercent": 20},
                "color": "#1B2A49",
                "backColor": "#FFD166",
            }
        },
        {"burnSubtitles": {**SUBTITLES, "style": "box"}},
    ],
}
"""What each picture shows, by its name."""


def scene() -> Any:
    """Draw a lake at sunset with houses, with the grain of a camera in poor light; 8 bits, blue first."""
    scale = 4
    width, height = WIDTH * scale, HEIGHT * scale
    horizon = int(height * 0.6)
    down = np.linspace(0, 1, horizon)[:, None, None]
    picture = np.zeros((height, width, 3), np.float32)
    picture[:horizon] = (1 - down) * np.array([150, 90, 50]) + down * np.array([110, 170, 250])
    cv2.circle(picture, (int(width * 0.7), int(height * 0.47)), 60, (170, 225, 255), -1, cv2.LINE_AA)
    for base, tall, color in (
        (0.1, 0.33, (120, 85, 75)),
        (0.6, 0.22, (95, 70, 70)),
        (0.35, 0.16, (70, 60, 60)),
    ):
        hill = [
            (int(width * (base + d)), horizon - int(height * h)) for d, h in ((-0.3, 0), (0, tall), (0.33, 0))
        ]
        cv2.fillPoly(picture, [np.array(hill)], color, cv2.LINE_AA)
    picture[horizon:] = picture[2 * horizon - height : horizon][::-1] * 0.7
    for row in range(horizon, height, 12):
        picture[row : row + 3] += 14
    cv2.rectangle(picture, (0, int(height * 0.86)), (width, height), (60, 110, 70), -1)
    for x, wall, roof in ((120, (200, 215, 225), (50, 60, 170)), (330, (90, 190, 230), (70, 60, 60))):
        top, foot = int(height * 0.66), int(height * 0.9)
        cv2.rectangle(picture, (x, top), (x + 150, foot), wall, -1)
        cv2.fillPoly(
            picture, [np.array([(x - 20, top), (x + 75, top - 80), (x + 170, top)])], roof, cv2.LINE_AA
        )
        cv2.rectangle(picture, (x + 25, top + 40), (x + 60, top + 85), (90, 200, 250), -1)
        cv2.rectangle(picture, (x + 90, top + 40), (x + 125, foot), (60, 70, 100), -1)
    picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.clip(picture + np.random.default_rng(1).normal(0, 5, picture.shape), 0, 255).astype(np.uint8)


def logo() -> Any:
    """Draw a white ring with a triangle for playing, on nothing; blue first, with transparency."""
    made = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(made, (100, 100), 85, (255, 255, 255, 255), 16, cv2.LINE_AA)
    cv2.fillPoly(made, [np.array([(78, 58), (148, 100), (78, 142)])], (255, 255, 255, 255), cv2.LINE_AA)
    return made


def transcript() -> Transcript:
    """Give what is said in the picture, all of it at its only moment."""
    cue = Cue(lines=("Evening on the lake",), start_millis=0, end_millis=1000)
    words = [Word(text=text, start_millis=0, end_millis=0) for text in cue.text.split()]
    words[2:] = [word.model_copy(update={"start_millis": 1000}) for word in words[2:]]
    return Transcript(
        engine="given", model="given", language="en", duration_millis=1000, cues=(cue,), words=tuple(words)
    )


def filters(folder: Path) -> dict[str, Path]:
    """Make every picture in one pass; gives each one's file by its name."""
    cv2.imwrite(str(folder / "scene.png"), scene())
    cv2.imwrite(str(folder / "logo.png"), logo())
    (folder / "transcript.json").write_text(transcript().to_json())
    steps = []
    for name, shown in SHOWN.items():
        look = f"{name}-look"
        if shown:
            steps.append(_order(look, "filter", {"steps": shown}, SOURCE))
        steps.append(
            _order(name, "compress", {"codec": "jpeg", "quality": QUALITY}, look if shown else SOURCE)
        )
    files = {name: folder / name for name in ("logo.png", "transcript.json")}
    outcomes = made(folder / "scene.png", FileType.IMAGE, steps, folder, files)
    return {name: outcomes[name].files[0].path for name in SHOWN}


def _order(name: str, type_: str, parameters: dict[str, Any], input_: str) -> StepOrder:
    return StepOrder(
        step_key=name,
        name=name,
        type=type_,
        parameters=parameters,
        input=input_,
        stored=type_ == "compress",
        reads={file_role(SHA256): ObjectRef(key="logo.png"), "transcript": ObjectRef(key="transcript.json")},
    )


def main() -> None:
    """Write the pictures anew."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.jpg"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for name, path in filters(Path(folder)).items():
            (PICTURES / f"{name}.jpg").write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
