"""Each operation's own course: found, run, tried again, failed, or passed through.

A Job counts on an operation while the operation's round and number of ended Jobs are those the Job was made
with. Recording its end moves that number, so that each end is taken into account exactly once, whoever
crashes in between, and the next Job has another name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mediaops.identity import log_key
from mediaops.models.conditions import ConditionStatus, NamedValue
from mediaops.models.mediaasset import SOURCE, Retry
from mediaops.models.processingjob import Failure, PassStatus, ProcessingJob, ProcessingJobStatus
from mediaops.models.usage import Cost, Usage
from mediaops.models.work import StepResult
from mediaops.planner import Step, segments
from mediaops.prices import LIST_PRICES, Prices, cost_of
from mediaops.reasons import Reason
from mediaops_operator.conclude import Verdict, backoff, conclude, left_over
from mediaops_operator.observed import Heard, JobView, Observed
from mediaops_operator.planning import outputs
from mediaops_operator.planning.conditions import Says, condition, moment, sentence, settle, stamp, status_of
from mediaops_operator.planning.desired import Launch, Note

SUCCEEDED = "Succeeded"


def open_in(status: ProcessingJobStatus, round_: int) -> bool:
    """Say whether an operation has something to do in this round: neither done nor failed in it."""
    succeeded = status_of(status.conditions, SUCCEEDED)
    return succeeded in (None, "Unknown") or (succeeded == "False" and status.round < round_)


def live_job(resource: ProcessingJob, status: ProcessingJobStatus, jobs: Sequence[JobView]) -> JobView | None:
    """Give the Job that counts on the operation now, ended or not."""
    here = (resource.uid, status.round, status.jobs)
    return next((j for j in jobs if any((s.uid, s.round, s.jobs) == here for s in j.shares)), None)


def reopened(status: ProcessingJobStatus, round_: int) -> ProcessingJobStatus:
    """Give the status to go on from: a failure of an earlier round is open again, with new counters."""
    if status_of(status.conditions, SUCCEEDED) == "False" and status.round < round_:
        return ProcessingJobStatus(round=round_, failures=status.failures, cost=status.cost)
    return status


@dataclass
class Work:
    """One operation during one plan; `status` is what becomes of it."""

    step: Step
    resource: ProcessingJob
    status: ProcessingJobStatus
    job: JobView | None
    """The Job that counts on it."""
    held: bool = False
    """Its last Job's end was recorded in this very plan: the next one is made in the next visit."""
    over_budget: bool = False
    """Its start waits for a larger budget."""

    @property
    def name(self) -> str:
        """Name the operation."""
        return self.step.name

    @property
    def done(self) -> bool:
        """Say whether it succeeded."""
        return status_of(self.status.conditions, SUCCEEDED) == "True"

    @property
    def failed(self) -> bool:
        """Say whether it failed, in this round."""
        return status_of(self.status.conditions, SUCCEEDED) == "False"

    @property
    def open(self) -> bool:
        """Say whether it is neither."""
        return not (self.done or self.failed)

    @property
    def due(self) -> datetime | None:
        """Give the time before which no further Job is made."""
        return moment(self.status.next_attempt_time) if self.status.next_attempt_time else None


