"""The terminology of this process, kept in step with the store."""

from __future__ import annotations

from asyncio import Lock
from datetime import datetime
from typing import TYPE_CHECKING

from xinglin.base.clock import tick_of, utc_now
from xinglin.base.errors import Unavailable
from xinglin.fhir.search.match import Codes
from xinglin.fhir.search.model import Search
from xinglin.fhir.terminology import Terminology
from xinglin.kit.unit import Unit

if TYPE_CHECKING:
    from xinglin.store import Records, Stored

TYPES = ("CodeSystem", "ValueSet", "ConceptMap")
PAGE = 500
RESOURCES_MAX = 50_000
OVERLAP_US = 10_000_000
"""How far back each refresh reads again: longer than a transaction may take, and clocks may differ by."""


async def present(unit: Unit) -> Terminology:
    """The terminology as the store has it at this moment. The first call of a process loads it; `:in`, `:above`, `:below` use it too."""
    following = unit.store.store.terminology
    if not isinstance(following, Following):
        following = unit.store.store.terminology = Following()
    return await following.refresh(unit.store, unit.now)


class Following:
    """A terminology and how far in the store it has come; it answers the search modifiers as the store's `CodeSource`."""

    __slots__ = ("_busy", "_held", "_since", "terminology")

    def __init__(self) -> None:
        self.terminology = Terminology(published=True)
        self._busy = Lock()
        self._since: dict[str, int] = {}
        self._held: dict[tuple[str, str], tuple[str, int]] = {}

    async def codes(self, records: Records) -> Codes:
        """What the terminology says now of the search modifiers."""
        await self.refresh(records, utc_now())
        return self.terminology.codes

    async def refresh(self, records: Records, now: datetime) -> Terminology:
        """Reads what has been written since the last time. Raises `Unavailable` when there is more than a process may hold."""
        async with self._busy:
            for type in TYPES:
                if type in self._since:
                    await self._catch_up(records, type)
                else:
                    await self._load(records, type)
                self._since[type] = tick_of(now) - OVERLAP_US
        return self.terminology

    async def _load(self, records: Records, type: str) -> None:
        cursor, more = None, True
        while more:
            page = await records.search(Search(type, count=PAGE, cursor=cursor, total="none"))
            for stored in page.matches:
                self._take(records, stored)
            cursor, more = page.next, page.next is not None

    async def _catch_up(self, records: Records, type: str) -> None:
        cursor, more = None, True
        while more:
            page = await records.history(type, since=self._since[type], count=PAGE, cursor=cursor)
            for stored in page.entries:
                self._take(records, stored)
            cursor, more = page.next, page.next is not None

    def _take(self, records: Records, stored: Stored) -> None:
        """A version, if it is newer than what is held. A deletion is known by its row's UUID alone, so that is the key of all."""
        key = (stored.type, str(records.store.ground.hashes.id(stored.id)))
        id, version = self._held.get(key, (stored.id, 0))
        if version >= stored.version:
            return
        if key not in self._held and len(self._held) >= RESOURCES_MAX:
            raise Unavailable("More than {most} code systems, value sets and maps: too many to hold in memory.", most=RESOURCES_MAX)
        self._held[key] = (id, stored.version)
        if stored.content:
            self.terminology.put(stored.resource())
        else:
            self.terminology.drop(stored.type, id)
