"""Patient/[id]/$everything: the patient, all of the compartment, and what these refer to; paged.

Source: R4 patient-operation-everything.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from xinglin.base.clock import wall_us
from xinglin.base.errors import Malformed, Unknown
from xinglin.doors.fhir_api.bundles import bundle, match_entry, url_of
from xinglin.doors.fhir_api.call import Call
from xinglin.doors.fhir_api.operations import listed, parameters_of, text_of, whole_of
from xinglin.doors.fhir_api.permits import permit, permitted
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.search import CURSOR
from xinglin.doors.fhir_api.sweep import Swept, sweep
from xinglin.fhir.codec import Resource
from xinglin.fhir.dates import span_of
from xinglin.fhir.definitions import compartment, search_params
from xinglin.fhir.search.grammar import in_compartment
from xinglin.fhir.search.model import TIME_MAX, TIME_MIN, All, Clause, Include, Search, SearchParam, SpanAsked, Term
from xinglin.store import Stored

_CARE_DATES = (
    "date", "period", "authored-on", "authoredon", "effective-time", "effective", "occurrence", "performed", "started", "onset-date",
    "created", "sent", "issued", "recorded-date", "whenhandedover", "authored", "start-date", "collected",
)  # fmt: skip
"""Names of the parameters that tell when care took place, the best first."""


async def everything(call: Call) -> Reply:
    """A searchset: matches are the compartment, includes what they refer to outside it (organizations, practitioners, medications)."""
    permit(call, "read", "Patient")
    asked = parameters_of(call)
    settings = call.means.settings
    size = whole_of(asked, "_count")
    count = min(settings.page_size_max if size is None else max(size, 1), settings.page_size_max)
    mark = text_of(asked, CURSOR)
    if mark is None:
        await call.records.read("Patient", call.id)  # so that a patient who is not there is a 404, not an empty record
    page = await sweep(call.records, _searches(call, asked), count, mark)
    return Reply(200, _bundle(call, page, _outside(call, page)))


def _searches(call: Call, asked: Resource) -> list[Search]:
    members = compartment("Patient")
    types = listed(asked, "_type")
    for type_ in types:
        if type_ not in members:
            raise Unknown("_type names {type}, which is not in the Patient compartment.", type=type_[:80])
    order = ("Patient", *(type_ for type_ in members if type_ != "Patient"))
    return [_search(call, type_, asked) for type_ in permitted(call, "search", order) if not types or type_ in types]


def _search(call: Call, type_: str, asked: Resource) -> Search:
    beside = Include(type_, None, None, reverse=False, iterate=False)
    search = Search(type_, All(tuple(_in_time(call, type_, asked))), includes=(beside,))
    return in_compartment(search, "Patient", call.id)


def _in_time(call: Call, type_: str, asked: Resource) -> list[Term]:
    zone = ZoneInfo(call.means.settings.timezone)
    terms: list[Term] = []
    params = search_params(type_)
    if since := text_of(asked, "_since"):
        terms.append(_dated(params["_lastUpdated"], "ge", since, zone))
    dates = (params[name] for name in _CARE_DATES if type_ != "Patient" and name in params and params[name].kind == "date")
    care = next(dates, None)
    sides: tuple[tuple[str, Literal["ge", "le"]], ...] = (("start", "ge"), ("end", "le"))
    for name, prefix in sides:
        text = text_of(asked, name)
        if text and len(text) > 10:
            raise Malformed("{name} is a date (2021-05-17).", name=name)
        if text and care:
            terms.append(_dated(care, prefix, text, zone))
    return terms


def _dated(param: SearchParam, prefix: Literal["ge", "le"], text: str, zone: ZoneInfo) -> Term:
    lo, hi = span_of(text, zone)
    return Clause(param, None, (SpanAsked(prefix, max(lo, TIME_MIN), min(hi, TIME_MAX)),))


def _outside(call: Call, page: Swept) -> list[Stored]:
    members = compartment("Patient")
    found = [stored for stored in page.included if stored.type not in members]
    readable = set(permitted(call, "read", {stored.type for stored in found}))
    return [stored for stored in found if stored.type in readable]


def _bundle(call: Call, page: Swept, beside: Sequence[Stored]) -> bytes:
    path = f"Patient/{call.id}/$everything"
    plain = tuple(pair for pair in call.asked if pair[0] != CURSOR)
    links = [("self", url_of(call.base, path, call.asked))]
    if page.next:
        links.append(("next", url_of(call.base, path, plain, (CURSOR, page.next))))
    base = call.base.encode()
    entries = [match_entry(base, stored, b"match") for stored in page.matches]
    entries += [match_entry(base, stored, b"include") for stored in beside]
    return bundle("searchset", entries, links=links, at=wall_us())
