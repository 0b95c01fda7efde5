"""`run --plan-only`: what a pass would do, without doing it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from pydantic import ValidationError

from mediaops.graph import CUTS, Command, Findings, needs_media, plan_pass, supposed
from mediaops.media import Media, Sound
from mediaops.models.base import FileType
from mediaops.models.work import Exit, WorkOrder
from mediaops.segments import Cuts

FIRST_PIPE = 10

SUPPOSED = {
    FileType.VIDEO: Media(
        file_type=FileType.VIDEO,
        format="mov",
        media_type="video/mp4",
        extension="mp4",
        duration_millis=60_000,
        width=1920,
        height=1080,
        frame_rate=30.0,
        last_frame_millis=59_966,
        picture_codec="h264",
        sound=Sound(stream=1, codec="aac", profile="LC"),
    ),
    FileType.IMAGE: Media(
        file_type=FileType.IMAGE,
        format="jpeg",
        media_type="image/jpeg",
        extension="jpg",
        width=4000,
        height=3000,
    ),
    FileType.AUDIO: Media(
        file_type=FileType.AUDIO,
        format="mp3",
        media_type="audio/mpeg",
        extension="mp3",
        duration_millis=60_000,
        sound=Sound(codec="mp3", sample_rate=44_100),
    ),
}
"""What is supposed of a source whose facts aren't given."""


def text(order: WorkOrder, media: Media) -> str:
    """Give the plan of an order as people read it, ffmpeg's lines as a shell takes them.

    What has to be found out first is named, and supposed to come out as it often does.
    """
    steps = [step for step in order.steps if needs_media(step, order.file_type)]
    findings, before = Findings(), []
    if cut := [step for step in steps if CUTS in step.reads]:
        before.append("# cut every 30 seconds, as supposed")
        indexes = [int(step.parameters.get("index", 0)) for step in cut]
        joined = sum(role.startswith("segment-") for step in cut for role in step.reads)
        starts = [30_000 * index for index in range(max(*indexes, joined - 1, 1) + 1)]
        findings = Findings(cuts=Cuts(ticks_per_second=(1000, 1), starts=starts))
    plan = plan_pass(steps, media, findings)
    while plan.wanted:
        for analysis in plan.wanted:
            before.append(f"# first, {analysis.words} (below as supposed)")
            findings = supposed(analysis, findings)
        plan = plan_pass(steps, media, findings)
    lines = [f"# {order.job}: {len(order.steps)} steps, {len(plan.commands)} ffmpeg runs", *before]
    for step in order.steps:
        made = ", ".join(output.file for output in plan.outputs if output.step == step.name)
        if step.name in plan.impossible:
            made = f"impossible: {plan.impossible[step.name]}"
        elif step.name in plan.blocked:
            made = f"blocked by {plan.blocked[step.name]}"
        elif step.name in plan.nothing:
            made = f"nothing to do: {plan.nothing[step.name].sentence}"
        how = "" if step.stored else ", passed through"
        lines.append(f"# {step.name} ({step.type} of {step.input}{how}): {made or 'no file of the graph'}")
    for command in plan.commands:
        lines += _lines(command, fed=None, first=FIRST_PIPE)
    return "\n".join(lines)


def _lines(command: Command, *, fed: int | None, first: int) -> list[str]:
    """Give the lines of a command and of all that it feeds, with pipes' numbers as they might be."""
    feeding = [first + 2 * index for index in range(len(command.feeds))]
    lines = [shlex.join(command.line("ffmpeg", "SOURCE", "OUT", fed=fed, feeding=feeding))]
    for feed, pipe in zip(command.feeds, feeding, strict=True):
        lines.append(f"# pipe:{pipe} → {feed.filter.name} {feed.filter.percent} % → pipe:{pipe + 1}")
        lines += _lines(feed.command, fed=pipe + 1, first=first + 2 * len(feeding))
    return lines


def show(order_file: Path, facts_file: Path | None) -> int:
    """Print the plan of a work order; gives the exit code."""
    try:
        order = WorkOrder.model_validate_json(order_file.read_bytes())
        media = (
            Media.model_validate_json(facts_file.read_bytes()) if facts_file else SUPPOSED[order.file_type]
        )
    except (OSError, ValidationError) as error:
        print(f"can't be read: {error}", file=sys.stderr)
        return int(Exit.IMPOSSIBLE)
    print(text(order, media))
    return int(Exit.DONE)
