"""Short ways to write resources down in tests of the API."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import yaml

from hack.cluster.api import Api

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
"""Runs kubectl with these arguments, `stdin` written as YAML, and gives what it printed."""

GROUP_PATH = "/apis/mediaops.dev/v1alpha1"


def asset(spec: dict[str, Any] | str, name: str = "clip") -> dict[str, Any]:
    """Give a MediaAsset; its spec may be written as YAML."""
    return {
        "apiVersion": "mediaops.dev/v1alpha1",
        "kind": "MediaAsset",
        "metadata": {"name": name},
        "spec": yaml.safe_load(spec) if isinstance(spec, str) else spec,
    }


def spec(*operations: str, file_type: str = "video", **more: str) -> dict[str, Any]:
    """Give a MediaAsset's spec: operations and further fields as YAML, the source unless said otherwise."""
    fields: dict[str, Any] = {"fileType": file_type, "source": {"upload": {"key": "clip.mp4"}}}
    if operations:
        fields["operations"] = [yaml.safe_load(operation) for operation in operations]
    return fields | {name: yaml.safe_load(text) for name, text in more.items()}


def processing_job(name: str, asset_name: str = "clip", **fields: Any) -> dict[str, Any]:
    """Give a ProcessingJob that compresses."""
    return {
        "apiVersion": "mediaops.dev/v1alpha1",
        "kind": "ProcessingJob",
        "metadata": {"name": name, "labels": {"mediaops.dev/operation-type": "compress"}},
        "spec": {
            "assetRef": {"name": asset_name, "uid": "8c6f2f4e-1c57-4c86-9d0e-6a0a2b0d7a11"},
            "operation": {"name": "small", "compress": {"codec": "h264"}},
            "versions": [{"name": "compress", "version": "1"}],
            "specHash": "ab12",
            "stepKey": "cd34",
            "stored": True,
            **fields,
        },
    }


def path(namespace: str, plural: str, name: str = "") -> str:
    """Give the API path of a resource, or of all of its kind."""
    return f"{GROUP_PATH}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def create(
    api: Api, namespace: str, body: dict[str, Any], *, dry_run: bool = False, strict: bool = True
) -> dict[str, Any]:
    """Create a resource as our clients do, with strict field validation; raises ApiError if refused."""
    query = f"fieldValidation={'Strict' if strict else 'Ignore'}" + ("&dryRun=All" if dry_run else "")
    plural = f"{body['kind'].lower()}s"
    created: dict[str, Any] = api.call("POST", f"{path(namespace, plural)}?{query}", body)
    return created
