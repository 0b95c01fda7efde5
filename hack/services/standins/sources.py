"""`python -m hack.services.standins.sources --listen HOST:PORT --state DIR`: a web server that sources come from.

It serves the files in `DIR/files`, well or badly, by path (NAME is a file's name):

| path | answer |
| --- | --- |
| /ok/NAME | the file; HEAD, Range, If-Range, ETag |
| /secret/TOKEN/NAME | the file for the token in --token-file, else 403 |
| /bearer/NAME | the file for `Authorization: Bearer` with that token, else 401 |
| /status/CODE | that status, with Retry-After where it is 429 or 503 |
| /redirect/KIND/NAME | 302 to /ok/NAME; KIND: ok, http, loopback, metadata, userinfo, file, loop |
| /hang | nothing, ever |
| /stall/NAME | the headers and half of the file, then nothing, ever |
| /trickle/NAME | a byte every half second |
| /short/NAME | half of the file under the whole one's length |
| /unbounded | zeros without end or length, 4 MB a second |
| /huge | the same under a length of 10 GB |
| /cut/NAME?after=N | at most N bytes a request, then the connection ends; a client can go on with Range |
| /cut-no-range/NAME?after=N | the same, but Range is ignored: 200 and the whole file's beginning |
| /changing/NAME?after=N | as /cut, but the file has another ETag each time, so If-Range gives all of it anew |

Each request is a line of JSON in `DIR/requests.jsonl`: method, path, range, status.
"""

import hashlib
import itertools
import json
import mimetypes
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hack.services.standins.base import Request, Response, Router, StandIn, arguments, host_and_port

BLOCK_BYTES = 64 * 1024
HUGE_BYTES = 10_000_000_000
ZEROS_PER_SECOND = 4 * 1024 * 1024
FOREVER_SECONDS = 3600.0
LOCATIONS = {
    "ok": "/ok/{name}",
    "http": "http://{host}/ok/{name}",
    "loopback": "https://127.0.0.1:{port}/ok/{name}",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "userinfo": "https://user:password@{host}/ok/{name}",
    "file": "file:///etc/passwd",
    "loop": "/redirect/loop/{name}",
}


