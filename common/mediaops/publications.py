"""How a publication moves: a pure state machine over one row of content_posts.

What it holds: zero or one post per row, never two, whatever dies or comes late. n8n works on a publication
only under a claim, a lease with a fencing number. Before the one call that can't be taken back the holder
saves `phase: posting`; only the first holder is let through to it. Whoever claims a row that says `posting`
after the lease ended may look the post up and settle, nothing else, because the call may still be carried
out: "not found" is no proof. Where that leaves doubt the row ends as outcome_unknown, and only a person
moves it on.

Functions take the row and the time and give the row as it should be; `changes` says which columns to write.
The caller holds the row's lock from reading to writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

LEASE_SECONDS = 120
"""How long a claim holds without being renewed; the operator's back-off between sends is longer."""

MAX_STATE_BYTES = 4096
"""Longest saved state, as JSON."""

OUTCOME_UNKNOWN_REASON = "OutcomeUnknown"
"""The error's reason by which a holder says that the post may exist."""

POSTING_PHASE = "posting"
"""The value of `phase` in a saved state that asks to be let through to the call that posts."""

MAX_BACKOFF_SECONDS = 3600


class State(StrEnum):
    """Where a publication stands."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    POSTING = "posting"
    POSTED = "posted"
    FAILED = "failed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    WITHDRAWN = "withdrawn"


HELD = frozenset({State.CLAIMED, State.POSTING})
"""States under a lease."""

TERMINAL = frozenset({State.POSTED, State.FAILED, State.OUTCOME_UNKNOWN, State.WITHDRAWN})
"""States in which sending a request again is of no use."""


@dataclass(frozen=True)
class Decision:
    """What is to be posted, settled when the publication was planned."""

    resource_uid: UUID
    media_asset_id: UUID
    request_id: UUID
    revision: str
    platform: str
    account: str
    text: str
    files: list[dict[str, Any]]
    """[{key, sha256, size, type}]; size in bytes, type an IANA media type."""
    round: int
    retry_limit: int
    """Attempts in one round."""
    backoff_seconds: int
    """Wait before the second attempt; doubled for each further one."""


@dataclass(frozen=True)
class Publication:
    """The columns of content_posts that move; times carry their zone."""

    resource_uid: UUID
    state: State = State.PLANNED
    fence: int = 0
    posting_fence: int | None = None
    lease_until: datetime | None = None
    saved_state: dict[str, Any] = field(default_factory=dict)
    round: int = 1
    attempts: int = 0
    """Errors settled in this round."""
    retry_limit: int = 3
    backoff_seconds: int = 10
    next_attempt_at: datetime | None = None
    retryable: bool | None = None
    reason: str | None = None
    message: str | None = None
    external_post_id: str | None = None
    url: str | None = None
    posted_at: datetime | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Publication:
        """Read a row of content_posts."""
        values = {f.name: row[f.name] for f in fields(cls)}
        return cls(**{**values, "state": State(values["state"])})

    @property
    def looking_up(self) -> bool:
        """Say whether an earlier holder may have posted, so that this one may only look."""
        return self.state is State.POSTING and self.posting_fence != self.fence


def changes(before: Publication, after: Publication) -> dict[str, Any]:
    """Give the columns, by name, in which two versions of a row differ."""
    names = (f.name for f in fields(Publication))
    return {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}


class Refused(Exception):
    """The row does not allow it; `code` is stable and part of the problem type that n8n sees."""

    def __init__(self, code: str, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.until = until
        """When asking again can help; None: asking again does not help."""


# What the operator does ------------------------------------------------------------------------------------


def plan(row: Publication | None, decision: Decision, now: datetime) -> tuple[Publication, bool]:
    """Give the row as it should be, and whether it is opened with this decision's content.

    It is opened where there is no row yet, or one that was withdrawn. A row of a resource of the same name
    that is gone by now is withdrawn first. Whatever else is on record (planned, under way, posted, failed, in
    doubt) stays with its content: the caller compares, and says in a condition what differs.
    """
    if row is not None and row.resource_uid != decision.resource_uid:
        row = withdraw(row, row.resource_uid, now)
    if row is not None and row.state is not State.WITHDRAWN:
        return row, False
    opened = Publication(
        resource_uid=decision.resource_uid,
        # The fence goes on counting over everything the row has been through.
        fence=row.fence if row else 0,
        round=decision.round,
        retry_limit=decision.retry_limit,
        backoff_seconds=decision.backoff_seconds,
    )
    return opened, True


def withdraw(row: Publication, resource_uid: UUID, now: datetime) -> Publication:
    """Take back what isn't posted, if the row still belongs to that resource.

    A holder that was let through to its call can't be called back: the row stays until its lease ends, and
    is then in doubt.
    """
    if row.resource_uid != resource_uid:
        return row
    if row.state in (State.PLANNED, State.CLAIMED, State.FAILED):
        return replace(row, state=State.WITHDRAWN, lease_until=None, next_attempt_at=None)
    if row.state is State.POSTING and not _leased(row, now):
        return _in_doubt(row, "withdrawn while the call that posts was under way")
    return row


def reopen(row: Publication, round_: int) -> Publication:
    """Open the next round for a failed row; any other stays as it is."""
    if row.state is not State.FAILED or round_ <= row.round:
        return row
    return _planned(replace(row, round=round_, attempts=0, next_attempt_at=None))


def resolve_posted(row: Publication, external_post_id: str, now: datetime) -> Publication:
    """Take a person's word that the post in doubt exists under this id."""
    if row.state is not State.OUTCOME_UNKNOWN:
        return row
    return _posted(row, external_post_id, None, now)


