"""Files that the filters of a pass read: fetched, checked, and written anew in a form of our own.

FFmpeg never opens a table or a logo as somebody left it, only what was read here and written out again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mediaops.looks import SIZE, Look, cube
from mediaops.models.work import ObjectRef, StepOrder, file_role
from mediaops.operations.filter import BurnSubtitles, FilterParameters
from mediaops.picture import FileKind, GraphFile
from mediaops.reasons import Reason
from mediaops.subtitles import SubtitleFile, ass
from mediaops.transcript import Transcript
from mediaops_ops.outcome import StepError, Unreachable

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

MAX_BYTES = 16 * 1024 * 1024
"""Largest table or logo that is fetched."""
LARGEST_TABLE = 65
"""Points a side of the largest table: what grading programs write at most."""

_WHY: dict[str, str] = {
    Reason.SOURCE_NOT_FOUND: "isn't in the workspace's storage",
    Reason.SOURCE_CHANGED: "is there, but its content has another SHA-256",
    Reason.SOURCE_TOO_LARGE: f"has more than {MAX_BYTES} bytes",
    Reason.INVALID_MEDIA: "is not an image that can be read",
}


@dataclass(frozen=True)
class Table:
    """A three-dimensional table of colours."""

    size: int
    """Points a side."""
    low: tuple[float, float, float]
    """The values of the first point, and below of the last, of red, green and blue."""
    high: tuple[float, float, float]
    colors: NDArray[float64]
    """size³ rows of red, green and blue, red running fastest."""


@dataclass
class FilterFiles:
    """The files of one pass."""

    folder: Path
    """The pass's, in which FFmpeg runs."""
    read: Callable[[ObjectRef], Path]
    """Fetches an object; raises StepError."""
    transcript: Callable[[StepOrder], Path | None]
    """Gives the transcript.json that a step reads, None where nothing is said; raises StepError."""
    _stored: dict[str, Path] = field(default_factory=dict)
    _transcripts: dict[tuple[str, str | None], Transcript | None] = field(default_factory=dict)

    def fetch(self, step: StepOrder) -> None:
        """Fetch and check what a step names; raises StepError InvalidFile, and Unreachable."""
        if step.type != "filter":
            return
        parameters = FilterParameters.model_validate(step.parameters)
        if parameters.subtitles is not None:
            self._read_transcript(step, parameters.subtitles)
        for one in parameters.steps:
            if one.file is None:
                continue
            try:
                path = self.read(step.reads[file_role(one.file.sha256)])
                if one.lut is not None:
                    read_table(path)
                else:
                    _check_logo(path)
            except Unreachable:
                raise
            except StepError as error:
                why = _WHY.get(error.reason, error.message)
                message = f"The file {one.file.key} of {one.name} {why}."
                raise StepError(Reason.INVALID_FILE, message, permanent=True) from error
            self._stored[one.file.sha256] = path

    def _read_transcript(self, step: StepOrder, subtitles: BurnSubtitles) -> None:
        path = self.transcript(step)
        if path is None and subtitles.language is not None:
            message = (
                f"There are no subtitles in {subtitles.language}: the transcript isn't translated into it "
                "(translateTo), or nothing is said."
            )
            raise StepError(Reason.INVALID_PARAMETERS, message, permanent=True)
        transcript = None if path is None else Transcript.model_validate_json(path.read_bytes())
        self._transcripts[subtitles.from_, subtitles.language] = transcript

    def write(self, file: GraphFile) -> None:
        """Write a file where the graph names it; what it is made of was fetched."""
        target = self.folder / file.path
        target.parent.mkdir(exist_ok=True)
        if isinstance(file, SubtitleFile):
            target.write_text(ass(self._transcripts[file.origin, file.language], file), encoding="utf-8")
        elif file.kind is FileKind.LOGO:
            from mediaops_ops import images

            images.write_logo(
                self._stored[file.origin], target, (file.width, file.height), file.percent / 100
            )
        else:
            table = (
                _look(file.origin) if file.kind is FileKind.LOOK else read_table(self._stored[file.origin])
            )
            _write_table(table, file.percent / 100, target)


def _check_logo(path: Path) -> None:
    from mediaops_ops import images

    images.facts(path)


def _look(name: str) -> Table:
    """Compute a look's table."""
    import numpy as np

    return Table(SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), np.array(cube(Look(name))))


def _wrong(what: str) -> StepError:
    return StepError(Reason.INVALID_FILE, f"is not a .cube file that can be read: {what}", permanent=True)


def read_table(path: Path) -> Table:
    """Read a .cube file with a three-dimensional table; raises StepError InvalidFile."""
    import numpy as np

    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        words = [line.split() for line in lines if line and not line.startswith("#")]
        head = [row for row in words if row[0][0].isalpha()]
        colors = np.array([[float(value) for value in row] for row in words if not row[0][0].isalpha()])
        size, low, high = _read_head(head)
    except (ValueError, IndexError) as error:
        raise _wrong("a line that is neither figures nor a known word") from error
    if not 2 <= size <= LARGEST_TABLE:
        raise _wrong(f"LUT_3D_SIZE must be 2 to {LARGEST_TABLE} (tables of one dimension are not read)")
    if colors.shape != (size**3, 3):
        raise _wrong(f"LUT_3D_SIZE {size} needs {size**3} lines of three figures")
    if not np.isfinite(colors).all() or not all(
        np.isfinite(a) and a < b for a, b in zip(low, high, strict=True)
    ):
        raise _wrong("its figures are no finite numbers, or its domain is empty")
    return Table(size, low, high, colors)


def _read_head(rows: list[list[str]]) -> tuple[int, tuple[float, float, float], tuple[float, float, float]]:
    """Give size and domain from the lines before the figures; raises ValueError for a word that isn't known."""
    size, low, high = 0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    for word, *values in rows:
        if word == "LUT_3D_SIZE":
            size = int(values[0])
        elif word == "LUT_3D_INPUT_RANGE":
            low, high = (float(values[0]),) * 3, (float(values[1]),) * 3
        elif word in {"DOMAIN_MIN", "DOMAIN_MAX"}:
            red, green, blue = (float(value) for value in values)
            low, high = ((red, green, blue), high) if word == "DOMAIN_MIN" else (low, (red, green, blue))
        elif word not in {"TITLE", "LUT_1D_SIZE"}:
            raise ValueError(word)
    return size, low, high


def _write_table(table: Table, strength: float, target: Path) -> None:
    """Write a table, mixed with what changes nothing as far as it isn't wanted in full."""
    import numpy as np

    axes = [np.linspace(low, high, table.size) for low, high in zip(table.low, table.high, strict=True)]
    blue, green, red = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    same = np.stack([red.ravel(), green.ravel(), blue.ravel()], axis=1)
    head = [
        f"LUT_3D_SIZE {table.size}",
        "DOMAIN_MIN " + " ".join(f"{value:.6f}" for value in table.low),
        "DOMAIN_MAX " + " ".join(f"{value:.6f}" for value in table.high),
    ]
    with target.open("w", encoding="ascii") as file:
        file.write("\n".join(head) + "\n")
        np.savetxt(file, same + strength * (table.colors - same), fmt="%.6f")
