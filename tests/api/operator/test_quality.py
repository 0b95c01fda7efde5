"""Quality checks on a real API server: a file that isn't good enough isn't posted, until it may be."""

from __future__ import annotations

import time

import yaml

from mediaops.models.work import StepResult
from tests.api.operator.hands import Hands, Manifest, condition
from tests.api.operator.process import Installed
from tests.api.resources import Kubectl

SPEC = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations:
- {name: small, compress: {}}
qualityChecks: {minVmaf: 90}
publish: {targets: [{name: x, platform: x, text: {value: Look.}}]}
""")


def process(hands: Hands, **figures: dict[str, str]) -> list[str]:
    """Let an asset's one Job do its work, and find these figures; give what it measured."""
    (job,) = hands.until_job()
    order, pod = hands.order(job), hands.run(job)
    measured = [step for step in order.steps if step.type.startswith("measure")]
    for step in order.steps:
        if step in measured:
            values = figures[step.type]
            result = StepResult(step_key=step.step_key, type=step.type, job=order.job, values=values)
            hands.put_result(order, result)
        elif step.stored:
            hands.store_result(order, step)
    hands.complete(job, pod)
    return [step.name for step in measured]


def held(hands: Hands) -> Manifest:
    hands.put("clip.mp4")
    hands.apply(SPEC)
    assert ["small/vmaf"] == process(hands, measureVmaf={"vmaf": "78.2"})
    return hands.until_condition("Published", "False", reason="QualityCheckFailed")


def test_a_file_below_the_floor_is_kept_and_not_posted(
    hands: Hands, installed: Installed, kubectl: Kubectl
) -> None:
    said = held(hands)
    assert "small: VMAF 78.2, minVmaf allows at least 90" == said["message"]
    asset = hands.asset()
    assert "Processed" == asset["status"]["phase"]
    states = [condition(asset, type_) for type_ in ("Ready", "Stalled", "Finished", "Processed")]
    assert ["True", "False", "False", "True"] == [state and state["status"] for state in states]
    time.sleep(0.5)
    assert [] == installed.n8n.received
    assert [] == installed.query("select 1 from content_posts")
    described = kubectl("describe", "mediaasset", "clip", "-n", hands.namespace).stdout
    assert "small: VMAF 78.2, minVmaf allows at least 90" in described
    assert "QualityCheckFailed" in described[described.index("Events:") :]
    assert "QualityCheckFailed" in kubectl("get", "mediaasset", "clip", "-n", hands.namespace).stdout


def test_a_lower_floor_posts_it_without_another_job(hands: Hands, installed: Installed) -> None:
    held(hands)
    hands.apply(SPEC | {"qualityChecks": {"minVmaf": 75}})
    hands.until("a request", lambda: installed.n8n.received)
    hands.until_condition("QualityChecked", "True", reason="QualityChecksPassed")
    assert 1 == len(hands.jobs_of())


def test_a_further_check_has_a_job_measure_what_it_lacks_and_no_more(
    hands: Hands, installed: Installed
) -> None:
    held(hands)
    hands.apply(SPEC | {"qualityChecks": {"minVmaf": 75, "maxBlackSeconds": 2}})
    stretches = {"longest_black_seconds": "0.0", "longest_frozen_seconds": "0.0"}
    assert ["small/picture"] == process(hands, measurePicture=stretches)
    hands.until("a request", lambda: installed.n8n.received)
    message = hands.until_condition("QualityChecked", "True")["message"]
    assert "small: 0.0 s black; small: VMAF 78.2" == message
