"""From open operations to Jobs: which may run now, what shares a pass, and each pass's work order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mediaops.identity import pass_job_name
from mediaops.models.work import MAX_WORK_ORDER_BYTES, StepOrder, StepResult, WorkOrder
from mediaops.planner import Measurement, Pass, Step, alone, can_start, pack, segments, step_orders
from mediaops.planner.measurements import on_the_way
from mediaops.planner.segments import Stage
from mediaops.reasons import Reason
from mediaops_operator.credentials import engine_secret
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed, Share, Trouble
from mediaops_operator.planning.desired import Launch
from mediaops_operator.planning.operations import Work
from mediaops_operator.planning.outputs import result_of
from mediaops_operator.planning.work_orders import work_order

APART_AFTER = 2
"""Attempts after which operations that failed together get a pass each."""


CAPABILITY_ROOM = 40_000
"""Bytes of a work order that are left for its capability."""


class OrderTooLarge(Exception):
    """A work order would not fit into its Secret."""


def launches(
    observed: Observed, works: list[Work], installation: Installation, now: datetime
) -> list[Launch]:
    """Give the Jobs to make now; raises OrderTooLarge.

    An operation runs if it is open, no Job counts on it, its back-off is over, and storage was asked for its
    result in this very visit.
    """
    ready = [w for w in works if _ready(w, observed, now)]
    if not ready:
        return []
    results = results_by_name(works, observed.results)
    there = {w.step.prepared.name for w in works if w.step.prepared and w.step.prepared.name in results}
    steps, done = [w.step for w in works], {w.name for w in works if w.done}
    stages = {w.name: stage for w in ready if (stage := segments.stage(w.step, observed.results))}
    passes = pack(
        steps,
        open_={w.name for w in ready} - stages.keys(),
        done=done,
        prepared=there,
        apart={w.name for w in ready if w.status.attempts >= APART_AFTER},
        unfused=installation.unfused,
    )
    by_name = {w.name: w for w in works}
    made = [_launch(p, observed, by_name, results, installation) for p in passes]
    for name, stage in stages.items():
        if can_start(by_name[name].step, steps, done):
            made.append(_launch_stage(by_name[name], stage, observed, by_name, results, installation))
    return made


def results_by_name(works: Sequence[Work], results: Mapping[str, StepResult]) -> dict[str, StepResult]:
    """Give what is there already, by operation or prepared file: from storage, else from status."""
    there: dict[str, StepResult] = {}
    for work in works:
        prepared = work.step.prepared
        if prepared and prepared.step_key in results:
            there[prepared.name] = results[prepared.step_key]
        if work.done:
            there[work.name] = results.get(work.step.step_key) or result_of(work.step, work.status)
    return there


def _ready(work: Work, observed: Observed, now: datetime) -> bool:
    if not work.open or work.job or work.held or work.over_budget or (work.due and work.due > now):
        return False
    sought = {work.step.step_key} if work.step.stored else set()
    if work.step.prepared:
        sought.add(work.step.prepared.step_key)
    if stage := segments.stage(work.step, observed.results):
        sought |= stage.keys
    return sought <= observed.looked | observed.results.keys()


def _launch(
    pass_: Pass,
    observed: Observed,
    by_name: dict[str, Work],
    results: dict[str, StepResult],
    installation: Installation,
) -> Launch:
    counted = dict.fromkeys([*pass_.members, *(p.for_operation for p in pass_.prepares)])
    shares = tuple(_share(by_name[name], member=name in pass_.members) for name in counted)
    steps = [work.step for work in by_name.values()]
    orders = step_orders(pass_, steps, results, observed.asset_id, observed.served)
    orders += _measures(pass_, steps, observed)
    engine = pass_.placement.engine
    return Launch(
        order=_order(observed, shares, orders, installation, gpus=pass_.placement.gpu),
        shares=shares,
        gpu=pass_.placement.gpu,
        engine=engine,
        credential=engine_secret(engine) if engine else None,
    )


def _launch_stage(
    work: Work,
    stage: Stage,
    observed: Observed,
    by_name: dict[str, Work],
    results: dict[str, StepResult],
    installation: Installation,
) -> Launch:
    """Give the Job of a rendition in segments: where to cut, the segments that are missing, or their join.

    The rendition is there once it is joined, so that Job measures it.
    """
    steps = [one.step for one in by_name.values()]
    write = segments.part_orders if stage.missing else segments.joining_orders
    orders = write(work.step, stage, steps, results, observed.results, observed.asset_id, observed.served)
    if not stage.missing:
        orders += _measures(alone(work.step, steps), steps, observed)
    shares = (_share(work, member=not stage.missing),)
    indexed = [] if stage.cuts else [part.name for part in stage.missing]
    order = _order(observed, shares, orders, installation).model_copy(update={"indexed": indexed})
    parts = segments.cuts_part(work.step).step_key if stage.missing else ""
    return Launch(order=order, shares=shares, parts=parts, percent=stage.percent)


def _share(work: Work, *, member: bool) -> Share:
    return Share(work.name, work.resource.uid, work.status.round, work.status.jobs, member)


def _order(
    observed: Observed,
    shares: Sequence[Share],
    orders: list[StepOrder],
    installation: Installation,
    gpus: int = 0,
) -> WorkOrder:
    job = pass_job_name(observed.asset.name, [(s.uid, s.round, s.jobs) for s in shares])
    order = work_order(
        observed,
        installation,
        job,
        gpus=gpus,
        source=observed.source.object,
        steps=orders,
    )
    if len(order.model_dump_json()) > MAX_WORK_ORDER_BYTES - CAPABILITY_ROOM:
        raise OrderTooLarge
    return order


def _measures(pass_: Pass, steps: list[Step], observed: Observed) -> list[StepOrder]:
    """Give the measurements that a pass makes of its own files: those that nobody made before."""
    unknown = [one for one in missing(observed) if one.step_key not in observed.results]
    return on_the_way(pass_, steps, unknown)


def missing(observed: Observed) -> list[Measurement]:
    """Give the measurements whose figures aren't in status."""
    quality = observed.asset.status.quality
    known = {figures.step_key for figures in quality.figures} if quality else set()
    return [one for one in observed.measurements if one.step_key not in known]


def too_large() -> Trouble:
    """Say so to people."""
    return Trouble(Reason.WORK_ORDER_TOO_LARGE, Reason.WORK_ORDER_TOO_LARGE.sentence)
