"""The served operations out of the built image, as the chart's StatefulSet runs them, but for the cluster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hack.images import archive
from hack.images.bundle import bundle
from hack.services.s3 import S3
from hack.services.service import Tls
from hack.services.standin import StandInService
from tests.services.serve_fixtures import Caller, Serve, World, command_line

pytest_plugins = ["tests.services.serve_fixtures"]
pytestmark = pytest.mark.timeout(900)  # `make test` builds the image before; alone, this does

USER = 65532
STATE = "/var/lib/mediaops"
CA_FILE = "/etc/mediaops/ca/ca.crt"


class ServeImage(Serve):
    """The service as a container of the folder's bundle."""

    start_seconds = 120.0

    def command(self) -> Sequence[str | Path]:
        return ["runc", "--root", self.folder / "runc", "run", "--bundle", self.folder, "serve"]

    def env(self) -> Mapping[str, str]:
        return {}  # the bundle's

    def kill(self) -> None:
        super().kill()
        delete = ["runc", "--root", str(self.folder / "runc"), "delete", "--force", "serve"]
        subprocess.run(delete, capture_output=True, check=False)


@pytest.fixture(scope="module")
def in_image(
    tmp_path_factory: pytest.TempPathFactory,
    serve_environment: dict[str, str],
    serve_sources: StandInService,
    calling: tuple[Caller, str],
    s3: S3,
    tls: Tls,
) -> Iterator[World]:
    if os.geteuid() != 0:
        pytest.skip("runc makes mounts: root only")
    folder = tmp_path_factory.mktemp("image")
    state = folder / "state"
    state.mkdir()
    os.chown(state, USER, USER)
    service = ServeImage(folder / "service", {})
    environment = {
        **serve_environment,
        "MEDIAOPS_SERVE_STATE": STATE,
        "MEDIAOPS_CA_FILE": CA_FILE,
        "MEDIAOPS_HOST": "127.0.0.1",
        "MEDIAOPS_PORT": str(service.port),
    }
    binds = {f"{STATE}/": state, CA_FILE: tls.authority}
    made = bundle(archive("ops"), service.folder, arguments=["serve"], environment=environment, binds=binds)
    with made, service:
        yield World(service, *calling, serve_sources, s3)


@pytest.mark.parametrize(
    ("operation", "source", "field"),
    [
        ("compress", "ok/clip.mp4", "processed_url"),
        ("transcribe", "ok/said.mp3", "transcription"),
        ("filter", "ok/picture.png", "processed_url"),
    ],
)
def test_the_image_does_what_the_sources_do(in_image: World, operation: str, source: str, field: str) -> None:
    params = {"steps": [{"grayscale": {}}]} if operation == "filter" else {}
    in_image.post(operation, f"image-{operation}", source, **params)
    body = in_image.callback(f"image-{operation}")
    assert body["status"] == "completed", body
    assert body["output_data"][field]


def test_it_runs_as_nobody_with_no_rights_on_a_root_that_it_cannot_change(in_image: World) -> None:
    main = next(pid for pid, line in in_image.serve.tree().items() if "bin/mediaops-ops serve" in line)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{main}/status").read_text().splitlines())
    assert {status["Uid"].split()[0], status["Gid"].split()[0]} == {str(USER)}
    assert int(status["CapBnd"], 16) == 0
    root = next(
        line.split()
        for line in Path(f"/proc/{main}/mounts").read_text().splitlines()
        if line.split()[1] == "/"
    )
    assert "ro" in root[3].split(",")


def test_told_to_stop_it_ends_and_knows_its_jobs_when_it_comes_back(in_image: World) -> None:
    id_ = in_image.post("thumbnail", "image-kept", "ok/clip.mp4")
    assert in_image.ended(id_)["status"] == "completed"
    tree = in_image.serve.tree()
    in_image.serve.stop()
    assert not [pid for pid in tree if command_line(pid)]
    in_image.serve.start()
    assert in_image.job(id_)["status"] == "completed"
