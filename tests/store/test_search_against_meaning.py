"""What the store finds is what the meaning of the search says, resource by resource: the SQL against the pure matcher."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.store.questions import questions
from xinglin.engines.synthesis import county
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.match import matches
from xinglin.fhir.search.model import Search
from xinglin.store import Records, Store, Update

ADDED: list[Resource] = [
    {"resourceType": "Encounter", "id": "still-here", "status": "in-progress", "class": {"code": "IMP"}, "period": {"start": "2019-03-01"},
     "subject": {"reference": "Patient/not-a-uuid"}},
    {"resourceType": "Patient", "id": "not-a-uuid", "name": [{"family": "Müller", "given": ["Zoë", "Ann"]}], "birthDate": "1950",
     "telecom": [{"system": "phone", "value": "555-1"}, {"system": "email", "value": "555-1"}], "active": True},
    {"resourceType": "Observation", "id": "height", "status": "final",
     "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}, {"code": "hgt"}]},
     "subject": {"reference": "Patient/not-a-uuid"}, "effectivePeriod": {"start": "2020-01-01", "end": "2020-06-30"},
     "valueQuantity": {"value": 171.5, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}},
    {"resourceType": "Observation", "id": "blurred", "status": "preliminary", "code": {"text": "only words"},
     "effectiveDateTime": "2021-05", "valueQuantity": {"value": 5.0, "comparator": "<", "unit": "mg"},
     "subject": {"identifier": {"system": "urn:x", "value": "7"}}},
    {"resourceType": "MedicationRequest", "id": "timed", "status": "active", "intent": "order",
     "subject": {"reference": "Patient/not-a-uuid"}, "medicationCodeableConcept": {"coding": [{"system": "urn:drug", "code": "a|b,c"}]},
     "dosageInstruction": [{"timing": {"event": ["2020-01-01", "2020-03-01T08:00:00Z", "2022"]}}]},
    {"resourceType": "Appointment", "id": "two-patients", "status": "booked", "start": "2022-01-01T08:00:00Z", "participant": [
        {"status": "accepted", "actor": {"reference": "Patient/not-a-uuid"}},
        {"status": "accepted", "actor": {"reference": "Patient/other"}}]},
    {"resourceType": "RiskAssessment", "id": "risky", "status": "final", "subject": {"reference": "Patient/not-a-uuid"}, "prediction": [
        {"probabilityDecimal": 0.25}, {"probabilityDecimal": 0.75}]},
    {"resourceType": "ValueSet", "id": "vs", "status": "draft", "url": "http://example.org/vs/one|2", "version": "1.0", "name": "One"},
]  # fmt: skip


@pytest.fixture(scope="module")
async def filled(module_store: Store, module_records: Records) -> dict[str, list[Resource]]:
    """A small county and some awkward resources, stored; by type as they were read back."""
    made = list(county(3, 40, today=date(2026, 11, 1)))
    chance = random.Random(5)
    kept = [
        one
        for one in made
        if one["resourceType"] not in ("Observation", "Encounter", "MedicationRequest", "Immunization") or chance.random() < 0.35
    ]
    stored: dict[str, list[Resource]] = {}
    for start in range(0, len(kept), 400):
        outcomes = await module_records.write([Update(one, one["id"]) for one in kept[start : start + 400]])
        for outcome in outcomes:
            assert outcome.stored is not None
            stored.setdefault(outcome.stored.type, []).append(outcome.stored.resource())
    for outcome in await module_records.write([Update(one, one["id"]) for one in ADDED]):
        assert outcome.stored is not None
        stored.setdefault(outcome.stored.type, []).append(outcome.stored.resource())
    return stored


async def found(records: Records, search: Search) -> list[str]:
    """All pages of a search."""
    ids: list[str] = []
    cursor = None
    while True:
        page = await records.search(replace(search, count=100, cursor=cursor))
        ids += [stored.id for stored in page.matches]
        cursor = page.next
        if cursor is None:
            return ids


async def test_every_parameter_finds_what_it_means(filled: dict[str, list[Resource]], module_records: Records) -> None:
    everything = [resource for resources in filled.values() for resource in resources]
    wrong: list[str] = []
    asked = 0
    for type_, name, operand in questions(everything, random.Random(1)):
        search = read_search(type_, [(name, operand)], strict=True)
        meant = sorted(one["id"] for one in filled[type_] if matches(search.where, one))
        there = await found(module_records, search)
        asked += 1
        if sorted(there) != meant:
            wrong.append(f"{type_}?{name}={operand}: {len(there)} found, {len(meant)} meant; {sorted(set(there) ^ set(meant))[:3]}")
    assert asked > 1500
    assert not wrong, f"{len(wrong)} of {asked}\n" + "\n".join(wrong[:40])


async def test_a_component_is_found_by_code_and_quantity_of_any_size_and_sign(store: Store, records: Records) -> None:
    values = ["0", "0.004", "1", "9.99", "10", "11.9", "12", "99", "100", "114", "119.999", "120", "1e6", "-5", "-0.3", "-120"]
    stored: list[Resource] = []
    for number, value in enumerate(values):
        component = {"code": {"coding": [{"system": "urn:c", "code": "x"}]}, "valueQuantity": {"value": Decimal(value), "unit": "u"}}
        one = {"resourceType": "Observation", "id": f"o{number}", "status": "final", "code": {"text": "panel"}, "component": [component]}
        outcome = (await records.write([Update(one, one["id"])]))[0]
        assert outcome.stored is not None
        stored.append(outcome.stored.resource())
    for prefix in ("", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"):
        for value in (*values, "13", "-1", "115"):
            for code in ("x", "urn:c|x", "|x", "y"):
                search = read_search("Observation", [("component-code-value-quantity", f"{code}${prefix}{value}")], strict=True)
                assert sorted(await found(records, search)) == sorted(one["id"] for one in stored if matches(search.where, one)), (
                    code,
                    prefix,
                    value,
                )
