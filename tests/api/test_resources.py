"""Both resources as people and programs meet them at an API server: kept whole, explained, listed, stable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hack.cluster.api import ApiError
from hack.cluster.control_plane import ControlPlane
from mediaops.models.conditions import Condition, NamedValue, OutputStatus
from mediaops.models.mediaasset import (
    IngestStatus,
    LastHandled,
    MediaAsset,
    MediaAssetStatus,
    MediaFacts,
    PostStatus,
    Progress,
    PublicationStatus,
)
from mediaops.models.processingjob import Failure, PassStatus, ProcessingJob, ProcessingJobStatus
from mediaops.models.usage import Cost
from mediaops.reasons import Reason
from tests.api.resources import GROUP_PATH, Kubectl, asset, create, path, processing_job, spec

NOW = "2026-11-23T19:00:00Z"

FULL = """
fileType: video
source: {googleDrive: {fileId: 1abc-123_x, secretRef: {name: drive}}}
operations:
  - name: transcript
    transcribe: {engine: openai, model: whisper-1, language: en, wordTimestamps: false, vad: false,
      translateTo: [de, pt-BR, zh-Hant], translationModel: gpt-4o, glossary: [MediaAsset]}
  - {name: vertical, crop: {aspect: "9:16", mode: blur}}
  - {name: warm, input: vertical, filter: {steps: [{brightness: 10}, {sepia: {}}]}}
  - {name: small, input: warm, compress: {codec: h264, crf: 24}, gpu: 1}
  - name: post
    caption: {engine: openai, transcriptFrom: transcript, variants: 2, translateTo: [de], brandVoice: Warm and plain.}
  - {name: poster, thumbnail: {count: 3}, required: true}
primary: small
execution: {mode: Job, profile: default, priority: high, deadlineSeconds: 3600, budget: {microUsd: 50000}}
retry: {limit: 3, backoffSeconds: 10}
publish:
  key: default
  targets:
    - name: x
      platform: x
      accountRef: {name: main}
      media: [{from: small}]
      text: {from: post, variant: 1, language: de}
    - {name: second, platform: linkedin, media: [{from: source}], text: {value: Hello}}
review:
  texts: [{target: x, variant: 0}]
  transcripts: [{operation: transcript, key: reviews/a.json, sha256: '%s'}]
