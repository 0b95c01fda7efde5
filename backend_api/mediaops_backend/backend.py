"""The parts of one backend, put together once and handed to the routes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

from flask import current_app
from prometheus_client import CollectorRegistry

from mediaops.storage import Storage
from mediaops.tokens import Verifier
from mediaops_backend.cluster import Cluster, Workspaces
from mediaops_backend.database import Database
from mediaops_backend.limits import Buckets
from mediaops_backend.metrics import Metrics
from mediaops_backend.people import People
from mediaops_backend.pods import PodTokens
from mediaops_backend.settings import BackendSettings

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True)
class Backend:
    """Everything a route may need."""

    settings: BackendSettings
    database: Database
    storage: Storage
    cluster: Cluster
    workspaces: Workspaces
    people: People
    pods: PodTokens
    capabilities: Verifier
    users: Buckets
    """How often users may call."""
    strangers: Buckets
    """How often addresses may call without valid credentials."""
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))


def assemble(settings: BackendSettings) -> Backend:
    """Put the parts together; raises OSError and CapabilityError where the capability keys can't be read,
    and kubernetes.config.ConfigException outside of a cluster without KUBECONFIG.

    Nothing is contacted yet: the backend starts, and answers 503 where it must, while others are away.
    """
    database = Database(settings.database_url.get_secret_value())
    cluster = Cluster(settings.kubeconfig)
    return Backend(
        settings=settings,
        database=database,
        storage=Storage(settings),
        cluster=cluster,
        workspaces=Workspaces(cluster.workspaces, settings.workspace_namespaces),
        people=People(settings, database),
        pods=PodTokens(cluster.issuer),
        capabilities=Verifier(_PEM.findall(settings.capability_keys_file.read_text())),
        users=Buckets(settings.user_rate, settings.user_burst),
        strangers=Buckets(settings.stranger_rate, settings.stranger_burst),
    )


def backend() -> Backend:
    """Give the backend that serves the current request."""
    return cast(Backend, current_app.extensions["mediaops"])
