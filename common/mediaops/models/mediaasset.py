"""MediaAsset: one media file, what is to be made of it, and where it is to be published."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mediaops.models.admission import OPERATIONS_RULES, SPEC_RULES
from mediaops.models.base import (
    LABEL_PATTERN,
    SOURCE,
    Bytes,
    FileType,
    Generation,
    Millis,
    Model,
    Name,
    Pixels,
    Reference,
    Time,
    keyed_by,
    rules,
)
from mediaops.models.conditions import Conditions, OutputStatus
from mediaops.models.publish import Publish, Review
from mediaops.models.quality import QualityChecks, QualityStatus
from mediaops.models.source import Source
from mediaops.models.usage import Cost
from mediaops.operations import REGISTRY, Operation, Parameters
from mediaops.operations.caption import CaptionParameters
from mediaops.operations.compress import CompressParameters
from mediaops.operations.crop import CropParameters
from mediaops.operations.filter import FilterParameters
from mediaops.operations.thumbnail import ThumbnailParameters
from mediaops.operations.transcribe import TranscribeParameters
from mediaops.segments import Segments


class OperationSpec(Model):
    """One operation: a name, and exactly one of the blocks transcribe, caption, filter, crop, compress and
    thumbnail, which says what to do (write `crop: {}` for its defaults)."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "[has(self.transcribe), has(self.caption), has(self.filter), has(self.crop), has(self.compress), "
                "has(self.thumbnail)].filter(x, x).size() == 1",
                "an operation has exactly one of transcribe, caption, filter, crop, compress, thumbnail "
                "(write `crop: {}` for its defaults)",
            ),
        )
    )

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=40,
            pattern=LABEL_PATTERN,
            json_schema_extra=rules(("self != 'source'", "source is a reserved name")),
        ),
    ]
    """Name of the operation, unique in the asset."""
    input: Reference | None = None
    """The transform (crop, filter, compress) above whose output is read. Default: source."""
    required: bool = False
    """Fail instead of completing with reason Skipped when the file gives the operation nothing to do."""
    gpu: Annotated[int, Field(ge=0, le=8)] = 0
    """GPUs its Job asks for, of the resource that the execution profile names."""
    transcribe: TranscribeParameters | None = None
    """Write down what is said, with times."""
    caption: CaptionParameters | None = None
    """Write the text of a post."""
    filter: FilterParameters | None = None
    """Change how the picture looks."""
    crop: CropParameters | None = None
    """Cut the picture, or bring it to a shape."""
    compress: CompressParameters | None = None
    """Encode for delivery."""
    thumbnail: ThumbnailParameters | None = None
    """Take stills."""

    @property
    def operation(self) -> Operation:
        """Give the registry's row of the block that is set."""
        return REGISTRY[self.type]

    @property
    def type(self) -> str:
        """Name the block that is set."""
        return next(name for name in REGISTRY if getattr(self, name) is not None)

    @property
    def parameters(self) -> Parameters:
        """Give the block that is set."""
        block: Parameters = getattr(self, self.type)
        return block


class Priority(StrEnum):
    """How urgent an asset is, in the operator's queue and for the scheduler."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Budget(Model):
    """What the processing of an asset may cost."""

    micro_usd: Annotated[int, Field(ge=0, le=10**12)]
    """Millionths of a US dollar (1000000 is one dollar). An operation that may exceed it, by an estimate, isn't
    started."""


class Execution(Model):
    """How the work runs."""

    mode: Literal["Job"] = "Job"
    """Each pass is a Kubernetes Job."""
    profile: Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL_PATTERN)] = "default"
    """Execution profile of the installation: image, node selection, resources."""
    priority: Priority = Priority.NORMAL
    """Order in the queue, and PriorityClass of the pods."""
    deadline_seconds: Annotated[int, Field(ge=10, le=86_400)] = 3600
    """Longest run of one attempt in seconds, from its own start (waiting for a node is not counted)."""
    segments: Segments | None = None
    """In how many segments of about equal length the video of a rendition is encoded, each in a pod of its own:
    2 to 64, or auto (one for each two minutes, at most 16). What can't be cut without it being seen is made in one
    piece; the ProcessingJob's value segments says why. Default: in one piece."""
    budget: Budget | None = None
    """What all operations together may cost. Default: no limit."""


