"""Limits on attempts, counted in the store for all processes alike: so many of one kind by one name, account or address in a time."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from xinglin.base.errors import Conflict, TooMany
from xinglin.store.ground import Ground
from xinglin.store.papers import Papers

_TRIES = 30


class Times(msgspec.Struct, frozen=True):
    """When the last attempts were, oldest first; microseconds since 1970."""

    times: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` attempts in `minutes`."""

    most: int
    minutes: int

    @property
    def window_us(self) -> int:
        """The time it looks back."""
        return self.minutes * 60_000_000


BY_LOGIN = Limit(5, 15)
"""Wrong passwords or codes for one name, known or not (GB/T 22239: failures end in a lock)."""
BY_ADDRESS = Limit(30, 15)
"""Wrong ones from one address: a hospital stands behind one."""
CODES_A_MINUTE, CODES_AN_HOUR, CODES_BY_ADDRESS = Limit(1, 1), Limit(5, 60), Limit(30, 60)
PROOFS_A_DAY, PROOFS_BY_ADDRESS = Limit(5, 24 * 60), Limit(30, 24 * 60)


class Attempts:
    """Counts attempts under a key such as `login:li`."""

    def __init__(self, ground: Ground) -> None:
        self._papers = Papers(ground, "attempts", Times)

    async def take(self, key: str, limit: Limit, now_us: int) -> None:
        """Count one attempt before it is made, so that many at once find no gap. Raises `TooMany` at the limit, with the wait."""
        for _ in range(_TRIES):
            paper = await self._papers.look(key, now_us)
            recent = () if paper is None else tuple(time for time in paper.value.times if now_us - time < limit.window_us)
            if len(recent) >= limit.most:
                wait_s = max(1, (recent[-limit.most] + limit.window_us - now_us) // 1_000_000)
                raise TooMany("Too many attempts. Wait {minutes} minutes, then try again.", minutes=-(-wait_s // 60), retry_after_s=wait_s)
            value, ends = Times((*recent, now_us)), now_us + limit.window_us
            try:
                if paper is None:
                    await self._add(key, value, ends)
                else:
                    await self._papers.put(paper, value, ends=ends)
            except Conflict:
                continue
            return
        raise TooMany("Too many attempts at once. Wait a moment, then try again.", retry_after_s=5)

    async def give_back(self, key: str, taken_us: int) -> None:
        """Take away an attempt that was none: it succeeded."""
        paper = await self._papers.look(key, taken_us)
        if paper is not None:
            rest = list(paper.value.times)
            if taken_us in rest:
                rest.remove(taken_us)
            try:
                await self._papers.put(paper, Times(tuple(rest)))
            except Conflict:
                return  # another attempt came between: one too many counted does no harm

    async def clear(self, key: str) -> None:
        """Forget the attempts under a key."""
        await self._papers.remove(key)

    async def _add(self, key: str, value: Times, ends: int) -> None:
        """A new count; one that has ended but was not swept yet is in the way and goes first."""
        try:
            await self._papers.add(key, value, ends=ends)
        except Conflict:
            if await self._papers.look(key, value.times[-1]) is None:
                await self._papers.remove(key)
            raise
