"""The credential that a pod has mounted: what it is, and which hosts may see it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from mediaops.models.base import Model
from mediaops.reasons import Reason
from mediaops_ops.outcome import StepError
from mediaops_ops.settings import Settings

HostName = Annotated[str, Field(min_length=1, max_length=253)]


class Credential(Model):
    """The value of a Secret's key `mediaops-credential`: hosts, and exactly one of the three."""

    hosts: Annotated[list[HostName], Field(min_length=1, max_length=32)]
    """The only hosts it is sent to."""
    address: str | None = None
    """A signed https address."""
    api_key: str | None = None
    """A key of Google's API, or of an engine's."""
    service_account: dict[str, Any] | None = None
    """A service account of Google's, as its JSON file has it."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Credential:
        if sum(value is not None for value in (self.address, self.api_key, self.service_account)) != 1:
            raise ValueError("exactly one of address, apiKey and serviceAccount")
        return self

    def allow(self, host: str) -> None:
        """Raise StepError CredentialNotForHost unless the credential is bound to that host."""
        if host.lower() not in {name.lower() for name in self.hosts}:
            message = "The credential may not be sent to this host: it isn't among its hosts."
            raise StepError(Reason.CREDENTIAL_NOT_FOR_HOST, message, permanent=True)


def read(settings: Settings) -> Credential | None:
    """Read the namespace's own credential, or else the installation's; None where neither is mounted.

    Raises StepError SecretInvalid.
    """
    mounted = (settings.credential_file, settings.lent_credential_file)
    path = next((path for path in mounted if path and path.exists()), None)
    if path is None:
        return None
    try:
        return Credential.model_validate_json(path.read_bytes())
    except ValidationError as error:
        message = "The Secret's mediaops-credential is not hosts and one of address, apiKey, serviceAccount in JSON."
        raise StepError(Reason.SECRET_INVALID, message, permanent=True) from error