class Retry(Model):
    """How often a failing operation is tried."""

    limit: Annotated[int, Field(ge=1, le=10)] = 3
    """Attempts in one round; the annotation mediaops.dev/retry opens the next round."""
    backoff_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """Wait before the second attempt in seconds; doubled for each further one."""


AttributeValue = Annotated[str, Field(max_length=256)]


class MediaAssetSpec(Model):
    """What is wanted of one media file."""

    model_config = ConfigDict(json_schema_extra=rules(*SPEC_RULES))

    file_type: FileType
    """What the file is: image, video or audio. Immutable."""
    source: Source
    """Where the file comes from: exactly one of googleDrive, url, upload and object. Immutable."""
    operations: Annotated[
        list[OperationSpec],
        Field(max_length=32, json_schema_extra={**keyed_by("name"), **rules(*OPERATIONS_RULES)}),
    ] = []
    """What to do with the file. May be left out: publish the source."""
    primary: Reference | None = None
    """The operation whose output is the asset's processed file. Default: the last transform listed, else
    the source."""
    execution: Execution = Execution()
    """How the work runs."""
    retry: Retry = Retry()
    """How often a failing operation is tried."""
    quality_checks: QualityChecks | None = None
    """What the published files have to come up to; a check that fails holds back publishing."""
    publish: Publish | None = None
    """What is published, once every operation succeeded."""
    review: Review | None = None
    """People's decisions. Manifests kept in Git leave it out."""
    suspend: bool = False
    """Pause: no new Jobs are made, running ones are left."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """What becomes of stored outputs when the asset is deleted. `Retain`: they stay. `Delete`: they go after a
    period of grace, except what another asset uses too or an unfinished post still needs."""
    attributes: Annotated[
        dict[str, AttributeValue],
        Field(
            max_length=32,
            json_schema_extra=rules(
                (
                    "self.all(name, name.size() >= 1 && name.size() <= 63)",
                    "names of attributes have 1 to 63 characters",
                )
            ),
        ),
    ] = {}
    """Facts about the asset that captions may use and rows keep, such as campaign."""

    @property
    def primary_name(self) -> str:
        """Name the operation whose output is the processed file, or `source`."""
        if self.primary:
            return self.primary
        transforms = [o.name for o in self.operations if o.operation.transforms]
        return transforms[-1] if transforms else SOURCE

    @property
    def published_names(self) -> tuple[str, ...]:
        """Name whose files are published, operations or `source`; without targets, whose would be."""
        targets = self.publish.targets if self.publish else []
        names = [m.from_ for t in targets for m in t.media or []]
        if not targets or any(not t.media for t in targets):
            names.append(self.primary_name)
        return tuple(dict.fromkeys(names))


class Progress(Model):
    """How far the operations are."""

    total: Annotated[int, Field(ge=0, le=32)] = 0
    """Operations wanted."""
    completed: Annotated[int, Field(ge=0, le=32)] = 0
    """Operations that succeeded."""
    failed: Annotated[int, Field(ge=0, le=32)] = 0
    """Operations that failed."""
    summary: Annotated[str, Field(max_length=16)] = "0/0"
    """completed/total, for people."""
    seconds_left: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """How many seconds the operations still take, by the speed of the passes that run; absent while one of them
    waits, or it is too early to say."""


class MediaFacts(Model):
    """What was found out about the source file."""

    identity: Annotated[str, Field(max_length=160)] | None = None
    """What stands for the file's content in step keys: sha256:HEX, or etag:… of a stored object."""
    duration_millis: Millis | None = None
    """Length in milliseconds."""
    width_pixels: Pixels | None = None
    """Width of the upright picture in pixels."""
    height_pixels: Pixels | None = None
    """Height of the upright picture in pixels."""
    size_bytes: Bytes | None = None
    """Size of the file in bytes."""


class IngestStatus(Model):
    """How fetching the source went."""

    round: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Round in which it ran; part of the address of its result."""
    attempts: Annotated[int, Field(ge=0, le=1000)] = 0
    """Attempts counted in this round."""
    jobs: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Jobs concluded in this round, counted as attempts or not."""
    job_name: Annotated[str, Field(max_length=63)] | None = None
    """The Job that runs, or ran last."""
    next_attempt_time: Time | None = None
    """Not before this time (RFC 3339) is the next Job made."""
    cost: Cost | None = None
    """What fetching used up, over all rounds."""


