"""What the installation decides and no asset can change, in the form that plans and manifests need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mediaops.models.mediaasset import Priority
from mediaops.prices import LIST_PRICES, Prices, load_prices
from mediaops.tokens import Signer
from mediaops_operator.credentials import Credentials
from mediaops_operator.profiles import Profile, load_profiles
from mediaops_operator.settings import OperatorSettings


@dataclass(frozen=True)
class Installation:
    """Settings that shape children and status."""

    profiles: Mapping[str, Profile]
    bucket: str
    backend_url: str
    signer: Signer
    max_source_bytes: int = 0
    allowed_cidrs: str = ""
    ca: str = ""
    """Certificates (PEM) for pods; empty: the image's own."""
    credentials: Credentials = field(default_factory=Credentials)
    """What it lends to namespaces that have none of their own."""
    priority_classes: Mapping[Priority, str] = field(default_factory=dict)
    platforms: frozenset[str] = frozenset({"x"})
    job_ttl_seconds: int = 3600
    resend_seconds: float = 150.0
    persist_lag_seconds: float = 30.0
    unfused: bool = False
    prices: Prices = LIST_PRICES

    @classmethod
    def of(cls, settings: OperatorSettings, bucket: str) -> Installation:
        """Read the files that the settings name; raises SettingsError, OSError, CapabilityError."""
        return cls(
            profiles=load_profiles(settings.profiles_file),
            bucket=bucket,
            backend_url=settings.backend_url,
            signer=Signer(settings.capability_key_file.read_bytes()),
            max_source_bytes=settings.max_source_bytes,
            allowed_cidrs=settings.allowed_cidrs,
            ca=settings.n8n_ca_file.read_text() if settings.n8n_ca_file else "",
            credentials=Credentials.of(settings),
            priority_classes=settings.priority_classes,
            platforms=settings.platform_names,
            job_ttl_seconds=settings.job_ttl_seconds,
            resend_seconds=settings.resend_seconds,
            persist_lag_seconds=settings.persist_lag_seconds,
            unfused=settings.unfused,
            prices=load_prices(settings.prices_file),
        )
