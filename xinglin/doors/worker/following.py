"""One reaction at the change feed: each change its own unit and transaction, once, in order."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from xinglin.access.actor import Actor
from xinglin.base.clock import utc_now
from xinglin.base.errors import nameless
from xinglin.kit.capability import Reaction
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store
from xinglin.store.feed import Followed, Follower, Overtaken
from xinglin.store.jobs import FAULTS, PASSING

POLL_S = 0.25
REACTION_S_MAX = 30
"""Longest a reaction to one change may take: its transaction holds every consumer of the feed back."""
TRIES_WAIT_S = (0.2, 1.0, 5.0)
"""Waits before a change is tried again that a reaction fails on; after the last it is given up, in `xinglin.missed`."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Following:
    """A reaction under the name its place in the feed is kept by (`capability.reaction`)."""

    store: Store
    name: str
    reaction: Reaction
    stopping: asyncio.Event

    async def follow(self) -> None:
        """React until `stopping`. A database that is away is waited for."""
        follower = Follower(self.store, self.name, self.reaction.types)
        started = False
        while not self.stopping.is_set():
            wait_s = POLL_S
            try:
                if not started:
                    await follower.start(from_the_beginning=self.reaction.from_the_beginning)
                    started = True
                if await self._round(follower):
                    continue
            except PASSING as passing:
                _LOG.warning("%s waits for the database: %s", self.name, passing)
                wait_s = 2.0
            await self._pause(wait_s)

    async def _round(self, follower: Follower) -> bool:
        """React to the next changes; whether there may be more."""
        batch = await follower.take()
        try:
            for change in batch.changes:
                if self.stopping.is_set():
                    return True
                await self._react(follower, change)
            if batch.upto > follower.place:
                async with follower.step(batch.upto):
                    pass
        except Overtaken:
            return True  # another worker did it
        return batch.more

    async def _react(self, follower: Follower, change: Followed) -> None:
        stored = change.stored
        for wait_s in (*TRIES_WAIT_S, None):
            try:
                async with follower.step(change.place) as inside, asyncio.timeout(REACTION_S_MAX):
                    actor = Actor(self.name, "system", self.name)
                    await self.reaction.handle(Unit(actor, inside.records(Scope.everyone()), utc_now()), stored)
            except (Overtaken, *PASSING):
                raise
            except (TimeoutError, *FAULTS) as fault:
                _LOG.exception("%s fails on version %s of a %s", self.name, stored.version, stored.type)
                if wait_s is None:
                    await follower.pass_over(change, nameless(fault))
                elif await self._pause(wait_s):
                    return
            else:
                return

    async def _pause(self, seconds: float) -> bool:
        """Wait, at most until the end; whether the end has come."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return False
        return True
