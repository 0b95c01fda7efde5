"""Execution profiles: what only admins may choose about how operations run, by name.

The chart mounts them as one YAML file:

    profiles:
      default:
        image: mediaops-operations:1.0.0
        resources: {requests: {cpu: "1", memory: 1Gi}, limits: {memory: 4Gi}}
        workSizeLimit: 20Gi
        engines: {openai: {baseUrl: https://api.openai.com/v1}}
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, ValidationError

from mediaops.models.base import Model
from mediaops.settings import SettingsError

_QUANTITY = re.compile(r"^([0-9]+)(|k|M|G|T|Ki|Mi|Gi|Ti)$")
_FACTORS = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


def quantity_bytes(quantity: str) -> int:
    """Give the bytes of a Kubernetes quantity such as 20Gi; raises ValueError for other forms."""
    match = _QUANTITY.match(quantity)
    if match is None:
        raise ValueError(f"{quantity} is no whole number with a unit such as Gi")
    return int(match[1]) * _FACTORS[match[2]]


class Engine(Model):
    """An engine outside, as pods of this profile reach it."""

    model_config = ConfigDict(extra="forbid")

    base_url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]
    """Base address of its API."""


class Profile(Model):
    """How operations' pods look; field names and forms are a pod spec's own."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[str, Field(min_length=1)]
    """The operations image."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: list[dict[str, str]] = []
    service_account_name: str | None = None
    """ServiceAccount of the asset's namespace whose token the pod projects. Default: default."""
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = []
    runtime_class_name: str | None = None
    gpu_resource: str = "nvidia.com/gpu"
    """The resource that `gpu` counts."""
    resources: dict[str, dict[str, str]] = {}
    """Requests and limits of the container."""
    env: dict[str, str] = {}
    """Further environment variables of the container."""
    work_size_limit: Annotated[str, Field(pattern=_QUANTITY.pattern)] = "20Gi"
    """Limit of the work folder."""
    engines: dict[str, Engine] = {}
    """Engines outside by name. Default: the engine's public address."""

    @property
    def work_bytes(self) -> int:
        """Give the work folder's limit in bytes."""
        return quantity_bytes(self.work_size_limit)


class _ProfilesFile(Model):
    model_config = ConfigDict(extra="forbid")

    profiles: Annotated[dict[str, Profile], Field(min_length=1)]


def load_profiles(path: Path) -> dict[str, Profile]:
    """Read the file; raises SettingsError where it isn't one of profiles."""
    try:
        return _ProfilesFile.model_validate(yaml.safe_load(path.read_text())).profiles
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(f"MEDIAOPS_PROFILES_FILE: {path}: {error}") from None
