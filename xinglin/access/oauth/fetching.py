"""Asking a foreign address that somebody registered (a JWK set, a provider's endpoints), as `base/outward.py` lets us out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

from xinglin.base.errors import Unavailable
from xinglin.base.outward import ask, check
from xinglin.fhir.codec import decode

BYTES_MAX = 256 * 1024
KEPT_S = 600
"""What was fetched with `kept` is taken from memory for so long."""
KEPT_MAX = 256


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

    def check(self, url: str) -> None:
        """Raises `Malformed` for an address that may not be asked at all."""
        check(url, self.trusted)

    async def _ask(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
        answer = await ask(method, url, body, headers, bytes_max=BYTES_MAX, trusted=self.trusted)
        if answer.status != 200:
            raise Unavailable("The address {url} answers with {status}.", url=url[:200], status=answer.status)
        return decode(answer.body)
