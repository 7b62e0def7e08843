"""What comes with the matches: what they refer to, what refers to them, once each, as far as was asked and no further."""

from __future__ import annotations

import pytest

from tests.store.asking import asked, page
from tests.store.meaning import World, links
from tests.store.ward import ward
from xinglin.fhir.codec import Resource
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.fhir.search.model import Include, Search
from xinglin.store import Records, Scope, Store, Update
from xinglin.store.layout import layout

Key = tuple[str, str]


def meant(world: World, search: Search) -> set[Key]:
    """What the includes of a whole search bring in, from the meaning of each."""
    matches = {(search.type, id_) for id_ in world.found(search)}
    held, fresh, wanted = set(matches), matches, search.includes
    while fresh:
        found = {key for include in wanted for key in _brought(world, fresh, include)}
        fresh = found - held
        held |= fresh
        wanted = tuple(include for include in search.includes if include.iterate)
    return held - matches


def _brought(world: World, near: set[Key], include: Include) -> set[Key]:
    if include.reverse:
        sources = RESOURCE_TYPES if include.source == "*" else (include.source,)
        return {key for source in sources for key, one in world.by_key.items() if key[0] == source and _links(one, include) & near}
    return {key for one in near if include.source in ("*", one[0]) for key in _links(world.by_key[one], include) if key in world.by_key}


def _links(resource: Resource, include: Include) -> set[Key]:
    params = (
        [include.param] if include.param else [one for one in search_params(resource["resourceType"]).values() if one.kind == "reference"]
    )
    return {key for param in params for key in links(resource, param) if include.target in (None, key[0])}


@pytest.fixture(scope="module")
async def world(module_records: Records) -> World:
    stored: list[Resource] = []
    resources = ward(11, 9, 60)
    resources += [
        {
            "resourceType": "Provenance",
            "id": "v-1",
            "recorded": "2026-01-01T00:00:00Z",
            "agent": [{"who": {"reference": "Practitioner/p-1"}}],
            "target": [{"reference": "Observation/o-1"}, {"reference": "Patient/p-1"}],
        }
    ]
    resources += [
        {"resourceType": "Patient", "id": f"linked-{n}", "link": [{"type": "seealso", "other": {"reference": f"Patient/linked-{n + 1}"}}]}
        for n in range(4)
    ]
    for outcome in await module_records.write([Update(one, one["id"]) for one in resources]):
        assert outcome.stored is not None
        stored.append(outcome.stored.resource())
    return World(stored)


QUESTIONS = """
Observation?code=pain&_include=Observation:subject
Observation?_include=Observation:subject:Patient&_count=500
Observation?_include=Observation:patient
Observation?_include=Observation:subject:Device
Observation?_include=Observation:*&_count=500
Observation?_include=*
Observation?status=final&_include=Observation:performer&_include=Observation:patient
Observation?status=final&_include=Observation:patient&_include:iterate=Patient:general-practitioner
Observation?status=final&_include=Observation:patient&_include=Patient:general-practitioner
DiagnosticReport?_include=DiagnosticReport:result&_include:iterate=Observation:patient&_include:iterate=Patient:general-practitioner
Patient?_id=p-1,p-2&_revinclude=Observation:subject
Patient?_id=p-1,p-2&_revinclude=Observation:patient
Patient?_id=p-1&_revinclude=Observation:performer
Patient?_id=p-0,p-5&_revinclude=Appointment:actor
Patient?_id=p-0,p-5&_revinclude=Appointment:patient
Patient?_id=p-1&_revinclude=*
Patient?_id=p-3&_revinclude=Observation:patient&_revinclude:iterate=DiagnosticReport:result
Patient?_id=p-1&_revinclude=Provenance:target
Observation?_id=o-1&_revinclude=Provenance:target:Observation
Observation?_id=o-1&_revinclude=Provenance:target:Patient
Practitioner?_id=p-1&_revinclude=Patient:general-practitioner&_revinclude=Observation:performer
Practitioner?_id=p-1&_revinclude=Patient:general-practitioner&_revinclude:iterate=Encounter:patient
Group?_revinclude=Observation:subject
Location?_revinclude=Observation:subject&_revinclude=Appointment:actor
Device?_revinclude=Observation:subject&_include=Device:patient
Group?_include=Group:member
List?_include=List:item&_include=List:subject
Encounter?_id=e-4&_include=Encounter:part-of
Encounter?_id=e-3&_revinclude=Encounter:part-of
Patient?_id=linked-0&_include=Patient:link
Patient?_id=linked-0&_include:iterate=Patient:link
Patient?_id=linked-3&_revinclude:iterate=Patient:link
Patient?_id=nobody&_include:iterate=Patient:link
""".strip().splitlines()


@pytest.mark.parametrize("text", QUESTIONS)
async def test_includes_bring_what_they_mean_once(world: World, module_records: Records, text: str):
    there = await page(module_records, text + ("" if "_count" in text else "&_count=500"))
    brought = [(one.type, one.id) for one in there.included]
    assert sorted(brought) == sorted(meant(world, asked(text)))


async def test_an_include_belongs_to_its_page(world: World, module_records: Records):
    first = await page(module_records, "Observation?_sort=_id&_count=3&_include=Observation:patient")
    wanted = {(type_, id_) for one in first.matches for type_, id_ in links(one.resource(), search_params("Observation")["patient"])}
    assert {(one.type, one.id) for one in first.included} == wanted


async def test_an_include_shows_no_other_patient_than_may_be_seen(world: World, module_store: Store):
    ground = module_store.ground
    async with ground.pool.connection() as connection:
        number = await ground.interning.person(connection, ground.hashes.id("p-1"))
    one = module_store.records(Scope.of((number,)))
    for text in QUESTIONS:
        there = await page(one, text)
        for stored in (*there.matches, *there.included):
            if layout(stored.type).patient:
                assert await one.read(stored.type, stored.id) == stored
