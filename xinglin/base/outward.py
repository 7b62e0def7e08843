"""The one way out of a process over HTTP, without being led into our own network.

HTTPS only, no redirects, every address the name stands for must be a public one, and the connection goes to exactly the address that was
checked, so that a name cannot change its meaning in between. What an administrator's setting names is trusted to lie inside, nothing
else. Source: OWASP, Server Side Request Forgery Prevention.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from xinglin.base.errors import Malformed, Unavailable

TIMEOUT_S = 8
_REFUSED = "The address {url} cannot be asked: {why}."
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that gateways turn into the IPv4 address in their last bits (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status and body."""

    status: int
    body: bytes


async def ask(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    bytes_max: int,
    trusted: tuple[str, ...] = (),
    timeout_s: int = TIMEOUT_S,
) -> Answer:
    """One exchange. `trusted`: origins (`http://10.1.2.3:8080`) a setting allows though they are inside or not https.

    Raises `Malformed` (an address that may not be asked), `Unavailable` (no answer, or more than `bytes_max`).
    """
    host, port, tls = check(url, trusted)
    address = await _address(url, host, port, trusted)
    try:
        async with asyncio.timeout(timeout_s * 2):
            return await asyncio.to_thread(_exchange, method, url, (address, host, port, tls), body, dict(headers), (bytes_max, timeout_s))
    except (OSError, HTTPException, TimeoutError) as failed:
        raise Unavailable("The address {url} does not answer.", url=url[:200], retry_after_s=60) from failed


def check(url: str, trusted: tuple[str, ...] = ()) -> tuple[str, int, bool]:
    """(host, port, TLS) of an address that may be asked at all. Raises `Malformed`."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Malformed(_REFUSED, url=url[:200], why="it cannot be read") from None
    if not parts.hostname or parts.username or parts.password or not url.isascii() or any(ord(letter) <= 32 for letter in url):
        raise Malformed(_REFUSED, url=url[:200], why="it cannot be read")
    if parts.scheme != "https" and origin_of(url) not in trusted:
        raise Malformed(_REFUSED, url=url[:200], why="it is not https")
    return parts.hostname, port, parts.scheme == "https"


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _address(url: str, host: str, port: int, trusted: tuple[str, ...]) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise Unavailable("The address {url} does not answer.", url=url[:200], retry_after_s=60) from unknown
    addresses = [str(entry[4][0]) for entry in found]
    if origin_of(url) not in trusted and not all(is_public(address) for address in addresses):
        raise Malformed(_REFUSED, url=url[:200], why="it lies within a private network")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: no loopback, private, link-local, shared, mapped or multicast one."""
    one = ipaddress.ip_address(address.partition("%")[0])
    inner = one.ipv4_mapped or one.sixtofour if isinstance(one, ipaddress.IPv6Address) else None
    if one in _NAT64:
        inner = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
    return one.is_global and not one.is_multicast and (inner is None or inner.is_global)


def _exchange(
    method: str, url: str, where: tuple[str, str, int, bool], body: bytes, headers: dict[str, str], most: tuple[int, int]
) -> Answer:
    """One request on a connection of its own to the checked address; the answer's body is cut off as too long, never read on."""
    (address, host, port, tls), (bytes_max, timeout_s) = where, most
    parts = urlsplit(url)
    connection = HTTPConnection(host, port, timeout=timeout_s)
    plain = socket.create_connection((address, port), timeout=timeout_s)
    connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if tls else plain
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body or None, headers | {"Accept": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        raw = answer.read(bytes_max + 1)
        if len(raw) > bytes_max:
            raise HTTPException("the answer is too long")
        return Answer(answer.status, raw)
    finally:
        connection.close()
