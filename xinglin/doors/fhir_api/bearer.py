"""Who asks: the bearer token of a request, verified once and remembered for its lifetime. Source: RFC 6750."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from xinglin.access.actor import Actor
from xinglin.access.tokens import read_claims
from xinglin.base.crypto import Keys
from xinglin.base.errors import Unauthenticated

REMEMBERED_MAX = 1024


class Access(Protocol):
    """How a door learns who asks."""

    def actor(self, headers: Mapping[bytes, bytes], now: datetime) -> Actor:
        """The actor a request's headers (lower-case names) prove; raises `Unauthenticated`."""
        ...


class BearerAccess:
    """Access by this installation's own tokens. A verified one is remembered, so that reads do not pay for its signature again."""

    __slots__ = ("_keys", "_known")

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._known: dict[bytes, tuple[Actor, float]] = {}

    def actor(self, headers: Mapping[bytes, bytes], now: datetime) -> Actor:
        """The actor of `Authorization: Bearer …`; raises `Unauthenticated`."""
        given = headers.get(b"authorization", b"")
        known = self._known.get(given)
        if known is None:
            known = self._verified(given)
        actor, expires = known
        if now.timestamp() >= expires:
            self._known.pop(given, None)
            raise Unauthenticated("This token has expired; ask for a new one.")
        return actor

    def _verified(self, given: bytes) -> tuple[Actor, float]:
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise Unauthenticated("Send a bearer token: Authorization: Bearer …")
        claims = read_claims(self._keys, token.strip().decode("latin-1"))
        known = (claims.actor(), float(claims.exp))
        if len(self._known) >= REMEMBERED_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[given] = known
        return known
