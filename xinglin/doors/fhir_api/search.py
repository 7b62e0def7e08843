"""search: by type, in a compartment, over the whole system; GET and POST _search. Sources: R4 http.html#search, search.html.

Unknown parameters: 400 under `Prefer: handling=strict`, otherwise told in an entry of mode `outcome`; the self link holds what was used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from xinglin.base.clock import wall_us
from xinglin.base.errors import Issue, Unknown, XinglinError
from xinglin.doors.fhir_api.asked import FORM_BYTES_MAX, Pairs, pairs_of
from xinglin.doors.fhir_api.bundles import bundle, match_entry, outcome_entry, url_of
from xinglin.doors.fhir_api.call import PRESENTATION, Call
from xinglin.doors.fhir_api.formats import FORM
from xinglin.doors.fhir_api.outcome import outcome_of
from xinglin.doors.fhir_api.permits import held, permit_search, permitted, visible
from xinglin.doors.fhir_api.reply import Reply
from xinglin.doors.fhir_api.subset import subset
from xinglin.doors.fhir_api.sweep import Swept, count_all, count_of, sweep
from xinglin.fhir.codec import encode
from xinglin.fhir.definitions import RESOURCE_TYPES, compartment
from xinglin.fhir.search.grammar import in_compartment, read_search
from xinglin.fhir.search.model import Search
from xinglin.store import Stored

CURSOR = "_cursor"
"""Names the page in next links; opaque to clients."""


async def search_type(call: Call) -> Reply:
    """`Type?…` and `Type/_search`."""
    return await _one(call, _read(call, call.type, _pairs(call)), call.type)


async def search_compartment(call: Call) -> Reply:
    """`Patient/1/Observation?…`; the member `*` searches every type of the compartment."""
    member = call.path[2]
    if member in ("*", "_search"):
        return await _all_members(call)
    search = in_compartment(_read(call, member, _pairs(call)), call.type, call.id)
    return await _one(call, search, f"{call.type}/{call.id}/{member}")


async def search_system(call: Call) -> Reply:
    """`?_type=Patient,Observation&…`; without `_type`, every type."""
    pairs = _pairs(call)
    types = _types(pairs) or permitted(call, "search", RESOURCE_TYPES) or RESOURCE_TYPES
    return await _several(call, _read_each(call, types, pairs), "")


async def _all_members(call: Call) -> Reply:
    pairs = _pairs(call)
    types = _types(pairs) or permitted(call, "search", compartment(call.type)) or tuple(compartment(call.type))
    searches = [in_compartment(search, call.type, call.id) for search in _read_each(call, types, pairs)]
    return await _several(call, searches, f"{call.type}/{call.id}/*")


# --- reading what is asked ---


def _pairs(call: Call) -> Pairs:
    asked = call.asked
    if call.method != "POST":
        return asked
    if call.body and call.media != FORM:
        raise _not_a_form(call.media)
    return (*asked, *(pair for pair in pairs_of_form(call) if pair[0] not in PRESENTATION))


def pairs_of_form(call: Call) -> Pairs:
    """The parameters of a form body."""
    return pairs_of(call.body, FORM_BYTES_MAX) if call.media == FORM else ()


def _not_a_form(media: str) -> XinglinError:
    return Unknown("A POST to _search takes a form (application/x-www-form-urlencoded), not {media}.", media=media[:80] or "no type")


def _types(pairs: Pairs) -> tuple[str, ...]:
    types = tuple(dict.fromkeys(part.strip() for name, value in pairs if name == "_type" for part in value.split(",") if part.strip()))
    for type_ in types:
        if type_ not in RESOURCE_TYPES:
            raise Unknown("_type names {type}, which is no resource type.", type=type_[:80])
    return types


def _read(call: Call, type_: str, pairs: Pairs) -> Search:
    zone = ZoneInfo(call.means.settings.timezone)
    search = read_search(type_, pairs, strict=call.conditions.strict, zone=zone, base=call.base)
    permit_search(call, search)
    return held(call, search)


def _read_each(call: Call, types: Sequence[str], pairs: Pairs) -> list[Search]:
    """One search per type. A parameter some of the types lack would find too much: it is refused; one that none has is ignored."""
    rest = tuple(pair for pair in pairs if pair[0] != "_type")
    searches = [_read(call, type_, rest) for type_ in types]
    ignored = {search.ignored for search in searches}
    if len(ignored) > 1:
        raise Unknown("Each parameter must belong to every type searched; not so: {names}.", names=", ".join(sorted(set().union(*ignored))))
    if len(types) > 1 and any(search.order for search in searches):
        raise Unknown("_sort is for a search over one type.")
    return searches


# --- answering ---


def page_size(call: Call, search: Search) -> int:
    """The page's size: what `_count` asks, within the limit."""
    settings = call.means.settings
    return min(settings.page_size if search.count is None else search.count, settings.page_size_max)


def _counts_only(search: Search) -> bool:
    return search.summary == "count" or search.count == 0


async def _one(call: Call, search: Search, path: str) -> Reply:
    if _counts_only(search):
        return _searchset(call, search, path, Swept((), (), None), await count_of(call.records, search))
    page = await call.records.search(replace(search, count=page_size(call, search)))
    return _searchset(call, search, path, Swept(tuple(page.matches), tuple(page.included), page.next), page.total)


async def _several(call: Call, searches: list[Search], path: str) -> Reply:
    first = searches[0]
    types = ("_type", ",".join(search.type for search in searches))
    asked = (types, *first.asked) if any(name == "_type" for name, _ in call.asked) else first.asked
    shown = replace(first, asked=asked)
    if _counts_only(first):
        return _searchset(call, shown, path, Swept((), (), None), await count_all(call.records, searches))
    page = await sweep(call.records, searches, page_size(call, first), first.cursor)
    total = await count_all(call.records, searches) if first.total == "accurate" else None
    return _searchset(call, shown, path, page, total)


def _searchset(call: Call, search: Search, path: str, page: Swept, total: int | None) -> Reply:
    here = (*search.asked, (CURSOR, search.cursor)) if search.cursor else search.asked
    links = [("self", url_of(call.base, path, here))]
    if search.cursor:
        links.append(("first", url_of(call.base, path, search.asked)))
    if page.next:
        links.append(("next", url_of(call.base, path, search.asked, (CURSOR, page.next))))
    return Reply(200, bundle("searchset", _entries(call, search, page), links=links, total=total, at=wall_us()))


def _entries(call: Call, search: Search, page: Swept) -> list[bytes]:
    part = subset(search.summary, search.elements)
    base = call.base.encode()
    entries = [match_entry(base, stored, b"match", part) for stored in page.matches]
    entries += [match_entry(base, stored, b"include", part) for stored in visible(call, _new(page))]
    if search.ignored:
        text = f"Not understood, and ignored: {', '.join(search.ignored)}. Send Prefer: handling=strict to have such a search refused."
        entries.append(outcome_entry(encode(outcome_of((Issue("warning", "not-supported", text),)))))
    return entries


def _new(page: Swept) -> list[Stored]:
    if not page.included:
        return []
    matched = {(stored.type, stored.id) for stored in page.matches}
    return [stored for stored in page.included if (stored.type, stored.id) not in matched]
