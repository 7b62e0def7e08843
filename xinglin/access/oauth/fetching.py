"""Asking a foreign address that somebody registered (a JWK set, a provider's endpoints) without being led into our own network.

HTTPS only, no redirects, every address the name stands for must be a public one, and the connection goes to exactly the address that was
checked, so that a name cannot change its meaning in between. Source: OWASP, Server Side Request Forgery Prevention.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from xinglin.base.errors import Malformed, Unavailable
from xinglin.fhir.codec import decode

BYTES_MAX = 256 * 1024
TIMEOUT_S = 8
KEPT_S = 600
"""What was fetched with `kept` is taken from memory for so long."""
KEPT_MAX = 256
_REFUSED = "The address {url} cannot be asked: {why}."


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Asks foreign addresses. `trusted`: origins (`http://10.1.2.3:8080`) that an administrator's setting allows though they are inside."""

    trusted: tuple[str, ...] = ()
    _kept: dict[str, tuple[float, Any]] = field(default_factory=dict[str, tuple[float, Any]])

    async def kept(self, url: str, now: datetime, *, fresh: bool = False) -> Any:
        """The JSON at an address, not older than `KEPT_S`; `fresh`: asked again, but not within ten seconds. Raises `Unavailable`."""
        found = self._kept.get(url)
        age_s = now.timestamp() - found[0] if found else KEPT_S
        if found and age_s < (10 if fresh else KEPT_S):
            return found[1]
        value = await self.get(url)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[url] = (now.timestamp(), value)
        return value

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON at an address. Raises `Malformed` (an address that may not be asked), `Unavailable` (no answer, or no JSON)."""
        return await self._ask("GET", url, b"", dict(headers or {}))

    async def post(self, url: str, form: Mapping[str, str], user: tuple[str, str] | None = None) -> Any:
        """The JSON that answers a form; `user`: (name, secret) for HTTP Basic, encoded as RFC 6749 2.3.1 says."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if user:
            pair = f"{quote_plus(user[0])}:{quote_plus(user[1])}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        return await self._ask("POST", url, urlencode(form).encode(), headers)

    async def _ask(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
        host, port, tls = self.check(url)
        address = await self._address(url, host, port)
        try:
            async with asyncio.timeout(TIMEOUT_S * 2):
                status, raw = await asyncio.to_thread(_exchange, method, url, (address, host, port, tls), body, headers)
        except (OSError, HTTPException, TimeoutError) as failed:
            raise Unavailable("The address {url} does not answer.", url=url[:200]) from failed
        if status != 200:
            raise Unavailable("The address {url} answers with {status}.", url=url[:200], status=status)
        return decode(raw)

    def check(self, url: str) -> tuple[str, int, bool]:
        """(host, port, TLS) of an address that may be asked at all. Raises `Malformed`."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Malformed(_REFUSED, url=url[:200], why="it cannot be read") from None
        if not parts.hostname or parts.username or parts.password or any(ord(letter) <= 32 for letter in url):
            raise Malformed(_REFUSED, url=url[:200], why="it cannot be read")
        if parts.scheme != "https" and not self._trusts(url):
            raise Malformed(_REFUSED, url=url[:200], why="it is not https")
        return parts.hostname, port, parts.scheme == "https"

    def _trusts(self, url: str) -> bool:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" in self.trusted

    async def _address(self, url: str, host: str, port: int) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as unknown:
            raise Unavailable("The address {url} does not answer.", url=url[:200]) from unknown
        addresses = [str(entry[4][0]) for entry in found]
        if not self._trusts(url) and not all(is_public(address) for address in addresses):
            raise Malformed(_REFUSED, url=url[:200], why="it lies within a private network")
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: no loopback, private, link-local, shared, mapped or multicast one."""
    one = ipaddress.ip_address(address.partition("%")[0])
    inner = one.ipv4_mapped or one.sixtofour if isinstance(one, ipaddress.IPv6Address) else None
    return one.is_global and not one.is_multicast and (inner is None or inner.is_global)


def _exchange(method: str, url: str, where: tuple[str, str, int, bool], body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """One request on a connection of its own to the checked address; the answer's body is cut off as too long, never read on."""
    address, host, port, tls = where
    parts = urlsplit(url)
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    plain = socket.create_connection((address, port), timeout=TIMEOUT_S)
    connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if tls else plain
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body or None, headers | {"Accept": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        raw = answer.read(BYTES_MAX + 1)
        if len(raw) > BYTES_MAX:
            raise HTTPException("the answer is too long")
        return answer.status, raw
    finally:
        connection.close()
