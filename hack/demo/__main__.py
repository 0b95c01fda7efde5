"""`python -m hack.demo`: from a bare machine to a published asset; exit code 0 only then.

Everything keeps running afterwards. What it needs is built first, once per machine; each phase says how long
it took.
"""

from __future__ import annotations

import hashlib
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import yaml

from hack.build import BuildFailed
from hack.cluster.waiting import TimedOut
from hack.demo.sample import samples
from hack.images import archive
from hack.installation import ROOT, Installation, InstallFailed, start_around
from hack.prepare import DEMO, prepare
from hack.services.fleet import Fleet
from hack.services.s3 import BUCKET
from mediaops.identity import asset_id

EXAMPLE = ROOT / "examples" / "mediaasset.yaml"
FINISH_SECONDS = 300
REQUEST_SECONDS = 30


class DemoFailed(Exception):
    """The asset did not get published; the message says how far it came."""


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    yield
    print(f"   {name}: {time.monotonic() - started:.1f} s", flush=True)


def main() -> None:
    """Run the phases; raises whatever ends one."""
    started = time.monotonic()
    with phase("build what this machine lacks"):
        prepare(*DEMO)
        media = samples()
        control, operations = archive("control"), archive("ops")
    with phase("cluster, images and services"):
        installation = start_around(control, operations)
    with phase("install mediaops"):
        installation.install(control, operations)
        installation.workspace("acme")
        for sample in media.iterdir():
            installation.fleet.s3.client().upload_file(str(sample), BUCKET, f"acme/samples/{sample.name}")
    with phase("process and publish"):
        installation.kubectl("apply", "-f", str(EXAMPLE))
        asset = _follow(installation)
    _show(installation, asset)
    print(f"\nPublished {time.monotonic() - started:.1f} s after the start. It all keeps running:")
    print("  export KUBECONFIG=$PWD/.local/kubeconfig; kubectl get ma,pj -n acme")
    print("  make cluster-down services-down   # stop everything")


def _follow(installation: Installation) -> dict[str, Any]:
    """Print what happens to the example until it is published. Raises DemoFailed."""
    name, namespace = _identity()
    path = f"/apis/mediaops.dev/v1alpha1/namespaces/{namespace}/mediaassets/{name}"
    said, end = "", time.monotonic() + FINISH_SECONDS
    while time.monotonic() < end:
        asset: dict[str, Any] = installation.cluster.api.get(path)
        status = asset["status"]
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        ready = conditions.get("Ready", {})
        line = f"{status.get('phase', 'Pending'):<11} {ready.get('reason', '')}: {ready.get('message', '')}"
        if line != said:
            print(f"   {line}", flush=True)
            said = line
        current = status.get("observedGeneration") == asset["metadata"]["generation"]
        if current and conditions.get("Finished", {}).get("status") == "True":
            if conditions["Published"]["status"] == "True":
                return asset
            raise DemoFailed(f"it finished, but not as published: {line}")
        time.sleep(0.3)
    described = installation.kubectl("describe", "ma", name, "-n", namespace)
    raise DemoFailed(f"it was not finished within {FINISH_SECONDS} s\n{described}")


def _identity() -> tuple[str, str]:
    metadata = yaml.safe_load(EXAMPLE.read_text())["metadata"]
    return metadata["name"], metadata["namespace"]


def _show(installation: Installation, asset: dict[str, Any]) -> None:
    """Print where to look, and check that the platform has exactly what was processed. Raises DemoFailed."""
    fleet, trusted = installation.fleet, str(installation.fleet.tls.authority)
    print(f"\n{installation.kubectl('get', 'ma,pj', '-n', 'acme')}")
    metadata, spec = asset["metadata"], asset["spec"]
    identity = asset_id("acme", metadata["namespace"], metadata["name"], spec["source"])
    answer = requests.get(
        f"{installation.backend_url}/api/media/process",
        params={"asset_id": str(identity)},
        headers={"Authorization": f"Bearer {installation.user_token('acme')}"},
        timeout=REQUEST_SECONDS,
    )
    answer.raise_for_status()
    url = answer.json()["asset"]["processed_url"]
    processed = requests.get(url, verify=trusted, timeout=REQUEST_SECONDS)
    processed.raise_for_status()
    print(f"processed file (signed, 15 minutes): {url}")
    print(f"transcript: {_transcript(fleet, asset)}")
    (mine,) = asset["status"]["publication"]["posts"]
    posts = requests.get(
        f"{fleet.stand_ins['x'].url}/_standin/posts", verify=trusted, timeout=REQUEST_SECONDS
    ).json()
    received = [post for post in posts if post["id"] == mine["externalPostId"]]
    hashes = [media["sha256"] for post in received for media in post["media"]]
    if hashes != [hashlib.sha256(processed.content).hexdigest()]:
        raise DemoFailed(f"X has {len(received)} posts of this id, with media {hashes}")
    print(f"post {mine['externalPostId']}: {received[0]['text']!r}, its video equals the processed file")
    print(f"  {mine['uri']}")


def _transcript(fleet: Fleet, asset: dict[str, Any]) -> str:
    """Give the transcript's first line."""
    (text,) = [o for o in asset["status"]["outputs"] if o["name"] == "transcript.txt"]
    key = urllib.parse.urlparse(text["uri"]).path.lstrip("/")
    body = fleet.s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    return next(iter(body.splitlines()), "")


if __name__ == "__main__":
    try:
        main()
    except (BuildFailed, DemoFailed, InstallFailed, TimedOut, requests.RequestException) as failure:
        sys.exit(f"\ndemo: {failure}")
