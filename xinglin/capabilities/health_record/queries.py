"""What the pages read: the list of residents, one record, one visit's documents, one series. A handful of searches each, at once."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

from xinglin.base.errors import NotFound
from xinglin.capabilities.health_record import rules
from xinglin.capabilities.health_record.model import REFERRING, Allergy, Latest, Medicine, Paper, Problem, Referral, Result, Visit
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.grammar import read_search
from xinglin.kit.banner import Banner, is_current, read_behind
from xinglin.kit.coding import id_of
from xinglin.kit.person import Person
from xinglin.kit.unit import Unit

if TYPE_CHECKING:
    from xinglin.store import SearchPage

PAGE_SIZE = 20
VISITS_MAX = 1000
RESULTS_MAX = 1000
SERIES_MAX = 500
ENTRIES_MAX = 200


@dataclass(frozen=True, slots=True)
class People:
    """A page of residents: how many there are in all (None when not counted), the mark of the next page, the parameter that found them."""

    found: tuple[Person, ...]
    total: int | None
    next: str | None
    by: str


async def find_people(
    unit: Unit, meant: rules.Meant | None, timezone: ZoneInfo, *, by: str = "", cursor: str | None = None, count: int = PAGE_SIZE
) -> People:
    """Residents a typed text means (None = everyone, the last changed first). `by` and `cursor` carry on a search already begun."""
    if meant is None:
        return await _people(unit, "", "", timezone, cursor, count)
    params = (by,) if by in meant.params else meant.params
    found = People((), 0, None, "")
    for param in params:
        found = await _people(unit, param, meant.value, timezone, cursor, count)
        if found.found:
            break
    return found


async def _people(unit: Unit, param: str, value: str, timezone: ZoneInfo, cursor: str | None, count: int) -> People:
    query = "_total=accurate" + (f"&{param}={quote(_escaped(value))}" if param else "")
    page = await _search(unit, "Patient", query, count, timezone, cursor)
    people = tuple(Person.of(stored.resource(), unit.now, timezone) for stored in page.matches)
    return People(people, page.total, page.next, param)


@dataclass(frozen=True, slots=True)
class Record:
    """A resident's whole record as its page shows it."""

    banner: Banner
    allergies: tuple[Allergy, ...]
    problems: tuple[Problem, ...]
    medicines: tuple[Medicine, ...]
    latest: tuple[Latest, ...]
    visits: tuple[Visit, ...]
    has_more_visits: bool


async def read_record(unit: Unit, person_id: str, timezone: ZoneInfo) -> Record:
    """The record of one resident. Raises NotFound or Gone when there is no such resident."""
    behind, stays, medicines, results = await gather(
        read_behind(unit, person_id),
        read_visits(unit, person_id, timezone),
        _of_patient(unit, "MedicationRequest", person_id, "_sort=-authoredon", ENTRIES_MAX),
        _of_patient(unit, "Observation", person_id, "_sort=-date", RESULTS_MAX),
    )
    places = {visit.id: visit.place for visit in stays.visits}
    return Record(
        banner=Banner.of(behind, unit.now, timezone),
        allergies=rules.allergy_order(Allergy.of(one, places) for one in behind.allergies or [] if is_current(one)),
        problems=rules.gathered(Problem.of(one, places) for one in behind.conditions or []),
        medicines=rules.gathered(Medicine.of(one, places) for one in medicines),
        latest=rules.latest_of_each(Result.of(one, places) for one in results if one.get("status") != "entered-in-error"),
        visits=stays.visits,
        has_more_visits=stays.has_more,
    )


@dataclass(frozen=True, slots=True)
class Visits:
    """A resident's visits, the newest first; `has_more` when there are older ones beyond the limit."""

    visits: tuple[Visit, ...]
    has_more: bool


async def read_visits(unit: Unit, person_id: str, timezone: ZoneInfo) -> Visits:
    """All visits of one resident up to `VISITS_MAX`, with the names of their institutions."""
    query = f"patient=Patient/{quote(person_id)}&_sort=-date&_include=Encounter:service-provider"
    page = await _search(unit, "Encounter", query, VISITS_MAX, timezone)
    return Visits(_visits_of(page), page.next is not None)