class PostStatus(Model):
    """One target's post."""

    target: Name
    """Name of the target."""
    state: Literal["Planned", "Claimed", "Posting", "Posted", "Failed", "OutcomeUnknown", "Withdrawn"]
    """Where it stands."""
    external_post_id: Annotated[str, Field(max_length=128)] | None = None
    """The platform's id of the post."""
    uri: Annotated[str, Field(max_length=1024)] | None = None
    """The post's address."""
    post_time: Time | None = None
    """When it was posted (RFC 3339)."""
    reason: Annotated[str, Field(max_length=63)] | None = None
    """Why it failed."""
    message: Annotated[str, Field(max_length=512)] | None = None
    """The same as a sentence."""


class PublicationStatus(Model):
    """How publishing goes."""

    request_id: Annotated[str, Field(max_length=36)] | None = None
    """Identity of the publication request (uuid5 of asset and publish.key)."""
    revision: Annotated[str, Field(max_length=64)] | None = None
    """Hash over what is (to be) sent: targets, files, texts."""
    generation: Generation | None = None
    """The generation whose results were sent."""
    sends: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How often the request was sent to n8n."""
    posts: Annotated[list[PostStatus], Field(max_length=16, json_schema_extra=keyed_by("target"))] = []
    """One entry per target."""


Token = Annotated[str, Field(max_length=128)]


class LastHandled(Model):
    """The annotation tokens that were acted upon."""

    retry: Token | None = None
    """mediaops.dev/retry."""
    cancel: Token | None = None
    """mediaops.dev/cancel."""
    reprocess: Token | None = None
    """mediaops.dev/reprocess."""
    resolve: Token | None = None
    """mediaops.dev/resolve."""


class MediaAssetStatus(Model):
    """What was observed, written by the operator alone."""

    observed_generation: Generation = -1
    """The generation of spec this status speaks of; -1 before the first visit."""
    workspace: Annotated[str, Field(max_length=63)] | None = None
    """The workspace that served this asset first; fixed from then on."""
    phase: Literal[
        "Pending", "Processing", "Processed", "Publishing", "Published", "Failed", "Suspended", "Cancelled"
    ] = "Pending"
    """One word for people, derived from the conditions."""
    conditions: Conditions = []
    """Ready, Reconciling, Stalled, Finished, SourceReady, Processed, Published, Persisted; with quality checks,
    QualityChecked."""
    round: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Round of attempts; a manual retry opens the next."""
    progress: Progress = Progress()
    """How far the operations are."""
    start_time: Time | None = None
    """When work began (RFC 3339)."""
    completion_time: Time | None = None
    """When it finished (RFC 3339)."""
    media: MediaFacts | None = None
    """What was found out about the source file."""
    ingest: IngestStatus | None = None
    """How fetching the source went."""
    outputs: Annotated[list[OutputStatus], Field(max_length=64)] = []
    """What was made, by operation."""
    quality: QualityStatus | None = None
    """What is known of the published files' quality."""
    publication: PublicationStatus | None = None
    """How publishing goes."""
    cost: Cost | None = None
    """What fetching the source, the operations as they are now, and measuring for quality checks used up. Results
    that were there cost nothing."""
    last_handled: LastHandled = LastHandled()
    """The annotation tokens that were acted upon."""


class MediaAsset(Model):
    """A media file, the operations wanted, and the accounts to publish on."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.metadata.name.size() <= 63", "metadata.name is at most 63 characters (it becomes a label)")
        )
    )

    metadata: dict[str, Any] = {}
    spec: MediaAssetSpec
    """What is wanted."""
    status: MediaAssetStatus = MediaAssetStatus()
    """What was observed."""

    @property
    def name(self) -> str:
        """Give metadata.name."""
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        """Give metadata.namespace."""
        return str(self.metadata["namespace"])

    @property
    def uid(self) -> str:
        """Give metadata.uid."""
        return str(self.metadata["uid"])

    @property
    def generation(self) -> int:
        """Give metadata.generation."""
        return int(self.metadata.get("generation", 0))

    def annotation(self, name: str) -> str | None:
        """Give the annotation mediaops.dev/NAME, cut to what lastHandled can hold."""
        value = (self.metadata.get("annotations") or {}).get(f"mediaops.dev/{name}")
        return str(value)[:128] if value else None


__all__ = ["SOURCE", "MediaAsset", "MediaAssetSpec", "MediaAssetStatus"]
