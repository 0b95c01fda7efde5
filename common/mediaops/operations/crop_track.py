"""A smart crop's path in pixels: as a filter, and as the file that is kept beside the rendition. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from mediaops.models.base import Millis, Model, Pixels
from mediaops.picture import Change, Cut, Picture
from mediaops.track import Axis, Follows, Knot, Path

FILE = "crop-track.json"
A_LITTLE_BEFORE = 0.0005
"""Seconds: so much before its first picture a shot's path begins, so that rounding can't lose it."""


class TrackPoint(Model):
    """Where the cut-out lies at one moment; between two of them it moves evenly."""

    at_millis: Millis
    edge_pixels: Annotated[float, Field(ge=0)]
    """Its left edge if it slides along x, its upper edge if along y."""


class TrackShot(Model):
    """The way through one shot."""

    begin_millis: Millis
    end_millis: Millis
    follows: Follows
    """What it follows: faces, movement, detail (images), or nothing: it stays in the centre."""
    points: tuple[TrackPoint, ...]
    """In order of time; before the first and after the last the cut-out stands still."""


class CropTrack(Model):
    """crop-track.json: where a smart crop lies, in pixels of the picture that it cuts."""

    version: Literal[1] = 1
    picture_width: Pixels
    picture_height: Pixels
    width: Pixels
    """Width of the cut-out."""
    height: Pixels
    """Height of the cut-out."""
    axis: Axis
    """Along which side it slides."""
    shots: tuple[TrackShot, ...]


def axis(picture: Picture, cut: Picture) -> Axis:
    """Say along which side a cut-out slides that is as long as the picture along the other."""
    return "x" if cut.width < picture.width else "y"


def window(picture: Picture, cut: Picture) -> float:
    """Give the cut-out's share of the side that it slides along."""
    return cut.width / picture.width if axis(picture, cut) == "x" else cut.height / picture.height


def change(picture: Picture, cut: Picture, paths: Sequence[Path]) -> Change:
    """Give the filter that cuts along the paths; a path that stands still needs no expression."""
    if cut == picture:
        return Change(picture)
    side = picture.width if axis(picture, cut) == "x" else picture.height
    pieces = [piece for path in paths for piece in _pieces(path, side)]
    still = picture.frame_rate is None or len(pieces) == 1
    edge = str(round(paths[0].knots[0].edge * side)) if still else f"'{_choice(pieces)}'"
    x, y = (edge, "0") if axis(picture, cut) == "x" else ("0", edge)
    return Change(cut, (Cut(f"crop={cut.width}:{cut.height}:{x}:{y}"),), timed=not still)


def _pieces(path: Path, side: int) -> list[tuple[float, str]]:
    """Give from when on which expression in t gives the edge in pixels."""
    begin = path.shot.begin_micros / 1e6 - A_LITTLE_BEFORE
    pieces = []
    for (at, edge), (later, further) in pairwise(path.knots):
        slope = (further - edge) * side / (later - at)
        moves = abs(further - edge) * side >= 0.05
        position = f"{edge * side:.2f}{slope:+.3f}*(t-{at:.3f})" if moves else f"{edge * side:.1f}"
        pieces.append((max(begin, at - A_LITTLE_BEFORE), position))
    last = path.knots[-1]
    pieces.append((max(begin, last.seconds - A_LITTLE_BEFORE), f"{last.edge * side:.1f}"))
    return pieces


def _choice(pieces: Sequence[tuple[float, str]]) -> str:
    """Choose by halves, so that each picture costs a dozen comparisons and not thousands."""
    if len(pieces) == 1:
        return pieces[0][1]
    half = len(pieces) // 2
    return f"if(lt(t,{pieces[half][0]:.4f}),{_choice(pieces[:half])},{_choice(pieces[half:])})"


def track(picture: Picture, cut: Picture, paths: Sequence[Path]) -> CropTrack:
    """Give the paths as crop-track.json has them."""
    side = picture.width if axis(picture, cut) == "x" else picture.height

    def point(knot: Knot) -> TrackPoint:
        return TrackPoint(at_millis=round(knot.seconds * 1000), edge_pixels=round(knot.edge * side, 1))

    return CropTrack(
        picture_width=picture.width,
        picture_height=picture.height,
        width=cut.width,
        height=cut.height,
        axis=axis(picture, cut),
        shots=tuple(
            TrackShot(
                begin_millis=path.shot.begin_micros // 1000,
                end_millis=path.shot.end_micros // 1000,
                follows=path.follows,
                points=tuple(map(point, path.knots)),
            )
            for path in paths
        ),
    )


def framing(paths: Sequence[Path]) -> str:
    """Say in a few words what a crop was led by."""
    led = dict.fromkeys(path.follows for path in paths)
    if list(led) == ["centre"]:
        return "centre: neither faces nor movement were found"
    return ", ".join(led)
