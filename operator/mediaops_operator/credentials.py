"""Credentials of the installation, for namespaces named at install that have no Secret of their own. Pure.

The operator reads no Secret. What it was given by its environment it puts into the work order of the one Job
that may need it; the pod takes it where the namespace's own Secret is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from mediaops.models.source import DRIVE_SECRET
from mediaops_operator.profiles import Profile
from mediaops_operator.settings import OperatorSettings

DRIVE_HOST = "www.googleapis.com"
OPENAI = "openai"
OPENAI_HOST = "api.openai.com"


def engine_secret(engine: str) -> str:
    """Name the Secret of an engine outside."""
    return f"mediaops-engine-{engine}"


@dataclass(frozen=True)
class Credentials:
    """What the installation lends, and to whom."""

    namespaces: frozenset[str] = frozenset()
    by_secret: Mapping[str, SecretStr] = field(default_factory=dict)
    """A credential without its hosts (JSON) by the name of the Secret that it stands in for."""

    @classmethod
    def of(cls, settings: OperatorSettings) -> Credentials:
        """Take them from the settings; a service account, which reads more, goes before an API key."""
        lent: dict[str, SecretStr] = {}
        if settings.google_drive_credentials:
            account = json.loads(settings.google_drive_credentials.get_secret_value())
            lent[DRIVE_SECRET] = _secret(serviceAccount=account)
        elif settings.google_drive_api_key:
            lent[DRIVE_SECRET] = _secret(apiKey=settings.google_drive_api_key.get_secret_value())
        if settings.openai_api_key:
            lent[engine_secret(OPENAI)] = _secret(apiKey=settings.openai_api_key.get_secret_value())
        return cls(settings.named_credential_namespaces, lent)

    def lent(self, secret: str | None, namespace: str, profile: Profile) -> str | None:
        """Give what stands in for a Secret (JSON, as its mediaops-credential), None where nothing does.

        It is bound to the host that the profile has it sent to: an installation's choice, never an asset's.
        """
        stand_in = self.by_secret.get(secret) if secret and namespace in self.namespaces else None
        if secret is None or stand_in is None:
            return None
        content: dict[str, Any] = json.loads(stand_in.get_secret_value())
        return json.dumps({"hosts": [_host(secret, profile)], **content})


def _host(secret: str, profile: Profile) -> str:
    if secret == DRIVE_SECRET:
        endpoint, public = profile.env.get("MEDIAOPS_DRIVE_ENDPOINT", ""), DRIVE_HOST
    else:
        engine = profile.engines.get(OPENAI)
        endpoint, public = engine.base_url if engine else "", OPENAI_HOST
    return urlsplit(endpoint).hostname or public


def _secret(**content: Any) -> SecretStr:
    return SecretStr(json.dumps(content))