def resolve_again(row: Publication) -> Publication:
    """Take a person's word that the post in doubt does not exist, and post again."""
    if row.state is not State.OUTCOME_UNKNOWN:
        return row
    return _planned(replace(row, attempts=0, next_attempt_at=None, saved_state={}))


# What n8n does, through the backend ------------------------------------------------------------------------


@dataclass(frozen=True)
class Caps:
    """How many claims may be open at a time."""

    per_platform: int
    in_all: int

    def allow(self, of_platform: int, in_all: int) -> bool:
        """Say whether one more may be opened beside these."""
        return of_platform < self.per_platform and in_all < self.in_all


def claim(row: Publication, now: datetime, lease_seconds: int = LEASE_SECONDS) -> Publication:
    """Give the row to a new holder; raises Refused.

    A row that says `posting` keeps that state: its new holder looks up and settles (`looking_up`).
    """
    if row.state in TERMINAL:
        raise Refused(row.state.value, _TERMINAL_SENTENCES[row.state])
    if _leased(row, now):
        raise Refused("held", "another run holds this publication", row.lease_until)
    if row.next_attempt_at is not None and row.next_attempt_at > now:
        raise Refused("held", "the next attempt is not due yet", row.next_attempt_at)
    return replace(
        row,
        state=State.POSTING if row.state is State.POSTING else State.CLAIMED,
        fence=row.fence + 1,
        lease_until=now + timedelta(seconds=lease_seconds),
        next_attempt_at=None,
    )


def save(
    row: Publication, fence: int, state: dict[str, Any], now: datetime, lease_seconds: int = LEASE_SECONDS
) -> Publication:
    """Save what a holder has reached and renew its lease; raises Refused, after which the holder stops.

    Saving `phase: posting` lets the holder through to its one call. If the platform certainly did not post,
    it saves another phase, or settles the error. A holder that may only look up renews with the state as it
    is, and is let through to nothing.
    """
    _require_holder(row, fence)
    lease_until = now + timedelta(seconds=lease_seconds)
    if row.looking_up:
        if state != row.saved_state:
            raise Refused("look_up_only", "an earlier run may have posted: look the post up and settle")
        return replace(row, lease_until=lease_until)
    asks = state.get("phase") == POSTING_PHASE
    return replace(
        row,
        state=State.POSTING if asks else State.CLAIMED,
        posting_fence=fence if asks else None,
        saved_state=state,
        lease_until=lease_until,
    )


