"""What pods may, what a capability is worth alone, and where no secret is ever seen."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import requests

from hack.installation import NAMESPACE, InstallFailed
from hack.services.standins.drive import DriveFile, add_file
from mediaops.tokens import POD_TOKEN_AUDIENCE
from tests.e2e.media import video
from tests.e2e.workspace import REQUEST_SECONDS, Object, Workspace, asset, conditions, on_x

FORGOTTEN_KEY = "a-password-that-no-pod-may-see"
SHORTEST_SECRET = 16  # characters; whatever is shorter is no secret of ours


@pytest.fixture(scope="module")
def order(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Object:
    """The work order of a Job, taken from its Secret while that is there; its asset is then finished."""
    folder = tmp_path_factory.mktemp("media")
    workspace.upload(video(folder, seconds=5), "clip.mp4")
    workspace.apply(
        asset("clip", "clip.mp4", {"name": "small", "compress": {"height": 180}}),
        asset("other", "clip.mp4", {"name": "poster", "thumbnail": {}}),
    )
    secrets = f"/api/v1/namespaces/{workspace.name}/secrets"
    taken: Object = {}

    def is_taken(_: Object) -> bool:
        for secret in workspace.installation.cluster.api.get(secrets)["items"]:
            if secret["metadata"]["name"].startswith("clip-") and "work-order.json" in secret["data"]:
                taken.update(json.loads(base64.b64decode(secret["data"]["work-order.json"])))
        return bool(taken)

    workspace.wait("clip", "given a work order", is_taken, 60)
    for name in ("clip", "other"):
        assert conditions(workspace.finished(name))["Ready"]["status"] == "True"
    return taken


@pytest.fixture(scope="module")
def from_drive(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Object:
    """An asset whose source is in Drive, behind a service account's key, and which is posted."""
    fleet = workspace.installation.fleet
    account = json.loads(fleet.secrets.path("drive-service-account").read_text())
    content = video(tmp_path_factory.mktemp("media"), seed=200)
    file_id = f"file-{workspace.name}"
    file = DriveFile("clip.mp4", "video/mp4", readers=(account["client_email"],))
    add_file(fleet.stand_ins["drive"].state, file_id, file, content)
    credential = {"hosts": [fleet.host("drive")], "serviceAccount": account}
    workspace.installation.credential(workspace.name, "drive", credential)
    source = {"googleDrive": {"fileId": file_id, "secretRef": {"name": "drive"}}}
    small: Object = {"name": "small", "compress": {"height": 180}}
    publish = on_x(f"From Drive. #{workspace.name}", "small")
    workspace.apply(asset("from-drive", "", small, source=source, publish=publish))
    return workspace.published("from-drive")


def pods(workspace: Workspace) -> list[Object]:
    found: list[Object] = workspace.installation.cluster.api.get(f"/api/v1/namespaces/{workspace.name}/pods")[
        "items"
    ]
    return found


def pod_of(workspace: Workspace, job: str) -> str:
    (name,) = [p["metadata"]["name"] for p in pods(workspace) if p["metadata"]["name"].startswith(f"{job}-")]
    return str(name)


@pytest.mark.usefixtures("order", "from_drive")
def test_pods_have_no_rights_and_write_into_their_work_folder_only(workspace: Workspace) -> None:
    found = pods(workspace)
    assert len(found) >= 3
    for pod in found:
        spec = pod["spec"]
        (container,) = spec["containers"]
        own = {**spec["securityContext"], **container["securityContext"]}
        assert own["runAsNonRoot"] is True
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["readOnlyRootFilesystem"] is True
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert spec["automountServiceAccountToken"] is False
        assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= {
            "emptyDir", "secret", "projected",
        }  # fmt: skip
        writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert writable == ["work"]


