"""From open operations to Jobs: which may run now, what shares a pass, and each pass's work order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mediaops.identity import pass_job_name
from mediaops.models.work import MAX_WORK_ORDER_BYTES, StepResult, WorkOrder
from mediaops.planner import Measurement, Pass, pack, step_orders
from mediaops.planner.measurements import on_the_way
from mediaops.reasons import Reason
from mediaops_operator.credentials import engine_secret
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed, Share, Trouble
from mediaops_operator.planning.desired import Launch
from mediaops_operator.planning.operations import Work
from mediaops_operator.planning.outputs import result_of

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
    passes = pack(
        [w.step for w in works],
        open_={w.name for w in ready},
        done={w.name for w in works if w.done},
        prepared=there,
        apart={w.name for w in ready if w.status.attempts >= APART_AFTER},
        unfused=installation.unfused,
    )
    by_name = {w.name: w for w in works}
    return [_launch(p, observed, by_name, results, installation) for p in passes]


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
    return sought <= observed.looked | observed.results.keys()


def _launch(
    pass_: Pass,
    observed: Observed,
    by_name: dict[str, Work],
    results: dict[str, StepResult],
    installation: Installation,
) -> Launch:
    works = list(by_name.values())
    counted = dict.fromkeys([*pass_.members, *(p.for_operation for p in pass_.prepares)])
    shares = tuple(
        Share(
            operation=name,
            uid=by_name[name].resource.uid,
            round=by_name[name].status.round,
            jobs=by_name[name].status.jobs,
            member=name in pass_.members,
        )
        for name in counted
    )
    asset = observed.asset
    steps = [w.step for w in works]
    measured = [one for one in missing(observed) if one.step_key not in observed.results]
    order = WorkOrder(
        job=pass_job_name(asset.name, [(s.uid, s.round, s.jobs) for s in shares]),
        namespace=asset.namespace,
        workspace=observed.served,
        asset_id=str(observed.asset_id),
        file_type=asset.spec.file_type,
        backend_url=installation.backend_url,
        capability="",
        deadline_seconds=asset.spec.execution.deadline_seconds,
        disk_bytes=installation.profiles[asset.spec.execution.profile].work_bytes,
        max_source_bytes=installation.max_source_bytes,
        gpus=pass_.placement.gpu,
        source=observed.source.object,
        steps=[
            *step_orders(pass_, steps, results, observed.asset_id, observed.served),
            *on_the_way(pass_, steps, measured),
        ],
    )
    if len(order.model_dump_json()) > MAX_WORK_ORDER_BYTES - CAPABILITY_ROOM:
        raise OrderTooLarge
    engine = pass_.placement.engine
    return Launch(
        order=order,
        shares=shares,
        gpu=pass_.placement.gpu,
        engine=engine,
        credential=engine_secret(engine) if engine else None,
    )


def missing(observed: Observed) -> list[Measurement]:
    """Give the measurements whose figures aren't in status."""
    quality = observed.asset.status.quality
    known = {figures.step_key for figures in quality.figures} if quality else set()
    return [one for one in observed.measurements if one.step_key not in known]


def too_large() -> Trouble:
    """Say so to people."""
    return Trouble(Reason.WORK_ORDER_TOO_LARGE, Reason.WORK_ORDER_TOO_LARGE.sentence)
