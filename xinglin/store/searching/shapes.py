"""The shapes a search may take in SQL, and which one is taken.

Every walking search is a near leg (the newest rows of an ordered index, everything else as a filter) and an exact far leg
that runs only when the near one did not fill the page. Both are fenced, so that no plan can flip; a wrong choice costs
speed, never correctness. Measured in `bench/searching.py`; the reasons stand in `docs/explanation/search.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asyncpg import Connection

from xinglin.store.ground import Ground
from xinglin.store.layout import Layout, layout
from xinglin.store.rows import era_token
from xinglin.store.searching.condition import Arguments, Condition
from xinglin.store.statistics import RARE_ROWS

NEAR_ROWS = 500
NEAR_CODE_ROWS = 1_000
NEAR_CHAIN_ROWS = 4_000
NEAR_SCOPED_ROWS = 4_000
"""Under a scope: what was written together is often of one patient, so the newest rows may be of few, and of none that may be seen."""
NEAR_PROBED_ROWS = 8_000
PROBED_ROWS = 1_000
WALKED_ROWS = 3_000
CODES_APART_MAX = 16
FEW_APART_MAX = 16
"""Up to so many patients a page is made of each one's newest rows without a walk before it."""
COLUMNS = ("tick", "id", "version", "content", "patient")


@dataclass(frozen=True, slots=True)
class Ordering:
    """By which column a page runs, and where it goes on: `after` = (column value or None, tick, patient) of the last row shown."""

    column: str = "tick"
    descending: bool = True
    after: tuple[Any, int, int] | None = None

    @property
    def newest_first(self) -> bool:
        """The order that needs no sort: newest first."""
        return self.column == "tick" and self.descending


@dataclass(frozen=True, slots=True)
class Question:
    """One search as the shapes see it.

    `few`: the patients it is limited to, when they are few of all; `shown`: how many it is limited to, None for all.
    """

    ground: Ground
    connection: Connection
    spot: Layout
    where: Condition
    scope: str
    order: Ordering
    limit: int
    arguments: Arguments
    few: list[int] | None = None
    shown: int | None = None

    @property
    def columns(self) -> str:
        """What is read of each row; the order column last."""
        return self.picked("r")

    def picked(self, row: str) -> str:
        """The columns of a row alias."""
        return ", ".join(f"{row}.{name}" for name in COLUMNS) + (
            f", {row}.{self.order.column} AS key" if self.order.column != "tick" else ""
        )

    @property
    def filters(self) -> str:
        """Everything a row must pass, the access predicate included."""
        return f"({self.where.sql or 'true'}){self.scope}"

    def beyond(self, row: str = "r") -> str:
        """The keyset predicate of the page after a cursor; begins with AND."""
        if self.order.after is None:
            return ""
        value, tick, _ = self.order.after
        sign = "<" if self.order.descending else ">"
        place = self.arguments.add(tick, "bigint")
        if self.order.column == "tick":
            return f" AND {row}.tick {sign} {place}"
        column = f"{row}.{self.order.column}"
        if value is None:
            return f" AND {column} IS NULL AND {row}.tick {sign} {place}"
        key = self.arguments.add(value, "double precision" if self.order.column.startswith("num") else "bigint")
        edge = "<=" if self.order.descending else ">="
        return f" AND (({column} {edge} {key} AND ({column} {sign} {key} OR {row}.tick {sign} {place})) OR {column} IS NULL)"


