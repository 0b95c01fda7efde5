"""Publishing through a real n8n and the backend onto X's stand-in: whole files, one post, whatever fails."""

from __future__ import annotations

import hashlib
import io
import json
import time
import uuid
from typing import Any

import pytest
from PIL import Image

from hack.cluster.waiting import wait_until
from mediaops.publications import State
from n8n.deploy import Api, push
from tests.services.n8n_fixtures import CONFIG, Asked, Clip, Publishing, deployment

pytest_plugins = ["tests.services.n8n_fixtures"]


def text() -> str:
    return f"A clip, {uuid.uuid4().hex[:12]}"


def picture(seed: int) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    Image.effect_noise((200 + seed, 200), 80).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue(), "image/png"


def video(content: bytes) -> tuple[bytes, str]:
    return content, "video/mp4"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def assert_posted(publishing: Publishing, asked: Asked, *files: bytes) -> dict[str, Any]:
    """One post of these files, in their order and whole, is on X and on record; returns the row."""
    row = publishing.ended(asked, State.POSTED)
    [post] = publishing.posts(asked)
    assert [media["sha256"] for media in post["media"]] == [sha256(file) for file in files]
    assert row["external_post_id"] == post["id"]
    assert row["url"] == f"https://x.com/i/status/{post['id']}"
    return row


# The whole way


def test_a_video_arrives_whole_in_parts(publishing: Publishing, clip: Clip) -> None:
    asked = publishing.plan(text(), video(clip()))
    publishing.ask(asked)
    assert_posted(publishing, asked, clip())
    segments = [int(call["detail"]["segment_index"]) for call in publishing.calls("append")]
    assert segments == list(range(-(-len(clip()) // CONFIG["part_bytes"])))
    assert len(segments) > 4


def test_four_images_arrive_in_their_order(publishing: Publishing) -> None:
    pictures = [picture(seed) for seed in range(4)]
    asked = publishing.plan(text(), *pictures)
    publishing.ask(asked)
    assert_posted(publishing, asked, *(content for content, _ in pictures))


def test_a_text_alone_is_posted(publishing: Publishing) -> None:
    asked = publishing.plan(text())
    publishing.ask(asked)
    assert_posted(publishing, asked)


def test_requests_sent_again_and_at_once_make_one_post(publishing: Publishing, clip: Clip) -> None:
    asked = publishing.plan(text(), video(clip(2)))
    for _ in range(3):
        publishing.ask(asked)
    assert_posted(publishing, asked, clip(2))
    publishing.ask(asked)
    time.sleep(2)
    assert_posted(publishing, asked, clip(2))
    assert len(publishing.calls("initialize")) == 1


def test_an_expired_token_is_refreshed_and_the_post_made_once(publishing: Publishing) -> None:
    content, kind = picture(9)
    asked = publishing.plan(text(), (content, kind))
    publishing.x.store.expire_token(publishing.secrets.oauth_access)
    publishing.ask(asked, account="oauth")
    assert_posted(publishing, asked, content)
    assert [call["status"] for call in publishing.calls("token")] == [200]


# Who may ask


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "another secret of enough length, but wrong"},
        {"age": 3600},
        {"age": -3600},
        {"signature": ""},
        {"signature": "v1,bm9uc2Vuc2U="},
    ],
    ids=["wrong key", "too old", "from the future", "no signature", "nonsense"],
)
def test_a_request_that_is_not_signed_and_fresh_is_refused(
    publishing: Publishing, how: dict[str, Any]
) -> None:
    asked = publishing.plan(text())
    targets = [{"name": "x", "platform": "x", "account": "main"}]
    body = {
        "action": "upload_media",
        "request_id": asked.request_id,
        "workspace_id": "acme",
        "targets": targets,
    }
    assert publishing.send(json.dumps(body), **how).status_code == 401
    time.sleep(1)
    assert publishing.row(asked)["state"] == State.PLANNED


def test_a_signature_beside_an_older_key_s_is_taken(publishing: Publishing) -> None:
    assert publishing.send("{}", signature="v1,b2xk SIGNED").status_code == 422


