"""Publishing through a real n8n onto X's stand-in: whole files, one post, whatever fails or is killed."""

import hashlib
import json
import time
import uuid

import pytest
from PIL import Image

from mediaops.publications import State
from tests.services.n8n_fixtures import CONFIG, Clip, Publishing

pytest_plugins = ["tests.services.n8n_fixtures"]

PART = int(CONFIG["part_bytes"])


def text() -> str:
    return f"A clip, {uuid.uuid4().hex[:12]}"


def picture(seed: int) -> bytes:
    import io

    buffer = io.BytesIO()
    Image.effect_noise((200 + seed, 200), 80).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# The whole way


def test_a_video_arrives_whole_and_its_post_is_settled(publishing: Publishing, clip: Clip) -> None:
    row = publishing.plan(text(), (clip(), "video/mp4"))
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    [post] = publishing.posts(row)
    assert [(media["sha256"], media["size"]) for media in post["media"]] == [(sha256(clip()), len(clip()))]
    assert row.publication.external_post_id == post["id"]
    assert row.publication.url == f"https://x.com/i/status/{post['id']}"
    segments = [int(call["detail"]["segment_index"]) for call in publishing.calls("append")]
    assert segments == list(range(-(-len(clip()) // PART)))


def test_four_images_arrive_in_their_order(publishing: Publishing) -> None:
    pictures = [picture(seed) for seed in range(4)]
    row = publishing.plan(text(), *((one, "image/png") for one in pictures))
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    [post] = publishing.posts(row)
    assert [media["sha256"] for media in post["media"]] == [sha256(one) for one in pictures]


def test_a_text_alone_is_posted(publishing: Publishing) -> None:
    row = publishing.plan(text())
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    assert len(publishing.posts(row)) == 1


def test_requests_sent_again_and_at_once_make_one_post(publishing: Publishing, clip: Clip) -> None:
    row = publishing.plan(text(), (clip(2), "video/mp4"))
    for _ in range(3):
        publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    publishing.ask(row)
    time.sleep(2)
    assert len(publishing.posts(row)) == 1
    assert len(publishing.calls("tweet")) == 1


def test_an_expired_token_is_refreshed_and_the_post_made_once(publishing: Publishing) -> None:
    row = publishing.plan(text(), (picture(9), "image/png"))
    publishing.x.store.expire_token(publishing.secrets.oauth_access)
    publishing.ask(row, account="oauth")
    assert publishing.ended(row) is State.POSTED
    assert len(publishing.posts(row)) == 1
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
def test_a_request_that_is_not_signed_and_fresh_is_refused(publishing: Publishing, how: dict[str, str]) -> None:
    row = publishing.plan(text())
    target = {"name": "x", "platform": "x", "account": "main"}
    body = {"action": "upload_media", "request_id": row.request_id, "workspace_id": "acme", "targets": [target]}
    assert publishing.send(json.dumps(body), **how).status_code == 401  # type: ignore[arg-type]
    time.sleep(1)
    assert row.publication.state is State.PLANNED


def test_a_signature_beside_an_older_key_s_is_taken(publishing: Publishing) -> None:
    answer = publishing.send('{"action": "nothing"}', signature="v1,b2xk SIGNED")
    assert answer.status_code == 422


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
def test_who_is_not_known_is_reported_for_good(publishing: Publishing, ask: dict[str, str], reason: str) -> None:
    row = publishing.plan(text())
    publishing.ask(row, **ask)
    assert publishing.ended(row) is State.FAILED
    assert (row.publication.reason, row.publication.retryable) == (reason, False)
    assert publishing.posts(row) == []


# What X refuses


def test_a_revoked_token_is_a_rejected_credential(publishing: Publishing) -> None:
    row = publishing.plan(text(), (picture(10), "image/png"))
    publishing.ask(row, account="revoked")
    assert publishing.ended(row) is State.FAILED
    assert row.publication.reason == "CredentialRejected"


def test_a_text_too_long_is_refused_in_x_s_words(publishing: Publishing) -> None:
    row = publishing.plan(text() + "x" * 280)
    publishing.ask(row)
    assert publishing.ended(row) is State.FAILED
    assert (row.publication.reason, row.publication.message) == (
        "PlatformRejected",
        "X: Your Tweet text is too long.",
    )


def test_a_video_that_x_cannot_process_is_refused_in_x_s_words(publishing: Publishing) -> None:
    row = publishing.plan(text(), (b"\0\0\0\x18ftypmp42" + b"\0" * 5000, "video/mp4"))
    publishing.ask(row)
    assert publishing.ended(row) is State.FAILED
    assert row.publication.reason == "PlatformRejected"
    assert "file is invalid" in (row.publication.message or "")


def test_a_file_that_x_never_takes_is_not_uploaded(publishing: Publishing) -> None:
    row = publishing.plan(text(), (b"RIFF", "audio/wav"))
    publishing.ask(row)
    assert publishing.ended(row) is State.FAILED
    assert row.publication.reason == "MediaNotAccepted"
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
    publishing: Publishing, clip: Clip, route: str, fault: dict[str, object]
) -> None:
    row = publishing.plan(text(), (clip(3), "video/mp4"))
    publishing.fault(route, **fault)  # type: ignore[arg-type]
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    [post] = publishing.posts(row)
    assert post["media"][0]["sha256"] == sha256(clip(3))
    assert row.publication.fence == 1


def test_parts_get_smaller_when_x_calls_them_too_large(publishing: Publishing, clip: Clip) -> None:
    row = publishing.plan(text(), (clip(4), "video/mp4"))
    publishing.fault("append", "status", status=413, skip=1)
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    assert publishing.posts(row)[0]["media"][0]["sha256"] == sha256(clip(4))
    sizes = [call["detail"]["bytes"] // (PART // 2) for call in publishing.calls("append")]
    assert sizes[:4] == [2, 2, 1, 1]


def test_storage_that_fails_for_a_moment_is_asked_again(publishing: Publishing, clip: Clip) -> None:
    row = publishing.plan(text(), (clip(5), "video/mp4"))
    publishing.claims.storage_failures = 2
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    assert row.publication.fence == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 503, "times": 99}, {"status": 429, "seconds": 900.0}],
    ids=["503 for long", "a rate limit for long"],
)
def test_a_failure_that_lasts_is_reported_as_retryable(publishing: Publishing, fault: dict[str, object]) -> None:
    row = publishing.plan(text(), (picture(11), "image/png"))
    publishing.fault("append", "status", **fault)
    publishing.ask(row)
    publication = publishing.reported(row).publication
    assert (publication.reason, publication.retryable) == ("PlatformUnavailable", True)
    publishing.x.store.clear_faults()
    time.sleep(1.5)
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    assert len(publishing.posts(row)) == 1


