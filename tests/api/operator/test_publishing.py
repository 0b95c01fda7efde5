"""From Processed to Published; the test is n8n and the backend."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
import yaml

from tests.api.operator.hands import Hands, Manifest, condition
from tests.api.operator.process import Installed, Operator

SPEC = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations:
- {name: small, compress: {}}
- {name: post, caption: {platforms: [x]}}
publish: {targets: [{name: x, platform: x, text: {from: post}}]}
""")


def process(hands: Hands) -> None:
    """Let an asset's one Job do its work."""
    (job,) = hands.until_job()
    order = hands.order(job)
    pod = hands.run(job)
    for step in order.steps:
        texts = [{"platform": "x", "text": "Look at this."}] if step.type == "caption" else []
        hands.store_result(order, step, texts=texts)
    hands.complete(job, pod)


@pytest.fixture
def requested(hands: Hands, installed: Installed) -> Manifest:
    """An asset whose request has reached n8n."""
    hands.put("clip.mp4")
    hands.apply(SPEC)
    process(hands)
    hands.until("a request", lambda: installed.n8n.received)
    return hands.asset()


def settle(hands: Hands, installed: Installed, columns: str, name: str = "clip") -> None:
    """Write what the backend would on a settlement, and say so."""
    resource = f"{hands.namespace}/{name}"
    installed.query(f"update content_posts set {columns} where resource = %s", resource)  # noqa: S608
    installed.query("select pg_notify('mediaops', %s)", resource)


POSTED = "state = 'posted', external_post_id = '17', url = 'https://x.test/17', posted_at = now()"


def test_the_request_names_asset_and_targets_and_follows_rows_that_hold_the_decision(
    hands: Hands, installed: Installed, requested: Manifest
) -> None:
    (request,) = installed.n8n.received
    publication = requested["status"]["publication"]
    assert request.body["action"] == "upload_media"
    assert request.body["request_id"] == publication["requestId"]
    assert request.body["workspace_id"] == hands.namespace
    assert request.body["targets"] == [{"name": "x", "platform": "x", "account": "main"}]
    assert request.headers["x-idempotency-key"] == f"{publication['requestId']}-1"
    ((text, files, revision, state),) = installed.query(
        "select text, files, revision, state from content_posts where resource = %s",
        f"{hands.namespace}/clip",
    )
    outputs = hands.processing_jobs()["small"]["status"]["outputs"]
    assert ("Look at this.", "planned") == (text, state)
    assert [outputs[0]["sha256"]] == [file["sha256"] for file in files]
    assert revision == publication["revision"]


@pytest.mark.usefixtures("requested")
def test_a_settlement_is_published_within_seconds(hands: Hands, installed: Installed) -> None:
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True", reason="Posted")
    status = hands.asset()["status"]
    assert status["phase"] == "Published"
    (post,) = status["publication"]["posts"]
    assert ("17", "https://x.test/17", "Posted") == (post["externalPostId"], post["uri"], post["state"])
    assert condition(hands.asset(), "Finished")["status"] == "True"


@pytest.mark.usefixtures("requested")
def test_a_failed_post_is_opened_again_by_a_retry(hands: Hands, installed: Installed) -> None:
    settle(hands, installed, "state = 'failed', reason = 'PlatformRejected', message = 'no', attempts = 1")
    hands.until_condition("Ready", "False", reason="PublishFailed")
    hands.annotate("clip", "retry", "once more")
    hands.until("another request", lambda: len(installed.n8n.received) > 1)
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True")
    assert hands.asset()["status"]["lastHandled"]["retry"] == "once more"


@pytest.mark.usefixtures("requested")
def test_what_is_in_doubt_waits_for_a_person_and_is_then_as_they_say(
    hands: Hands, installed: Installed
) -> None:
    settle(hands, installed, "state = 'outcome_unknown', reason = 'OutcomeUnknown', retryable = false")
    told = hands.until_condition("Published", "False", reason="OutcomeUnknown")
    assert "mediaops.dev/resolve" in told["message"]
    sent = len(installed.n8n.received)
    hands.annotate("clip", "resolve", "x=posted:42")
    hands.until_condition("Published", "True")
    assert hands.asset()["status"]["publication"]["posts"][0]["externalPostId"] == "42"
    assert sent == len(installed.n8n.received)


