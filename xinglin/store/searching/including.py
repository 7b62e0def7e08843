"""`_include` and `_revinclude`: what the matches refer to, and what refers to them. Always under the same access predicate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from xinglin.base.errors import TooCostly
from xinglin.fhir.codec import decode
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.model import Include, Link, SearchParam
from xinglin.store.changes import Stored
from xinglin.store.layout import layout
from xinglin.store.rows import link_alias, patient_links
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.predicates import scope_sql
from xinglin.store.searching.reading import Reading
from xinglin.store.searching.running import Seeker

INCLUDED_MAX = 5_000
_ROUNDS_MAX = 5
_COLUMNS = "r.tick, r.id, r.version, r.content, r.patient"

Key = tuple[str, str]


async def included(
    seeker: Seeker, matches: list[Stored], includes: tuple[Include, ...], through: Callable[[Stored], bool] | None = None
) -> list[Stored]:
    """Everything the includes bring in, each once, matches left out; what does not pass `through` leads no further.

    Raises `TooCostly` beyond `INCLUDED_MAX`.
    """
    held: dict[Key, Stored] = {(stored.type, stored.id): stored for stored in matches}
    own = set(held)
    fresh, wanted = matches, includes
    for _ in range(_ROUNDS_MAX):
        found = [stored for stored in await _round(seeker, fresh, wanted) if through is None or through(stored)]
        fresh = [stored for stored in found if (stored.type, stored.id) not in held]
        held.update(((stored.type, stored.id), stored) for stored in fresh)
        if len(held) - len(own) > INCLUDED_MAX:
            raise TooCostly("This search includes more than {most} resources; narrow it or ask for smaller pages.", most=INCLUDED_MAX)
        wanted = tuple(include for include in includes if include.iterate)
        if not fresh or not wanted:
            break
    return [stored for key, stored in held.items() if key not in own]


async def _round(seeker: Seeker, rows: list[Stored], includes: tuple[Include, ...]) -> list[Stored]:
    targets: defaultdict[str, set[str]] = defaultdict(set)
    found: list[Stored] = []
    forward = [include for include in includes if not include.reverse]
    for stored in rows if forward else ():
        for type_, id_ in _targets(stored, forward):
            targets[type_].add(id_)
    for type_, ids in targets.items():
        found += await by_ids(seeker, type_, sorted(ids))
    for include in includes:
        if include.reverse:
            found += await _referring(seeker, rows, include)
    return found


def _targets(stored: Stored, includes: Iterable[Include]) -> Iterable[Key]:
    resource = None
    for include in includes:
        if include.source not in ("*", stored.type):
            continue
        resource = resource or decode(stored.content)
        for param in _params(stored.type, include.param):
            for value in extract_param(resource, param):
                if (
                    isinstance(value, Link)
                    and value.type
                    and value.id
                    and include.target in (None, value.type)
                    and value.type in RESOURCE_TYPES
                ):
                    yield value.type, value.id


def _params(type_: str, one: SearchParam | None) -> list[SearchParam]:
    return [one] if one is not None else [param for param in search_params(type_).values() if param.kind == "reference"]


async def by_ids(seeker: Seeker, type_: str, ids: list[str]) -> list[Stored]:
    """The rows of a type under these ids that the scope may see."""
    spot = layout(type_)
    if not await seeker.ground.tables.there(seeker.connection, spot):
        return []
    reading = Reading(seeker.ground, seeker.connection, seeker.scope, Arguments(), seeker.collect, seeker.referred, seeker.listed)
    keys = reading.arguments.add([seeker.ground.hashes.id(id_) for id_ in ids], "uuid[]")
    sql = f"SELECT {_COLUMNS} FROM {spot.table} r WHERE r.id = ANY({keys}){scope_sql(reading, spot, 'r')}"
    rows = await seeker.connection.fetch(sql, *reading.arguments.values)
    return [seeker.stored(spot, row) for row in rows]


async def _referring(seeker: Seeker, rows: list[Stored], include: Include) -> list[Stored]:
    """Rows of the include's source that refer to any of `rows` through its parameter."""
    sources = RESOURCE_TYPES if include.source == "*" else (include.source,)
    found: list[Stored] = []
    for source in sources:
        for param in _params(source, include.param):
            near = [stored for stored in rows if _may_lead(param, stored.type) and include.target in (None, stored.type)]
            if near and link_alias(source, param.name)[0] in (param.name, *_only(include.param)):
                found += await _referring_through(seeker, source, param, near)
    return found


def _only(param: SearchParam | None) -> tuple[str, ...]:
    """With `*`, an alias such as `patient` adds nothing to `subject`; asked by its name it counts."""
    return (link_alias(param.type, param.name)[0],) if param is not None else ()


def _may_lead(param: SearchParam, type_: str) -> bool:
    only = link_alias(param.type, param.name)[1]
    return (only is None or only == type_) and (not param.targets or "*" in param.targets or type_ in param.targets)


async def _referring_through(seeker: Seeker, source: str, param: SearchParam, near: list[Stored]) -> list[Stored]:
    spot = layout(source)
    if not await seeker.ground.tables.there(seeker.connection, spot):
        return []
    canonical = link_alias(source, param.name)[0]
    reading = Reading(seeker.ground, seeker.connection, seeker.scope, Arguments(), seeker.collect, seeker.referred, seeker.listed)
    tests = [await _leads_to(seeker, reading, source, canonical, near)]
    sql = (
        f"SELECT {_COLUMNS} FROM {spot.table} r WHERE ({' OR '.join(tests)})"
        f"{scope_sql(reading, spot, 'r')} ORDER BY r.tick + 0 DESC LIMIT {INCLUDED_MAX + 1}"
    )
    sql, values = reading.arguments.settled(sql)
    return [seeker.stored(spot, row) for row in await seeker.connection.fetch(sql, *values)]


async def _leads_to(seeker: Seeker, reading: Reading, source: str, canonical: str, near: list[Stored]) -> str:
    spot, hashes, arguments = layout(source), seeker.ground.hashes, reading.arguments
    tokens: list[Any] = [hashes.link(canonical, stored.type, stored.id) for stored in near]
    if canonical != patient_links(spot):
        return f"r.tokens && {arguments.add(tokens, 'bigint[]')}"
    numbers = [await seeker.ground.interning.person(seeker.connection, hashes.id(stored.id)) for stored in near if stored.type == "Patient"]
    by_number = f"r.patient = ANY({arguments.add(numbers, 'integer[]')})"
    if len(numbers) == len(near) and "many" not in seeker.ground.interning.traits(spot.number, canonical):
        return by_number
    return f"{by_number} OR r.tokens && {arguments.add(tokens, 'bigint[]')}"
