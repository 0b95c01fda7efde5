"""Quality checks: what is known of the published files, what still has to be measured, and what it comes to.

A pass measures its own files by the way. What it left unmeasured, and what is asked for later, gets a Job of its own
once everything is processed; that one has a round, attempts and a back-off, as fetching the source has. Figures are
in status from then on, so that other limits need neither storage nor a Job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mediaops.checks import judged, summary
from mediaops.identity import quality_job_name
from mediaops.models.conditions import ConditionStatus, NamedValue
from mediaops.models.mediaasset import MediaAssetStatus
from mediaops.models.quality import Figures, QualityChecks, QualityStatus
from mediaops.models.usage import Cost, Usage
from mediaops.models.work import MAX_WORK_ORDER_BYTES, StepResult, WorkOrder
from mediaops.planner import Measurement
from mediaops.planner.measurements import apart
from mediaops.prices import cost_of
from mediaops.reasons import Reason
from mediaops_operator.conclude import Verdict, conclude, left_over
from mediaops_operator.installation import Installation
from mediaops_operator.observed import JobView, Observed
from mediaops_operator.planning.budget import measuring_over_budget
from mediaops_operator.planning.conditions import Says, condition, moment, sentence, stamp
from mediaops_operator.planning.desired import Launch, Note
from mediaops_operator.planning.operations import Work
from mediaops_operator.planning.own_jobs import afterwards
from mediaops_operator.planning.passes import CAPABILITY_ROOM, results_by_name
from mediaops_operator.planning.work_orders import work_order

QUALITY_CHECKED = "QualityChecked"


@dataclass(frozen=True)
class QualityPlan:
    """What becomes of the quality checks."""

    says: Says | None = None
    """True: all hold. Unknown: not measured yet. False: a person is needed. None: the spec has no checks."""
    status: QualityStatus | None = None
    launch: Launch | None = None
    ended: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    wake_at: datetime | None = None
    again: bool = False


def live_quality(status: MediaAssetStatus, jobs: Sequence[JobView]) -> JobView | None:
    """Give the Job that measures now, ended or not."""
    quality = status.quality or QualityStatus(round=status.round)
    return next((job for job in jobs if job.quality == (quality.round, quality.jobs)), None)


def not_measured(status: MediaAssetStatus) -> bool:
    """Say whether measuring was given up in this round."""
    said = condition(status.conditions, QUALITY_CHECKED)
    return said is not None and said.reason == Reason.QUALITY_NOT_MEASURED


def plan_quality(
    observed: Observed,
    works: list[Work],
    status: MediaAssetStatus,
    installation: Installation,
    now: datetime,
    *,
    spent: Cost | None,
    processed: bool,
) -> QualityPlan:
    """Give the next step of checking; `spent` so far by everything, `processed`: every operation has succeeded."""
    checks = observed.asset.spec.quality_checks
    if checks is None:  # the counters stay: a Job's name is never given twice
        return QualityPlan(status=status.quality and status.quality.model_copy(update={"figures": []}))
    course = _Course(observed, works, status, installation, now, spent)
    if not processed:
        words = "the files are checked when every operation has succeeded"
        return QualityPlan(_says("Unknown", Reason.WAITING, words), course.quality)
    return course.next(checks)


class _Course:
    """One look at what is known and what isn't."""

    def __init__(
        self,
        observed: Observed,
        works: list[Work],
        status: MediaAssetStatus,
        installation: Installation,
        now: datetime,
        spent: Cost | None,
    ) -> None:
        self._observed, self._works, self._installation, self._now = observed, works, installation, now
        self._spent = spent
        before = status.quality or QualityStatus(round=status.round)
        self._job = live_quality(status, observed.jobs)
        self._given_up = not_measured(status) and before.round == status.round and not self._edited(status)
        known = {figures.step_key: figures for figures in before.figures}
        figures, found, self._missing = list[Figures](), list[StepResult](), list[Measurement]()
        for one in observed.measurements:
            result = observed.results.get(one.step_key)
            if one.step_key in known:
                figures.append(known[one.step_key])
            elif result is not None:
                figures.append(_figures(one, result))
                found.append(result)
            else:
                self._missing.append(one)
        own = {job.name for job in observed.jobs}
        self.quality = before.model_copy(update={"figures": figures})
        for result in found:
            if result.job in own:
                self._charge(result.usage)
        if self._missing and not self._job and (before.round != status.round or self._edited(status)):
            jobs = before.jobs if before.round == status.round else 0
            anew = {"round": status.round, "jobs": jobs, "attempts": 0, "next_attempt_time": None}
            self.quality = self.quality.model_copy(update=anew)

    def _edited(self, status: MediaAssetStatus) -> bool:
        return status.observed_generation != self._observed.asset.generation

    def _charge(self, usage: Usage | None) -> None:
        if usage is not None:
            cost = (self.quality.cost or Cost()) + cost_of(usage, self._installation.prices)
            self.quality = self.quality.model_copy(update={"cost": cost})

    def next(self, checks: QualityChecks) -> QualityPlan:
        """Wait for the Job that measures, conclude it, judge, or make one."""
        job = self._job
        if job and not job.end:
            return self._running(job)
        if job:
            return self._concluded(job)
        if self._vanished():
            return self._moved(self.quality.job_name or "")
        if not self._missing:
            return self._judge(checks)
        return self._launch()

    def _vanished(self) -> bool:
        """Say whether the Job that was made last was deleted before its end was recorded: nothing counts."""
        asset, quality = self._observed.asset, self.quality
        name = quality_job_name(asset.name, asset.uid, quality.round, quality.jobs)
        return quality.job_name == name

    def _moved(self, job: str) -> QualityPlan:
        """Leave a Job behind; the next visit sees what it left, and makes another one where something is missing."""
        quality = self.quality.model_copy(update={"jobs": self.quality.jobs + 1})
        says = _says("Unknown", Reason.MEASURING, Reason.MEASURING.sentence)
        return QualityPlan(says, quality, ended=(job,), again=True)

    def _running(self, job: JobView) -> QualityPlan:
        standstill = job.standstill
        reason = standstill.reason if standstill else Reason.MEASURING
        message = standstill.message if standstill else self._words(job.name)
        seen = self.quality.model_copy(update={"job_name": job.name, "next_attempt_time": None})
        return QualityPlan(_says("Unknown", reason, message), seen)

    def _words(self, job: str) -> str:
        return f"{job} measures {', '.join(one.name for one in self._missing)}"

    def _concluded(self, job: JobView) -> QualityPlan:
        """Take the end of a Job into account, once, by moving the number that its name is made of."""
        lacking = [one for one in self._missing if one.step_key in job.measures]
        if any(one.step_key not in self._observed.looked for one in lacking):
            return QualityPlan(self._storage(), self.quality)
        counted_on = [one.of for one in lacking]
        verdict = conclude(job, counted_on[0], counted_on) if lacking else None
        if lacking:
            for usage in left_over(job, counted_on[0], counted_on):
                self._charge(usage)
        if verdict is None or verdict.blameless:
            return self._moved(job.name)
        return self._failed(job, verdict)

    def _failed(self, job: JobView, verdict: Verdict) -> QualityPlan:
        quality, retry = self.quality, self._observed.asset.spec.retry
        uncounted = quality.jobs - quality.attempts
        after = afterwards(
            "measuring for quality checks", job, verdict, quality.attempts, uncounted, retry, self._now
        )
        counts: dict[str, int | str] = {"jobs": quality.jobs + 1, "attempts": after.attempts}
        counts |= {"next_attempt_time": stamp(after.due)} if after.due else {}
        given_up = _says("False", Reason.QUALITY_NOT_MEASURED, f"{verdict.reason}: {after.message}")
        return QualityPlan(
            _says("Unknown", Reason.BACKING_OFF, after.message) if after.due else given_up,
            quality.model_copy(update=counts),
            ended=(job.name,),
            notes=(after.note,),
            wake_at=after.due,
            again=after.due is not None and after.due <= self._now,
        )

    def _judge(self, checks: QualityChecks) -> QualityPlan:
        findings = judged(checks, self.quality.figures)
        fails = [finding for finding in findings if finding.state == "fails"]
        unmeasurable = [finding for finding in findings if finding.state == "unmeasurable"]
        if fails:
            says = _says("False", Reason.QUALITY_CHECK_FAILED, summary([*fails, *unmeasurable]))
        elif unmeasurable:
            says = _says("False", Reason.QUALITY_NOT_MEASURABLE, summary(unmeasurable))
        else:
            words = summary(findings) or "nothing that is published has what the checks look at"
            says = _says("True", Reason.QUALITY_CHECKS_PASSED, words)
        said = condition(self._observed.asset.status.conditions, QUALITY_CHECKED)
        passed = says.status == "True" and (said is None or said.status != "True")
        notes = (Note(says.reason, says.message),) if passed else ()
        return QualityPlan(says, self.quality, notes=notes)

    def _launch(self) -> QualityPlan:
        """Have a Job measure what is missing, unless something is in its way."""
        quality = self.quality
        due = moment(quality.next_attempt_time) if quality.next_attempt_time else None
        waits = due is not None and due > self._now
        hindrance = self._hindrance(waits=waits)
        if hindrance:
            return QualityPlan(hindrance, quality, wake_at=due if waits else None)
        try:
            order = self._order()
        except KeyError as error:  # storage no longer has what an operation that succeeded had left there
            says = _says("Unknown", Reason.INTERNAL_ERROR, f"an input is missing: {error}")
            return QualityPlan(says, quality)
        if len(order.model_dump_json()) > MAX_WORK_ORDER_BYTES - CAPABILITY_ROOM:
            return QualityPlan(_says("Unknown", Reason.WORK_ORDER_TOO_LARGE), quality)
        keys = tuple(one.step_key for one in self._missing)
        launch = Launch(order=order, quality=(quality.round, quality.jobs), measures=keys)
        seen = quality.model_copy(update={"job_name": order.job, "next_attempt_time": None})
        return QualityPlan(_says("Unknown", Reason.MEASURING, self._words(order.job)), seen, launch)

    def _hindrance(self, *, waits: bool) -> Says | None:
        """Say why no Job is made now; `waits`: the back-off isn't over."""
        asset, refusal = self._observed.asset, self._observed.refusal
        said = condition(asset.status.conditions, QUALITY_CHECKED)
        before = said.message if said else ""
        looked = all(one.step_key in self._observed.looked for one in self._missing)
        dear = self._over_budget()
        rows: tuple[tuple[bool, Says], ...] = (
            (self._given_up, _says("False", Reason.QUALITY_NOT_MEASURED, before)),
            (asset.status.last_handled.cancel is not None, _says("Unknown", Reason.CANCELLED)),
            (asset.spec.suspend, _says("Unknown", Reason.SUSPENDED)),
            (waits, _says("Unknown", Reason.BACKING_OFF, before)),
            (not looked, self._storage()),
            (dear is not None, _says("False", Reason.BUDGET_EXCEEDED, dear)),
            *([(True, _says("Unknown", refusal.reason, refusal.message))] if refusal else []),
        )
        return next((says for holds, says in rows if holds), None)

    def _over_budget(self) -> str | None:
        """Say why what is missing is too dear to be measured; None: it isn't."""
        asset = self._observed.asset
        facts = asset.status.media
        length, prices = facts.duration_millis if facts else None, self._installation.prices
        budget = asset.spec.execution.budget
        return measuring_over_budget(budget, self._spent, len(self._missing), length, prices)

    def _storage(self) -> Says:
        trouble = self._observed.storage_trouble
        if trouble:
            return _says("Unknown", trouble.reason, trouble.message)
        return _says("Unknown", Reason.MEASURING)

    def _order(self) -> WorkOrder:
        """Write out what is missing; raises KeyError where a file to measure isn't there."""
        observed, quality = self._observed, self.quality
        asset = observed.asset
        results = results_by_name(self._works, observed.results)
        steps = [work.step for work in self._works]
        return work_order(
            observed,
            self._installation,
            quality_job_name(asset.name, asset.uid, quality.round, quality.jobs),
            source=observed.source.object,
            steps=apart(self._missing, steps, results, observed.asset_id, observed.served),
        )


def _figures(one: Measurement, result: StepResult) -> Figures:
    values = [NamedValue(name=name[:40], value=value[:256]) for name, value in result.values.items()]
    return Figures(
        of=one.of, measure=one.measure, step_key=one.step_key, values=values[:8], nothing=result.skipped
    )


def _says(status: ConditionStatus, reason: str, message: str | None = None) -> Says:
    return Says(QUALITY_CHECKED, status, reason, sentence(reason) if message is None else message)
