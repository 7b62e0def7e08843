"""The profiles a resource is held against: StructureDefinitions and ValueSets of the record itself, remembered for a while.

Source: R4 profiling.html, resource.html#Meta (`meta.profile`). A claimed profile that is not in the record is not checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from xinglin.base.errors import Issue
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import search_params
from xinglin.fhir.search.model import All, Clause, Search, TextAsked
from xinglin.fhir.validation import validate
from xinglin.store import Records

REMEMBERED_S = 60
REMEMBERED_MAX = 4000
CONFORMANCE = ("StructureDefinition", "ValueSet")
_ROUNDS = 8
_URLS_AT_ONCE = 50


class Shelf:
    """Profiles by canonical url, None for one that is known not to be in the record."""

    __slots__ = ("_clock", "_known")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, Resource | None]] = {}

    def forget(self) -> None:
        """Read again from the record: a profile was written."""
        self._known.clear()

    def settled(self, urls: Iterable[str]) -> bool:
        """Whether all of these are known not to be in the record, so that there is nothing to check."""
        now = self._clock()
        return all((known := self._known.get(_plain(url))) is not None and known[0] > now and known[1] is None for url in urls)

    def issues_now(self, resource: Resource) -> tuple[Issue, ...]:
        """Findings against R4 and those claimed profiles that are at hand."""
        return validate(resource, profiles=_Look(self._known, self._clock()))

    async def issues(self, records: Records, resource: Resource, against: Sequence[str] = (), *, large: bool = False) -> tuple[Issue, ...]:
        """Findings against R4, the claimed profiles and those in `against`; what is missing on the way is fetched.

        `large`: judged in a thread, so that others are served meanwhile.
        """
        found: tuple[Issue, ...] = ()
        for _ in range(_ROUNDS):
            look = _Look(self._known, self._clock())
            judge = partial(validate, resource, profiles=look, against=against)
            found = await asyncio.to_thread(judge) if large else judge()
            if not look.missed:
                break
            await self._fetch(records, sorted(look.missed))
        return found

    async def _fetch(self, records: Records, urls: Sequence[str]) -> None:
        if len(self._known) + len(urls) > REMEMBERED_MAX:
            self._known.clear()
        until = self._clock() + REMEMBERED_S
        for start in range(0, len(urls), _URLS_AT_ONCE):
            some = urls[start : start + _URLS_AT_ONCE]
            found: dict[str, Resource] = {}
            for type_ in CONFORMANCE:
                clause = Clause(search_params(type_)["url"], None, tuple(TextAsked(url) for url in some))
                page = await records.search(Search(type_, All((clause,)), count=_URLS_AT_ONCE, total="none"))
                for stored in page.matches:
                    resource = stored.resource()
                    found.setdefault(resource["url"], resource)
            self._known |= {url: (until, found.get(url)) for url in some}


class _Look:
    """One validation's look at the shelf; `missed`: what was not on it."""

    __slots__ = ("_known", "_now", "missed")

    def __init__(self, known: dict[str, tuple[float, Resource | None]], now: float) -> None:
        self._known, self._now = known, now
        self.missed: set[str] = set()

    def structure(self, url: str) -> Resource | None:
        """The StructureDefinition or ValueSet of a canonical url, None when it is not at hand."""
        known = self._known.get(url)
        if known is None or known[0] <= self._now:
            self.missed.add(url)
            return None
        return known[1]


def _plain(url: str) -> str:
    return url.partition("|")[0]
