"""What a pass does in another order than it was asked for: it comes to the same, and costs less. Pure.

Colours are changed after a picture was cut and scaled down, not before, where nothing that moves needs them on the
large one; and for stills only on the pictures that become stills (docs/decisions/0087).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mediaops.graph.wiring import Hanging, Node, Nodes, seconds, used
from mediaops.picture import Change, Picture


def before_tones(
    nodes: Nodes, reader: str, above: str, change: Change, needed_by: Callable[[str], set[str]]
) -> tuple[str | None, Change]:
    """Give the node on which a reader's change is made instead of on `above`, and what is done behind it for that.

    `needed_by` names what needs the moving picture at a node.
    """
    behind = Change(change.picture)
    if _samples(change.picture) >= _samples(nodes[above].picture):
        return above, behind
    place: str | None = above
    while place is not None:
        tones = nodes[place].change
        if not (tones.filters and tones.commutes(change) and needed_by(place) <= {reader}):
            break
        behind = tones.then(behind)
        reader, place = place, nodes[place].parent
    return place, behind


def _samples(picture: Picture) -> float:
    """Give a picture's pixels, of a second if it moves."""
    return picture.width * picture.height * (picture.frame_rate or 1)


def picked(nodes: Nodes, hangings: Sequence[Hanging]) -> dict[str, Node]:
    """Leave to nodes that only stills need the pictures that become stills."""
    some = dict(nodes)
    names = used(nodes, hangings)
    parents = {nodes[name].parent for name in names}
    for name in names:
        times = {hanging.at_millis for hanging in hangings if hanging.node == name}
        change = nodes[name].change
        at = sorted(time for time in times if time is not None)
        if name not in parents and None not in times and change.filters and change.memoryless:
            some[name] = replace(nodes[name], change=replace(change, filters=(_first(at), *change.filters)))
    return some


def _first(times: Sequence[int]) -> str:
    """Write what leaves the first picture at or after each time, in milliseconds and in order, and then ends."""
    first = [f"gte(t,{seconds(at)})*(isnan(prev_t)+lt(prev_t,{seconds(at)}))" for at in times]
    # One more than that, because trim ends only with the first picture that it doesn't let through.
    return f"select='{'+'.join(first)}+gte(prev_selected_t,{seconds(times[-1])})',trim=end_frame={len(times)}"