suspend: false
deletionPolicy: Retain
attributes: {campaign: product_launch}
""" % ("0" * 64)

ACCEPTED: dict[str, dict[str, Any]] = {
    "every field": asset(FULL)["spec"],
    "one operation with its defaults": spec("{name: a, crop: {}}"),
    "nothing but publishing the source": spec(publish="{targets: [{name: x, platform: x}]}"),
    "an empty list of operations and a target": spec(
        operations="[]", publish="{targets: [{name: x, platform: x}]}"
    ),
    "an https address": spec(
        "{name: a, crop: {}}", source="{url: {address: 'https://example.com/a.mp4?x=1'}}"
    ),
    "an at sign behind the host": spec(
        "{name: a, crop: {}}", source="{url: {address: 'https://example.com/@me/a.mp4'}}"
    ),
    "a Drive file without secretRef": spec("{name: a, crop: {}}", source="{googleDrive: {fileId: 1abc}}"),
    "a signed address in a Secret": spec("{name: a, crop: {}}", source="{url: {secretRef: {name: signed}}}"),
    "an object in storage": spec("{name: a, crop: {}}", source="{object: {key: made/clip.mp4}}"),
    "a sprite and a preview": spec(
        "{name: a, thumbnail: {best: true, sprite: {everyMillis: 500, columns: 5}, preview: {format: gif}}}",
        "{name: b, thumbnail: {sprite: {}}}",
    ),
    "a brand's looks, logo and subtitles": spec(
        "{name: t, transcribe: {translateTo: [de, pt-BR]}}",
        "{name: a, filter: {steps: ["
        f"{{brandKit: {{logo: {{file: {{key: brand/logo.png, sha256: {'ab' * 32}}}}}, color: '#FFFFFF'}}}}, "
        "{lut: {look: film, strengthPercent: 60}}, {burnSubtitles: {from: t, language: pt-BR, style: box}}]}}",
    ),
    "a y that YAML 1.1 reads as true, as kubectl does": spec(
        "{name: a, crop: {x: 1, 'true': 2, width: 10, height: 10}}"
    ),
    "an image": spec(
        "{name: a, crop: {width: 10, height: 10}}",
        "{name: b, input: a, compress: {codec: webp, quality: 80}}",
        "{name: c, thumbnail: {count: 1}}",
        file_type="image",
    ),
    "an audio file": spec(
        "{name: a, transcribe: {}}",
        "{name: b, compress: {codec: opus, bitrateKbps: 64}}",
        "{name: c, thumbnail: {}}",
        file_type="audio",
    ),
    "a platform nobody knows yet": spec(publish="{targets: [{name: m, platform: mastodon}]}"),
    "the input source, said": spec("{name: a, input: source, crop: {}}"),
    "a caption written for the target's platform": spec(
        "{name: c, caption: {platforms: [linkedin, x]}}",
        publish="{targets: [{name: x, platform: x, text: {from: c}}]}",
    ),
}


def largest() -> dict[str, Any]:
    """Give a spec at its bounds, in the order that costs the rules most: each looks at the list's far end."""
    operations: list[dict[str, Any]] = [{"name": "first", "filter": {"steps": [{"sepia": {}}] * 16}}]
    operations += [
        {"name": f"o{i:02}", "input": operations[-1]["name"], "filter": {"steps": [{"blur": 1}] * 16}}
        for i in range(1, 30)
    ]
    operations.append({"name": "transcript", "transcribe": {}})
    platforms = [f"p{i:02}" for i in range(16)]
    languages = [f"{first}{second}" for first in "abcd" for second in "abcd"][:15]
    caption = {
        "transcriptFrom": "transcript",
        "platforms": platforms,
        "language": "de",
        "translateTo": languages,
    }
    operations.append({"name": "post", "caption": caption})
    targets = [
        {
            "name": f"t{i:02}",
            "platform": platforms[-1],
            "media": [{"from": "o29"}] * 4,
            "text": {"from": "post", "variant": 0, "language": languages[-1]},
        }
        for i in range(16)
    ]
    return spec() | {
        "operations": operations,
        "primary": "o29",
        "publish": {"targets": targets},
        "review": {
            "texts": [{"target": target["name"], "variant": 0} for target in reversed(targets)],
            "transcripts": [{"operation": "transcript", "key": "a.json", "sha256": "0" * 64}],
        },
        "attributes": {f"{i:063}": "x" * 256 for i in range(32)},
    }


