"""Reading what is and what was: one resource, one version, and the history of a resource, a type and the whole store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from asyncpg import Connection

from xinglin.base.clock import LANES
from xinglin.base.errors import Gone, NotFound
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.model import Link
from xinglin.fhir.sensitivity import RESTRICTED, level_of
from xinglin.store.applying import FEED_CHANGES_MAX
from xinglin.store.changes import Stored
from xinglin.store.content import method_of
from xinglin.store.ground import Ground
from xinglin.store.layout import Layout, layout
from xinglin.store.reading import Reading
from xinglin.store.rows import ELSEWHERE, names_someone_elsewhere, patient_links
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.cursor import read_cursor, write_cursor
from xinglin.store.searching.predicate import access_sql, may_see, sees
from xinglin.store.searching.running import logical_id
from xinglin.store.searching.scope import UNSEARCHED, Scope

_FEED_ROWS = 64


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Versions, newest first; the mark of the next page; how many there are in all, where that is cheap to know."""

    entries: list[Stored]
    next: str | None = None
    total: int | None = None


def opened(
    ground: Ground, spot: Layout, id_: UUID, version: int, tick: int, content: bytes, known_id: str | None = None, patient: int = 0
) -> Stored:
    """A stored row opened. A deletion has no content to tell its logical id: the id it was asked by, or else the stored form."""
    plain = ground.contents.unpack(spot.number, id_, version, tick, content)
    return Stored(spot.type, known_id or (logical_id(plain) if plain else str(id_)), version, tick, plain, method_of(content), patient)


async def opened_all(ground: Ground, connection: Connection, spot: Layout, rows: Sequence[Any]) -> list[Stored]:
    """Stored rows of one type opened, deletions under the id that the version before them tells."""
    gone = [(row["id"], row["version"] - 1) for row in rows if not row["content"]]
    names: dict[tuple[UUID, int], str] = {}
    if gone:
        before = (
            f"SELECT h.id, h.version, h.tick, h.content FROM {spot.history} h"
            " JOIN unnest($1::uuid[], $2::integer[]) g(id, version) USING (id, version)"
        )
        for row in await connection.fetch(before, *map(list, zip(*gone, strict=True))):
            names[row["id"], row["version"] + 1] = opened(ground, spot, row["id"], row["version"], row["tick"], row["content"]).id
    return [
        opened(ground, spot, row["id"], row["version"], row["tick"], row["content"], names.get((row["id"], row["version"]))) for row in rows
    ]


async def read(ground: Ground, desk: Reading, scope: Scope, type_: str, id_: str) -> Stored:
    """The present version. Raises `NotFound`, or `Gone` when it was deleted."""
    spot, key = layout(type_), ground.hashes.id(id_)
    row = await desk.row(spot, key)
    if row is None:
        async with ground.pool.connection() as connection:
            if await ground.tables.there(connection, spot) and await _was_there(ground, connection, scope, spot, key, id_):
                raise Gone("{type}/{id} was deleted.", type=type_, id=id_)
        raise NotFound("There is no {type}/{id}.", type=type_, id=id_)
    patient: int = row["patient"]
    stored = opened(ground, spot, key, row["version"], row["tick"], row["content"], id_ if str(key) == id_ else None, patient)
    if stored.id != id_ or not await visible(ground, scope, spot, patient, row["presence"]):
        raise NotFound("There is no {type}/{id}.", type=type_, id=id_)
    return stored


async def _was_there(ground: Ground, connection: Connection, scope: Scope, spot: Layout, key: UUID, id_: str) -> bool:
    """Whether there was a version that the scope may see: else that something was deleted is not told either."""
    row = await connection.fetchrow(
        f"SELECT version, tick, content FROM {spot.history} WHERE id = $1 ORDER BY (content = ''), version DESC LIMIT 1", key
    )
    if row is None or scope.unlimited or not row["content"]:
        return row is not None and scope.unlimited
    last = opened(ground, spot, key, row["version"], row["tick"], row["content"], id_)
    return bool(await seen_versions(ground, connection, scope, spot, [last]))


async def visible(ground: Ground, scope: Scope, spot: Layout, patient: int, presence: int) -> bool:
    """Whether a row may be seen."""
    if scope.unlimited:
        return True
    restricted = ground.interning.marked(presence)
    if restricted is not None:
        return sees(scope, spot, patient, restricted=restricted)
    async with ground.side.connection() as connection:
        return await may_see(ground, connection, scope, spot, patient, presence)


