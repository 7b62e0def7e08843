"""Running a search: rows in pages, checked on their content where the indexes only narrow, and totals."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from asyncpg import Connection

from xinglin.base.errors import Malformed, TooCostly
from xinglin.fhir.codec import Resource, decode
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.match import Codes, matches
from xinglin.fhir.search.model import All, Amount, Chain, Clause, Has, Link, Not, Search, Term
from xinglin.store.changes import Stored
from xinglin.store.content import method_of
from xinglin.store.ground import Ground
from xinglin.store.layout import Layout, layout
from xinglin.store.searching.condition import Arguments, Condition, never
from xinglin.store.searching.cursor import read_cursor, write_cursor
from xinglin.store.searching.predicate import few_of, may_see
from xinglin.store.searching.predicates import condition, scope_sql
from xinglin.store.searching.reading import Reading
from xinglin.store.searching.scope import Scope
from xinglin.store.searching.shapes import Ordering, Question, statement, walks_patients

_CHECKED_AT_ONCE = 1_000
_ID = re.compile(rb'"id":"([A-Za-z0-9\-.]{1,64})"')


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page: matches in order, what they include, the total where it is known, and the mark of the next page."""

    matches: list[Stored]
    included: list[Stored] = field(default_factory=list[Stored])
    total: int | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Seeker:
    """What runs searches on one connection for one scope."""

    ground: Ground
    connection: Connection
    scope: Scope
    codes: Codes | None = None

    # --- pages ---

    async def page(self, asked: Search, limit: int) -> SearchPage:
        """The page after `asked.cursor`, without includes and total."""
        spot = layout(asked.type)
        order = ordering(asked, spot, self.ground)
        if order is None:
            return await self._sorted_page(asked, limit)
        if asked.cursor:
            value, tick, patient = read_cursor(asked.cursor, *_marks_of(order.column))
            if tick is None or patient is None:
                raise Malformed("The page mark is not one of ours; start the search again.")
            order = replace(order, after=(value, tick, patient))
        found: list[tuple[Any, Stored]] = []
        async for row, stored in self.rows(asked, order, limit + 1):
            found.append((row, stored))
            if len(found) > limit:
                break
        more = len(found) > limit
        mark = write_cursor(*_marks(order, found[limit - 1][0])) if more and limit else None
        return SearchPage([stored for _, stored in found[:limit]], next=mark)

    async def rows(self, asked: Search, order: Ordering, limit: int) -> AsyncIterator[tuple[Any, Stored]]:
        """Matching rows in order, at least `limit` if there are so many; rows the indexes cannot vouch for are checked."""
        spot = layout(asked.type)
        scanned, together = 0, 2 * limit
        while True:
            reading, where = await self.compiled(asked, spot)
            if where.never:
                return
            size = limit if where.exact else together
            together = min(4 * together, _CHECKED_AT_ONCE)
            batch = await self._fetch(reading, spot, where, order, size)
            outside = {} if where.exact else await self._outside(asked, spot, batch)
            for row in batch:
                stored = self.stored(spot, row)
                if where.exact or self.passes(asked.where, stored, {leaf: row["id"] in ids for leaf, ids in outside.items()}):
                    yield row, stored
            if len(batch) < size:
                return
            scanned += len(batch)
            if scanned >= self.ground.settings.scan_rows_max:
                raise TooCostly("This search has to look into too many records; add a patient, a code or a date.")
            order = replace(order, after=_marks(order, batch[size - 1]))

    async def _fetch(self, reading: Reading, spot: Layout, where: Condition, order: Ordering, size: int) -> list[Any]:
        everyone = 0.0 if self.scope.unlimited else await self.ground.statistics.rows(self.connection, layout("Patient"))
        few = few_of(self.scope, spot, everyone)
        limit = scope_sql(reading, spot, "r", walked=order.newest_first or few is None)
        seen = self.scope.of_type(spot.type) if limit and spot.patient is not None else None
        shown = None if seen is None else len(seen)
        question = Question(self.ground, self.connection, spot, where, limit, order, size, reading.arguments, few, shown)
        sql, values = reading.arguments.settled(await statement(question))
        found = await self.connection.fetch(sql, *values)
        if order.newest_first and not walks_patients(question):
            found.sort(key=lambda row: row["tick"], reverse=True)
        return found[:size]

    async def compiled(self, asked: Search, spot: Layout) -> tuple[Reading, Condition]:
        """The condition of a search's terms, with fresh arguments."""
        reading = Reading(self.ground, self.connection, self.scope, Arguments(), self.collect, self.referred, self.listed, self.codes)
        if not await self.ground.tables.there(self.connection, spot):
            return reading, never()
        return reading, await condition(reading, spot, asked.where)

    def stored(self, spot: Layout, row: Any) -> Stored:
        """A row opened."""
        content = row["content"]
        plain = self.ground.contents.unpack(spot.number, row["id"], row["version"], row["tick"], content)
        return Stored(spot.type, logical_id(plain), row["version"], row["tick"], plain, method_of(content), row["patient"])

    def passes(self, where: All, stored: Stored, outside: Mapping[int, bool] | None = None) -> bool:
        """Whether the content holds what was asked; what asks about other resources the query answers, or `outside` (see `_outside`)."""
        resource = decode(stored.content)

        def follow(leaf: Chain | Has | Clause, _: Resource) -> bool:
            return outside is not None and outside[id(leaf)]

        terms = (term for term in where.terms if not _is_leaf(term) and (outside is not None or not _leaves(term)))
        return all(matches(term, resource, codes=self.codes, follow=follow) for term in terms)

    async def _outside(self, asked: Search, spot: Layout, batch: list[Any]) -> dict[int, set[UUID]]:
        """For each part that asks about other resources beside what only the content can tell: for which rows it holds."""
        found: dict[int, set[UUID]] = {}
        for leaf in (leaf for term in asked.where.terms if not _is_leaf(term) for leaf in _leaves(term)):
            reading, where = await self.compiled(Search(asked.type, All((leaf,))), spot)
            keys = reading.arguments.add([row["id"] for row in batch], "uuid[]")
            sql, values = reading.arguments.settled(f"SELECT r.id FROM {spot.table} r WHERE r.id = ANY({keys}) AND ({where.sql})")
            found[id(leaf)] = {row["id"] for row in await self.connection.fetch(sql, *values)}
        return found

    async def _sorted_page(self, asked: Search, limit: int) -> SearchPage:
        """An order no column holds: all matches are read and sorted here; the mark is how many were shown."""
        (start,) = read_cursor(asked.cursor, int) if asked.cursor else (0,)
        if start is None or start < 0:
            raise Malformed("The page mark is not one of ours; start the search again.")
        keyed: list[tuple[list[Any], Stored]] = []
        async for _, stored in self.rows(asked, Ordering(), 1000):
            keyed.append((sort_keys(asked, stored), stored))
        for place in reversed(range(len(asked.order))):
            descending = asked.order[place].descending
            keyed.sort(key=lambda pair: _Last(pair[0][place], descending=descending))
        shown = [stored for _, stored in keyed[start : start + limit]]
        return SearchPage(shown, next=write_cursor(start + limit) if start + limit < len(keyed) else None)

    # --- totals ---

    async def count(self, asked: Search, most: int | None = None) -> int:
        """How many rows match; `most` stops counting there."""
        spot = layout(asked.type)
        reading, where = await self.compiled(asked, spot)
        if where.never:
            return 0
        if not where.exact:
            total = 0
            async for _ in self.rows(replace(asked, order=()), Ordering(), 1000):
                total += 1
            return total
        rows = f"FROM {spot.table} r WHERE ({where.sql or 'true'}){scope_sql(reading, spot, 'r')}"
        sql = f"SELECT count(*) {rows}" if most is None else f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT {most}) x"
        sql, values = reading.arguments.settled(sql)
        return await self.connection.fetchval(sql, *values)

    # --- what chains need ---

    async def collect(self, type_: str, term: Term, limit: int) -> list[tuple[UUID, int]]:
        """(id, patient number) of rows for which a term holds."""
        found: list[tuple[UUID, int]] = []
        async for row, _ in self._bare(Search(type_, All((term,))), limit):
            found.append((row["id"], row["patient"]))
            if len(found) >= limit:
                break
        return found

    async def _bare(self, asked: Search, limit: int) -> AsyncIterator[tuple[Any, None]]:
        """Rows in no order; opened only where the content must be looked at."""
        spot = layout(asked.type)
        reading, where = await self.compiled(asked, spot)
        if where.never:
            return
        if not where.exact:
            async for row, _ in self.rows(asked, Ordering(), limit):
                yield row, None
            return
        sql = f"SELECT r.id, r.patient FROM {spot.table} r WHERE ({where.sql or 'true'}){scope_sql(reading, spot, 'r')} LIMIT {limit}"
        sql, values = reading.arguments.settled(sql)
        for row in await self.connection.fetch(sql, *values):
            yield row, None

    async def referred(self, has: Has, type_: str, limit: int) -> list[str]:
        """The ids of `type_` that matching rows of `has.source` refer to."""
        ids: set[str] = set()
        async for _, stored in self.rows(Search(has.source, All((has.term,))), Ordering(), 1000):
            links = extract_param(decode(stored.content), has.param)
            ids.update(link.id for link in links if isinstance(link, Link) and link.id and link.type == type_)
            if len(ids) > limit:
                raise TooCostly("_has:{source} reaches more than {most} resources; narrow it.", source=has.source, most=limit)
        return sorted(ids)

    async def listed(self, type_: str, list_id: str) -> list[str]:
        """The ids of `type_` that a stored List names; none when there is no such list."""
        spot = layout("List")
        if not await self.ground.tables.there(self.connection, spot):
            return []
        key = self.ground.hashes.id(list_id)
        row = await self.connection.fetchrow(f"SELECT tick, id, version, content, patient, presence FROM {spot.table} WHERE id = $1", key)
        if row is None or not await may_see(self.ground, self.connection, self.scope, spot, row["patient"], row["presence"]):
            return []
        entries = decode(self.stored(spot, row).content).get("entry", [])
        references = [entry.get("item", {}).get("reference", "") for entry in entries if not entry.get("deleted")]
        return [reference.partition("/")[2] for reference in references if reference.startswith(type_ + "/")]


