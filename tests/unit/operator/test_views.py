"""What Jobs, pods and the cluster's warnings say, in the words that people get to read."""

from __future__ import annotations

from typing import Any

import pytest

from mediaops_operator.observed import Trouble
from mediaops_operator.views import event_trouble, job_view, pod_view, view

CREATED = "2026-01-01T00:00:00Z"


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "uid": "pu", "creationTimestamp": CREATED},
        "spec": {},
        "status": status,
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod(
        containerStatuses=[
            {"name": "operations", "state": {"waiting": {"reason": reason, "message": message}}}
        ]
    )


def warning(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {"involvedObject": {"kind": kind, "uid": "u"}, "reason": reason, "message": message}


def test_a_gpu_that_no_node_has_is_said_as_the_scheduler_says_it() -> None:
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    assert Trouble("Unschedulable", message) == pod_view(pod(conditions=[scheduled]), {}).trouble  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("ImagePullBackOff", "ImagePullFailed"),
        ("ErrImagePull", "ImagePullFailed"),
        ("InvalidImageName", "ImagePullFailed"),
        ("CreateContainerConfigError", "ContainerNotStarted"),
        ("ContainerCreating", None),
    ],
)
def test_a_waiting_container_says_why(reason: str, expected: str | None) -> None:
    trouble = pod_view(waiting(reason, "m"), {}).trouble
    assert expected == (trouble.reason if trouble else None)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (("Job", "FailedCreate", "pods is forbidden: exceeded quota: small"), "QuotaExceeded"),
        (("Job", "FailedCreate", "violates PodSecurity restricted"), "PodCreationForbidden"),
        (("Pod", "FailedMount", 'for volume "credential" : secret "drive" not found'), "SecretNotFound"),
        (("Pod", "FailedMount", 'for volume "order" : secret "clip-1" not found'), "SecretNotFound"),
        (
            ("Pod", "FailedMount", "references non-existent secret key: mediaops-credential"),
            "SecretInvalid",
        ),
        (("Pod", "FailedMount", "timed out"), "ContainerNotStarted"),
        (("Pod", "BackOff", "pulling"), None),
        (("Node", "FailedMount", "?"), None),
    ],
)
def test_warnings_become_reasons(event: tuple[str, str, str], expected: str | None) -> None:
    found = event_trouble(warning(*event))
    assert expected == (found[1].reason if found else None)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("mediaops-source-google-drive", "hosts (www.googleapis.com) and an apiKey or a serviceAccount"),
        ("mediaops-engine-openai", "hosts (api.openai.com) and an apiKey"),
        ("signed", "hosts and one of address, apiKey, serviceAccount"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "acme/"])
def test_a_missing_secret_is_named_with_what_to_put_in(secret: str, words: str, prefix: str) -> None:
    said = f'MountVolume.SetUp failed for volume "credential" : secret "{prefix}{secret}" not found'
    found = event_trouble(warning("Pod", "FailedMount", said))
    assert found
    assert f"no Secret {secret};" in found[1].message
    assert words in found[1].message


def test_a_warning_shows_while_the_container_is_being_made_and_no_longer() -> None:
    told = Trouble("SecretNotFound", "m")  # type: ignore[arg-type]
    assert told == pod_view(waiting("ContainerCreating"), {"pu": told}).trouble
    metadata = {"name": "j", "uid": "ju", "creationTimestamp": CREATED}
    running = pod(containerStatuses=[{"name": "operations", "state": {"running": {}}}], phase="Running")
    running["metadata"]["ownerReferences"] = [{"uid": "ju"}]
    assert job_view({"metadata": metadata, "spec": {}}, [running], {"pu": told}).standstill is None


def test_a_job_knows_its_own_pods_only_and_when_it_ended() -> None:
    metadata = {"name": "j", "uid": "ju", "creationTimestamp": CREATED, "annotations": {}}
    ended = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "lastTransitionTime": CREATED,
    }
    job = {"metadata": metadata, "spec": {}, "status": {"conditions": [ended]}}
    mine = pod(phase="Failed")
    mine["metadata"] |= {"ownerReferences": [{"uid": "ju"}]}
    view = job_view(job, [mine, pod(phase="Running")], {})
    assert ("Failed", 1) == (view.end, len(view.pods))
    assert ((), None) == (view.shares, view.ingest)


def test_an_evicted_or_deleted_pod_is_an_interruption() -> None:
    condition = {"type": "DisruptionTarget", "status": "True"}
    assert pod_view(pod(phase="Failed", conditions=[condition]), {}).disrupted


def test_news_that_decides_nothing_is_told_from_news_that_does() -> None:
    before = pod(phase="Pending", hostIP="10.0.0.1")
    assert view("pods", before) == view("pods", pod(phase="Pending", hostIP="10.0.0.2"))
    assert view("pods", before) != view("pods", pod(phase="Running"))
    metadata = {"name": "j", "uid": "ju", "creationTimestamp": CREATED}
    job = {"metadata": metadata, "spec": {}, "status": {"active": 1}}
    assert view("jobs", job) == view("jobs", job | {"status": {"active": 1, "ready": 1}})
    assert view("jobs", job) != view("jobs", job | {"spec": {"suspend": True}})