async def vread(ground: Ground, connection: Connection, scope: Scope, type_: str, id_: str, version: int) -> Stored:
    """One version. Raises `NotFound`, or `Gone` when that version is the deletion."""
    spot, key = layout(type_), ground.hashes.id(id_)
    if not await ground.tables.there(connection, spot):
        raise NotFound("There is no {type}/{id}.", type=type_, id=id_)
    await _may_see_past(ground, connection, scope, spot, key, id_)
    if not 0 < version < 2**31:
        raise NotFound("There is no version {version} of {type}/{id}.", version=version, type=type_, id=id_)
    row = await connection.fetchrow(
        f"SELECT tick, content FROM {spot.table} WHERE id = $1 AND version = $2"
        f" UNION ALL SELECT tick, content FROM {spot.history} WHERE id = $1 AND version = $2",
        key,
        version,
    )
    if row is None:
        raise NotFound("There is no version {version} of {type}/{id}.", version=version, type=type_, id=id_)
    if not row["content"]:
        raise Gone("Version {version} of {type}/{id} is its deletion.", version=version, type=type_, id=id_)
    stored = opened(ground, spot, key, version, row["tick"], row["content"], id_)
    found = await seen_versions(ground, connection, scope, spot, [stored])
    if not found:
        raise NotFound("There is no version {version} of {type}/{id}.", version=version, type=type_, id=id_)
    return found[0]


async def _may_see_past(ground: Ground, connection: Connection, scope: Scope, spot: Layout, key: UUID, id_: str) -> None:
    """Under a scope, old versions are shown of what may be seen now; of what was deleted nothing is."""
    if scope.unlimited:
        return
    row = await connection.fetchrow(f"SELECT patient, presence FROM {spot.table} WHERE id = $1", key)
    if row is None or not await may_see(ground, connection, scope, spot, row["patient"], row["presence"]):
        raise NotFound("There is no {type}/{id}.", type=spot.type, id=id_)


async def seen_versions(ground: Ground, connection: Connection, scope: Scope, spot: Layout, versions: list[Stored]) -> list[Stored]:
    """Of old versions those the scope may see, with the patient each was about: a record may have been moved or labelled since."""
    found: list[Stored] = []
    for stored in versions:
        resource = stored.resource() if stored.content else None
        patient = await _patient_then(ground, connection, spot, stored.id, resource)
        restricted = resource is not None and scope.treated is not None and level_of(resource) >= RESTRICTED
        if resource is None or sees(scope, spot, patient, restricted=restricted):
            found.append(replace(stored, patient=patient))
    return found


async def _patient_then(ground: Ground, connection: Connection, spot: Layout, id_: str, resource: Resource | None) -> int:
    """The number of the patient a version was about; 0 for nobody."""
    name = patient_links(spot)
    if spot.type == "Patient":
        return await ground.interning.person(connection, ground.hashes.id(id_))
    if name is None or resource is None:
        return 0
    links = extract_param(resource, search_params(spot.type)[name])
    patient = next((link.id for link in links if isinstance(link, Link) and link.type == "Patient" and link.id), None)
    if patient is None and names_someone_elsewhere(resource):
        patient = ELSEWHERE
    return await ground.interning.person(connection, ground.hashes.id(patient)) if patient else 0


async def of_resource(
    ground: Ground, connection: Connection, scope: Scope, type_: str, id_: str, *, since: int | None, count: int, cursor: str | None
) -> HistoryPage:
    """All versions of one resource, newest first. Raises `NotFound` when there never was one."""
    spot, key = layout(type_), ground.hashes.id(id_)
    if not await ground.tables.there(connection, spot) or (type_ in UNSEARCHED and not scope.unlimited):
        raise NotFound("There is no {type}/{id}.", type=type_, id=id_)
    await _may_see_past(ground, connection, scope, spot, key, id_)
    (below,) = read_cursor(cursor, int) if cursor else (2**31 - 1,)
    one = "SELECT id, version, tick, content FROM {} WHERE id = $1"
    both = f"({one.format(spot.table)} UNION ALL {one.format(spot.history)}) v"
    total = await connection.fetchval(f"SELECT count(*) FROM {both}", key)
    if not total:
        raise NotFound("There is no {type}/{id}.", type=type_, id=id_)
    rows = await connection.fetch(
        f"SELECT * FROM {both} WHERE version < $2 AND tick >= $3 ORDER BY version DESC LIMIT $4",
        key,
        min(below or 0, 2**31 - 1),
        since or 0,
        count + 1,
    )
    entries = [opened(ground, spot, key, row["version"], row["tick"], row["content"], id_) for row in rows[:count]]
    mark = write_cursor(entries[-1].version) if len(rows) > count and entries else None
    seen = await seen_versions(ground, connection, scope, spot, entries)
    return HistoryPage(seen, mark, total if scope.unlimited else None)


