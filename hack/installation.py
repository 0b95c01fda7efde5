"""mediaops on a cluster of ours: namespaces, secrets, the chart with values that fit demo and tests.

    control, operations = archive("control"), archive("ops")
    installation = start_around(control, operations)
    installation.install(control, operations)

Can be repeated; what has not changed stays as it runs.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from hack.build import tool
from hack.cluster import Cluster, chosen_cluster, ensure_namespace
from hack.cluster.control_plane import SERVICE_RANGE
from hack.images import Archive
from hack.services.fleet import PORTS, Fleet
from hack.services.s3 import BUCKET, REGION

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm" / "mediaops"
RELEASE = "mediaops"
NAMESPACE = "mediaops"
LENT_TO = "lent-to"
"""The namespace that uses the installation's own credentials."""
CA_FILE = "/etc/mediaops/ca/ca.crt"
ROLLOUT_SECONDS = 120


class InstallFailed(Exception):
    """helm or kubectl refused, or a Deployment did not become available; the message holds what they said."""


class Installation:
    """One release of the chart beside one fleet of services."""

    def __init__(self, cluster: Cluster, fleet: Fleet) -> None:
        self.cluster = cluster
        self.fleet = fleet

    def install(self, control: Archive, operations: Archive, *, values: dict[str, Any] | None = None) -> None:
        """Bring the release to these images and wait until operator and backend are available.

        `values`: further chart values, which win. Raises InstallFailed.
        """
        api = self.cluster.api
        ensure_namespace(api, NAMESPACE)
        self.fleet.expose(api)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        self._apply(self._objects())
        merged = _merged(self._values(control, operations), values or {})
        file = self.fleet.inventory_file.with_name("values.json")
        file.write_text(json.dumps(merged, indent=2))
        helm = [str(tool("helm")), "--kubeconfig", str(self.cluster.kubeconfig), "--namespace", NAMESPACE]
        # A test run that was killed may have left variables of its own in a Deployment.
        force = ["--force-conflicts", "--skip-crds"]
        _run([*helm, "upgrade", "--install", RELEASE, str(CHART), *force, "--values", str(file)])
        for deployment in ("operator", "backend"):
            self.wait_for(deployment)

    def wait_for(self, deployment: str) -> None:
        """Wait until `operator` or `backend` is rolled out. Raises InstallFailed with what its pods say."""
        name = f"deployment/{RELEASE}-{deployment}"
        try:
            self.kubectl("rollout", "status", name, "-n", NAMESPACE, f"--timeout={ROLLOUT_SECONDS}s")
        except InstallFailed as failure:
            pods = self.kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide")
            logs = self.kubectl("logs", name, "-n", NAMESPACE, "--tail=30", "--ignore-errors")
            raise InstallFailed(f"{failure}\n{pods}\n{logs}") from None

    def workspace(self, name: str) -> None:
        """Make a namespace that belongs to the workspace of the same name."""
        ensure_namespace(self.cluster.api, name, workspace=name)

    def credential(self, namespace: str, name: str, credential: dict[str, Any]) -> None:
        """Put a credential into a namespace, as assets may name it."""
        data = {"mediaops-credential": json.dumps(credential)}
        self._apply([_secret(name, data, namespace)])

    def user_token(self, workspace: str, seconds: int = 3600) -> str:
        """Give a user's bearer for the backend, valid for `seconds`."""
        claims = {
            "sub": "demo",
            "aud": "authenticated",
            "exp": int(time.time()) + seconds,
            "workspace_id": workspace,
        }
        return jwt.encode(claims, self.fleet.secrets.text("backend-jwt"), algorithm="HS256")

    @cached_property
    def backend_url(self) -> str:
        """Give the backend's address as this machine reaches it: its Service's own."""
        service = self.cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/{RELEASE}-backend")
        return f"http://{service['spec']['clusterIP']}"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl against the cluster and give its output. Raises InstallFailed."""
        return _run([str(tool("kubectl")), "--kubeconfig", str(self.cluster.kubeconfig), *arguments], stdin)

    def _apply(self, objects: list[dict[str, Any]]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))

    def _objects(self) -> list[dict[str, Any]]:
        """Give what the chart expects to be there: Secrets, and the ConfigMap with the CA."""
        secrets = self.fleet.secrets
        authority = self.cluster.authority.cert.read_text()

        def storage(user: str) -> dict[str, str]:
            return {
                "MEDIAOPS_S3_ACCESS_KEY_ID": user,
                "MEDIAOPS_S3_SECRET_ACCESS_KEY": secrets.text(f"s3-{user}"),
            }

        operator = {
            "DATABASE_URL": self.fleet.database_url("mediaops_operator", sslrootcert=CA_FILE),
            "N8N_WEBHOOK_SECRET": secrets.text("n8n-webhook-secret"),
            "GOOGLE_DRIVE_API_KEY": secrets.text("drive-api-key"),
            **storage("operator"),
        }
        backend = {
            "DATABASE_URL": self.fleet.database_url("mediaops_backend", sslrootcert=CA_FILE),
            "FLASK_API_SECRET": secrets.text("flask-api"),
            "MEDIAOPS_N8N_TOKEN": secrets.text("n8n-token"),
            "MEDIAOPS_JWT_SECRET": secrets.text("backend-jwt"),
            **storage("backend"),
        }
        sweeper = {name.replace("_S3_", "_SWEEPER_S3_"): value for name, value in storage("sweeper").items()}
        certificates = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "mediaops-ca", "namespace": NAMESPACE},
            "data": {"ca.crt": authority},
        }
        return [
            _secret("mediaops-operator", operator),
            _secret("mediaops-backend", backend),
            _secret("mediaops-sweeper", sweeper),
            _secret("mediaops-capability", {"capability.pem": secrets.signing_key("capability.pem")}),
            certificates,
        ]

    def _values(self, control: Archive, operations: Archive) -> dict[str, Any]:
        key = load_pem_private_key(self.fleet.secrets.signing_key("capability.pem").encode(), None)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        # Services are reached by cluster addresses, which stand for one address in their own namespace.
        networks = [SERVICE_RANGE, f"{self.fleet.namespace.address}/32"]
        peers = [{"ipBlock": {"cidr": network}} for network in networks]
        return {
            "images": {"control": _image(control), "operations": _image(operations)},
            "caConfigMap": "mediaops-ca",
            "storage": {
                "bucket": BUCKET,
                "endpoint": self.fleet.url("s3"),
                "publicUrl": self.fleet.s3.url,
                "region": REGION,
            },
            "n8n": {"webhookUrl": f"{self.fleet.url('n8n')}/webhook/upload-media"},
            "capability": {"publicKeys": [public]},
            "operator": {"allowedCidrs": networks, "credentialNamespaces": [LENT_TO]},
            "backend": {"replicas": 1},
            "profiles": {
                "default": {
                    # Two cores run the whole cluster, too.
                    "resources": {
                        "requests": {"cpu": "200m", "memory": "256Mi"},
                        "limits": {"memory": "3Gi"},
                    },
                    "workSizeLimit": "4Gi",
                    "engines": {"openai": {"baseUrl": f"{self.fleet.url('openai')}/v1"}},
                    "env": {"MEDIAOPS_DRIVE_ENDPOINT": self.fleet.url("drive")},
                }
            },
            "networkPolicies": {
                "workspaceNamespaces": [],
                "storage": {"peers": peers, "port": PORTS["s3"]},
                "database": {"peers": peers, "port": PORTS["postgres"]},
                "n8n": {"peers": peers, "port": PORTS["n8n"]},
            },
        }


def start_around(*images: Archive, gpus: int = 1) -> Installation:
    """Start cluster and services side by side, as far as they don't run, and load the images.

    Raises what cluster and services raise; the release is a further step, `Installation.install`.
    """
    cluster = chosen_cluster()
    fleet = Fleet(cluster)
    with ThreadPoolExecutor(1) as pool:
        services = pool.submit(fleet.up)
        cluster.up(gpus=gpus)
        for image in images:
            cluster.load_image(image.path)
        services.result()
    return Installation(cluster, fleet)


def _image(archive: Archive) -> dict[str, str]:
    repository, _, tag = archive.reference.rpartition(":")
    return {"repository": repository, "tag": tag, "pullPolicy": "Never"}


def _secret(name: str, data: dict[str, str], namespace: str = NAMESPACE) -> dict[str, Any]:
    # Encoded, not stringData: server-side apply then sees what hasn't changed.
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": encoded,
    }


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Lay `more` over `base`, map by map."""
    merged = dict(base)
    for key, value in more.items():
        under = merged.get(key)
        merged[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _run(command: list[str], stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallFailed(f"{Path(command[0]).name} {' '.join(command[1:4])} …: {done.stderr.strip()}")
    return done.stdout
