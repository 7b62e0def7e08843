"""Who asks: the bearer token of a request, verified once and remembered for its lifetime. Source: RFC 6750."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

from xinglin.access.actor import Actor
from xinglin.access.tokens import Claims, read_claims
from xinglin.base.crypto import Keys
from xinglin.base.errors import Unauthenticated

REMEMBERED_MAX = 1024
_ENDED = "This token has ended; ask for a new one."


class Access(Protocol):
    """How a door learns who asks."""

    def actor(self, headers: Mapping[bytes, bytes], now: datetime) -> Actor:
        """The actor a request's headers (lower-case names) prove; raises `Unauthenticated`."""
        ...

    async def require_signed_in(self, actor: Actor, now: datetime) -> None:
        """Raises `Unauthenticated` when the sign-in the actor comes from has ended."""
        ...


class BearerAccess:
    """Access by this installation's own tokens. A verified one is remembered, so that reads do not pay for its signature again.

    `withdrawn`: whether a token counts no longer; `alive`: whether the session of a public id is open. Both must be quick.
    """

    __slots__ = ("_alive", "_keys", "_known", "_withdrawn")

    def __init__(
        self,
        keys: Keys,
        withdrawn: Callable[[Claims], bool] | None = None,
        alive: Callable[[str, datetime], Awaitable[bool]] | None = None,
    ) -> None:
        self._keys, self._withdrawn, self._alive = keys, withdrawn, alive
        self._known: dict[bytes, tuple[Actor, Claims]] = {}

    def actor(self, headers: Mapping[bytes, bytes], now: datetime) -> Actor:
        """The actor of `Authorization: Bearer …`; raises `Unauthenticated`."""
        given = headers.get(b"authorization", b"")
        known = self._known.get(given)
        if known is None:
            known = self._verified(given)
        actor, claims = known
        if now.timestamp() >= claims.exp:
            self._known.pop(given, None)
            raise Unauthenticated("This token has expired; ask for a new one.")
        if self._withdrawn is not None and self._withdrawn(claims):
            raise Unauthenticated(_ENDED)
        return actor

    async def require_signed_in(self, actor: Actor, now: datetime) -> None:
        """Raises `Unauthenticated` when the token ends with a sign-in and that has ended."""
        if self._alive is not None and actor.session and not await self._alive(actor.session, now):
            raise Unauthenticated(_ENDED)

    def _verified(self, given: bytes) -> tuple[Actor, Claims]:
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise Unauthenticated("Send a bearer token: Authorization: Bearer …")
        claims = read_claims(self._keys, token.strip().decode("latin-1"))
        known = (claims.actor(), claims)
        if len(self._known) >= REMEMBERED_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[given] = known
        return known
