"""Fetching sources: what is fetched, what is refused, and with which reason."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hack.cluster.pki import Authority
from mediaops.models.work import Exit
from mediaops_ops import guarded
from mediaops_ops.net import Again
from mediaops_ops.outcome import StepError


class Origin:
    """An https server of files that a test gives, with the faults of real ones."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.lengths: dict[str, int] = {}
        """Content-Length to claim, whatever is sent."""
        self.cut_after = 0
        self.cuts_always = False
        self.stalls = False
        self.ranges: list[str | None] = []
        self.takes_ranges = True
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_OriginHandler,), {"origin": self})
        )
        certificate = authority.issue("origin", sans=["localhost"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.released = threading.Event()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _OriginHandler(BaseHTTPRequestHandler):
    origin: Origin
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Tests' output stays readable."""

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        origin, path = self.origin, self.path.partition("?")[0]
        origin.ranges.append(self.headers.get("Range"))
        if path in origin.redirects:
            self._empty(302, Location=origin.redirects[path])
            return
        if path in origin.statuses:
            self._empty(origin.statuses[path])
            return
        if path not in origin.files:
            self._empty(404)
            return
        if origin.stalls:
            origin.released.wait(20)
            return
        content = origin.files[path]
        asked = self.headers.get("Range") if origin.takes_ranges else None
        begin = int(re.findall(r"\d+", asked)[0]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(origin.lengths.get(path, len(content) - begin)))
        self.send_header("ETag", '"one"')
        self.end_headers()
        body = content[begin:]
        if origin.cut_after:
            body = body[: origin.cut_after]
            origin.cut_after = origin.cut_after if origin.cuts_always else 0
            self.close_connection = True
        self.wfile.write(body)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def origin(authority: Authority, clip: Path) -> Iterator[Origin]:
    origin = Origin(authority)
    origin.files["/clip.mp4"] = clip.read_bytes()
    yield origin
    origin.close()


@pytest.fixture
def door(door, authority):
    """Give the door of an installation that allows this machine's own network."""
    door.environment |= {
        "MEDIAOPS_CA_FILE": str(authority.cert),
        "MEDIAOPS_ALLOWED_CIDRS": "127.0.0.0/8",
        "MEDIAOPS_STALL_SECONDS": "1",
    }
    return door


@pytest.fixture
def ingest(door) -> Callable[..., object]:
    """Give a function that makes the order to fetch an address."""
    return lambda url=None, **fields: door.order(ingest={"step_key": "in", "url": url}, **fields)


@pytest.fixture
def credential(door) -> Callable[..., None]:
    """Give a function that mounts a credential."""

    def mount(**content: object) -> None:
        path = door.folder / "credential.json"
        path.write_text(json.dumps(content))
        door.environment["MEDIAOPS_CREDENTIAL_FILE"] = str(path)

    return mount


def test_a_source_is_fetched_checked_and_stored_with_its_facts(door, bucket, origin, ingest, clip):
    assert Exit.DONE == door.run(ingest(origin.url("/clip.mp4?signed=yes"))), door.failures

    result = bucket.result("in")
    source = result.file("source")
    assert clip.read_bytes() == bucket.objects[source.key]
    assert source.key.endswith(f"{source.sha256}.mp4")
    facts = result.source
    assert ("video/mp4", 320, 180, clip.stat().st_size) == (
        facts.media_type,
        facts.width_pixels,
        facts.height_pixels,
        facts.size_bytes,
    )
    assert facts.duration_millis == pytest.approx(2000, abs=50)


def test_a_source_that_is_stored_is_not_fetched_again(door, origin, ingest):
    door.run(ingest(origin.url("/clip.mp4")))
    origin.ranges.clear()

    assert Exit.DONE == door.run(ingest(origin.url("/clip.mp4")))
    assert [] == origin.ranges


def test_a_file_that_people_put_into_storage_is_checked_and_hashed(door, bucket, clip):
    order = door.order(ingest={"step_key": "in"}, source=bucket.put_source(clip))

    assert Exit.DONE == door.run(order), door.failures
    source = bucket.result("in").file("source")
    assert clip.read_bytes() == bucket.objects[source.key]
    assert source.key.endswith(f"{source.sha256}.mp4")


def test_after_a_cut_it_goes_on_where_it_stopped(door, bucket, origin, ingest, clip):
    origin.cut_after = 30_000

    assert Exit.DONE == door.run(ingest(origin.url("/clip.mp4"))), door.failures
    assert [None, "bytes=30000-"] == origin.ranges
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]


def test_after_a_cut_it_starts_over_where_ranges_are_not_known(door, bucket, origin, ingest, clip):
    origin.cut_after, origin.takes_ranges = 30_000, False

    assert Exit.DONE == door.run(ingest(origin.url("/clip.mp4"))), door.failures
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]


def test_a_source_that_always_starts_over_and_breaks_off_is_given_up(door, origin, ingest):
    origin.cut_after, origin.cuts_always, origin.takes_ranges = 30_000, True, False

    assert (Exit.UNREACHABLE, "SourceUnreachable", False) == door.refused(ingest(origin.url("/clip.mp4")))


