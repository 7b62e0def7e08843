"""AuditEvent for the audit administrator: read and search answered from the ledger, read-only. Everyone else's are those stored.

Source: R4 auditevent.html#search. A parameter that is not understood is always refused: an investigator must not be shown too much
for the answer. Newest first; a page goes on behind the last act shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from xinglin.access.auditing import ROLE as ROLE_SYSTEM
from xinglin.access.auditing import Interactions, event, of_action, of_subtype, of_type, statuses_of
from xinglin.base.clock import wall_us
from xinglin.base.errors import Malformed, NotFound, Unknown
from xinglin.doors.fhir_api.asked import Pairs
from xinglin.doors.fhir_api.bundles import bundle, match_entry, url_of
from xinglin.doors.fhir_api.call import PRESENTATION, Call
from xinglin.doors.fhir_api.permits import permit
from xinglin.doors.fhir_api.read import read
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.search import CURSOR, pairs_of_form, search_type
from xinglin.fhir.codec import encode
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import Clause, SpanAsked
from xinglin.store import Stored
from xinglin.store.ground import Ground
from xinglin.store.ledger import looking
from xinglin.store.ledger.looking import Act

AUDITOR = "audit_admin"
_TYPE = "AuditEvent"
_NUMBER_DIGITS_MAX = 18
_PAGING = frozenset({"_count", CURSOR, "_total", "_sort", "_summary"})


async def read_event(call: Call) -> Reply:
    """One act of the ledger by its number; of others' AuditEvents for every other role."""
    if call.actor.role != AUDITOR:
        return await read(call)
    ground = call.records.store.ground
    found = await looking.act(ground, _number(call.id))
    if found is None:
        raise NotFound("There is no {type}/{id}.", type=_TYPE, id=call.id[:80])
    (stored,) = await _told(call, ground, [found])
    return Reply(200, stored.content, 1, stored.tick)


async def search_events(call: Call) -> Reply:
    """`AuditEvent?…` over the ledger."""
    if call.actor.role != AUDITOR:
        return await search_type(call)
    permit(call, "search", _TYPE)
    pairs = (*call.asked, *(pair for pair in pairs_of_form(call) if pair[0] not in PRESENTATION))
    asked, settings = await _asked(call, pairs), call.means.settings
    given = dict(pairs)
    count = min(_whole("_count", given.get("_count", str(settings.page_size))), settings.page_size_max)
    ground = call.records.store.ground
    total = None if given.get("_total") == "none" else await looking.count(ground, **asked)
    if given.get("_summary") == "count" or count == 0:
        return Reply(200, bundle("searchset", (), links=[("self", url_of(call.base, _TYPE, pairs))], total=total, at=wall_us()))
    before = _whole(CURSOR, given[CURSOR]) if CURSOR in given else None
    found = await looking.acts(ground, **asked, before=before, limit=count + 1)
    page = await _told(call, ground, found[:count])
    links = [("self", url_of(call.base, _TYPE, pairs))]
    if len(found) > count:
        rest = tuple(pair for pair in pairs if pair[0] != CURSOR)
        links.append(("next", url_of(call.base, _TYPE, rest, (CURSOR, str(found[count - 1].n)))))
    entries = [match_entry(call.base.encode(), stored, b"match") for stored in page]
    return Reply(200, bundle("searchset", entries, links=links, total=total, at=wall_us()))


async def _told(call: Call, ground: Ground, found: Sequence[Act]) -> list[Stored]:
    ids = await looking.patient_ids(ground, [number for one in found for number in one.patients])
    return [Stored(_TYPE, str(one.n), 1, one.at, encode(event(one, ids, call.base)), "POST") for one in found]


# --- what is asked ---


async def _asked(call: Call, pairs: Pairs) -> dict[str, Any]:
    """The arguments of `looking.acts`. Raises `Unknown`, `Malformed`."""
    asked: dict[str, Any] = {"since": None, "until": None}
    meant, plain = Interactions(), set[str]()
    for name, value in pairs:
        if name in _MEANT:
            meant = meant.also(_MEANT[name](_code(value)))
        elif name == "date":
            since, until = _span(value, ZoneInfo(call.means.settings.timezone))
            asked["since"] = max((bound for bound in (since, asked["since"]) if bound is not None), default=None)
            asked["until"] = min((bound for bound in (until, asked["until"]) if bound is not None), default=None)
        elif name in _PLAIN and name not in plain:
            plain.add(name)
            asked |= _PLAIN[name](value)
        elif name not in _PAGING or (name == "_sort" and value != "-date"):
            known = ", ".join((*_KNOWN, *sorted(_PAGING - {CURSOR})))
            text = "AuditEvent cannot be searched by {name} so; known here, once each, newest first: {known}."
            raise Unknown(text, name=name[:80], known=known)
    if "patient" in asked:
        asked["patient"] = await looking.patient_number(call.records.store.ground, asked["patient"])
    return asked | {"interaction": meant.only, "without": meant.without}


def _entity(value: str) -> dict[str, Any]:
    type_, _, id_ = value.partition("/")
    if not type_ or not id_:
        raise Malformed("entity wants a reference such as Patient/1, not {value}.", value=value[:80])
    return {"type": type_, "id": id_}


def _outcome(value: str) -> dict[str, Any]:
    return {"statuses": statuses_of(_code(value)) or (1000, 1000)}


_PLAIN: dict[str, Callable[[str], dict[str, Any]]] = {
    "_id": lambda value: {"n": _number(value)},
    "agent": lambda value: {"actor": value},
    "agent-role": lambda value: {"role": _code(value, ROLE_SYSTEM)},
    "address": lambda value: {"address": value},
    "entity": _entity,
    "patient": lambda value: {"patient": value.removeprefix("Patient/")},
    "outcome": _outcome,
}
_MEANT: dict[str, Callable[[str], Interactions]] = {"type": of_type, "subtype": of_subtype, "action": of_action}
_KNOWN = sorted({*_PLAIN, *_MEANT, "date"})


def _code(value: str, system: str = "") -> str:
    """The code of a token; a system in front of it may be any but, where one is named, another."""
    named, bar, code = value.rpartition("|")
    if bar and system and named != system:
        raise Malformed("The code system {system} is not known here.", system=named[:80])
    return code


def _span(value: str, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """[since, until) of a date with its prefix."""
    (term,) = read_search(_TYPE, [("date", value)], strict=True, zone=zone).where.terms
    assert isinstance(term, Clause)
    if len(term.asked) != 1 or not isinstance(asked := term.asked[0], SpanAsked):
        raise Malformed("date wants one date here, such as ge2026-01-01; for a span give it twice.")
    match asked.prefix:
        case "eq":
            return asked.lo, asked.hi
        case "ge":
            return asked.lo, None
        case "gt" | "sa":
            return asked.hi, None
        case "le":
            return None, asked.hi
        case "lt" | "eb":
            return None, asked.lo
        case other:
            raise Unknown("date cannot be searched with {prefix} here.", prefix=other)


def _whole(name: str, value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > _NUMBER_DIGITS_MAX:
        raise Malformed("{name} wants a whole number, not {value}.", name=name, value=value[:40])
    return int(value)


def _number(id_: str) -> int:
    """The number an id is, 0 for one no act has."""
    return int(id_) if id_.isascii() and id_.isdecimal() and len(id_) <= _NUMBER_DIGITS_MAX else 0