@pytest.mark.parametrize("body", ["no json", "[]", '{"action": "upload_media", "targets": [{}]}'])
def test_a_signed_body_that_is_not_understood_gets_a_422(publishing: Publishing, body: str) -> None:
    assert publishing.send(body).status_code == 422


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        ({"account": "nobody"}, "UnknownAccount"),
        ({"workspace": "globex"}, "UnknownAccount"),
        ({"platform": "myspace"}, "UnknownPlatform"),
    ],
    ids=["unknown account", "another workspace's account", "unknown platform"],
)
def test_who_is_not_known_is_reported_for_good(
    publishing: Publishing, ask: dict[str, str], reason: str
) -> None:
    asked = publishing.plan(text())
    publishing.ask(asked, **ask)
    row = publishing.ended(asked, State.FAILED)
    assert (row["reason"], row["retryable"]) == (reason, False)
    assert publishing.posts(asked) == []


# What X refuses


def test_a_revoked_token_is_a_rejected_credential(publishing: Publishing) -> None:
    asked = publishing.plan(text(), picture(10))
    publishing.ask(asked, account="revoked")
    assert publishing.ended(asked, State.FAILED)["reason"] == "CredentialRejected"


def test_a_text_too_long_is_refused_in_x_s_words(publishing: Publishing) -> None:
    asked = publishing.plan(text() + "x" * 280)
    publishing.ask(asked)
    row = publishing.ended(asked, State.FAILED)
    assert (row["reason"], row["message"]) == ("PlatformRejected", "X: Your Tweet text is too long.")


def test_a_video_that_x_cannot_process_is_refused_in_x_s_words(publishing: Publishing) -> None:
    asked = publishing.plan(text(), video(b"\0\0\0\x18ftypmp42" + b"\0" * 5000))
    publishing.ask(asked)
    row = publishing.ended(asked, State.FAILED)
    assert row["reason"] == "PlatformRejected"
    assert "file is invalid" in row["message"]


def test_a_file_that_x_never_takes_is_not_uploaded(publishing: Publishing) -> None:
    asked = publishing.plan(text(), (b"RIFF", "audio/wav"))
    publishing.ask(asked)
    assert publishing.ended(asked, State.FAILED)["reason"] == "MediaNotAccepted"
    assert publishing.calls("initialize") == []


# What passes by itself


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("append", {"action": "status", "status": 503, "skip": 2, "times": 2}),
        ("append", {"action": "close", "commit": True, "skip": 1}),
        ("append", {"action": "status", "status": 429, "seconds": 2.0}),
        ("initialize", {"action": "status", "status": 500}),
        ("status", {"action": "status", "status": 502}),
        ("finalize", {"action": "close", "commit": True}),
    ],
    ids=[
        "503 twice",
        "an answer lost",
        "rate limit",
        "500 at the start",
        "502 to a status",
        "finalized, answer lost",
    ],
)
def test_a_passing_failure_before_the_post_is_met_in_the_same_run(
    publishing: Publishing, clip: Clip, route: str, fault: dict[str, Any]
) -> None:
    asked = publishing.plan(text(), video(clip(3, 0.8)))
    publishing.fault(route, **fault)
    publishing.ask(asked)
    assert assert_posted(publishing, asked, clip(3, 0.8))["fence"] == 1


