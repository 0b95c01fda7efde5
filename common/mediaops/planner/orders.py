"""From a pass to the steps of its work order: what to read, by key and hash, and what to make."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from mediaops.identity import job_id
from mediaops.models.mediaasset import SOURCE
from mediaops.models.work import ObjectRef, StepOrder, StepResult, StoredFile, file_role
from mediaops.planner.passes import Pass
from mediaops.planner.steps import Step
from mediaops.transcript import file_name

TRANSCRIPT_ROLE = "transcript"
"""The role under which a step reads a transcript.json."""


def reference(file: StoredFile) -> ObjectRef:
    """Give the reference by which a pod reads a stored file."""
    return ObjectRef(key=file.key, size_bytes=file.size_bytes, sha256=file.sha256, media_type=file.media_type)


def step_orders(
    pass_: Pass, steps: list[Step], results: Mapping[str, StepResult], asset: UUID, workspace: str
) -> list[StepOrder]:
    """Write a pass out, in the order written, prepared files last.

    `workspace`: whose part of the bucket the files lie in that parameters name.
    `results`: what is in storage already, by operation name, or by the prepared file's name; everything the
    pass reads and doesn't make itself must be among them (KeyError otherwise).
    """
    by_name = {s.name: s for s in steps}
    running = set(pass_.names)
    orders = [_operation(s, running, results, pass_, asset, workspace) for s in steps if s.name in running]
    for preparation in pass_.prepares:
        owner = by_name[preparation.for_operation]
        reads = _rendition(preparation.input, running, results)
        orders.append(
            StepOrder(
                step_key=preparation.step_key,
                name=preparation.name,
                type=preparation.type,
                job_id=str(job_id(asset, owner.name, owner.spec_hash)),
                input=preparation.input,
                reads=reads,
            )
        )
    return orders


def _rendition(name: str, running: set[str], results: Mapping[str, StepResult]) -> dict[str, ObjectRef]:
    """Give the stored rendition to read, unless the pass makes it (or it is the source)."""
    if name == SOURCE or name in running:
        return {}
    file = results[name].file("rendition")
    if file is None:
        raise KeyError(f"{name} has no rendition in its result")
    return {"input": reference(file)}


def _operation(
    step: Step,
    running: set[str],
    results: Mapping[str, StepResult],
    pass_: Pass,
    asset: UUID,
    workspace: str,
) -> StepOrder:
    reads = {
        file_role(file.sha256): ObjectRef(key=f"{workspace}/{file.key}", sha256=file.sha256)
        for file in step.operation.parameters.files()
    }
    transcript_step = None
    if step.prepared:
        for file in results[step.prepared.name].files:
            reads[file.name] = reference(file)
    else:
        reads |= _rendition(step.input, running, results)
    if step.edited:
        reads[TRANSCRIPT_ROLE] = ObjectRef(key=f"{workspace}/{step.edited.key}", sha256=step.edited.sha256)
    elif step.transcript in running:
        transcript_step = step.transcript
    elif step.transcript:
        language = getattr(step.operation.parameters, "transcript_language", None)
        transcript = results[step.transcript].file(file_name("json", language))
        if transcript:  # a transcription that was skipped has none: what reads it does without
            reads[TRANSCRIPT_ROLE] = reference(transcript)
    return StepOrder(
        step_key=step.step_key,
        name=step.name,
        type=step.operation.type,
        job_id=str(job_id(asset, step.name, step.spec_hash)) if step.name in pass_.members else None,
        parameters=step.operation.parameters.wire(),
        input=step.input,
        # What is only run through again is never stored here, whoever else stores it.
        stored=step.stored and step.name in pass_.members,
        required=step.operation.required,
        reads=reads,
        transcript_step=transcript_step,
        platforms=list(step.platforms),
        attributes=dict(step.attributes),
        engine=step.placement.engine,
        gpu=step.placement.gpu,
    )
