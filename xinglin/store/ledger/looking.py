"""Reading the trail: who looked at someone's record, what an actor did, and how the ledger stands. Newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from xinglin.store.applying import audit_id, audit_told
from xinglin.store.ground import Ground
from xinglin.store.layout import layout
from xinglin.store.ledger.heads import Head, head_of, ledger_of
from xinglin.store.ledger.verified import Verified, last_verified
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.running import logical_id

PAGE_MAX = 1000
COUNTED_MAX = 10_000
"""Totals are counted so far; beyond it nobody needs the number."""
REFUSED_FROM = 400
_COLUMNS = (
    "a.n, a.at, a.actor, a.role, a.interaction, a.type, a.id, a.query, a.status, a.address, a.request, a.patient, a.patients, a.ground"
)
_NEWEST_FIRST = "ORDER BY a.at DESC, a.n DESC"


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `n`: its number in the ledger; `at`: microseconds since 1970; `status`: as HTTP's; `query`: what was asked, opened.

    `patients`: the numbers of those whose records it showed or changed; `ground`: why that was allowed.
    """

    n: int
    at: int
    actor: str
    role: str
    interaction: str
    type: str | None
    id: str | None
    query: str | None
    status: int
    address: str | None
    request: str | None
    patients: tuple[int, ...]
    ground: str | None


@dataclass(frozen=True, slots=True)
class State:
    """How the ledger stands: rows of the trail now, the newest seal's head, rows not sealed yet, and the last verification."""

    rows: int
    head: Head | None
    unsealed: int
    verified: Verified | None


async def acts_on(ground: Ground, patient_number: int, *, before: int | None = None, limit: int = 50) -> list[Act]:
    """Who looked at someone's record, or changed it; `before`: the number of the last act of the page before."""
    return await acts(ground, patient=patient_number, before=before, limit=limit)


async def acts(
    ground: Ground,
    *,
    since: int | None = None,
    until: int | None = None,
    actor: str | None = None,
    role: str | None = None,
    interaction: str | Iterable[str] | None = None,
    without: Iterable[str] = (),
    type: str | None = None,
    id: str | None = None,
    patient: int | None = None,
    address: str | None = None,
    statuses: tuple[int, int] | None = None,
    n: int | None = None,
    refused_only: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Act]:
    """The acts that all of this is true of. `since`, `until`: microseconds, [since, until); `statuses`: [from, to).

    `interaction`: one, or any of several; `without`: none of these.
    """
    id = None if id is None else audit_id(ground, id)
    asked = _asked(since, until, actor, role, interaction, without, type, id, address, statuses, n, refused_only=refused_only)
    async with ground.side.connection() as connection:
        rows = await connection.fetch(*_page(asked, patient, before, min(limit, PAGE_MAX)))
    return [_act(ground, row) for row in rows]


async def count(ground: Ground, **asked: Any) -> int | None:
    """How many acts there are of what `acts` would find, None beyond `COUNTED_MAX`."""
    patient, id_ = asked.pop("patient", None), asked.pop("id", None)
    asked["id"] = None if id_ is None else audit_id(ground, id_)
    sql, *values = _page(_asked(**asked), patient, None, COUNTED_MAX + 1, columns="a.n, a.at")
    async with ground.side.connection() as connection:
        found: int = await connection.fetchval(f"SELECT count(*) FROM ({sql}) c", *values)
    return found if found <= COUNTED_MAX else None


async def act(ground: Ground, n: int) -> Act | None:
    """One act by its number; None when there is none, or it is in an archive."""
    async with ground.side.connection() as connection:
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM xinglin.audit a WHERE a.n = $1", n)
    return None if row is None else _act(ground, row)


async def state(ground: Ground) -> State:
    """How the ledger stands now; the count of rows is the database's estimate."""
    async with ground.side.connection() as connection:
        rows = await connection.fetchval("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'xinglin.audit'::regclass")
        row = await connection.fetchrow("SELECT * FROM xinglin.seal ORDER BY n DESC LIMIT 1")
        place = (row["xact"], row["last"]) if row else (-1, 0)
        unsealed = await connection.fetchval("SELECT count(*) FROM xinglin.audit WHERE xact >= $1 AND (xact > $1 OR n > $2)", *place)
        head = None if row is None else head_of(row, await ledger_of(connection))
    return State(max(rows, unsealed), head, unsealed, await last_verified(ground))