def settle_posted(
    row: Publication, fence: int, external_post_id: str, url: str | None, now: datetime
) -> Publication:
    """Take it that the post exists: from any state and under any fence that was ever given out.

    Raises Refused for a fence that never was, and where another post is on record already.
    """
    _require_given(row, fence)
    if row.state is State.POSTED:
        if row.external_post_id != external_post_id:
            raise Refused("posted", "this publication is on record with another post's id")
        return row if row.url or not url else replace(row, url=url)
    return _posted(row, external_post_id, url, now)


def settle_error(
    row: Publication, fence: int, reason: str, message: str, retryable: bool, now: datetime
) -> Publication:
    """Take a holder's word that it could not post; raises Refused for a stale fence.

    Reported a second time it changes nothing. An error while looking up says nothing about the post: the row
    is looked up again, or ends in doubt.
    """
    _require_given(row, fence)
    if fence != row.fence:
        raise Refused("stale", "a later run holds this publication")
    if row.state not in HELD:
        return row
    row = replace(row, reason=reason, message=message, retryable=retryable, attempts=row.attempts + 1)
    if reason == OUTCOME_UNKNOWN_REASON:
        return _in_doubt(row, message)
    again = retryable and row.attempts < row.retry_limit
    due = now + _backoff(row) if again else None
    if row.looking_up:
        return replace(row, lease_until=None, next_attempt_at=due) if again else _in_doubt(row, message)
    if again:
        return replace(_planned(row), reason=reason, message=message, retryable=True, next_attempt_at=due)
    return replace(row, state=State.FAILED, lease_until=None, next_attempt_at=None)


# The rules behind them -------------------------------------------------------------------------------------

_TERMINAL_SENTENCES = {
    State.POSTED: "this publication is posted",
    State.WITHDRAWN: "this publication was withdrawn",
    State.FAILED: "this publication failed; a retry of the asset opens it again",
    State.OUTCOME_UNKNOWN: "whether this was posted is unknown; a person has to resolve it",
}


def _leased(row: Publication, now: datetime) -> bool:
    return row.state in HELD and row.lease_until is not None and row.lease_until > now


def _require_given(row: Publication, fence: int) -> None:
    if not 1 <= fence <= row.fence:
        raise Refused("stale", "no run was given this fence")


def _require_holder(row: Publication, fence: int) -> None:
    _require_given(row, fence)
    if row.state in TERMINAL:
        raise Refused(row.state.value, _TERMINAL_SENTENCES[row.state])
    if fence != row.fence or row.state not in HELD:
        raise Refused("stale", "this run no longer holds the publication")


def _backoff(row: Publication) -> timedelta:
    """Double the wait with each attempt of the round: backoff_seconds x 2^(attempts - 1), at most an hour."""
    return timedelta(seconds=min(row.backoff_seconds * 2 ** min(row.attempts - 1, 12), MAX_BACKOFF_SECONDS))


def _planned(row: Publication) -> Publication:
    """Plan a row again; what was uploaded is kept for the next holder, the permission to post is not."""
    return replace(
        row,
        state=State.PLANNED,
        posting_fence=None,
        lease_until=None,
        saved_state={name: value for name, value in row.saved_state.items() if name != "phase"},
        retryable=None,
        reason=None,
        message=None,
    )


def _in_doubt(row: Publication, message: str) -> Publication:
    return replace(
        row,
        state=State.OUTCOME_UNKNOWN,
        lease_until=None,
        next_attempt_at=None,
        retryable=False,
        reason=OUTCOME_UNKNOWN_REASON,
        message=message,
    )


def _posted(row: Publication, external_post_id: str, url: str | None, now: datetime) -> Publication:
    return replace(
        row,
        state=State.POSTED,
        external_post_id=external_post_id,
        url=url,
        posted_at=now,
        lease_until=None,
        next_attempt_at=None,
        retryable=None,
        reason=None,
        message=None,
    )
