"""Renditions made in segments: which are, the steps that come before them, and how far those are. Pure.

A rendition that goes in segments has steps of its own before it, each with a key made of the rendition's: `cuts`
finds out where to cut, `segment-0`, … encode a stretch each, and the rendition's own step joins them. So what is to
run next is read off from what is in storage, and nothing that is there runs again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from mediaops.graph import CUTS, PREPARE_CUTS, PREPARE_SEGMENT
from mediaops.identity import digest
from mediaops.models.base import SOURCE, FileType
from mediaops.models.mediaasset import MediaAssetSpec
from mediaops.models.work import ObjectRef, StepOrder, StepResult, segment_role
from mediaops.operations import Makes
from mediaops.planner.orders import reference, step_orders
from mediaops.planner.passes import alone
from mediaops.planner.steps import PREPARE_VERSIONS, STEP_KEY_LENGTH, Step
from mediaops.segments import MOST_SEGMENTS, TOO_SHORT, wanted

CUT_PERCENT, JOINING_PERCENT = 5, 95
"""How far a rendition is said to be when its first segment begins, and when all are there."""


@dataclass(frozen=True)
class Part:
    """A step that a rendition in segments needs before its own."""

    name: str
    """Such as small/cuts, small/segment-0."""
    type: str
    step_key: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """How far a rendition in segments is."""

    missing: tuple[Part, ...] = ()
    """What a Job has to make now; none: the segments are there, and are joined."""
    there: tuple[Part, ...] = ()
    """What is in storage."""

    @property
    def keys(self) -> set[str]:
        """Give the step keys that decide how far it is."""
        return {part.step_key for part in (*self.missing, *self.there)}

    @property
    def cuts(self) -> bool:
        """Say whether it isn't known yet where to cut."""
        return any(part.type == PREPARE_CUTS for part in self.missing)

    @property
    def percent(self) -> int:
        """Give about how much of the whole is done: the encode is nearly all of it."""
        if self.cuts:
            return 0
        return encoded_percent(len(self.there) - 1, len(self.there) + len(self.missing) - 1)


def encoded_percent(done: int, of: int) -> int:
    """Give how far a rendition is of which so many segments are encoded."""
    return CUT_PERCENT + (JOINING_PERCENT - CUT_PERCENT) * done // max(1, of)


def asked(spec: MediaAssetSpec, steps: Sequence[Step], duration_millis: int | None = None) -> list[Step]:
    """Give the steps with what becomes of `execution.segments`: in so many, or why in one piece.

    `duration_millis`: the source's length, where it is known already.
    """
    segments = spec.execution.segments
    if segments is None or spec.file_type is not FileType.VIDEO:
        return list(steps)
    by_name = {step.name: step for step in steps}
    settled = []
    for step in steps:
        if step.stored and step.operation.operation.makes is Makes.RENDITION:
            whole = _whole(step, by_name)
            if segments == "auto" and duration_millis and wanted(segments, duration_millis / 1000) == 1:
                whole = whole or TOO_SHORT
            settled.append(replace(step, segments=None if whole else segments, whole=whole))
        else:
            settled.append(step)
    return settled


def _whole(step: Step, by_name: Mapping[str, Step]) -> str | None:
    """Say, as a sentence, why a rendition is made in one piece whatever the file is; None: the file decides."""
    if step.operation.gpu:
        return "of a GPU's encoders each node may have others, and segments of two don't join."
    above = [step]
    while above[-1].input != SOURCE:
        above.append(by_name[above[-1].input])
    compress = next((one.operation.compress for one in above if one.operation.compress), None)
    if compress and compress.max_size_bytes is not None:
        return "maxSizeBytes spreads its bytes over the whole film."
    others = [one.name for one in above[1:] if one.stored]
    for one in by_name.values():
        reads: Step | None = one
        while reads is not None and reads.operation.operation.transforms and reads.input != SOURCE:
            reads = by_name[reads.input]
            if reads is step and one.stored:
                others.append(one.name)
    return f"{others[0]} shares its decode, one being made of the other." if others else None


