"""The face of the store: `Store` for a process, `Records` for who asks (bound to what they may see)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from xinglin.base.clock import wall_us
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.match import Codes
from xinglin.fhir.search.model import Chain, Clause, Has, Not, Search, Term
from xinglin.store import past
from xinglin.store.changes import AuditRow, Change, Outcome, Stored
from xinglin.store.content import UnknownDictionary, load_dictionaries
from xinglin.store.ground import Ground, stand
from xinglin.store.past import HistoryPage
from xinglin.store.reading import Reading
from xinglin.store.searching.including import included
from xinglin.store.searching.running import SearchPage, Seeker, search
from xinglin.store.searching.scope import Scope
from xinglin.store.trail import Trail
from xinglin.store.writing import Writing


class CodeSource(Protocol):
    """A terminology kept in step with the store."""

    async def codes(self, records: Records) -> Codes:
        """What it says of `in`, `above` and `below` at this moment."""
        ...


@dataclass(slots=True)
class Store:
    """One process's store. `terminology`: who answers `:in`, `:above`, `:below`, set by who has one."""

    ground: Ground
    reading: Reading
    writing: Writing
    trail: Trail
    terminology: CodeSource | None = None

    def records(self, scope: Scope) -> Records:
        """The records a scope may see."""
        return Records(self, scope)

    def note(self, row: AuditRow) -> None:
        """Keep an audit row of something that wrote nothing."""
        self.trail.note(wall_us(), row)

    async def close(self) -> None:
        """Finish what was taken, write the trail, let go of the database."""
        await self.writing.close()
        await self.trail.close()
        await self.ground.close()


async def open_store(settings: Settings, dsn: str, keys: Keys) -> Store:
    """This process's store on a prepared database. Raises `Unavailable`."""
    ground = await stand(settings, dsn, keys)
    return Store(ground, Reading(ground.pool, ground.tables), Writing(ground), Trail(ground))


P = ParamSpec("P")
R = TypeVar("R")


def _knowing(work: Callable[Concatenate[Records, P], Awaitable[R]]) -> Callable[Concatenate[Records, P], Coroutine[Any, Any, R]]:
    """Do it again, once, after reading the dictionaries another process has learnt."""

    @wraps(work)
    async def again(records: Records, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await work(records, *args, **kwargs)
        except UnknownDictionary:
            ground = records.store.ground
            async with ground.side.connection() as connection:
                await load_dictionaries(connection, ground.contents)
            return await work(records, *args, **kwargs)

    return again


@dataclass(frozen=True, slots=True)
class Records:
    """Reading and writing for one scope. `seen`: the numbers of the patients of all that was read or written through it, for the trail."""

    store: Store
    scope: Scope
    seen: set[int] = field(default_factory=set[int], compare=False)

    def apart(self) -> Records:
        """The same records, with an account of its own of whose are seen."""
        return replace(self, seen=set())

    def _saw(self, stored: Iterable[Stored]) -> None:
        self.seen.update(one.patient for one in stored if one.patient)

    @_knowing
    async def read(self, type_: str, id_: str) -> Stored:
        """The present version; raises `NotFound`, `Gone`."""
        stored = await past.read(self.store.ground, self.store.reading, self.scope, type_, id_)
        if stored.patient:
            self.seen.add(stored.patient)
        return stored

    @_knowing
    async def vread(self, type_: str, id_: str, version: int) -> Stored:
        """One version; raises `NotFound`, `Gone`."""
        async with self.store.ground.pool.connection() as connection:
            stored = await past.vread(self.store.ground, connection, self.scope, type_, id_, version)
        self._saw((stored,))
        return stored

    @_knowing
    async def history(
        self, type_: str | None = None, id_: str | None = None, *, since: int | None = None, count: int = 20, cursor: str | None = None
    ) -> HistoryPage:
        """Versions of a resource, a type or everything, newest first; `since`: a tick."""
        ground, scope = self.store.ground, self.scope
        async with ground.pool.connection() as connection:
            if type_ is None:
                page = await past.of_store(ground, connection, scope, since=since, count=count, cursor=cursor)
            elif id_ is None:
                page = await past.of_type(ground, connection, scope, type_, since=since, count=count, cursor=cursor)
            else:
                page = await past.of_resource(ground, connection, scope, type_, id_, since=since, count=count, cursor=cursor)
        self._saw(page.entries)
        return page

    @_knowing
    async def search(self, asked: Search) -> SearchPage:
        """One page of a search, with includes; raises `TooCostly`, `Malformed` (a page mark)."""
        settings = self.store.ground.settings
        limit = min(asked.count if asked.count is not None else settings.page_size, settings.page_size_max)
        codes = await self.store.terminology.codes(self) if self.store.terminology and _needs_codes(asked.where) else None
        async with self.store.ground.pool.connection() as connection:
            seeker = Seeker(self.store.ground, connection, self.scope, codes)
            page = await search(seeker, asked, limit)
            if asked.includes and page.matches:
                page = replace(page, included=await included(seeker, page.matches, asked.includes, asked.through))
        self._saw(page.matches)
        self._saw(page.included)
        return page

    async def find(self, type_: str, query: str = "", count: int = 50) -> list[Resource]:
        """The first matches of a query string, parsed: for pages and rules."""
        zone = ZoneInfo(self.store.ground.settings.timezone)
        asked = read_search(type_, parse_qsl(query, keep_blank_values=True), strict=True, zone=zone)
        page = await self.search(replace(asked, count=count, total="none"))
        return [stored.resource() for stored in page.matches]

    @_knowing
    async def write(self, changes: Sequence[Change], audit: Sequence[AuditRow] = ()) -> list[Outcome]:
        """All changes or none, durable on return; the audit rows are part of it. Raises `Stale`, `Gone`, `Conflict`, `TooMany` …"""
        outcomes = await self.store.writing.write(changes, self.scope, audit)
        self._saw(outcome.stored for outcome in outcomes if outcome.stored)
        return outcomes


_TERMINOLOGICAL = frozenset({"in", "not-in", "above", "below"})


def _needs_codes(term: Term) -> bool:
    """Whether a term cannot be answered without a terminology."""
    if isinstance(term, Clause):
        return term.modifier in _TERMINOLOGICAL and term.param.kind == "token"
    if isinstance(term, Chain):
        return any(_needs_codes(part) for _, part in term.targets)
    if isinstance(term, (Not, Has)):
        return _needs_codes(term.term)
    return any(_needs_codes(part) for part in term.terms)
