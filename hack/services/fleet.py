"""All services of demo and e2e tests together, in their network namespace."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from hack.cluster.api import Api
from hack.cluster.interface import LOCAL, Cluster
from hack.cluster.objects import ensure_namespace, expose_service
from hack.cluster.waiting import say
from hack.services import n8n_deployment
from hack.services.n8n import N8n
from hack.services.namespace import Namespace
from hack.services.postgres import Postgres
from hack.services.s3 import BUCKET, GRANTS, REGION, ROOT, S3
from hack.services.secret_files import SecretFiles
from hack.services.service import HttpService, Service, Tls
from hack.services.standin import StandInService

KUBERNETES_NAMESPACE = "mediaops-services"
PORTS = {"postgres": 5432, "s3": 9000, "n8n": 5678, "x": 8441, "openai": 8442, "sources": 8443, "drive": 8444}
STAND_INS = ("x", "openai", "sources", "drive")
DATABASE = "mediaops"
ROLES = ("mediaops_owner", "mediaops_backend", "mediaops_operator")
SERVICE_ACCOUNT = "mediaops@mediaops-test.iam.gserviceaccount.com"
# As the chart's release `mediaops` in the namespace `mediaops` names it.
BACKEND_URL = "http://mediaops-backend.mediaops.svc.cluster.local"


class NamespaceTaken(Exception):
    """Another checkout's services run on this machine."""


