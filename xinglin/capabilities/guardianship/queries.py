"""What the pages read: people at the desk, who acts for someone, for whom someone acts, every version of an entry, the proof's file."""

from __future__ import annotations

from asyncio import gather
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xinglin.base.clock import tick_of
from xinglin.base.errors import Gone, Malformed, NotFound
from xinglin.base.national_ids import parse_resident_id, plain
from xinglin.capabilities.guardianship.model import Guardianship, Ward
from xinglin.fhir.codec import Resource
from xinglin.kit.coding import id_of
from xinglin.kit.person import Person, name_of
from xinglin.kit.unit import Unit
from xinglin.store import Records, Scope

FOUND_MAX = 20
ENTRIES_MAX = 100
VERSIONS_MAX = 50
NAME_MIN, NUMBER_LENGTH = 2, 18


def everyone(unit: Unit, ground: str = "") -> Records:
    """The platform's own records, for what is decided by a rule and not by a role; whose they are is told to the trail all the same.

    `ground`: on what ground a deed is done through them.
    """
    return replace(unit.store.store.records(Scope.everyone(ground)), seen=unit.store.seen)


# --- people ---


async def people(unit: Unit, typed: str, timezone: ZoneInfo) -> list[Person]:
    """Residents with exactly this ID number, or with a name that begins so; none for less than two letters."""
    word, number = typed.strip(), plain(typed)
    if len(number) == NUMBER_LENGTH and number[:-1].isdigit():  # the register may hold one that was mistyped: its check is not asked for
        query = f"identifier={quote(number)}"
    elif len(word) < NAME_MIN or any(letter.isdigit() for letter in word):
        return []
    else:
        query = f"name={quote(_escaped(word))}"
    found = await unit.store.find("Patient", query, FOUND_MAX)
    return [Person.of(one, unit.now, timezone) for one in found]


def _escaped(text: str) -> str:
    """Text as a search value: what the grammar means something by is escaped."""
    return "".join(f"\\{letter}" if letter in "\\,$|" else letter for letter in text[:64])


async def ward(records: Records, id_: str) -> Ward:
    """Someone by their id. Raises `NotFound`, `Gone`."""
    stored = await records.read("Patient", id_)
    return ward_of(stored.resource(), stored.patient)


def ward_of(patient: Resource, number: int) -> Ward:
    """The view of a Patient; the birth date is that of the register, else that of the ID number."""
    numbers = frozenset(one["value"] for one in patient.get("identifier", ()) if one.get("value"))
    died = bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime"))
    return Ward(patient["id"], number, name_of(patient), _born(patient, numbers), numbers, died)


def _born(patient: Resource, numbers: Iterable[str]) -> date | None:
    try:
        return date.fromisoformat(patient.get("birthDate", ""))
    except ValueError:
        pass
    for number in numbers:
        try:
            return parse_resident_id(number).birth
        except Malformed:
            continue
    return None


# --- guardianships ---


@dataclass(frozen=True, slots=True)
class Acting:
    """A guardianship as a page lists it. `name`: of the other side, the guardian or the ward; `reference`: the ward, as `Patient/…`."""

    one: Guardianship
    name: str
    state: str
    reference: str


async def guardians(unit: Unit, records: Records, ward_id: str) -> list[Acting]:
    """Who acts for someone, and who did; those who do now first."""
    found = await records.find("RelatedPerson", f"patient=Patient/{quote(ward_id)}&_sort=-_lastUpdated", ENTRIES_MAX)
    views = [one for resource in found if (one := Guardianship.of(resource)) is not None and one.ward == ward_id]
    return _ordered(Acting(one, one.name, one.state(tick_of(unit.now)), f"Patient/{ward_id}") for one in views)


