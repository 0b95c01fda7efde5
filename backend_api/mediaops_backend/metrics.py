"""What the backend counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    """The backend's metrics in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "mediaops_backend_requests",
            "Requests answered, by route (its pattern, not its path)",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "mediaops_backend_request_seconds",
            "Seconds until the answer",
            ["method", "route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.signed_urls = Counter(
            "mediaops_backend_signed_urls", "Signed URLs given to pods, by kind", ["kind"], registry=registry
        )
        self.claims = Counter(
            "mediaops_backend_claims", "Claims asked for, by answer", ["answer"], registry=registry
        )
        self.settlements = Counter(
            "mediaops_backend_settlements",
            "Settlements that moved a publication, by its new state",
            ["state"],
            registry=registry,
        )
