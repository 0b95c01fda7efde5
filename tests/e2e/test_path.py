"""Real footage from storage to a post; pictures and sound."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import av
import pytest
import yaml
from playwright.sync_api import sync_playwright

from hack.cluster.waiting import wait_until
from hack.demo.sample import samples
from hack.installation import NAMESPACE, RELEASE
from tests.e2e.media import ffmpeg
from tests.e2e.workspace import Object, Workspace, asset, conditions, on_x

ROOT = Path(__file__).parents[2]
FOOTAGE = ROOT.parent / "shared" / "testdata"
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SECONDS = 11


def post_of(workspace: Workspace) -> str:
    """Give a text that no earlier run posted: X refuses duplicates."""
    return f"Walking, as filmed. #{workspace.name}"


@pytest.fixture(scope="module")
def examples(workspace: Workspace) -> list[Object]:
    """The repository's examples of a picture and a recording, applied."""
    for sample in samples().iterdir():
        workspace.upload(sample.read_bytes(), f"samples/{sample.name}")
    manifests: list[Object] = [
        yaml.safe_load((ROOT / "examples" / f"{kind}.yaml").read_text()) for kind in ("image", "audio")
    ]
    for manifest in manifests:  # so that X is never asked to post what an earlier run did
        manifest["spec"].setdefault("attributes", {})["call_to_action"] = f"Seen in {workspace.name}."
    workspace.apply(*manifests)
    return manifests


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Footage of people walking, with a speech as its sound."""
    if not FOOTAGE.is_dir():
        pytest.skip(f"real footage lies in {FOOTAGE.name} beside the project, which is missing here")
    file = tmp_path_factory.mktemp("footage") / "speech.mkv"
    ffmpeg(
        *("-i", FOOTAGE / "pedestrians.avi", "-i", FOOTAGE / "jfk.flac", "-map", "0:v", "-map", "1:a"),
        *("-t", SECONDS, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "flac"),
        file,
    )
    return file


@pytest.fixture(scope="module")
def film(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the key of six seconds with a keyframe each second, and a tone."""
    file = tmp_path_factory.mktemp("film") / "film.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6")
    sound = ("-f", "lavfi", "-i", "sine=frequency=440:duration=6")
    ffmpeg(*picture, *sound, "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", file)
    workspace.upload(file.read_bytes(), "film.mp4")
    return "film.mp4"


@pytest.fixture(scope="module")
def published(workspace: Workspace, speech: Path, examples: list[Object]) -> Object:  # noqa: ARG001 -- beside them
    """That footage, transcribed, captioned, cropped, made small and posted."""
    workspace.upload(speech.read_bytes(), "speech.mkv")
    operations: list[Object] = [
        {"name": "transcript", "transcribe": {"language": "en"}},
        {"name": "post", "caption": {"transcriptFrom": "transcript"}},
        {"name": "poster", "thumbnail": {}},
        {"name": "vertical", "crop": {"aspect": "9:16"}},
        {"name": "small", "input": "vertical", "compress": {"height": 480}},
    ]
    workspace.apply(asset("speech", "speech.mkv", *operations, publish=on_x(post_of(workspace), "small")))
    return workspace.published("speech")


def test_speech_is_written_down(workspace: Workspace, published: Object) -> None:
    text = workspace.output(published, "transcript.txt").decode().lower()
    assert "fellow" in text
    assert "country" in text


def test_the_rendition_is_an_h264_mp4_of_the_wanted_shape_with_its_index_first(
    workspace: Workspace, published: Object, speech: Path
) -> None:
    content = workspace.output(published, "rendition", "small")
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(io.BytesIO(content)) as made, av.open(str(speech)) as source:
        (picture,), (sound,) = made.streams.video, made.streams.audio
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert picture.height == 480
        assert picture.width == pytest.approx(480 * 9 / 16, abs=2)
        frames = sum(1 for _ in made.decode(video=0))
        expected = sum(1 for _ in source.decode(video=0))
        duration = made.duration / av.time_base
    assert frames == pytest.approx(expected, abs=1)
    assert duration == pytest.approx(SECONDS, abs=0.2)