async def statement(asked: Question) -> str:
    """The SQL of one page: rows of `COLUMNS`, in order."""
    where = asked.where
    if not asked.order.newest_first:
        return _sorted(asked)
    if where.ids is not None:
        return _plain(asked)
    if where.patients is not None:
        return _by_patients(asked, where.patients)
    if asked.few is not None and (len(asked.few) <= FEW_APART_MAX or asked.spot.type == "Patient"):
        return _by_patients(asked, asked.few)
    if where.walk is not None and walks_patients(asked):
        return _loose(asked, where.walk)
    if where.tokens and await _rare(asked):
        return _plain(asked)
    if where.codes is not None and len(where.codes) <= CODES_APART_MAX:
        return await _by_codes(asked, where.codes)
    if where.reach and not where.tokens:
        return _probed(asked, "true")
    if where.tokens or where.sql not in (None, "true") or asked.few is not None:
        rows = NEAR_CHAIN_ROWS if "IN (SELECT" in (where.sql or "") else await _near_rows(asked)
        return _near_far(asked, "", rows, _far(asked))
    return _plain(asked, walk=True)


def walks_patients(asked: Question) -> bool:
    """Whether the page runs by patient number instead of by tick (see `_loose`)."""
    where = asked.where
    return (
        asked.order.newest_first
        and asked.spot.type == "Patient"
        and asked.few is None
        and where.walk is not None
        and where.ids is None
        and where.patients is None
    )


async def _expected(asked: Question) -> float | None:
    """About how many rows the scarcest token group leaves; None without tokens."""
    least: float | None = None
    for group in asked.where.tokens:
        expected = 0.0
        for token in group:
            expected += await asked.ground.statistics.expected_rows(asked.connection, asked.spot, token)
        least = expected if least is None else min(least, expected)
    return least


async def _rare(asked: Question) -> bool:
    """Whether some token group is so rare that the token index answers outright."""
    expected = await _expected(asked)
    return expected is not None and expected < RARE_ROWS


async def _near_rows(asked: Question) -> int:
    """How many of the newest rows to walk: as many as should hold two pages of what is asked, within reason."""
    expected, share = await _expected(asked), await _share(asked)
    rows = await asked.ground.statistics.rows(asked.connection, asked.spot)
    hits = rows / expected if expected else 1.0
    least = NEAR_ROWS if asked.shown is None else NEAR_SCOPED_ROWS
    return max(least, min(NEAR_PROBED_ROWS, int(2 * asked.limit * hits / share)))


async def _share(asked: Question) -> float:
    """About which part of the patients the search may show, 1 for all."""
    if asked.shown is None:
        return 1.0
    everyone = await asked.ground.statistics.rows(asked.connection, layout("Patient"))
    return min(1.0, max(asked.shown, 1) / max(everyone, 1.0))


def _plain(asked: Question, *, walk: bool = False) -> str:
    """One select; `+ 0` forbids the walk along the tick index where something better is known."""
    order = "r.tick DESC" if walk else "r.tick + 0 DESC"
    return f"SELECT {asked.columns} FROM {asked.spot.table} r WHERE {asked.filters}{asked.beyond()} ORDER BY {order} LIMIT {asked.limit}"


def _sorted(asked: Question) -> str:
    """Another order than newest first: rows with the value along its index, then those without, ties by tick."""
    way = "DESC" if asked.order.descending else "ASC"
    head = f"SELECT {asked.columns} FROM {asked.spot.table} r WHERE {asked.filters}{asked.beyond()}"
    if asked.order.column == "tick":
        return f"{head} ORDER BY r.tick {way} LIMIT {asked.limit}"
    column = f"r.{asked.order.column}"
    without = f"{head} AND {column} IS NULL ORDER BY r.tick + 0 {way} LIMIT {asked.limit}"
    if asked.order.after is not None and asked.order.after[0] is None:
        return without
    having = f"{head} AND {column} IS NOT NULL ORDER BY {column} {way}, r.tick {way} LIMIT {asked.limit}"
    rest = f"SELECT * FROM ({without}) z WHERE (SELECT count(*) FROM a) < {asked.limit}"
    return f"WITH a AS MATERIALIZED ({having}) SELECT * FROM a UNION ALL {rest}"