async def of_type(
    ground: Ground, connection: Connection, scope: Scope, type_: str, *, since: int | None, count: int, cursor: str | None
) -> HistoryPage:
    """All versions of one type, newest first."""
    spot = layout(type_)
    (below,) = read_cursor(cursor, int) if cursor else (2**62,)
    rows: list[Any] = []
    if not await ground.tables.there(connection, spot):
        return HistoryPage([])
    for table in (spot.table, spot.history):
        arguments = Arguments()
        when = f"v.tick < {arguments.add(below or 0, 'bigint')} AND v.tick >= {arguments.add(since or 0, 'bigint')}"
        limit = await _scope_test(ground, connection, scope, arguments, spot, table)
        rows += await connection.fetch(
            f"SELECT v.id, v.version, v.tick, v.content FROM {table} v WHERE {when}{limit} ORDER BY v.tick DESC LIMIT {count + 1}",
            *arguments.values,
        )
    once = {row["tick"]: row for row in rows}  # a version superseded between the two looks stands in both
    rows = sorted(once.values(), key=lambda row: row["tick"], reverse=True)
    entries = await opened_all(ground, connection, spot, rows[:count])
    mark = write_cursor(entries[-1].tick) if len(rows) > count and entries else None
    return HistoryPage(await seen_versions(ground, connection, scope, spot, entries), mark)


async def _scope_test(ground: Ground, connection: Connection, scope: Scope, arguments: Arguments, spot: Layout, table: str) -> str:
    """The access predicate on present rows, and on old versions of what is visible now."""
    if scope.unlimited:
        return ""
    await ground.interning.catch_up(connection)
    if table == spot.table:
        return access_sql(ground, scope, arguments, spot, "v")
    limit = access_sql(ground, scope, arguments, spot, "h")
    return f" AND EXISTS (SELECT FROM {spot.table} h WHERE h.id = v.id{limit})" if limit else ""


async def of_store(
    ground: Ground, connection: Connection, scope: Scope, *, since: int | None, count: int, cursor: str | None
) -> HistoryPage:
    """All versions of everything, newest first: the change feed read backwards."""
    (below,) = read_cursor(cursor, int) if cursor else (2**62,)
    below = below or 0
    entries: list[Stored] = []
    while len(entries) <= count:
        marks = [mark for mark in await _changes_below(connection, below) if mark[0] >= (since or 0)][: count + 1 - len(entries)]
        if not marks:
            break
        entries += await versions_at(ground, connection, scope, marks)
        below = marks[-1][0]
    more = len(entries) > count
    return HistoryPage(entries[:count], write_cursor(entries[count - 1].tick) if more else None)


async def _changes_below(connection: Connection, below: int) -> list[tuple[int, int]]:
    """The newest changes (tick, type number) below a tick, newest first, without a gap; none when there are no more."""
    rows = await connection.fetch("SELECT tick, types FROM xinglin.feed WHERE tick < $1 ORDER BY tick DESC LIMIT $2", below, _FEED_ROWS)
    lowest = 0
    if len(rows) == _FEED_ROWS:  # large commits that began before these may reach in among them
        lowest = rows[-1]["tick"]
        reaching = f"tick + {LANES} * (octet_length(types) / 2 - 1) > $1"
        rows += await connection.fetch(
            f"SELECT tick, types FROM xinglin.feed WHERE tick < $1 AND tick > $1 - {LANES} * {FEED_CHANGES_MAX} AND {reaching}", lowest
        )
    return sorted((mark for row in rows for mark in changes_of(row) if lowest <= mark[0] < below), reverse=True)


def changes_of(row: Any) -> Iterable[tuple[int, int]]:
    """(tick, type number) of each change of a feed row."""
    types: bytes = row["types"]
    first: int = row["tick"]
    return ((first + place * LANES, int.from_bytes(types[2 * place : 2 * place + 2], "big")) for place in range(len(types) // 2))


async def versions_at(ground: Ground, connection: Connection, scope: Scope, marks: Iterable[tuple[int, int]]) -> list[Stored]:
    """The versions written at these ticks, in their order; those the scope may not see are left out."""
    by_type: defaultdict[int, list[int]] = defaultdict(list)
    order = list(marks)
    for tick, number in order:
        by_type[number].append(tick)
    found: dict[int, Stored] = {}
    for number, ticks in by_type.items():
        spot = layout(RESOURCE_TYPES[number])
        for table in (spot.table, spot.history):
            arguments = Arguments()
            when = f"v.tick = ANY({arguments.add(ticks, 'bigint[]')})"
            limit = await _scope_test(ground, connection, scope, arguments, spot, table)
            rows = await connection.fetch(
                f"SELECT v.id, v.version, v.tick, v.content FROM {table} v WHERE {when}{limit}", *arguments.values
            )
            versions = await opened_all(ground, connection, spot, rows)
            if not scope.unlimited:
                versions = await seen_versions(ground, connection, scope, spot, versions)
            found.update((stored.tick, stored) for stored in versions)
    return [found[tick] for tick, _ in order if tick in found]
