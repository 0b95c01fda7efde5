"""What every stand-in needs of HTTP: routes, whole answers and broken ones, on the standard library alone.

Broken answers (a hang, a closed connection, a trickle) need the socket itself: hence no WSGI app.
"""

import argparse
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.datastructures import FileStorage
from werkzeug.formparser import parse_form_data
from werkzeug.test import EnvironBuilder

MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request, read whole. Header names are lower case; `params` are the groups of the route's path."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    params: dict[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object, or None if it is anything else."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def form(self) -> tuple[dict[str, str], dict[str, FileStorage]]:
        """Fields and files of a form body, url-encoded or multipart."""
        environ = EnvironBuilder(
            method="POST", data=self.body, content_type=self.headers.get("content-type", "")
        ).get_environ()
        _, fields, files = parse_form_data(environ)
        return fields.to_dict(), files.to_dict()


@dataclass(frozen=True)
class Response:
    """An answer; `fate` says how it reaches the caller.

    whole: as it is. close: the connection ends without an answer. hang: the answer comes after `seconds`.
    trickle: the body comes byte by byte, evenly over `seconds`.

    `chunks` is a body that is sent as it comes, instead of `body`; the connection ends with it, whatever length
    the headers promised.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    fate: str = "whole"
    seconds: float = 0.0
    chunks: Iterator[bytes] | None = None


def json_response(status: int, value: object, headers: dict[str, str] | None = None) -> Response:
    """`value` as JSON."""
    return Response(
        status,
        json.dumps(value).encode(),
        {"content-type": "application/json; charset=utf-8", **(headers or {})},
    )


Route = Callable[[Request], Response]


class Router:
    """Routes by method and path pattern, tried in the order they were added. `{name}` is one segment."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []

    def add(self, method: str, pattern: str, route: Route) -> None:
        """Serve `method` on paths like `pattern` with `route`."""
        regex = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern))
        self._routes.append((method, regex, route))

    def __call__(self, request: Request) -> Response:
        allowed = False
        for method, regex, route in self._routes:
            match = regex.fullmatch(request.path)
            if match and method == request.method:
                return route(Request(**{**vars(request), "params": match.groupdict()}))
            allowed = allowed or match is not None
        return (
            json_response(405, {"title": "Method Not Allowed"})
            if allowed
            else json_response(404, {"title": "Not Found", "detail": request.path})
        )


def _handler(app: Route) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _read_body(self) -> bytes:
            if "chunked" in self.headers.get("transfer-encoding", "").lower():
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)
            return self.rfile.read(min(int(self.headers.get("content-length") or 0), MAX_BODY_BYTES))

        def _serve(self) -> None:
            url = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=url.path,
                query={k: v[-1] for k, v in parse_qs(url.query, keep_blank_values=True).items()},
                headers={k.lower(): v for k, v in self.headers.items()},
                body=self._read_body(),
            )
            self._send(app(request))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

        def _send(self, response: Response) -> None:
            if response.fate == "close":
                self.close_connection = True
                return
            if response.fate == "hang":
                time.sleep(response.seconds)
            try:
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                if response.chunks is None:
                    self.send_header("content-length", str(len(response.body)))
                else:
                    self.close_connection = True
                self.end_headers()
                if self.command == "HEAD":
                    return
                for chunk in response.chunks or ():
                    self.wfile.write(chunk)
                if response.fate != "trickle":
                    self.wfile.write(response.body)
                    return
                for byte in response.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(response.seconds / len(response.body))
            except OSError:
                self.close_connection = True  # the caller went away, as callers with a time-out do

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet: stand-ins record their calls where tests can read them."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class StandIn:
    """A stand-in's server: `serve_forever` in a process of its own, or a context manager in a thread."""

    def __init__(
        self, app: Route, host: str, port: int, tls_cert: str | None = None, tls_key: str | None = None
    ) -> None:
        self._server = _Server((host, port), _handler(app))
        self._scheme = "http"
        if tls_cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls_cert, tls_key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"
        self.host, self.port = host, int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}:{self.port}"

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def __enter__(self) -> "StandIn":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def arguments(description: str) -> argparse.ArgumentParser:
    """The command-line arguments that every stand-in takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="address to listen on")
    parser.add_argument(
        "--state", required=True, metavar="DIR", help="folder for what must outlive the process"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="serve TLS with this certificate chain (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", help="the certificate's key (PEM)")
    return parser


def host_and_port(listen: str) -> tuple[str, int]:
    """`HOST:PORT` in two."""
    host, _, port = listen.rpartition(":")
    return host, int(port)