class Course:
    """Moves all operations of one asset as far as what was observed carries them."""

    def __init__(
        self, observed: Observed, round_: int, now: datetime, bucket: str, prices: Prices = LIST_PRICES
    ) -> None:
        self.notes: list[Note] = []
        self.ended: dict[str, None] = {}
        """Jobs whose end was recorded, by name."""
        self._observed = observed
        self._round = round_
        self._now = now
        self._bucket = bucket
        self._prices = prices
        self._retry: Retry = observed.asset.spec.retry
        self.works = [
            self._start(step)
            for step in observed.steps
            if (job := observed.processing_jobs.get(step.processing_job))
            and job.spec.step_key == step.step_key
        ]
        self._by_name = {work.name: work for work in self.works}

    def _start(self, step: Step) -> Work:
        resource = self._observed.processing_jobs[step.processing_job]
        status = resource.status
        if status.observed_generation < 0:
            status = status.model_copy(update={"round": self._round})
        status = reopened(status, self._round)
        return Work(step, resource, status, live_job(resource, status, self._observed.jobs))

    def advance(self) -> None:
        """Conclude what ended, take what was found, fail what can't be; then say what the rest waits for."""
        while sum(self._move(work) for work in self.works):
            pass
        for work in self.works:
            if work.open:
                self._describe(work)

    def cancel(self) -> None:
        """End whatever is open, for good."""
        for work in self.works:
            if work.open:
                self._fail(work, Reason.CANCELLED, Reason.CANCELLED.sentence)

    def hold(self, over_budget: Mapping[str, str]) -> None:
        """Have operations wait for a larger budget, each with the sentence why, by name."""
        for name, words in over_budget.items():
            work = self._by_name[name]
            work.over_budget = True
            self._set(work, "Unknown", Reason.BUDGET_EXCEEDED, words, phase="Queued")

    def launched(self, work: Work, launch: Launch) -> None:
        """Say that a Job for the operation is being made."""
        members = PassStatus(members=[s.operation for s in launch.shares if s.member])
        name = launch.order.job
        self._set(
            work, "Unknown", Reason.QUEUED, f"{name} waits for its turn or for a node", phase="Queued",
            pass_=members, job_name=name, next_attempt_time=None, percent=launch.percent, seconds_left=None,
            start_time=work.status.start_time or stamp(self._now),
        )  # fmt: skip
        whole = segments.words(work.step, self._observed.results)
        if whole and work.name in members.members:
            self.notes.append(Note(Reason.IN_ONE_PIECE, whole.partition(": ")[2], job=work.resource))

    # What can happen to one operation ------------------------------------------------------------------

    def _move(self, work: Work) -> bool:
        """Take one step of an operation; say whether anything that others depend on moved."""
        if not work.open or work.held:
            return False
        rules: tuple[Callable[[Work], bool], ...] = (
            self._found,
            self._passed_through,
            self._ended,
            self._vanished,
            self._hopeless,
        )
        return any(rule(work) for rule in rules)

    def _found(self, work: Work) -> bool:
        """Take the result that is in storage; the last operation of a running Job waits for its end."""
        result = self._observed.results.get(work.step.step_key)
        if result is None or not work.step.stored:
            return False
        if work.job and not work.job.end and not self._others_open(work):
            return False
        if result.skipped is not None and work.step.operation.required:
            # Stored for another operation, which wasn't required: `required` is no part of a step's key.
            self._fail(work, result.skipped, sentence(result.skipped))
        elif result.skipped is not None:
            self._complete(work, Reason.SKIPPED, sentence(result.skipped), result)
        elif work.job or work.status.job_name:
            if result.job in (work.job.name if work.job else None, work.status.job_name):
                self._charge(work, result.usage)
            self._complete(work, Reason.COMPLETED, Reason.COMPLETED.sentence, result)
        else:
            self._complete(work, Reason.CACHED_RESULT, Reason.CACHED_RESULT.sentence, result)
        return True

    def _others_open(self, work: Work) -> bool:
        return any(other.open and other.job is work.job for other in self.works if other is not work)

    def _passed_through(self, work: Work) -> bool:
        """Complete what stores nothing once something that passes through it is there."""
        if work.step.stored:
            return False
        readers = [other for other in self.works if other.step.stored and self._passes(other, work.name)]
        if any(reader.done for reader in readers):
            self._complete(work, Reason.FUSED, Reason.FUSED.sentence, None)
            return True
        if readers and all(reader.failed for reader in readers) and not work.job:
            names = ", ".join(reader.name for reader in readers)
            self._fail(work, Reason.PASS_FAILED, f"nothing is left that passes through it: {names} failed")
            return True
        return False

    def _passes(self, work: Work, name: str) -> bool:
        """Say whether an operation reads, over any number of unstored ones, the one of that name."""
        above = work.step.input
        while above != SOURCE:
            if above == name:
                return True
            if above not in self._by_name or self._by_name[above].step.stored:
                return False
            above = self._by_name[above].step.input
        return False

    def _ended(self, work: Work) -> bool:
        """Record the end of the Job that counts on it."""
        job = work.job
        if job is None or not job.end:
            return False
        share = next(s for s in job.shares if s.uid == work.resource.uid)
        results = self._observed.results
        wanted = set() if share.member else self._prepared(work, job)
        sought = wanted or ({work.step.step_key} if work.step.stored else set())
        if not sought <= self._observed.looked | results.keys():
            return False  # storage didn't answer: nothing is concluded before it does
        if not work.step.stored and self._readers_pending(work):
            return False
        self.ended[job.name] = None
        for prepared in (results[key] for key in sorted(wanted & results.keys())):
            if prepared.job == job.name:
                self._charge(work, prepared.usage)
        if not share.member and wanted <= results.keys():
            self._again(work, attempts=work.status.attempts, due=None)
            return True
        counted_on = [s.operation for s in job.shares]
        for usage in left_over(job, work.name, counted_on):
            self._charge(work, usage)
        self._count(work, job, conclude(job, work.name, counted_on))
        return True

    def _prepared(self, work: Work, job: JobView) -> set[str]:
        """Name the step keys of what a Job was to prepare for an operation; none that isn't wanted any more."""
        if work.step.prepared:
            return {work.step.prepared.step_key}
        cuts = segments.cuts_part(work.step).step_key
        if work.step.segments is None or job.parts != cuts:
            return set()  # spec.execution.segments was edited meanwhile
        stage = segments.stage(work.step, self._observed.results)
        return stage.keys if stage and job.indexed else {cuts}

    def _readers_pending(self, work: Work) -> bool:
        """Say whether an operation that passes through it hasn't been judged yet after the same Job."""
        return any(
            other.open and other.job is work.job and other.step.stored and not other.held
            for other in self.works
            if other is not work
        )

    def _vanished(self, work: Work) -> bool:
        """Go on after a Job that was deleted before its end was recorded: nothing counts."""
        if work.job or work.status.pass_ is None:
            return False
        if work.step.stored and work.step.step_key not in self._observed.looked:
            return False
        name = work.status.job_name or "its Job"
        if work.status.job_name:
            self.ended[name] = None
        self._record(work, Verdict(Reason.JOB_DELETED, f"{name} was deleted", counted=False), name)
        self._again(work, attempts=work.status.attempts, due=None)
        return True

    def _hopeless(self, work: Work) -> bool:
        """Fail at once what needs something that failed."""
        if work.job and not work.job.end:
            return False
        for need in work.step.needs:
            above = self._by_name.get(need)
            if above and above.failed:
                self._fail(work, Reason.DEPENDENCY_FAILED, f"{need}, whose output is needed, failed")
                return True
        return False

    # What becomes of it -----------------------------------------------------------------------------------

    def _complete(self, work: Work, reason: Reason, message: str, result: StepResult | None) -> None:
        self._leave(work)
        made = outputs.outputs(work.name, result, self._bucket) if result else []
        found = outputs.values(result) if result else []
        whole = segments.words(work.step, self._observed.results)
        if whole and all(value.name != "segments" for value in found):
            found.append(NamedValue(name="segments", value=whole))
        self._set(
            work, "True", reason, message, phase="Completed", percent=100, seconds_left=None, outputs=made,
            values=found, next_attempt_time=None, completion_time=stamp(self._now),
        )  # fmt: skip

    def _fail(self, work: Work, reason: str, message: str) -> None:
        self._leave(work)
        # The asset's round, which may be ahead of the operation's: what failed now is opened by the next one.
        self._set(
            work, "False", reason, message, phase="Failed", round=max(work.status.round, self._round),
            next_attempt_time=None, seconds_left=None, completion_time=stamp(self._now),
        )  # fmt: skip
        if reason != Reason.CANCELLED:
            self.notes.append(Note(reason, message, warning=True, job=work.resource))

    def _charge(self, work: Work, usage: Usage | None) -> None:
        """Add what was used up to what the operation cost so far; rides in the patch that records the same end."""
        if usage is not None:
            cost = (work.status.cost or Cost()) + cost_of(usage, self._prices)
            work.status = work.status.model_copy(update={"cost": cost})

    def _leave(self, work: Work) -> None:
        """Note that the operation's Job has ended, or is gone."""
        if work.job and work.job.end:
            self.ended[work.job.name] = None
        elif work.job is None and work.status.pass_ and work.status.job_name:
            self.ended[work.status.job_name] = None

    def _count(self, work: Work, job: JobView, verdict: Verdict) -> None:
        """Judge one Job that ended without the operation's result."""
        attempts = work.status.attempts + (1 if verdict.counted else 0)
        if not verdict.blameless:
            self._record(work, verdict, job.name, job.log_step, job.log_name(verdict.pod))
        if verdict.permanent:
            work.status = work.status.model_copy(update={"attempts": attempts})
            self._fail(work, verdict.reason, verdict.message)
        elif verdict.counted and attempts >= self._retry.limit:
            work.status = work.status.model_copy(update={"attempts": attempts})
            words = f"{attempts} attempts failed, the last one with {verdict.reason}: {verdict.message}"
            self._fail(work, Reason.ATTEMPTS_EXHAUSTED, words)
        elif verdict.blameless:
            self._again(work, attempts=attempts, due=None)
        else:
            since = job.end_time or self._now
            wait = backoff(self._retry, attempts, work.status.jobs - work.status.attempts, verdict.counted)
            self._again(work, attempts=attempts, due=since + timedelta(seconds=wait))

    def _again(self, work: Work, *, attempts: int, due: datetime | None) -> None:
        """Leave the Job behind; the next one may be made at the time due."""
        work.held, work.job = True, None
        work.status = work.status.model_copy(
            update={
                "attempts": attempts,
                "jobs": work.status.jobs + 1,
                "pass_": None,
                # In segments what is done stays done.
                "percent": work.status.percent if work.step.segments else 0,
                "seconds_left": None,
                "next_attempt_time": stamp(due) if due and due > self._now else None,
            }
        )

    def _record(self, work: Work, verdict: Verdict, job: str, log_step: str = "", log_name: str = "") -> None:
        """Keep what happened among the last five failures, and tell people."""
        status = work.status
        number = status.attempts + 1 if verdict.counted else 0
        uri = f"s3://{self._bucket}/{log_key(self._observed.served, log_step, log_name)}"
        failure = Failure(
            attempt=number,
            pod=verdict.pod,
            node=verdict.node,
            exit_code=verdict.exit_code,
            reason=verdict.reason,
            message=verdict.message[:512],
            log_uri=uri if log_step and verdict.exit_code is not None else None,
            time=stamp(self._now),
        )
        work.status = status.model_copy(update={"failures": [*status.failures, failure][-5:]})
        counted = f"attempt {number} of {self._retry.limit}" if number else "not counted"
        where = f" in pod {verdict.pod}, exit code {verdict.exit_code}" if verdict.pod else ""
        words = f"{counted}{where}: {verdict.message}"
        note = Note(
            verdict.reason, words, warning=True, job=work.resource, verdict=verdict, kubernetes_job=job
        )
        self.notes.append(note)

    def _describe(self, work: Work) -> None:
        """Say what an open operation is doing or waiting for."""
        job = work.job
        if job is None:
            reason, message = self._waiting(work)
            self._set(work, "Unknown", reason, message, phase="Queued")
            return
        standstill = job.standstill
        running = job.running or job.end is not None
        if standstill:
            reason, message = standstill.reason, standstill.message
        elif running:
            reason, message = Reason.RUNNING, f"runs in {job.name}"
            if job.indexed:
                message += f": {job.succeeded} of {job.indexed} segments are encoded"
        else:
            reason, message = Reason.QUEUED, f"{job.name} waits for its turn or for a node"
        members = PassStatus(members=[s.operation for s in job.shares if s.member])
        heard = self._heard(work, job)
        self._set(
            work, "Unknown", reason, message, phase="Processing" if running else "Queued",
            pass_=members, job_name=job.name, next_attempt_time=None, percent=heard.percent,
            seconds_left=heard.seconds_left if running and not standstill else None,
            start_time=work.status.start_time or stamp(self._now),
        )  # fmt: skip

    def _heard(self, work: Work, job: JobView) -> Heard:
        """Give how far an operation is: what its Job says, or how many of its segments are done.

        How long segments still take, none of their pods can say.
        """
        status, stage = work.status, segments.stage(work.step, self._observed.results)
        if stage is None or stage.cuts or not job.indexed:
            return self._observed.heard.get(work.name, Heard(status.percent, status.seconds_left))
        count = len(stage.keys) - 1
        encoded = segments.encoded_percent(count - job.indexed + job.succeeded, count)
        return Heard(max(status.percent, encoded), None)

    def _waiting(self, work: Work) -> tuple[Reason, str]:
        if work.due and work.due > self._now:
            last = work.status.failures[-1] if work.status.failures else None
            after = f" after {last.reason}" if last else ""
            return Reason.BACKING_OFF, f"the next attempt starts at {work.status.next_attempt_time}{after}"
        open_needs = [n for n in work.step.needs if n in self._by_name and self._by_name[n].open]
        if open_needs:
            return Reason.WAITING, f"waits for {', '.join(open_needs)}"
        trouble = self._observed.storage_trouble
        if trouble:
            return trouble.reason, trouble.message
        return Reason.WAITING, "waits for its Job"

    def _set(self, work: Work, succeeded: ConditionStatus, reason: str, message: str, **more: object) -> None:
        """Write conditions, and whatever else is given, into the operation's status."""
        says = [
            Says(SUCCEEDED, succeeded, reason, message),
            Says("Reconciling", "True" if succeeded == "Unknown" else "False", reason, message),
            Says("Stalled", "True" if succeeded == "False" else "False", reason, message),
        ]
        generation = int(work.resource.metadata.get("generation", 1))
        conditions = settle(work.status.conditions, says, generation, self._now)
        changes = {"observed_generation": generation, "conditions": conditions, **more}
        work.status = work.status.model_copy(update=changes)


def reason_of(work: Work) -> str:
    """Give the reason of an operation's Succeeded condition."""
    found = condition(work.status.conditions, SUCCEEDED)
    return found.reason if found else Reason.WAITING
