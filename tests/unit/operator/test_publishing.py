"""Publishing: what is decided, when it is sent, what is said about it. The database's rows are given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mediaops.models.mediaasset import MediaAsset
from mediaops.models.work import PostText, StepResult, StoredFile
from mediaops.publications import Publication, State
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed, Post, Sending, Trouble
from mediaops_operator.planning.desired import Decide
from mediaops_operator.planning.publishing import PublishPlan, plan_publishing
from tests.unit.operator.simulation import World

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UID = "00000000-0000-0000-0000-000000000001"
OWN_UID = UUID(UID)
OTHER_UID = UUID(int=9)
SHA = "a" * 64

SPEC = {
    "fileType": "video",
    "source": {"object": {"key": "clip.mp4"}},
    "operations": [{"name": "small", "compress": {}}, {"name": "post", "caption": {}}],
    "publish": {"targets": [{"name": "x", "platform": "x", "text": {"from": "post"}}]},
}
FILE = StoredFile(
    name="rendition", key="acme/steps/k/f.mp4", media_type="video/mp4", size_bytes=3, sha256=SHA
)
CAPTION = StepResult(step_key="c", type="caption", job="j", texts=[PostText(platform="x", text="Look.")])
INSTALLATION = World(SPEC).installation


def observed(
    posts: tuple[Post, ...] | None = (), publication: dict[str, Any] | None = None, **more: Any
) -> Observed:
    metadata = {"name": "clip", "namespace": "acme", "uid": UID, "generation": 2}
    manifest: dict[str, Any] = {"metadata": metadata, "spec": SPEC | more.pop("spec", {}), "status": {}}
    if publication:
        manifest["status"]["publication"] = publication
    return Observed(asset=MediaAsset.model_validate(manifest), workspace="acme", posts=posts, **more)


def planned(seen: Observed, *, sha256: str = SHA, installation: Installation = INSTALLATION) -> PublishPlan:
    files = {"small": [FILE.model_copy(update={"sha256": sha256})], "source": []}
    round_ = seen.asset.status.round
    return plan_publishing(seen, files, {"post": CAPTION}, round_, installation, NOW)


def row(state: State = State.PLANNED, uid: UUID = OWN_UID, text: str = "Look.", **more: Any) -> Post:
    return Post(
        key="default",
        target="x",
        request_id=UUID(int=0),
        row=Publication(resource_uid=uid, state=state, **more),
        files=(SHA,),
        text=text,
        place=("x", "main"),
    )


def committed(sends: int = 1, **more: Any) -> dict[str, Any]:
    request = planned(observed((row(),))).status
    assert request is not None
    return {"requestId": request.request_id, "revision": request.revision, "sends": sends, **more}


def test_decisions_go_on_record_before_anything_is_sent() -> None:
    plan = planned(observed())
    (action,) = plan.actions
    assert isinstance(action, Decide)
    decision = action.decisions["x"]
    assert ("Look.", [SHA], "x", "main") == (
        decision.text,
        [file["sha256"] for file in decision.files],
        decision.platform,
        decision.account,
    )
    assert plan.send is None
    assert plan.status is not None
    assert (None, decision.revision) == (plan.status.request_id, plan.status.revision)


def test_the_first_request_is_sent_at_once_and_committed_with_its_number() -> None:
    plan = planned(observed((row(),)))
    assert plan.send is not None
    assert plan.status is not None
    assert (1, 1, str(plan.send.request_id)) == (plan.send.number, plan.status.sends, plan.status.request_id)


@pytest.mark.parametrize(
    ("post", "seconds", "expected"),
    [
        (row(), 149, "waits"),
        (row(), 151, "sends"),
        (row(State.CLAIMED, fence=1, lease_until=NOW + timedelta(seconds=60)), 151, "waits"),
        (row(State.CLAIMED, fence=1, lease_until=NOW - timedelta(seconds=9)), 151, "sends"),
        (row(next_attempt_at=NOW - timedelta(seconds=1), attempts=1), 20, "sends"),
        (row(next_attempt_at=NOW + timedelta(seconds=30), attempts=1), 200, "waits"),
    ],
    ids=["too early", "after the lease's length", "held", "lease ended", "back-off over", "back-off"],
)
def test_sending_again_waits_until_it_can_be_of_use(post: Post, seconds: int, expected: str) -> None:
    sending = Sending(1, NOW - timedelta(seconds=seconds))
    plan = planned(observed((post,), committed(), sending=sending))
    assert expected == ("sends" if plan.send else "waits")
    if plan.send is None:
        assert plan.wake_at is not None
        assert plan.wake_at > NOW
    else:
        assert 2 == plan.send.number


def test_a_new_process_sends_once_because_it_cannot_know_whether_it_did() -> None:
    plan = planned(observed((row(),), committed()))
    assert plan.send is not None
    assert 2 == plan.send.number


def test_a_request_that_n8n_did_not_take_keeps_its_number_and_is_sent_again_soon() -> None:
    sending = Sending(1, NOW - timedelta(seconds=1), failures=2, message="it answered 503")
    plan = planned(observed((row(),), committed(), sending=sending))
    assert ("Unknown", "N8nUnavailable") == (plan.says.status, plan.says.reason)
    assert NOW + timedelta(seconds=3) == plan.wake_at
    later = replace(sending, time=NOW - timedelta(seconds=10))
    plan = planned(observed((row(),), committed(), sending=later))
    assert plan.send is not None
    assert 1 == plan.send.number


POSTED = {"external_post_id": "17", "posted_at": NOW, "fence": 1}


@pytest.mark.parametrize(
    ("post", "sha256", "reason"),
    [
        (row(State.POSTED, **POSTED), SHA, "Posted"),
        (row(State.POSTED, **POSTED), "b" * 64, "PublishedOlderRevision"),
        (row(State.POSTED, text="Before.", **POSTED), SHA, "PublishedOlderRevision"),
        (row(State.POSTED, uid=OTHER_UID, **POSTED), SHA, "AlreadyPosted"),
        (row(State.POSTED, uid=OTHER_UID, **POSTED), "b" * 64, "PublishedDifferentMedia"),
    ],
)
def test_what_is_posted_stays_and_is_compared_with_what_would_be(
    post: Post, sha256: str, reason: str
) -> None:
    plan = planned(observed((post,), committed()), sha256=sha256)
    assert ("posted", "True", reason) == (plan.outcome, plan.says.status, plan.says.reason)
    assert (plan.send, plan.actions) == (None, ())


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (row(State.FAILED, reason="PlatformRejected", message="no"), "PublishFailed"),
        (row(State.OUTCOME_UNKNOWN, reason="OutcomeUnknown"), "OutcomeUnknown"),
    ],
)
def test_what_needs_a_person_says_so_and_nothing_is_sent(post: Post, reason: str) -> None:
    plan = planned(observed((post,), committed()))
    assert ("failed", "False", reason) == (plan.outcome, plan.says.status, plan.says.reason)
    assert plan.send is None


def test_the_next_round_decides_anew_about_failed_targets_only() -> None:
    seen = observed((row(State.FAILED, reason="TextTooLong"),), committed())
    status = seen.asset.status.model_copy(update={"round": 2})
    plan = planned(replace(seen, asset=seen.asset.model_copy(update={"status": status})))
    (action,) = plan.actions
    assert isinstance(action, Decide)
    assert 2 == action.decisions["x"].round


def test_rows_that_an_earlier_asset_of_the_name_left_open_are_decided_anew() -> None:
    plan = planned(observed((row(State.CLAIMED, uid=OTHER_UID, fence=1, lease_until=NOW),)))
    assert 1 == len(plan.actions)
    assert plan.send is None


def test_without_the_database_publishing_waits_and_says_so() -> None:
    trouble = Trouble("DatabaseUnavailable", "away")  # type: ignore[arg-type]
    plan = planned(observed(None, database_trouble=trouble))
    assert ("working", "Unknown", "DatabaseUnavailable") == (plan.outcome, plan.says.status, plan.says.reason)
    assert (plan.send, plan.actions) == (None, ())


def test_a_target_on_an_unknown_platform_fails_and_the_others_are_posted() -> None:
    targets = [*SPEC["publish"]["targets"], {"name": "m", "platform": "myspace", "text": {"value": "a"}}]  # type: ignore[index]
    seen = observed((row(),), spec={"publish": {"targets": targets}})
    plan = planned(seen)
    assert plan.send is not None
    assert [{"name": "x", "platform": "x", "account": "main"}] == plan.send.body["targets"]
    done = planned(observed((row(State.POSTED, **POSTED),), spec={"publish": {"targets": targets}}))
    assert ("failed", "UnknownPlatform") == (done.outcome, done.says.reason)


def test_the_revision_depends_on_files_text_platform_and_account() -> None:
    def revision(sha256: str = SHA, **target: Any) -> str:
        targets = [{"name": "x", "platform": "x", "text": {"from": "post"}, **target}]
        (action,) = planned(observed(spec={"publish": {"targets": targets}}), sha256=sha256).actions
        assert isinstance(action, Decide)
        return action.decisions["x"].revision

    others = {revision("b" * 64), revision(text={"value": "Other."}), revision(accountRef={"name": "second"})}
    assert revision() not in others
    assert 3 == len(others)
    assert revision() == revision()


TEXTS = [
    PostText(platform="x", variant=variant, language=language, text=f"{language} {variant}")
    for language in ("en", "de")
    for variant in (0, 1)
]


@pytest.mark.parametrize(
    ("target", "review", "text"),
    [
        ({}, None, "en 0"),
        ({"variant": 1}, None, "en 1"),
        ({"variant": 1, "language": "de"}, None, "de 1"),
        ({"variant": 1, "language": "de"}, {"texts": [{"target": "x", "variant": 0}]}, "de 0"),
        ({}, {"texts": [{"target": "x", "variant": 1}]}, "en 1"),
        ({"variant": 1}, {"texts": []}, "en 1"),
    ],
)
def test_the_text_of_a_post_is_the_variant_and_language_that_people_chose(
    target: dict[str, Any], review: dict[str, Any] | None, text: str
) -> None:
    publish = {"targets": [{"name": "x", "platform": "x", "text": {"from": "post", **target}}]}
    seen = observed(spec={"publish": publish, **({"review": review} if review else {})})
    result = CAPTION.model_copy(update={"texts": TEXTS})
    plan = plan_publishing(seen, {"small": [FILE], "source": []}, {"post": result}, 1, INSTALLATION, NOW)
    (action,) = plan.actions
    assert isinstance(action, Decide)
    assert action.decisions["x"].text == text
