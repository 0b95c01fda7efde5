"""Conditions: set all of them, and move lastTransitionTime only with status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mediaops.models.conditions import Condition, ConditionStatus
from mediaops.reasons import Reason


@dataclass(frozen=True)
class Says:
    """What a condition is to say."""

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""


_SENTENCES = {reason.value: reason.sentence for reason in Reason}


def sentence(reason: str) -> str:
    """Give the sentence of a reason's row; a word that isn't in the table has none."""
    return _SENTENCES.get(reason, "")


def stamp(time: datetime) -> str:
    """Write a time as Kubernetes does, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Read such a time."""
    return datetime.fromisoformat(text)


def status_of(conditions: Iterable[Condition], type_: str) -> ConditionStatus | None:
    """Give a condition's status; None where it was never set."""
    return next((c.status for c in conditions if c.type == type_), None)


def condition(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Give a condition."""
    return next((c for c in conditions if c.type == type_), None)


def settle(
    before: Sequence[Condition], says: Sequence[Says], generation: int, now: datetime
) -> list[Condition]:
    """Give the whole list of conditions that says this, keeping the times of those whose status stays."""
    known = {c.type: c for c in before}
    settled = []
    for say in says:
        old = known.get(say.type)
        same = old is not None and old.status == say.status
        settled.append(
            Condition(
                type=say.type,
                status=say.status,
                reason=say.reason,
                message=say.message[:1024],
                observed_generation=generation,
                last_transition_time=old.last_transition_time if old and same else stamp(now),
            )
        )
    return settled
