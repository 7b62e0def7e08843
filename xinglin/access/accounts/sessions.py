"""Sessions: an opaque random secret in a cookie, everything else in the store. Each process looks again after a second.

A session is known to others by its public id, a hash of the secret: it stands in tokens, lists and the trail, and opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from xinglin.access.accounts.model import Kind, Session
from xinglin.access.actor import Actor
from xinglin.base.clock import tick_of
from xinglin.base.errors import Conflict, Unauthenticated
from xinglin.store.ground import Ground
from xinglin.store.papers import Paper, Papers

KNOWN_US = 1_000_000
"""How long a process believes what it read of a session: one ended elsewhere is seen to be ended within this."""
TOUCH_US = 30 * 1_000_000
"""Its last use is written down no more often than this."""
UNFINISHED_US = 15 * 60_000_000
"""How long a sign-in may take from the password to the last step."""
KNOWN_MAX, SECRET_CHARACTERS_MAX, LISTED_MAX = 4096, 100, 1000
MINUTE_US = 60_000_000


class StepUp(Unauthenticated):
    """What is asked for wants proof, from the last minutes, that it is still the same person."""


@dataclass(frozen=True, slots=True)
class Live:
    """A session with its public id and when it ends (microseconds)."""

    id: str
    session: Session
    ends: int


class Sessions:
    """The sessions of one installation, as one process sees them."""

    def __init__(self, ground: Ground) -> None:
        self._papers = Papers(ground, "session", Session)
        settings = ground.settings
        self._idle: dict[Kind, int] = {
            "staff": settings.idle_minutes * MINUTE_US,
            "demo": settings.session_hours_max * 60 * MINUTE_US,
            "resident": settings.resident_idle_minutes * MINUTE_US,
        }
        self._life = settings.session_hours_max * 60 * MINUTE_US
        self._known: dict[str, tuple[int, Paper[Session]]] = {}

    async def open(self, session: Session, now: datetime) -> str:
        """A new session; the secret for its cookie."""
        secret = secrets.token_urlsafe(32)
        await self._papers.add(public_id(secret), session, _handles(session), self._ends(session, tick_of(now)))
        return secret

    async def find(self, secret: str, now: datetime, *, touch: bool = True) -> Live:
        """The session of a cookie's secret, whatever it still waits for; `touch`: a person used it now. Raises `Unauthenticated`."""
        if not secret or len(secret) > SECRET_CHARACTERS_MAX or not secret.isascii():
            raise Unauthenticated("Please sign in to continue.")
        now_us = tick_of(now)
        paper = await self._look(public_id(secret), now_us)
        if paper is None:
            raise Unauthenticated("Please sign in to continue.")
        if touch and now_us - paper.value.seen > TOUCH_US:
            paper = await self._touch(paper, now_us)
        return Live(paper.key, paper.value, paper.ends)

    async def actor(self, secret: str, now: datetime) -> Actor:
        """Whom an open session stands for. Raises `Unauthenticated`."""
        live = await self.find(secret, now)
        if live.session.stage != "open":
            raise Unauthenticated("Please sign in to continue.")
        return live.session.actor(live.id)

    async def alive(self, id: str, now: datetime) -> bool:
        """Whether the session of a public id is open now: what a token's `session` is asked by. True to within two seconds."""
        paper = await self._look(id, tick_of(now))
        return paper is not None and paper.value.stage == "open"

    async def look(self, id: str, now: datetime) -> Session | None:
        """The session of a public id, if it has not ended."""
        paper = await self._look(id, tick_of(now))
        return None if paper is None else paper.value

    async def again(self, live: Live, now: datetime) -> Live:
        """The session as it stands in the store this moment. Raises `Unauthenticated`."""
        self._known.pop(live.id, None)
        paper = await self._look(live.id, tick_of(now))
        if paper is None:
            raise Unauthenticated("Please sign in to continue.")
        return Live(paper.key, paper.value, paper.ends)

    async def renew(self, id: str, session: Session, now: datetime) -> str:
        """The session with another value under a new secret; the old one opens nothing any more. Raises `Unauthenticated`."""
        if not await self.end(id):
            raise Unauthenticated("Please sign in to continue.")
        return await self.open(msgspec.structs.replace(session, seen=tick_of(now)), now)

    async def change(self, id: str, now: datetime, change: Callable[[Session], Session]) -> Session:
        """Change a session in place. Raises `Unauthenticated` when it has ended, `Conflict` when another request changed it."""
        self._known.pop(id, None)
        paper = await self._look(id, tick_of(now))
        if paper is None:
            raise Unauthenticated("Please sign in to continue.")
        value = change(paper.value)
        self._known[id] = (tick_of(now), await self._papers.put(paper, value, _handles(value), self._ends(value, tick_of(now))))
        return value

    async def end(self, id: str) -> bool:
        """End one; whether there was one."""
        self._known.pop(id, None)
        return await self._papers.remove(id)

    async def end_of(self, account: str, now: datetime, besides: str = "") -> int:
        """End every session of an account but one; how many."""
        ended = [await self.end(one.id) for one in await self.of(account, now) if one.id != besides]
        return sum(ended)

    async def of(self, account: str, now: datetime) -> list[Live]:
        """The sessions of an account."""
        found = await self._papers.find(f"account:{account}", tick_of(now))
        return [Live(paper.key, paper.value, paper.ends) for paper in found if paper.value.account == account]

    async def all(self, now: datetime, after: str = "", limit: int = LISTED_MAX) -> list[Live]:
        """Every session in the order they began, those after a public id."""
        return [Live(paper.key, paper.value, paper.ends) for paper in await self._papers.all(tick_of(now), after, limit)]

    async def require_fresh(self, actor: Actor, now: datetime, minutes: int = 5) -> None:
        """Raise `StepUp` unless the actor's session showed its factors within so many minutes. Machines without a session pass."""
        if not actor.session:
            if actor.role in ("system", "reader"):
                return
            raise StepUp("Confirm that it is you, then do this again.")
        self._known.pop(actor.session, None)
        paper = await self._look(actor.session, tick_of(now))
        if paper is None or tick_of(now) - paper.value.proved > minutes * MINUTE_US:
            raise StepUp("Confirm that it is you, then do this again.")

    async def _look(self, id: str, now_us: int) -> Paper[Session] | None:
        known = self._known.get(id)
        if known is not None and 0 <= now_us - known[0] < KNOWN_US and known[1].ends > now_us:
            return known[1]
        self._known.pop(id, None)
        paper = await self._papers.look(id, now_us)
        if paper is not None:
            if len(self._known) >= KNOWN_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[id] = (now_us, paper)
        return paper

    async def _touch(self, paper: Paper[Session], now_us: int) -> Paper[Session]:
        value = msgspec.structs.replace(paper.value, seen=now_us)
        try:
            touched = await self._papers.put(paper, value, ends=self._ends(value, now_us))
        except Conflict:  # another process did, or it ended: the next look tells
            self._known.pop(paper.key, None)
            return paper
        self._known[paper.key] = (now_us, touched)
        return touched

    def _ends(self, session: Session, now_us: int) -> int:
        if session.stage != "open":
            return min(session.started + UNFINISHED_US, now_us + UNFINISHED_US)
        return min(now_us + self._idle[session.kind], session.started + self._life)


def public_id(secret: str) -> str:
    """By what others know the session of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


def _handles(session: Session) -> tuple[str, ...]:
    return (f"account:{session.account}",)