def test_parts_get_smaller_when_x_calls_them_too_large(publishing: Publishing, clip: Clip) -> None:
    asked = publishing.plan(text(), video(clip(4, 0.8)))
    publishing.fault("append", "status", status=413, skip=1)
    publishing.ask(asked)
    assert_posted(publishing, asked, clip(4, 0.8))
    sizes = [call["detail"]["bytes"] // (CONFIG["part_bytes"] // 2) for call in publishing.calls("append")]
    assert sizes[:4] == [2, 2, 1, 1]


def test_storage_that_is_away_for_a_moment_is_asked_again(publishing: Publishing, clip: Clip) -> None:
    asked = publishing.plan(text(), video(clip(5, 0.8)))
    publishing.fault("append", "hang", seconds=1.0, commit=True)
    publishing.ask(asked)
    publishing.hung("append")
    publishing.s3.kill()
    time.sleep(2)
    publishing.s3.start()
    assert assert_posted(publishing, asked, clip(5, 0.8))["fence"] == 1


def test_a_backend_killed_in_the_upload_costs_no_part_and_no_post(publishing: Publishing, clip: Clip) -> None:
    asked = publishing.plan(text(), video(clip(5, 0.8)))
    publishing.fault("append", "hang", skip=2, seconds=1.0, commit=True)
    publishing.ask(asked)
    publishing.hung("append")
    publishing.backend.kill()
    publishing.backend.start()
    publishing.lease_over(asked)
    publishing.ask(asked)
    assert_posted(publishing, asked, clip(5, 0.8))
    assert len(publishing.calls("initialize")) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 503, "times": 99}, {"status": 429, "seconds": 900.0}],
    ids=["503 for long", "a rate limit for long"],
)
def test_a_failure_that_lasts_is_reported_as_retryable(publishing: Publishing, fault: dict[str, Any]) -> None:
    content, kind = picture(11)
    asked = publishing.plan(text(), (content, kind))
    publishing.fault("append", "status", **fault)
    publishing.ask(asked)
    assert publishing.failed_once(asked)["reason"] == "PlatformUnavailable"
    publishing.x.store.clear_faults()
    time.sleep(1.5)
    publishing.ask(asked)
    assert_posted(publishing, asked, content)


# The one call that can't be taken back


def test_a_rate_limit_on_the_post_itself_is_retryable(publishing: Publishing) -> None:
    asked = publishing.plan(text())
    publishing.fault("tweet", "status", status=429, seconds=1.0)
    publishing.ask(asked)
    publishing.failed_once(asked)
    time.sleep(1.5)
    publishing.ask(asked)
    assert_posted(publishing, asked)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "close", "commit": True},
        {"action": "hang", "commit": True, "seconds": 8.0},
        {"action": "status", "commit": True, "status": 503},
    ],
    ids=["the answer is lost", "the answer comes too late", "503, and yet posted"],
)
def test_a_post_whose_answer_failed_is_found_and_not_made_again(
    publishing: Publishing, fault: dict[str, Any]
) -> None:
    content, kind = picture(12)
    asked = publishing.plan(text(), (content, kind))
    publishing.fault("tweet", **fault)
    publishing.ask(asked)
    assert_posted(publishing, asked, content)
    assert len(publishing.calls("tweet")) == 1


@pytest.mark.parametrize(
    ("fault", "posts"),
    [({"action": "late", "seconds": 25.0}, 1), ({"action": "close"}, 0)],
    ids=["carried out later", "never carried out"],
)
def test_a_post_that_cannot_be_found_ends_as_unknown(
    publishing: Publishing, fault: dict[str, Any], posts: int
) -> None:
    asked = publishing.plan(text(), picture(13))
    publishing.fault("tweet", **fault)
    publishing.ask(asked)
    publishing.ended(asked, State.OUTCOME_UNKNOWN)
    publishing.ask(asked)
    wait_until("the end of the call", lambda: len(publishing.calls("tweet")) == 1, 40)
    time.sleep(2)
    assert len(publishing.posts(asked)) == posts
    assert len(publishing.calls("tweet")) == 1


def test_a_look_up_that_fails_leaves_the_post_to_the_next_run(publishing: Publishing) -> None:
    content, kind = picture(15)
    asked = publishing.plan(text(), (content, kind))
    publishing.fault("tweet", "close", commit=True)
    publishing.fault("timeline", "status", status=503)
    publishing.ask(asked)
    wait_until("the look-up", lambda: len(publishing.calls("timeline")) == 1, 60)
    publishing.lease_over(asked)
    publishing.ask(asked)
    row = assert_posted(publishing, asked, content)
    assert (row["fence"], len(publishing.calls("tweet"))) == (2, 1)


# n8n killed


