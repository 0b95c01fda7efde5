"""What the picture shows, seen small: one decode through FFmpeg, the figures by OpenCV as the pictures come."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediaops.graph import Findings
from mediaops.graph.surveying import survey_line
from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.reasons import Reason
from mediaops.survey import (
    BINS,
    KEYFRAMES_ABOVE_MILLIS,
    Face,
    Sample,
    Survey,
    samples_between_looks,
    sampling_rate,
    small_size,
)
from mediaops_ops import ffmpeg, images, processors
from mediaops_ops.analyses import Subject
from mediaops_ops.outcome import Progress, StepError, divided

CUTS = "cuts.txt"
"""Where FFmpeg notes cuts, in the folder in which it runs."""
CASCADE = "haarcascade_frontalface_default.xml"
"""OpenCV's own detector of faces seen from the front (Viola and Jones, 2001), as its wheel ships it."""
STRIDE = 1.15
"""By how much the detector's window grows from size to size. Measured on 240x320: 33 ms a picture on one processor,
where 1.1 takes 46 and 1.25 takes 18 and misses more."""
LEAST_FACE = 24
"""Side in pixels of the small picture that the detector was trained on; smaller faces aren't found."""
NEIGHBOURS, SURE_NEIGHBOURS = 5, 8
"""How many overlapping hits make a face: in a video, where each must be seen twice, and in an image."""
MOVED_ABOVE = 14
"""Difference of the blurred luma, of 255, above which a pixel has moved and isn't noise."""
LEAST_MOVED, MOST_MOVED = 0.0005, 0.5
"""Shares of the picture that move: below it is noise, above it the camera moves, or the light changes."""
SALIENT_SIDE = 64
"""Side of the picture whose spectral residual is taken (Hou and Zhang, 2007)."""
FEWEST_KEYFRAMES = 24
"""Below so many different ones the whole is decoded after all."""
KEYFRAMES_SHARE = 0.1
"""Share of the progress that looking at the keyframes counts for, as the whole may have to follow."""


def find(subject: Subject) -> Findings:
    """Look at the whole file; raises StepError."""
    media = subject.media
    if not media.width or not media.height:
        raise StepError(Reason.NO_PICTURE, Reason.NO_PICTURE.sentence, permanent=True)
    if media.file_type is FileType.IMAGE:
        return subject.findings.model_copy(update={"survey": _of_image(subject)})
    progress, survey = subject.progress, None
    if (media.duration_millis or 0) > KEYFRAMES_ABOVE_MILLIS and not _is_followed(subject):
        part, progress = divided(progress, KEYFRAMES_SHARE)
        survey = _of_video(subject, part, keyframes=True)
        if sum(1 for sample in survey.samples if sample.change > 0) < FEWEST_KEYFRAMES:
            survey = None
    if survey is None:
        survey = _of_video(subject, progress, keyframes=False)
    return subject.findings.model_copy(update={"survey": survey})


def _is_followed(subject: Subject) -> bool:
    """Say whether a step has to know where things are all the time, and not only what there is to see."""
    waiting = [step for step in subject.steps if step.name in subject.analysis.steps]
    return any(step.type == "crop" for step in waiting)


def _of_image(subject: Subject) -> Survey:
    import cv2

    upright = subject.folder / "surveyed.png"
    images.write_upright(subject.source, upright, 1)
    picture = cv2.imread(str(upright), cv2.IMREAD_GRAYSCALE)
    upright.unlink()
    if picture is None:
        raise StepError(Reason.INVALID_MEDIA, "The image can't be decoded.", permanent=True)
    small = cv2.resize(picture, small_size(subject.media), interpolation=cv2.INTER_AREA)
    eye = Eye(subject.media)
    eye.see(small)
    return Survey(samples=tuple(eye.samples))


def _of_video(subject: Subject, progress: Progress, *, keyframes: bool) -> Survey:
    import numpy as np

    width, height = small_size(subject.media)
    eye = Eye(subject.media)
    expected = max(1.0, (subject.media.duration_millis or 0) / 1000 * sampling_rate(subject.media))

    def take(piece: bytes) -> None:
        eye.see(np.frombuffer(piece, np.uint8).reshape(height, width))
        progress(min(1.0, len(eye.samples) / expected))

    data = ffmpeg.Data(width * height, take)
    try:
        line = survey_line(
            ffmpeg.executable(),
            str(subject.source),
            subject.media,
            data.url,
            CUTS,
            processors.usable(),
            keyframes=keyframes,
        )
        ffmpeg.run(line, subject.folder, on_report=lambda _: None, on_tick=lambda: None, data=data)
    finally:
        data.close()
    return Survey(samples=tuple(eye.samples), cuts_micros=() if keyframes else _cuts(subject.folder / CUTS))