class Sources:
    """The server as a function from request to response."""

    def __init__(self, state: Path, token: str | None = None) -> None:
        self._files = state / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        self._log = state / "requests.jsonl"
        self._token = token
        self._lock = threading.Lock()
        self._versions = itertools.count()
        self._router = Router()
        for path, route in (
            ("/ok/{name}", self._ok),
            ("/secret/{token}/{name}", self._secret),
            ("/bearer/{name}", self._bearer),
            ("/status/{code}", self._status),
            ("/redirect/{kind}/{name}", self._redirect),
            ("/hang", self._hang),
            ("/stall/{name}", self._stall),
            ("/trickle/{name}", self._trickle),
            ("/short/{name}", self._short),
            ("/unbounded", self._unbounded),
            ("/huge", self._huge),
            ("/cut/{name}", self._cut),
            ("/cut-no-range/{name}", self._cut_no_range),
            ("/changing/{name}", self._changing),
        ):
            self._router.add("GET", path, route)
            self._router.add("HEAD", path, route)

    def __call__(self, request: Request) -> Response:
        """Answer, and write down what was asked."""
        response = self._router(request)
        asked = {"method": request.method, "path": request.path, "range": request.headers.get("range")}
        with self._lock, self._log.open("a") as log:
            log.write(json.dumps({**asked, "status": response.status}) + "\n")
        return response

    def _ok(self, request: Request) -> Response:
        file = self._file(request)
        return _part(request, file, _etag(file)) if file else _plain(404)

    def _secret(self, request: Request) -> Response:
        return self._ok(request) if request.params["token"] == self._token else _plain(403)

    def _bearer(self, request: Request) -> Response:
        if self._token and request.headers.get("authorization") == f"Bearer {self._token}":
            return self._ok(request)
        return replace(_plain(401), headers={"www-authenticate": "Bearer"})

    def _status(self, request: Request) -> Response:
        code = int(request.params["code"])
        return replace(_plain(code), headers={"retry-after": "1"} if code in {429, 503} else {})

    def _redirect(self, request: Request) -> Response:
        host = request.headers["host"]
        location = LOCATIONS[request.params["kind"]].format(
            name=request.params["name"], host=host, port=host.rpartition(":")[2]
        )
        return Response(302, headers={"location": location})

    def _hang(self, _: Request) -> Response:
        return Response(200, fate="hang", seconds=FOREVER_SECONDS)

    def _stall(self, request: Request) -> Response:
        def half_and_no_more(file: Path) -> Iterator[bytes]:
            yield from _blocks(file, 0, file.stat().st_size // 2)
            time.sleep(FOREVER_SECONDS)

        return self._whole(request, half_and_no_more)

    def _trickle(self, request: Request) -> Response:
        def slowly(file: Path) -> Iterator[bytes]:
            for byte in file.read_bytes():
                yield bytes([byte])
                time.sleep(0.5)

        return self._whole(request, slowly)

    def _short(self, request: Request) -> Response:
        return self._whole(request, lambda file: _blocks(file, 0, file.stat().st_size // 2))

    def _unbounded(self, _: Request) -> Response:
        return Response(200, headers={"content-type": "video/mp4"}, chunks=_zeros())

    def _huge(self, request: Request) -> Response:
        unbounded = self._unbounded(request)
        return replace(unbounded, headers={**unbounded.headers, "content-length": str(HUGE_BYTES)})

    def _cut(self, request: Request) -> Response:
        file = self._file(request)
        return _part(request, file, _etag(file), _after(request)) if file else _plain(404)

    def _cut_no_range(self, request: Request) -> Response:
        return self._cut(replace(request, headers={**request.headers, "range": ""}))

    def _changing(self, request: Request) -> Response:
        file = self._file(request)
        return _part(request, file, f'"{next(self._versions)}"', _after(request)) if file else _plain(404)

    def _file(self, request: Request) -> Path | None:
        file = self._files / request.params["name"]
        return file if file.is_file() else None

    def _whole(self, request: Request, chunks: Callable[[Path], Iterator[bytes]]) -> Response:
        file = self._file(request)
        if not file:
            return _plain(404)
        headers = {**_headers(file, _etag(file)), "content-length": str(file.stat().st_size)}
        return Response(200, headers=headers, chunks=chunks(file))


def _part(request: Request, file: Path, etag: str, at_most: int | None = None) -> Response:
    """Answer with what Range asks for, or all of it; `at_most` bytes of that are really sent."""
    size = file.stat().st_size
    headers = _headers(file, etag)
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not asked or request.headers.get("if-range", etag) != etag:
        first, end, status = 0, size, 200
    else:
        first, end, status = int(asked[1]), min(size, int(asked[2] or size - 1) + 1), 206
        if first >= size:
            return Response(416, headers={**headers, "content-range": f"bytes */{size}"})
        headers["content-range"] = f"bytes {first}-{end - 1}/{size}"
    headers["content-length"] = str(end - first)
    sent = end if at_most is None else min(end, first + at_most)
    return Response(status, headers=headers, chunks=_blocks(file, first, sent))


def _after(request: Request) -> int:
    return int(request.query.get("after", BLOCK_BYTES))


def _headers(file: Path, etag: str) -> dict[str, str]:
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return {"content-type": media_type, "accept-ranges": "bytes", "etag": etag}


def _etag(file: Path) -> str:
    facts = file.stat()
    return f'"{hashlib.sha256(f"{facts.st_mtime_ns} {facts.st_size}".encode()).hexdigest()[:16]}"'


def _blocks(file: Path, first: int, end: int) -> Iterator[bytes]:
    with file.open("rb") as content:
        content.seek(first)
        while first < end:
            block = content.read(min(BLOCK_BYTES, end - first))
            first += len(block)
            yield block


def _zeros() -> Iterator[bytes]:
    while True:
        yield bytes(BLOCK_BYTES)
        time.sleep(BLOCK_BYTES / ZEROS_PER_SECOND)


def _plain(status: int) -> Response:
    return Response(status, f"{status}\n".encode())


def main() -> None:
    """Serve until killed."""
    parser = arguments("A web server that sources come from, well or badly")
    parser.add_argument("--token-file", type=Path, help="holds the token that /secret and /bearer want")
    options = parser.parse_args()
    token = options.token_file.read_text().strip() if options.token_file else None
    host, port = host_and_port(options.listen)
    app = Sources(Path(options.state), token)
    StandIn(app, host, port, options.tls_cert, options.tls_key).serve_forever()


if __name__ == "__main__":
    main()