WRITTEN = (
    "Condition",
    "Observation",
    "MedicationRequest",
    "DocumentReference",
    "Composition",
    "DiagnosticReport",
    "ImagingStudy",
    "Procedure",
)
"""What a visit leaves, in the order it is read. Vaccinations too, but R4 cannot search them by visit."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One visit with everything written in it, in the order it is read."""

    visit: Visit
    problems: tuple[Problem, ...]
    results: tuple[Result, ...]
    medicines: tuple[Medicine, ...]
    papers: tuple[Paper, ...]


async def read_visit(unit: Unit, person_id: str, visit_id: str, timezone: ZoneInfo) -> Opened:
    """A visit of this resident and its documents. Raises NotFound when it is not theirs."""
    within = f"encounter=Encounter/{quote(visit_id)}"
    page, vaccinations, found = await gather(
        _search(unit, "Encounter", f"_id={quote(visit_id)}&_include=Encounter:service-provider", 1, timezone),
        _of_patient(unit, "Immunization", person_id, "", ENTRIES_MAX),
        gather(*(unit.store.find(kind, within, count=ENTRIES_MAX) for kind in WRITTEN)),
    )
    mine = [stored.resource() for stored in page.matches if id_of(stored.resource().get("subject")) == person_id]
    if not mine:
        raise NotFound("There is no such visit in this resident's record.")
    (visit,) = _visits_of(page)
    places = {visit.id: visit.place}
    conditions, results, medicines, *papers = found
    given = [one for one in vaccinations if id_of(one.get("encounter")) == visit_id]
    return Opened(
        visit=visit,
        problems=tuple(Problem.of(one, places) for one in conditions),
        results=tuple(Result.of(one, places) for one in results),
        medicines=tuple(Medicine.of(one, places) for one in medicines),
        papers=tuple(Paper.of(one, places) for one in chain(*papers, given)),
    )


async def read_series(unit: Unit, person_id: str, key: str, timezone: ZoneInfo) -> Latest:
    """Every result of one kind, up to `SERIES_MAX`. Raises NotFound when there is none."""
    system, _, code = key.rpartition("|")
    query = f"code={quote(_escaped(system))}|{quote(_escaped(code))}" if system else f"code:text={quote(_escaped(code))}"
    stays, found = await gather(
        read_visits(unit, person_id, timezone),
        _of_patient(unit, "Observation", person_id, query + "&_sort=-date", SERIES_MAX),
    )
    places = {visit.id: visit.place for visit in stays.visits}
    latest = [one for one in rules.latest_of_each(Result.of(one, places) for one in found) if one.result.key == key]
    if not latest:
        raise NotFound("There is no such result in this resident's record.")
    return latest[0]


@dataclass(frozen=True, slots=True)
class RecentVisits:
    """Visits of anyone within some days, the newest first, each with its resident (None when not among ours)."""

    rows: tuple[tuple[Visit, Person | None], ...]
    total: int | None
    next: str | None


async def recent_visits(unit: Unit, days: int, timezone: ZoneInfo, cursor: str | None = None) -> RecentVisits:
    """Visits that began today (`days` 1) or since so many days."""
    return await _visits(unit, _since(unit, days, timezone), timezone, cursor)


async def lying(unit: Unit, timezone: ZoneInfo, cursor: str | None = None) -> RecentVisits:
    """The stays under way on the wards the hat works on; none for a hat without a ward."""
    here = _on_wards(unit)
    return await _visits(unit, here, timezone, cursor) if here else RecentVisits((), 0, None)


async def count_lying(unit: Unit) -> int | None:
    """How many lie on the wards the hat works on."""
    here = _on_wards(unit)
    return await _count(unit, "Encounter", here) if here else 0


def _on_wards(unit: Unit) -> str:
    wards = ",".join(quote(one) for one in unit.actor.units if one.startswith("Location/"))
    return f"status=in-progress&class=IMP,ACUTE,NONAC&location={wards}" if wards else ""