def test_a_source_that_always_breaks_off_but_goes_on_is_fetched(door, bucket, origin, ingest, clip):
    origin.cut_after, origin.cuts_always = 30_000, True

    assert Exit.DONE == door.run(ingest(origin.url("/clip.mp4"))), door.failures
    assert clip.read_bytes() == bucket.objects[bucket.result("in").file("source").key]


@pytest.mark.parametrize(
    ("status", "code", "reason", "permanent"),
    [
        (404, Exit.IMPOSSIBLE, "SourceNotFound", True),
        (410, Exit.IMPOSSIBLE, "SourceNotFound", True),
        (401, Exit.IMPOSSIBLE, "SourceForbidden", True),
        (403, Exit.IMPOSSIBLE, "SourceForbidden", True),
        (503, Exit.UNREACHABLE, "SourceUnreachable", False),
        (429, Exit.UNREACHABLE, "SourceUnreachable", False),
    ],
)
def test_each_refusal_has_its_reason(door, origin, ingest, status, code, reason, permanent):
    origin.statuses["/clip.mp4"] = status

    assert (code, reason, permanent) == door.refused(ingest(origin.url("/clip.mp4")))
    assert "localhost" not in door.failures[0].message


def test_a_source_that_never_answers_is_out_of_reach(door, origin, ingest):
    origin.stalls = True

    assert (Exit.UNREACHABLE, "SourceUnreachable", False) == door.refused(ingest(origin.url("/clip.mp4")))


def test_a_source_that_claims_too_much_is_refused_before_it_is_fetched(door, origin, ingest):
    origin.lengths["/clip.mp4"] = 10 * 2**30
    order = ingest(origin.url("/clip.mp4"), max_source_bytes=2**30)

    assert (Exit.IMPOSSIBLE, "SourceTooLarge", True) == door.refused(order)


def test_a_source_that_cannot_fit_on_the_disk_is_refused(door, origin, ingest, clip):
    order = ingest(origin.url("/clip.mp4"), disk_bytes=clip.stat().st_size)

    assert (Exit.IMPOSSIBLE, "SourceTooLarge", True) == door.refused(order)


def test_a_redirect_is_followed_and_checked(door, bucket, origin, ingest):
    origin.redirects["/here"] = "/clip.mp4"

    assert Exit.DONE == door.run(ingest(origin.url("/here"))), door.failures
    assert bucket.result("in") is not None


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost/clip.mp4",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/clip.mp4",
        "https://user:secret@localhost/clip.mp4",
        "file:///etc/passwd",
        "/here",
    ],
)
def test_a_redirect_out_of_bounds_is_refused(door, origin, ingest, location):
    origin.redirects["/here"] = location

    assert (Exit.IMPOSSIBLE, "SourceNotAllowed", True) == door.refused(ingest(origin.url("/here")))


def test_a_certificate_that_is_not_the_hosts_is_not_accepted(door, origin, ingest):
    code, reason, _ = door.refused(ingest(origin.url("/clip.mp4").replace("localhost", "127.0.0.1")))

    assert (Exit.UNREACHABLE, "SourceUnreachable") == (code, reason)
    assert "certificate" in door.failures[0].message


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.1.2.3/",
        "https://192.168.0.1:8443/",
        "https://169.254.169.254/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
    ],
)
def test_private_addresses_are_refused_however_they_are_written(url):
    with pytest.raises(StepError) as refusal:
        guarded.permitted(guarded.parsed(url))

    assert "SourceNotAllowed" == refusal.value.reason


@pytest.mark.parametrize("url", ["https://93.184.216.34/", "https://[2606:2800:220:1::1]/"])
def test_public_addresses_are_permitted(url):
    wanted = guarded.parsed(url)

    assert [wanted.host] == guarded.permitted(wanted)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://example.com/", "https://a:b@example.com/", "https:///x", "https://[::1"],
)
def test_addresses_of_another_kind_are_refused(url):
    with pytest.raises(StepError) as refusal:
        guarded.parsed(url)

    assert ("SourceNotAllowed", True) == (refusal.value.reason, refusal.value.permanent)


def test_a_name_without_an_address_may_get_one_later():
    with pytest.raises(Again):
        guarded.permitted(guarded.parsed("https://no-such-name.invalid/"))


def test_a_signed_address_comes_from_the_credential(door, bucket, origin, ingest, credential):
    credential(hosts=["localhost"], address=origin.url("/clip.mp4?signature=abc"))

    assert Exit.DONE == door.run(ingest()), door.failures
    assert bucket.result("in") is not None


def test_a_credential_goes_to_its_own_hosts_only(door, origin, ingest, credential):
    credential(hosts=["files.example.com"], address=origin.url("/clip.mp4?signature=abc"))

    assert (Exit.IMPOSSIBLE, "CredentialNotForHost", True) == door.refused(ingest())
    assert [] == origin.ranges


@pytest.mark.parametrize("content", [{}, {"hosts": ["localhost"]}, {"address": "https://localhost/"}])
def test_a_secret_of_another_shape_is_invalid(door, ingest, credential, content):
    credential(**content)

    assert (Exit.IMPOSSIBLE, "SecretInvalid", True) == door.refused(ingest())
