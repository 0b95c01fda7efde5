"""What is wrong with a source, an operation or a target is said in a condition, and the rest goes on.

All assets are applied at once; each test then looks at one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.media import video
from tests.e2e.workspace import Object, Workspace, asset, conditions

THUMBNAIL: Object = {"name": "poster", "thumbnail": {}}
ONCE: Object = {"limit": 1}
HANG_SECONDS = 240  # it takes a source's patience of 90 s


@pytest.fixture(scope="module")
def applied(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every asset of this file but those of `crowded`."""
    folder = tmp_path_factory.mktemp("media")
    whole, silent = video(folder), video(folder, sound=False)
    for key, content in {
        "truncated.mp4": whole[: len(whole) - 2000],
        "sixth.mp4": whole[: len(whole) // 6],
        "text.mp4": b"Dear reader, this is no film.\n" * 200,
        "empty.mp4": b"",
        "whole.mp4": whole,
        "silent.mp4": silent,
    }.items():
        workspace.upload(content, key)
    broken = [
        asset(name, f"{name}.mp4", THUMBNAIL, retry=ONCE) for name in ("truncated", "sixth", "text", "empty")
    ]
    remote = [
        asset(
            name, "", THUMBNAIL, retry=ONCE, source={"url": {"address": f"{sources_url(workspace)}/{path}"}}
        )
        for name, path in (("gone", "status/404"), ("forbidden", "status/403"), ("hanging", "hang"))
    ]
    transcribe: Object = {"name": "transcript", "transcribe": {"language": "en"}}
    workspace.apply(
        *broken,
        *remote,
        asset("no-object", "nobody-put-this-here.mp4", THUMBNAIL, retry=ONCE),
        asset("no-secret", "", THUMBNAIL, source={"url": {"secretRef": {"name": "nobody-made-this"}}}),
        asset("silent-required", "silent.mp4", {**transcribe, "required": True}, THUMBNAIL, retry=ONCE),
        asset("silent", "silent.mp4", transcribe, THUMBNAIL),
        asset(
            "outside",
            "whole.mp4",
            {"name": "cut", "crop": {"x": 5000, "y": 5000, "width": 100, "height": 100}},
            {"name": "small", "input": "cut", "compress": {"height": 180}},
            THUMBNAIL,
            retry=ONCE,
        ),
        asset(
            "elsewhere",
            "whole.mp4",
            THUMBNAIL,
            publish={"targets": [{"name": "there", "platform": "myspace", "text": {"value": "Hello"}}]},
        ),
    )


def sources_url(workspace: Workspace) -> str:
    return workspace.installation.fleet.url("sources")


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize("name", ["truncated", "sixth", "text", "empty"])
def test_a_file_that_cannot_be_read_to_its_end_fails_as_invalid_media(
    workspace: Workspace, name: str
) -> None:
    done = workspace.finished(name)
    said = conditions(done)
    assert said["Ready"]["status"] == "False"
    assert said["Stalled"]["status"] == "True"
    reasons = {said["SourceReady"]["reason"], *operation_reasons(workspace, name).values()}
    assert "InvalidMedia" in reasons, done["status"]
    assert not done["status"].get("outputs")


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone", "SourceNotFound"), ("forbidden", "SourceForbidden"), ("no-object", "SourceNotFound")],
)
def test_a_source_that_gives_no_file_is_named_as_such(workspace: Workspace, name: str, reason: str) -> None:
    said = conditions(workspace.finished(name))["SourceReady"]
    assert (said["status"], said["reason"]) == ("False", reason)
    assert said["message"]


@pytest.mark.usefixtures("applied")
def test_a_missing_secret_is_named_and_waited_for(workspace: Workspace) -> None:
    def said(now: Object) -> bool:
        return conditions(now).get("SourceReady", {}).get("reason") == "SecretNotFound"

    now = workspace.wait("no-secret", "said to lack its Secret", said, 60)
    assert "nobody-made-this" in conditions(now)["SourceReady"]["message"]
    assert conditions(now)["Finished"]["status"] == "False"


@pytest.mark.usefixtures("applied")
def test_a_video_without_sound_has_no_transcript_and_all_else(workspace: Workspace) -> None:
    done = workspace.finished("silent")
    assert conditions(done)["Ready"]["status"] == "True"
    assert operation_reasons(workspace, "silent") == {"transcript": "Skipped", "poster": "Completed"}


@pytest.mark.usefixtures("applied")
def test_a_transcript_that_is_required_fails_without_sound_and_the_poster_is_made(
    workspace: Workspace,
) -> None:
    done = workspace.finished("silent-required")
    assert conditions(done)["Processed"]["reason"] == "OperationFailed"
    assert operation_reasons(workspace, "silent-required") == {
        "transcript": "NoAudio",
        "poster": "Completed",
    }


@pytest.mark.usefixtures("applied")
def test_what_depends_on_a_failed_operation_fails_with_it_and_the_rest_goes_on(workspace: Workspace) -> None:
    done = workspace.finished("outside")
    assert conditions(done)["Processed"]["status"] == "False"
    assert operation_reasons(workspace, "outside") == {
        "cut": "InvalidParameters",
        "small": "DependencyFailed",
        "poster": "Completed",
    }
    assert [output["operation"] for output in done["status"]["outputs"]] == ["poster"]


@pytest.mark.usefixtures("applied")
def test_an_unknown_platform_is_named_and_the_poster_is_made(workspace: Workspace) -> None:
    done = workspace.finished("elsewhere")
    said = conditions(done)["Published"]
    assert (said["status"], said["reason"]) == ("False", "UnknownPlatform")
    assert "x" in said["message"]
    assert conditions(done)["Processed"]["status"] == "True"


def test_a_quota_that_forbids_the_pod_is_named_and_waited_out(workspace: Workspace, tmp_path: Path) -> None:
    crowded = Workspace(workspace.installation, f"{workspace.name}-quota")
    crowded.installation.workspace(crowded.name)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    crowded.apply(quota)
    crowded.upload(video(tmp_path), "whole.mp4")
    crowded.apply(asset("crowded", "whole.mp4", THUMBNAIL))

    def said(now: Object) -> bool:
        return conditions(now).get("Ready", {}).get("reason") == "QuotaExceeded"

    now = crowded.wait("crowded", "said to be over quota", said, 60)
    assert "exceeded quota" in conditions(now)["Ready"]["message"]
    crowded.installation.kubectl("delete", "resourcequota", "none", "-n", crowded.name)
    assert conditions(crowded.finished("crowded"))["Ready"]["status"] == "True"
    crowded.delete(["crowded"])
    crowded.installation.kubectl("delete", "namespace", crowded.name, "--wait=false")


@pytest.mark.usefixtures("applied")
def test_a_source_that_never_answers_is_given_up(workspace: Workspace) -> None:
    said = conditions(workspace.finished("hanging", HANG_SECONDS))["SourceReady"]
    assert (said["status"], said["reason"]) == ("False", "SourceUnreachable")


def operation_reasons(workspace: Workspace, name: str) -> dict[str, str]:
    """Give why each operation of an asset stands as it does."""
    return {
        operation: conditions(job)["Succeeded"]["reason"] for operation, job in workspace.jobs(name).items()
    }
