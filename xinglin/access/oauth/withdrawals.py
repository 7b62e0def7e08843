"""Which tokens have been withdrawn, as every process knows it: asked of the database each second, so that the answer is at hand at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime

import asyncpg

from xinglin.access.oauth.model import Mark
from xinglin.access.tokens import Claims
from xinglin.base.clock import tick_of, utc_now
from xinglin.base.errors import Unavailable
from xinglin.store.papers import LISTED_MAX, Papers

EVERY_S = 1.0
STALE_S = 15.0
"""A process that could not ask for so long lets no application's token pass."""
SETTLED_S = 30.0
"""A note may become visible so long after one that was made later."""
WHOLE_S = 600.0
"""The whole list is read anew so often, which forgets what has ended."""
_LOG = logging.getLogger(__name__)


class Withdrawals:
    """One process's list. `known` holds jti -> when it was first seen (monotonic seconds)."""

    __slots__ = ("_asked", "_before", "_known", "_now", "_papers", "_task", "_whole")

    def __init__(self, papers: Papers[Mark], now: Callable[[], datetime] = utc_now) -> None:
        self._papers, self._now = papers, now
        self._known: dict[str, float] = {}
        self._before: dict[str, int] = {}
        self._asked = self._whole = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def holds(self, claims: Claims) -> bool:
        """Whether a token was withdrawn, alone or with all its application's. Raises `Unavailable` when it is not known any more."""
        if time.monotonic() - self._asked > STALE_S:
            raise Unavailable("Whether this token still counts cannot be seen now; try again in a moment.", retry_after_s=2)
        return claims.jti in self._known or claims.iat <= self._before.get(claims.client, -1)

    async def start(self) -> None:
        """Ask once, and from then on each second."""
        await self.ask()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ask(self) -> None:
        """Read what has been added since."""
        began = time.monotonic()
        whole = began - self._whole > WHOLE_S
        after = "" if whole else self._settled()
        found: dict[str, float] = {}
        while True:
            papers = await self._papers.all(tick_of(self._now()), after)
            found |= {paper.key: self._known.get(paper.key, began) for paper in papers}
            if len(papers) < LISTED_MAX:
                break
            after = papers[-1].key
        if whole:
            self._known, self._whole = found, began
        else:
            self._known |= found
        self._asked = began
        self._before = _stopped(self._known)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.ask()
            except (Unavailable, asyncpg.PostgresError, OSError) as down:
                _LOG.warning("withdrawn tokens cannot be read: %s", down)

    def _settled(self) -> str:
        """The last note before which none can appear any more; "" when there is none yet."""
        limit = time.monotonic() - SETTLED_S
        last = ""
        for jti, seen in self._known.items():
            if seen > limit:
                break
            last = jti
        return last


def all_of(client: str, at_s: int) -> str:
    """The key of a note that withdraws every token an application was given up to a second."""
    return f"{_ALL}{client} {at_s}"


_ALL = "all of "


def _stopped(known: Iterable[str]) -> dict[str, int]:
    """Application -> the second up to which its tokens are withdrawn."""
    found: dict[str, int] = {}
    for key in known:
        if key.startswith(_ALL):
            client, _, at = key.removeprefix(_ALL).rpartition(" ")
            found[client] = max(found.get(client, 0), int(at))
    return found