def _by_patients(asked: Question, patients: list[int]) -> str:
    """Newest rows of each patient, then the newest of all. Each patient's walk is fenced, so that no plan walks the whole type instead."""
    numbers, table, limit = asked.arguments.add(patients, "integer[]"), asked.spot.table, asked.limit
    if asked.where.sql is not None and asked.where.sql.count("$") == 1 and not asked.scope:  # else nothing asked: the index finds the page
        ticks = f"SELECT r.tick FROM {table} r WHERE r.patient = p.n{asked.beyond()} ORDER BY r.tick DESC OFFSET 0"
        each = f"SELECT t.tick FROM ({ticks}) t LIMIT {limit}"
        newest = f"SELECT x.tick FROM unnest({numbers}) p(n), LATERAL ({each}) x ORDER BY x.tick DESC LIMIT {limit}"
        return f"SELECT {asked.columns} FROM {table} r WHERE r.tick = ANY(ARRAY({newest}))"
    walk = f"SELECT * FROM {table} r WHERE r.patient = p.n{asked.beyond()} ORDER BY r.tick DESC OFFSET 0"
    inner = f"SELECT {asked.columns} FROM ({walk}) r WHERE {asked.filters} LIMIT {limit}"
    return f"SELECT x.* FROM unnest({numbers}) p(n), LATERAL ({inner}) x ORDER BY x.tick DESC LIMIT {limit}"


def _loose(asked: Question, walk: tuple[str, int]) -> str:
    """Patients who have a code somewhere: a loose walk over (code, patient), newest registered patient first.

    The page goes on from the patient number in `after[2]`.
    """
    table, code = walk
    concept = asked.arguments.add(code, "integer")
    start = f" AND o.patient < {asked.arguments.add(asked.order.after[2], 'integer')}" if asked.order.after else ""
    first = f"SELECT o.patient FROM {table} o WHERE o.code = {concept}{start} ORDER BY o.patient DESC LIMIT 1"
    next_ = f"SELECT x.patient FROM {table} x WHERE x.code = {concept} AND x.patient < w.patient ORDER BY x.patient DESC LIMIT 1"
    steps = f"WITH RECURSIVE w(patient) AS (({first}) UNION ALL (SELECT ({next_}) FROM w WHERE w.patient IS NOT NULL))"
    inner = f"SELECT {asked.columns} FROM {asked.spot.table} r WHERE r.patient = w.patient AND {asked.filters} OFFSET 0"
    return f"{steps} SELECT x.* FROM w, LATERAL ({inner}) x LIMIT {asked.limit}"


async def _by_codes(asked: Question, codes: list[int]) -> str:
    """One walk or near/far pair for each concept, merged."""
    if len(codes) == 1:
        return await _of_code(asked, codes[0])
    parts = " UNION ALL ".join([f"(SELECT * FROM ({await _of_code(asked, code)}) b)" for code in codes])
    return f"SELECT * FROM ({parts}) u ORDER BY u.tick DESC LIMIT {asked.limit}"


async def _of_code(asked: Question, code: int) -> str:
    """A concept's rows, newest first: walked to the end where they are few, or fewer than any token leaves; else near and far."""
    anchor = f"r.code = {asked.arguments.add(code, 'integer')}"
    only_code = asked.where.sql is not None and asked.where.sql.count("$") == 1 and not asked.scope
    if only_code:
        return f"SELECT {asked.columns} FROM {asked.spot.table} r WHERE {anchor}{asked.beyond()} ORDER BY r.tick DESC LIMIT {asked.limit}"
    if asked.where.closed and asked.where.reach:
        return _probed(asked, anchor)
    rows, tokens = await asked.ground.statistics.expected_of_code(asked.connection, asked.spot, code), await _expected(asked)
    if not asked.where.ranged and (rows < WALKED_ROWS or (tokens is not None and rows <= tokens)):
        walk = f"SELECT * FROM {asked.spot.table} r WHERE {anchor}{asked.beyond()} ORDER BY r.tick DESC OFFSET 0"
        return f"SELECT {asked.columns} FROM ({walk}) r WHERE {asked.filters} LIMIT {asked.limit}"
    least = NEAR_CODE_ROWS if asked.shown is None else NEAR_SCOPED_ROWS
    near = max(least, min(NEAR_PROBED_ROWS, int(2 * asked.limit / await _share(asked))))
    return _near_far(asked, anchor, near, _far(asked, f"{anchor} AND "))


