"""Putting settled changes into the tables, inside a transaction the caller opened: heads, history, feed and audit.

It takes a handful of statements for any number of changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg import Connection

from xinglin.base.clock import LANES, instant
from xinglin.base.errors import Conflict, Forbidden, Gone, Malformed, NotFound, Stale
from xinglin.base.ids import is_uuid
from xinglin.fhir.codec import Resource, decode, encode
from xinglin.store.changes import AuditRow, Outcome, Stored
from xinglin.store.content import method_of
from xinglin.store.ground import Ground
from xinglin.store.interning import Wants
from xinglin.store.layout import Layout, layout
from xinglin.store.links import conditional
from xinglin.store.rows import Draft, draft, era_token, finish
from xinglin.store.searching.predicate import may_see
from xinglin.store.searching.scope import Scope

FEED_CHANGES_MAX = 4096
EVERYONE = Scope.everyone()
_COPY_FROM = 8


@dataclass(slots=True)
class Step:
    """One settled change: a type and id, and what to do there. `fresh`: the id was just made, nothing can be under it.

    `change`: the place of the change it comes from, told by errors. `scope`: what who writes it may see and write.
    """

    type: str
    id: str
    resource: Resource | None = None
    amend: Callable[[Resource], Resource] | None = None
    delete: bool = False
    fresh: bool = False
    put: bool = False
    if_match: int | None = None
    only_new: bool = False
    made: Draft | None = None
    change: int = 0
    scope: Scope = EVERYONE

    @property
    def key(self) -> tuple[int, str]:
        """What two steps of one transaction must not share."""
        return layout(self.type).number, self.id

    @property
    def begins(self) -> bool:
        """Whether nothing may be there yet."""
        return self.fresh or self.only_new


@dataclass(slots=True)
class _Head:
    version: int
    tick: int
    content: bytes
    patient: int = 0
    presence: int = 0


Heads = dict[tuple[int, UUID], _Head]
Rows = defaultdict[Layout, list[tuple[Any, ...]]]


async def apply(ground: Ground, connection: Connection, steps: Sequence[Step], audit: Iterable[AuditRow] = ()) -> list[Outcome]:
    """Write all steps. Raises `Stale`, `Gone`, `NotFound`, `Conflict`; the caller rolls back."""
    await ground.tables.ensure(layout(step.type) for step in steps if not step.delete)
    heads = await _lock_heads(ground, connection, steps)
    for step in steps:
        await _require_seen(ground, connection, step, heads)
    wants = Wants()
    for step in steps:
        _settle(ground, step, heads, wants)
    await ground.interning.provide(wants)
    for step in steps:
        _require_own(ground, step, heads)
    await ground.eras.freshen()
    await ground.ticks.keep()
    ground.ticks.raise_to(max((head.tick for head in heads.values()), default=0))
    live = [step for step in steps if not (step.delete and _head(ground, step, heads).version <= 0)]
    first = ground.ticks.take(max(len(live), 1))
    writer = _Writer(ground, heads)
    done = {id(step): writer.put(step, first + place * LANES) for place, step in enumerate(live)}
    await writer.write(connection)
    await write_feed(connection, [layout(step.type).number for step in live], first)
    await write_audit(ground, connection, first, about(audit, steps, done))
    return [done.get(id(step)) or Outcome(None, "absent") for step in steps]


def about(audit: Iterable[AuditRow], steps: Sequence[Step], done: Mapping[int, Outcome]) -> Iterator[AuditRow]:
    """The rows with the patient whose record each changed, and on what ground that was allowed."""
    told = {(step.type, step.id): (step, done[id(step)].stored) for step in steps if id(step) in done}
    for row in audit:
        step, stored = told.get((row.type or "", row.id or ""), (None, None))
        if step is None or stored is None or not stored.patient:
            yield row
        else:
            yield replace(row, patients=(stored.patient,), ground=step.scope.ground_of(stored.patient) or None)


async def _lock_heads(ground: Ground, connection: Connection, steps: Sequence[Step]) -> Heads:
    """The present versions of what may be there, locked in one order so that writers cannot wait on each other in a ring."""
    wanted: defaultdict[Layout, list[UUID]] = defaultdict(list)
    for step in steps:
        if not step.fresh:
            wanted[layout(step.type)].append(ground.hashes.id(step.id))
    heads: Heads = {}
    for spot in sorted(wanted, key=lambda spot: spot.number):
        if not await ground.tables.there(connection, spot):
            continue
        ids = wanted[spot]
        for id_, *head in await connection.fetch(
            f"SELECT id, version, tick, content, patient, presence FROM {spot.table} WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids
        ):
            heads[spot.number, id_] = _Head(*head)
        missing = [id_ for id_ in ids if (spot.number, id_) not in heads]
        if missing:  # deleted ones go on counting where they stopped
            for id_, version, tick, deleted in await connection.fetch(
                f"SELECT DISTINCT ON (id) id, version, tick, content = '' FROM {spot.history} WHERE id = ANY($1) ORDER BY id, version DESC",
                missing,
            ):
                if not deleted:  # made and changed between the two looks: look again
                    raise asyncpg.SerializationError("a row came and changed meanwhile")
                heads[spot.number, id_] = _Head(-version, tick, b"")
    return heads


_NONE = _Head(0, 0, b"")


def _head(ground: Ground, step: Step, heads: Heads) -> _Head:
    return heads.get((layout(step.type).number, ground.hashes.id(step.id)), _NONE)


async def _require_seen(ground: Ground, connection: Connection, step: Step, heads: Heads) -> None:
    """Nobody changes what they may not see. Raises `NotFound`, as reading it would, or `Stale`: the words of what is not there."""
    head = _head(ground, step, heads)
    if head.version == 0 or step.scope.unlimited:
        return
    there = head.version > 0 and await may_see(ground, connection, step.scope, layout(step.type), head.patient, head.presence)
    if there or (head.version < 0 and step.amend is None):
        return
    if step.if_match is not None:
        raise _stale(step, 0)
    raise NotFound("There is no {type}/{id}.", type=step.type, id=step.id, change=step.change)


def _stale(step: Step, there: int) -> Stale:
    told = "{type}/{id} is at version {there}, not {asked}; read it again and repeat the change."
    return Stale(told, type=step.type, id=step.id, change=step.change, there=there, asked=step.if_match)


def _require_own(ground: Ground, step: Step, heads: Heads) -> None:
    """Nobody writes into the record of a patient who is none of theirs. Raises `Forbidden`."""
    made, scope = step.made, step.scope
    if made is None or made.spot.patient is None or scope.patients is None:
        return
    new = _head(ground, step, heads).version <= 0
    persons = ground.interning.persons
    patients = [persons[made.patient] if made.patient else 0, *(persons[other] for other in made.others)]
    if not all(scope.may_write_for(step.type, patient, new=new) for patient in patients):
        raise Forbidden("This {type} is of a patient you have no care relationship with.", type=step.type, change=step.change)


def _settle(ground: Ground, step: Step, heads: Heads, wants: Wants) -> None:
    """Check a step against what is there, and take its new values apart."""
    head = _head(ground, step, heads)
    about: dict[str, Any] = {"type": step.type, "id": step.id, "change": step.change}
    if step.if_match is not None and step.if_match != head.version:
        raise _stale(step, max(head.version, 0))
    if step.only_new and head.version > 0:
        raise Stale("{type}/{id} is there already.", **about)
    if step.amend is not None:
        if head.version == 0:
            raise NotFound("There is no {type}/{id}.", **about)
        if head.version < 0:
            raise Gone("{type}/{id} was deleted.", **about)
        spot = layout(step.type)
        step.resource = _amended(
            step, decode(ground.contents.unpack(spot.number, ground.hashes.id(step.id), head.version, head.tick, head.content))
        )
        step.made = None
    if step.resource is not None and step.made is None:
        step.made = draft(step.resource, step.id, ground.hashes, wants)
    elif step.made is not None:
        want(step.made, wants)


def _amended(step: Step, before: Resource) -> Resource:
    assert step.amend is not None
    searched = conditional([before])
    after = step.amend(before)
    if after.get("resourceType") != step.type:
        raise Malformed("A patch may not make another type of {type}/{id}.", type=step.type, id=step.id, change=step.change)
    if conditional([after]) - searched:
        raise Malformed(
            "A patch may not refer by a search; name what {type}/{id} shall refer to.", type=step.type, id=step.id, change=step.change
        )
    return after


def want(made: Draft, wants: Wants) -> None:
    """Ask again for the numbers of a draft made earlier (they may have been forgotten meanwhile)."""
    wants.persons.update(made.others)
    if made.patient:
        wants.persons.add(made.patient)


class _Writer:
    """Gathers the rows of all steps by table, then writes table by table."""

    def __init__(self, ground: Ground, heads: Heads) -> None:
        self._ground = ground
        self._heads = heads
        self.inserts: Rows = defaultdict(list)
        self.updates: Rows = defaultdict(list)
        self.history: Rows = defaultdict(list)
        self.deletes: defaultdict[Layout, list[UUID]] = defaultdict(list)

    def put(self, step: Step, tick: int) -> Outcome:
        """Turn a step into rows; the outcome is true once they are committed."""
        spot, ground = layout(step.type), self._ground
        id_ = ground.hashes.id(step.id)
        head = self._heads.get((spot.number, id_), _NONE)
        version = abs(head.version) + 1
        if head.version > 0:
            self.history[spot].append((id_, head.version, head.tick, head.content))
        if step.delete:
            self.deletes[spot].append(id_)
            self.history[spot].append((id_, version, tick, b""))
            return Outcome(Stored(step.type, step.id, version, tick, b"", "DELETE", head.patient), "deleted")
        assert step.resource is not None
        assert step.made is not None
        plain = encode(stamped(step.resource, step.id, version, tick))
        content = ground.contents.pack(spot.number, id_, version, tick, plain, put=step.put)
        era = era_token(ground.hashes, ground.eras.era_of(spot.number, tick))
        row = finish(step.made, ground.interning, tick=tick, version=version, era=era, content=content)
        (self.updates if head.version > 0 else self.inserts)[spot].append(row)
        patient = ground.interning.persons[step.made.patient] if step.made.patient else 0
        stored = Stored(step.type, step.id, version, tick, plain, method_of(content), patient)
        return Outcome(stored, "updated" if head.version > 0 else "created")

    async def write(self, connection: Connection) -> None:
        """Send everything gathered."""
        for spot, rows in self.history.items():
            await connection.executemany(f"INSERT INTO {spot.history} (id, version, tick, content) VALUES ($1, $2, $3, $4)", rows)
        for spot, ids in self.deletes.items():
            await connection.execute(f"DELETE FROM {spot.table} WHERE id = ANY($1)", ids)
        for spot, rows in self.updates.items():
            places = ", ".join(f"{name} = ${n}" for n, name in enumerate(spot.columns, 1) if name != "id")
            await connection.executemany(f"UPDATE {spot.table} SET {places} WHERE id = ${spot.columns.index('id') + 1}", rows)
        for spot, rows in self.inserts.items():
            await insert(connection, spot, rows)
            self._ground.eras.count(spot.number, len(rows))


async def insert(connection: Connection, spot: Layout, rows: list[tuple[Any, ...]]) -> None:
    """New rows of one type: COPY when there are several."""
    if len(rows) >= _COPY_FROM:
        schema, table = spot.table.replace('"', "").split(".")
        await connection.copy_records_to_table(table, schema_name=schema, records=rows, columns=spot.columns)
        return
    places = ", ".join(f"${n}" for n in range(1, len(spot.columns) + 1))
    await connection.executemany(f"INSERT INTO {spot.table} ({', '.join(spot.columns)}) VALUES ({places})", rows)


def stamped(resource: Resource, id_: str, version: int, tick: int) -> Resource:
    """The resource with the id and meta the store gives it, in the usual order of elements."""
    kept = {key: value for key, value in resource.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    meta = {"versionId": str(version), "lastUpdated": instant(tick), **kept}
    return {"resourceType": resource["resourceType"], "id": id_, "meta": meta} | {
        k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")
    }


async def write_feed(connection: Connection, types: list[int], first: int) -> None:
    """The feed rows of changes made now: types in order of their ticks, the first tick."""
    for start in range(0, len(types), FEED_CHANGES_MAX):
        part = types[start : start + FEED_CHANGES_MAX]
        packed = b"".join(number.to_bytes(2, "big") for number in part)
        await connection.execute("INSERT INTO xinglin.feed (tick, types) VALUES ($1, $2)", first + start * LANES, packed)


AUDIT_BOUND = b"audit query"
"""What the query of an audit row is sealed for."""
AUDIT_COLUMNS = (
    "at", "actor", "role", "interaction", "type", "id", "query", "status", "address", "request", "patient", "patients", "ground",
)  # fmt: skip
"""What is told of an act; its number and its transaction the database gives."""
AUDIT_SQL = (
    f"INSERT INTO xinglin.audit ({', '.join(AUDIT_COLUMNS)}) VALUES ({', '.join(f'${n}' for n in range(1, len(AUDIT_COLUMNS) + 1))})"
)
AuditRecord = tuple[int | str | bytes | list[int] | None, ...]
OWN_IDS = frozenset({"archive"})
"""Interactions whose id is of our own making and is read back by the database."""
_PARTS = "\x00"
"""Stands before and behind the id in what is sealed; no query holds it."""


def audit_record(ground: Ground, tick: int, row: AuditRow) -> AuditRecord:
    """The values of `AUDIT_COLUMNS`. The query is sealed: it may hold names and numbers of people, as may an id that clients chose: of one
    that is no UUID a keyed hash stands in the row, and the id itself with the query.

    One patient stands in `patient`, several in `patients`. What was asked with letters no text of the database holds is kept without
    them: no row may be refused.
    """
    id_, told = row.id, row.query
    if id_ and row.interaction not in OWN_IDS and not is_uuid(id_):
        told = f"{_PARTS}{id_.replace(_PARTS, ' ')}{_PARTS}{told or ''}"
        id_ = audit_id(ground, id_)
    query = ground.contents.seal_loose(told.encode("utf-8", "replace"), AUDIT_BOUND) if told is not None else None
    patients = row.patients if len(row.patients) < 2 else sorted(set(row.patients))
    one, several = (patients[0], None) if len(patients) == 1 else (None, list(patients) or None)
    texts = f"{row.actor}{row.role}{row.interaction}{row.type}{id_}{row.address}{row.request}{row.ground}"
    if not texts.isascii() or "\x00" in texts:  # hardly ever
        row = _writable(row)
    what = (row.actor, row.role, row.interaction, row.type, id_)
    return (tick, *what, query, row.status, row.address, row.request, one, several, row.ground)


def _writable(row: AuditRow) -> AuditRow:
    names = ("actor", "role", "interaction", "type", "address", "request", "ground")
    texts = {name: text for name in names if (text := getattr(row, name)) is not None}
    return replace(row, **{name: text.replace("\x00", " ").encode("utf-8", "replace").decode() for name, text in texts.items()})


def audit_id(ground: Ground, id_: str) -> str:
    """How the logical id of a resource stands in a row: itself when it is a UUID, else a keyed hash in the form of one."""
    return str(ground.hashes.id(id_))


def audit_told(ground: Ground, id_: str | None, sealed: bytes | None) -> tuple[str | None, str | None]:
    """(id, query) as the door saw them, of a row's column and of what is sealed in it."""
    if sealed is None:
        return id_, None
    told = ground.contents.open_loose(sealed, AUDIT_BOUND).decode("utf-8", "replace")
    if not told.startswith(_PARTS):
        return id_, told
    _, own, query = told.split(_PARTS, 2)
    return own, query or None


async def write_audit(ground: Ground, connection: Connection, tick: int, rows: Iterable[AuditRow]) -> None:
    """Audit rows of acts that happened now."""
    records = [audit_record(ground, tick, row) for row in rows]
    if records:
        await connection.executemany(AUDIT_SQL, records)


def refuse_twice(steps: Iterable[Step]) -> None:
    """A transaction may name a resource once (R4 http, transaction processing rules)."""
    seen: set[tuple[int, str]] = set()
    for step in steps:
        if step.key in seen:
            raise Conflict("{type}/{id} stands twice in one transaction.", type=step.type, id=step.id, change=step.change)
        seen.add(step.key)
