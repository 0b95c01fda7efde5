"""What a plan asks for: children, status, requests, and when to look again. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from mediaops.models.mediaasset import MediaAssetStatus
from mediaops.models.processingjob import ProcessingJob, ProcessingJobStatus
from mediaops.models.work import WorkOrder
from mediaops.planner import Step
from mediaops.publications import Decision
from mediaops_operator.conclude import Verdict
from mediaops_operator.observed import Share


@dataclass(frozen=True)
class Launch:
    """A Job to make, with its work order (which still lacks its capability)."""

    order: WorkOrder
    shares: tuple[Share, ...] = ()
    ingest: tuple[int, int] | None = None
    quality: tuple[int, int] | None = None
    """Round and number, where the Job only measures for quality checks."""
    measures: tuple[str, ...] = ()
    """Step keys of what it measures."""
    gpu: int = 0
    engine: str | None = None
    credential: str | None = None
    """The Secret whose key `mediaops-credential` its pod mounts."""
    parts: str = ""
    """The step key of the cuts that it finds, or whose segments it makes."""
    percent: int = 0
    """How far what it counts on is when it begins."""

    @property
    def role(self) -> str:
        """Say what kind of Job it is."""
        return "ingest" if self.ingest else "quality" if self.quality else "pass"

    @property
    def log_step(self) -> str:
        """Give the step key beside whose result the end of a failing run's log is put."""
        return self.order.ingest.step_key if self.order.ingest else self.order.steps[0].step_key


@dataclass(frozen=True)
class Note:
    """An Event to tell people."""

    reason: str
    message: str
    warning: bool = False
    job: ProcessingJob | None = None
    """The ProcessingJob it is about; None: the MediaAsset."""
    verdict: Verdict | None = None
    """What it tells of the end of a Job."""
    kubernetes_job: str = ""
    """The name of that Job."""


@dataclass(frozen=True)
class Withdraw:
    """Take back what isn't posted."""

    posts: frozenset[tuple[str, str]]
    """By publish.key and target."""


@dataclass(frozen=True)
class Decide:
    """Have publications on record, or open again what failed in an earlier round."""

    publish_key: str
    decisions: dict[str, Decision]
    """By target."""


@dataclass(frozen=True)
class Resolve:
    """A person's word on a post in doubt."""

    publish_key: str
    target: str
    post_id: str | None
    """None: there is no post, post again."""


PostAction = Withdraw | Decide | Resolve


@dataclass(frozen=True)
class Send:
    """The request to n8n."""

    request_id: UUID
    number: int
    """Which send this is, from 1."""
    body: dict[str, Any]


@dataclass(frozen=True)
class Desired:
    """All that one visit is to change, in the order in which it is applied."""

    status: MediaAssetStatus
    commits: bool = False
    """The status commits to something: it is written first, and what follows relies on it."""
    post_actions: tuple[PostAction, ...] = ()
    """Written to the database: before anything else, after which the plan is made anew; or, where the status
    commits to them, right after that."""
    delete: tuple[ProcessingJob, ...] = ()
    create: tuple[Step, ...] = ()
    launches: tuple[Launch, ...] = ()
    job_statuses: dict[str, ProcessingJobStatus] = field(default_factory=dict)
    """By the ProcessingJob's name; those that may have changed."""
    delete_jobs: tuple[str, ...] = ()
    delete_secrets: tuple[str, ...] = ()
    """Work orders of Jobs that ended."""
    send: Send | None = None
    notes: tuple[Note, ...] = ()
    wake_at: datetime | None = None
    """When time alone brings something to do."""
    again: bool = False
    """Visit again at once: this visit only prepared the next one."""
