"""From what hangs on a tree of pictures to the commands that make it: what can shares a decode. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mediaops.graph import outputs
from mediaops.graph.commands import Command, Feed, Fit, Output
from mediaops.graph.reordering import picked
from mediaops.graph.sampling import Samples, pieces
from mediaops.graph.wiring import (
    Hanging,
    Node,
    Nodes,
    Stage,
    files,
    filtered_apart,
    label,
    sampled,
    seconds,
    shared,
    sought,
    staged,
)
from mediaops.media import Media
from mediaops.models.base import SOURCE, FileType
from mediaops.operations.compress import Encoding

SOUGHT_AT_ONCE = 4
"""Stills that one command seeks: each has a decoder of its own, which takes memory for many pictures."""


def together(
    media: Media,
    nodes: Nodes,
    pictures: Sequence[Hanging],
    sounds: Sequence[Output],
    waves: Sequence[Hanging],
) -> Iterator[Command]:
    """Put what moves, and all that can share its decode, into one command; else stills and sounds apart.

    `waves` are drawn of the sound, which is there where any are wanted.
    """
    moving = any(hanging.at_millis is None or not media.seekable for hanging in pictures)
    if moving or filtered_apart(nodes, [hanging.node for hanging in pictures]):
        yield _decoded_once(media, nodes, pictures, sounds)
        return
    for start in range(0, len(pictures), SOUGHT_AT_ONCE):
        some = pictures[start : start + SOUGHT_AT_ONCE]
        inputs = tuple(("-ss", seconds(hanging.at_millis or 0)) for hanging in some)
        chains = sought(nodes, some, media.picture_stream)
        yield Command(inputs, tuple(chains), tuple(_labelled(some)), files(nodes, some))
    if sounds or waves:
        stream = media.sound.stream if media.sound else 0
        drawn = [f"[0:{stream}]{wave.tail}[{label(wave.output)}]" for wave in waves]
        yield Command(((),), tuple(drawn), (*_labelled(waves), *sounds))


def _decoded_once(
    media: Media, nodes: Nodes, pictures: Sequence[Hanging], sounds: Sequence[Output]
) -> Command:
    """Give the command that decodes a file once for all of it."""
    still = media.file_type is FileType.IMAGE
    hangings = list(pictures)
    if not still and not any(hanging.output.lasts for hanging in pictures):
        hangings.insert(0, outputs.counted(nodes[SOURCE], pictures[0].output.step))
    top = staged(picked(nodes, hangings), hangings, () if still else outputs.ARRIVING)
    command = _stage(top, f"0:{media.picture_stream}", still=still)
    return replace(command, outputs=(*command.outputs, *sounds), files=files(nodes, pictures))


def _stage(stage: Stage, source: str, *, still: bool) -> Command:
    """Give the command of one stage, with what it feeds."""
    tapped = [outputs.frames(tap.node, index, still=still) for index, tap in enumerate(stage.taps)]
    feeds = (
        Feed(tap.filter, output.arguments, _stage(tap.stage, "1:0", still=still))
        for tap, output in zip(stage.taps, _labelled(tapped), strict=True)
    )
    chains = shared(stage.nodes, [*stage.hangings, *tapped], source)
    return Command(((),), tuple(chains), tuple(_labelled(stage.hangings)), feeds=tuple(feeds))


def alone(media: Media, nodes: Nodes, hanging: Hanging, fit: Fit | None) -> Command:
    """Give a command that makes one thing of the whole picture, with a decode of its own."""
    chains = shared(nodes, [hanging], f"0:{media.picture_stream}")
    return Command(((),), tuple(chains), tuple(_labelled([hanging])), files(nodes, [hanging]), fit)


def samples(media: Media, nodes: Nodes, node: Node, encoding: Encoding, keyframes: Sequence[int]) -> Samples:
    """Give the pieces of a picture on which an encoding is tried, each a file without loss."""
    rate = node.picture.frame_rate
    if rate is None:
        raise ValueError(f"{node.name} is no video")
    commands = []
    places = pieces(media.duration_millis or 0, rate, keyframes)
    for index, piece in enumerate(places):
        hanging = outputs.sample(node, index)
        seeks = len(places) > 1 and media.seekable
        when = ("-ss", seconds(piece.start), "-t", seconds(piece.length)) if seeks else ()
        at = None if len(places) == 1 else (piece.start, piece.start + piece.length)
        chain = sampled(nodes, hanging, media.picture_stream, at, sought=seeks)
        read = files(nodes, [hanging])
        commands.append(Command((when,), (chain,), tuple(_labelled([hanging])), read))
    return Samples(tuple(commands), encoding, node.picture, rate, whole=len(places) == 1)


def _labelled(hangings: Sequence[Hanging]) -> list[Output]:
    """Give each output with the label of its picture mapped first."""
    return [
        replace(hanging.output, arguments=("-map", f"[{label(hanging.output)}]", *hanging.output.arguments))
        for hanging in hangings
    ]
