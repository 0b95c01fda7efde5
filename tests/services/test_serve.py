"""`mediaops-ops serve`: the seed's contract against real S3, a source over TLS and a caller that is called back."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import pytest
from botocore.exceptions import ClientError
from standardwebhooks import Webhook

from hack.services.s3 import BUCKET, S3
from hack.services.standin import StandInService
from tests.services.serve_fixtures import SECRET, Caller, Serve, World, command_line, until

pytest_plugins = ["tests.services.serve_fixtures"]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    serve_environment: dict[str, str],
    serve_sources: StandInService,
    calling: tuple[Caller, str],
    s3: S3,
) -> Iterator[World]:
    with Serve(tmp_path_factory.mktemp("serve") / "service", serve_environment) as serve:
        yield World(serve, *calling, serve_sources, s3)


# What it takes and refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [None, "short", "your_secret_min_32_chars_aaaaaaaaaaaaaaa"])
def test_it_does_not_start_without_a_secret_worth_its_name(
    serve_environment: dict[str, str], tmp_path: Path, secret: str | None
) -> None:
    given = serve_environment | {"MEDIAOPS_SERVE_STATE": str(tmp_path), "PATH": os.environ["PATH"]}
    given.pop("CALLBACK_SECRET")
    if secret:
        given["CALLBACK_SECRET"] = secret
    ended = subprocess.run(
        [sys.executable, "-m", "mediaops_ops", "serve"],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "CALLBACK_SECRET" in ended.stderr
    assert secret is None or secret not in ended.stderr


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": SECRET}])
def test_nobody_gets_in_without_the_bearer(world: World, header: dict[str, str]) -> None:
    for method, path in (("POST", "/crop"), ("GET", "/jobs/x"), ("DELETE", "/jobs/x")):
        answer = httpx2.request(method, world.serve.url + path, headers=header, json={})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.parametrize(
    ("operation", "change", "field"),
    [
        ("crop", {"job_id": ""}, "job_id"),
        ("crop", {"file_url": "http://example.com/a.mp4"}, "file_url"),
        ("crop", {"file_url": "https://user:pass@example.com/a.mp4"}, "file_url"),
        ("crop", {"callback_url": "ftp://example.com"}, "callback_url"),
        ("crop", {"surprise": 1}, "surprise"),
        ("crop", {"params": {"aspct": "9:16"}}, "params.aspct"),
        ("crop", {"params": {"aspect": "2:1"}}, "params.aspect"),
        ("crop", {"params": {"width": 100}}, "params.width"),
        ("compress", {"params": {"crf": 20, "bitrate_kbps": 500}}, "params.crf"),
        ("thumbnail", {"params": {"at_millis": [1], "count": 2}}, "params.at_millis"),
        ("filter", {"params": {"steps": [{"blur": 3, "sharpen": 3}]}}, "params.steps.0"),
        ("filter", {"params": {}}, "params.steps"),
        ("transcribe", {"params": {"model": "whisper-1"}}, "params.engine"),
        ("caption", {"file_url": "https://drive.google.com/file/d/1abc123xyz4/view"}, "file_url"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_queued(
    world: World, operation: str, change: dict[str, Any], field: str
) -> None:
    body = world.body("wrong", "ok/clip.mp4") | change
    answer = world.http.post(f"/{operation}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["type"] == "urn:mediaops:problem:invalid"


def test_a_body_that_is_no_json_and_a_job_that_is_none_are_told_so(world: World) -> None:
    assert world.http.post("/crop", content=b"{").status_code == 422
    assert world.http.get("/jobs/flask-none").status_code == 404
    assert world.http.delete("/jobs/flask-none").status_code == 404
    assert world.http.post("/sing", json={}).status_code == 404
    assert world.http.get("/crop").status_code == 405


# The seed's contract -----------------------------------------------------------------------------------


def test_a_video_is_compressed_and_the_caller_is_told_once_signed_and_by_bearer(world: World) -> None:
    answer = world.http.post("/compress", json=world.body("compress-1", "ok/clip.mp4", crf=30))
    assert answer.status_code == 202
    assert set(answer.json()) == {"flask_job_id", "status", "estimated_duration"}
    assert answer.json()["status"] == "processing"
    assert answer.json()["estimated_duration"] > 0

    body = world.callback("compress-1")
    assert body["status"] == "completed"
    assert body["flask_job_id"] == answer.json()["flask_job_id"]
    output = body["output_data"]
    trusting = ssl.create_default_context(cafile=str(world.sources.tls.authority))  # type: ignore[union-attr]
    film = httpx2.get(output["processed_url"], verify=trusting).raise_for_status().content
    (world.serve.folder / "film.mp4").write_bytes(film)
    with av.open(str(world.serve.folder / "film.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert abs(output["duration"] - 2.0) < 0.1
    assert output["file_size_bytes"] == len(film)
    assert output["files"][0]["key"].startswith(f"serve/{body['flask_job_id']}/")

    call = next(c for c in world.caller.calls if json.loads(c.body)["job_id"] == "compress-1")
    assert call.headers["authorization"] == f"Bearer {SECRET}"
    Webhook(SECRET.encode()).verify(call.body, call.headers)

    again = world.http.post("/compress", json=world.body("compress-1", "ok/clip.mp4?signed=anew", crf=30))
    assert (again.status_code, again.json()["flask_job_id"]) == (202, body["flask_job_id"])
    time.sleep(2)
    assert len(world.caller.told("compress-1")) == 1
    assert world.job(body["flask_job_id"])["attempts"] == 0


def test_the_same_job_id_for_other_work_is_refused(world: World) -> None:
    world.post("thumbnail", "taken", "ok/clip.mp4")
    for operation, params in (("crop", {}), ("thumbnail", {"count": 2})):
        answer = world.http.post(f"/{operation}", json=world.body("taken", "ok/clip.mp4", **params))
        assert answer.status_code == 409


def test_speech_is_transcribed_with_the_seeds_fields(world: World) -> None:
    world.post("transcribe", "words", "ok/said.mp3", language="en")
    output = world.callback("words")["output_data"]
    assert output["transcription"]
    assert output["word_count"] == len(output["transcription"].split())
    assert output["language"] == "en"
    assert 1 < output["duration"] < 5
    assert {"start", "end", "text"} == set(output["captions"][0])
    assert {f["name"] for f in output["files"]} >= {"transcript.json", "transcript.srt", "transcript.vtt"}


CAPTION = {"transcript": "ask not", "attributes": {"campaign": "launch"}, "caption_style": "engaging"}


@pytest.mark.parametrize(
    ("operation", "source", "params", "field"),
    [
        ("thumbnail", "ok/clip.mp4", {"count": 2}, "thumbnail_url"),
        ("crop", "ok/clip.mp4", {"aspect": "1:1"}, "processed_url"),
        ("filter", "ok/picture.png", {"steps": [{"grayscale": {}}]}, "processed_url"),
        ("caption", "ok/picture.png", CAPTION, "caption"),
    ],
)
def test_each_operation_gives_what_it_makes(
    world: World, operation: str, source: str, params: dict[str, Any], field: str
) -> None:
    world.post(operation, f"each-{operation}", source, **params)
    body = world.callback(f"each-{operation}")
    assert body["status"] == "completed", body
    assert body["output_data"][field]
    if operation == "caption":
        assert "ask not" in body["output_data"]["caption"]
        assert "Launch" in body["output_data"]["hashtags"]


@pytest.mark.parametrize(
    ("operation", "source", "reason"),
    [
        ("thumbnail", "status/404", "SourceNotFound"),
        ("thumbnail", "ok/text.mp4", "InvalidMedia"),
        ("crop", "ok/said.mp3", "WrongFileType"),
        ("compress", "redirect/metadata/clip.mp4", "SourceNotAllowed"),
    ],
)
def test_what_cannot_succeed_fails_at_once_with_its_reason(
    world: World, operation: str, source: str, reason: str
) -> None:
    job_id = f"fails-{reason}"
    job = world.ended(world.post(operation, job_id, source))
    assert (job["status"], job["reason"]) == ("failed", reason)
    body = world.callback(job_id)
    assert body["status"] == "failed"
    assert body["error"].startswith(f"{reason}: ")
    assert world.sources.url not in body["error"]


def test_a_callback_is_sent_again_until_it_is_taken(world: World) -> None:
    with world.caller.lock:
        world.caller.refuse = [503, 302]
    world.post("thumbnail", "again", "ok/clip.mp4")
    id_ = until(lambda: len(world.caller.told("again")) == 3 and world.caller.told("again"))[0][
        "flask_job_id"
    ]
    assert until(lambda: world.job(id_)["callback"] == "delivered")
    ids = [c.headers["webhook-id"] for c in world.caller.calls if json.loads(c.body)["job_id"] == "again"]
    assert len(set(ids)) == 1


# What it survives --------------------------------------------------------------------------------------


def test_killed_at_work_it_leaves_nothing_running_and_goes_on_after_its_restart(world: World) -> None:
    serve = world.serve
    id_ = world.post("compress", "killed", "ok/long.mp4", codec="h264")
    until(lambda: any("ffmpeg" in line.split()[0] for line in serve.tree().values()))
    tree = serve.tree()
    os.kill(serve.main_pid, signal.SIGKILL)
    until(lambda: not any(command_line(pid) == line for pid, line in tree.items()), 30)

    serve.start()
    assert world.job(id_)["status"] in ("queued", "processing")
    assert world.callback("killed")["status"] == "completed"
    until(lambda: not list((serve.folder / "tmp").glob("*/*")), 30)
    assert len(world.caller.told("killed")) == 1


def test_told_to_stop_it_puts_its_job_back_and_ends(world: World) -> None:
    serve = world.serve
    id_ = world.post("compress", "stopped", "ok/long.mp4", codec="h264", crf=24)
    until(lambda: any("ffmpeg" in line.split()[0] for line in serve.tree().values()))
    serve.stop()
    serve.start()
    job = world.ended(id_)
    assert (job["status"], job["attempts"]) == ("completed", 0)


def test_a_cancelled_job_stops_at_once_and_the_next_one_runs(world: World) -> None:
    serve = world.serve
    first = world.post("compress", "cancelled", "ok/long.mp4", codec="h264", crf=20)
    second = world.post("thumbnail", "after", "ok/clip.mp4")
    until(lambda: any("ffmpeg" in line.split()[0] for line in serve.tree().values()))
    assert world.job(second)["status"] == "queued"  # one worker: one at a time

    assert world.http.delete(f"/jobs/{first}").json()["status"] == "cancelled"
    assert world.ended(second)["status"] == "completed"
    assert world.callback("cancelled")["error"] == "Cancelled: The job was cancelled."
    assert world.http.delete(f"/jobs/{second}").json()["status"] == "completed"


def test_a_second_one_on_the_same_state_does_not_start(
    world: World, serve_environment: dict[str, str]
) -> None:
    given = serve_environment | dict(world.serve.env()) | {"PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [sys.executable, "-m", "mediaops_ops", "serve"],
        env=given, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "another serve" in ended.stderr


# What it may and tells ---------------------------------------------------------------------------------


def test_its_storage_key_opens_its_own_prefix_only(world: World) -> None:
    client = world.s3.client("operations")
    client.put_object(Bucket=BUCKET, Key="serve/a", Body=b"")
    for key in ("acme/steps/a/result.json", "served", "a"):
        with pytest.raises(ClientError):
            client.put_object(Bucket=BUCKET, Key=key, Body=b"")
    with pytest.raises(ClientError):
        client.list_objects_v2(Bucket=BUCKET)


def test_probes_and_metrics_need_no_bearer_and_no_secret_is_in_the_log(
    world: World, serve_environment: dict[str, str]
) -> None:
    assert httpx2.get(f"{world.serve.url}/healthz").status_code == 200
    assert httpx2.get(f"{world.serve.url}/readyz").status_code == 200
    metrics = httpx2.get(f"{world.serve.url}/metrics").text
    assert 'mediaops_serve_jobs_ended_total{operation="compress",status="completed"}' in metrics
    assert 'mediaops_serve_callbacks{state="delivered"}' in metrics
    log = "".join(path.read_text() for path in world.serve.processes.logs.iterdir())
    assert "completed" in log
    assert SECRET not in log
    assert serve_environment["MEDIAOPS_S3_SECRET_ACCESS_KEY"] not in log
    assert world.sources.url not in log
