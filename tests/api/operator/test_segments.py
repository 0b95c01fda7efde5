"""A rendition in segments on a real API server: its Indexed Job, and what the next attempt makes."""

from __future__ import annotations

from typing import Any

import yaml

from mediaops.models.work import WorkOrder
from tests.api.operator.hands import Hands, condition, now

Manifest = dict[str, Any]

LONG = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
execution: {segments: 3}
retry: {limit: 3, backoffSeconds: 1}
operations:
- {name: vertical, crop: {aspect: "9:16"}}
- {name: small, input: vertical, compress: {height: 720}}
""")


def next_job(hands: Hands, *before: Manifest) -> tuple[Manifest, WorkOrder]:
    """Wait for the Job that follows, and give it with its work order."""
    known = {job["metadata"]["name"] for job in before}
    (job,) = hands.until(
        "the next Job", lambda: [j for j in hands.open_jobs() if j["metadata"]["name"] not in known]
    )
    return job, hands.order(job)


def end_indexed(hands: Hands, job: Manifest, codes: dict[int, int]) -> None:
    """End a Job's pods by their index, and then the Job, as the Job controller would."""
    for index, code in codes.items():
        pod = hands.run(job, f"{index}-x7k2p")
        terminated = {"exitCode": code, "reason": "Error" if code else "Completed"}
        hands.pod_status(pod, "Failed" if code else "Succeeded", {"terminated": terminated})
    time = now()
    failed = [index for index, code in codes.items() if code]
    types = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
    reason = "FailedIndexes" if failed else "CompletionsReached"
    conditions = [
        {"type": t, "status": "True", "reason": reason, "lastProbeTime": time, "lastTransitionTime": time}
        for t in types
    ]
    done = [index for index, code in codes.items() if not code]
    status: Manifest = {"startTime": time, "succeeded": len(done), "conditions": conditions}
    status |= {"completedIndexes": ",".join(map(str, done))} if done else {}
    status |= {"failed": len(failed), "failedIndexes": ",".join(map(str, failed))} if failed else {}
    status |= {} if failed else {"completionTime": time}
    hands.job_status(job, status)


def test_one_index_fails_and_the_next_attempt_makes_only_that_segment(hands: Hands) -> None:
    hands.put("clip.mp4")
    hands.apply(LONG)
    cutting, order = next_job(hands)
    hands.store_result(order, order.steps[-1], values={"count": "3", "segments": "3"})
    hands.complete(cutting, hands.run(cutting))

    encoding, order = next_job(hands, cutting)
    assert ["small/segment-0", "small/segment-1", "small/segment-2"] == order.indexed
    spec = encoding["spec"]
    assert ("Indexed", 0, 3) == (spec["completionMode"], spec["backoffLimitPerIndex"], spec["completions"])
    hands.store(order, ["small/segment-0", "small/segment-2"])
    end_indexed(hands, encoding, {0: 0, 1: 1, 2: 0})

    again, order = next_job(hands, cutting, encoding)
    assert ["small/segment-1"] == order.indexed
    assert 1 == again["spec"]["completions"]
    status = hands.processing_jobs()["small"]["status"]
    assert 1 == status["attempts"]
    hands.store(order, order.indexed)
    end_indexed(hands, again, {0: 0})

    joining, order = next_job(hands, cutting, encoding, again)
    assert {"cuts", "segment-0", "segment-1", "segment-2"} == set(order.steps[-1].reads)
    assert "completionMode" not in joining["spec"] or joining["spec"]["completionMode"] == "NonIndexed"
    hands.succeed(joining)
    hands.until_condition("Finished", "True")
    reasons = {n: condition(pj, "Succeeded")["reason"] for n, pj in hands.processing_jobs().items()}  # type: ignore[index]
    assert {"vertical": "Fused", "small": "Completed"} == reasons
    assert 4 == len(hands.jobs_of())


def test_auto_is_admitted_and_a_film_in_one_piece_says_why(hands: Hands) -> None:
    hands.put("clip.mp4")
    hands.apply({**LONG, "execution": {"segments": "auto"}})
    cutting, order = next_job(hands)
    assert {"segments": "auto"} == order.steps[-1].parameters
    values = {"count": "1", "segments": "1: there is no keyframe to cut at."}
    hands.store_result(order, order.steps[-1], values=values)
    hands.complete(cutting, hands.run(cutting))
    whole, order = next_job(hands, cutting)
    assert ["vertical", "small"] == [step.name for step in order.steps]
    hands.succeed(whole)
    hands.until_condition("Finished", "True")
    found = {v["name"]: v["value"] for v in hands.processing_jobs()["small"]["status"]["values"]}
    assert "1: there is no keyframe to cut at." == found["segments"]