class Fleet:
    """The services of one checkout: one namespace of the machine, one CA, one folder of secrets.

    Certificates come from the cluster's CA, so that pods trust one CA; the cluster need not run.
    """

    def __init__(
        self,
        cluster: Cluster,
        local: Path = LOCAL,
        namespace: Namespace | None = None,
        backend_url: str = BACKEND_URL,
    ) -> None:
        self.folder = (local / "services").resolve()
        self.inventory_file = local / "services.json"
        self.secrets = SecretFiles(local / "secrets")
        self.namespace = namespace or Namespace()
        self._cluster = cluster
        self._backend_url = backend_url

    @staticmethod
    def host(name: str) -> str:
        """Return the name by which pods reach a service."""
        return f"{name}.{KUBERNETES_NAMESPACE}.svc.cluster.local"

    def url(self, name: str) -> str:
        """Return a service's base URL, by the name that pods use."""
        return f"https://{self.host(name)}:{PORTS[name]}"

    @cached_property
    def tls(self) -> Tls:
        """One certificate for all: it carries each name, the namespace's address and this machine."""
        names = [self.host(name) for name in PORTS]
        addresses = ["localhost", "127.0.0.1", self.namespace.address]
        certificate = self._cluster.issue_certificate("services", [*names, *addresses])
        return Tls(certificate, self._cluster.authority.cert)

    @cached_property
    def postgres(self) -> Postgres:
        """PostgreSQL with the database `mediaops`."""
        return Postgres(*self._where("postgres"), password=self.secrets.text("postgres-admin"))

    @cached_property
    def s3(self) -> S3:
        """versitygw with the bucket `media`."""
        keys = {user: self.secrets.text(f"s3-{user}") for user in (ROOT, *GRANTS)}
        return S3(*self._where("s3"), secrets=keys)

    @cached_property
    def n8n(self) -> N8n:
        """n8n with the workflows of `n8n/`."""
        return N8n(
            *self._where("n8n"),
            encryption_key=self.secrets.text("n8n-encryption-key"),
            owner_password=self.secrets.text("n8n-owner-password"),
            public_url=self.url("n8n"),
            trusted=self.tls.authority,
            # Not in the folder that `down` removes: it makes the next start shorter.
            templates=self.inventory_file.with_name("n8n-templates"),
        )

    @cached_property
    def stand_ins(self) -> dict[str, StandInService]:
        """The stand-ins of outside services by name."""
        return {
            name: StandInService(name, *self._where(name), arguments=self._arguments(name))
            for name in STAND_INS
        }

    @property
    def services(self) -> list[Service]:
        """All of them; what takes longest comes first."""
        return [self.n8n, self.postgres, self.s3, *self.stand_ins.values()]

    def up(self) -> None:
        """Start what doesn't run, side by side, and wait; then write `.local/services.json`.

        What a crash left is put in order and goes on with the data it has. n8n starts anew, with a fresh
        database, where workflows or credentials have changed. Raises NamespaceTaken, and what services raise.
        """
        with self._locked():
            self._claim()
            self.namespace.set_up(self.host(name) for name in PORTS)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made here, not by the threads: certificate and secrets are made with them where there are none yet.
            others = [service for service in self.services if service not in {self.n8n, self.postgres}]
            with ThreadPoolExecutor(len(PORTS)) as pool:
                started = [
                    pool.submit(start)
                    for start in (
                        self._start_n8n,
                        self._start_postgres,
                        *(service.start for service in others),
                    )
                ]
            for each in started:
                each.result()
            self.inventory_file.write_text(json.dumps(self.inventory(), indent=2) + "\n")

    def down(self) -> None:
        """Stop all and remove their data and the namespace; secrets stay. It needs nothing that still works."""
        with self._locked():
            if self._owner() in {None, self.folder}:
                self._sweep()
            self.inventory_file.unlink(missing_ok=True)

    def status(self) -> dict[str, bool]:
        """Return for each service whether it can serve."""
        return {service.name: service.running and service.ready() for service in self.services}

    def expose(self, api: Api) -> None:
        """Let pods of a cluster reach them by name."""
        ensure_namespace(api, KUBERNETES_NAMESPACE)
        for name, port in PORTS.items():
            expose_service(api, KUBERNETES_NAMESPACE, name, port, self.namespace.address)

    def inventory(self) -> dict[str, Any]:
        """Return where everything is: addresses, and files that hold secrets, but no secret."""
        return {
            "address": self.namespace.address,
            "kubernetes_namespace": KUBERNETES_NAMESPACE,
            "ca_file": str(self.tls.authority),
            "services": {
                service.name: {
                    "host": self.host(service.name),
                    "port": service.port,
                    "logs": str(service.processes.logs),
                    **({"url": service.url} if isinstance(service, HttpService) else {}),
                }
                for service in self.services
            },
            "postgres": {"database": DATABASE, "roles": list(ROLES)},
            "s3": {"bucket": BUCKET, "region": REGION, "users": [ROOT, *GRANTS]},
            "secrets": str(self.secrets.folder),
        }

    def database_url(self, role: str, **parameters: str) -> str:
        """Return the URL by which a pod reaches the database as one of ROLES; it holds the password.

        `parameters`: libpq's, such as `sslrootcert`, where that pod has the CA's certificate.
        """
        extra = "".join(f"&{name}={value}" for name, value in parameters.items())
        secret = self.secrets.text(f"postgres-{role}")
        host = f"{self.host('postgres')}:{PORTS['postgres']}"
        return f"postgresql://{role}:{secret}@{host}/{DATABASE}?sslmode=verify-full{extra}"

    def _start_postgres(self) -> None:
        self.postgres.start()
        self.postgres.create_database(DATABASE)
        self.postgres.migrate(DATABASE)
        for role in ROLES:
            self.postgres.set_password(role, self.secrets.text(f"postgres-{role}"))

    def _start_n8n(self) -> None:
        workflows = self.folder / "workflows"
        shutil.rmtree(workflows, ignore_errors=True)
        n8n_deployment.write_workflows(workflows, self._backend_url, self.url("x"))
        credentials = n8n_deployment.credentials(self.secrets, self.url("x"))
        if not self.n8n.has_deployed(credentials, workflows):
            self.n8n.stop()
            self.n8n.deploy(credentials, workflows)
        self.n8n.start()

    def _arguments(self, name: str) -> list[str | Path]:
        secret = self.secrets.path
        match name:
            case "x":
                return ["--bearer-file", n8n_deployment.write_x_account(self.secrets)]
            case "openai":
                self.secrets.text("openai-api-key")
                return ["--api-key-file", secret("openai-api-key")]
            case "sources":
                self.secrets.text("sources-token")
                return ["--token-file", secret("sources-token")]
            case "drive":
                self.secrets.text("drive-api-key")
                self.secrets.service_account(
                    "drive-service-account", SERVICE_ACCOUNT, f"{self.url('drive')}/token"
                )
                return [
                    "--api-key-file", secret("drive-api-key"),
                    "--service-account", secret("drive-service-account"),
                ]  # fmt: skip
        raise KeyError(name)

    def _where(self, name: str) -> tuple[Path, Any, int, Tls]:
        return self.folder / name, self.namespace.place, PORTS[name], self.tls

    def _sweep(self) -> None:
        with ThreadPoolExecutor(len(PORTS)) as pool:
            for removed in [pool.submit(service.remove) for service in self.services]:
                removed.result()
        self.namespace.tear_down()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._owner_file.unlink(missing_ok=True)

    @property
    def _owner_file(self) -> Path:
        """Gone after a reboot, like the namespace."""
        return Path("/run") / f"{self.namespace.name}.owner"

    def _owner(self) -> Path | None:
        return Path(self._owner_file.read_text()) if self._owner_file.exists() else None

    def _claim(self) -> None:
        owner = self._owner()
        if owner not in {None, self.folder}:
            other = Fleet(self._cluster, owner.parent, self.namespace)
            if any(service.running for service in other.services):
                raise NamespaceTaken(f"the services of {owner} run here: stop those first")
            say(f"cleaning up after {owner}")
            other._sweep()
        self._owner_file.write_text(str(self.folder))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start or stop them."""
        with self._owner_file.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