@pytest.mark.parametrize("good", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts_and_the_models_read_it(api_server: ControlPlane, good: dict[str, Any]) -> None:
    accepted = create(api_server.api, "default", asset(good), dry_run=True)
    assert MediaAsset.model_validate({"spec": good}).spec == MediaAsset.model_validate(accepted).spec


def test_accepts_the_largest_asset_within_the_cost_limit_of_rules(api_server: ControlPlane) -> None:
    accepted = create(api_server.api, "default", asset(largest()), dry_run=True)
    assert len(accepted["spec"]["operations"]) == 32


def test_keeps_every_field_that_was_given(api_server: ControlPlane) -> None:
    given = asset(FULL)["spec"]
    assert create(api_server.api, "default", asset(given), dry_run=True)["spec"] == given


def test_fills_in_defaults_outside_of_lists_only(api_server: ControlPlane) -> None:
    given = spec("{name: a, thumbnail: {}}")
    kept = create(api_server.api, "default", asset(given), dry_run=True)["spec"]
    assert kept == given | {
        "execution": {"mode": "Job", "profile": "default", "priority": "normal", "deadlineSeconds": 3600},
        "retry": {"limit": 3, "backoffSeconds": 10},
        "suspend": False,
        "deletionPolicy": "Retain",
    }


def test_prunes_unknown_parameters_without_strict_validation(api_server: ControlPlane) -> None:
    typo = asset(spec("{name: a, crop: {aspekt: '9:16'}}"))
    kept = create(api_server.api, "default", typo, dry_run=True, strict=False)
    assert kept["spec"]["operations"] == [{"name": "a", "crop": {}}]


@pytest.mark.parametrize(
    "body", [asset(FULL), processing_job("clip-small-1")], ids=["MediaAsset", "ProcessingJob"]
)
def test_status_of_a_new_object_is_unobserved(
    api_server: ControlPlane, namespace: str, body: dict[str, Any]
) -> None:
    claimed = body | {"status": {"phase": "Failed", "observedGeneration": 1}}
    created = create(api_server.api, namespace, claimed)
    plural = f"{body['kind'].lower()}s"
    assert created["metadata"]["generation"] == 1
    read = api_server.api.get(path(namespace, plural, body["metadata"]["name"]))
    assert read["status"] == {"observedGeneration": -1}


def condition(kind: str, status: str, reason: Reason) -> Condition:
    return Condition.model_validate(
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": reason.sentence,
            "observedGeneration": 1,
            "lastTransitionTime": NOW,
        }
    )


OUTPUT = OutputStatus(
    operation="small",
    name="rendition",
    uri="s3://media/acme/steps/ab/cd.mp4",
    media_type="video/mp4",
    size_bytes=1 << 40,
    sha256="0" * 64,
    width_pixels=608,
    height_pixels=1080,
    duration_millis=80012,
)


def test_keeps_a_whole_mediaasset_status(api_server: ControlPlane, namespace: str) -> None:
    status = MediaAssetStatus(
        observed_generation=1,
        workspace=namespace,
        phase="Processing",
        conditions=[
            condition("Ready", "False", Reason.RUNNING),
            condition("Published", "Unknown", Reason.WAITING),
        ],
        round=2,
        progress=Progress(total=5, completed=3, summary="3/5"),
        start_time=NOW,
        completion_time=NOW,
        media=MediaFacts(
            identity="sha256:" + "0" * 64, duration_millis=80012, width_pixels=768, size_bytes=1
        ),
        ingest=IngestStatus(
            attempts=1, jobs=1, job_name="clip-ingest-1", next_attempt_time=NOW, cost=Cost(micro_usd=1)
        ),
        cost=Cost(micro_usd=700, cpu_millis=1, api_input_tokens=900, unpriced_models=["gpt-9"]),
        outputs=[OUTPUT],
        publication=PublicationStatus(
            request_id="8c6f2f4e-1c57-4c86-9d0e-6a0a2b0d7a11",
            revision="9c1f",
            generation=1,
            sends=1,
            posts=[
                PostStatus(
                    target="x", state="Posted", external_post_id="17", uri="https://x/1", post_time=NOW
                )
            ],
        ),
        last_handled=LastHandled(retry="1"),
    )
    create(api_server.api, namespace, asset(FULL))
    patched = api_server.api.patch(
        path(namespace, "mediaassets", "clip") + "/status?fieldValidation=Strict", {"status": status.wire()}
    )
    assert patched["status"] == status.wire()
    assert patched["metadata"]["generation"] == 1
    assert MediaAsset.model_validate(patched).status == status


