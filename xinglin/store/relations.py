"""Who may see whose record and why: one row for each holder, patient and kind, with its resource, its start and its end.

The rows follow from stored resources (`access/relationships.py` says how) or from an act such as breaking the glass. Every change of them
raises the care version in the same transaction, so that one small look tells a process whether what it remembers still holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Connection

from xinglin.store.ground import Ground
from xinglin.store.interning import Wants
from xinglin.store.layout import TYPE_NUMBER
from xinglin.store.records import Store
from xinglin.store.within import within

FOREVER_US = 2**62
ANYONE = "anyone"
"""The holder of a consent that names nobody."""


@dataclass(frozen=True, slots=True)
class Relation:
    """`holder`: a reference (`Practitioner/…`, `Organization/…`) or another text that names who holds it; `patient`: a Patient id.

    Times in microseconds since 1970, [starts, ends). `limits`: resource types it is limited to, none for all.
    """

    holder: str
    patient: str
    kind: str
    starts: int = 0
    ends: int = FOREVER_US
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A relation as its holder has it: the patient's number. `source`: which resource it follows from, equal for the same one."""

    patient: int
    kind: str
    starts: int
    ends: int
    limits: tuple[str, ...]
    source: object = None


@dataclass(frozen=True, slots=True)
class Source:
    """The resource that relations follow from, by type and id."""

    type: str
    id: str


async def care_version(connection: Connection) -> int:
    """How often relations have changed."""
    return await connection.fetchval("SELECT version FROM xinglin.care")


async def held_by(ground: Ground, connection: Connection, holders: Iterable[str], now_us: int) -> list[Held]:
    """What any of these holders has that has not ended, that which begins later too."""
    marks = [_mark(ground, holder) for holder in holders]
    rows = await connection.fetch(
        "SELECT patient, kind, starts, ends, limits, type, id FROM xinglin.relation WHERE holder = ANY($1) AND ends > $2", marks, now_us
    )
    return [
        Held(row["patient"], _plain(row["kind"]), row["starts"], row["ends"], tuple(row["limits"].split()), (row["type"], row["id"]))
        for row in rows
    ]


async def kinds_of(connection: Connection, patient: int, now_us: int) -> list[tuple[str, int, int]]:
    """(kind, start, end) of every relation to a patient that holds now."""
    rows = await connection.fetch(
        "SELECT DISTINCT kind, starts, ends FROM xinglin.relation WHERE patient = $1 AND starts <= $2 AND ends > $2", patient, now_us
    )
    return [(_plain(row["kind"]), row["starts"], row["ends"]) for row in rows]


async def follow(store: Store, connection: Connection, sources: Sequence[tuple[Source, Sequence[Relation]]]) -> bool:
    """Let the relations of these resources be exactly these, inside the caller's transaction; whether anything changed."""
    if not sources:
        return False
    ground = store.ground
    wants = Wants(persons={ground.hashes.id(relation.patient) for _, relations in sources for relation in relations})
    await ground.interning.know_persons(connection, wants.persons)
    await ground.interning.provide(wants)
    wanted = {row[:5]: row for source, relations in sources for row in _rows(ground, source, relations)}
    keys = [(TYPE_NUMBER[source.type], ground.hashes.id(source.id)) for source, _ in sources]
    there = await connection.fetch(
        "SELECT r.type, r.id, r.holder, r.patient, r.kind, r.starts, r.ends, r.limits FROM xinglin.relation r"
        " JOIN (SELECT DISTINCT * FROM unnest($1::smallint[], $2::uuid[]) k(type, id)) k USING (type, id)",
        [type_ for type_, _ in keys], [id_ for _, id_ in keys],
    )  # fmt: skip
    before = {tuple(row)[:5]: tuple(row) for row in there}
    gone = [key for key in before if key not in wanted]
    fresh = [row for key, row in wanted.items() if before.get(key) != row]
    if not gone and not fresh:
        return False
    await connection.executemany(
        "DELETE FROM xinglin.relation WHERE type = $1 AND id = $2 AND holder = $3 AND patient = $4 AND kind = $5", gone
    )
    await connection.executemany(
        "INSERT INTO xinglin.relation (type, id, holder, patient, kind, starts, ends, limits) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (type, id, holder, patient, kind)"
        " DO UPDATE SET starts = excluded.starts, ends = excluded.ends, limits = excluded.limits",
        fresh,
    )
    await connection.execute("UPDATE xinglin.care SET version = version + 1")
    return True


async def follow_now(store: Store, source: Source, relations: Sequence[Relation]) -> None:
    """The same at once, in a transaction of its own: for what an act gives or takes without a resource of its own."""
    async with within(store) as (inside, connection):
        await follow(inside, connection, [(source, relations)])


async def forget_ended(connection: Connection, before_us: int) -> int:
    """Delete what ended before a moment; how many."""
    done = await connection.execute("DELETE FROM xinglin.relation WHERE ends < $1", before_us)
    return int(done.split()[-1])


def _rows(ground: Ground, source: Source, relations: Sequence[Relation]) -> Iterable[tuple[int, UUID, int, int, str, int, int, str]]:
    type_, id_ = TYPE_NUMBER[source.type], ground.hashes.id(source.id)
    alike: Counter[tuple[int, int, str]] = Counter()
    for one in relations:
        patient, holder = ground.interning.persons[ground.hashes.id(one.patient)], _mark(ground, one.holder)
        alike[holder, patient, one.kind] += 1
        n = alike[holder, patient, one.kind]
        kind = one.kind if n == 1 else f"{one.kind}~{n}"  # two stays on one ward, two exceptions for one doctor: none may hide the other
        yield type_, id_, holder, patient, kind, one.starts, one.ends, " ".join(one.limits)


def _plain(kind: str) -> str:
    return kind.partition("~")[0]


def _mark(ground: Ground, holder: str) -> int:
    return ground.hashes.of(f"holder {holder}")
