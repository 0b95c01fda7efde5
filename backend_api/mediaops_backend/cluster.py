"""What the backend asks of the Kubernetes API: MediaAssets, namespaces of workspaces, the keys of pods' tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from mediaops.models.base import API_VERSION, GROUP, VERSION

WORKSPACE_LABEL = "mediaops.dev/workspace"
FIELD_MANAGER = "mediaops-backend"
TIMEOUT_SECONDS = (2, 8)
"""To connect, and between two reads."""


@dataclass(frozen=True)
class Issuer:
    """Who signs the cluster's service-account tokens, and with which keys."""

    name: str
    keys: list[dict[str, Any]]
    """JSON Web Keys."""


class Cluster:
    """The Kubernetes API, by a kubeconfig file or as this pod's service account.

    Raises kubernetes.config.ConfigException where there is neither.
    """

    def __init__(self, kubeconfig: Path | None = None) -> None:
        configuration = client.Configuration()
        if kubeconfig:
            config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
        # One try: the caller is waiting, and is told to come back.
        configuration.retries = 1
        api = client.ApiClient(configuration)
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._openid = client.OpenidApi(api)
        self._well_known = client.WellKnownApi(api)

    def create_asset(self, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create a MediaAsset, unknown fields refused; raises ApiException."""
        created: dict[str, Any] = self._objects.create_namespaced_custom_object(
            GROUP,
            VERSION,
            namespace,
            "mediaassets",
            manifest,
            field_manager=FIELD_MANAGER,
            field_validation="Strict",
            _request_timeout=TIMEOUT_SECONDS,
        )
        return created

    def asset(self, namespace: str, name: str) -> dict[str, Any]:
        """Read a MediaAsset; raises ApiException (status 404 where there is none)."""
        found: dict[str, Any] = self._objects.get_namespaced_custom_object(
            GROUP, VERSION, namespace, "mediaassets", name, _request_timeout=TIMEOUT_SECONDS
        )
        return found

    def annotate_asset(self, asset: dict[str, Any], annotations: dict[str, str]) -> None:
        """Set annotations on the asset as it was read; raises ApiException (409 where it has changed)."""
        metadata = asset["metadata"]
        patch = {"metadata": {"annotations": annotations, "resourceVersion": metadata["resourceVersion"]}}
        self._objects.patch_namespaced_custom_object(
            GROUP,
            VERSION,
            metadata["namespace"],
            "mediaassets",
            metadata["name"],
            patch,
            field_manager=FIELD_MANAGER,
            _content_type="application/merge-patch+json",
            _request_timeout=TIMEOUT_SECONDS,
        )

    def apply_review(self, namespace: str, name: str, review: dict[str, Any], manager: str) -> None:
        """Apply a part of spec.review, which that field manager keeps from then on.

        Raises ApiException: 409 where another manager keeps it, 422 where the API server's rules are broken.
        """
        metadata = {"namespace": namespace, "name": name}
        body = {
            "apiVersion": API_VERSION,
            "kind": "MediaAsset",
            "metadata": metadata,
            "spec": {"review": review},
        }
        self._objects.patch_namespaced_custom_object(
            GROUP,
            VERSION,
            namespace,
            "mediaassets",
            name,
            body,
            field_manager=manager,
            field_validation="Strict",
            _content_type="application/apply-patch+yaml",
            _request_timeout=TIMEOUT_SECONDS,
        )

    def workspaces(self) -> dict[str, str]:
        """Give the workspace of each namespace that has one; raises ApiException."""
        found = self._core.list_namespace(label_selector=WORKSPACE_LABEL, _request_timeout=TIMEOUT_SECONDS)
        return {item.metadata.name: item.metadata.labels[WORKSPACE_LABEL] for item in found.items}

    def issuer(self) -> Issuer:
        """Fetch who signs service-account tokens; raises ApiException."""
        about = self._well_known.get_service_account_issuer_open_id_configuration(
            _preload_content=False, _request_timeout=TIMEOUT_SECONDS
        )
        keys = self._openid.get_service_account_issuer_open_id_keyset(
            _preload_content=False, _request_timeout=TIMEOUT_SECONDS
        )
        return Issuer(json.loads(about.data)["issuer"], json.loads(keys.data)["keys"])


class Workspaces:
    """Which namespace belongs to which workspace, listed anew when it is asked for and old.

    A name that isn't known makes us list too, so that a new namespace serves at once; whoever asks meanwhile
    shares that listing.
    """

    MAX_AGE_SECONDS = 30.0
    PAUSE_SECONDS = 0.1
    """Between two listings: unknown names must not flood the API server."""

    def __init__(
        self,
        fetch: Callable[[], dict[str, str]],
        preferred: dict[str, str],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._fetch = fetch
        self._preferred = preferred
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._listed_at = float("-inf")
        """When the listing began that gave what is known."""

    def of_namespace(self, namespace: str) -> str | None:
        """Give a namespace's workspace, None if it has none; raises ApiException."""
        return self._look(lambda known: known.get(namespace))

    def namespace_of(self, workspace: str) -> str | None:
        """Give the namespace that a workspace's new assets go to: the one configured, or the first by name."""

        def pick(known: dict[str, str]) -> str | None:
            mine = sorted(name for name, owner in known.items() if owner == workspace)
            preferred = self._preferred.get(workspace)
            return preferred if preferred in mine else next(iter(mine), None)

        return self._look(pick)

    def _look(self, pick: Callable[[dict[str, str]], str | None]) -> str | None:
        asked_at = self._clock()
        if asked_at - self._listed_at < self.MAX_AGE_SECONDS and (found := pick(self._known)) is not None:
            return found
        with self._lock:
            if self._listed_at < asked_at:
                self._sleep(max(0.0, self._listed_at + self.PAUSE_SECONDS - self._clock()))
                began = self._clock()
                self._known = self._fetch()
                self._listed_at = began
            return pick(self._known)
