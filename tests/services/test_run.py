"""`mediaops-ops run` as a pod runs it: real backend, real S3 over TLS, a pod's own token, real footage."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
from pydantic import SecretStr

from hack.services.s3 import BUCKET
from hack.services.service import Tls
from hack.services.standin import StandInService
from hack.services.standins.drive import DriveFile, add_file
from mediaops.identity import result_key
from mediaops.models.source import DRIVE_SECRET
from mediaops.models.work import Exit, IngestOrder, ObjectRef, StepOrder, StepResult, WorkOrder
from mediaops_operator.credentials import Credentials
from mediaops_operator.profiles import Profile
from mediaops_ops import ffmpeg
from tests.services.backend_fixtures import Installed, Served

pytest_plugins = ["tests.services.backend_fixtures"]

TESTDATA = Path(__file__).parents[2].parent / "shared" / "testdata"


@dataclass
class Pod:
    """One pod of one Job: its order, its token, and what it leaves."""

    served: Served
    folder: Path
    workspace: str
    job: str

    @property
    def installed(self) -> Installed:
        return self.served.installed

    def put(self, path: Path) -> ObjectRef:
        key = f"{self.workspace}/uploads/{path.name}"
        answer = self.installed.s3.client("backend").put_object(
            Bucket=BUCKET, Key=key, Body=path.read_bytes()
        )
        return ObjectRef(key=key, size_bytes=path.stat().st_size, etag=answer["ETag"].strip('"'))

    def run(self, source: ObjectRef, *steps: StepOrder, **changed: Any) -> subprocess.CompletedProcess[str]:
        keys = [step.step_key for step in steps]
        order = self.order(keys, [source.key], source=source, steps=list(steps))
        return self.carry_out(order.model_copy(update=changed))

    def order(self, step_keys: list[str], reads: list[str], **fields: Any) -> WorkOrder:
        return WorkOrder(
            job=self.job,
            namespace=self.workspace,
            workspace=self.workspace,
            asset_id="8f1e0f0e-0000-4000-8000-000000000000",
            file_type="video",
            backend_url=self.served.url,
            capability=self.installed.capability(self.workspace, self.job, reads=reads, step_keys=step_keys),
            deadline_seconds=600,
            **fields,
        )

    def carry_out(self, order: WorkOrder, **environment: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "order.json").write_text(order.model_dump_json(by_alias=True, exclude_none=True))
        (self.folder / "token").write_text(self.installed.pod_token(self.workspace, f"{self.job}-x7k2p"))
        return subprocess.run(
            [sys.executable, "-m", "mediaops_ops", "run", "-f", str(self.folder / "order.json")],
            env={
                **os.environ,
                "TMPDIR": str(self.folder),
                "MEDIAOPS_TOKEN_FILE": str(self.folder / "token"),
                "MEDIAOPS_TERMINATION_LOG": str(self.folder / "termination"),
                "MEDIAOPS_CA_FILE": self.installed.environment["MEDIAOPS_CA_FILE"],
                "MEDIAOPS_PATIENCE_SECONDS": "10",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def termination(self) -> dict[str, Any]:
        return json.loads((self.folder / "termination").read_text())

    def object(self, key: str) -> bytes:
        return self.installed.s3.client("backend").get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def result(self, step: StepOrder) -> StepResult:
        return StepResult.model_validate_json(self.object(result_key(self.workspace, step.step_key)))


@pytest.fixture
def pod(served: Served, tmp_path: Path) -> Pod:
    workspace = served.installed.workspace()
    return Pod(served, tmp_path, workspace, f"clip-{secrets.token_hex(6)}")


@pytest.fixture
def step(pod: Pod) -> Any:
    """Give a function that writes a step with a row of its own."""
    asset = pod.installed.asset_row(pod.workspace)

    def make(name: str, type_: str, parameters: dict[str, Any] | None = None, **fields: Any) -> StepOrder:
        row = pod.installed.job_row(pod.workspace, asset, pod.job)
        key = secrets.token_hex(20)
        return StepOrder(
            step_key=key, name=name, job_id=str(row), type=type_, parameters=parameters or {}, **fields
        )

    return make


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    made = [*("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2"), str(path)]
    subprocess.run([ffmpeg.executable(), "-loglevel", "error", *made], check=True)
    return path


def test_a_pass_reads_and_writes_through_signed_urls_alone(pod: Pod, step: Any, clip: Path) -> None:
    small, poster = step("small", "compress", {"height": 90}), step("poster", "thumbnail")
    ended = pod.run(pod.put(clip), small, poster)

    assert Exit.DONE == ended.returncode, ended.stderr
    rendition = pod.result(small).file("rendition")
    assert rendition is not None
    assert rendition.size_bytes == len(pod.object(rendition.key))
    assert ["thumbnail-0"] == [file.name for file in pod.result(poster).files]
    for secret in ("X-Amz-Signature", pod.served.url, (pod.folder / "token").read_text()):
        assert secret not in ended.stderr


def test_a_file_in_drive_comes_in_under_the_credential_that_the_installation_lends(
    pod: Pod, clip: Path, tls: Tls
) -> None:
    key, file_id, step_key = secrets.token_hex(16), "1abc123xyz", secrets.token_hex(20)
    (pod.folder / "key").write_text(key)
    arguments: list[str | Path] = ["--api-key-file", pod.folder / "key"]
    with StandInService("drive", pod.folder / "drive", tls=tls, arguments=arguments) as drive:
        add_file(drive.state, file_id, DriveFile("clip.mp4", "video/mp4"), clip.read_bytes())
        # As the operator writes it into a work order, for a profile that sends it here.
        profile = Profile(image="none", env={"MEDIAOPS_DRIVE_ENDPOINT": drive.url})
        lending = Credentials(
            frozenset({pod.workspace}), {DRIVE_SECRET: SecretStr(json.dumps({"apiKey": key}))}
        )
        lent = lending.lent(DRIVE_SECRET, pod.workspace, profile)
        assert lent
        (pod.folder / "lent.json").write_text(lent)
        order = pod.order([step_key], [], ingest=IngestOrder(step_key=step_key, google_drive_file_id=file_id))
        ended = pod.carry_out(
            order,
            MEDIAOPS_CREDENTIAL_FILE=str(pod.folder / "none-of-the-namespace"),
            MEDIAOPS_LENT_CREDENTIAL_FILE=str(pod.folder / "lent.json"),
            **profile.env,
        )
    assert Exit.DONE == ended.returncode, ended.stderr
    stored = StepResult.model_validate_json(pod.object(result_key(pod.workspace, step_key))).file("source")
    assert stored is not None
    assert clip.read_bytes() == pod.object(stored.key)
    assert key not in ended.stderr


def test_the_backend_hears_how_far_it_is(pod: Pod, step: Any, clip: Path) -> None:
    small = step("small", "compress", {"height": 90})
    pod.run(pod.put(clip), small)

    with pod.installed.roles.connect("mediaops_operator") as connection:
        found = connection.execute(
            "select status, percent, steps from job_callbacks where namespace = %s and job_name = %s",
            [pod.workspace, pod.job],
        ).fetchone()
    assert found is not None
    status, percent, steps = found
    assert ("completed", 100) == (status, percent)
    assert "completed" == steps[small.job_id]["status"]


def test_another_jobs_order_opens_nothing(pod: Pod, step: Any, clip: Path) -> None:
    ended = pod.run(pod.put(clip), step("small", "compress"), job="another-job")

    assert Exit.FAILED == ended.returncode
    assert "CapabilityRejected" == pod.termination()["reason"]


def test_a_file_that_was_replaced_meanwhile_is_refused(pod: Pod, step: Any, clip: Path) -> None:
    source = pod.put(clip)
    pod.installed.s3.client("backend").put_object(Bucket=BUCKET, Key=source.key, Body=b"another file")

    ended = pod.run(source, step("small", "compress"))

    assert (Exit.IMPOSSIBLE, "SourceChanged") == (ended.returncode, pod.termination()["reason"])


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """People walking, under a speech."""
    if not TESTDATA.is_dir():
        pytest.skip("the folder of real footage (../shared/testdata) is not here")
    path = tmp_path / "footage.avi"
    inputs = ["-i", str(TESTDATA / "pedestrians.avi"), "-i", str(TESTDATA / "jfk.flac")]
    made = [*inputs, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "pcm_s16le", str(path)]
    subprocess.run([ffmpeg.executable(), "-loglevel", "error", *made], check=True)
    return path


def test_real_footage_becomes_an_mp4_that_platforms_take(pod: Pod, step: Any, footage: Path) -> None:
    vertical = step("vertical", "crop", {"aspect": "9:16"}, stored=False)
    small, poster = step("small", "compress", {}, input="vertical"), step("poster", "thumbnail", {"count": 3})
    ended = pod.run(pod.put(footage), vertical, small, poster)

    assert Exit.DONE == ended.returncode, ended.stderr
    rendition = pod.result(small).file("rendition")
    assert rendition is not None
    made = pod.folder / "made.mp4"
    made.write_bytes(pod.object(rendition.key))
    assert made.read_bytes().index(b"moov") < made.read_bytes().index(b"mdat")
    with av.open(str(made)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert ("h264", "yuv420p", "aac") == (
            video.codec_context.name,
            video.codec_context.pix_fmt,
            sound.codec_context.name,
        )
        assert (324, 576) == (video.codec_context.width, video.codec_context.height)
        assert 79.5 == pytest.approx(container.duration / 1e6, abs=0.1)
        frames = list(container.decode(video))
    assert 795 == len(frames)
    assert frames[400].to_ndarray(format="gray").mean() > 30
    assert 3 == len(pod.result(poster).files)
