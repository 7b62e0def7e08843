"""Saying of a row that is not what was sealed what was done to it: which column, or whose place it stands in.

A hash does not tell; but what people change is mostly guessable (who, in which role, with what outcome, whose record), so the likely
former values are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import Connection

from xinglin.base.crypto.merkle import Digest
from xinglin.store.ledger.faults import Fault
from xinglin.store.ledger.rows import COLUMNS, leaf

SUSPECTS_MAX = 200
"""So many rows are looked into; of the rest it is said that they were changed."""
_VALUES_MAX = 2_000
_SAMPLED = 100_000
_GUESSED = ("actor", "role", "interaction", "type", "id", "address", "ground")
_AT = COLUMNS.index("at")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that does not make its leaf: as it is now (`rows.told`), and the leaf that was sealed."""

    n: int
    seal: int
    row: tuple[Any, ...]
    leaf: bytes


async def named(connection: Connection, digest: Digest, suspects: Sequence[Suspect]) -> list[Fault]:
    """A fault for each suspect, naming as much as can be told."""
    if not suspects:
        return []
    looked = suspects[:SUSPECTS_MAX]
    places = {suspect.leaf: suspect.n for suspect in looked}
    values = await _former_values(connection)
    return [_fault(digest, suspect, places, values) for suspect in looked] + [
        Fault("changed", "it is not what was sealed", suspect.seal, suspect.n, suspect.row[_AT]) for suspect in suspects[SUSPECTS_MAX:]
    ]


def _fault(digest: Digest, suspect: Suspect, places: dict[bytes, int], values: dict[str, Sequence[Any]]) -> Fault:
    def fault(kind: str, text: str) -> Fault:
        return Fault(kind, text, suspect.seal, suspect.n, suspect.row[_AT])

    other = _stands_for(digest, suspect, places)
    if other:
        return fault("reordered", f"it holds what was sealed as row {other}")
    for column, value in _candidates(values):
        at = COLUMNS.index(column)
        if leaf(digest, (*suspect.row[:at], value, *suspect.row[at + 1 :])) == suspect.leaf:
            return fault("changed", f"its {column} was {_said(value)}, now it is {_said(suspect.row[at])}")
    return fault("changed", "it is not what was sealed; which column cannot be told")


def _stands_for(digest: Digest, suspect: Suspect, places: dict[bytes, int]) -> int:
    """The number under which this row was sealed, when it is another's; 0 when it is not."""
    for n in places.values():
        if n != suspect.n and places.get(leaf(digest, (n, *suspect.row[1:]))) == n:
            return n
    return 0


def _candidates(values: dict[str, Sequence[Any]]) -> Iterator[tuple[str, Any]]:
    for column, found in values.items():
        for value in found:
            yield column, value
    for column in ("type", "id", "query", "address", "request", "patient", "patients", "ground"):
        yield column, None
    for status in range(100, 600):
        yield "status", status


async def _former_values(connection: Connection) -> dict[str, Sequence[Any]]:
    """Values columns have elsewhere in the trail, and the first patients."""
    found: dict[str, Sequence[Any]] = {}
    for column in _GUESSED:
        recent = f"SELECT {column} AS value FROM xinglin.audit ORDER BY n DESC LIMIT {_SAMPLED}"
        rows = await connection.fetch(f"SELECT DISTINCT value FROM ({recent}) r WHERE value IS NOT NULL LIMIT {_VALUES_MAX}")
        found[column] = [row["value"] for row in rows]
    people = await connection.fetchval("SELECT coalesce(max(n), 0) FROM xinglin.person")
    found["patient"] = range(1, min(people, _VALUES_MAX) + 1)
    return found


def _said(value: object) -> str:
    return "empty" if value is None else repr(value)
