"""Manifests: pods that the restricted policy admits, and nothing secret where it could be read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from mediaops.models.work import WorkOrder
from mediaops.tokens import Verifier, key_id
from mediaops_operator import kube, objects
from mediaops_operator.credentials import Credentials
from mediaops_operator.objects import LENT_FILE
from mediaops_operator.profiles import Profile, quantity_bytes
from tests.unit.operator.simulation import KEY, World
from tests.unit.operator.test_course import FOUR

DRIVE = {"source": {"googleDrive": {"fileId": "abc", "secretRef": {"name": "drive"}}}}


def launched(spec: dict[str, Any] | None = None, **installation: Any) -> tuple[World, dict[str, Any]]:
    world = World(spec or FOUR, **installation)
    world.settle()
    (job,) = world.jobs()
    return world, job


def test_pods_meet_the_restricted_policy() -> None:
    _, job = launched()
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert {"type": "RuntimeDefault"} == pod["securityContext"]["seccompProfile"]
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == container["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert {"emptyDir", "secret", "projected"} == {
        kind for v in pod["volumes"] for kind in v if kind != "name"
    }


def test_kubernetes_replaces_interrupted_pods_and_ends_the_job_on_anything_else() -> None:
    _, job = launched()
    spec = job["spec"]
    assert (0, "Failed", "Never") == (
        spec["backoffLimit"],
        spec["podReplacementPolicy"],
        spec["template"]["spec"]["restartPolicy"],
    )
    disruption, interrupted = spec["podFailurePolicy"]["rules"]
    assert ("Ignore", "DisruptionTarget") == (disruption["action"], disruption["onPodConditions"][0]["type"])
    assert ("Ignore", [75]) == (interrupted["action"], interrupted["onExitCodes"]["values"])


def test_the_capability_names_what_the_order_reads_and_writes_and_nothing_else() -> None:
    world, job = launched()
    order = world.order(job)
    public = world.installation.signer._key.public_key()
    capability = Verifier([_pem(public)]).verify(order.capability)
    assert (order.job, KEY.namespace, "acme") == (capability.job, capability.namespace, capability.workspace)
    assert {"acme/clip.mp4"} == capability.reads
    assert {step.step_key for step in order.steps} == capability.step_keys
    assert not capability.may_write("acme/clip.mp4")
    assert key_id(public) == world.installation.signer.key_id


def _pem(public: Any) -> str:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_only_the_pod_that_fetches_the_source_mounts_its_credential_and_only_one_key_of_it() -> None:
    world, ingest = launched(FOUR | DRIVE)
    volumes = {v["name"]: v for v in ingest["spec"]["template"]["spec"]["volumes"]}
    assert "drive" == volumes["credential"]["secret"]["secretName"]
    assert ["mediaops-credential"] == [i["key"] for i in volumes["credential"]["secret"]["items"]]
    world.finish_ingest(ingest)
    world.settle()
    (media,) = world.jobs()
    assert "credential" not in {v["name"] for v in media["spec"]["template"]["spec"]["volumes"]}


LENT = Credentials(
    frozenset({KEY.namespace}), {"mediaops-source-google-drive": SecretStr('{"apiKey": "the-lent-key"}')}
)
UNNAMED = {"source": {"googleDrive": {"fileId": "abc"}}}


def credential_of(world: World, job: dict[str, Any]) -> tuple[dict[str, Any], str | None, str | None]:
    """Give the Secret that a pod mounts, the file it is told of besides, and what lies there."""
    pod = job["spec"]["template"]["spec"]
    (volume,) = [v["secret"] for v in pod["volumes"] if v["name"] == "credential"]
    told = {e["name"]: e["value"] for e in pod["containers"][0]["env"]}.get("MEDIAOPS_LENT_CREDENTIAL_FILE")
    order = world.api.objects[kube.SECRETS, job["metadata"]["name"]]["stringData"]
    return volume, told, order.get(LENT_FILE)


def test_a_drive_source_without_secret_ref_wants_the_secret_by_its_agreed_name() -> None:
    world, ingest = launched(FOUR | UNNAMED)
    secret, *lent = credential_of(world, ingest)
    assert "mediaops-source-google-drive" == secret["secretName"]
    assert ("optional" in secret, lent) == (False, [None, None])


def test_a_namespace_named_at_install_is_lent_the_installations_credential() -> None:
    world, ingest = launched(FOUR | UNNAMED, credentials=LENT)
    secret, told, lent = credential_of(world, ingest)
    assert ("mediaops-source-google-drive", True) == (secret["secretName"], secret["optional"])
    assert f"/var/run/mediaops/order/{LENT_FILE}" == told
    assert {"hosts": ["www.googleapis.com"], "apiKey": "the-lent-key"} == json.loads(lent or "")
    assert "the-lent-key" not in json.dumps(world.api.of(kube.JOBS) + world.api.of(kube.ASSETS))
    world.finish_ingest(ingest)
    world.settle()
    (media,) = world.jobs()
    assert LENT_FILE not in world.api.objects[kube.SECRETS, media["metadata"]["name"]]["stringData"]


@pytest.mark.parametrize(
    ("source", "namespaces"),
    [
        (UNNAMED, {"another"}),
        (DRIVE, {KEY.namespace}),
        ({"source": {"url": {"secretRef": {"name": "signed"}}}}, {KEY.namespace}),
    ],
    ids=["another namespace's", "a Secret the asset names itself", "an address"],
)
def test_nobody_else_is_lent_anything(source: dict[str, Any], namespaces: set[str]) -> None:
    world, ingest = launched(FOUR | source, credentials=replace(LENT, namespaces=frozenset(namespaces)))
    secret, *lent = credential_of(world, ingest)
    assert ("optional" in secret, lent) == (False, [None, None])
    assert "the-lent-key" not in json.dumps(world.api.of(kube.SECRETS))


def test_nothing_secret_stands_in_a_job() -> None:
    world, job = launched()
    capability = world.order(job).capability
    assert capability not in json.dumps(world.api.of(kube.JOBS) + world.api.of(kube.PROCESSING_JOBS))


def test_gpus_are_a_limit_of_the_resource_that_the_profile_names() -> None:
    profile = Profile(image="i", gpu_resource="amd.com/gpu", resources={"limits": {"memory": "1Gi"}})
    operations = [{"name": "small", "compress": {}, "gpu": 2}]
    world = World(FOUR | {"operations": operations})
    world.installation = type(world.installation)(
        **{**vars(world.installation), "profiles": {"default": profile}}
    )
    world.restart()
    world.settle()
    (job,) = world.jobs()
    limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert {"memory": "1Gi", "amd.com/gpu": "2"} == limits


def test_kueue_s_labels_pass_through_and_no_others_do() -> None:
    world = World(FOUR)
    world.asset["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "q", "team": "t"}
    world.api.touch(kube.ASSETS, KEY.name)
    world.settle()
    (job,) = world.jobs()
    assert "q" == job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    assert "team" not in job["metadata"]["labels"]


def test_what_a_job_counts_on_is_read_back_as_it_was_written() -> None:
    world, job = launched()
    text = job["metadata"]["annotations"][objects.COUNTS_ANNOTATION]
    counted = objects.counted_on(text)
    assert ["transcript", "vertical", "small", "poster"] == [s.operation for s in counted.shares]
    assert world.order(job).steps[0].step_key == counted.log_step
    assert objects.Counted() == objects.counted_on("something else")
    assert objects.Counted() == objects.counted_on("[1]")


def test_job_names_leave_room_for_the_pod_s_suffix() -> None:
    _, job = launched()
    assert len(job["metadata"]["name"]) <= 50


def test_a_work_order_is_what_the_pod_s_model_reads() -> None:
    world, job = launched()
    text = world.api.objects[kube.SECRETS, job["metadata"]["name"]]["stringData"]["work-order.json"]
    assert job["metadata"]["name"] == WorkOrder.model_validate_json(text).job


@pytest.mark.parametrize(("text", "expected"), [("20Gi", 20 * 2**30), ("5M", 5_000_000), ("7", 7)])
def test_quantities_are_read(text: str, expected: int) -> None:
    assert expected == quantity_bytes(text)


def test_an_odd_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole number"):
        quantity_bytes("1.5Gi")
