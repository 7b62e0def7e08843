"""Whom a look-up finds, and one's own emergency looks. Exact matches only, a few an hour, each one written down."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xinglin.access.breakglass import cases
from xinglin.access.relationships import relations_of
from xinglin.base.clock import instant, tick_of
from xinglin.base.errors import Gone, NotFound
from xinglin.base.text import mask_name
from xinglin.capabilities.break_glass import rules
from xinglin.capabilities.break_glass.model import FoundPaper, Masked, Opened
from xinglin.fhir.codec import Resource
from xinglin.kit.person import Person
from xinglin.kit.unit import Unit
from xinglin.store import Records, Scope, Store
from xinglin.store.papers import Papers

CANDIDATES_MAX = 20
OWN_SHOWN = 50


def everyone(store: Store) -> Records:
    """The records of everyone: only for a look-up that answers with a masked person."""
    return store.records(Scope.everyone())


async def meant(unit: Unit, wanted: rules.Lookup) -> list[Resource]:
    """Those whom a look-up names exactly; more than one when a number is used twice."""
    query = f"identifier={_value(wanted.number)}" if wanted.number else f"phone={_value(wanted.phone)}"
    found = await everyone(unit.store.store).find("Patient", query, CANDIDATES_MAX)
    return [one for one in found if one.get("active") is not False and rules.is_meant(one, wanted)]


def _value(text: str) -> str:
    return quote("".join("\\" + letter if letter in "\\,$|" else letter for letter in text))


def found_of(store: Store) -> Papers[FoundPaper]:
    """Whom people found a moment ago."""
    return Papers(store.ground, "emergency look-up", FoundPaper)


async def found(unit: Unit, key: str) -> Resource:
    """The Patient one has found oneself, a moment ago. Raises `NotFound`."""
    paper = await found_of(unit.store.store).look(key, tick_of(unit.now))
    if paper is None or paper.value.account != unit.actor.id:
        raise NotFound("This was too long ago. Look the person up again.")
    return (await everyone(unit.store.store).read("Patient", paper.value.patient)).resource()


async def guardians(unit: Unit, patient: str) -> list[str]:
    """Patient ids of a resident's guardians of this moment: who proved to have the identifier a guardianship names."""
    records, now_us = everyone(unit.store.store), tick_of(unit.now)
    bonds = await records.find("RelatedPerson", f"patient=Patient/{quote(patient)}", CANDIDATES_MAX)
    held = {one.holder for bond in bonds for one in relations_of(bond) if one.starts <= now_us < one.ends}
    found: list[str] = []
    for holder in sorted(held):
        system, _, value = holder.removeprefix("identity ").rpartition("|")
        people = await records.find("Patient", f"identifier={_value(system)}|{_value(value)}", 2)
        found += [one["id"] for one in people if one["id"] != patient]
    return found


def masked(patient: Resource, now: datetime, timezone: ZoneInfo) -> Masked:
    """A person for somebody without a relationship."""
    person = Person.of(patient, now, timezone)
    return Masked(mask_name(person.name), person.sex, person.age)


async def sees(unit: Unit, patient: str) -> bool:
    """Whether the reader has the person's record open already."""
    try:
        await unit.store.apart().read("Patient", patient)
    except (NotFound, Gone):
        return False
    return True


async def mine(unit: Unit) -> list[Opened]:
    """One's own emergency looks, newest first; the name masked once it is over."""
    store, now_us = unit.store.store, tick_of(unit.now)
    papers = await cases(store).find(f"account {unit.actor.id}", now_us)
    told: list[Opened] = []
    for paper in sorted(papers, key=lambda one: -one.value.began)[:OWN_SHOWN]:
        case = paper.value
        left = rules.minutes_left(case.ends, now_us) if case.state != "unjustified" else 0
        name = await _name(store, case.patient)
        told.append(Opened(case, name if left else mask_name(name), instant(case.began), left))
    return told


async def _name(store: Store, patient: str) -> str:
    try:
        found_ = (await everyone(store).read("Patient", patient)).resource()
    except (NotFound, Gone):
        return "?"
    return Person.of(found_, _EPOCH, ZoneInfo("UTC")).name


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
