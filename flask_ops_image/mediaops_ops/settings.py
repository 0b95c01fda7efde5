"""What the `run` door is told by its environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from mediaops.reasons import Reason
from mediaops_ops.outcome import StepError

PREFIX = "MEDIAOPS_"
SEED_NAMES = {"openai_base_url": "OPENAI_BASE_URL", "openai_api_key": "OPENAI_API_KEY"}
"""Fields whose variables have the names that the seed, or the engine's own client, gives them."""


class Settings(BaseModel):
    """Environment variables of `run`; each is the field's name in capitals after MEDIAOPS_, but for SEED_NAMES.

    Plain pydantic: pydantic-settings takes longer to import than a short pass takes to run.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)

    token_file: Path = Path("/var/run/mediaops/token/token")
    """The pod's projected service-account token, shown to the backend; read anew for every call."""
    ca_file: Path | None = None
    """CA bundle (PEM) for backend, storage and sources; default: the system's."""
    credential_file: Path | None = None
    """The mounted `mediaops-credential` (JSON)."""
    lent_credential_file: Path | None = None
    """The installation's credential (JSON), for where the namespace has none."""
    termination_log: Path = Path("/dev/termination-log")
    """Where the termination message goes."""
    allowed_cidrs: str = ""
    """Networks, comma-separated, that sources may be fetched from though they aren't public."""
    drive_endpoint: str | None = None
    """Base URL of Google Drive's API; default: Google's own."""
    openai_base_url: str = "https://api.openai.com/v1"
    """OPENAI_BASE_URL: base URL of OpenAI's API, or of one that speaks it."""
    openai_api_key: SecretStr | None = None
    """OPENAI_API_KEY: for that API, where no credential is mounted (`serve` only: a Job's pod has one mounted)."""
    models_dir: Path = Path("/opt/mediaops/models")
    """Where the models of faster-whisper lie: a folder each, or Hugging Face's cache. Nothing is downloaded."""
    patience_seconds: float = Field(default=90.0, ge=0)
    """How long something out of reach is tried again before the Job gives way to a later one."""
    connect_seconds: float = Field(default=10.0, gt=0)
    """Longest wait for a connection."""
    stall_seconds: float = Field(default=30.0, gt=0)
    """Longest silence on a connection."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables that are set and not empty; raises pydantic.ValidationError."""
        given = {
            name: environment.get(SEED_NAMES.get(name, f"{PREFIX}{name.upper()}"))
            for name in cls.model_fields
        }
        return cls.model_validate({name: value for name, value in given.items() if value})

    @field_validator("allowed_cidrs")
    @classmethod
    def _networks_are_valid(cls, text: str) -> str:
        for part in filter(None, text.replace(" ", "").split(",")):
            ip_network(part)
        return text

    @property
    def allowed_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Give the allow-list."""
        return tuple(
            ip_network(part) for part in filter(None, self.allowed_cidrs.replace(" ", "").split(","))
        )

    def token(self) -> str:
        """Read the pod's token; raises StepError where it isn't mounted."""
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise StepError(
                Reason.CAPABILITY_REJECTED, "The pod's service-account token is not mounted."
            ) from error