class _Last:
    """A sort key in which what is absent comes last, whichever way the sort runs."""

    __slots__ = ("_descending", "_key")

    def __init__(self, key: Any, *, descending: bool) -> None:
        self._key = key
        self._descending = descending

    def __lt__(self, other: _Last) -> bool:
        if self._key is None or other._key is None:
            return self._key is not None
        return other._key < self._key if self._descending else self._key < other._key


def sort_keys(asked: Search, stored: Stored) -> list[Any]:
    """The value of each sort parameter: the least for ascending, the greatest for descending; None when absent."""
    resource: Resource = decode(stored.content)
    return [_sort_key(stored, order.param.name, extract_param(resource, order.param), order.descending) for order in asked.order]


def _sort_key(stored: Stored, name: str, values: tuple[Any, ...], descending: bool) -> Any:
    if name == "_lastUpdated":
        return stored.tick
    if name == "_id":
        return stored.id
    keys = [key for value in values if (key := _key_of(value)) is not None]
    if not keys:
        return None
    return max(keys) if descending else min(keys)


def _key_of(value: Any) -> Any:
    if isinstance(value, Amount):
        return value.lo if value.lo is not None else value.hi
    for name in ("lo", "value", "text", "code", "uri", "id", "url"):
        key = getattr(value, name, None)
        if key is not None:
            return key
    return None