def test_the_namespace_takes_no_other_pods(workspace: Workspace) -> None:
    container = {"name": "c", "image": "localhost/none", "securityContext": {"privileged": True}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    with pytest.raises(InstallFailed, match="violates PodSecurity"):
        workspace.apply(pod, dry_run=True)


def test_a_capability_opens_nothing_without_its_own_pods_token(workspace: Workspace, order: Object) -> None:
    job = order["job"]
    key = order["source"]["key"]
    url = f"{workspace.installation.backend_url}/api/media/jobs/{job}/urls"

    def asked(bearer: str | None, wanted: str = key) -> int:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        body = {"capability": order["capability"], "reads": [wanted]}
        return requests.post(url, json=body, headers=headers, timeout=REQUEST_SECONDS).status_code

    own = token(workspace, pod_of(workspace, job))
    assert asked(own) == 200
    assert asked(own, f"{workspace.name}/another.mp4") == 403
    assert asked(None) == 401
    assert asked(workspace.installation.user_token(workspace.name)) == 401
    assert asked(token(workspace, pod_of(workspace, job), audience="another")) == 401
    other = next(p["metadata"]["name"] for p in pods(workspace) if p["metadata"]["name"].startswith("other-"))
    assert asked(token(workspace, other)) == 403


def token(workspace: Workspace, pod: str, audience: str = POD_TOKEN_AUDIENCE) -> str:
    """Give a token as the kubelet projects it into a pod."""
    service_account = next(p for p in pods(workspace) if p["metadata"]["name"] == pod)["spec"][
        "serviceAccountName"
    ]
    return workspace.installation.kubectl(
        "create", "token", service_account, "-n", workspace.name,
        f"--audience={audience}", "--bound-object-kind=Pod", f"--bound-object-name={pod}",
    ).strip()  # fmt: skip


def test_a_secret_without_the_agreed_key_gives_its_asset_nothing(workspace: Workspace) -> None:
    encoded = base64.b64encode(FORGOTTEN_KEY.encode()).decode()
    workspace.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "unrelated"},
            "data": {"password": encoded},
        },
        asset(
            "curious",
            "",
            {"name": "poster", "thumbnail": {}},
            source={"url": {"secretRef": {"name": "unrelated"}}},
        ),
    )

    def is_said(now: Object) -> bool:
        return conditions(now).get("SourceReady", {}).get("reason") in {"SecretNotFound", "SecretInvalid"}

    now = workspace.wait("curious", "said to lack a credential", is_said, 60)
    assert "mediaops-credential" in conditions(now)["SourceReady"]["message"]
    (pod,) = [p for p in pods(workspace) if p["metadata"]["name"].startswith("curious-")]
    started = [c.get("started") for c in pod["status"].get("containerStatuses", [])]
    # The kubelet makes no container whose Secret lacks the key; one without a status it hasn't tried to make.
    assert True not in started, pod["status"]
    workspace.delete(["curious"])


@pytest.mark.usefixtures("order", "from_drive")
def test_no_secret_is_seen_in_logs_statuses_events_jobs_or_n8n(workspace: Workspace) -> None:
    secrets = dict(secret_values(workspace))
    assert len(secrets) > 15
    kept = "\n".join(everything_of(workspace, "secrets", NAMESPACE))
    assert secrets["flask-api"] in decoded(kept), "the search would find nothing anywhere"
    everything = places(workspace)
    assert "finished" in everything["pods' logs"]
    assert "Job launched" in everything["the operator's log"]
    assert "/urls" in everything["the backend's log"]
    assert f"From Drive. #{workspace.name}" in everything["resources"]
    assert "upload-media" in everything["n8n's database"]
    for place, text in everything.items():
        seen = {name for name, value in secrets.items() if value in text or encoded_in(value, text)}
        assert seen == set(), place
        assert "X-Amz-Signature=" not in text, place


def secret_values(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Give what must not be seen, by the file it is in: words, and one line out of each private key."""
    for file in sorted(workspace.installation.fleet.secrets.folder.iterdir()):
        text = file.read_text()
        if "PRIVATE KEY" in text:
            text = text.replace("\\n", "\n").partition("PRIVATE KEY-----\n")[2].splitlines()[0]
        for number, word in enumerate(text.split()):
            if len(word) >= SHORTEST_SECRET:
                yield f"{file.name}{number or ''}", word


def places(workspace: Workspace) -> dict[str, str]:
    """Give everything that people and tools can read, by where it is."""
    kubectl, name = workspace.installation.kubectl, workspace.name
    ours = [p["metadata"]["name"] for p in pods(workspace) if p["status"]["phase"] in {"Succeeded", "Failed"}]
    n8n = workspace.installation.fleet.n8n.folder
    stored = [file for file in sorted((n8n / "data").rglob("*sqlite*")) if file.is_file()]
    assert stored
    return {
        "pods' logs": "\n".join(kubectl("logs", "-n", name, pod) for pod in ours),
        "the operator's log": kubectl("logs", "-n", NAMESPACE, f"deployment/{NAMESPACE}-operator"),
        "the backend's log": kubectl("logs", "-n", NAMESPACE, f"deployment/{NAMESPACE}-backend"),
        "resources": "\n".join(everything_of(workspace, "ma,pj,events,jobs,pods", name)),
        "n8n's database": "\n".join(file.read_bytes().decode("latin-1") for file in stored),
        "n8n's log": "\n".join(file.read_text() for file in sorted((n8n / "logs").iterdir())),
    }


def everything_of(workspace: Workspace, kinds: str, namespace: str) -> Iterator[str]:
    yield workspace.installation.kubectl("get", kinds, "-n", namespace, "-o", "json")


def encoded_in(value: str, text: str) -> bool:
    return base64.b64encode(value.encode()).decode().rstrip("=")[:-1] in text


def decoded(secrets: str) -> str:
    """Give the values in a list of Secrets as text."""
    values = [v for secret in json.loads(secrets)["items"] for v in secret.get("data", {}).values()]
    return "\n".join(base64.b64decode(value).decode("latin-1") for value in values)
