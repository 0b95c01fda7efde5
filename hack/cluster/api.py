"""A client of the API server as small as our needs: a kubeconfig, a verb, a path, a JSON body."""

import base64
import http.client
import json
import ssl
import tempfile
import urllib.parse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from hack.cluster.pki import Certificate

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
FIELD_MANAGER = "mediaops-cluster"


class ApiError(Exception):
    """The API server refused: `status` is HTTP's, the message is the server's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Api:
    """Calls as the user of a kubeconfig file, each on a connection of its own."""

    kubeconfig: Path

    def get(self, path: str) -> Any:
        """Return the object or list at `path`, decoded; plain text where the server sends that."""
        return self.call("GET", path)

    def apply(self, path: str, body: dict[str, Any]) -> Any:
        """Create or change the object at `path` to say what `body` says (server-side apply)."""
        return self.call("PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", body, APPLY)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Merge `body` into the object at `path`."""
        return self.call("PATCH", path, body, MERGE)

    def delete(self, path: str) -> None:
        """Delete the object at `path`; it is no error if there is none."""
        try:
            self.call("DELETE", path, {"propagationPolicy": "Background"})
        except ApiError as error:
            if error.status != http.client.NOT_FOUND:
                raise

    def ready(self, path: str = "/readyz") -> bool:
        """Return whether the server answers `path` with success; False where nothing listens."""
        try:
            self.get(path)
        except (OSError, ApiError, http.client.HTTPException):
            return False
        return True

    def call(
        self, verb: str, path: str, body: dict[str, Any] | None = None, kind: str = "application/json"
    ) -> Any:
        """Return the decoded answer. Raises ApiError for a refusal, OSError where nobody answers."""
        connection = self.connect()
        try:
            content = json.dumps(body) if body is not None else None
            connection.request(verb, path, content, {"Content-Type": kind} if content else {})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        decoded: Any = json.loads(text) if is_json else text
        if answer.status >= http.client.BAD_REQUEST:
            raise ApiError(answer.status, decoded.get("message", text) if is_json else text)
        return decoded

    def connect(self, timeout: float = 30.0) -> http.client.HTTPSConnection:
        """Return a connection of its own, for who has many requests to make; it connects with the first."""
        host, tls = self._endpoint
        return http.client.HTTPSConnection(host, context=tls, timeout=timeout)

    @cached_property
    def _endpoint(self) -> tuple[str, ssl.SSLContext]:
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        tls = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pem:  # ssl takes a client certificate only from a file
            for part in ("client-certificate-data", "client-key-data"):
                pem.write(base64.b64decode(user[part]))
            pem.flush()
            tls.load_cert_chain(pem.name)
        return urllib.parse.urlsplit(cluster["server"]).netloc, tls


def write_kubeconfig(path: Path, server: str, authority: Path, user: Certificate) -> None:
    """Write a kubeconfig that holds its certificates, readable by its owner only.

    It is replaced in one step, and only if it changes: who reads it meanwhile gets the whole of one.
    """

    def encoded(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": encoded(authority)}
    credentials = {"client-certificate-data": encoded(user.cert), "client-key-data": encoded(user.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "mediaops", "cluster": cluster}],
        "users": [{"name": "user", "user": credentials}],
        "contexts": [{"name": "mediaops", "context": {"cluster": "mediaops", "user": "user"}}],
        "current-context": "mediaops",
    }
    replace_file(path, yaml.safe_dump(config, sort_keys=False))


def replace_file(path: Path, text: str) -> None:
    """Let a file that only its owner may read hold `text`, in one step, and leave it alone if it does."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    aside.touch(mode=0o600)
    aside.write_text(text)
    aside.rename(path)