async def patient_ids(ground: Ground, numbers: Sequence[int]) -> dict[int, str]:
    """Number -> logical id of patients, for showing; a deleted one's number is not there."""
    spot = layout("Patient")
    async with ground.side.connection() as connection:
        if not numbers or not await ground.tables.there(connection, spot):
            return {}
        rows = await connection.fetch(
            f"SELECT id, version, tick, content, patient FROM {spot.table} WHERE patient = ANY($1)", sorted(set(numbers))
        )
    unpack = ground.contents.unpack
    return {row["patient"]: logical_id(unpack(spot.number, row["id"], row["version"], row["tick"], row["content"])) for row in rows}


async def patient_number(ground: Ground, id_: str) -> int:
    """The number of a patient by logical id, 0 when there never was one."""
    async with ground.side.connection() as connection:
        return await ground.interning.person(connection, ground.hashes.id(id_))


# --- the query ---


@dataclass(slots=True)
class _Asked:
    arguments: Arguments
    conditions: list[str]


def _asked(
    since: int | None = None,
    until: int | None = None,
    actor: str | None = None,
    role: str | None = None,
    interaction: str | Iterable[str] | None = None,
    without: Iterable[str] = (),
    type: str | None = None,
    id: str | None = None,
    address: str | None = None,
    statuses: tuple[int, int] | None = None,
    n: int | None = None,
    *,
    refused_only: bool = False,
) -> _Asked:
    asked = _Asked(Arguments(), [])

    def need(condition: str, value: Any, kind: str) -> None:
        if value is not None:
            asked.conditions.append(condition.format(asked.arguments.add(value, kind)))

    need("a.at >= {}", since, "bigint")
    need("a.at < {}", until, "bigint")
    need("a.n = {}", n, "bigint")
    for column, value in (("actor", actor), ("role", role), ("type", type), ("id", id), ("address", address)):
        need(f"a.{column} = {{}}", value, "text")
    if interaction is not None:
        need("a.interaction = ANY({})", [interaction] if isinstance(interaction, str) else sorted(interaction), "text[]")
    need("a.interaction <> ALL({})", sorted(without) or None, "text[]")
    need("a.status >= {}", statuses[0] if statuses else None, "integer")
    need("a.status < {}", statuses[1] if statuses else None, "integer")
    need("a.status >= {}", REFUSED_FROM if refused_only else None, "integer")
    return asked


def _page(asked: _Asked, patient: int | None, before: int | None, limit: int, columns: str = _COLUMNS) -> tuple[Any, ...]:
    """The statement and its values. A patient stands alone in a row, or among several: two indexes, so two legs."""
    arguments, conditions = asked.arguments, list(asked.conditions)
    if before is not None:
        place = arguments.add(before, "bigint")
        conditions.append(f"(a.at, a.n) < ((SELECT b.at FROM xinglin.audit b WHERE b.n = {place}), {place})")
    if patient is None:
        return _leg(conditions, limit, columns), *arguments.values
    number = arguments.add(patient, "integer")
    alone = _leg([f"a.patient = {number}", *conditions], limit, columns)
    fenced = f"(SELECT * FROM xinglin.audit WHERE patients @> ARRAY[{number}] OFFSET 0)"  # or the plan walks all times, newest first
    several = _leg(conditions, limit, columns, fenced)
    return f"SELECT * FROM (({alone}) UNION ALL ({several})) a {_NEWEST_FIRST} LIMIT {limit}", *arguments.values


def _leg(conditions: Sequence[str], limit: int, columns: str, source: str = "xinglin.audit") -> str:
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    return f"SELECT {columns} FROM {source} a {where}{_NEWEST_FIRST} LIMIT {limit}"


def _act(ground: Ground, row: Any) -> Act:
    id_, query = audit_told(ground, row["id"], row["query"])
    patients = tuple(row["patients"] or ()) if row["patient"] is None else (row["patient"],)
    who, what = (row["actor"], row["role"]), (row["interaction"], row["type"], id_, query)
    return Act(row["n"], row["at"], *who, *what, row["status"], row["address"], row["request"], patients, row["ground"])
