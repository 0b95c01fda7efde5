"""The publication's state machine, rule by rule, and under random interleavings of all who touch it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mediaops import publications
from mediaops.publications import Caps, Decision, Publication, Refused, State

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
UID = UUID("11111111-1111-1111-1111-111111111111")
LEASE = 120


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def decision(uid: UUID = UID, round_: int = 1) -> Decision:
    return Decision(
        resource_uid=uid,
        media_asset_id=uuid4(),
        request_id=uuid4(),
        revision="9c1f",
        platform="x",
        account="main",
        text="Hello",
        files=[],
        round=round_,
        retry_limit=3,
        backoff_seconds=10,
    )


def planned() -> Publication:
    return Publication(resource_uid=UID)


def claimed() -> Publication:
    return publications.claim(planned(), NOW, LEASE)


def posting() -> Publication:
    return publications.save(claimed(), 1, {"phase": "posting", "media_id": "7"}, NOW, LEASE)


def code_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.code


def test_claim_gives_the_next_fence_and_a_lease() -> None:
    row = claimed()
    assert (row.state, row.fence, row.lease_until) == (State.CLAIMED, 1, later(LEASE))


def test_second_claim_waits_for_the_lease_to_end() -> None:
    with pytest.raises(Refused) as refused:
        publications.claim(claimed(), later(LEASE - 1), LEASE)
    assert (code_of(refused), refused.value.until) == ("held", later(LEASE))
    assert publications.claim(claimed(), later(LEASE), LEASE).fence == 2


def test_next_holder_goes_on_from_the_saved_state() -> None:
    row = publications.save(claimed(), 1, {"phase": "append", "segment": 3}, NOW, LEASE)
    assert publications.claim(row, later(LEASE), LEASE).saved_state == {"phase": "append", "segment": 3}


def test_saving_renews_the_lease() -> None:
    row = publications.save(claimed(), 1, {"segment": 1}, later(60), LEASE)
    assert row.lease_until == later(60 + LEASE)


def test_stale_holder_may_not_save() -> None:
    row = publications.claim(claimed(), later(LEASE), LEASE)
    with pytest.raises(Refused) as refused:
        publications.save(row, 1, {"segment": 4}, later(LEASE), LEASE)
    assert code_of(refused) == "stale"


def test_fence_that_was_never_given_is_refused() -> None:
    with pytest.raises(Refused):
        publications.settle_posted(claimed(), 2, "17", None, NOW)
    with pytest.raises(Refused):
        publications.settle_posted(planned(), 0, "17", None, NOW)


def test_holder_found_posting_after_its_lease_is_followed_by_one_that_only_looks_up() -> None:
    row = publications.claim(posting(), later(LEASE), LEASE)
    assert (row.state, row.fence, row.looking_up) == (State.POSTING, 2, True)
    assert row.saved_state == {"phase": "posting", "media_id": "7"}
    for state in ({"phase": "posting", "media_id": "8"}, {"phase": "append"}):
        with pytest.raises(Refused) as refused:
            publications.save(row, 2, state, later(LEASE), LEASE)
        assert code_of(refused) == "look_up_only"


def test_looking_up_renews_the_lease_and_is_let_through_to_nothing() -> None:
    row = publications.claim(posting(), later(LEASE), LEASE)
    renewed = publications.save(row, 2, dict(row.saved_state), later(LEASE + 50), LEASE)
    assert (renewed.lease_until, renewed.looking_up) == (later(LEASE + 50 + LEASE), True)


def test_own_repeat_of_posting_is_granted_again() -> None:
    again = publications.save(posting(), 1, {"phase": "posting", "media_id": "7"}, later(1), LEASE)
    assert (again.lease_until, again.looking_up) == (later(1 + LEASE), False)


def test_holder_that_was_refused_by_the_platform_leaves_posting_and_goes_on() -> None:
    row = publications.save(posting(), 1, {"phase": "uploading"}, later(1), LEASE)
    assert (row.state, row.posting_fence) == (State.CLAIMED, None)
    assert publications.claim(row, later(1 + LEASE), LEASE).looking_up is False


def test_what_was_uploaded_is_kept_for_the_next_attempt_but_not_the_phase() -> None:
    row = publications.settle_error(posting(), 1, "RateLimited", "429", True, NOW)
    assert (row.state, row.saved_state) == (State.PLANNED, {"media_id": "7"})


def test_posting_again_on_a_persons_word_starts_from_nothing() -> None:
    row = publications.settle_error(posting(), 1, "OutcomeUnknown", "timed out", True, NOW)
    assert publications.resolve_again(row).saved_state == {}


def test_error_while_looking_up_never_opens_the_row_for_a_post() -> None:
    row = publications.claim(posting(), later(LEASE), LEASE)
    soon = publications.settle_error(row, 2, "PlatformUnavailable", "503", True, later(LEASE))
    assert (soon.state, soon.next_attempt_at) == (State.POSTING, later(LEASE + 10))
    ended = publications.settle_error(row, 2, "Forbidden", "403", False, later(LEASE))
    assert (ended.state, ended.reason) == (State.OUTCOME_UNKNOWN, "OutcomeUnknown")


def test_outcome_unknown_is_left_only_by_a_person_or_a_posts_id() -> None:
    row = publications.settle_error(posting(), 1, "OutcomeUnknown", "timed out", True, NOW)
    assert row.state is State.OUTCOME_UNKNOWN
    with pytest.raises(Refused) as refused:
        publications.claim(row, later(9999), LEASE)
    assert code_of(refused) == "outcome_unknown"
    assert publications.reopen(row, 2) == row
    assert publications.withdraw(row, UID, later(9999)) == row
    assert publications.resolve_again(row).state is State.PLANNED
    assert publications.resolve_posted(row, "17", NOW).external_post_id == "17"
    assert publications.settle_posted(row, 1, "17", None, NOW).state is State.POSTED


@pytest.mark.parametrize(
    "move", [publications.resolve_again, lambda r: publications.resolve_posted(r, "1", NOW)]
)
def test_resolve_moves_nothing_but_rows_in_doubt(move) -> None:  # type: ignore[no-untyped-def]
    for row in (planned(), claimed(), posting()):
        assert move(row) == row


def test_a_posts_id_is_taken_under_a_stale_fence() -> None:
    row = publications.claim(posting(), later(LEASE), LEASE)
    done = publications.settle_posted(row, 1, "17", "https://x.test/17", later(LEASE))
    assert (done.state, done.external_post_id, done.posted_at) == (State.POSTED, "17", later(LEASE))


def test_a_posts_id_is_taken_after_withdrawal() -> None:
    row = publications.withdraw(claimed(), UID, NOW)
    assert publications.settle_posted(row, 1, "17", None, NOW).state is State.POSTED


def test_settling_twice_changes_nothing_and_another_id_is_refused() -> None:
    done = publications.settle_posted(posting(), 1, "17", None, NOW)
    assert publications.settle_posted(done, 1, "17", None, later(5)) == done
    assert publications.settle_error(done, 1, "Late", "late", True, later(5)) == done
    with pytest.raises(Refused) as refused:
        publications.settle_posted(done, 1, "18", None, later(5))
    assert code_of(refused) == "posted"


def test_retryable_errors_reopen_with_doubling_waits_until_the_limit() -> None:
    row, waits, now = planned(), [], NOW
    for fence in (1, 2, 3):
        row = publications.claim(row, now, LEASE)
        row = publications.settle_error(row, fence, "RateLimited", "429", True, now)
        if row.next_attempt_at:
            waits.append((row.next_attempt_at - now).total_seconds())
            with pytest.raises(Refused) as refused:
                publications.claim(row, now, LEASE)
            assert refused.value.until == row.next_attempt_at
            now = row.next_attempt_at
    assert (waits, row.state, row.attempts, row.reason) == ([10, 20], State.FAILED, 3, "RateLimited")


def test_error_that_is_not_retryable_fails_at_once() -> None:
    row = publications.settle_error(claimed(), 1, "TooLong", "over 280", False, NOW)
    assert (row.state, row.message) == (State.FAILED, "over 280")


def test_stale_error_is_refused_and_a_repeated_one_changes_nothing() -> None:
    row = publications.claim(claimed(), later(LEASE), LEASE)
    with pytest.raises(Refused) as refused:
        publications.settle_error(row, 1, "X", "x", True, later(LEASE))
    assert code_of(refused) == "stale"
    once = publications.settle_error(claimed(), 1, "RateLimited", "429", True, NOW)
    assert publications.settle_error(once, 1, "RateLimited", "429", True, later(3)) == once


def test_next_round_opens_failed_rows_only_and_only_once() -> None:
    failed = publications.settle_error(claimed(), 1, "TooLong", "over 280", False, NOW)
    again = publications.reopen(failed, 2)
    assert (again.state, again.round, again.attempts, again.fence) == (State.PLANNED, 2, 0, 1)
    assert publications.reopen(failed, 1) == failed
    done = publications.settle_posted(posting(), 1, "17", None, NOW)
    for row in (planned(), claimed(), posting(), done):
        assert publications.reopen(row, 2) == row


def test_withdrawal_is_tied_to_the_resource_and_leaves_what_may_be_posted() -> None:
    assert publications.withdraw(claimed(), uuid4(), NOW) == claimed()
    assert publications.withdraw(claimed(), UID, NOW).state is State.WITHDRAWN
    assert publications.withdraw(posting(), UID, NOW) == posting()
    assert publications.withdraw(posting(), UID, later(LEASE)).state is State.OUTCOME_UNKNOWN
    done = publications.settle_posted(posting(), 1, "17", None, NOW)
    assert publications.withdraw(done, UID, NOW) == done


def test_withdrawn_holder_is_refused_before_it_posts() -> None:
    row = publications.withdraw(claimed(), UID, NOW)
    with pytest.raises(Refused) as refused:
        publications.save(row, 1, {"phase": "posting"}, NOW, LEASE)
    assert code_of(refused) == "withdrawn"


def test_resource_made_again_takes_its_withdrawn_row_over_and_the_fence_goes_on() -> None:
    other = uuid4()
    row, opened = publications.plan(claimed(), decision(other), NOW)
    assert (row.state, row.fence, row.resource_uid, opened) == (State.PLANNED, 1, other, True)
    with pytest.raises(Refused):
        publications.save(row, 1, {"phase": "posting"}, NOW, LEASE)


def test_posted_row_stays_when_the_resource_is_made_again() -> None:
    done = publications.settle_posted(posting(), 1, "17", None, NOW)
    assert publications.plan(done, decision(uuid4()), NOW) == (done, False)


def test_planning_twice_changes_nothing() -> None:
    first, opened = publications.plan(None, decision(), NOW)
    assert opened
    assert publications.plan(first, decision(), NOW) == (first, False)


@pytest.mark.parametrize(
    ("of_platform", "in_all", "allowed"), [(0, 0, True), (1, 4, True), (2, 2, False), (0, 5, False)]
)
def test_caps_hold_per_platform_and_in_all(of_platform: int, in_all: int, allowed: bool) -> None:
    assert Caps(per_platform=2, in_all=5).allow(of_platform, in_all) is allowed


def test_changes_names_only_what_differs() -> None:
    before = claimed()
    after = replace(before, attempts=1, message="x")
    assert publications.changes(before, after) == {"attempts": 1, "message": "x"}


class Holder:
    """A run of the upload workflow, with what it knows and what its one call did."""

    def __init__(self, fence: int, looks_up: bool) -> None:
        self.fence = fence
        self.looks_up = looks_up
        self.call: str | None = None  # under way, refused or done
        self.stopped = False


PICK = st.integers(0, 2)
"""Which holder acts, counted from the newest: late ones matter, very late ones are no different."""


class Interleavings(RuleBasedStateMachine):
    """Everyone at once: holders that hang and come late, withdrawals, rounds, people; any message is lost.

    A post happens only by a call that a holder was let through to; a call under way may be carried out at any
    later time, or never. Holders tell the truth. A run that dies is one that is not picked again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.row, _ = publications.plan(None, decision(), NOW)
        self.holders: list[Holder] = []
        self.posts: list[str] = []

    def pick(self, index: int) -> Holder:
        return self.holders[max(len(self.holders) - 1 - index, 0)]

    @rule(in_time=st.booleans())
    def someone_claims(self, in_time: bool) -> None:
        due = [t for t in (self.row.lease_until, self.row.next_attempt_at) if t is not None]
        if not in_time:
            self.now = max([self.now, *due])
        try:
            self.row = publications.claim(self.row, self.now, LEASE)
        except Refused:
            return
        self.holders.append(Holder(self.row.fence, self.row.looking_up))

    @precondition(lambda self: self.holders)
    @rule(index=PICK)
    def holder_saves_a_step(self, index: int) -> None:
        holder = self.pick(index)
        if holder.stopped or holder.call in ("under way", "done"):
            return
        try:
            self.row = publications.save(self.row, holder.fence, {"phase": "append"}, self.now, LEASE)
        except Refused:
            holder.stopped = not holder.looks_up
        else:
            holder.call = None

    @precondition(lambda self: self.holders)
    @rule(index=PICK)
    def holder_asks_to_post_and_calls(self, index: int) -> None:
        """Even one that was told to look up asks: the row itself must refuse it."""
        holder = self.pick(index)
        if holder.stopped or holder.call:
            return
        try:
            self.row = publications.save(self.row, holder.fence, {"phase": "posting"}, self.now, LEASE)
        except Refused:
            holder.stopped = not holder.looks_up
            return
        if not self.row.looking_up:
            holder.call = "under way"

    @precondition(lambda self: any(h.call == "under way" for h in self.holders))
    @rule(posts=st.booleans())
    def platform_carries_out_a_call(self, posts: bool) -> None:
        holder = next(h for h in self.holders if h.call == "under way")
        holder.call = "done" if posts else "refused"
        if posts:
            self.posts.append(f"post-{holder.fence}")

    @precondition(lambda self: self.holders)
    @rule(index=PICK, retryable=st.booleans(), sees_post=st.booleans())
    def holder_settles(self, index: int, retryable: bool, sees_post: bool) -> None:
        holder = self.pick(index)
        if holder.stopped:
            return
        found = sees_post and (holder.call == "done" or (holder.looks_up and self.posts))
        sure = holder.call in (None, "refused")
        reason = "RateLimited" if sure else "OutcomeUnknown"
        try:
            if found:
                self.row = publications.settle_posted(self.row, holder.fence, self.posts[0], None, self.now)
            else:
                self.row = publications.settle_error(
                    self.row, holder.fence, reason, "said", retryable, self.now
                )
        except Refused:
            pass
        holder.stopped = True

    @rule(again=st.booleans())
    def resource_is_deleted(self, again: bool) -> None:
        self.row = publications.withdraw(self.row, self.row.resource_uid, self.now)
        if again:
            self.row, _ = publications.plan(self.row, decision(uuid4()), self.now)

    @rule()
    def next_round_opens(self) -> None:
        self.row = publications.reopen(self.row, self.row.round + 1)

    @precondition(lambda self: self.row.state is State.OUTCOME_UNKNOWN and self.posts)
    @rule()
    def person_finds_the_post(self) -> None:
        self.row = publications.resolve_posted(self.row, self.posts[0], self.now)

    @invariant()
    def never_two_posts(self) -> None:
        assert len(self.posts) <= 1

    @invariant()
    def posted_means_that_post(self) -> None:
        if self.row.state is State.POSTED:
            assert [self.row.external_post_id] == self.posts

    @invariant()
    def fences_only_rise(self) -> None:
        assert all(holder.fence <= self.row.fence for holder in self.holders)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
