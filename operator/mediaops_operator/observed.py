"""What one visit of an asset sees: everything that the plan depends on, and nothing that can be called.

Times carry their zone. Jobs and pods are cut down to what decides something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal, NamedTuple
from uuid import UUID

from mediaops.identity import asset_id
from mediaops.models.mediaasset import MediaAsset, MediaFacts
from mediaops.models.processingjob import ProcessingJob
from mediaops.models.usage import Usage
from mediaops.models.work import ObjectRef, StepResult
from mediaops.planner import Measurement, Step
from mediaops.publications import Publication
from mediaops.reasons import Reason


@dataclass(frozen=True)
class Trouble:
    """Why something doesn't go on, for people."""

    reason: Reason
    message: str
    detail: str = field(default="", compare=False)
    """What the call that failed said; for the log alone, because it may differ with each try."""


@dataclass(frozen=True)
class Share:
    """One operation's part in a Job: the Job counts on it while its round and `jobs` are still these."""

    operation: str
    uid: str
    """Of its ProcessingJob."""
    round: int
    jobs: int
    """Jobs that had ended in that round when this one was made."""
    member: bool
    """False: the Job only prepares files for it."""


@dataclass(frozen=True)
class PodView:
    """One pod of a Job."""

    name: str
    created: datetime
    node: str | None = None
    phase: str = "Pending"
    reason: str | None = None
    """The pod's own reason, such as Evicted or DeadlineExceeded."""
    message: str = ""
    disrupted: bool = False
    """Stopped from outside: Kubernetes replaces it, nothing counts."""
    exit_code: int | None = None
    """Of the container, once it terminated."""
    exit_reason: str | None = None
    """Such as OOMKilled."""
    termination: str = ""
    """The termination message."""
    trouble: Trouble | None = None
    """Why the pod doesn't start."""


@dataclass(frozen=True)
class JobView:
    """One Job of the asset."""

    name: str
    uid: str
    created: datetime
    shares: tuple[Share, ...] = ()
    ingest: tuple[int, int] | None = None
    """Round and `jobs` of the ingest it does; None: it runs a pass."""
    quality: tuple[int, int] | None = None
    """Round and `jobs` of the measuring it does for quality checks."""
    measures: tuple[str, ...] = ()
    """Step keys of what it measures then."""
    log_step: str = ""
    """Step key beside whose result the end of its log is put, if it fails."""
    suspended: bool = False
    end: Literal["Complete", "Failed"] | None = None
    end_reason: str = ""
    end_message: str = ""
    end_time: datetime | None = None
    pods: tuple[PodView, ...] = ()
    """Oldest first."""
    trouble: Trouble | None = None
    """Why it has no pod."""
    deleted: bool = False
    """Being deleted."""
    parts: str = ""
    """The step key of the cuts that it finds, or whose segments it makes."""
    indexed: int = 0
    """How many pods share it by completion index; 0: it isn't an Indexed Job."""
    succeeded: int = 0
    """How many of them have done their part."""

    @property
    def running(self) -> bool:
        """Say whether a pod works on it, or has ended by itself, which the Job will soon say too."""
        return any(pod.phase != "Pending" and not pod.disrupted for pod in self.pods)

    def log_name(self, pod: str | None) -> str:
        """Name the end of a pod's log: of an Indexed Job each pod leaves one, without its random suffix."""
        return pod.rpartition("-")[0] if self.indexed and pod else self.name

    @property
    def standstill(self) -> Trouble | None:
        """Say why it doesn't start, where that is known."""
        if self.end or self.running:
            return None
        return next((pod.trouble for pod in reversed(self.pods) if pod.trouble), self.trouble)


@dataclass(frozen=True)
class Found:
    """The source, as far as it was looked for in this visit."""

    facts: MediaFacts | None = None
    """With its identity, once that is known."""
    object: ObjectRef | None = None
    """Where pods read it."""
    trouble: Trouble | None = None
    """Why a stored source can't be used; a person has to do something."""
    usage: Usage | None = None
    """What the Job used up that brought it in."""
    made_by: str | None = None
    """That Job's name."""


@dataclass(frozen=True)
class Post:
    """One row of content_posts."""

    key: str
    """Its publish.key."""
    target: str
    request_id: UUID
    row: Publication
    files: tuple[str, ...] = ()
    """SHA-256 of each file decided on, in order."""
    text: str = ""
    place: tuple[str, str] = ("", "")
    """Platform and account."""


@dataclass(frozen=True)
class Sending:
    """How the last request to n8n went, as far as this process knows."""

    number: int
    time: datetime
    failures: int = 0
    """How often in a row n8n didn't take it; 0: it did."""
    message: str = ""


class Heard(NamedTuple):
    """How far a running operation says it is."""

    percent: int
    seconds_left: int | None
    """Until its pass is done; None: too early to say."""


@dataclass(frozen=True)
class Observed:
    """One asset, and all that concerns it."""

    asset: MediaAsset
    workspace: str | None
    """What the namespace's label says now."""
    profile_known: bool = True
    processing_jobs: Mapping[str, ProcessingJob] = field(default_factory=dict)
    """By name; those that this very asset owns."""
    jobs: tuple[JobView, ...] = ()
    """Those that this very asset owns."""
    source: Found = Found()
    steps: tuple[Step, ...] = ()
    """The operations, settled; empty while the source's identity isn't known."""
    measurements: tuple[Measurement, ...] = ()
    """What the spec's quality checks need to know, as far as the operations are settled."""
    results: Mapping[str, StepResult] = field(default_factory=dict)
    """What was found in storage, by step key."""
    looked: frozenset[str] = frozenset()
    """Step keys that were looked for; those not among `results` aren't there."""
    refusal: Trouble | None = None
    """Why the API server lately didn't take a Job: none is tried for a while."""
    storage_trouble: Trouble | None = None
    """Storage could not be asked."""
    heard: Mapping[str, Heard] = field(default_factory=dict)
    """How far running operations say they are, by operation, where a write is due."""
    posts: tuple[Post, ...] | None = None
    """Publications under the asset's name, whatever their key; None: not asked for."""
    sending: Sending | None = None
    """None: this process hasn't sent anything for the asset yet."""
    database_trouble: Trouble | None = None
    """The database could not be asked."""
    persist_lag: float = 0.0
    """Seconds the database has been behind for this asset."""

    @property
    def served(self) -> str:
        """Give the workspace this asset belongs to; raises ValueError where there is none."""
        workspace = self.asset.status.workspace or self.workspace
        if workspace is None:
            raise ValueError("the asset's namespace belongs to no workspace")
        return workspace

    @cached_property
    def asset_id(self) -> UUID:
        """Give the id of the asset's row."""
        return asset_id(self.served, self.asset.namespace, self.asset.name, self.asset.spec.source.wire())
