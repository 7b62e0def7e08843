"""The search that a conditional interaction rests on. Source: R4 http.html#cond-update.

It is always read strictly: a parameter that is not understood would widen what is changed.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from xinglin.base.errors import Malformed
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api.asked import Pairs, pairs_of
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import Search


def condition_of(type_: str, pairs: Pairs, settings: Settings) -> Search:
    """The search of a conditional interaction; raises `Malformed` when it names no criterion, `Unknown` for an unknown one."""
    search = read_search(type_, list(pairs), strict=True, zone=ZoneInfo(settings.timezone))
    if not search.where.terms:
        raise Malformed("A conditional interaction on {type} needs at least one search parameter.", type=type_)
    return search


def none_exist_of(type_: str, text: str, settings: Settings) -> Search:
    """The search of If-None-Exist: `identifier=x|y`, with or without `Type?` before it."""
    query = text.strip().removeprefix(type_ + "?").removeprefix("?")
    return condition_of(type_, pairs_of(query.encode()), settings)