# The one call that can't be taken back


def test_a_rate_limit_on_the_post_itself_is_retryable(publishing: Publishing) -> None:
    row = publishing.plan(text())
    publishing.fault("tweet", "status", status=429, seconds=1.0)
    publishing.ask(row)
    publishing.reported(row)
    time.sleep(1.5)
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    assert len(publishing.posts(row)) == 1


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
    publishing: Publishing, fault: dict[str, object]
) -> None:
    row = publishing.plan(text(), (picture(12), "image/png"))
    publishing.fault("tweet", **fault)  # type: ignore[arg-type]
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    [post] = publishing.posts(row)
    assert row.publication.external_post_id == post["id"]
    assert len(publishing.calls("tweet")) == 1


@pytest.mark.parametrize(
    ("fault", "posts"),
    [({"action": "late", "seconds": 8.0}, 1), ({"action": "close"}, 0)],
    ids=["carried out later", "never carried out"],
)
def test_a_post_that_cannot_be_found_ends_as_unknown(
    publishing: Publishing, fault: dict[str, object], posts: int
) -> None:
    row = publishing.plan(text(), (picture(13), "image/png"))
    publishing.fault("tweet", **fault)  # type: ignore[arg-type]
    publishing.ask(row)
    assert publishing.ended(row) is State.OUTCOME_UNKNOWN
    publishing.ask(row)
    time.sleep(8)
    assert len(publishing.posts(row)) == posts
    assert len(publishing.calls("tweet")) <= 1


# n8n killed


def killed_in(publishing: Publishing, route: str) -> None:
    """Kill n8n while X holds back the answer to a call of `route`, and start it again."""
    deadline = time.time() + 40
    while not [call for call in publishing.calls(route) if call["fate"] == "hang"]:
        assert time.time() < deadline, f"no call of {route}"
        time.sleep(0.05)
    publishing.n8n.kill()
    publishing.n8n.start()


def test_killed_in_the_upload_the_next_run_goes_on_at_the_saved_part(
    publishing: Publishing, clip: Clip
) -> None:
    row = publishing.plan(text(), (clip(6), "video/mp4"))
    publishing.fault("append", "hang", commit=True, skip=3, seconds=5.0)
    publishing.ask(row)
    killed_in(publishing, "append")
    publishing.lease_over(row)
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    [post] = publishing.posts(row)
    assert post["media"][0]["sha256"] == sha256(clip(6))
    assert len(publishing.calls("initialize")) == 1
    segments = [int(call["detail"]["segment_index"]) for call in publishing.calls("append")]
    assert segments[:6] == [0, 1, 2, 3, 3, 4]


def test_killed_after_the_post_the_next_run_finds_it(publishing: Publishing, clip: Clip) -> None:
    row = publishing.plan(text(), (clip(7), "video/mp4"))
    publishing.fault("tweet", "hang", commit=True, seconds=20.0)
    publishing.ask(row)
    killed_in(publishing, "tweet")
    publishing.lease_over(row)
    publishing.ask(row)
    assert publishing.ended(row) is State.POSTED
    [post] = publishing.posts(row)
    assert row.publication.external_post_id == post["id"]
    assert len(publishing.calls("tweet")) == 1


def test_killed_after_the_post_and_with_a_blind_timeline_a_person_is_needed(publishing: Publishing) -> None:
    row = publishing.plan(text(), (picture(14), "image/png"))
    publishing.fault("tweet", "hang", commit=True, seconds=20.0)
    publishing.fault("timeline", "blind", times=99)
    publishing.ask(row)
    killed_in(publishing, "tweet")
    publishing.lease_over(row)
    publishing.ask(row)
    assert publishing.ended(row) is State.OUTCOME_UNKNOWN
    assert len(publishing.posts(row)) == 1
    assert len(publishing.calls("tweet")) == 1


# What stays behind


def test_no_secret_stays_in_what_n8n_stores(publishing: Publishing, clip: Clip) -> None:
    good, revoked = publishing.plan(text(), (clip(8), "video/mp4")), publishing.plan(text())
    publishing.ask(good)
    publishing.ask(revoked, account="revoked")
    publishing.ended(good)
    publishing.ended(revoked)
    held = [value.encode() for value in vars(publishing.secrets).values()]
    for path, content in publishing.n8n.stored_bytes():
        found = [secret for secret in held if secret in content]
        assert found == [], path
    assert publishing.n8n.executions() == []
    log = publishing.n8n.processes.logs / "n8n.log"
    assert not any(secret in log.read_bytes() for secret in held)
