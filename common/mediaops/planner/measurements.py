"""Which measurements the quality checks of a spec need: of which file, what kind, where each result lies. Pure.

A measurement's step key is made of the measured file's own and of the kind, never of a limit. So what is known stays
known when limits change, and a check that is added measures only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from mediaops.identity import digest
from mediaops.measures import VERSIONS, Measure
from mediaops.models.base import SOURCE, FileType
from mediaops.models.mediaasset import MediaAssetSpec
from mediaops.models.publish import EditedTranscript
from mediaops.models.work import ObjectRef, StepOrder, StepResult
from mediaops.operations import Makes
from mediaops.planner.orders import TRANSCRIPT_ROLE, reference, step_orders
from mediaops.planner.passes import Pass
from mediaops.planner.steps import STEP_KEY_LENGTH, Placement, Step
from mediaops.transcript import file_name, is_transcript


@dataclass(frozen=True)
class Measurement:
    """One measurement of one file."""

    of: str
    """The operation whose output is measured, or `source`."""
    measure: Measure
    step_key: str
    edited: EditedTranscript | None = None
    """A person's transcript, which is measured in place of the operation's own."""

    @property
    def name(self) -> str:
        """Name its step in work orders and failures, such as small/vmaf."""
        return f"{self.of}/{self.measure.value}"


def plan_measurements(spec: MediaAssetSpec, steps: Sequence[Step], identity: str) -> list[Measurement]:
    """Give every measurement that the spec's quality checks need of its files, as far as steps are settled.

    `identity` stands for the source's content, as in `plan_steps`.
    """
    checks = spec.quality_checks
    if checks is None or spec.file_type is FileType.IMAGE:
        return []
    by_name = {step.name: step for step in steps}
    asked = [measure for measure in Measure if measure in checks.measures]
    found = []
    for name in spec.published_names:
        step = by_name.get(name)
        if name != SOURCE and (step is None or step.operation.operation.makes is not Makes.RENDITION):
            continue  # stills are published as they are
        content = step.step_key if step else identity
        found += [_measurement(name, one, content) for one in asked if _has(one, name)]
    if Measure.TRANSCRIPT in asked:
        found += [_of_transcript(step, spec) for step in steps if step.operation.transcribe]
    return found


def _has(measure: Measure, name: str) -> bool:
    """Say whether a media file can be measured so; the source has lost nothing, so it has no VMAF."""
    return measure is not Measure.TRANSCRIPT and not (measure is Measure.VMAF and name == SOURCE)


def _of_transcript(step: Step, spec: MediaAssetSpec) -> Measurement:
    """Measure a transcript, or what a person made of it; one that is translated anew is the operation's own again."""
    edits = spec.review.transcripts if spec.review else []
    edit = next((one for one in edits if one.operation == step.name and step.edited is None), None)
    content = edit.sha256 if edit else step.step_key
    return _measurement(step.name, Measure.TRANSCRIPT, content, edit)


def _measurement(
    of: str, measure: Measure, content: str, edited: EditedTranscript | None = None
) -> Measurement:
    key = digest("measure", content, measure.value, VERSIONS[measure])[:STEP_KEY_LENGTH]
    return Measurement(of, measure, key, edited)


def on_the_way(pass_: Pass, steps: Iterable[Step], measurements: Iterable[Measurement]) -> list[StepOrder]:
    """Give the measurements that a pass makes of its own files, as steps of its work order.

    VMAF is measured against the source, so it needs all that lies between in the same pass.
    """
    by_name = {step.name: step for step in steps}
    return [
        _order(one, {})
        for one in measurements
        if one.of in pass_.members
        and one.edited is None
        and (one.measure is not Measure.VMAF or set(_chain(one.of, by_name)) <= set(pass_.names))
    ]


def apart(
    measurements: Sequence[Measurement],
    steps: list[Step],
    results: Mapping[str, StepResult],
    asset: UUID,
    workspace: str,
) -> list[StepOrder]:
    """Write out a work order that only measures, on files that are there; raises KeyError where one isn't.

    `results`: as in `step_orders`. The way from the source to a picture whose VMAF is measured is run through again.
    """
    by_name = {step.name: step for step in steps}
    chained = {n for one in measurements if one.measure is Measure.VMAF for n in _chain(one.of, by_name)}
    through = Pass((), Placement(), tuple(name for name in by_name if name in chained))
    orders = step_orders(through, steps, results, asset, workspace)
    return [*orders, *(_order(one, _reads(one, results, workspace)) for one in measurements)]


def _chain(name: str, by_name: Mapping[str, Step]) -> list[str]:
    """Name a transform and all that it is made through, up to the source."""
    names = []
    while name != SOURCE:
        names.append(name)
        name = by_name[name].input
    return names


def _reads(one: Measurement, results: Mapping[str, StepResult], workspace: str) -> dict[str, ObjectRef]:
    if one.edited:
        edit = ObjectRef(key=f"{workspace}/{one.edited.key}", sha256=one.edited.sha256)
        return {TRANSCRIPT_ROLE: edit}
    if one.of == SOURCE:
        return {}
    if one.measure is Measure.TRANSCRIPT:  # no file at all, where the transcription was skipped
        files = [f for f in results[one.of].files if is_transcript(f.name)]
        return {TRANSCRIPT_ROLE if f.name == file_name("json") else f.name: reference(f) for f in files}
    rendition = results[one.of].file("rendition")
    if rendition is None:
        raise KeyError(f"{one.of} has no rendition in its result")
    return {"input": reference(rendition)}


def _order(one: Measurement, reads: dict[str, ObjectRef]) -> StepOrder:
    return StepOrder(
        step_key=one.step_key, name=one.name, type=one.measure.step_type, input=one.of, reads=reads
    )
