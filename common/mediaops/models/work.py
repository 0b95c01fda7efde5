"""What travels between the operator, a pod and storage: work order, result, termination message.

A work order lies in a Secret of its Job's name, mounted as `work-order.json`. The pod answers with one
`result.json` per finished step in storage, put after the step's files, and with its exit code and
termination message. The operator needs nothing else: callbacks only make it look earlier.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from mediaops.models.base import FileType, Key, Millis, Model, Pixels, Sha256
from mediaops.models.usage import Usage

MAX_WORK_ORDER_BYTES = 256 * 1024


class Exit(IntEnum):
    """What `run`'s exit code says to the operator and to the Job's podFailurePolicy."""

    DONE = 0
    """Every step has its result in storage."""
    IMPOSSIBLE = 64
    """What failed cannot succeed as asked (EX_USAGE): no further attempt."""
    UNREACHABLE = 69
    """Storage, backend or engine stayed out of reach (EX_UNAVAILABLE): again later, not counted."""
    FAILED = 1
    """One attempt failed."""
    INTERRUPTED = 75
    """Told to stop from outside within deadline and disk limit (EX_TEMPFAIL): Kubernetes replaces the pod."""
    DEADLINE = 70
    """The attempt outlasted its deadline: counted."""
    DISK_FULL = 73
    """The work folder came to 95 % of its limit (EX_CANTCREAT): counted."""


class ObjectRef(Model):
    """An object in the bucket, pinned to its content."""

    key: Key
    """Full key in the bucket."""
    size_bytes: Annotated[int, Field(ge=0)] | None = None
    sha256: Sha256 | None = None
    """Content hash, where known; checked on the way in."""
    etag: Annotated[str, Field(max_length=128)] | None = None
    """Sent as If-Match where the hash isn't known (objects that people put there)."""
    media_type: Annotated[str, Field(max_length=127)] | None = None


def file_role(sha256: str) -> str:
    """Name the role under which a step reads a file that its parameters name."""
    return f"file-{sha256}"


def segment_role(index: int) -> str:
    """Name the role under which a rendition reads one of the segments that it is joined of."""
    return f"segment-{index}"


class StepOrder(Model):
    """One step of a pass."""

    step_key: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    """The operation's name; of a prepared file: OPERATION/audio, OPERATION/frames, OPERATION/cuts or
    OPERATION/segment-N."""
    job_id: str | None = None
    """The row's id, as callbacks name it; None for prepared files."""
    type: Annotated[str, Field(max_length=40)]
    """An operation of the registry, or prepareAudio, prepareFrames, prepareCuts, prepareSegment."""
    parameters: dict[str, Any] = {}
    """The operation's resolved parameters, camelCase as in the resource."""
    input: Annotated[str, Field(max_length=40)] = "source"
    """`source`, another step of this order by name (same decode), or a name in `reads`."""
    stored: bool = True
    """False: only passed through; no object, completes with its pass."""
    required: bool = False
    """Fail, for the reason that would stand in `skipped`, instead of writing a result that says so."""
    reads: dict[str, ObjectRef] = {}
    """Results of earlier passes by role: input (a rendition), audio, frame-0…, transcript
    (transcript.json), cuts (segments.json), segment-0…; and files that its parameters name: file-SHA256."""
    transcript_step: Annotated[str, Field(max_length=40)] | None = None
    """The transcribe step of this same order whose transcript is read, where it isn't in `reads`."""
    platforms: list[str] = []
    """caption: platforms to write for."""
    attributes: dict[str, str] = {}
    """caption: the asset's attributes."""
    gpu: Annotated[int, Field(ge=0, le=8)] = 0
    """How many GPUs it asked for; what the node's can do is found out when it runs."""
    engine: Annotated[str, Field(max_length=40)] | None = None
    """The outside engine it calls, whose credential is mounted."""


class IngestOrder(Model):
    """Fetch a source, check it, store it, probe it: from an address, from Drive, or the order's `source`."""

    step_key: Annotated[str, Field(min_length=1, max_length=64)]
    url: Annotated[str, Field(max_length=2048)] | None = None
    """An https address; None where it stands in the mounted credential."""
    google_drive_file_id: Annotated[str, Field(max_length=256)] | None = None


