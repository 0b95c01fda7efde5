"""What an asset may cost: operations that could exceed its budget are not started. Pure.

Counted against it is what is on record, what running operations may still come to, and what those written
further up that are started now may come to. What is in storage already costs nothing, whatever the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from mediaops.estimates import estimate, estimate_measuring
from mediaops.models.mediaasset import Budget, IngestStatus
from mediaops.models.quality import QualityStatus
from mediaops.models.usage import Cost
from mediaops.prices import Prices, cost_of, dollars
from mediaops_operator.planning.operations import Work


def total_cost(
    ingest: IngestStatus | None, works: Sequence[Work], quality: QualityStatus | None = None
) -> Cost | None:
    """Give what the source, all operations and measuring have cost; None before anything did."""
    parts = [work.status.cost for work in works if work.status.cost]
    if ingest and ingest.cost:
        parts.append(ingest.cost)
    if quality and quality.cost:
        parts.append(quality.cost)
    return reduce(add, parts) if parts else None


def over_budget(
    budget: Budget | None,
    spent: Cost | None,
    works: Sequence[Work],
    duration_millis: int | None,
    prices: Prices,
) -> dict[str, str]:
    """Say of which operations the start has to wait for a larger budget, and why, by name."""
    if budget is None:
        return {}
    left = _left(budget, spent)
    waiting = []
    for work in works:
        if work.open and work.job:
            left -= cost_of(estimate(work.step, duration_millis), prices).micro_usd
        elif work.open and work.step.stored:
            waiting.append(work)
    held: dict[str, str] = {}
    for work in waiting:
        cost = cost_of(estimate(work.step, duration_millis), prices)
        if cost.unpriced_models:
            held[work.name] = (
                f"the installation's table of prices doesn't have {', '.join(cost.unpriced_models)}, "
                "so that nobody knows whether the budget would be exceeded"
            )
        elif cost.micro_usd > max(0, left):
            held[work.name] = _too_dear(work.name, cost, left, budget)
        else:
            left -= cost.micro_usd
    return held


def measuring_over_budget(
    budget: Budget | None, spent: Cost | None, measurements: int, duration_millis: int | None, prices: Prices
) -> str | None:
    """Say why so many measurements have to wait for a larger budget; None: they don't."""
    if budget is None:
        return None
    cost, left = cost_of(estimate_measuring(measurements, duration_millis), prices), _left(budget, spent)
    return _too_dear("measuring", cost, left, budget) if cost.micro_usd > max(0, left) else None


def _left(budget: Budget, spent: Cost | None) -> int:
    """Give the millionths of a dollar that are left; less than none where more was spent."""
    return budget.micro_usd - (spent.micro_usd if spent else 0)


def _too_dear(what: str, cost: Cost, left: int, budget: Budget) -> str:
    return (
        f"{what} may cost up to {dollars(cost.micro_usd)}, and "
        f"{dollars(max(0, left))} of the budget of {dollars(budget.micro_usd)} are left"
    )