def test_keeps_a_whole_processingjob_status(api_server: ControlPlane, namespace: str) -> None:
    status = ProcessingJobStatus.model_validate(
        {
            "observedGeneration": 1,
            "phase": "Failed",
            "conditions": [condition("Succeeded", "False", Reason.ATTEMPTS_EXHAUSTED)],
            "attempts": 3,
            "jobs": 4,
            "percent": 40,
            "pass": PassStatus(members=["small", "poster"]),
            "jobName": "clip-1",
            "nextAttemptTime": NOW,
            "startTime": NOW,
            "completionTime": NOW,
            "outputs": [OUTPUT],
            "values": [NamedValue(name="vmaf", value="93.1")],
            "cost": Cost(micro_usd=700, gpu_millis=2, bytes_in=3),
            "failures": [
                Failure(attempt=3, pod="p", node="n", exit_code=137, reason=Reason.OUT_OF_MEMORY, time=NOW)
            ],
        }
    )
    create(api_server.api, namespace, processing_job("clip-small-1"))
    patched = api_server.api.patch(
        path(namespace, "processingjobs", "clip-small-1") + "/status?fieldValidation=Strict",
        {"status": status.wire()},
    )
    assert patched["status"] == status.wire()
    assert ProcessingJob.model_validate(patched).status == status


@pytest.mark.parametrize(
    "bad",
    [
        {"phase": "Done"},
        {"startTime": "yesterday"},
        {"conditions": [{"type": "Ready"}]},
        {"outputs": [OUTPUT.wire()] * 65},
    ],
    ids=["an unknown phase", "no time", "half a condition", "65 outputs"],
)
def test_refuses_a_status_outside_of_its_bounds(
    api_server: ControlPlane, namespace: str, bad: dict[str, Any]
) -> None:
    create(api_server.api, namespace, asset(FULL))
    with pytest.raises(ApiError) as refusal:
        api_server.api.patch(path(namespace, "mediaassets", "clip") + "/status", {"status": bad})
    assert refusal.value.status == 422


