"""The access predicate: what a scope lets be seen, as SQL on the rows of one table."""

from __future__ import annotations

from asyncpg import Connection

from xinglin.store.ground import Ground
from xinglin.store.layout import Layout
from xinglin.store.searching.condition import Arguments
from xinglin.store.searching.scope import LISTED_MAX, SHARED, UNSEARCHED, Patients, Scope

FEW_WALKED = 16
"""Up to so many patients a list is tested as quickly as a bit."""
FEW_SHARE = 0.03
_BITMAP_BYTES_CHEAP = 50_000


def access_sql(ground: Ground, scope: Scope, arguments: Arguments, spot: Layout, row: str, *, walked: bool = False) -> str:
    """To stand behind a condition on a table's rows, beginning with AND; empty when everything may be seen. Catch up the numbers first.

    `walked`: it is tested on rows that something else finds; else an index may be entered by it.
    """
    if spot.type in UNSEARCHED and not scope.unlimited:
        return " AND false"
    told, few = "", FEW_WALKED if walked else LISTED_MAX
    patients = scope.of_type(spot.type) if spot.patient is not None else None
    if patients is not None:
        test = _tested(arguments, row, patients, few)
        told += f" AND ({row}.patient = 0 OR {test})" if spot.type in SHARED else f" AND {test}"
    for refusing in scope.refusing(spot.type) if spot.patient is not None else ():
        told += f" AND NOT {_tested(arguments, row, refusing, few)}"
    hidden = ground.interning.restricted(spot.number) if scope.treated is not None else None
    if hidden and scope.treated is not None:
        unmarked = f"{row}.presence <> ALL({arguments.add(hidden, 'integer[]')})"
        told += f" AND ({unmarked} OR {_tested(arguments, row, scope.treated, few)})" if scope.treated else f" AND {unmarked}"
    return told


def few_of(scope: Scope, spot: Layout, everyone: float) -> list[int] | None:
    """The patients whose rows a page can be made of one by one, when they are few of all there are; None when it must be walked."""
    patients = scope.of_type(spot.type) if spot.patient is not None and spot.type not in SHARED else None
    few = patients is not None and len(patients) <= max(FEW_WALKED, min(LISTED_MAX, FEW_SHARE * everyone))
    return patients.sorted if patients is not None and few else None


def _tested(arguments: Arguments, row: str, patients: Patients, few: int) -> str:
    """The row's patient is one of these: as a list when they are few, else one bit to test."""
    if len(patients) <= few or (len(patients) <= LISTED_MAX and max(patients.sorted) > 8 * _BITMAP_BYTES_CHEAP):
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
