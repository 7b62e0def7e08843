"""The access predicate: what a scope lets be seen, as SQL on the rows of one table."""

from __future__ import annotations

from asyncpg import Connection

from xinglin.store.ground import Ground
from xinglin.store.layout import Layout
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.scope import LISTED_MAX, SHARED, Patients, Scope


def access_sql(ground: Ground, scope: Scope, arguments: Arguments, spot: Layout, row: str) -> str:
    """To stand behind a condition on a table's rows, beginning with AND; empty when everything may be seen. Catch up the numbers first."""
    told = ""
    patients = scope.of_type(spot.type) if spot.patient is not None else None
    if patients is not None:
        test = _among(arguments, row, patients)
        told += f" AND ({row}.patient = 0 OR {test})" if spot.type in SHARED else f" AND {test}"
    for refusing in scope.refusing(spot.type) if spot.patient is not None else ():
        told += f" AND NOT {_among(arguments, row, refusing)}"
    hidden = ground.interning.restricted(spot.number) if scope.treated is not None else None
    if hidden and scope.treated is not None:
        unmarked = f"{row}.presence <> ALL({arguments.add(hidden, 'integer[]')})"
        told += f" AND ({unmarked} OR {_among(arguments, row, scope.treated)})" if scope.treated else f" AND {unmarked}"
    return told


def _among(arguments: Arguments, row: str, patients: Patients) -> str:
    """The row's patient is one of these: as a list when they are few, else one bit to test."""
    if len(patients) <= LISTED_MAX:
        return f"{row}.patient = ANY({arguments.add(patients.sorted, 'integer[]')})"
    bits = arguments.add(patients.bits, "bytea")
    return f"CASE WHEN {row}.patient < {8 * len(patients.bits)} THEN get_bit({bits}, {row}.patient) = 1 ELSE false END"


async def may_see(ground: Ground, connection: Connection, scope: Scope, spot: Layout, patient: int, presence: int) -> bool:
    """The same of one row at hand."""
    if scope.unlimited:
        return True
    restricted = scope.treated is not None and await ground.interning.is_restricted(connection, presence)
    return sees(scope, spot, patient, restricted=restricted)


def sees(scope: Scope, spot: Layout, patient: int, *, restricted: bool) -> bool:
    """The same of a row whose label is known."""
    if spot.patient is None:
        return scope.treated is None or not restricted
    return scope.sees(spot.type, patient, restricted=restricted)