def test_editing_the_spec_moves_the_generation_and_leaves_status(
    api_server: ControlPlane, namespace: str
) -> None:
    create(api_server.api, namespace, asset(FULL))
    patched = api_server.api.patch(
        path(namespace, "mediaassets", "clip"), {"spec": {"suspend": True}, "status": {"phase": "Failed"}}
    )
    assert patched["metadata"]["generation"] == 2
    assert patched["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["apply", "server-side apply"])
def test_applying_the_same_manifest_twice_changes_nothing(
    kubectl: Kubectl, api_server: ControlPlane, namespace: str, how: tuple[str, ...]
) -> None:
    manifest = asset(spec("{name: t, transcribe: {}}", "{name: c, caption: {}}", "{name: p, thumbnail: {}}"))
    apply = ("-n", namespace, "apply", *how, "-f-")
    assert kubectl(*apply, stdin=manifest).returncode == 0
    # As the operator does at its first visit; until then what is stored lacks the status that is read, and
    # the API server stores it with the first write that comes by.
    observed = {"status": {"observedGeneration": 1}}
    api_server.api.patch(path(namespace, "mediaassets", "clip") + "/status", observed)
    first = api_server.api.get(path(namespace, "mediaassets", "clip"))
    second = kubectl(*apply, stdin=manifest)
    assert second.returncode == 0
    if not how:
        assert second.stdout == "mediaasset.mediaops.dev/clip unchanged\n"
    assert api_server.api.get(path(namespace, "mediaassets", "clip")) == first
    diff = kubectl("-n", namespace, "diff", *how, "-f-", stdin=manifest)
    assert (diff.returncode, diff.stdout) == (0, ""), diff.stderr


def test_diff_shows_an_edit(kubectl: Kubectl, namespace: str) -> None:
    assert kubectl("-n", namespace, "apply", "-f-", stdin=asset(spec("{name: a, crop: {}}"))).returncode == 0
    diff = kubectl("-n", namespace, "diff", "-f-", stdin=asset(spec("{name: a, crop: {aspect: '1:1'}}")))
    assert diff.returncode == 1
    assert "aspect" in diff.stdout


def served_fields(schema: dict[str, Any], where: str = "spec") -> Iterator[tuple[str, str]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{where}.{name}", field.get("description", "")
        yield from served_fields(field, f"{where}.{name}")
        yield from served_fields(field.get("items", {}), f"{where}.{name}")


@pytest.mark.parametrize("kind", ["MediaAsset", "ProcessingJob"])
def test_api_server_explains_every_field_of_spec(api_server: ControlPlane, kind: str) -> None:
    served = api_server.api.get(f"/openapi/v3{GROUP_PATH}")["components"]["schemas"]
    schema = served[f"dev.mediaops.v1alpha1.{kind}"]["properties"]["spec"]
    fields = list(served_fields(schema))
    assert len(fields) > 50
    assert [where for where, text in fields if not text] == []


def test_kubectl_explains_operations(kubectl: Kubectl) -> None:
    operations = kubectl("explain", "mediaasset.spec.operations").stdout
    assert "an operation has exactly one" not in operations  # rules aren't shown: the text must say it
    assert "exactly one of the blocks transcribe, caption" in " ".join(operations.split())
    crop = kubectl("explain", "ma.spec.operations.crop").stdout
    assert "How the aspect is reached: center cuts" in " ".join(crop.split())
    assert "enum: 9:16, 1:1, 4:5, 16:9" in crop


def test_kubectl_lists_assets_with_what_people_ask_for(
    kubectl: Kubectl, api_server: ControlPlane, namespace: str
) -> None:
    create(api_server.api, namespace, asset(FULL))
    status = MediaAssetStatus(
        phase="Processing",
        conditions=[condition("Ready", "False", Reason.RUNNING)],
        progress=Progress(total=6, completed=2, summary="2/6"),
        cost=Cost(micro_usd=700),
    )
    api_server.api.patch(path(namespace, "mediaassets", "clip") + "/status", {"status": status.wire()})
    header, row = kubectl("-n", namespace, "get", "ma").stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "READY", "REASON", "DONE", "LEFT", "AGE"]
    assert row.split()[:5] == ["clip", "Processing", "False", "Running", "2/6"]
    wide, row = kubectl("-n", namespace, "get", "ma", "-o", "wide").stdout.splitlines()
    assert wide.split()[-3:] == ["TYPE", "MICROUSD", "MESSAGE"]
    assert row.split()[-7:] == ["video", "700", "A", "pod", "works", "on", "it."]


def test_kubectl_lists_processing_jobs_with_what_people_ask_for(
    kubectl: Kubectl, api_server: ControlPlane, namespace: str
) -> None:
    create(api_server.api, namespace, processing_job("clip-small-1"))
    status = ProcessingJobStatus(phase="Processing", percent=40, attempts=1, job_name="clip-1")
    api_server.api.patch(
        path(namespace, "processingjobs", "clip-small-1") + "/status", {"status": status.wire()}
    )
    header, row = kubectl("-n", namespace, "get", "pj").stdout.splitlines()
    assert header.split() == ["NAME", "OPERATION", "TYPE", "PHASE", "%", "LEFT", "ATTEMPTS", "JOB", "AGE"]
    assert row.split()[:7] == ["clip-small-1", "small", "compress", "Processing", "40", "1", "clip-1"]


def test_category_lists_both_resources(kubectl: Kubectl, api_server: ControlPlane, namespace: str) -> None:
    create(api_server.api, namespace, asset(FULL))
    create(api_server.api, namespace, processing_job("clip-small-1"))
    names = kubectl("-n", namespace, "get", "mediaops", "-o", "name").stdout.split()
    assert names == ["mediaasset.mediaops.dev/clip", "processingjob.mediaops.dev/clip-small-1"]


def test_processing_jobs_can_be_selected_by_asset(api_server: ControlPlane, namespace: str) -> None:
    create(api_server.api, namespace, processing_job("clip-small-1"))
    create(api_server.api, namespace, processing_job("other-small-1", asset_name="other"))
    found = api_server.api.get(
        f"{path(namespace, 'processingjobs')}?fieldSelector=spec.assetRef.name%3Dother"
    )
    assert [item["metadata"]["name"] for item in found["items"]] == ["other-small-1"]
