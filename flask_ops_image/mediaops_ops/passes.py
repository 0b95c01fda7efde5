"""One pass over local files: graph first, then the runners that read what it prepared.

Both doors of the image use this. Where files come from and where results go is the caller's (`Desk`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from mediaops.graph import (
    CUTS,
    PREPARE_SEGMENT,
    STORED_NAME,
    AnalysisKind,
    Document,
    Findings,
    PassPlan,
    folder_name,
    needs_media,
    plan_pass,
    plan_way,
)
from mediaops.graph.measuring import Way
from mediaops.measures import STEP_TYPES, Measure
from mediaops.media import Media
from mediaops.models.base import SOURCE, FileType
from mediaops.models.work import ObjectRef, StepFailure, StepOrder
from mediaops.operations import REGISTRY
from mediaops.reasons import Reason
from mediaops.transcript import file_name
from mediaops_ops import segments
from mediaops_ops.analyses import Subject, find
from mediaops_ops.filter_files import FilterFiles
from mediaops_ops.metering import METER
from mediaops_ops.outcome import (
    Finished,
    Inputs,
    OutputFile,
    Progress,
    StepError,
    StepOutcome,
    Unreachable,
    divided,
)
from mediaops_ops.registry import RUNNERS, runner
from mediaops_ops.rendering import Rendering

log = logging.getLogger(__name__)

INPUT = "input"
"""The role of a rendition that an earlier pass made and a step of this one transforms further."""
NAMED = "named"
"""The role of a file that a step's parameters name."""
TRANSCRIPT, RENDITION = file_name("json"), "rendition"
GRAPH_SHARE = 0.1
"""Share of a runner's progress that preparing its sound and frames counts for."""
ANALYSIS_SHARES = {
    AnalysisKind.ENCODERS: 0.01,
    AnalysisKind.LOUDNESS: 0.05,
    AnalysisKind.SURVEY: 0.1,
    AnalysisKind.CUTS: 0.05,
    AnalysisKind.QUALITY: 0.4,
}
"""Share of what is left of the graph's progress that an analysis before it counts for, beside one encode, as measured
on clips of a minute (docs/decisions/0080); where to cut is read off packets."""


class Desk(Protocol):
    """Where a pass gets its files from, and where it leaves what it made."""

    def source(self) -> Path:
        """Give the source file; raises StepError."""

    def read(self, ref: ObjectRef, role: str) -> Path:
        """Give a file that an earlier pass left; raises StepError."""

    def made(self, step: StepOrder, name: str) -> Path | None:
        """Give a file of a step that was done before this pass; None if it made none of that name."""

    def settle(self, step: StepOrder, outcome: StepOutcome, media: Media | None) -> None:
        """Keep what a step made: from now on it is done. `media` are the source's facts; raises StepError."""

    def progress(self, step: str, fraction: float) -> None:
        """Note how far a step is."""