def cuts_part(step: Step) -> Part:
    """Give the step that finds out where to cut."""
    version = PREPARE_VERSIONS[PREPARE_CUTS]
    key = digest(step.step_key, PREPARE_CUTS, version, step.segments)[:STEP_KEY_LENGTH]
    return Part(f"{step.name}/{CUTS}", PREPARE_CUTS, key, {"segments": step.segments})


def stage(step: Step, results: Mapping[str, StepResult]) -> Stage | None:
    """Say how far a step is, by the results in storage by step key; None: it is made in one piece."""
    if step.segments is None:
        return None
    cuts = cuts_part(step)
    found = results.get(cuts.step_key)
    if found is None:
        return Stage(missing=(cuts,))
    count = _count(found)
    if count == 1:
        return None
    parts = [_segment_part(step, cuts, index) for index in range(count)]
    missing = tuple(part for part in parts if part.step_key not in results)
    return Stage(missing, (cuts, *(part for part in parts if part.step_key in results)))


def _segment_part(step: Step, cuts: Part, index: int) -> Part:
    version = PREPARE_VERSIONS[PREPARE_SEGMENT]
    key = digest(cuts.step_key, PREPARE_SEGMENT, version, index)[:STEP_KEY_LENGTH]
    return Part(f"{step.name}/{segment_role(index)}", PREPARE_SEGMENT, key, {"index": index})


def _count(cuts: StepResult) -> int:
    count = cuts.values.get("count", "1")
    return max(1, min(int(count), MOST_SEGMENTS)) if count.isdecimal() else 1


def words(step: Step, results: Mapping[str, StepResult]) -> str | None:
    """Say for people why a step is made in one piece though segments were asked for; None: it isn't, or not known."""
    if step.whole:
        return f"1: {step.whole}"
    found = results.get(cuts_part(step).step_key) if step.segments else None
    return found.values.get("segments") if found is not None and _count(found) == 1 else None


def part_orders(
    step: Step,
    now: Stage,
    steps: list[Step],
    results: Mapping[str, StepResult],
    by_key: Mapping[str, StepResult],
    asset: UUID,
    workspace: str,
) -> list[StepOrder]:
    """Write out what a Job makes before the rendition, behind the chain that it is about; raises KeyError.

    `results` are by name, as for `step_orders`; `by_key` by step key.
    """
    chain = step_orders(alone(step, steps), steps, results, asset, workspace)
    chain[-1] = chain[-1].model_copy(update={"stored": False, "job_id": None})
    reads = {} if now.cuts else {CUTS: _file(by_key[cuts_part(step).step_key], "segments.json")}
    parts = [
        StepOrder(
            step_key=part.step_key,
            name=part.name,
            type=part.type,
            parameters=dict(part.parameters),
            input=step.name,
            reads=reads,
        )
        for part in now.missing
    ]
    return [*chain, *parts]


def joining_orders(
    step: Step,
    now: Stage,
    steps: list[Step],
    results: Mapping[str, StepResult],
    by_key: Mapping[str, StepResult],
    asset: UUID,
    workspace: str,
) -> list[StepOrder]:
    """Write out the rendition's own step, which joins the segments; as `part_orders`."""
    chain = step_orders(alone(step, steps), steps, results, asset, workspace)
    reads = dict(chain[-1].reads)
    for part in now.there:
        role = part.name.rpartition("/")[2]
        reads[role] = _file(by_key[part.step_key], "segments.json" if role == CUTS else "segment")
    chain[-1] = chain[-1].model_copy(update={"reads": reads})
    return chain


def _file(result: StepResult, name: str) -> ObjectRef:
    file = result.file(name)
    if file is None:
        raise KeyError(f"{result.step_key} has no {name} in its result")
    return reference(file)
