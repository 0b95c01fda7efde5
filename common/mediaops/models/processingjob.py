"""ProcessingJob: one operation of a MediaAsset, made by the operator; its spec never changes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mediaops.models.base import Generation, Model, Name, Time, rules
from mediaops.models.conditions import Conditions, NamedValue, OutputStatus
from mediaops.models.mediaasset import OperationSpec
from mediaops.models.usage import Cost


class AssetReference(Model):
    """The MediaAsset that owns this."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Its name."""
    uid: Annotated[str, Field(min_length=1, max_length=36)]
    """Its uid."""


class Version(Model):
    """The version of an engine, a model or an operation that the step key was made with."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """What it is the version of."""
    version: Annotated[str, Field(min_length=1, max_length=63)]
    """Its semantic version."""


class ProcessingJobSpec(Model):
    """What is to be done, settled down to versions. Immutable."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self == oldSelf", "spec is immutable; change the MediaAsset, and a new ProcessingJob is made")
        )
    )

    asset_ref: AssetReference
    """The MediaAsset that owns this."""
    operation: OperationSpec
    """The operation, defaults filled in."""
    versions: Annotated[list[Version], Field(max_length=16)] = []
    """Versions of operation, engine and model that the step key was made with."""
    spec_hash: Annotated[str, Field(min_length=1, max_length=64)]
    """Hash of what the user wrote for this operation and for its inputs."""
    step_key: Annotated[str, Field(min_length=1, max_length=64)]
    """Address of the result: WORKSPACE/steps/STEPKEY/."""
    stored: bool = True
    """False: only passed through on the way to another output (reason Fused), nothing is stored."""


class PassStatus(Model):
    """The pass this operation runs in."""

    members: Annotated[list[Name], Field(max_length=32)]
    """Operations that share it."""


class Failure(Model):
    """One attempt that failed."""

    attempt: Annotated[int, Field(ge=0, le=1000)]
    """Number of the attempt in its round; 0 where it was not counted."""
    pod: Annotated[str, Field(max_length=253)] | None = None
    """The pod it ran in."""
    node: Annotated[str, Field(max_length=253)] | None = None
    """The node it ran on."""
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = None
    """Exit code of the container."""
    reason: Annotated[str, Field(max_length=63)]
    """Why, in one word of the table of reasons."""
    message: Annotated[str, Field(max_length=512)] = ""
    """Why, in a sentence."""
    log_uri: Annotated[str, Field(max_length=1024)] | None = None
    """Where the end of its log is stored (s3://…)."""
    time: Time
    """When it ended (RFC 3339)."""


class ProcessingJobStatus(Model):
    """How far it is, written by the operator alone."""

    observed_generation: Generation = -1
    """The generation this status speaks of; -1 before the first visit."""
    phase: Literal["Queued", "Processing", "Completed", "Failed"] = "Queued"
    """One word for people, derived from the conditions."""
    conditions: Conditions = []
    """Succeeded, Reconciling, Stalled."""
    round: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Round of attempts."""
    attempts: Annotated[int, Field(ge=0, le=1000)] = 0
    """Attempts counted in this round."""
    jobs: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Jobs concluded in this round, counted as attempts or not; part of the next Job's name."""
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """How much is done."""
    seconds_left: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """How many seconds its pass still takes, by the speed it had when percent was written; absent while that is
    too early to say."""
    pass_: Annotated[PassStatus | None, Field(alias="pass")] = None
    """The pass it runs in."""
    job_name: Annotated[str, Field(max_length=63)] | None = None
    """The Job that runs, or ran last."""
    next_attempt_time: Time | None = None
    """Not before this time (RFC 3339) is the next Job made."""
    start_time: Time | None = None
    """When its first Job was made (RFC 3339)."""
    completion_time: Time | None = None
    """When it ended (RFC 3339)."""
    outputs: Annotated[list[OutputStatus], Field(max_length=64)] = []
    """Files it made."""
    values: Annotated[list[NamedValue], Field(max_length=32)] = []
    """Short figures and words it found."""
    cost: Cost | None = None
    """What it used up, over all rounds and attempts. A result that was there costs nothing."""
    failures: Annotated[list[Failure], Field(max_length=5)] = []
    """The last five failures, newest last."""


class ProcessingJob(Model):
    """One operation of a MediaAsset, made and kept up to date by the operator."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.metadata.name.size() <= 63", "metadata.name is at most 63 characters (it becomes a label)")
        )
    )

    metadata: dict[str, Any] = {}
    spec: ProcessingJobSpec
    """What is to be done."""
    status: ProcessingJobStatus = ProcessingJobStatus()
    """How far it is."""

    @property
    def name(self) -> str:
        """Give metadata.name."""
        return str(self.metadata["name"])

    @property
    def uid(self) -> str:
        """Give metadata.uid."""
        return str(self.metadata["uid"])