def test_killed_in_the_upload_the_next_run_goes_on_at_the_saved_part(
    publishing: Publishing, clip: Clip
) -> None:
    asked = publishing.plan(text(), video(clip(6)))
    publishing.fault("append", "hang", commit=True, skip=3, seconds=5.0)
    publishing.ask(asked)
    publishing.kill_n8n_in("append")
    publishing.lease_over(asked)
    publishing.ask(asked)
    assert_posted(publishing, asked, clip(6))
    assert len(publishing.calls("initialize")) == 1
    segments = [int(call["detail"]["segment_index"]) for call in publishing.calls("append")]
    assert segments[:6] == [0, 1, 2, 3, 3, 4]


def test_a_run_that_broke_is_alerted_by_names_alone(publishing: Publishing) -> None:
    publishing.alerts.clear()
    asked = publishing.plan(text(), picture(16))
    publishing.fault("append", "hang", commit=True, seconds=5.0)
    publishing.ask(asked)
    publishing.kill_n8n_in("append")
    wait_until("an alert", lambda: bool(publishing.alerts), 60)
    [alert] = publishing.alerts
    assert set(alert) == {"workflow", "execution", "node", "error"}
    ids = {account.workflow_id for account in deployment("http://backend", "http://x").accounts}
    assert alert["workflow"] in ids


def test_killed_after_the_post_the_next_run_finds_it(publishing: Publishing, clip: Clip) -> None:
    asked = publishing.plan(text(), video(clip(7)))
    publishing.fault("tweet", "hang", commit=True, seconds=20.0)
    publishing.ask(asked)
    publishing.kill_n8n_in("tweet")
    publishing.lease_over(asked)
    publishing.ask(asked)
    assert_posted(publishing, asked, clip(7))
    assert len(publishing.calls("tweet")) == 1


def test_killed_after_the_post_and_with_a_blind_timeline_a_person_is_needed(publishing: Publishing) -> None:
    asked = publishing.plan(text(), picture(14))
    publishing.fault("tweet", "hang", commit=True, seconds=20.0)
    publishing.fault("timeline", "blind", times=99)
    publishing.ask(asked)
    publishing.kill_n8n_in("tweet")
    publishing.lease_over(asked)
    publishing.ask(asked)
    publishing.ended(asked, State.OUTCOME_UNKNOWN)
    assert len(publishing.posts(asked)) == 1
    assert len(publishing.calls("tweet")) == 1


# Deployment


def test_a_deployment_pushed_to_a_running_n8n_takes_effect(publishing: Publishing) -> None:
    key = publishing.n8n.api().headers["X-N8N-API-KEY"]
    api = Api(publishing.n8n.url, key if isinstance(key, str) else key.decode())
    ours = deployment(publishing.backend.url, publishing.x_url)
    main = next(account for account in ours.accounts if account.account == "main")
    second = main.model_copy(update={"account": "second"})
    more = ours.model_copy(update={"accounts": [*ours.accounts, second]})

    assert f"created mediaops {second.workflow_name}" in push(more, api)
    assert [line for line in push(more, api) if line.startswith("created")] == []
    added = publishing.plan(text())
    publishing.ask_until_ended(added, account="second")
    assert_posted(publishing, added)

    assert f"stopped mediaops {second.workflow_name}, which the deployment no longer has" in push(ours, api)
    gone = publishing.plan(text())
    publishing.ask_until_ended(gone, account="second")
    assert publishing.ended(gone, State.FAILED)["reason"] == "UnknownAccount"


# What stays behind


def test_no_secret_stays_in_what_n8n_stores(publishing: Publishing, clip: Clip) -> None:
    good, refused = publishing.plan(text(), video(clip(8))), publishing.plan(text())
    publishing.ask(good)
    publishing.ask(refused, account="revoked")
    assert_posted(publishing, good, clip(8))
    publishing.ended(refused, State.FAILED)
    held = [value.encode() for value in vars(publishing.secrets).values()]
    log = publishing.n8n.processes.logs / "n8n.log"
    for path, content in [*publishing.n8n.stored_bytes(), (log, log.read_bytes())]:
        assert [secret for secret in held if secret in content] == [], path
    assert publishing.n8n.executions() == []
