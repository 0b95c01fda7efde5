"""From a spec and the source's identity to steps: what each operation is, reads, stores, and where it lands.

A step key is the address of an output before it exists: a hash over the source's identity, every parameter
on the way from the source to the output, and the semantic version of each operation, engine and model
involved. What the user wrote is hashed apart (`spec_hash`): it names the ProcessingJob, so that an upgrade
of ours makes no new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mediaops.identity import digest, processing_job_name
from mediaops.models.mediaasset import SOURCE, MediaAssetSpec, OperationSpec
from mediaops.models.publish import EditedTranscript
from mediaops.operations import Makes, Operation, Parameters
from mediaops.operations.caption import CaptionParameters

STEP_KEY_LENGTH = 40
"""Hex digits of a step key: 160 bits."""

PREPARE_VERSIONS = {"prepareAudio": "1", "prepareFrames": "2", "prepareCuts": "1", "prepareSegment": "1"}
"""Semantic versions of the files prepared for other steps, by step type."""


@dataclass(frozen=True)
class Placement:
    """Where a step runs; steps of different placements never share a pass."""

    gpu: int = 0
    engine: str | None = None
    """The outside engine, whose key only this step's pod mounts."""


@dataclass(frozen=True)
class Prepared:
    """A file made in the pass that decodes, for a step that calls an outside engine."""

    for_operation: str
    type: str
    """prepareAudio or prepareFrames."""
    input: str
    step_key: str

    @property
    def name(self) -> str:
        """Name the step in work orders and failures, such as transcript/audio."""
        return f"{self.for_operation}/{self.type.removeprefix('prepare').lower()}"


@dataclass(frozen=True)
class Step:
    """One operation, settled."""

    operation: OperationSpec
    """With every default filled in."""
    input: str
    """The transform it reads, or `source`."""
    transcript: str | None
    """The transcribe operation whose text it reads."""
    edited: EditedTranscript | None
    """What a person made of that text: read in its place."""
    platforms: tuple[str, ...]
    attributes: Mapping[str, str]
    versions: Mapping[str, str]
    spec_hash: str
    step_key: str
    stored: bool
    placement: Placement
    prepared: Prepared | None
    processing_job: str
    """Name of its ProcessingJob."""
    segments: int | Literal["auto"] | None = None
    """In how many segments its video is encoded; None: in one piece."""
    whole: str | None = None
    """Why that is in one piece, as a sentence, though segments were asked for."""

    @property
    def name(self) -> str:
        """Give the operation's name."""
        return self.operation.name

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the operations that must not have failed for this one to make sense."""
        read = None if self.edited else self.transcript
        return tuple(n for n in (self.input, read) if n and n != SOURCE)


def _resolved(operation: OperationSpec, spec: MediaAssetSpec) -> OperationSpec:
    parameters = operation.parameters.resolved(spec.file_type)
    return operation.model_copy(update={operation.type: parameters, "input": operation.input or SOURCE})


def _platforms(operation: OperationSpec, spec: MediaAssetSpec) -> tuple[str, ...]:
    """Give the platforms a caption is written for: its own, else the targets', else one general text."""
    if not isinstance(operation.parameters, CaptionParameters):
        return ()
    if operation.parameters.platforms:
        return tuple(operation.parameters.platforms)
    targets = spec.publish.targets if spec.publish else []
    return tuple(dict.fromkeys(t.platform for t in targets)) or ("any",)


def _must_be_stored(operation: OperationSpec, spec: MediaAssetSpec) -> bool:
    """Say whether an operation's output gets an object of its own.

    A transform's output does if nothing transforms it further, or a target or `primary` names it, or
    another placement reads it.
    """
    if operation.operation.makes is not Makes.RENDITION:
        return True
    readers = [o for o in spec.operations if o.input == operation.name]
    transformed = any(o.operation.transforms for o in readers)
    named = {m.from_ for t in (spec.publish.targets if spec.publish else []) for m in t.media or []}
    elsewhere = any(o.gpu != operation.gpu and not o.parameters.outside_engine() for o in readers)
    return not transformed or operation.name in named or operation.name == spec.primary_name or elsewhere


