"""What a test of this tier does with a namespace of its own: apply, follow, upload, look at posts."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import requests
import yaml

from hack.cluster.api import ApiError
from hack.cluster.waiting import POLL_SECONDS
from hack.installation import Installation
from hack.services.s3 import BUCKET
from mediaops.identity import asset_id

FINISH_SECONDS = 240
REQUEST_SECONDS = 30
ASSETS = "/apis/mediaops.dev/v1alpha1/namespaces/{}/mediaassets"
JOBS = "/apis/mediaops.dev/v1alpha1/namespaces/{}/processingjobs"

Object = dict[str, Any]


def asset(name: str, key: str, *operations: Object, file_type: str = "video", **spec: Any) -> Object:
    """Give the manifest of an asset whose source is the object `key` of its workspace."""
    source = spec.pop("source", {"object": {"key": key}})
    return {
        "apiVersion": "mediaops.dev/v1alpha1",
        "kind": "MediaAsset",
        "metadata": {"name": name},
        "spec": {"fileType": file_type, "source": source, "operations": list(operations), **spec},
    }


def on_x(text: str, media: str | None = None) -> Object:
    """Give a `publish` block with one target, the account that every workspace may use."""
    target: Object = {"name": "x", "platform": "x", "accountRef": {"name": "main"}, "text": {"value": text}}
    if media:
        target["media"] = [{"from": media}]
    return {"targets": [target]}


def conditions(resource: Object) -> dict[str, Object]:
    """Give an object's conditions by type."""
    return {each["type"]: each for each in resource.get("status", {}).get("conditions", [])}


@dataclass(frozen=True)
class Workspace:
    """One namespace, labelled as the workspace of the same name, of one installation."""

    installation: Installation
    name: str

    def apply(self, *manifests: Object | str, dry_run: bool = False) -> None:
        """Apply manifests (objects or YAML) with kubectl, into this namespace whatever they name."""
        items = [yaml.safe_load(m) if isinstance(m, str) else m for m in manifests]
        for item in items:
            item.setdefault("metadata", {})["namespace"] = self.name
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        flags = ["--dry-run=server"] if dry_run else []
        self.installation.kubectl("apply", "-f", "-", *flags, stdin=listed)

    def get(self, name: str) -> Object:
        """Give an asset as it is now."""
        found: Object = self.installation.cluster.api.get(f"{ASSETS.format(self.name)}/{name}")
        return found

    def exists(self, name: str) -> bool:
        """Say whether there is such an asset."""
        try:
            self.get(name)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def jobs(self, asset: str) -> dict[str, Object]:
        """Give an asset's ProcessingJobs by operation; of several, the one made last."""
        selector = urllib.parse.quote(f"mediaops.dev/asset={asset}")
        listed = self.installation.cluster.api.get(f"{JOBS.format(self.name)}?labelSelector={selector}")
        made = sorted(listed["items"], key=lambda job: str(job["metadata"]["creationTimestamp"]))
        return {job["spec"]["operation"]["name"]: job for job in made}

    def wait(
        self, name: str, what: str, check: Callable[[Object], bool], seconds: float = FINISH_SECONDS
    ) -> Object:
        """Give the asset once `check` holds for it; fails, saying what its conditions were."""
        end = time.monotonic() + seconds
        while True:
            now = self.get(name)
            if check(now):
                return now
            if time.monotonic() > end:
                said = json.dumps(now.get("status", {}), indent=1)
                raise AssertionError(f"{name}: not {what} within {seconds:.0f} s: {said}")
            time.sleep(POLL_SECONDS * 3)

    def finished(self, name: str, seconds: float = FINISH_SECONDS) -> Object:
        """Give the asset once its present generation is finished, well or not."""
        return self.wait(name, "finished", _is_finished, seconds)

    def published(self, name: str, seconds: float = FINISH_SECONDS) -> Object:
        """Give the asset once it is finished, and insist that it is published."""
        done = self.finished(name, seconds)
        assert conditions(done)["Published"]["status"] == "True", json.dumps(done["status"], indent=1)
        return done

    def upload(self, content: bytes, key: str) -> None:
        """Put bytes under a key of this workspace's storage, as a person's tool would."""
        self.installation.fleet.s3.client().put_object(Bucket=BUCKET, Key=f"{self.name}/{key}", Body=content)

    def download(self, uri: str) -> bytes:
        """Give what lies at an s3:// URI of a status."""
        key = urllib.parse.urlparse(uri).path.lstrip("/")
        body: bytes = self.installation.fleet.s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def output(self, asset: Object, name: str, operation: str | None = None) -> bytes:
        """Give the bytes of one output, after checking them against the status's sha256 and size."""
        found = [
            each
            for each in asset["status"]["outputs"]
            if each["name"] == name and operation in {None, each["operation"]}
        ]
        assert len(found) == 1, (name, asset["status"].get("outputs"))
        content = self.download(found[0]["uri"])
        assert hashlib.sha256(content).hexdigest() == found[0]["sha256"]
        assert len(content) == found[0]["sizeBytes"]
        return content

    def asset_id(self, asset: Object) -> str:
        """Give the id under which backend and database know an asset."""
        metadata = asset["metadata"]
        return str(asset_id(self.name, metadata["namespace"], metadata["name"], asset["spec"]["source"]))

    def posts(self, text: str) -> list[Object]:
        """Give every post of exactly this text that the stand-in of X has, with what was uploaded for it."""
        answer = requests.get(
            f"{self.installation.fleet.stand_ins['x'].url}/_standin/posts",
            verify=self.trusted,
            timeout=REQUEST_SECONDS,
        )
        answer.raise_for_status()
        return [post for post in answer.json() if post["text"] == text]

    def request(self, verb: str, path: str, **arguments: Any) -> requests.Response:
        """Call the backend as a user of this workspace."""
        token = self.installation.user_token(self.name)
        return requests.request(
            verb,
            f"{self.installation.backend_url}{path}",
            headers={"Authorization": f"Bearer {token}", **arguments.pop("headers", {})},
            timeout=REQUEST_SECONDS,
            **arguments,
        )

    @property
    def trusted(self) -> str:
        """Give the file with the CA that the services' certificates come from."""
        return str(self.installation.fleet.tls.authority)

    def delete(self, names: Iterable[str]) -> None:
        """Delete assets and wait until they are gone."""
        self.installation.kubectl("delete", "ma", *names, "-n", self.name, "--wait=true", "--timeout=60s")


def _is_finished(asset: Object) -> bool:
    current = asset.get("status", {}).get("observedGeneration") == asset["metadata"]["generation"]
    return bool(current and conditions(asset).get("Finished", {}).get("status") == "True")