def test_the_request_is_sent_again_until_n8n_takes_it(hands: Hands, installed: Installed) -> None:
    installed.n8n.answer = 503
    hands.put("clip.mp4")
    hands.apply(SPEC)
    process(hands)
    hands.until_condition("Ready", "False", reason="N8nUnavailable")
    installed.n8n.answer = 202
    hands.until("a request", lambda: installed.n8n.received)


def test_an_operator_killed_after_the_commit_sends_the_request_when_it_is_back(
    hands: Hands, installed: Installed, operator: Operator
) -> None:
    installed.n8n.answer = 503
    hands.put("clip.mp4")
    hands.apply(SPEC)
    process(hands)
    hands.until("a commit", lambda: (hands.asset()["status"].get("publication") or {}).get("requestId"))
    operator.kill()
    installed.n8n.answer = 202
    operator.start()
    hands.until("a request", lambda: installed.n8n.received)
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True")
    assert 1 == installed.query("select count(*) from content_posts")[0][0]


@pytest.mark.usefixtures("requested")
def test_deleted_and_applied_again_nothing_runs_and_nothing_is_posted_twice(
    hands: Hands, installed: Installed
) -> None:
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True")
    sent = len(installed.n8n.received)
    hands.delete("clip")
    hands.apply(SPEC)
    hands.until_condition("Published", "True", reason="AlreadyPosted")
    assert (sent, []) == (len(installed.n8n.received), hands.jobs_of())
    reasons = {condition(pj, "Succeeded")["reason"] for pj in hands.processing_jobs().values()}
    assert reasons == {"CachedResult"}


@pytest.mark.usefixtures("requested")
def test_an_edit_after_publishing_is_processed_but_not_published(hands: Hands, installed: Installed) -> None:
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True")
    sent = len(installed.n8n.received)
    edited = SPEC | {"operations": [{"name": "small", "compress": {"height": 480}}, SPEC["operations"][1]]}
    hands.apply(edited)
    process(hands)
    hands.until_condition("Published", "True", reason="PublishedOlderRevision")
    assert sent == len(installed.n8n.received)
    assert condition(hands.asset(), "Ready")["status"] == "True"


@pytest.mark.usefixtures("requested")
def test_another_key_publishes_again_on_purpose(hands: Hands, installed: Installed) -> None:
    settle(hands, installed, POSTED)
    hands.until_condition("Published", "True")
    hands.apply(SPEC | {"publish": SPEC["publish"] | {"key": "second"}})
    hands.until("another request", lambda: len(installed.n8n.received) > 1)
    ids = {UUID(request.body["request_id"]) for request in installed.n8n.received}
    assert len(ids) == 2


@pytest.mark.usefixtures("requested")
def test_a_cancelled_asset_withdraws_what_is_not_posted(hands: Hands, installed: Installed) -> None:
    hands.annotate("clip", "cancel", "now")
    hands.until_condition("Finished", "True", reason="Cancelled")
    states = installed.query("select state from content_posts")
    assert [("withdrawn",)] == states
    assert hands.asset()["status"]["phase"] == "Cancelled"


@pytest.mark.usefixtures("requested")
def test_a_deleted_asset_withdraws_what_is_not_posted(hands: Hands, installed: Installed) -> None:
    hands.delete("clip")
    hands.until("withdrawn", lambda: installed.query("select 1 from content_posts where state = 'withdrawn'"))
    hands.until("marked", lambda: installed.query("select 1 from media_assets where gone_at is not null"))


def test_an_unknown_platform_is_named_and_nothing_is_sent(hands: Hands, installed: Installed) -> None:
    hands.put("clip.mp4")
    hands.apply(
        SPEC | {"publish": {"targets": [{"name": "a", "platform": "myspace", "text": {"value": "a"}}]}}
    )
    process(hands)
    hands.until_condition("Ready", "False", reason="UnknownPlatform")
    time.sleep(0.3)
    assert installed.n8n.received == []
