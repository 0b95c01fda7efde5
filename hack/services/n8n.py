"""n8n, headless, with a fresh database for each run: credentials and workflows go in before it starts."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from hack.cluster.waiting import say
from hack.services.n8n_runtime import DEPLOY_SCRIPT, n8n_runtime
from hack.services.service import LOOPBACK, HttpService, Place, Tls, free_port

OWNER_EMAIL = "owner@mediaops.test"
REQUEST_SECONDS = 10.0

# What every n8n of ours runs with: no calls home, nothing it doesn't need, and no execution kept that its
# workflow doesn't ask for.
FIXED_ENV = {
    "DB_TYPE": "sqlite",
    "TZ": "UTC",
    "GENERIC_TIMEZONE": "UTC",
    "NODE_ENV": "production",
    "N8N_SECURE_COOKIE": "false",
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_UNVERIFIED_PACKAGES_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_DISABLED_MODULES": (
        "mcp-registry,mcp,instance-ai,agents,chat-hub,community-packages,insights,quick-connect,"
        "workflow-builder"
    ),
    "N8N_RUNNERS_MODE": "internal",
    "N8N_DEFAULT_BINARY_DATA_MODE": "filesystem",
    "N8N_INSTANCE_OWNER_MANAGED_BY_ENV": "true",
    "N8N_INSTANCE_OWNER_EMAIL": OWNER_EMAIL,
    "N8N_INSTANCE_OWNER_FIRST_NAME": "Mediaops",
    "N8N_INSTANCE_OWNER_LAST_NAME": "Owner",
    # "Save none" only marks an execution deleted until a timer comes round; this deletes it when it ends.
    "EXECUTIONS_DATA_PRUNE": "false",
}


class DeployFailed(Exception):
    """n8n refused a credential or a workflow; the message holds the end of what it said."""


class N8n(HttpService):
    """n8n with its own SQLite database.

    encryption_key, owner_password: at least 32 and 8 characters; who has them can read its credentials.
    public_url: what it is called by those who call it, where that isn't its address.
    trusted: a CA file whose servers it may call over TLS, beside the usual ones.
    templates: folder in which finished databases are kept between runs; they hold credentials, encrypted.
    env: more of n8n's variables.
    """

    name = "n8n"
    start_seconds = 300.0

    def __init__(
        self,
        folder: Path,
        place: Place = LOOPBACK,
        port: int = 0,
        tls: Tls | None = None,
        *,
        encryption_key: str,
        owner_password: str,
        public_url: str | None = None,
        trusted: Path | None = None,
        templates: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, place, port, tls)
        self._encryption_key = encryption_key
        self._owner_password = owner_password
        self._public_url = public_url or self.url
        self._trusted = trusted
        self._templates = (templates or self.folder.parent / "n8n-templates").resolve()
        self._more_env = env or {}
        self._data = self.folder / "data"
        self._workflows = self.folder / "workflows"
        self._deployed = self.folder / "deployed"
        # Inside the namespace nobody else has one.
        self._broker_port = 5679 if place.namespace else free_port(place.address)

    def deploy(self, credentials: Sequence[Mapping[str, Any]], workflows: Path) -> None:
        """Replace its data by a fresh database with these credentials and workflows, all published.

        `credentials` are as n8n exports them decrypted: {id, name, type, data}. `workflows` is a folder of
        JSON files, one workflow each, with ids. The same input makes the same database, so it is made once
        (about 5 s) and then copied.

        Raises DeployFailed where n8n refuses something, and RuntimeError while it runs.
        """
        if self.running:
            raise RuntimeError("n8n runs: what is imported now would take effect in part only")
        credentials_json = json.dumps(credentials, sort_keys=True)
        digest = self._digest(credentials_json, workflows)
        template = self._templates / digest
        if not template.is_dir():
            self._make_template(template, credentials_json, workflows)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._deployed.unlink(missing_ok=True)
        for folder, source in ((self._data, template), (self._workflows, workflows)):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, folder)
        self._deployed.write_text(digest)

    def has_deployed(self, credentials: Sequence[Mapping[str, Any]], workflows: Path) -> bool:
        """Return whether its database was made from just these credentials and workflows."""
        digest = self._digest(json.dumps(credentials, sort_keys=True), workflows)
        return self._deployed.exists() and self._deployed.read_text() == digest

    def command(self) -> Sequence[str | Path]:
        """See Service."""
        runtime = n8n_runtime()
        return [runtime.node, runtime.program, "start"]

    def prepare(self) -> None:
        """See Service. Without `deploy` it starts with an empty database."""
        self._data.mkdir(mode=0o700, exist_ok=True)

    def env(self) -> Mapping[str, str]:
        """See Service."""
        tls = {}
        if self.tls:
            tls = {
                "N8N_PROTOCOL": "https",
                "N8N_SSL_KEY": str(self.tls.certificate.key),
                "N8N_SSL_CERT": str(self.tls.certificate.cert),
            }
        return {
            **self._database_env(self._data),
            # n8n starts its task runner with the first `node` there is.
            "PATH": f"{n8n_runtime().node.parent}:{os.environ['PATH']}",
            "N8N_HOST": self.place.address,
            "N8N_LISTEN_ADDRESS": self.place.address,
            "N8N_PORT": str(self.port),
            "N8N_WEBHOOK_URL": f"{self._public_url}/",
            "N8N_EDITOR_BASE_URL": f"{self._public_url}/",
            "N8N_RUNNERS_BROKER_PORT": str(self._broker_port),
            "N8N_INSTANCE_OWNER_PASSWORD_HASH": self._owner_password_hash,
            **tls,
            **({"NODE_EXTRA_CA_CERTS": str(self._trusted)} if self._trusted else {}),
            **self._more_env,
        }

    def ready(self) -> bool:
        """Return whether it serves the webhooks of all its workflows.

        Its own readiness probe says yes a moment before they are registered. A webhook that takes POST
        answers a GET, which starts nothing, with a hint; one that isn't there yet, without.
        """
        with suppress(requests.ConnectionError, requests.Timeout):
            if self._get("/healthz/readiness").status_code == requests.codes.ok:
                return all(
                    "Did you mean to make a" in self._get(f"/webhook/{path}").text
                    for path in self._post_webhooks
                )
        return False

    def api(self) -> requests.Session:
        """Return a session for its public API (`url` + `/api/v1/…`) with a new key of its owner."""
        session = self._session()
        login = {"emailOrLdapLoginId": OWNER_EMAIL, "password": self._owner_password}
        session.post(f"{self.url}/rest/login", json=login, timeout=REQUEST_SECONDS).raise_for_status()
        scopes = session.get(f"{self.url}/rest/api-keys/scopes", timeout=REQUEST_SECONDS).json()["data"]
        wanted = {"label": os.urandom(8).hex(), "scopes": scopes, "expiresAt": None}
        made = session.post(f"{self.url}/rest/api-keys", json=wanted, timeout=REQUEST_SECONDS)
        made.raise_for_status()
        session.cookies.clear()
        session.headers["X-N8N-API-KEY"] = made.json()["data"]["rawApiKey"]
        return session

    def executions(self, **query: str) -> list[dict[str, Any]]:
        """Return the executions it has stored, newest first and at most 250, with their data.

        `query`: more of the API's parameters, such as `workflowId` and `status`.
        """
        answer = self.api().get(
            f"{self.url}/api/v1/executions",
            params={"includeData": "true", "limit": "250", **query},
            timeout=REQUEST_SECONDS,
        )
        answer.raise_for_status()
        return list(answer.json()["data"])

    def stored_bytes(self) -> Iterator[tuple[Path, bytes]]:
        """Yield each file of its data folder with its content, for tests that look for secrets in them."""
        for path in sorted(self._data.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()

    @cached_property
    def _owner_password_hash(self) -> str:
        """bcrypt, by the library n8n checks it with."""
        runtime = n8n_runtime()
        script = "process.stdout.write(require('bcryptjs').hashSync(process.env.PASSWORD, 10))"
        return subprocess.run(
            [runtime.node, "-e", script],
            cwd=runtime.package,
            env={"PASSWORD": self._owner_password},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    @property
    def _post_webhooks(self) -> list[str]:
        """The paths of all webhooks for POST in the deployed workflows."""
        nodes = [
            node
            for file in self._workflows.glob("*.json")
            for node in json.loads(file.read_text())["nodes"]
            if node["type"] == "n8n-nodes-base.webhook" and not node.get("disabled")
        ]
        return [
            node["parameters"]["path"] for node in nodes if node["parameters"].get("httpMethod") == "POST"
        ]

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.tls.authority) if self.tls else True
        return session

    def _get(self, path: str) -> requests.Response:
        return self._session().get(self.url + path, timeout=REQUEST_SECONDS)

    def _database_env(self, user_folder: Path) -> dict[str, str]:
        return {
            **FIXED_ENV,
            "N8N_USER_FOLDER": str(user_folder),
            "N8N_ENCRYPTION_KEY": self._encryption_key,
        }

    def _digest(self, credentials_json: str, workflows: Path) -> str:
        content = hashlib.sha256()
        parts = [str(n8n_runtime().folder), self._encryption_key, credentials_json, DEPLOY_SCRIPT.read_text()]
        for file in sorted(workflows.glob("*.json")):
            parts += [file.name, file.read_text()]
        for part in parts:
            content.update(hashlib.sha256(part.encode()).digest())
        return content.hexdigest()[:32]

    def _make_template(self, template: Path, credentials_json: str, workflows: Path) -> None:
        say("importing and publishing n8n's workflows")
        self._templates.mkdir(mode=0o700, parents=True, exist_ok=True)
        runtime = n8n_runtime()
        with tempfile.TemporaryDirectory(dir=self._templates, prefix=".new-") as made:
            data = Path(made) / "data"
            data.mkdir(mode=0o700)
            credentials = Path(made) / "credentials.json"
            credentials.touch(mode=0o600)
            credentials.write_text(credentials_json)
            ended = subprocess.run(
                [runtime.node, DEPLOY_SCRIPT, runtime.package, credentials, workflows.resolve()],
                env={**self._database_env(data), "N8N_LOG_LEVEL": "warn"},
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode != 0:
                lines = (ended.stdout + ended.stderr).splitlines()[-15:]
                raise DeployFailed("n8n refuses the workflows or credentials:\n" + "\n".join(lines))
            with suppress(FileExistsError, OSError):  # another run was faster with the same
                data.rename(template)
