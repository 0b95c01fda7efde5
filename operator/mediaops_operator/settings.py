"""The operator's settings, from environment variables; see mediaops.settings for how they are checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mediaops.models.mediaasset import Priority
from mediaops.publications import LEASE_SECONDS
from mediaops.settings import S3Settings, Settings, StrongSecret

MAX_ACCOUNT_CHARACTERS = 16_384
"""Google's key files have about 2,400; it goes into work orders, whose size is bounded."""

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=512)]
"""An http(s) address without user info."""


def _service_account(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    text = value.get_secret_value()
    try:
        account = json.loads(text)
    except ValueError:
        account = None
    wanted = {"client_email", "private_key", "token_uri"}
    if not isinstance(account, dict) or not wanted <= account.keys() or len(text) > MAX_ACCOUNT_CHARACTERS:
        raise ValueError("must be the JSON of a Google service account's key file")
    return value


class OperatorSettings(Settings):
    """What the operator is told by its installation."""

    database_url: Annotated[SecretStr, Field(alias="DATABASE_URL")]
    """PostgreSQL, as the role mediaops_operator: postgresql://USER:PASSWORD@HOST:PORT/DATABASE."""
    n8n_webhook_url: Annotated[HttpUrl, Field(alias="N8N_WEBHOOK_URL")]
    """Where requests to publish are POSTed."""
    n8n_webhook_secret: Annotated[StrongSecret, Field(alias="N8N_WEBHOOK_SECRET")]
    """Key of their signature (its UTF-8 text); it never travels."""
    n8n_ca_file: Annotated[Path | None, Field(alias="MEDIAOPS_CA_FILE")] = None
    """Certificates (PEM) that TLS to n8n and storage is checked against, and which pods get. Default: the
    system's."""
    backend_url: Annotated[HttpUrl, Field(alias="MEDIAOPS_BACKEND_URL")]
    """The backend's base address, as pods reach it."""
    capability_key_file: Annotated[Path, Field(alias="MEDIAOPS_CAPABILITY_KEY_FILE")]
    """The Ed25519 private key (PEM) that signs capabilities."""
    profiles_file: Annotated[Path, Field(alias="MEDIAOPS_PROFILES_FILE")]
    """The execution profiles (YAML); see mediaops_operator.profiles."""
    prices_file: Annotated[Path | None, Field(alias="MEDIAOPS_PRICES_FILE")] = None
    """What use costs (YAML); see mediaops.prices. Default: list prices of models, nothing for the cluster's time."""
    max_source_bytes: Annotated[int, Field(alias="MEDIAOPS_MAX_SOURCE_BYTES", ge=0)] = 0
    """Larger sources are refused; 0: no limit."""
    allowed_cidrs: Annotated[str, Field(alias="MEDIAOPS_ALLOWED_CIDRS", max_length=1024)] = ""
    """Private networks that sources may be fetched from all the same, separated by commas."""
    credential_namespaces: Annotated[
        str, Field(alias="MEDIAOPS_CREDENTIAL_NAMESPACES", max_length=65_536, pattern=r"^[a-z0-9, -]*$")
    ] = ""
    """Namespaces, separated by commas, that get the credentials below where they have no Secret of their
    own. Default: none, whatever is set below."""
    google_drive_api_key: Annotated[SecretStr | None, Field(alias="GOOGLE_DRIVE_API_KEY", max_length=256)] = (
        None
    )
    """Key of Google's API for the Drive files that anyone with the link may read."""
    google_drive_credentials: Annotated[
        SecretStr | None, Field(alias="GOOGLE_DRIVE_CREDENTIALS"), AfterValidator(_service_account)
    ] = None
    """A Google service account's JSON, for the Drive files shared with it; goes before the API key."""
    openai_api_key: Annotated[SecretStr | None, Field(alias="OPENAI_API_KEY", max_length=512)] = None
    """Key for the engine openai."""
    priority_classes: Annotated[dict[Priority, str], Field(alias="MEDIAOPS_PRIORITY_CLASSES")] = {}
    """PriorityClass of pods by spec.execution.priority, as JSON: {"high": "mediaops-high"}. Default: none."""
    platforms: Annotated[str, Field(alias="MEDIAOPS_PLATFORMS", max_length=1024)] = "x"
    """Platforms that workflows are deployed for, separated by commas."""
    job_ttl_seconds: Annotated[int, Field(alias="MEDIAOPS_JOB_TTL_SECONDS", ge=60)] = 3600
    """How long an ended Job, its pod and its log stay in the cluster."""
    unfused: Annotated[bool, Field(alias="MEDIAOPS_UNFUSED")] = False
    """One Job per stored output instead of few passes; for comparisons."""

    workers: Annotated[int, Field(alias="MEDIAOPS_WORKERS", ge=1, le=256)] = 32
    """Assets visited at a time."""
    jobs_per_second: Annotated[float, Field(alias="MEDIAOPS_JOBS_PER_SECOND", gt=0)] = 50.0
    """Longest-run rate at which Jobs are created."""
    relist_seconds: Annotated[float, Field(alias="MEDIAOPS_RELIST_SECONDS", ge=1)] = 600.0
    """How often everything is listed anew."""
    resend_seconds: Annotated[float, Field(alias="MEDIAOPS_RESEND_SECONDS", gt=0)] = LEASE_SECONDS + 30.0
    """Wait before a request to publish is sent again; doubled each time, up to 16 times as long."""
    persist_lag_seconds: Annotated[float, Field(alias="MEDIAOPS_PERSIST_LAG_SECONDS", gt=0)] = 30.0
    """Lag of the database after which `Persisted` is False."""
    sweeper_access_key_id: Annotated[
        str | None, Field(alias="MEDIAOPS_SWEEPER_S3_ACCESS_KEY_ID", min_length=1)
    ] = None
    """Key id of the sweeper's own bucket key, which may delete under */steps/. Default: nothing is swept."""
    sweeper_secret_access_key: Annotated[
        SecretStr | None, Field(alias="MEDIAOPS_SWEEPER_S3_SECRET_ACCESS_KEY", min_length=8)
    ] = None
    """Its secret."""
    sweep_seconds: Annotated[float, Field(alias="MEDIAOPS_SWEEP_SECONDS", ge=1)] = 600.0
    """Pause between two rounds of the sweeper."""
    sweep_grace_seconds: Annotated[int, Field(alias="MEDIAOPS_SWEEP_GRACE_SECONDS", ge=1)] = 72 * 3600
    """How long ago a step folder has to be released, and written to, before it is deleted."""
    port: Annotated[int, Field(alias="MEDIAOPS_PORT", ge=1, le=65535)] = 8080
    """Port of /healthz, /readyz and /metrics."""
    host: Annotated[str, Field(alias="MEDIAOPS_HOST")] = "0.0.0.0"  # noqa: S104 — a pod's own address
    """Address they are served at."""
    log_level: Annotated[str, Field(alias="MEDIAOPS_LOG_LEVEL", pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = (
        "INFO"
    )
    """Least level of log lines."""

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.sweeper_access_key_id is None) != (self.sweeper_secret_access_key is None):
            raise ValueError("the sweeper's bucket key has an id and a secret: set both, or neither")
        return self

    def sweeper_storage(self, s3: S3Settings) -> S3Settings | None:
        """Give how the sweeper opens the bucket; None: nothing is swept."""
        if self.sweeper_access_key_id is None:
            return None
        key = {
            "access_key_id": self.sweeper_access_key_id,
            "secret_access_key": self.sweeper_secret_access_key,
        }
        return s3.model_copy(update=key)

    @property
    def named_credential_namespaces(self) -> frozenset[str]:
        """Give the namespaces that get the installation's credentials."""
        return _names(self.credential_namespaces)

    @property
    def platform_names(self) -> frozenset[str]:
        """Give the platforms by name."""
        return _names(self.platforms)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