class WorkOrder(Model):
    """All that one Job is to do."""

    version: Literal[1] = 1
    job: Annotated[str, Field(max_length=50)]
    """The Job's name."""
    namespace: Annotated[str, Field(max_length=63)]
    workspace: Annotated[str, Field(max_length=63)]
    asset_id: str
    file_type: FileType
    backend_url: Annotated[str, Field(max_length=512)]
    """Base URL of the backend inside the cluster."""
    capability: Annotated[str, Field(max_length=32_768)]
    """Signed by the operator; see mediaops.tokens."""
    deadline_seconds: Annotated[int, Field(ge=1)]
    disk_bytes: Annotated[int, Field(ge=0)] = 0
    """Limit of the work folder in bytes; 0: none."""
    max_source_bytes: Annotated[int, Field(ge=0)] = 0
    """Larger sources are refused; 0: no limit."""
    gpus: Annotated[int, Field(ge=0, le=8)] = 0
    """GPUs that the pod holds."""
    source: ObjectRef | None = None
    ingest: IngestOrder | None = None
    steps: list[StepOrder] = []
    indexed: Annotated[list[str], Field(max_length=64)] = []
    """Steps, by name, that the pods of an Indexed Job share: each does the one of its completion index."""

    def of_index(self, index: int) -> WorkOrder:
        """Give the part of an indexed order that one pod does; raises IndexError."""
        mine = self.indexed[index]
        steps = [step for step in self.steps if step.name == mine or step.name not in self.indexed]
        return self.model_copy(update={"steps": steps, "indexed": [mine]})

    @property
    def step_keys(self) -> frozenset[str]:
        """Give the steps whose folders it writes."""
        fetched = [self.ingest.step_key] if self.ingest else []
        return frozenset([*fetched, *(step.step_key for step in self.steps)])


class StoredFile(Model):
    """One file in a result."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    """rendition, transcript.json, transcript.srt, thumbnail-0, caption.json, audio, frame-0, source, …"""
    key: Key
    media_type: Annotated[str, Field(max_length=127)]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    width_pixels: Pixels | None = None
    height_pixels: Pixels | None = None
    duration_millis: Millis | None = None


class PostText(Model):
    """One text that a caption operation wrote."""

    platform: Annotated[str, Field(max_length=40)]
    """The platform it was written for; `any` if none was named."""
    variant: Annotated[int, Field(ge=0, le=7)] = 0
    language: Annotated[str, Field(max_length=3)] | None = None
    """ISO 639 code of the language it is in; None in results of versions that wrote one language only."""
    text: Annotated[str, Field(max_length=5000)]
    hashtags: list[str] = []


class Measured(Model):
    """Facts of the source as probed."""

    duration_millis: Millis | None = None
    width_pixels: Pixels | None = None
    height_pixels: Pixels | None = None
    size_bytes: Annotated[int, Field(ge=0)] | None = None
    media_type: Annotated[str, Field(max_length=127)] | None = None


SPRITE, PREVIEW = "sprite", "preview"
BESIDE = frozenset({SPRITE, PREVIEW})
"""Pictures that serve a player or a page and are never posted."""


class StepResult(Model):
    """`result.json`: that a step is done, and what came out. Put after the files it names."""

    version: Literal[1] = 1
    step_key: Annotated[str, Field(min_length=1, max_length=64)]
    type: Annotated[str, Field(max_length=40)]
    job: Annotated[str, Field(max_length=63)]
    """The Job that made it."""
    files: list[StoredFile] = []
    values: dict[str, str] = {}
    """Short figures and words: word_count, ratio, engine, … (≤ 32 names of ≤ 40, values of ≤ 256
    characters)."""
    texts: list[PostText] = []
    """caption: what it wrote."""
    skipped: Annotated[str, Field(max_length=63, pattern=r"^[A-Z][A-Za-z0-9]*$")] | None = None
    """Why there was nothing to do: one word of the table of reasons."""
    source: Measured | None = None
    """Facts of the source, where this step or its pass probed it."""
    usage: Usage | None = None
    """What it used up: its share of what its pass did."""

    @property
    def media(self) -> list[StoredFile]:
        """Give what people look at or listen to; not what lies beside it, such as a crop's track or a sprite."""
        kinds = {kind.value for kind in FileType}
        return [f for f in self.files if f.media_type.partition("/")[0] in kinds and f.name not in BESIDE]

    def file(self, name: str) -> StoredFile | None:
        """Give the file of that name, if there is one."""
        return next((f for f in self.files if f.name == name), None)


class StepFailure(Model):
    """Why a step failed."""

    step: Annotated[str, Field(max_length=80)] | None = None
    """The step's name; None: the failure can't be pinned on one, it is the whole order's."""
    reason: Annotated[str, Field(max_length=63)]
    """One word of the table of reasons."""
    message: Annotated[str, Field(max_length=512)]
    """A sentence that a person can act on; no addresses, no secrets."""
    permanent: bool = False
    """True: no further attempt can help."""


class Termination(StepFailure):
    """The container's termination message (JSON, ≤ 4096 bytes): the first failure, and any others."""

    others: list[StepFailure] = []
    """Further steps that failed in the same pass."""
    usage: Usage | None = None
    """What the container used up and no result of it accounts for."""
