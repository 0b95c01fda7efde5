"""The API server, as far as the operator needs it: a handful of calls over one pool of connections."""

from __future__ import annotations

import asyncio
import base64
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from mediaops.models.base import GROUP, VERSION

Manifest = dict[str, Any]

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PAGE = 500
_CONNECTIONS = 64
_TIMEOUT_SECONDS = 30
_TRIES = 4

MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused; the message is its own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


class Conflict(ApiError):
    """The object exists already, or isn't the version it was taken for."""


class Gone(ApiError):
    """There is no such object (any more)."""


class Unreachable(Exception):
    """The API server doesn't answer."""


@dataclass(frozen=True)
class Resource:
    """Where objects of a kind live."""

    prefix: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Give the path of all objects, those of a namespace, or one."""
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{self.prefix}{place}/{self.plural}" + (f"/{name}" if name else "")


ASSETS = Resource(f"/apis/{GROUP}/{VERSION}", "mediaassets")
PROCESSING_JOBS = Resource(f"/apis/{GROUP}/{VERSION}", "processingjobs")
JOBS = Resource("/apis/batch/v1", "jobs")
PODS = Resource("/api/v1", "pods")
SECRETS = Resource("/api/v1", "secrets")
EVENTS = Resource("/api/v1", "events")
NAMESPACES = Resource("/api/v1", "namespaces")


@dataclass(frozen=True)
class Access:
    """How to reach the API server: what a kubeconfig or the pod's own service account says."""

    server: str
    ca: str
    token_file: Path | None = None
    """Read anew for every call: the kubelet rotates it."""
    token: str | None = None
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def find(cls, kubeconfig: Path | None) -> Access:
        """Read the kubeconfig, or what the kubelet mounts; raises OSError, KeyError where there is neither."""
        if kubeconfig is None:
            ca, token_file = (_IN_CLUSTER / "ca.crt").read_text(), _IN_CLUSTER / "token"
            return cls("https://kubernetes.default.svc", ca, token_file)
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
        cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
        return cls(
            server=cluster["server"],
            ca=_pem(cluster, "certificate-authority", kubeconfig) or "",
            token=user.get("token"),
            certificate=_pem(user, "client-certificate", kubeconfig),
            key=_pem(user, "client-key", kubeconfig),
        )

    def bearer(self) -> str | None:
        """Give the token to show, as it is now."""
        return self.token_file.read_text().strip() if self.token_file else self.token

    def tls(self) -> ssl.SSLContext:
        """Make the context that checks the server and shows the certificate."""
        context = ssl.create_default_context(cadata=self.ca or None)
        if self.certificate and self.key:
            with tempfile.NamedTemporaryFile() as pem:  # ssl takes a client certificate only from a file
                pem.write(f"{self.certificate}\n{self.key}".encode())
                pem.flush()
                context.load_cert_chain(pem.name)
        return context


def _pem(section: Manifest, name: str, kubeconfig: Path) -> str | None:
    data = section.get(f"{name}-data")
    if data:
        return base64.b64decode(data).decode()
    file = section.get(name)
    return (kubeconfig.parent / file).read_text() if file else None


class Cluster:
    """Calls to the API server; each raises ApiError for a refusal and Unreachable where nobody answers."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None
        self.writes = 0
        """Successful and refused writes so far, for metrics."""

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._access.tls())
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS, connect=10)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def pages(
        self, resource: Resource, *, labels: str = ""
    ) -> AsyncIterator[tuple[list[Manifest], int]]:
        """Give all objects of a kind, page by page, with the version at which they were so."""
        token = ""
        while True:
            parameters = {"limit": str(_PAGE), "labelSelector": labels, "continue": token}
            given = {name: value for name, value in parameters.items() if value}
            page = await self._call("GET", resource.path(), parameters=given)
            yield page["items"], int(page["metadata"]["resourceVersion"])
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """Give one object; raises Gone."""
        return await self._call("GET", resource.path(namespace, name))

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create an object and give it as it is then; raises Conflict where the name is taken."""
        parameters = {"fieldValidation": "Strict"}
        namespace = manifest["metadata"]["namespace"]
        return await self._call("POST", resource.path(namespace), manifest, parameters=parameters)

    async def replace_status(self, resource: Resource, manifest: Manifest, status: Manifest) -> Manifest:
        """Give an object another status if it still is that version; raises Conflict, Gone.

        A whole object, because a patch costs the API server a tenth more: it has to make that object itself.
        """
        metadata = manifest["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"]) + "/status"
        body = manifest | {"status": status}
        return await self._call("PUT", path, body, parameters={"fieldValidation": "Strict"})

    async def patch(self, resource: Resource, namespace: str, name: str, body: Manifest) -> Manifest:
        """Merge into an object."""
        return await self._call("PATCH", resource.path(namespace, name), body, MERGE)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str | None = None) -> None:
        """Delete an object (of that uid) and, in the background, what it owns; one that is gone is fine."""
        body: Manifest = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", resource.path(namespace, name), body)
        except Gone:
            return

    async def _call(
        self,
        verb: str,
        path: str,
        body: Any = None,
        form: str = "application/json",
        parameters: dict[str, str] | None = None,
    ) -> Manifest:
        for attempt in range(1, _TRIES + 1):
            try:
                async with self._answer(verb, path, body, form, parameters) as answer:
                    if answer.status != HTTPStatus.TOO_MANY_REQUESTS or attempt == _TRIES:
                        return await self._read(answer)
                    pause = float(answer.headers.get("Retry-After", "1"))
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == _TRIES or verb != "GET":
                    raise Unreachable(f"{verb} {path}: {type(error).__name__}") from error
                pause = 0.2 * 2**attempt
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def _answer(
        self, verb: str, path: str, body: Any, form: str, parameters: dict[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("enter the Cluster first")
        if verb != "GET":
            self.writes += 1
        bearer = self._access.bearer()
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if body is not None:
            headers["Content-Type"] = form
        request = self._session.request(
            verb,
            self._access.server + path,
            params=parameters,
            data=None if body is None else aiohttp.JsonPayload(body),
            headers=headers,
        )
        async with request as answer:
            yield answer

    async def _read(self, answer: aiohttp.ClientResponse) -> Manifest:
        content: Manifest = await answer.json(content_type=None)
        if answer.status < HTTPStatus.BAD_REQUEST:
            return content
        reason, message = str(content.get("reason", "")), str(content.get("message", ""))
        kinds = {HTTPStatus.CONFLICT: Conflict, HTTPStatus.NOT_FOUND: Gone, HTTPStatus.GONE: Gone}
        raise kinds.get(HTTPStatus(answer.status), ApiError)(answer.status, reason, message)