async def _visits(unit: Unit, wanted: str, timezone: ZoneInfo, cursor: str | None) -> RecentVisits:
    query = f"{wanted}&_sort=-date&_total=accurate&_include=Encounter:patient&_include=Encounter:service-provider"
    page = await _search(unit, "Encounter", query, PAGE_SIZE, timezone, cursor)
    included = [stored.resource() for stored in page.included]
    people = {one["id"]: Person.of(one, unit.now, timezone) for one in included if one["resourceType"] == "Patient"}
    matches = [stored.resource() for stored in page.matches]
    visits = _visits_of(page)
    return RecentVisits(
        tuple((visit, people.get(id_of(one.get("subject")))) for visit, one in zip(visits, matches, strict=True)), page.total, page.next
    )


@dataclass(frozen=True, slots=True)
class Referrals:
    """Referrals and requests for advice, the newest first, each with its resident (None when not among ours)."""

    rows: tuple[tuple[Referral, Person | None], ...]
    total: int | None
    next: str | None


async def referred(unit: Unit, timezone: ZoneInfo, cursor: str | None = None) -> Referrals:
    """What is referred to the hat's person or institution and not done yet."""
    to_us = _to_us(unit)
    if not to_us:
        return Referrals((), 0, None)
    query = f"{to_us}&_sort=-authored&_total=accurate&_include=ServiceRequest:patient"
    page = await _search(unit, "ServiceRequest", query, PAGE_SIZE, timezone, cursor)
    included = [stored.resource() for stored in page.included]
    people = {one["id"]: Person.of(one, unit.now, timezone) for one in included if one["resourceType"] == "Patient"}
    matches = [stored.resource() for stored in page.matches]
    return Referrals(tuple((Referral.of(one), people.get(id_of(one.get("subject")))) for one in matches), page.total, page.next)


async def count_referred(unit: Unit) -> int | None:
    """How many referrals to the hat's person or institution wait."""
    to_us = _to_us(unit)
    return await _count(unit, "ServiceRequest", to_us) if to_us else 0


def _to_us(unit: Unit) -> str:
    ours = [unit.actor.person, *(one for one in unit.actor.units if one.startswith("Organization/"))]
    performers = ",".join(quote(one) for one in ours if one)
    return f"status=active&category={','.join(REFERRING)}&performer={performers}" if performers else ""


async def count_people(unit: Unit) -> int | None:
    """How many residents there are."""
    return await _count(unit, "Patient", "")


async def count_visits(unit: Unit, days: int, timezone: ZoneInfo) -> int | None:
    """How many visits began within so many days (1 = today)."""
    return await _count(unit, "Encounter", _since(unit, days, timezone))


def _since(unit: Unit, days: int, timezone: ZoneInfo) -> str:
    first = unit.now.astimezone(timezone).date() - timedelta(days=days - 1)
    return f"date=ge{first.isoformat()}"


async def _count(unit: Unit, kind: str, query: str) -> int | None:
    page = await _search(unit, kind, f"_total=accurate&{query}".rstrip("&"), 1, ZoneInfo("UTC"))
    return page.total


async def _of_patient(unit: Unit, kind: str, person_id: str, more: str, count: int) -> list[Resource]:
    return await unit.store.find(kind, f"patient=Patient/{quote(person_id)}" + (f"&{more}" if more else ""), count=count)


async def _search(unit: Unit, kind: str, query: str, count: int, timezone: ZoneInfo, cursor: str | None = None) -> SearchPage:
    search = read_search(kind, parse_qsl(query), strict=True, zone=timezone)
    return await unit.store.search(replace(search, count=count, cursor=cursor))


def _visits_of(page: SearchPage) -> tuple[Visit, ...]:
    places = _names(stored.resource() for stored in page.included)
    return tuple(Visit.of(stored.resource(), places) for stored in page.matches)


def _names(organizations: Iterable[Resource]) -> Mapping[str, str]:
    return {one["id"]: one.get("name", "") for one in organizations if one["resourceType"] == "Organization"}


def _escaped(value: str) -> str:
    """A value within a search parameter: comma, dollar and bar are marks of the grammar (FHIR R4 Search, escaping)."""
    return "".join("\\" + letter if letter in "\\,$|" else letter for letter in value)
