"""`$expand`: a value set with its codes listed, filtered and paged.

Source: FHIR R4, ValueSet expansion (https://hl7.org/fhir/R4/valueset.html#expansion).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from xinglin.base.errors import Invalid, NotFound, TooCostly
from xinglin.fhir.codec import Resource
from xinglin.fhir.terminology.canonical import join
from xinglin.fhir.terminology.members import Members
from xinglin.fhir.terminology.system import (
    System,
    designations,
    display,
    is_abstract,
    is_active,
    said_with,
    speaks,
)


@dataclass(frozen=True, slots=True)
class ExpansionAsked:
    """How to expand. `designation`: languages or `system|code` uses to list, empty = all. `nested`: children within parents, when whole."""

    filter: str | None = None
    offset: int = 0
    count: int | None = None
    active_only: bool = False
    designations: bool = False
    designation: tuple[str, ...] = ()
    definition: bool = False
    nested: bool = False
    not_for_ui: bool = True
    language: str | None = None
    without: tuple[str, ...] = ()
    """Code systems left out (`exclude-system`)."""


Systems = Callable[[str, str | None], System | None]
"""(url, version) -> loaded code system."""


def expand(
    value_set: Resource, members: Members, systems: Systems, asked: ExpansionAsked, *, identifier: str, timestamp: str, codes_max: int
) -> Resource:
    """The value set with an `expansion`. Raises `NotFound` (a system is not loaded), `TooCostly` (more than `codes_max` codes)."""
    if members.missing:
        raise NotFound("The value set needs {canonical}, which is not loaded.", canonical=members.missing[0])
    listing = _Listing(members, {url: systems(url, members.versions.get(url)) for url in members.codes}, asked)
    total, page = _page(listing)
    if len(page) > codes_max:
        raise TooCostly("The expansion has {total} codes; ask for pages with count and offset, or a filter.", total=total)
    entries = [_entry(listing, system, code) for system, code in page]
    whole = asked.count is None and not asked.offset and not asked.filter
    expansion: Resource = {"identifier": identifier, "timestamp": timestamp, "total": total}
    if asked.count is not None or asked.offset:
        expansion["offset"] = asked.offset
    if parameters := _parameters(asked, members):
        expansion["parameter"] = parameters
    if entries:
        expansion["contains"] = _nested(listing, page, entries) if asked.nested and whole else entries
    kept = {key: value for key, value in value_set.items() if key not in ("compose", "expansion", "text")}
    return kept | {"expansion": expansion}


@dataclass(frozen=True, slots=True)
class _Listing:
    members: Members
    systems: dict[str, System | None]
    asked: ExpansionAsked


def _page(listing: _Listing) -> tuple[int, list[tuple[str, str]]]:
    """(codes that pass, those of the page). Nothing is looked at beyond the page where nothing is filtered."""
    members, asked = listing.members, listing.asked
    end = None if asked.count is None else asked.offset + asked.count
    typed = asked.filter.casefold().split() if asked.filter else []
    if not (typed or asked.active_only or asked.without) and asked.not_for_ui:
        return len(members), list(islice(_all(members), asked.offset, end))
    kept = [(url, code) for url in members.codes if url not in asked.without for code in _passing(listing, url, typed)]
    return len(kept), kept[asked.offset : end]


def _all(members: Members) -> Iterator[tuple[str, str]]:
    for system, codes in members.codes.items():
        for code in codes:
            yield system, code


def _passing(listing: _Listing, url: str, typed: list[str]) -> Iterable[str]:
    """The codes of one system that pass every wish; the filter first, for it leaves the fewest."""
    codes: Iterable[str] = listing.members.codes[url]
    if typed:
        codes = _hit(listing, url, typed)
    if listing.asked.active_only:
        codes = [code for code in codes if not _is_inactive(listing, url, code)]
    if not listing.asked.not_for_ui:
        codes = [code for code in codes if not _is_abstract(listing, url, code)]
    return codes


def _hit(listing: _Listing, url: str, typed: list[str]) -> list[str]:
    """Codes with every typed word in their code, display or designations, be these the system's or the value set's own."""
    known, stated = listing.systems[url], listing.members.stated
    hits = said_with(known, typed) if known else set[str]()
    codes = listing.members.codes[url]
    if not stated:
        return [code for code in codes if code in hits]
    return [code for code in codes if code in hits or _is_said(stated.get((url, code), {}), code, typed)]


def _is_said(said: Resource, code: str, typed: list[str]) -> bool:
    text = " ".join([code, said.get("display", ""), *(one.get("value", "") for one in said.get("designation", ()))]).casefold()
    return all(word in text for word in typed)


def _is_inactive(listing: _Listing, url: str, code: str) -> bool:
    known = listing.systems[url]
    if known and code in known.concepts:
        return not is_active(known, code)
    return bool(listing.members.stated.get((url, code), {}).get("inactive"))


def _is_abstract(listing: _Listing, url: str, code: str) -> bool:
    known = listing.systems[url]
    if known and code in known.concepts:
        return is_abstract(known, code)
    return bool(listing.members.stated.get((url, code), {}).get("abstract"))


def _entry(listing: _Listing, url: str, code: str) -> Resource:
    """One ValueSet.expansion.contains; the value set's own words go before those of the code system."""
    asked, known = listing.asked, listing.systems[url]
    known = known if known and code in known.concepts else None
    said = listing.members.stated.get((url, code), {})
    entry: Resource = {"system": url}
    if _is_abstract(listing, url, code):
        entry["abstract"] = True
    if _is_inactive(listing, url, code):
        entry["inactive"] = True
    if version := listing.members.versions.get(url):
        entry["version"] = version
    entry["code"] = code
    if name := _name(said, known, code, asked.language):
        entry["display"] = name
    if asked.definition and known and (definition := known.concepts[code].get("definition")):
        entry["extension"] = [{"url": DEFINITION, "valueString": definition}]
    if asked.designations or asked.designation:
        listed = [*said.get("designation", ()), *(designations(known, code) if known else ())]
        if chosen := [x for x in listed if _is_wanted(x, asked.designation)]:
            entry["designation"] = chosen
    return entry


