"""Fetching from addresses that strangers wrote: https only, public only, pinned, every redirect anew.

The name is resolved once, the address checked, and that very address connected to, with the name in TLS and in
Host: so a name that resolves differently the second time gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urljoin

import urllib3

from mediaops.reasons import Reason
from mediaops_ops.incoming import Incoming
from mediaops_ops.net import TRANSIENT, Again, Response, persistently, why
from mediaops_ops.outcome import StepError
from mediaops_ops.settings import Settings

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address that a gateway will connect to."""


@dataclass(frozen=True)
class Address:
    """An https address, taken apart."""

    host: str
    """Name or IP address, without brackets."""
    port: int
    path: str
    """Path and query."""

    @property
    def host_header(self) -> str:
        """Give what stands in Host."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == 443 else f"{name}:{self.port}"


def fetch(
    url: str, incoming: Incoming, settings: Settings, *, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Receive what is behind an https address, going on after cuts.

    Raises StepError SourceNotAllowed, SourceNotFound, SourceForbidden, SourceTooLarge, and Unreachable
    SourceUnreachable. No message holds the address.
    """

    def attempt() -> None:
        response, pool = _open(url, incoming.range_header(), settings)
        try:
            _check(response.status)
            incoming.receive(response, progress)
        finally:
            response.close()
            pool.close()

    persistently(
        attempt,
        patience_seconds=settings.patience_seconds,
        reason=Reason.SOURCE_UNREACHABLE,
        what="The source",
    )


def _open(
    url: str, headers: dict[str, str], settings: Settings
) -> tuple[Response, urllib3.HTTPSConnectionPool]:
    """Send the request, following redirects each to a checked address of its own."""
    for _ in range(MAX_REDIRECTS + 1):
        response, pool = _send(parsed(url), headers, settings)
        if response.status not in REDIRECTS:
            return response, pool
        url = urljoin(url, response.headers.get("Location", ""))
        response.close()
        pool.close()
    raise _refused(f"The source redirects more than {MAX_REDIRECTS} times.")


def _send(
    wanted: Address, headers: dict[str, str], settings: Settings
) -> tuple[Response, urllib3.HTTPSConnectionPool]:
    """Send one request to the first of the name's permitted addresses that answers."""
    lost: Exception | None = None
    sent = {"Host": wanted.host_header, "User-Agent": "mediaops", "Accept-Encoding": "identity", **headers}
    for address in permitted(wanted, settings.allowed_networks):
        pool = urllib3.HTTPSConnectionPool(
            address,
            wanted.port,
            server_hostname=wanted.host,
            assert_hostname=wanted.host,
            ca_certs=str(settings.ca_file) if settings.ca_file else None,
            timeout=urllib3.Timeout(connect=settings.connect_seconds, read=settings.stall_seconds),
            retries=False,
        )
        try:
            return pool.urlopen("GET", wanted.path, headers=sent, redirect=False, preload_content=False), pool
        except (urllib3.exceptions.HTTPError, OSError) as error:
            pool.close()
            lost = error
    raise Again(why(lost or OSError())) from lost


def parsed(url: str) -> Address:
    """Read an address of the kind that is fetched; raises StepError SourceNotAllowed."""
    try:
        url_parts = urllib3.util.parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise _refused("The source's address can't be understood.") from error
    if url_parts.scheme != "https":
        raise _refused("Only https addresses are fetched; the source, or a redirect from it, is none.")
    if url_parts.auth is not None:
        raise _refused("An address with a user name or password in it isn't fetched; put it into a Secret.")
    if not url_parts.host:
        raise _refused("The source's address names no host.")
    return Address(url_parts.host.strip("[]"), url_parts.port or 443, url_parts.request_uri)


def permitted(wanted: Address, allowed: tuple[IPv4Network | IPv6Network, ...] = ()) -> list[str]:
    """Give the IP addresses that may be connected to; raises StepError SourceNotAllowed if that is none of them.

    Raises Again where the name can't be resolved.
    """
    found = [a for a in _addresses(wanted.host, wanted.port) if is_permitted(ip_address(a), allowed)]
    if not found:
        raise _refused(
            "The source's address leads into a private or reserved network, which isn't fetched from."
        )
    return found


def _addresses(host: str, port: int) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Again("its name could not be resolved") from error
    # A scope (fe80::1%eth0) marks link-local addresses, which are refused anyway.
    return [str(answer[4][0]).partition("%")[0] for answer in answers]


def is_permitted(address: IPv4Address | IPv6Address, allowed: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Say whether an address is public, or in the allow-list; IPv4 inside of IPv6 is judged as what it is."""
    inner = _embedded(address)
    if inner is not None:
        return is_permitted(inner, allowed)
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return address.is_global and not address.is_multicast


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _check(status: int) -> None:
    """Let 200 and 206 pass; raise what the rest means."""
    if status in {200, 206}:
        return
    if status in {404, 410}:
        raise StepError(Reason.SOURCE_NOT_FOUND, f"The source isn't there ({status}).", permanent=True)
    if status in TRANSIENT or status >= 500:
        raise Again(f"it answered {status}")
    if status == 416:
        raise Again("it sent another range than it was asked for")
    raise StepError(Reason.SOURCE_FORBIDDEN, f"The source may not be fetched ({status}).", permanent=True)


def _refused(message: str) -> StepError:
    return StepError(Reason.SOURCE_NOT_ALLOWED, message, permanent=True)
