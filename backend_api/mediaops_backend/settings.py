"""The backend's settings, from environment variables; see mediaops.settings for how they are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from mediaops.publications import LEASE_SECONDS, Caps
from mediaops.settings import S3Settings, StrongSecret

PUBLIC_URL_SECONDS = 15 * 60
"""How long URLs for people stay valid."""

POD_URL_SECONDS = 60 * 60
"""How long URLs for pods stay valid: long enough to move the largest file over a slow link."""


class BackendSettings(S3Settings):
    """What the backend is told by its installation."""

    database_url: Annotated[SecretStr, Field(alias="DATABASE_URL")]
    """PostgreSQL, as the role mediaops_backend: postgresql://USER:PASSWORD@HOST:PORT/DATABASE."""
    n8n_token: Annotated[StrongSecret, Field(alias="MEDIAOPS_N8N_TOKEN")]
    """Bearer of n8n's calls: claims, saved states, settlements."""
    flask_api_secret: Annotated[StrongSecret, Field(alias="FLASK_API_SECRET")]
    """Bearer of callbacks from an operations image that runs outside of the cluster's Jobs."""
    jwt_secret: Annotated[StrongSecret | None, Field(alias="MEDIAOPS_JWT_SECRET")] = None
    """Key of users' HS256 tokens (Supabase's JWT secret). Default: such tokens are refused."""
    jwt_audience: Annotated[str, Field(alias="MEDIAOPS_JWT_AUDIENCE", min_length=1)] = "authenticated"
    """Audience that users' tokens must name."""
    supabase_url: Annotated[str | None, Field(alias="SUPABASE_URL", pattern=r"^https?://[^\s@?#]+$")] = None
    """Issuer of users' tokens that are signed with a key pair; its JWKS is fetched. Default: such are refused."""
    capability_keys_file: Annotated[Path, Field(alias="MEDIAOPS_CAPABILITY_KEYS_FILE")]
    """Public keys (PEM, one after the other) of capabilities; more than one while a key is rotated."""
    kubeconfig: Annotated[Path | None, Field(alias="KUBECONFIG")] = None
    """How to reach the Kubernetes API. Default: as this pod's service account."""
    workspace_namespaces: Annotated[dict[str, str], Field(alias="MEDIAOPS_WORKSPACE_NAMESPACES")] = {}
    """Namespace that assets of a workspace are created in, as JSON. Default: the first with the workspace's
    label."""

    lease_seconds: Annotated[int, Field(alias="MEDIAOPS_LEASE_SECONDS", ge=5, le=3600)] = LEASE_SECONDS
    """How long a claim holds without being renewed."""
    claims_per_platform: Annotated[int, Field(alias="MEDIAOPS_CLAIMS_PER_PLATFORM", ge=1)] = 4
    """Most claims open at a time on one platform."""
    claims_in_all: Annotated[int, Field(alias="MEDIAOPS_CLAIMS_IN_ALL", ge=1)] = 12
    """Most claims open at a time: n8n's own limits don't count sub-workflows."""

    user_rate: Annotated[float, Field(alias="MEDIAOPS_USER_RATE", ge=0)] = 50.0
    """Calls a second that each user, or API key, may make of each replica in the long run; 0: any."""
    user_burst: Annotated[int, Field(alias="MEDIAOPS_USER_BURST", ge=1)] = 500
    """Calls that each of them may make at once after a pause."""
    stranger_rate: Annotated[float, Field(alias="MEDIAOPS_STRANGER_RATE", ge=0)] = 1.0
    """Calls a second without valid credentials that each address may make; 0: any."""
    stranger_burst: Annotated[int, Field(alias="MEDIAOPS_STRANGER_BURST", ge=1)] = 100
    """Such calls that each may make at once after a pause."""
    trusted_proxies: Annotated[int, Field(alias="MEDIAOPS_TRUSTED_PROXIES", ge=0, le=8)] = 0
    """Proxies in front, whose X-Forwarded-For says who calls. Default: none, the header is not believed."""

    host: Annotated[str, Field(alias="MEDIAOPS_HOST")] = "0.0.0.0"  # noqa: S104 — a pod's own address
    """Address to listen at."""
    port: Annotated[int, Field(alias="MEDIAOPS_PORT", ge=1, le=65535)] = 8080
    """Port to listen at."""
    threads: Annotated[int, Field(alias="MEDIAOPS_THREADS", ge=1, le=256)] = 32
    """Requests served at a time."""
    tls_certificate_file: Annotated[Path | None, Field(alias="MEDIAOPS_TLS_CERTIFICATE_FILE")] = None
    """Certificate (PEM) to serve TLS with. Default: plain HTTP, behind the ingress."""
    tls_key_file: Annotated[Path | None, Field(alias="MEDIAOPS_TLS_KEY_FILE")] = None
    """Its key."""
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(alias="MEDIAOPS_LOG_LEVEL")] = (
        "INFO"
    )
    """Least level of log lines."""

    @model_validator(mode="after")
    def _secrets_differ(self) -> BackendSettings:
        secrets = [
            s.get_secret_value() for s in (self.n8n_token, self.flask_api_secret, self.jwt_secret) if s
        ]
        if len(set(secrets)) < len(secrets):
            raise ValueError("MEDIAOPS_N8N_TOKEN, FLASK_API_SECRET and MEDIAOPS_JWT_SECRET must differ")
        return self

    @property
    def caps(self) -> Caps:
        """Give the limits on open claims."""
        return Caps(per_platform=self.claims_per_platform, in_all=self.claims_in_all)
