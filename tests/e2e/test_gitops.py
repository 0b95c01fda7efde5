"""Manifests applied again and again, as GitOps tools do: nothing moves that need not."""

from __future__ import annotations

import copy
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hack.build import tool
from hack.cluster.audit import Write, writes
from hack.cluster.interface import STATE_DIR
from tests.e2e.media import video
from tests.e2e.workspace import Object, Workspace, asset, conditions, on_x

WRITES_PER_OPERATION = 10
SETTLED_SECONDS = 15


def text(workspace: Workspace) -> str:
    return f"Applied again, posted once. #{workspace.name}"


def manifest(workspace: Workspace) -> Object:
    """Give an asset of four operations whose result is posted."""
    operations: list[Object] = [
        {"name": "gray", "filter": {"steps": [{"grayscale": {}}]}},
        {"name": "square", "input": "gray", "crop": {"aspect": "1:1"}},
        {"name": "small", "input": "square", "compress": {"height": 180}},
        {"name": "poster", "thumbnail": {"width": 320}},
    ]
    return asset("clip", "clip.mp4", *operations, publish=on_x(text(workspace), "small"))


@pytest.fixture(scope="module")
def published(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Object:
    """That asset, posted."""
    workspace.upload(video(tmp_path_factory.mktemp("media"), seed=90), "clip.mp4")
    workspace.apply(manifest(workspace))
    return workspace.published("clip")


def written(workspace: Workspace, which: Callable[[Write], bool]) -> list[Write]:
    """Give what was written in the workspace's namespace, from the API server's own record."""
    log = STATE_DIR / "logs" / "audit.log"
    if not log.exists():
        pytest.skip("only the cluster made of processes keeps an audit log here")
    return [write for write in writes(log) if write.namespace == workspace.name and which(write)]


def by_operator(write: Write) -> bool:
    return write.user.endswith(":mediaops-operator")


def test_an_asset_of_four_operations_costs_few_writes_and_none_once_it_is_settled(
    workspace: Workspace, published: Object
) -> None:
    done = written(workspace, by_operator)
    assert 8 <= len(done) <= 4 * WRITES_PER_OPERATION, [f"{w.verb} {w.resource}" for w in done]
    time.sleep(SETTLED_SECONDS)
    later = written(workspace, by_operator)[len(done) :]
    # What tidies up after the last step may still have been on its way.
    assert [w for w in later if w.resource.startswith("mediaops.dev/")] == []
    assert workspace.get("clip")["metadata"]["resourceVersion"] == published["metadata"]["resourceVersion"]


def test_the_same_manifest_again_writes_nothing_and_shows_no_difference(
    workspace: Workspace, published: Object, tmp_path: Path
) -> None:
    again = manifest(workspace)
    workspace.apply(again)
    assert workspace.get("clip")["metadata"]["resourceVersion"] == published["metadata"]["resourceVersion"]
    assert difference(workspace, again, tmp_path) == ""
    changed = copy.deepcopy(again)
    changed["spec"]["suspend"] = True
    assert "suspend: true" in difference(workspace, changed, tmp_path)


def test_deleted_and_applied_again_it_is_done_from_what_is_there_and_posted_no_second_time(
    workspace: Workspace, published: Object
) -> None:
    workspace.delete(["clip"])
    workspace.apply(manifest(workspace))
    again = workspace.published("clip")
    assert again["metadata"]["uid"] != published["metadata"]["uid"]
    assert conditions(again)["Published"]["reason"] == "AlreadyPosted"
    reasons = {name: conditions(job)["Succeeded"]["reason"] for name, job in workspace.jobs("clip").items()}
    assert {reasons["small"], reasons["poster"]} == {"CachedResult"}, reasons
    assert len(workspace.posts(text(workspace))) == 1
    assert sorted(o["sha256"] for o in again["status"]["outputs"]) == sorted(
        o["sha256"] for o in published["status"]["outputs"]
    )


@pytest.mark.usefixtures("published")
def test_an_edit_runs_only_what_depends_on_it_and_posts_nothing(workspace: Workspace) -> None:
    before = {name: job["metadata"]["uid"] for name, job in workspace.jobs("clip").items()}
    edited = manifest(workspace)
    edited["spec"]["operations"][1]["crop"] = {"aspect": "4:5"}
    workspace.apply(edited)
    done = workspace.finished("clip")
    after = {name: job["metadata"]["uid"] for name, job in workspace.jobs("clip").items()}
    assert {name for name in after if after[name] != before[name]} == {"square", "small"}
    made = [o for o in done["status"]["outputs"] if o["name"] == "rendition"]
    shape = {o["operation"]: (o["widthPixels"], o["heightPixels"]) for o in made}
    assert shape["small"] == (144, 180)
    assert len(workspace.posts(text(workspace))) == 1
    assert conditions(done)["Published"]["reason"] in {"PublishedDifferentMedia", "PublishedOlderRevision"}


def difference(workspace: Workspace, wanted: Object, folder: Path) -> str:
    """Give what `kubectl diff` shows; fails where it can't tell."""
    file = folder / "wanted.json"
    metadata = {**wanted["metadata"], "namespace": workspace.name}
    file.write_text(json.dumps({**wanted, "metadata": metadata}))
    config = str(workspace.installation.cluster.kubeconfig)
    shown = subprocess.run(
        [str(tool("kubectl")), "--kubeconfig", config, "diff", "-f", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode in {0, 1}, shown.stderr
    return shown.stdout
