"""From kubectl apply to Processed: what the operator writes, and how often."""

from __future__ import annotations

import yaml

from tests.api.operator.hands import Hands, condition

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
    assert reasons == {"transcript": "Completed", "vertical": "Fused", "small": "Completed", "poster": "Completed"}
    assert not hands.exists("/api/v1", "secrets", job["metadata"]["name"])