def test_the_rendition_plays_in_a_browser(workspace: Workspace, published: Object, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(workspace.output(published, "rendition", "small"))
    (tmp_path / "page.html").write_text("<video src='clip.mp4' muted></video><canvas></canvas>")
    with sync_playwright() as playwright:
        flags = [*CHROMIUM_ARGUMENTS, "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        duration, brightest = page.evaluate(
            """async () => {
                const video = document.querySelector('video'), canvas = document.querySelector('canvas');
                await new Promise((done, failed) => {
                    video.onerror = () => failed(video.error.message);
                    video.onseeked = done;
                    video.onloadeddata = () => { video.currentTime = 1; };
                    if (video.readyState >= 2) video.currentTime = 1;
                });
                canvas.width = video.videoWidth; canvas.height = video.videoHeight;
                const context = canvas.getContext('2d');
                context.drawImage(video, 0, 0);
                const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
                let brightest = 0;
                for (let i = 0; i < pixels.length; i += 4) brightest = Math.max(brightest, pixels[i]);
                return [video.duration, brightest];
            }"""
        )
        browser.close()
    assert duration == pytest.approx(SECONDS, abs=0.2)
    assert brightest > 60


def test_it_is_posted_once_with_the_very_bytes_that_were_made(
    workspace: Workspace, published: Object
) -> None:
    (post,) = workspace.posts(post_of(workspace))
    content = workspace.output(published, "rendition", "small")
    assert [media["sha256"] for media in post["media"]] == [hashlib.sha256(content).hexdigest()]
    (mine,) = published["status"]["publication"]["posts"]
    assert mine["externalPostId"] == post["id"]


def test_a_poster_and_texts_come_with_it(workspace: Workspace, published: Object) -> None:
    poster = workspace.output(published, "thumbnail-0", "poster")
    assert poster.startswith(b"\xff\xd8")
    assert [each for each in published["status"]["outputs"] if each["operation"] == "post"]


def test_the_example_of_a_picture_is_made_and_posted(workspace: Workspace, examples: list[Object]) -> None:
    picture = workspace.published(examples[0]["metadata"]["name"])
    assert conditions(picture)["Published"]["reason"] == "Posted", picture["status"]
    with av.open(io.BytesIO(workspace.output(picture, "rendition", "web"))) as made:
        (stream,) = made.streams.video
        assert (stream.codec_context.name, stream.width, stream.height) == ("mjpeg", 1080, 1080)


def test_the_example_of_a_recording_is_made(workspace: Workspace, examples: list[Object]) -> None:
    recording = workspace.finished(examples[1]["metadata"]["name"])
    assert conditions(recording)["Ready"]["status"] == "True", recording["status"]
    assert conditions(recording)["Published"]["reason"] == "NotRequested"
    with av.open(io.BytesIO(workspace.output(recording, "rendition", "small"))) as made:
        assert made.streams.audio[0].codec_context.name == "aac"
    assert workspace.output(recording, "transcript.txt").split()
    assert workspace.output(recording, "thumbnail-0", "waveform").startswith(b"\x89PNG")


def test_a_film_in_segments_has_every_picture_once(workspace: Workspace, film: str) -> None:
    small: Object = {"name": "small", "compress": {"height": 120}}
    workspace.apply(asset("long", film, small, execution={"segments": 3}))
    made = workspace.finished("long")
    assert conditions(made)["Ready"]["status"] == "True", made["status"]
    status = workspace.jobs("long")["small"]["status"]
    assert {"name": "segments", "value": "3"} in status["values"]
    assert (0, 2) == (status["attempts"], status["jobs"])  # where to cut, the segments; then their join
    with av.open(io.BytesIO(workspace.output(made, "rendition", "small"))) as rendition:
        assert 150 == sum(1 for _ in rendition.decode(video=0))
        assert rendition.streams.audio


def test_a_film_that_is_not_good_enough_is_posted_once_it_may_be(workspace: Workspace, film: str) -> None:
    text = f"Good enough? #{workspace.name}"
    poor: Object = {"name": "poor", "compress": {"height": 120, "crf": 45}}
    checked = asset("poor", film, poor, publish=on_x(text, "poor"), qualityChecks={"minVmaf": 90})
    workspace.apply(checked)
    held = workspace.wait("poor", "held back", lambda now: _reason(now, "Published") == "QualityCheckFailed")
    assert "minVmaf allows at least 90" in conditions(held)["Published"]["message"]
    assert not workspace.posts(text)
    (figure,) = held["status"]["quality"]["figures"]
    assert float(figure["values"][0]["value"]) < 90, figure

    checked["spec"]["qualityChecks"] = {"minVmaf": 1}
    workspace.apply(checked)
    posted = workspace.published("poor")
    assert len(workspace.posts(text)) == 1
    assert posted["status"]["cost"] == held["status"]["cost"], "nothing is made or measured anew"


def test_what_a_deleted_asset_leaves_is_named_by_the_sweeper(workspace: Workspace, film: str) -> None:
    gone: Object = {"name": "gone", "compress": {"height": 90}}
    workspace.apply(asset("gone", film, gone, deletionPolicy="Delete"))
    workspace.finished("gone")
    key = workspace.jobs("gone")["gone"]["spec"]["stepKey"]
    workspace.delete(["gone"])
    wait_until("a verdict that its folder may go", lambda: _may_go(workspace, key), 60)


def _reason(resource: Object, type_: str) -> str | None:
    found = conditions(resource).get(type_)
    return str(found["reason"]) if found and found["status"] == "False" else None


def _may_go(workspace: Workspace, key: str) -> bool:
    """Say whether the operator's pod would delete a step folder, if nothing were too young for it."""
    command = ["env", "MEDIAOPS_SWEEP_GRACE_SECONDS=1", "mediaops-operator", "sweep", "--dry-run"]
    operator = ["exec", "-n", NAMESPACE, f"deploy/{RELEASE}-operator", "--", *command]
    said = workspace.installation.kubectl(*operator)
    return any(line.split()[-1] == "go" for line in said.splitlines() if key in line)