DEFINITION = "http://hl7.org/fhir/StructureDefinition/valueset-concept-definition"


def _name(said: Resource, known: System | None, code: str, language: str | None) -> str | None:
    if language:
        for one in said.get("designation", ()):
            if speaks(one.get("language"), language):
                return one.get("value")
    return said.get("display") or (display(known, code, language) if known else None)


def _is_wanted(designation: Resource, asked: tuple[str, ...]) -> bool:
    if not asked:
        return True
    use = designation.get("use", {})
    names = (f"{use.get('system', '')}|{use.get('code', '')}", f"urn:ietf:bcp:47|{designation.get('language')}")
    return any(one in names or speaks(designation.get("language"), one) for one in asked)


def _nested(listing: _Listing, page: list[tuple[str, str]], entries: list[Resource]) -> list[Resource]:
    """Each entry within the first of its parents that is in the value set too; a circle of parents stays flat."""
    place = dict(zip(page, entries, strict=True))
    above: dict[tuple[str, str], tuple[str, str]] = {}
    top: list[Resource] = []
    for url, code in page:
        known = listing.systems[url]
        parents = [(url, p) for p in (known.parents.get(code, ()) if known else ()) if (url, p) in place]
        if parents and not _leads_to(above, parents[0], (url, code)):
            above[url, code] = parents[0]
            place[parents[0]].setdefault("contains", []).append(place[url, code])
        else:
            top.append(place[url, code])
    return top


def _leads_to(above: dict[tuple[str, str], tuple[str, str]], start: tuple[str, str], end: tuple[str, str]) -> bool:
    here: tuple[str, str] | None = start
    while here is not None and here != end:
        here = above.get(here)
    return here == end


def _parameters(asked: ExpansionAsked, members: Members) -> list[Resource]:
    """ValueSet.expansion.parameter: what was asked, and which versions answered."""
    said: list[Resource] = []
    if asked.filter:
        said.append({"name": "filter", "valueString": asked.filter})
    if asked.count is not None or asked.offset:
        said.append({"name": "offset", "valueInteger": asked.offset})
    if asked.count is not None:
        said.append({"name": "count", "valueInteger": asked.count})
    flags = {"activeOnly": asked.active_only, "includeDesignations": asked.designations, "includeDefinition": asked.definition}
    said += [{"name": name, "valueBoolean": True} for name, value in flags.items() if value]
    if asked.nested:
        said.append({"name": "excludeNested", "valueBoolean": False})
    if asked.language:
        said.append({"name": "displayLanguage", "valueCode": asked.language})
    said += [{"name": "version", "valueUri": join(url, v)} for url, v in members.versions.items() if v and url in members.codes]
    return said


def page_of(offset: int | None, count: int | None) -> tuple[int, int | None]:
    """Offset and count as asked; raises `Invalid` when negative."""
    if (offset or 0) < 0 or (count or 0) < 0:
        raise Invalid("offset and count of an expansion cannot be negative.")
    return offset or 0, count
