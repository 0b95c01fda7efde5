"""Moments that are held until a test has done its harm: so a fault comes when it has to, not when it may.

- `Gate`: a reverse proxy before n8n or the backend. A request is held before it is passed on, or once it was
  answered; then its caller gets no answer. Or requests are lost on the way.
- `Admission`: the API server asks before it writes a status. A write is held, then refused.
- `held_commit`: Postgres holds a transaction of the backend in its COMMIT, and ends it all the same.
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

import requests

from hack.cluster import ApiError
from hack.cluster.network import NODE_ADDRESS
from hack.cluster.pki import Certificate
from hack.cluster.waiting import wait_until
from hack.services.fleet import DATABASE
from tests.e2e.workspace import Object, Workspace

LONGEST_SECONDS = 25.0
"""How long anything is held: the API server waits 30 s for an answer, at most."""
COMES_SECONDS = 120.0
REQUEST_SECONDS = 30.0
OF_ONE_HOP = frozenset({"host", "connection", "keep-alive", "content-length", "transfer-encoding"})
LOCK = 5300
"""The advisory lock that held transactions wait for."""

Place = Literal["before", "after"]


@dataclass
class Moment:
    """The first request that matches, and whoever made it, held where it is."""

    what: str
    matches: Callable[[Object], bool]
    place: Place = "before"
    _came: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, request: Object) -> bool:
        """Say whether a request is the one; it is from then on."""
        with self._lock:
            if self._came.is_set() or not self.matches(request):
                return False
            self._came.set()
            return True

    def hold(self) -> None:
        """Keep the calling thread until the moment is over."""
        self._over.wait(LONGEST_SECONDS)

    def wait(self) -> None:
        """Wait until it has come. Raises TimedOut."""
        wait_until(self.what, self._came.is_set, COMES_SECONDS)

    def end(self) -> None:
        """Let go whoever is held."""
        self._over.set()


class Door(ThreadingHTTPServer):
    """An HTTP server on the node's address, which pods and the API server reach, with moments to hold."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], certificate: Certificate | None = None) -> None:
        super().__init__((NODE_ADDRESS, 0), handler)
        self._moments: list[Moment] = []
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate.cert, certificate.key)
            # The handshake is the request's own thread's: a silent client must not keep the others out.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if certificate else 'http'}://{NODE_ADDRESS}:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @contextlib.contextmanager
    def holding(
        self, what: str, matches: Callable[[Object], bool], place: Place = "before"
    ) -> Iterator[Moment]:
        """Hold the first request that matches, from when it comes to the end of this context."""
        moment = Moment(what, matches, place)
        self._moments.append(moment)
        try:
            yield moment
        finally:
            self._moments.remove(moment)
            moment.end()

    def held(self, request: Object, place: Place) -> bool:
        """Hold the calling thread if this is a request to hold; say whether it was."""
        moment = next((m for m in [*self._moments] if m.place == place and m.takes(request)), None)
        if moment:
            moment.hold()
        return moment is not None


class Gate(Door):
    """A reverse proxy; `upstream` is the base URL behind it, `trusted` the file of the CA it is verified by.

    Requests are {path, body}, where the body is JSON.
    """

    def __init__(self, upstream: str, trusted: str, certificate: Certificate | None = None) -> None:
        super().__init__(_Passage, certificate)
        self.upstream = upstream
        self.trusted = trusted
        self._losses: list[Callable[[Object], bool]] = []
        self.lost: list[Object] = []

    @contextlib.contextmanager
    def losing(self, matches: Callable[[Object], bool]) -> Iterator[None]:
        """Lose every request that matches: it never arrives, and its connection breaks."""
        self._losses.append(matches)
        try:
            yield
        finally:
            self._losses.remove(matches)

    def loses(self, request: Object) -> bool:
        """Say whether a request is lost, and remember it."""
        if not any(matches(request) for matches in self._losses):
            return False
        self.lost.append(request)
        return True