@dataclass
class Pass:
    """The steps of one pass, and what became of them."""

    steps: Sequence[StepOrder]
    file_type: FileType
    folder: Path
    """Work folder; each step gets one below it."""
    desk: Desk
    done: frozenset[str] = frozenset()
    """Steps, by name, whose results are there already."""
    on_checked: Callable[[Media], None] = lambda _: None
    """Takes the source's facts, before anything is made of it."""
    failures: list[StepFailure] = field(default_factory=list)
    unreachable: list[StepFailure] = field(default_factory=list)
    """Those of `failures` that only came of something outside being out of reach."""
    _prepared: dict[str, list[OutputFile]] = field(default_factory=dict)
    _media: dict[str, Media] = field(default_factory=dict)
    _findings: dict[str, Findings] = field(default_factory=dict)
    """What analyses have found, by the file that was read."""
    _outcomes: dict[str, StepOutcome] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)
    """Steps that are done, skipped or failed."""
    _pictures: dict[str, int] = field(default_factory=dict)
    """How many pictures the segments of a step's rendition hold, where it is joined of some."""
    _weights: dict[str, int] = field(default_factory=dict)
    """Steps that the graph at work still makes, and by what each counts when its use is shared out."""

    def run(self) -> None:
        """Do everything that can be done; what failed stands in `failures`."""
        groups = self._by_root()
        first = self._listened_first()
        for root, steps in groups.items():
            self._render_group(root, [step for step in steps if step.name in first])
        self._run(first)
        for root, steps in groups.items():
            self._render_group(root, [step for step in steps if step.name not in first])
        self._run({step.name for step in self.steps})

    def _listened_first(self) -> set[str]:
        """Name the transcriptions whose text is drawn into a picture of this pass: the graph needs it before."""
        drawn = {step.transcript_step for step in self.steps if _transforms(step)}
        return {step.name for step in self.steps if step.name in drawn and step.name not in self.done}

    def _render_group(self, root: str, steps: list[StepOrder]) -> None:
        """Run the graph over one file, if any of the steps wants it."""
        if not any(step.stored for step in steps):
            return
        try:
            self._render(root, steps)
        except StepError as error:
            self._fail_together(steps, error)

    def _run(self, names: set[str]) -> None:
        """Have these steps' runners do their work."""
        for step in self.steps:
            if step.type in RUNNERS and step.name in names - self.done - self._ended:
                self._attempt(step)

    def _by_root(self) -> dict[str, list[StepOrder]]:
        """Group the steps that need media by the file they read in the end: the source, or an earlier rendition.

        Done transforms stay as a way for what reads them; done or not, each is made from that file.
        """
        by_name = {step.name: step for step in self.steps}
        groups: dict[str, list[StepOrder]] = {}
        for step in self.steps:
            done = step.name in self.done
            if not needs_media(step, self.file_type) or (done and not _transforms(step)):
                continue
            top = step
            while top.input != SOURCE and top.input in by_name:
                top = by_name[top.input]
            earlier = top.reads.get(INPUT)
            root = SOURCE if earlier is None else earlier.key
            groups.setdefault(root, []).append(step.model_copy(update={"stored": False}) if done else step)
        return {root: steps for root, steps in groups.items() if any(step.stored for step in steps)}

    def _render(self, root: str, steps: list[StepOrder]) -> None:
        """Run the graph over one file; a failure of the only step is that step's, else the pass's."""
        path = self._root_file(root, steps)
        media = self._known(root, path, steps)
        files = FilterFiles(self.folder, lambda ref: self.desk.read(ref, NAMED), self._transcript)
        failed = self._without_files(steps, files)
        by_name = {step.name: step for step in steps}
        try:
            advance, known = self._advance(by_name), self._findings.get(root, Findings())
            self._lay_out(steps, known)
            planned = self._planned(path, steps, media, failed, files, advance, known)
            plan, self._findings[root], progress = planned
            self._leave_out(plan, by_name, media)
            self._weights = {
                name: sum(output.weight for output in plan.outputs if output.step == name)
                for name in {output.step for output in plan.outputs}
                if by_name[name].type not in RUNNERS
            }
            Rendering(
                plan=plan,
                media=media,
                source=path,
                folder=self.folder,
                on_progress=progress,
                on_step=lambda name, files: self._rendered(by_name[name], files, media, plan),
                on_failure=lambda name, error: self._fail(by_name[name], error),
                write_file=files.write,
            ).run()
        except Unreachable:
            raise
        except StepError as error:
            left = [step for step in steps if step.stored and step.name not in self._ended]
            if len(left) != 1 or error.reason == Reason.INVALID_MEDIA:
                raise
            self._fail(left[0], error)

    def _lay_out(self, steps: Sequence[StepOrder], findings: Findings) -> None:
        """Put segments beside their list, where a rendition is joined of some."""
        for step in steps:
            if step.stored and findings.cuts and CUTS in step.reads and step.type != PREPARE_SEGMENT:
                pictures = segments.lay_out(step, findings.cuts, self.desk.read, self.folder)
                self._pictures[step.name] = pictures

    def _planned(
        self,
        source: Path,
        steps: list[StepOrder],
        media: Media,
        failed: Collection[str],
        files: FilterFiles,
        progress: Progress,
        findings: Findings,
    ) -> tuple[PassPlan, Findings, Progress]:
        """Plan, find out what the plan wants to know first, and plan again; give what is left of the progress."""
        while (plan := plan_pass(steps, media, findings, failed)).wanted:
            for analysis in plan.wanted:
                log.info("finds out first", extra={"analysis": analysis.words})
                part, progress = divided(progress, ANALYSIS_SHARES[analysis.kind])
                findings = find(
                    Subject(analysis, source, media, steps, findings, self.folder, part, files.write)
                )
        return plan, findings, progress

    def _advance(self, by_name: Mapping[str, StepOrder]) -> Progress:
        """Give the progress of all these steps together."""

        def advance(fraction: float) -> None:
            for name, step in by_name.items():
                if step.stored and name not in self._ended:
                    share = GRAPH_SHARE if step.type in RUNNERS else 1.0
                    self.desk.progress(name, fraction * share)

        return advance

    def _without_files(self, steps: list[StepOrder], files: FilterFiles) -> set[str]:
        """Fetch what filters read; fail, and name, the steps whose files can't be used."""
        failed = set()
        for step in steps:
            try:
                files.fetch(step)
            except StepError as error:
                self._fail(step, error)
                failed.add(step.name)
        return failed

    def _root_file(self, root: str, steps: list[StepOrder]) -> Path:
        for step in steps:
            ref = step.reads.get(INPUT)
            if ref is not None and ref.key == root:
                return self.desk.read(ref, "rendition")
        return self.desk.source()

    def _leave_out(self, plan: PassPlan, by_name: Mapping[str, StepOrder], media: Media) -> None:
        """Settle what the plan found to be impossible, or to have nothing to do."""
        for name, message in plan.impossible.items():
            sentence = f"{message[0].upper()}{message[1:]}."
            self._fail(by_name[name], StepError(Reason.INVALID_PARAMETERS, sentence, permanent=True))
        for name, above in plan.blocked.items():
            self._fail(by_name[name], _depends(above))
        for name, reason in plan.nothing.items():
            # Fetching and checking were for what is made, if anything is.
            share = Fraction(0 if plan.outputs else 1)
            self._finish(by_name[name], StepOutcome(skipped=reason), media, share)
        made = {output.step for output in plan.outputs}
        for document in plan.documents:
            if document.step not in made:  # all that the step is to find out stands in the plan
                file = self._written(document, ())
                values = dict(plan.values.get(document.step, {}))
                self._settle(by_name[document.step], StepOutcome(files=(file,), values=values), media)

    def _rendered(self, step: StepOrder, files: list[OutputFile], media: Media, plan: PassPlan) -> None:
        if step.type in RUNNERS:
            self._prepared[step.name] = files
            return
        if step.type == PREPARE_SEGMENT:
            files = [segments.check(file) for file in files]
        values = dict(plan.values.get(step.name, {}))
        rendition = next((file for file in files if file.name == "rendition"), None)
        if step.name in self._pictures and rendition is not None:
            segments.check_joined(rendition, self._pictures[step.name])
        if step.type == "compress" and rendition is not None:
            values["ratio"] = f"{media.size_bytes / rendition.path.stat().st_size:.2f}"
        total = sum(self._weights.values())
        share = Fraction(self._weights.pop(step.name), total)
        files += [self._written(document, files) for document in plan.documents if document.step == step.name]
        self._settle(step, StepOutcome(files=tuple(files), values=values), media, share)

    def _written(self, document: Document, beside: Sequence[OutputFile]) -> OutputFile:
        """Write what the plan itself gives as a file, with the stored name of what it refers to."""
        path = self.folder / folder_name(document.step) / document.name
        path.parent.mkdir(parents=True, exist_ok=True)
        named = [file.stored_name for file in beside if file.name == document.refers_to]
        text = document.text.replace(STORED_NAME, named[0]) if named else document.text
        path.write_text(text, encoding="utf-8")
        return OutputFile(document.name, path, document.media_type)

    def _finish(
        self, step: StepOrder, outcome: StepOutcome, media: Media | None, share: Fraction = Fraction(1)
    ) -> None:
        """Keep what came out of a step; nothing is a failure where the step is required."""
        if outcome.skipped and step.required:
            self._fail(step, StepError(outcome.skipped, outcome.skipped.sentence, permanent=True))
        else:
            self._settle(step, outcome, media, share)

    def _attempt(self, step: StepOrder) -> None:
        """Run a step that has a runner; its failure stays its own."""
        try:
            inputs = self._inputs(step)
            outcome = runner(step.type)(step, inputs)
            self._finish(step, outcome, self._media.get(SOURCE))
        except StepError as error:
            self._fail(step, error)
        except Exception as error:
            log.exception("a runner broke", extra={"step": step.name})
            self._fail(step, StepError(Reason.INTERNAL_ERROR, f"{step.type} broke: {type(error).__name__}."))

    def _inputs(self, step: StepOrder) -> Inputs:
        """Collect what the step reads, from this pass's graph or from earlier passes."""
        files = self._prepared.get(step.name, [])
        audio = next((file.path for file in files if file.name == "audio"), None)
        frames = [file.path for file in files if file.name.startswith("frame-")]
        if "audio" in step.reads:
            audio = self.desk.read(step.reads["audio"], "audio")
        for role in sorted(role for role in step.reads if role.startswith("frame-")):
            frames.append(self.desk.read(step.reads[role], role))
        media = self._media.get(SOURCE)
        work_dir = self.folder / folder_name(step.name) / "run"
        work_dir.mkdir(parents=True, exist_ok=True)
        measures = step.type in STEP_TYPES
        return Inputs(
            work_dir=work_dir,
            progress=lambda part: self.desk.progress(step.name, GRAPH_SHARE + part * (1 - GRAPH_SHARE)),
            finished=self._finished(step, work_dir) if measures else None,
            file_type=self.file_type,
            duration_millis=media.duration_millis if media else None,
            audio=audio,
            transcript=None if measures else self._transcript(step),
            frames=tuple(frames),
            attributes=step.attributes,
        )

    def _transcript(self, step: StepOrder) -> Path | None:
        if "transcript" in step.reads:
            return self.desk.read(step.reads["transcript"], "transcript")
        if step.transcript_step is None:
            return None
        if step.transcript_step in self._ended - self._outcomes.keys():
            raise _depends(step.transcript_step)
        outcome = self._outcomes.get(step.transcript_step)
        if outcome is not None:
            return next((file.path for file in outcome.files if file.name == TRANSCRIPT), None)
        return self.desk.made(self._step(step.transcript_step), TRANSCRIPT)

    def _step(self, name: str) -> StepOrder:
        return next(step for step in self.steps if step.name == name)

    def _finished(self, step: StepOrder, folder: Path) -> Finished:
        """Collect what a measurement reads: a finished file, and where it is to be held against it, the source."""
        if step.input == SOURCE:
            return Finished((self.desk.source(),))
        measure = STEP_TYPES[step.type]
        if step.reads:
            files = [self.desk.read(ref, role) for role, ref in step.reads.items()]
        else:
            made = self._step(step.input)
            languages = made.parameters.get("translateTo") or () if measure is Measure.TRANSCRIPT else ()
            names = [file_name("json", language) for language in (None, *languages)]
            wanted = names if measure is Measure.TRANSCRIPT else [RENDITION]
            files = [path for name in wanted if (path := self._file(made, name)) is not None]
        if measure is not Measure.VMAF:
            return Finished(tuple(files))
        source = self.desk.source()
        return Finished(tuple(files), source, self._way(step, source, folder))

    def _file(self, step: StepOrder, name: str) -> Path | None:
        """Give a file that a step of this pass has made, in this run or before."""
        if step.name in self._ended - self._outcomes.keys():
            raise _depends(step.name)
        outcome = self._outcomes.get(step.name)
        if outcome is None:
            return self.desk.made(step, name)
        return next((file.path for file in outcome.files if file.name == name), None)

    def _way(self, step: StepOrder, source: Path, folder: Path) -> Way:
        """Find out how the source's picture came to the encode, with the files that filters on the way read."""
        chain, name = list[StepOrder](), step.input
        while name != SOURCE:
            chain.insert(0, self._step(name).model_copy(update={"stored": False}))
            name = chain[0].input
        media = self._known(SOURCE, source, chain)
        files = FilterFiles(folder, lambda ref: self.desk.read(ref, NAMED), self._transcript)
        for one in chain:
            files.fetch(one)
        findings = self._findings.get(SOURCE, Findings())
        _, findings, _ = self._planned(source, chain, media, (), files, lambda _: None, findings)
        way = plan_way(chain, media, findings, step.input)
        for file in way.files:
            files.write(file)
        return way

    def _known(self, root: str, path: Path, steps: Sequence[StepOrder]) -> Media:
        """Give the facts of a file that is read; what was found out once for its segments, nobody looks for again."""
        known = segments.known(steps, self.desk.read)
        if known is not None:
            self._media[root], self._findings[root] = known
        return self._checked(root, path)

    def _checked(self, root: str, path: Path) -> Media:
        """Give the facts of a file that is read, which are looked at once."""
        if root not in self._media:
            from mediaops_ops import probe

            self._media[root] = probe.check(path, self.file_type)
            log.info("checked", extra={"media": self._media[root].wire()})
            if root == SOURCE:
                self.on_checked(self._media[root])
        return self._media[root]

    def _settle(
        self, step: StepOrder, outcome: StepOutcome, media: Media | None, share: Fraction = Fraction(1)
    ) -> None:
        self.desk.settle(step, replace(outcome, usage=METER.take(share)), media)
        self._outcomes[step.name] = outcome
        self._ended.add(step.name)

    def _fail(self, step: StepOrder, error: StepError) -> None:
        log.warning("a step failed", extra={"step": step.name, "reason": error.reason, "why": error.message})
        self._ended.add(step.name)
        self._weights.pop(step.name, None)
        self._note(step.name, error)

    def _fail_together(self, steps: Sequence[StepOrder], error: StepError) -> None:
        """Note a failure that can't be pinned on one of the steps; what needs one of them is lost with it."""
        log.error("the pass failed", extra={"reason": error.reason, "why": error.message})
        lost = {step.name for step in steps} - self._outcomes.keys()
        self._ended |= lost | {step.name for step in self.steps if step.transcript_step in lost}
        self._note(None, error)

    def _note(self, name: str | None, error: StepError) -> None:
        failure = StepFailure(
            step=name, reason=error.reason, message=error.message, permanent=error.permanent
        )
        self.failures.append(failure)
        if isinstance(error, Unreachable):
            self.unreachable.append(failure)


def _transforms(step: StepOrder) -> bool:
    """Say whether other steps may read the picture that a step makes."""
    return step.type in REGISTRY and REGISTRY[step.type].transforms


def _depends(above: str) -> StepError:
    return StepError(Reason.DEPENDENCY_FAILED, f"It needs {above}, which failed.")
