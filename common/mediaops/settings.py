"""What all settings models share: values come from environment variables and are checked at start-up.

Each field's alias is the variable's name, so that an error names what to set. Nothing secret is ever part
of an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_LENGTH = 32
"""Shortest secret in characters, as the seed asks for."""

_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "your_secret",
    "your-secret",
    "placeholder",
    "same_as_",
)


class SettingsError(Exception):
    """The environment does not make valid settings; the message names each variable and what is wrong."""


def _strong(value: SecretStr) -> SecretStr:
    """Refuse secrets that are short, copied from an example, or made of few different characters."""
    plain = value.get_secret_value()
    if len(plain) < MIN_SECRET_LENGTH:
        raise ValueError(f"must be at least {MIN_SECRET_LENGTH} characters long (try: openssl rand -hex 32)")
    if len(set(plain)) < 8 or any(word in plain.lower() for word in _PLACEHOLDERS):
        raise ValueError("is a placeholder; set a random value (try: openssl rand -hex 32)")
    return value


StrongSecret = Annotated[SecretStr, AfterValidator(_strong)]
"""A secret of at least 32 characters that is no placeholder."""


class Settings(BaseSettings):
    """Base of all settings models: aliases are environment variables, unknown ones are nobody's business."""

    model_config = SettingsConfigDict(
        extra="ignore",
        use_attribute_docstrings=True,
        frozen=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )


class S3Settings(Settings):
    """Where objects are stored, and with which credentials."""

    bucket: Annotated[str, Field(alias="STORAGE_BUCKET", min_length=3, max_length=63)]
    """The bucket that holds everything, by workspace."""
    public_endpoint: Annotated[str, Field(alias="STORAGE_URL", pattern=r"^https?://[^/?#@]+$")]
    """S3 endpoint as people's browsers reach it; URLs for them are signed for it."""
    endpoint: Annotated[str | None, Field(alias="MEDIAOPS_S3_ENDPOINT", pattern=r"^https?://[^/?#@]+$")] = (
        None
    )
    """S3 endpoint as pods reach it. Default: STORAGE_URL."""
    access_key_id: Annotated[str, Field(alias="MEDIAOPS_S3_ACCESS_KEY_ID", min_length=1)]
    """Key id of this deployable."""
    secret_access_key: Annotated[SecretStr, Field(alias="MEDIAOPS_S3_SECRET_ACCESS_KEY", min_length=8)]
    """Its secret; the provider makes it, so only emptiness is refused here."""
    region: Annotated[str, Field(alias="MEDIAOPS_S3_REGION", min_length=1)] = "us-east-1"
    """Region that signatures name."""
    ca_file: Annotated[Path | None, Field(alias="MEDIAOPS_CA_FILE")] = None
    """Certificates (PEM) that TLS to storage, n8n and the like is checked against. Default: the system's."""

    @property
    def cluster_endpoint(self) -> str:
        """Give the endpoint for pods."""
        return self.endpoint or self.public_endpoint


S = TypeVar("S", bound=Settings)


def load(model: type[S]) -> S:
    """Read settings from the environment; raises SettingsError naming every variable that is wrong."""
    try:
        return model()
    except ValidationError as error:
        # Only locations and messages: the input could be a secret.
        lines = [
            f"{'.'.join(str(part) for part in problem['loc']) or model.__name__}: {_sentence(problem['msg'])}"
            for problem in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise SettingsError("these environment variables are not usable:\n  " + "\n  ".join(lines)) from None


def _sentence(message: str) -> str:
    """Put pydantic's words so that they follow a variable's name."""
    return "is missing" if message == "Field required" else message.removeprefix("Value error, ")
