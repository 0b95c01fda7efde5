"""The stand-in of X enforces X's rules; called as a function, without a network."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from hack.services.standins.base import Request, Response
from hack.services.standins.x.rules import weighted_length
from hack.services.standins.x.server import X

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
Call = Callable[..., Response]


@pytest.fixture
def x(tmp_path: Path) -> X:
    app = X(tmp_path / "x", processing_seconds=0.05)
    app.store.add_user("access", "refresh")
    return app


@pytest.fixture
def call(x: X) -> Call:
    def call(method: str, path: str, body: object = None, token: str = "access", **query: str) -> Response:  # noqa: S107
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        data = b"" if body is None else json.dumps(body).encode()
        return x(Request(method, path, query, headers, data))

    return call


@pytest.fixture
def append(x: X) -> Call:
    def append(media_id: str, index: int, data: bytes) -> Response:
        head = f'--B\r\ncontent-disposition: form-data; name="segment_index"\r\n\r\n{index}\r\n--B\r\n'
        part = 'content-disposition: form-data; name="media"; filename="part"\r\n\r\n'
        headers = {"authorization": "Bearer access", "content-type": "multipart/form-data; boundary=B"}
        body = (head + part).encode() + data + b"\r\n--B--\r\n"
        return x(Request("POST", f"/2/media/upload/{media_id}/append", {}, headers, body))

    return append


def data(response: Response) -> dict[str, Any]:
    return json.loads(response.body)["data"]


def begin(call: Call, size: int, kind: str = "image/png", category: str = "tweet_image") -> str:
    body = {"media_type": kind, "total_bytes": size, "media_category": category}
    return data(call("POST", "/2/media/upload/initialize", body))["id"]


def upload(call: Call, append: Call, content: bytes = PNG) -> str:
    media_id = begin(call, len(content))
    assert append(media_id, 0, content).status == 200
    assert call("POST", f"/2/media/upload/{media_id}/finalize", {}).status == 200
    return media_id


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("plain text", 10),
        ("see https://example.com/a/very/long/path?with=query now", 4 + 23 + 4),
        ("see example.com", 4 + 23),
        ("日本語", 6),
        ("👩‍👩‍👧‍👦", 2),
        ("🇩🇪 1️⃣", 5),
        ("cafe\u0301", 4),
        ("“quoted” \u2013 dash…", 17),
    ],
)
def test_text_counts_as_x_counts(text: str, length: int) -> None:
    assert weighted_length(text) == length


def test_an_unknown_token_is_refused_everywhere(call: Call) -> None:
    assert call("GET", "/2/users/me", token="wrong").status == 401
    assert call("POST", "/2/tweets", {"text": "x"}, token="wrong").status == 401


def test_a_segment_out_of_order_is_refused(call: Call, append: Call) -> None:
    media_id = begin(call, 10)
    assert append(media_id, 1, b"12345").status == 400
    assert append(media_id, 0, b"12345").status == 200
    assert append(media_id, 2, b"12345").status == 400


def test_a_segment_sent_again_must_have_the_same_bytes(call: Call, append: Call) -> None:
    media_id = begin(call, 10)
    assert append(media_id, 0, b"12345").status == 200
    assert append(media_id, 0, b"12345").status == 200
    assert append(media_id, 0, b"54321").status == 400


def test_a_part_of_5_mb_is_too_large(call: Call, append: Call) -> None:
    media_id = begin(call, 12_000_000, "video/mp4", "tweet_video")
    assert append(media_id, 0, b"\0" * (5 * 1024 * 1024)).status == 413


def test_finalize_wants_every_byte_and_a_json_object(call: Call, append: Call) -> None:
    media_id = begin(call, len(PNG) + 1)
    append(media_id, 0, PNG)
    assert call("POST", f"/2/media/upload/{media_id}/finalize", {}).status == 400
    append(media_id, 1, b"\0")
    assert call("POST", f"/2/media/upload/{media_id}/finalize").status == 400
    assert call("POST", f"/2/media/upload/{media_id}/finalize", {}).status == 200


def test_type_category_and_size_are_checked_at_the_start(call: Call) -> None:
    for kind, category, size in [
        ("image/png", "tweet_video", 10),
        ("image/png", "tweet_image", 5 * 1024**2 + 1),
        ("image/png", "tweet_poster", 10),
        ("image/png", "tweet_image", 0),
    ]:
        body = {"media_type": kind, "total_bytes": size, "media_category": category}
        assert call("POST", "/2/media/upload/initialize", body).status == 400


def test_a_media_id_is_good_for_one_post(call: Call, append: Call) -> None:
    media = {"media_ids": [upload(call, append)]}
    assert call("POST", "/2/tweets", {"text": "one", "media": media}).status == 201
    assert call("POST", "/2/tweets", {"text": "two", "media": media}).status == 400
    assert call("POST", "/2/tweets", {"text": "three", "media": {"media_ids": ["1"]}}).status == 400


def test_the_same_text_with_the_same_media_is_a_duplicate(call: Call, append: Call) -> None:
    for content, status in [(PNG, 201), (PNG, 403), (PNG + b"\0", 201)]:
        media = {"media_ids": [upload(call, append, content)]}
        assert call("POST", "/2/tweets", {"text": "same", "media": media}).status == status


def test_a_text_over_280_is_forbidden(call: Call) -> None:
    assert call("POST", "/2/tweets", {"text": "x" * 281}).status == 403
    assert call("POST", "/2/tweets", {"text": "x" * 280}).status == 201


def test_the_timeline_shows_media_keys_only_when_asked(call: Call, append: Call) -> None:
    media_id = upload(call, append)
    call("POST", "/2/tweets", {"text": "one", "media": {"media_ids": [media_id]}})
    path = f"/2/users/{data(call('GET', '/2/users/me'))['id']}/tweets"
    assert "attachments" not in data(call("GET", path))[0]  # type: ignore[operator]
    shown = json.loads(call("GET", path, expansions="attachments.media_keys").body)["data"][0]
    assert [f"3_{media_id}"] == shown["attachments"]["media_keys"]


def test_a_video_is_processed_and_polled_no_faster_than_told(
    x: X, call: Call, append: Call, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    make = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=96x96:r=10"]
    subprocess.run([*make, "-c:v", "libx264", "-pix_fmt", "yuv420p", str(clip)], check=True)
    for content, state in [(clip.read_bytes(), "succeeded"), (b"\0\0\0\x18ftypmp42" + b"\0" * 64, "failed")]:
        media_id = begin(call, len(content), "video/mp4", "tweet_video")
        append(media_id, 0, content)
        first = data(call("POST", f"/2/media/upload/{media_id}/finalize", {}))["processing_info"]
        assert first == {"state": "pending", "check_after_secs": 1}
        early = call("GET", "/2/media/upload", command="STATUS", media_id=media_id)
        assert early.status == 429
        assert float(early.headers["x-rate-limit-reset"]) >= time.time()
        time.sleep(0.11)
        x.store.set_next_poll(media_id, 0)
        late = call("GET", "/2/media/upload", command="STATUS", media_id=media_id)
        assert data(late)["processing_info"]["state"] == state


def test_a_refresh_token_works_once_and_survives_a_restart(x: X, call: Call, tmp_path: Path) -> None:
    call("POST", "/_standin/expire-tokens")
    assert call("GET", "/2/users/me").status == 401
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = b"grant_type=refresh_token&client_id=c&refresh_token=refresh"
    fresh = json.loads(x(Request("POST", "/2/oauth2/token", {}, form, body)).body)["access_token"]
    assert x(Request("POST", "/2/oauth2/token", {}, form, body)).status == 400
    again = X(tmp_path / "x")
    again.store.add_user("access", "refresh")
    assert again(Request("GET", "/2/users/me", {}, {"authorization": f"Bearer {fresh}"}, b"")).status == 200
    assert again(Request("GET", "/2/users/me", {}, {"authorization": "Bearer access"}, b"")).status == 401


def test_a_fault_is_used_up_after_its_calls(call: Call) -> None:
    call("POST", "/_standin/faults", {"route": "me", "action": "status", "skip": 1, "times": 2})
    assert [call("GET", "/2/users/me").status for _ in range(4)] == [200, 503, 503, 200]


def test_a_fault_may_break_the_answer_after_the_post(call: Call) -> None:
    call("POST", "/_standin/faults", {"route": "tweet", "action": "close", "commit": True})
    assert call("POST", "/2/tweets", {"text": "one"}).fate == "close"
    assert [post["text"] for post in json.loads(call("GET", "/_standin/posts").body)] == ["one"]