def plan_steps(
    spec: MediaAssetSpec,
    *,
    asset_name: str,
    asset_uid: str,
    identity: str,
    reprocess: str | None = None,
    pinned: Mapping[str, str] | None = None,
) -> list[Step]:
    """Settle every operation of a spec, in the order written.

    `identity` stands for the source's content (`sha256:…`, or `etag:…` of a stored object); `reprocess` is
    the token last handled; `pinned` gives the step keys of ProcessingJobs that exist, by name: they keep
    theirs whatever today's versions are.
    """
    pinned = pinned or {}
    steps: dict[str, Step] = {}
    chains: dict[str, list[Any]] = {SOURCE: []}
    edits = {edit.operation: edit for edit in spec.review.transcripts} if spec.review else {}
    for written in spec.operations:
        operation = _resolved(written, spec)
        parameters, kind = operation.parameters, operation.operation
        source, transcript = operation.input or SOURCE, getattr(parameters, "transcript_from", None)
        platforms = _platforms(operation, spec)
        attributes = dict(spec.attributes) if kind.makes is Makes.TEXT else {}
        versions = versions_of(kind, parameters)
        stored = _must_be_stored(written, spec)
        placement = Placement(written.gpu, parameters.outside_engine())

        if own := _own_edit(operation, edits):
            # What was heard is settled: the step only translates it, and reads nothing of the media.
            source, placement = SOURCE, Placement(0, placement.engine)
        # A translation is the operation's own, made anew from the edit.
        foreign = getattr(parameters, "transcript_language", None)
        edited = own or (edits.get(transcript) if transcript and not foreign else None)

        inputs = [steps[n].spec_hash for n in (source, transcript) if n and n != SOURCE]
        inputs += [edited.sha256] if edited else []
        # Only what is written counts: neither a field that a later version adds nor its default makes a new
        # ProcessingJob.
        wanted = written.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"input"})
        spec_hash = digest(wanted, inputs, platforms, attributes)[:40]
        name = processing_job_name(asset_name, asset_uid, operation.name, spec_hash, stored, reprocess)

        # An edit's content stands for the transcript: how that came about makes no difference any more.
        read = edited.sha256 if edited else steps[transcript].step_key if transcript else None
        # What burns a transcript in hands its key down to all that reads the picture.
        burnt = [read] if read and kind.transforms else []
        link = [kind.name, parameters.content(), versions, *burnt]
        chain = [*chains[source], link]
        if kind.transforms:
            chains[operation.name] = chain
        prepared = None if own else _prepared(operation, placement, source, identity, chains[source])
        steps[operation.name] = Step(
            operation=operation,
            input=source,
            transcript=transcript,
            edited=edited,
            platforms=platforms,
            attributes=attributes,
            versions=versions,
            spec_hash=spec_hash,
            step_key=pinned.get(name)
            or digest(identity, chain, read, platforms, attributes)[:STEP_KEY_LENGTH],
            stored=stored,
            placement=placement,
            prepared=prepared,
            processing_job=name,
        )
    return list(steps.values())


def versions_of(kind: Operation, parameters: Parameters) -> dict[str, str]:
    """Give today's versions of an operation with these parameters: its own, its engine's, its models'."""
    return {kind.name: kind.version, **parameters.versions()}


def _own_edit(operation: OperationSpec, edits: Mapping[str, EditedTranscript]) -> EditedTranscript | None:
    """Give the edit of an operation's own transcript, if it translates that and so has to do it anew."""
    transcribe = operation.transcribe
    return edits.get(operation.name) if transcribe and transcribe.translate_to else None


def _prepared(
    operation: OperationSpec, placement: Placement, source: str, identity: str, chain: list[Any]
) -> Prepared | None:
    """Say which file an outside engine's step needs from the pass that decodes."""
    if placement.engine is None:
        return None
    kind = "prepareAudio" if operation.operation.makes is Makes.TRANSCRIPT else "prepareFrames"
    key = digest(identity, chain, kind, PREPARE_VERSIONS[kind])[:STEP_KEY_LENGTH]
    return Prepared(operation.name, kind, source, key)
