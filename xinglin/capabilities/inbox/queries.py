"""What waits for someone, and what they have been told."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from xinglin.kit.capability import Waiting, may_open
from xinglin.kit.notices import Noticed, notices_of, unread
from xinglin.kit.pages import Request
from xinglin.kit.unit import Unit


@dataclass(frozen=True, slots=True)
class Work:
    """A list with work in it; `count` is at least 1."""

    waiting: Waiting
    count: int


@dataclass(frozen=True, slots=True)
class Day:
    """A local day (ISO date) and what was told on it, the newest first."""

    date: str
    notices: tuple[Noticed, ...]


async def waiting(unit: Unit, request: Request) -> list[Work]:
    """The lists of every capability that hold work for who asks, the longest first."""
    lists = [one for room in request.rooms for one in room.inbox if may_open(unit.actor, room, one.href)]
    counts = await gather(*(one.count(unit, request) for one in lists))
    works = [Work(one, count) for one, count in zip(lists, counts, strict=True) if count]
    return sorted(works, key=lambda work: -work.count)


async def count_waiting(unit: Unit, request: Request) -> int:
    """How much work waits in all."""
    return sum(work.count for work in await waiting(unit, request))


async def count_unread(unit: Unit, _request: Request) -> int:
    """How many notices are unread."""
    return await unread(notices_of(unit.store.store), unit.actor, unit.now)


def by_day(notices: Iterable[Noticed], timezone: ZoneInfo) -> tuple[Day, ...]:
    """Notices, the newest first, gathered by local day."""

    def day(notice: Noticed) -> str:
        return datetime.fromisoformat(notice.at).astimezone(timezone).date().isoformat()

    return tuple(Day(date, tuple(group)) for date, group in groupby(notices, key=day))