class _Passage(BaseHTTPRequestHandler):
    """Passes requests on, as far as the gate lets them through."""

    server: Gate
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = {"path": self.path, "body": _json(content)}
        answer = None
        if not self.server.loses(request) and not self.server.held(request, "before"):
            answer = self._upstream(content)
        if answer is None or self.server.held(request, "after"):
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in OF_ONE_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

    def _upstream(self, content: bytes) -> requests.Response | None:
        """Give what the service behind answers; None where it isn't there."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_ONE_HOP}
        # As it is: what is compressed stays so, and no answer is asked for in another form.
        headers.setdefault("Accept-Encoding", "identity")
        try:
            return requests.request(
                self.command,
                self.server.upstream + self.path,
                data=content,
                headers=headers,
                allow_redirects=False,
                verify=self.server.trusted,
                timeout=REQUEST_SECONDS,
            )
        except requests.ConnectionError:
            return None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Admission(Door):
    """The API server asks here before it writes a status in a workspace's namespace; all but held ones may pass.

    Requests are those of admission/v1.
    """

    NAME = "mediaops-faults"
    PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"

    def __init__(self, space: Workspace) -> None:
        cluster = space.installation.cluster
        self._certificate = cluster.issue_certificate("faults", [NODE_ADDRESS])
        super().__init__(_Review, self._certificate)
        self._api = cluster.api
        self._authority = cluster.authority.cert
        self._space = space
        self.asked = threading.Event()

    def __enter__(self) -> Self:
        super().__enter__()
        self._api.apply(f"{self.PATH}/{self.NAME}", self._configuration())
        wait_until("the first question of the API server", self._is_asked, COMES_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._api.delete(f"{self.PATH}/{self.NAME}")
        super().__exit__()

    def _is_asked(self) -> bool:
        """Write something that stays without consequence, and say whether we were asked."""
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "probe-"}}
        with contextlib.suppress(ApiError):
            self._api.call("POST", f"/api/v1/namespaces/{self._space.name}/configmaps?dryRun=All", probe)
        return self.asked.is_set()

    def _configuration(self) -> Object:
        def rule(group: str, operation: str, *resources: str) -> Object:
            return {
                "apiGroups": [group],
                "apiVersions": ["*"],
                "operations": [operation],
                "resources": list(resources),
            }

        webhook = {
            "name": "held.faults.mediaops.dev",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 30,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._space.name}},
            "rules": [
                rule("mediaops.dev", "UPDATE", "mediaassets/status", "processingjobs/status"),
                rule("", "CREATE", "configmaps"),
            ],
            "clientConfig": {
                "url": self.url,
                "caBundle": base64.b64encode(self._authority.read_bytes()).decode(),
            },
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self.NAME},
            "webhooks": [webhook],
        }


class _Review(BaseHTTPRequestHandler):
    """Answers the API server's questions."""

    server: Admission
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.set()
        request = review["request"]
        denied = self.server.held(request, "before")
        review["response"] = {"uid": request["uid"], "allowed": not denied}
        del review["request"]
        content = json.dumps(review).encode()
        with contextlib.suppress(OSError):  # whoever asked has been killed
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


MOVES = {
    "claim": ("old.state = 'planned' and new.state = 'claimed'", "state = 'claimed'"),
    "saved state": (
        "new.state = 'claimed' and new.saved_state <> old.saved_state",
        "state = 'claimed' and saved_state <> '{}'",
    ),
    "settlement": ("old.state <> 'posted' and new.state = 'posted'", "state = 'posted'"),
}
"""What the backend does to a publication: how the row moves, and how it is afterwards."""


@contextlib.contextmanager
def held_commit(space: Workspace, name: str, move: str) -> Iterator[Callable[[], None]]:
    """Hold the backend's transaction that moves an asset's publication so, in its COMMIT.

    Gives what waits until one is held. At the end the transaction goes on, and is committed whatever became of
    the backend meanwhile; Postgres gives it 5 s (the backend's statement_timeout).
    """
    moves, moved = MOVES[move]
    resource = f"{space.name}/{name}"
    with space.installation.fleet.postgres.connect(DATABASE) as holder:

        def asks(statement: str) -> bool:
            return holder.execute(statement).fetchone() is not None

        holder.execute(f"select pg_advisory_lock({LOCK})")
        holder.execute(
            "create or replace function held_commit() returns trigger language plpgsql"
            f" set lock_timeout to '0' as $$ begin perform pg_advisory_xact_lock({LOCK}); return null; end $$"
        )
        holder.execute(
            "create constraint trigger held_commit after update on content_posts"
            " deferrable initially deferred for each row"
            f" when (new.resource = '{resource}' and {moves}) execute function held_commit()"
        )
        held = "select 1 from pg_stat_activity where wait_event = 'advisory' and query = 'COMMIT'"
        try:
            yield lambda: _wait(f"the {move} of {name}", lambda: asks(held))
        finally:
            holder.execute(f"select pg_advisory_unlock({LOCK})")
            holder.execute("drop function held_commit cascade")  # once nobody is held any more
        row = f"select 1 from content_posts where resource = '{resource}' and {moved}"  # noqa: S608 -- ours
        assert asks(row), f"the {move} of {name} was not committed"


def _wait(what: str, check: Callable[[], bool]) -> None:
    wait_until(what, check, COMES_SECONDS)


def _json(content: bytes) -> Object:
    try:
        found: Object = json.loads(content)
    except ValueError:
        return {}
    return found
