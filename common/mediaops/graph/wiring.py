"""From a tree of pictures and what hangs on it to the chains of a filter graph. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mediaops.graph.commands import Output
from mediaops.operations.compress import Encoding
from mediaops.picture import Change, FrameFilter, GraphFile, Picture
from mediaops.subtitles import SubtitleFile


@dataclass(frozen=True)
class Node:
    """The picture after one transform; the root is the source's upright picture."""

    name: str
    parent: str | None
    change: Change
    encoding: Encoding | None
    """What the nearest compress operation on the way here asked for."""

    @property
    def picture(self) -> Picture:
        """Give the picture that comes out."""
        return self.change.picture


@dataclass(frozen=True)
class Hanging:
    """An output before it is wired: on which node it hangs, through which filters, from what time on."""

    node: str
    tail: str
    output: Output
    at_millis: int | None = None
    """A still of a video: the first picture at or after this time."""


Nodes = Mapping[str, Node]
"""Each node by name, parents before their children."""


def label(output: Output) -> str:
    """Give the graph's label of an output's picture."""
    return f"{output.step}/{output.name}"


def seconds(millis: int) -> str:
    """Write a time as FFmpeg reads it."""
    return f"{millis / 1000:.3f}"


@dataclass
class Stage:
    """The part of a tree between a source of pictures and the filters that FFmpeg hasn't."""

    nodes: dict[str, Node] = field(default_factory=dict)
    hangings: list[Hanging] = field(default_factory=list)
    taps: list[Tap] = field(default_factory=list)


@dataclass
class Tap:
    """Where pictures leave a stage for the next."""

    node: str
    filter: FrameFilter
    stage: Stage


def staged(nodes: Nodes, hangings: Sequence[Hanging], arriving: tuple[str, ...]) -> Stage:
    """Cut a tree into stages at the filters that FFmpeg hasn't; `arriving`: a later stage's first filters."""
    top = Stage()
    home: dict[str, Stage] = {}
    for name in used(nodes, hangings):
        node = nodes[name]
        stage, parent = (top, None) if node.parent is None else (home[node.parent], node.parent)
        filters: list[str | FrameFilter] = []
        for index, one in enumerate(node.change.filters):
            if not isinstance(one, FrameFilter):
                filters.append(one)
                continue
            before = Node(f"{name}+{index}", parent, replace(node.change, filters=tuple(filters)), None)
            stage.nodes[before.name] = before
            tap = Tap(before.name, one, Stage())
            stage.taps.append(tap)
            stage, parent, filters = tap.stage, None, list(arriving)
        stage.nodes[name] = replace(node, parent=parent, change=replace(node.change, filters=tuple(filters)))
        home[name] = stage
    for hanging in hangings:
        home[hanging.node].hangings.append(hanging)
    return top


def used(nodes: Nodes, hangings: Sequence[Hanging]) -> list[str]:
    """Name the nodes on the way to any output, each after its parent."""
    wanted: set[str] = set()
    for hanging in hangings:
        name: str | None = hanging.node
        while name is not None:
            wanted.add(name)
            name = nodes[name].parent
    return [name for name in nodes if name in wanted]


def shared(nodes: Nodes, hangings: Sequence[Hanging], source: str) -> list[str]:
    """Wire everything to one source of pictures: each node once, split into as many links as read it."""
    names = used(nodes, hangings)
    readers = dict.fromkeys(names, 0)
    for hanging in hangings:
        readers[hanging.node] += 1
    for name in names:
        parent = nodes[name].parent
        if parent is not None:
            readers[parent] += 1
    chains: list[str] = []
    links: dict[str, list[str]] = {}
    for name in names:
        node = nodes[name]
        start = source if node.parent is None else links[node.parent].pop(0)
        split = [f"split={readers[name]}"] if readers[name] > 1 else []
        filters = [*_filters(node), *split]
        links[name] = [f"{name}.{index}" for index in range(readers[name])] if filters else [start]
        if filters:
            chains.append(f"[{start}]{','.join(filters)}{''.join(f'[{link}]' for link in links[name])}")
    for hanging in hangings:
        when = "" if hanging.at_millis is None else f"select=gte(t\\,{seconds(hanging.at_millis)}),"
        chains.append(f"[{links[hanging.node].pop(0)}]{when}{hanging.tail}[{label(hanging.output)}]")
    return chains


def sought(nodes: Nodes, hangings: Sequence[Hanging], stream: int) -> list[str]:
    """Wire each picture to an input of its own, which is opened at the picture's time."""
    return [
        f"[{index}:{stream}]{','.join((*_clocked(nodes, hanging), hanging.tail))}[{label(hanging.output)}]"
        for index, hanging in enumerate(hangings)
    ]


def _clocked(nodes: Nodes, hanging: Hanging) -> list[str]:
    """Give the filters on the way to a picture that was sought; what goes by the time gets its time in the file."""
    filters = way(nodes, hanging.node)
    timed = any(
        nodes[name].change.timed or any(isinstance(file, SubtitleFile) for file in nodes[name].change.files)
        for name in used(nodes, [hanging])
    )
    return [f"setpts=PTS+{seconds(hanging.at_millis or 0)}/TB", *filters] if timed else filters


def files(nodes: Nodes, hangings: Sequence[Hanging]) -> tuple[GraphFile, ...]:
    """Give the files that filters on the way to any output read, each once."""
    return tuple(dict.fromkeys(file for name in used(nodes, hangings) for file in nodes[name].change.files))


def sampled(
    nodes: Nodes, hanging: Hanging, stream: int, piece: tuple[int, int] | None, *, sought: bool
) -> str:
    """Wire one picture to a piece of the film, from when to when in milliseconds; None: all of it.

    `sought`: the input was opened there. The filters on the way see the film's own times in any case.
    """
    at = []
    if piece is not None and sought:
        at = [f"setpts=PTS+{seconds(piece[0])}/TB"]
    elif piece is not None:
        at = [f"trim={seconds(piece[0])}:{seconds(piece[1])}"]
    filters = (*at, *way(nodes, hanging.node), hanging.tail)
    return f"[0:{stream}]{','.join(filters)}[{label(hanging.output)}]"


def filtered_apart(nodes: Nodes, names: Iterable[str]) -> bool:
    """Say whether pictures leave the graph for a filter that FFmpeg hasn't on the way to any of these nodes."""
    for start in names:
        name: str | None = start
        while name is not None:
            if any(isinstance(one, FrameFilter) for one in nodes[name].change.filters):
                return True
            name = nodes[name].parent
    return False


def way(nodes: Nodes, name: str) -> list[str]:
    """Give all filters from the source to a node."""
    parent = nodes[name].parent
    return [*(way(nodes, parent) if parent is not None else []), *_filters(nodes[name])]


def _filters(node: Node) -> list[str]:
    """Give the node's filters, with labels of its own where they branch."""
    return [text.replace("@", f"{node.name}:") for text in node.change.texts]
