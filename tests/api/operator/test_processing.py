"""From kubectl apply to Processed: what the operator writes, and how often."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import yaml

from hack.cluster.audit import Write
from tests.api.operator.hands import Hands, condition
from tests.api.operator.process import Operator

FOUR = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations:
- {name: transcript, transcribe: {}}
- {name: vertical, crop: {aspect: "9:16"}}
- {name: small, input: vertical, compress: {height: 720}}
- {name: poster, thumbnail: {}}
""")


def test_four_operations_are_one_job_and_end_processed(hands: Hands) -> None:
    hands.put("clip.mp4")
    hands.apply(FOUR)
    (job,) = hands.until_job()
    assert {"transcript", "vertical", "small", "poster"} == set(hands.processing_jobs())
    order = hands.succeed(job)
    assert ["transcript", "vertical", "small", "poster"] == [step.name for step in order.steps]
    hands.until_condition("Finished", "True")
    asset = hands.asset()
    assert ("Processed", "4/4") == (asset["status"]["phase"], asset["status"]["progress"]["summary"])
    assert "NotRequested" == condition(asset, "Published")["reason"]  # type: ignore[index]
    reasons = {n: condition(pj, "Succeeded")["reason"] for n, pj in hands.processing_jobs().items()}  # type: ignore[index]
    assert reasons == {
        "transcript": "Completed",
        "vertical": "Fused",
        "small": "Completed",
        "poster": "Completed",
    }
    assert not hands.exists("/api/v1", "secrets", job["metadata"]["name"])


def processed(hands: Hands, name: str = "clip") -> None:
    hands.put("clip.mp4")
    hands.apply(FOUR, name)
    (job,) = hands.until_job()
    hands.succeed(job)
    hands.until_condition("Finished", "True", name)


def test_an_asset_of_four_operations_costs_at_most_thirty_writes(
    hands: Hands, written: Callable[[], list[Write]]
) -> None:
    processed(hands)
    time.sleep(0.5)
    seen = Counter((w.verb, w.resource) for w in written())
    print(seen)
    assert sum(seen.values()) <= 30, seen


def test_a_settled_asset_is_never_written_again_not_even_by_a_newer_operator(
    hands: Hands, operator: Operator, written: Callable[[], list[Write]]
) -> None:
    processed(hands)
    time.sleep(0.5)
    before, version = len(written()), hands.asset()["metadata"]["resourceVersion"]
    hands.apply(FOUR)
    operator.kill()
    operator.start()
    time.sleep(1.5)
    assert (before, version) == (len(written()), hands.asset()["metadata"]["resourceVersion"])