def _cuts(path: Path) -> tuple[int, ...]:
    """Read the times that FFmpeg's metadata filter wrote, a line for each cut."""
    if not path.exists():
        return ()
    with path.open(encoding="utf-8") as lines:
        found = (re.search(r"\bpts:(-?\d+)", line) for line in lines)
        cuts = tuple(int(match[1]) for match in found if match)
    path.unlink()
    return cuts


@dataclass
class Eye:
    """Looks at small grey pictures, one after the other."""

    media: Media
    samples: list[Sample] = field(default_factory=list)
    _before: Any = None
    _blurred_before: Any = None
    _difference_before: Any = None
    _faces_before: tuple[Face, ...] = ()
    _cascade: Any = None

    def see(self, picture: Any) -> None:
        """Take in the next picture, an array of bytes of `small_size`."""
        import cv2

        video = self.media.file_type is FileType.VIDEO
        rate = sampling_rate(self.media) if video else 1.0
        at_millis = round(len(self.samples) * 1000 / rate)
        change = 0.0 if self._before is None else float(cv2.absdiff(picture, self._before).mean()) / 255
        looks = len(self.samples) % samples_between_looks(self.media) == 0
        if self.samples and change == 0.0:  # the same picture still stands
            same: dict[str, object] = {"at_millis": at_millis, "change": 0.0, "across": (), "down": ()}
            same["faces"] = self._faces_before if looks else None
            self.samples.append(self.samples[-1].model_copy(update=same))
            if video:
                self._note_movement(self._blurred_before)
            return
        if looks:
            self._faces_before = self._faces(picture)
        salient = None if video else _salient(picture)
        self.samples.append(
            Sample(
                at_millis=at_millis,
                exposure=round(float(picture.mean()) / 255, 4),
                contrast=round(float(picture.std()) / 255, 4),
                sharpness=round(float(cv2.Laplacian(picture, cv2.CV_32F).var()), 2),
                change=round(change, 5),
                across=_profile(salient, 0),
                down=_profile(salient, 1),
                faces=self._faces_before if looks else None,
            )
        )
        if video:
            self._note_movement(cv2.GaussianBlur(picture, (5, 5), 0))
        self._before = picture

    def _note_movement(self, blurred: Any) -> None:
        """Note what moves in the sample before: what differs from the one before that as well as from this one.

        One difference alone also shows where a thing has been; both have only where it is (Kameda and Minoh, 1996).
        """
        import cv2

        difference = None if self._blurred_before is None else cv2.absdiff(blurred, self._blurred_before)
        if difference is not None and self._difference_before is not None:
            both = _moved(cv2.min(difference, self._difference_before))
            # Where a thing has come to rest, only the first difference tells.
            moved = _moved(self._difference_before) if both is None else both
            where = {"across": _profile(moved, 0), "down": _profile(moved, 1)}
            self.samples[-2] = self.samples[-2].model_copy(update=where)
        self._blurred_before, self._difference_before = blurred, difference

    def _faces(self, picture: Any) -> tuple[Face, ...]:
        import cv2
        import cv2.data

        if self._cascade is None:
            self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE)
        height, width = picture.shape
        if min(height, width) < LEAST_FACE:
            return ()
        sure = SURE_NEIGHBOURS if self.media.file_type is FileType.IMAGE else NEIGHBOURS
        found = self._cascade.detectMultiScale(picture, STRIDE, sure, minSize=(LEAST_FACE, LEAST_FACE))
        return tuple(
            Face(
                x=round(x / width, 4),
                y=round(y / height, 4),
                width=round(w / width, 4),
                height=round(h / height, 4),
            )
            for x, y, w, h in (map(int, face) for face in found)
        )


def _moved(difference: Any) -> Any:
    """Give by how much each pixel has moved; None where nothing has, or everything."""
    import numpy as np

    moved = difference.astype(np.float32)
    moved[moved < MOVED_ABOVE] = 0
    share = np.count_nonzero(moved) / moved.size
    return moved if LEAST_MOVED <= share <= MOST_MOVED else None


def _salient(picture: Any) -> Any:
    """Give how much each pixel stands out, by the spectral residual; None for a picture without detail."""
    import cv2
    import numpy as np

    if picture.std() < 2:
        return None
    small = cv2.resize(picture, (SALIENT_SIDE, SALIENT_SIDE), interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small.astype(np.float32))
    amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3))
    salient = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(salient.astype(np.float32), (0, 0), 2.5)
    smooth[smooth < 3 * smooth.mean()] = 0  # the paper's own bound of what is an object
    return smooth if smooth.any() else None


def _profile(weights: Any, axis: int) -> tuple[int, ...]:
    """Give how much of the whole lies in each column (axis 0) or row (1), in thousandths; empty for nothing."""
    import numpy as np

    if weights is None:
        return ()
    line = weights.sum(axis=axis)
    edges = np.linspace(0, line.size, BINS + 1)
    summed = np.interp(edges, np.arange(line.size + 1), np.concatenate([[0.0], np.cumsum(line)]))
    return tuple(int(part) for part in np.rint(np.diff(summed) * 1000 / summed[-1]))