def _probed(asked: Question, anchor: str) -> str:
    """A concept, or the whole type, within bounds: a capped look at what these leave decides whether the near leg is worth its walk."""
    table, reach = asked.spot.table, " AND ".join(asked.where.reach)
    probe = f"SELECT count(*) AS c FROM (SELECT 1 FROM {table} r WHERE {anchor} AND {reach} LIMIT {PROBED_ROWS}) z"
    many = f"(SELECT c FROM probe) = {PROBED_ROWS}"
    walk = f"SELECT * FROM {table} r WHERE {anchor}{asked.beyond()} AND {many} ORDER BY r.tick DESC LIMIT {NEAR_PROBED_ROWS}"
    near = f"SELECT {asked.columns} FROM ({walk}) r WHERE {asked.filters} LIMIT {asked.limit}"
    full = f"(SELECT count(*) FROM near) = {asked.limit}"
    legs = f"probe AS MATERIALIZED ({probe}), near AS MATERIALIZED ({near}), far AS ({_far(asked, f'{anchor} AND ')})"
    return f"WITH {legs} SELECT * FROM near WHERE {full} UNION ALL SELECT * FROM far"


def _near_far(asked: Question, anchor: str, rows: int, far: str) -> str:
    walk = f"SELECT * FROM {asked.spot.table} r WHERE {anchor or 'true'}{asked.beyond()} ORDER BY r.tick DESC LIMIT {rows}"
    near = f"SELECT {asked.columns} FROM ({walk}) r WHERE {asked.filters} LIMIT {asked.limit}"
    full = f"(SELECT count(*) FROM near) = {asked.limit}"
    return f"WITH near AS MATERIALIZED ({near}), far AS ({far}) SELECT * FROM near WHERE {full} UNION ALL SELECT * FROM far"


def _far(asked: Question, anchor: str = "") -> str:
    """The exact leg: era by era when a common token can drive it, else by whatever bounds a column."""
    short = f"(SELECT count(*) FROM near) < {asked.limit}"
    where, spot = asked.where, asked.spot
    if asked.few is not None:
        numbers = asked.arguments.add(asked.few, "integer[]")
        walk = f"SELECT * FROM {spot.table} r WHERE {anchor}r.patient = p.n{asked.beyond()} ORDER BY r.tick DESC OFFSET 0"
        inner = f"SELECT {asked.columns} FROM ({walk}) r WHERE {asked.filters} LIMIT {asked.limit}"
        return f"SELECT x.* FROM unnest({numbers}) p(n), LATERAL ({inner}) x WHERE {short} ORDER BY x.tick DESC LIMIT {asked.limit}"
    if where.tokens and not where.ranged:
        newest = asked.ground.eras.newest(spot.number)
        if asked.order.after is not None:
            newest = asked.ground.eras.era_of(spot.number, asked.order.after[1])
        eras = [era_token(asked.ground.hashes, n) for n in range(newest, -1, -1)]
        place = asked.arguments.add(eras, "bigint[]")
        inner = (
            f"SELECT {asked.columns} FROM {spot.table} r WHERE r.tokens @> ARRAY[e.h] AND {anchor}{asked.filters}{asked.beyond()}"
            f" ORDER BY r.tick + 0 DESC LIMIT {asked.limit}"
        )
        return f"SELECT x.* FROM unnest({place}) e(h), LATERAL ({inner}) x WHERE {short} LIMIT {asked.limit}"
    return (
        f"SELECT {asked.columns} FROM {spot.table} r WHERE {anchor}{asked.filters}{asked.beyond()} AND {short}"
        f" ORDER BY r.tick + 0 DESC LIMIT {asked.limit}"
    )
