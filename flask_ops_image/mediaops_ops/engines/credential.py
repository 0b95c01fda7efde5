"""The mounted credential of an engine, and the hosts it may be sent to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from mediaops.reasons import Reason
from mediaops_ops.outcome import StepError


class EngineCredential(BaseModel):
    """The JSON under the Secret's key `mediaops-credential`, as engines use it."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True, extra="ignore")

    hosts: list[str] = Field(min_length=1)
    api_key: SecretStr = Field(alias="apiKey", min_length=1)

    def key_for(self, url: str) -> str:
        """Give the key, if it may be sent to the URL's host; raises StepError CredentialNotForHost otherwise."""
        parts = urlsplit(url)
        here = {parts.hostname or "", parts.netloc.rpartition("@")[2].lower()}
        if not here & {host.lower() for host in self.hosts}:
            raise StepError(
                Reason.CREDENTIAL_NOT_FOR_HOST,
                "the engine's credential does not name the engine's host in `hosts`, so it was not sent.",
                permanent=True,
            )
        return self.api_key.get_secret_value()


def read(path: Path | None) -> EngineCredential:
    """Read the mounted credential; raises StepError SecretInvalid, without a word of its content."""
    try:
        if path is None:
            raise StepError(
                Reason.SECRET_NOT_FOUND, "no credential for the engine is mounted.", permanent=True
            )
        return EngineCredential.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StepError(
            Reason.SECRET_INVALID,
            "the engine's credential can't be read; it is JSON with `hosts` and `apiKey`.",
            permanent=True,
        ) from error
