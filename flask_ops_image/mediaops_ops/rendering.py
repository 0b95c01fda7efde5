"""Carries out a planned graph on a file: runs its commands, and checks what came out of them.

Each step's files are checked against the plan before anything else sees them: a result is never a stump.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediaops.graph import Command, Fit, Output, PassPlan, folder_name, sizing
from mediaops.media import Media
from mediaops.models.base import FileType
from mediaops.picture import GraphFile
from mediaops.reasons import Reason
from mediaops_ops import ffmpeg, fonts, processors
from mediaops_ops.outcome import OutputFile, StepError

log = logging.getLogger(__name__)

PRIMING_SAMPLES = 2400
"""By how much a sound may be longer for its encoder's sake: MP3's delay of 1105 samples and two frames of 576, which
its players leave out, are 0.3 s of a telephone's 8 kHz."""

MAX_FITS = 3
"""How often a file is made again to come to its size."""


@dataclass(frozen=True)
class Rendering:
    """One graph at work."""

    plan: PassPlan
    media: Media
    source: Path
    folder: Path
    """Where outputs go, one folder for each step."""
    on_progress: Callable[[float], None]
    """Takes the fraction done of all commands."""
    on_step: Callable[[str, list[OutputFile]], None]
    """Takes each step's files as soon as they are whole and checked, by the step's name."""
    on_failure: Callable[[str, StepError], None]
    """Takes a step whose files came out wrong."""
    write_file: Callable[[GraphFile], None]
    """Writes a file that filters read."""

    def run(self) -> None:
        """Run every command; raises StepError where FFmpeg failed, and what `on_step` raises."""
        if not self.plan.commands:
            return
        source = self.source
        if self.media.file_type is FileType.IMAGE:
            from mediaops_ops import images

            source = self.folder / "upright.png"
            images.write_upright(self.source, source, self.media.pictures)
        waiting = _by_step(self.plan.outputs)
        for name in waiting:
            (self.folder / folder_name(name)).mkdir(parents=True, exist_ok=True)
        done: set[Output] = set()
        for index, command in enumerate(self.plan.commands):
            self._run(command, source, index, waiting, done)
            if command.fit is not None and not self._fitted(
                command, command.fit, source, index, waiting, done
            ):
                waiting.pop(command.outputs[0].step)
                continue
            done.update(output for one in command.together for output in one.outputs)
            self._hand_on_whole(waiting, done)
        self.on_progress(1.0)

    def _run(
        self, command: Command, source: Path, index: int, waiting: dict[str, list[Output]], done: set[Output]
    ) -> None:
        weights = [command.weight for command in self.plan.commands]
        share, before = weights[index] / sum(weights), sum(weights[:index]) / sum(weights)
        files = [file for one in command.together for file in one.files]
        for file in files:
            self.write_file(file)
        for one in command.together:
            ffmpeg.write_graph(one, self.folder)
        environment = fonts.installed(files, self.folder)
        fractions = [0.0 for one in command.together if one.outputs]

        def on_report_of(place: int, one: Command) -> Callable[[dict[str, str]], None]:
            progress = _Fraction(one, self.media)

            def on_report(report: dict[str, str]) -> None:
                fractions[place] = progress.of(report)
                self.on_progress(before + share * min(fractions))

            return on_report

        def on_tick() -> None:
            # Where nothing else is waited for, the command's own end says whether the still is good.
            if any(output.lasts for outputs in waiting.values() for output in outputs):
                self._hand_on_whole(waiting, done)

        def line(one: Command, **pipes: Any) -> list[str]:
            names = ffmpeg.executable(), str(source), str(self.folder), processors.usable()
            return one.line(*names, **pipes)

        making = [one for one in command.together if one.outputs]
        on_reports = [
            on_report_of(making.index(one), one) if one.outputs else _unheard for one in command.together
        ]
        steps = sorted({output.step for one in making for output in one.outputs})
        log.info("ffmpeg starts", extra={"steps": steps, "graph": [list(o.graph) for o in command.together]})
        if command.feeds:
            from mediaops_ops import frames

            frames.run(command, line, self.folder, environment, on_reports=on_reports, on_tick=on_tick)
        else:
            ffmpeg.run(line(command), self.folder, environment, on_report=on_reports[0], on_tick=on_tick)

    def _fitted(
        self,
        command: Command,
        fit: Fit,
        source: Path,
        index: int,
        waiting: dict[str, list[Output]],
        done: set[Output],
    ) -> bool:
        """Run a command again at other rates until its output has its size; False: it stays too large."""
        path = self.folder / command.outputs[0].file
        seconds = (self.media.duration_millis or 0) / 1000
        for _ in range(MAX_FITS):
            again = sizing.refitted(command, fit, path.stat().st_size, seconds)
            if again is None:
                break
            log.info("to another size", extra={"bytes": path.stat().st_size, "of": fit.max_bytes})
            command, fit = again
            self._run(command, source, index, waiting, done)
        size = path.stat().st_size
        if size <= fit.max_bytes:
            return True
        message = f"It can't be made smaller than {size} bytes: allow more, or lower height or fps."
        self.on_failure(
            command.outputs[0].step, StepError(Reason.INVALID_PARAMETERS, message, permanent=True)
        )
        return False

    def _hand_on_whole(self, waiting: dict[str, list[Output]], done: set[Output]) -> None:
        """Hand on each step that waits for no file any more: its command ended, or it is a still that is there."""
        for name, outputs in list(waiting.items()):
            if all(output in done or self._is_there(output) for output in outputs):
                self._hand_on(name, waiting.pop(name))

    def _is_there(self, output: Output) -> bool:
        """Say whether it is a still that is whole, though its command still runs."""
        return output.appears_whole and (self.folder / output.file).exists()

    def _hand_on(self, name: str, outputs: Sequence[Output]) -> None:
        try:
            files = [self._checked(output) for output in outputs]
        except StepError as error:
            self.on_failure(name, error)
        else:
            self.on_step(name, files)

    def _checked(self, output: Output) -> OutputFile:
        """Write an image in its form, hold the file against the plan, and describe it."""
        path = self.folder / output.file
        if not path.exists() or path.stat().st_size == 0:
            raise _invalid(output, "was not made")
        if output.image is not None:
            from mediaops_ops import images

            final = path.with_name(f"{output.name}.{output.container.extension}")
            images.write(path, final, output.image, self.source)
            path = final
        if not output.lasts:
            size = output.picture
            return OutputFile(
                output.name,
                path,
                output.container.media_type,
                width_pixels=size.width if size else None,
                height_pixels=size.height if size else None,
            )
        return self._checked_rendition(output, path)

    def _checked_rendition(self, output: Output, path: Path) -> OutputFile:
        """Probe a video or sound: as long as the source, as large as planned."""
        from mediaops_ops import probe

        try:
            made = probe.check(path, self.media.file_type)
        except StepError as error:
            raise _invalid(output, f"came out wrong: {error.message}") from error
        size = output.picture
        if size is not None and (made.width, made.height) != (size.width, size.height):
            raise _invalid(output, f"is {made.width}x{made.height} and not {size.width}x{size.height} pixels")
        wanted, length = self.media.duration_millis or 0, made.duration_millis or 0
        frame = 1000 / (size.frame_rate if size and size.frame_rate else 25)
        primed = PRIMING_SAMPLES * 1000 / made.sound.sample_rate if made.sound and size is None else 0
        if abs(wanted - length) > max(2 * frame, 100, primed) + wanted / 1000:
            raise _invalid(output, f"lasts {length / 1000:.2f} and not {wanted / 1000:.2f} seconds")
        return OutputFile(
            output.name,
            path,
            output.container.media_type,
            width_pixels=made.width,
            height_pixels=made.height,
            duration_millis=length,
        )


def _unheard(_report: dict[str, str]) -> None:
    """Take the progress of a command that only hands frames on."""


class _Fraction:
    """How much of a command is done, by FFmpeg's own reports.

    Pictures encoded count where there are any: time runs ahead of them by what the encoder still holds back,
    and sound runs ahead of both.
    """

    def __init__(self, command: Command, media: Media) -> None:
        self._seconds = (media.duration_millis or 0) / 1000
        first = command.outputs[0]
        rate = first.picture.frame_rate if first.picture and first.lasts else None
        self._frames = self._seconds * rate if rate else 0.0

    def of(self, report: dict[str, str]) -> float:
        """Give the fraction done, 0.0 to 1.0."""
        if self._frames:
            return min(1.0, ffmpeg.number(report.get("frame")) / self._frames)
        return ffmpeg.time_done(report, self._seconds)


def _by_step(outputs: Sequence[Output]) -> dict[str, list[Output]]:
    """Group outputs by the step they are for."""
    groups: dict[str, list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.step, []).append(output)
    return groups


def _invalid(output: Output, what: str) -> StepError:
    return StepError(Reason.RESULT_INVALID, f"{output.step}: the {output.name} {what}.")
