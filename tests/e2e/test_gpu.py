"""Operations on GPUs that the node advertises, and on more than there are."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.media import video
from tests.e2e.workspace import Object, Workspace, asset, conditions

UNSCHEDULABLE_SECONDS = 30


def test_one_gpu_runs_where_one_is_advertised_and_two_are_said_to_be_unschedulable(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.upload(video(tmp_path), "clip.mp4")
    operation: Object = {"name": "small", "compress": {"height": 180}}
    workspace.apply(
        asset("too-many", "clip.mp4", {**operation, "gpu": 2}),
        asset("fits", "clip.mp4", {"name": "poster", "thumbnail": {}, "gpu": 1}),
    )

    def said(now: Object) -> bool:
        return conditions(now).get("Ready", {}).get("reason") == "Unschedulable"

    waiting = workspace.wait("too-many", "said to be unschedulable", said, UNSCHEDULABLE_SECONDS)
    assert "nvidia.com/gpu" in conditions(waiting)["Ready"]["message"]
    assert conditions(waiting)["Finished"]["status"] == "False"
    job = workspace.installation.cluster.api.get(f"/apis/batch/v1/namespaces/{workspace.name}/jobs")["items"]
    asked = [
        container["resources"]["limits"].get("nvidia.com/gpu")
        for each in job
        for container in each["spec"]["template"]["spec"]["containers"]
    ]
    assert sorted(asked) == ["1", "2"]
    assert conditions(workspace.finished("fits"))["Ready"]["status"] == "True"
