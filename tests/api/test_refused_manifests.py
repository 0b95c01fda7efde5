"""The API server itself refuses what can't be meant, with a sentence that says what to change."""

from __future__ import annotations

from typing import Any

import pytest

from hack.cluster.api import ApiError
from hack.cluster.control_plane import ControlPlane
from tests.api.resources import Kubectl, asset, create, path, processing_job, spec

X = "{targets: [{name: x, platform: x%s}]}"
URL = "{url: {address: %s}}"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    # Exactly one block.
    "an operation without a block": (
        spec("{name: a}"),
        "an operation has exactly one of transcribe, caption, filter, crop, compress, thumbnail",
    ),
    "an operation with two blocks": (
        spec("{name: a, crop: {}, compress: {}}"),
        "an operation has exactly one of transcribe, caption, filter, crop, compress, thumbnail",
    ),
    "fewer than two segments": (
        {**spec("{name: a, compress: {}}"), "execution": {"segments": 1}},
        "give a whole number from 2 to 64, or auto",
    ),
    "segments in another word": (
        {**spec("{name: a, compress: {}}"), "execution": {"segments": "many"}},
        "give a whole number from 2 to 64, or auto",
    ),
    "no source": (spec("{name: a, crop: {}}", source="{}"), "name exactly one source"),
    "two sources": (
        spec("{name: a, crop: {}}", source="{upload: {key: a}, googleDrive: {fileId: b}}"),
        "name exactly one source: googleDrive, upload, object or url",
    ),
    "a url source without address and Secret": (
        spec("{name: a, crop: {}}", source="{url: {}}"),
        "give address, or secretRef for a signed one",
    ),
    "a secretRef that is no name of an object": (
        spec("{name: a, crop: {}}", source="{googleDrive: {fileId: b, secretRef: {name: My_Drive}}}"),
        "spec.source.googleDrive.secretRef.name",
    ),
    "a filter step with two filters": (
        spec("{name: a, filter: {steps: [{brightness: 10, blur: 2}]}}"),
        "a step is exactly one filter, such as brightness: 10; write the next one as a further step",
    ),
    "a table of colours of two kinds": (
        spec(
            f"{{name: a, filter: {{steps: [{{lut: {{look: film, file: {{key: a, sha256: {'ab' * 32}}}}}}}]}}}}"
        ),
        "give look or file, one of them",
    ),
    "a logo that isn't pinned to its content": (
        spec("{name: a, filter: {steps: [{watermark: {file: {key: logo.png}}}]}}"),
        "filter.steps[0].watermark.file.sha256: Required value",
    ),
    "a logo from outside of the workspace": (
        spec(
            f"{{name: a, filter: {{steps: [{{watermark: {{file: {{key: ../b/c, sha256: {'ab' * 32}}}}}}}]}}}}"
        ),
        "key is a path inside the workspace's storage",
    ),
    "subtitles of something else than a transcript": (
        spec("{name: a, crop: {}}", "{name: b, filter: {steps: [{burnSubtitles: {from: a}}]}}"),
        "burnSubtitles.from must name a transcribe operation that stands above",
    ),
    "subtitles in a language that nobody translates into": (
        spec(
            "{name: t, transcribe: {translateTo: [fr]}}",
            "{name: b, filter: {steps: [{burnSubtitles: {from: t, language: de}}]}}",
        ),
        "burnSubtitles.language must be one of that transcribe operation's translateTo",
    ),
    "subtitles in two languages at once": (
        spec(
            "{name: t, transcribe: {}}",
            "{name: b, filter: {steps: [{burnSubtitles: {from: t}}, {burnSubtitles: {from: t, language: de}}]}}",
        ),
        "one burnSubtitles in a filter operation",
    ),
    "a colour that is none": (
        spec("{name: b, filter: {steps: [{brandKit: {color: red}}]}}"),
        "spec.operations[0].filter.steps[0].brandKit.color",
    ),
    "a filter without steps": (spec("{name: a, filter: {}}"), "filter.steps: Required value"),
    # Names.
    "two operations of one name": (
        spec("{name: a, crop: {}}", "{name: a, compress: {}}"),
        'spec.operations[1]: Duplicate value: {"name":"a"}',
    ),
    "two targets of one name": (
        spec(publish="{targets: [{name: x, platform: x}, {name: x, platform: x}]}"),
        'spec.publish.targets[1]: Duplicate value: {"name":"x"}',
    ),
    "an operation named source": (spec("{name: source, crop: {}}"), "source is a reserved name"),
    "an operation whose name is no label": (spec("{name: My_Crop, crop: {}}"), "should match"),
    "an operation with a name of 41 characters": (
        spec(f"{{name: {'a' * 41}, crop: {{}}}}"),
        "may not be more than 40",
    ),
    # References.
    "an input that isn't there": (
        spec("{name: a, input: nothing, crop: {}}"),
        "input must be source or name a crop, filter or compress operation that stands above",
    ),
    "an input that stands below": (
        spec("{name: a, input: b, crop: {}}", "{name: b, compress: {}}"),
        "input must be source or name a crop, filter or compress operation that stands above",
    ),
    "an operation that reads itself": (
        spec("{name: a, input: a, crop: {}}"),
        "input must be source or name a crop, filter or compress operation that stands above",
    ),
    "an input that makes no media": (
        spec("{name: t, transcribe: {}}", "{name: a, input: t, crop: {}}"),
        "input must be source or name a crop, filter or compress operation that stands above",
    ),
    "a caption from something else than a transcript": (
        spec("{name: a, crop: {}}", "{name: c, caption: {transcriptFrom: a}}"),
        "transcriptFrom must name a transcribe operation that stands above",
    ),
    "a primary that isn't there": (
        spec("{name: a, crop: {}}", primary="b"),
        "primary must name a crop, filter or compress operation",
    ),
    "a thumbnail as primary": (
        spec("{name: a, thumbnail: {}}", primary="a"),
        "primary must name a crop, filter or compress operation",
    ),
    "a target with media of a transcript": (
        spec("{name: t, transcribe: {}}", publish=X % ", media: [{from: t}]"),
        "a target's media must come from source or from a crop, filter, compress or thumbnail operation",
    ),
    "a target with text of a crop": (
        spec("{name: a, crop: {}}", publish=X % ", text: {from: a}"),
        "a target's text.from must name a caption operation",
    ),
    "a target with text of two kinds": (
        spec("{name: c, caption: {}}", publish=X % ", text: {from: c, value: hello}"),
        "give text.from (a caption operation) or text.value",
    ),
    "a target with a variant of its own text": (
        spec("{name: a, crop: {}}", publish=X % ", text: {value: hello, variant: 1}"),
        "variant chooses among a caption's texts: give text.from too",
    ),
    "a target with a language of its own text": (
        spec("{name: a, crop: {}}", publish=X % ", text: {value: hello, language: de}"),
        "language chooses among a caption's texts: give text.from too",
    ),
    "a target with a language that isn't written": (
        spec("{name: c, caption: {translateTo: [fr]}}", publish=X % ", text: {from: c, language: de}"),
        "a target's text.language must be the caption's language or one of its translateTo",
    ),
    "a caption with more texts than anybody reads": (
        spec("{name: c, caption: {variants: 8, translateTo: [de, fr, es]}}"),
        "variants times languages (language and translateTo) is at most 24",
    ),
    "a reviewed text of no target": (
        spec(
            "{name: c, caption: {}}",
            publish=X % ", text: {from: c}",
            review="{texts: [{target: y, variant: 0}]}",
        ),
        "review.texts must name a target of publish whose text comes from a caption (text.from)",
    ),
    "a reviewed text of a target with a text of its own": (
        spec(
            "{name: c, caption: {}}",
            publish=X % ", text: {value: hi}",
            review="{texts: [{target: x, variant: 0}]}",
        ),
        "review.texts must name a target of publish whose text comes from a caption (text.from)",
    ),
    "a reviewed variant that isn't written": (
        spec(
            "{name: c, caption: {variants: 2}}",
            publish=X % ", text: {from: c}",
            review="{texts: [{target: x, variant: 2}]}",
        ),
        "the variant of review.texts counts from 0 and must be below the caption's variants",
    ),
    "a target with a variant that isn't written": (
        spec("{name: c, caption: {variants: 2}}", publish=X % ", text: {from: c, variant: 2}"),
        "a target's text.variant counts from 0 and must be below the caption's variants",
    ),
    "a target with a text for another platform": (
        spec("{name: c, caption: {platforms: [linkedin]}}", publish=X % ", text: {from: c}"),
        "add it to the caption's platforms, or leave platforms out",
    ),
    # What fits the file type.
    "a crop of a sound": (
        spec("{name: a, crop: {}}", file_type="audio"),
        "crop and filter take an image or a video, not audio",
    ),
    "a filter of a sound": (
        spec("{name: a, filter: {steps: [{sepia: {}}]}}", file_type="audio"),
        "crop and filter take an image or a video, not audio",
    ),
    "a transcript of an image": (
        spec("{name: a, transcribe: {}}", file_type="image"),
        "transcribe takes a video or audio, not an image",
    ),
    "a video's codec for an image": (
        spec("{name: a, compress: {codec: h264}}", file_type="image"),
        "compress.codec of an image is one of jpeg, webp, avif",
    ),
    "an image's codec for a video": (
        spec("{name: a, compress: {codec: avif}}"),
        "compress.codec of a video is one of h264, h265, av1, vp9",
    ),
    "a video's codec for a sound": (
        spec("{name: a, compress: {codec: av1}}", file_type="audio"),
        "compress.codec of an audio file is one of aac, opus, mp3",
    ),
    "a frame rate for an image": (
        spec("{name: a, compress: {fps: 25}}", file_type="image"),
        "compress.fps, crf, bitrateKbps and targetVmaf are not for an image: give quality",
    ),
    "an image's quality for a video": (
        spec("{name: a, compress: {quality: 80}}"),
        "compress.quality is for an image: give a video crf or bitrateKbps",
    ),
    "a height for a sound": (
        spec("{name: a, compress: {height: 720}}", file_type="audio"),
        "compress.height, fps, crf and targetVmaf are for pictures: give an audio file bitrateKbps",
    ),
    "three moments of an image": (
        spec("{name: a, thumbnail: {count: 3}}", file_type="image"),
        "an image and an audio file have one thumbnail",
    ),
    "a sprite of an image": (
        spec("{name: a, thumbnail: {sprite: {}}}", file_type="image"),
        "thumbnail.sprite and preview are made of a video",
    ),
    "a preview of a sound": (
        spec("{name: a, thumbnail: {preview: {format: gif}}}", file_type="audio"),
        "thumbnail.sprite and preview are made of a video",
    ),
    # Parameters that exclude each other.
    "a quality and a bit rate": (
        spec("{name: a, compress: {crf: 20, bitrateKbps: 900}}"),
        "give at most one of crf, bitrateKbps, targetVmaf and maxSizeBytes",
    ),
    "a VMAF and a size": (
        spec("{name: a, compress: {targetVmaf: 95, maxSizeBytes: 1000000}}"),
        "give at most one of crf, bitrateKbps, targetVmaf and maxSizeBytes",
    ),
    "a VMAF for an image": (
        spec("{name: a, compress: {targetVmaf: 95}}", file_type="image"),
        "compress.fps, crf, bitrateKbps and targetVmaf are not for an image: give quality",
    ),
    "a VMAF that only a perfect copy has": (
        spec("{name: a, compress: {targetVmaf: 100}}"),
        "should be less than or equal to 99",
    ),
    "a rectangle without height": (
        spec("{name: a, crop: {width: 100}}"),
        "a rectangle needs width and height (x and y default to the centre)",
    ),
    "a rectangle and an aspect": (
        spec("{name: a, crop: {width: 100, height: 100, aspect: '1:1'}}"),
        "give a rectangle (x, y, width, height) or an aspect, not both",
    ),
    "a mode without an aspect": (
        spec("{name: a, crop: {mode: pad}}"),
        "mode says how to reach an aspect: give aspect too",
    ),
    "a resize to nothing": (spec("{name: a, crop: {resize: {}}}"), "give width, height, or both"),
    "moments and a number of them": (
        spec("{name: a, thumbnail: {count: 2, atMillis: [0]}}"),
        "give atMillis or count, not both",
    ),
    # Words.
    "an unknown file type": (
        spec("{name: a, crop: {}}", file_type="text"),
        'Unsupported value: "text": supported values: "image", "video", "audio"',
    ),
    "Service mode, which doesn't exist yet": (
        spec("{name: a, crop: {}}", execution="{mode: Service}"),
        'Unsupported value: "Service": supported values: "Job"',
    ),
    "an unknown crop mode": (
        spec("{name: a, crop: {aspect: '1:1', mode: middle}}"),
        'Unsupported value: "middle": supported values: "center", "pad", "blur"',
    ),
    "a language in capitals": (
        spec("{name: a, transcribe: {language: EN}}"),
        "should match '^[a-z]{2,3}$'",
    ),
    "an edited transcript of a caption": (
        spec(
            "{name: c, caption: {}}",
            review="{transcripts: [{operation: c, key: a.json, sha256: '%s'}]}" % ("0" * 64),
        ),
        "review.transcripts must name a transcribe operation",
    ),
    "a translator without languages": (
        spec("{name: a, transcribe: {translationModel: gpt-4o}}"),
        "translationModel chooses who translates: give translateTo too",
    ),
    "a language twice": (
        spec("{name: a, transcribe: {translateTo: [de, de]}}"),
        "Duplicate value",
    ),
    "a language by its name": (
        spec("{name: a, transcribe: {translateTo: [German]}}"),
        "should match '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$'",
    ),
    "more languages than a status can show": (
        spec(
            "{name: a, transcribe: {translateTo: [aa, ab, ac, ad, ae, af, ag, ah, ai, aj, ak, al, am, an, ao, ap]}}"
        ),
        "must have at most 15 items",
    ),
    "nothing to do": (spec(), "nothing to do: give operations, or publish targets"),
    # Addresses and keys.
    "http": (
        spec("{name: a, crop: {}}", source=URL % "http://example.com/a.mp4"),
        "only https addresses are fetched",
    ),
    "a file of the pod": (
        spec("{name: a, crop: {}}", source=URL % "file:///etc/passwd"),
        "only https addresses are fetched",
    ),
    "no address at all": (
        spec("{name: a, crop: {}}", source=URL % "'clip.mp4'"),
        "only https addresses are fetched",
    ),
    "an address with a user name": (
        spec("{name: a, crop: {}}", source=URL % "https://me:secret@example.com/a.mp4"),
        "no user name or password in an address; put a signed address in a Secret and name it in secretRef",
    ),
    "a key above the workspace": (
        spec("{name: a, crop: {}}", source="{object: {key: ../other/clip.mp4}}"),
        "key is a path inside the workspace's storage",
    ),
    "a key among step results": (
        spec("{name: a, crop: {}}", source="{object: {key: steps/ab/clip.mp4}}"),
        "key is a path inside the workspace's storage",
    ),
    "a Drive link instead of the file's id": (
        spec("{name: a, crop: {}}", source="{googleDrive: {fileId: 'https://drive.google.com/file/d/1'}}"),
        "should match '^[A-Za-z0-9_-]+$'",
    ),
    # Bounds.
    "33 operations": (
        spec(*(f"{{name: o{i}, crop: {{}}}}" for i in range(33))),
        "Too many: 33: must have at most 32 items",
    ),
    "17 targets": (
        spec(publish=str({"targets": [{"name": f"t{i}", "platform": "x"} for i in range(17)]})),
        "Too many: 17: must have at most 16 items",
    ),
    "no target": (spec(publish="{targets: []}"), "should have at least 1 items"),
    "33 attributes": (
        spec("{name: a, crop: {}}", attributes=str({f"a{i}": "x" for i in range(33)})),
        "must have at most 32 items",
    ),
    "an attribute of 257 characters": (
        spec("{name: a, crop: {}}", attributes=f"{{note: {'x' * 257}}}"),
        "may not be more than 256",
    ),
    "an attribute's name of 64 characters": (
        spec("{name: a, crop: {}}", attributes=f"{{{'x' * 64}: note}}"),
        "names of attributes have 1 to 63 characters",
    ),
    "no attempt": (
        spec("{name: a, crop: {}}", retry="{limit: 0}"),
        "spec.retry.limit in body should be greater than or equal to 1",
    ),
    "a deadline of more than a day": (
        spec("{name: a, crop: {}}", execution="{deadlineSeconds: 86401}"),
        "should be less than or equal to 86400",
    ),
    "nine GPUs": (spec("{name: a, crop: {}, gpu: 9}"), "should be less than or equal to 8"),
    "a text of 5001 characters": (
        spec(publish=X % f", text: {{value: {'x' * 5001}}}"),
        "may not be more than 5000",
    ),
    # Typing errors, under the strict field validation that kubectl and our clients ask for.
    "an unknown parameter": (
        spec("{name: a, crop: {aspekt: '9:16'}}"),
        'unknown field "spec.operations[0].crop.aspekt"',
    ),
    "an unknown operation": (
        spec("{name: a, transcode: {}}"),
        'unknown field "spec.operations[0].transcode"',
    ),
    "quality checks without a check": (
        spec("{name: a, compress: {}}", qualityChecks="{}"),
        "qualityChecks needs at least one check, such as minVmaf",
    ),
    "quality checks of an image": (
        spec("{name: a, compress: {}}", file_type="image", qualityChecks="{minVmaf: 90}"),
        "qualityChecks are for a video or audio",
    ),
    "a check of the picture of an audio file": (
        spec("{name: a, compress: {}}", file_type="audio", qualityChecks="{maxBlackSeconds: 2}"),
        "look at a picture: an audio file has none; check its loudness or maxSilentSeconds",
    ),
    "VMAF of nothing but the source": (
        spec("{name: a, transcribe: {}}", qualityChecks="{minVmaf: 90}"),
        "qualityChecks.minVmaf needs a crop, filter or compress operation: the source itself has lost nothing",
    ),
    "reading speed without a transcript": (
        spec("{name: a, compress: {}}", qualityChecks="{maxCharactersPerSecond: 17}"),
        "maxCharactersPerSecond and minConfidencePercent look at transcripts: add a transcribe operation",
    ),
    "confidence without a transcript": (
        spec(qualityChecks="{minConfidencePercent: 70}", publish=X % ""),
        "maxCharactersPerSecond and minConfidencePercent look at transcripts: add a transcribe operation",
    ),
    "a loudness without a bound": (
        spec("{name: a, compress: {}}", qualityChecks="{loudness: {}}"),
        "loudness needs minLufs, maxLufs or maxTruePeakDbtp",
    ),
    "a loudness from above to below": (
        spec("{name: a, compress: {}}", qualityChecks="{loudness: {minLufs: -12, maxLufs: -16}}"),
        "loudness.minLufs must not be above maxLufs",
    ),
    "a VMAF beyond the scale": (
        spec("{name: a, compress: {}}", qualityChecks="{minVmaf: 101}"),
        "spec.qualityChecks.minVmaf in body should be less than or equal to 100",
    ),
    "a parameter for a filter that has none": (
        spec("{name: a, filter: {steps: [{sepia: {strength: 3}}]}}"),
        'unknown field "spec.operations[0].filter.steps[0].sepia.strength"',
    ),
}