def _marks_of(column: str) -> tuple[type, ...]:
    """What a page mark holds for an order column: its value, the tick, the patient number."""
    return (float if column.startswith("num") else int, int, int)


def ordering(asked: Search, spot: Layout, ground: Ground) -> Ordering | None:
    """The column a search's order runs along; None when no single column holds it."""
    if not asked.order:
        return Ordering()
    first, *more = asked.order
    if more:
        return None
    name, descending = first.param.name, first.descending
    if name == "_lastUpdated":
        return Ordering("tick", descending)
    if "many" in ground.interning.traits(spot.number, name):
        return None
    column = spot.spans[name][0] if name in spot.spans else spot.numbers.get(name)
    return Ordering(column, descending) if column else None


def _marks(order: Ordering, row: Any) -> tuple[Any, int, int]:
    """Where a page ended: the order column's value, the tick and the patient number of its last row."""
    key = row["key"] if order.column != "tick" else None
    return key, row["tick"], row["patient"]


def _is_leaf(term: Term) -> bool:
    """Whether a term asks about other resources and nothing else: the query has answered it."""
    return isinstance(term, (Chain, Has)) or (isinstance(term, Clause) and term.param.name == "_list")


def _leaves(term: Term) -> list[Term]:
    """The parts of a term that ask about other resources."""
    if isinstance(term, (Chain, Has, Clause)):
        return [term] if _is_leaf(term) else []
    parts = (term.term,) if isinstance(term, Not) else term.terms
    return [leaf for part in parts for leaf in _leaves(part)]


def logical_id(plain: bytes) -> str:
    """The id of stored bytes: it stands near their start, right after the resource type."""
    found = _ID.search(plain, 0, 200)
    assert found is not None
    return found[1].decode()


async def search(seeker: Seeker, asked: Search, limit: int) -> SearchPage:
    """One page with its total, as asked."""
    await seeker.ground.interning.catch_up(seeker.connection)
    await seeker.ground.eras.freshen()
    if asked.summary == "count" or limit == 0:
        return SearchPage([], total=await seeker.count(asked))
    page = await seeker.page(asked, limit)
    if asked.total == "accurate":
        return replace(page, total=await seeker.count(asked))
    if asked.total == "estimate":
        return replace(page, total=await seeker.count(asked, 10_000))
    if asked.total is None and asked.cursor is None and page.next is None:
        return replace(page, total=len(page.matches))
    return page


async def matching_ids(ground: Ground, connection: Connection, asked: Search, scope: Scope, limit: int) -> list[Stored]:
    """The newest matches, at most `limit`: for conditions inside a transaction."""
    seeker = Seeker(ground, connection, scope)
    await ground.interning.catch_up(connection)
    await ground.eras.freshen()
    return (await seeker.page(asked, limit)).matches
