"""The searches that a conditional interaction and a conditional reference rest on. Source: R4 http.html#cond-update, #transaction.

They are always read strictly (a parameter that is not understood would widen what is changed), and ask nothing that the actor could not
search for.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from xinglin.base.errors import Malformed
from xinglin.doors.fhir_api.asked import Pairs, pairs_of
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.permits import permit_search
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import Search
from xinglin.store.links import conditional

_TYPES = frozenset(RESOURCE_TYPES)


def condition_of(call: Call, pairs: Pairs) -> Search:
    """The search of a conditional interaction. Raises `Malformed` when it names no criterion, `Unknown`, `Forbidden`."""
    search = read_search(call.type, list(pairs), strict=True, zone=ZoneInfo(call.means.settings.timezone))
    if not search.where.terms:
        raise Malformed("A conditional interaction on {type} needs at least one search parameter.", type=call.type)
    permit_search(call, search)
    return search


def none_exist_of(call: Call, text: str) -> Search:
    """The search of If-None-Exist: `identifier=x|y`, with or without `Type?` before it."""
    query = text.strip().removeprefix(call.type + "?").removeprefix("?")
    return condition_of(call, pairs_of(query.encode()))


def permit_references(call: Call, resource: Resource) -> None:
    """Raise `Forbidden` when a reference of the resource asks by a search (`Patient?identifier=…`) what the actor may not search for."""
    for reference in sorted(conditional([resource])):
        type_, _, query = reference.partition("?")
        if type_ in _TYPES:  # what else it may be, the store refuses
            permit_search(call, read_search(type_, pairs_of(query.encode()), strict=True, zone=ZoneInfo(call.means.settings.timezone)))