@pytest.mark.parametrize(("bad", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(api_server: ControlPlane, bad: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ApiError) as refusal:
        create(api_server.api, "default", asset(bad), dry_run=True)
    assert sentence in str(refusal.value)
    assert refusal.value.status in {400, 422}


def test_refuses_a_name_that_is_no_label(api_server: ControlPlane) -> None:
    longest, longer = (asset(spec("{name: a, crop: {}}"), name="n" * length) for length in (63, 64))
    create(api_server.api, "default", longest, dry_run=True)
    with pytest.raises(ApiError, match="is at most 63 characters"):
        create(api_server.api, "default", longer, dry_run=True)


def test_kubectl_shows_the_sentence(kubectl: Kubectl) -> None:
    refused = kubectl("create", "-f-", "--dry-run=server", stdin=asset(spec()))
    assert refused.returncode == 1
    assert "nothing to do: give operations, or publish targets" in refused.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"source": {"upload": {"key": "other.mp4"}}}, "source is immutable; make a new MediaAsset"),
        (
            {"source": {"upload": None, "googleDrive": {"fileId": "1"}}},
            "source is immutable; make a new MediaAsset",
        ),
        ({"fileType": "audio"}, "fileType is immutable; make a new MediaAsset"),
    ],
    ids=["another key", "another kind of source", "another file type"],
)
def test_refuses_to_change(
    api_server: ControlPlane, namespace: str, change: dict[str, Any], sentence: str
) -> None:
    create(api_server.api, namespace, asset(spec("{name: a, compress: {}}")))
    with pytest.raises(ApiError) as refusal:
        api_server.api.patch(path(namespace, "mediaassets", "clip"), {"spec": change})
    assert sentence in str(refusal.value)


def test_refuses_to_change_a_processing_job(api_server: ControlPlane, namespace: str) -> None:
    create(api_server.api, namespace, processing_job("clip-small-1"))
    for change in ({"stepKey": "ef56"}, {"stored": False}, {"operation": {"compress": {"crf": 20}}}):
        with pytest.raises(ApiError, match="spec is immutable; change the MediaAsset"):
            api_server.api.patch(path(namespace, "processingjobs", "clip-small-1"), {"spec": change})


def test_processing_job_obeys_the_rules_of_operations(api_server: ControlPlane) -> None:
    two = processing_job("clip-small-1", operation={"name": "small", "crop": {}, "compress": {}})
    with pytest.raises(ApiError, match="an operation has exactly one of"):
        create(api_server.api, "default", two, dry_run=True)