async def wards(unit: Unit, records: Records, patient: Resource) -> list[Acting]:
    """For whom a person acts, by the identifiers of their own entry in the register, and for whom they did."""
    named = [(one["system"], one["value"]) for one in patient.get("identifier", ()) if one.get("system") and one.get("value")]
    queries = [f"identifier={quote(system, safe='')}|{quote(value, safe='')}&_sort=-_lastUpdated" for system, value in named]
    lists = await gather(*(records.find("RelatedPerson", query, ENTRIES_MAX) for query in queries))
    views = {one.id: one for resources in lists for resource in resources if (one := Guardianship.of(resource)) is not None}
    names = await _names(records, {one.ward for one in views.values()})
    told = (Acting(one, names[one.ward], one.state(tick_of(unit.now)), f"Patient/{one.ward}") for one in views.values())
    return _ordered(one for one in told if one.name)


async def _names(records: Records, ids: Iterable[str]) -> dict[str, str]:
    wanted = sorted(ids)
    found = await records.find("Patient", f"_id={','.join(map(quote, wanted))}", len(wanted)) if wanted else []
    return dict.fromkeys(wanted, "") | {one["id"]: name_of(one) for one in found}


def _ordered(told: Iterable[Acting]) -> list[Acting]:
    order = ("active", "coming", "ended")
    return sorted(told, key=lambda one: (order.index(one.state), -one.one.starts))


async def guardianship(records: Records, ward_id: str, id_: str) -> Guardianship:
    """One entry of a ward. Raises `NotFound`, `Gone`."""
    found = Guardianship.of((await records.read("RelatedPerson", id_)).resource())
    if found is None or found.ward != ward_id:
        raise NotFound("There is no such entry for this person.")
    return found


async def versions(records: Records, id_: str) -> list[tuple[str, Guardianship]]:
    """Every version of an entry, newest first: when it was written, and what it said."""
    page = await records.history("RelatedPerson", id_, count=VERSIONS_MAX)
    told = ((one.last_updated, Guardianship.of(one.resource())) for one in page.entries if one.content)
    return [(at, one) for at, one in told if one is not None]


async def patients_with(records: Records, identifiers: Iterable[tuple[str, str]]) -> list[str]:
    """References of the residents who have one of these identifiers."""
    queries = [f"identifier={quote(system, safe='')}|{quote(value, safe='')}" for system, value in identifiers]
    lists = await gather(*(records.find("Patient", query, FOUND_MAX) for query in queries))
    return list(dict.fromkeys(f"Patient/{one['id']}" for found in lists for one in found))


async def names_with(records: Records, number: str) -> frozenset[str]:
    """The names of the residents with an ID number, without spaces."""
    found = await records.find("Patient", f"identifier={quote(number)}", FOUND_MAX)
    return frozenset(name_of(one).replace(" ", "") for one in found)


async def numbers_of_staff(unit: Unit) -> frozenset[str]:
    """Every number the member of staff who asks is known by."""
    if not unit.actor.person.startswith("Practitioner/"):
        return frozenset()
    try:
        found = (await everyone(unit).read("Practitioner", unit.actor.person.partition("/")[2])).resource()
    except (NotFound, Gone):
        return frozenset()
    return frozenset(one["value"] for one in found.get("identifier", ()) if one.get("value"))


# --- the proof ---


@dataclass(frozen=True, slots=True)
class File:
    """The picture of a proof: media type and bytes."""

    media: str
    content: bytes


async def proof_file(unit: Unit, one: Guardianship) -> File:
    """The file of a proof, for who may see the ward's documents: it is read as far as who asks may see. Raises `NotFound`, `Gone`."""
    if one.proof is None or not one.proof.document:
        raise NotFound("No file was kept with this entry.")
    document = (await unit.store.read("DocumentReference", one.proof.document)).resource()
    attachment = _attached(document.get("content", ()))
    binary = (await unit.store.read("Binary", id_of({"reference": attachment.get("url", "")}))).resource()
    if binary.get("securityContext", {}).get("reference") != f"Patient/{one.ward}":
        raise NotFound("No file was kept with this entry.")
    return File(binary.get("contentType", "application/octet-stream"), b64decode(binary.get("data", "")))


def _attached(contents: Sequence[Resource]) -> Resource:
    found = next((one["attachment"] for one in contents if one.get("attachment", {}).get("url", "").startswith("Binary/")), None)
    if found is None:
        raise NotFound("No file was kept with this entry.")
    return found
