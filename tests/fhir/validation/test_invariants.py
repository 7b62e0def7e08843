"""Invariants of R4: the native ones, those by their boolean skeleton, and those by FHIRPath, all say what the standard says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from xinglin.fhir.definitions import Invariant, choice_key, invariants, type_table, type_tables
from xinglin.fhir.fhirpath import holds
from xinglin.fhir.validation import validate
from xinglin.fhir.validation.findings import Scope
from xinglin.fhir.validation.invariants import rule_of
from xinglin.fhir.validation.native import NATIVE

UCUM = "http://unitsofmeasure.org"


def broken(resource: Any) -> list[str]:
    """Keys of the broken invariants, with their places."""
    found = [i for i in validate(resource) if i.severity == "error" and i.code == "invariant"]
    return [f"{i.text.partition(':')[0]} {i.at[0]}" for i in found]


def extended(**value: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "extension": [{"url": "urn:x", **value}]}


@pytest.mark.parametrize(
    ("start", "end", "sound"),
    [
        ("2021-01-01", "2021-01-01", True),
        ("2021-01-02", "2021-01-01", False),
        ("2021", "2021-01-01", True),
        ("2021-02", "2021-01-31", False),
        ("2021-01-01T10:00:00+08:00", "2021-01-01T03:00:00Z", True),
        ("2021-01-01T12:00:00+08:00", "2021-01-01T03:00:00Z", False),
        ("2021-01-01T12:00:00Z", "2021-01-01T11:59:59Z", False),
    ],
)
def test_a_period_does_not_end_before_it_starts(start: str, end: str, sound: bool) -> None:
    assert broken(extended(valuePeriod={"start": start, "end": end})) == (
        [] if sound else ["per-1 Patient.extension[0].value.ofType(Period)"]
    )


def test_a_range_is_low_before_high_in_one_unit() -> None:
    def between(low: int, high: int, unit: str = "kg") -> list[str]:
        return broken(extended(valueRange={"low": {"value": low, "unit": "kg"}, "high": {"value": high, "unit": unit}}))

    assert between(1, 2) == []
    assert between(2, 1) == ["rng-2 Patient.extension[0].value.ofType(Range)"]
    assert between(2, 1, "t") == []


def test_a_quantity_with_a_code_says_of_which_system() -> None:
    assert broken(extended(valueQuantity={"value": 1, "code": "kg"})) == ["qty-3 Patient.extension[0].value.ofType(Quantity)"]
    assert broken(extended(valueQuantity={"value": 1, "code": "kg", "system": UCUM})) == []


def test_an_age_is_more_than_nothing_and_in_ucum() -> None:
    assert broken(extended(valueAge={"value": 5, "code": "a", "system": UCUM})) == []
    assert broken(extended(valueAge={"value": 0, "code": "a", "system": UCUM})) == ["age-1 Patient.extension[0].value.ofType(Age)"]
    assert broken(extended(valueAge={"value": 5})) == ["age-1 Patient.extension[0].value.ofType(Age)"]


def test_a_count_is_whole() -> None:
    assert broken(extended(valueCount={"value": 3, "code": "1", "system": UCUM})) == []
    assert broken(extended(valueCount={"value": Decimal("3.5"), "code": "1", "system": UCUM})) == [
        "cnt-3 Patient.extension[0].value.ofType(Count)"
    ]


def test_an_extension_has_a_value_or_extensions() -> None:
    inner = [{"url": "a", "valueCode": "b"}]
    assert broken(extended(valueCode="a")) == []
    assert broken(extended(extension=inner)) == []
    assert broken(extended()) == ["ext-1 Patient.extension[0]"]
    assert broken(extended(valueCode="a", extension=inner)) == ["ext-1 Patient.extension[0]"]


def test_a_contact_point_with_a_value_names_its_system() -> None:
    assert broken({"resourceType": "Patient", "telecom": [{"value": "13800000000"}]}) == ["cpt-2 Patient.telecom[0]"]


def test_a_patients_contact_is_someone() -> None:
    assert broken({"resourceType": "Patient", "contact": [{"gender": "male"}]}) == ["pat-1 Patient.contact[0]"]


def test_an_organization_is_never_at_home() -> None:
    assert broken({"resourceType": "Organization", "name": "卫生院", "telecom": [{"system": "phone", "value": "1", "use": "home"}]}) == [
        "org-3 Organization.telecom[0]"
    ]
    assert broken({"resourceType": "Organization", "active": True}) == ["org-1 Organization"]


OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:x", "code": "1"}]}}


def test_an_observation_with_a_value_says_not_why_it_has_none() -> None:
    absent = {"text": "unknown"}
    assert broken(OBSERVATION | {"valueString": "a", "dataAbsentReason": absent}) == ["obs-6 Observation"]
    assert broken(OBSERVATION | {"dataAbsentReason": absent}) == []


def test_a_component_does_not_repeat_the_observation() -> None:
    component = [{"code": OBSERVATION["code"], "valueInteger": 1}]
    assert broken(OBSERVATION | {"valueInteger": 2, "component": component}) == ["obs-7 Observation"]
    assert broken(OBSERVATION | {"component": component}) == []


def test_a_condition_that_is_over_is_resolved() -> None:
    def condition(status: str) -> dict[str, Any]:
        coding = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": status}
        return {
            "resourceType": "Condition",
            "subject": {"reference": "Patient/1"},
            "abatementString": "2020",
            "clinicalStatus": {"coding": [coding]},
        }

    assert broken(condition("resolved")) == []
    assert broken(condition("active")) == ["con-4 Condition"]


def test_contained_resources_have_no_version_security_or_contents() -> None:
    def holding(**inner: Any) -> list[str]:
        contained = {"resourceType": "Organization", "id": "o", "name": "x", **inner}
        return broken({"resourceType": "Patient", "managingOrganization": {"reference": "#o"}, "contained": [contained]})

    assert holding() == []
    assert holding(meta={"versionId": "1"}) == ["dom-4 Patient"]
    assert holding(meta={"security": [{"code": "R"}]}) == ["dom-5 Patient"]
    why = {
        "resourceType": "Provenance",
        "target": [{"reference": "#"}],
        "recorded": "2021-01-01T00:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    assert holding(contained=[why]) == ["dom-2 Patient"]


def test_a_transaction_says_what_to_do_with_each_entry() -> None:
    entry = {"resource": {"resourceType": "Patient", "active": True}}
    request = {"request": {"method": "POST", "url": "Patient"}}
    assert broken({"resourceType": "Bundle", "type": "transaction", "entry": [entry | request]}) == []
    assert broken({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}) == ["bdl-3 Bundle"]
    assert broken({"resourceType": "Bundle", "type": "collection", "entry": [entry | request]}) == ["bdl-3 Bundle"]


def test_a_document_begins_with_its_composition() -> None:
    document = {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:x", "value": "1"},
        "timestamp": "2021-01-01T00:00:00Z",
        "entry": [{"resource": {"resourceType": "Patient", "active": True}}],
    }
    assert broken(document) == ["bdl-11 Bundle"]
    assert "bdl-10 Bundle" in broken({k: v for k, v in document.items() if k != "timestamp"})


def test_question_ids_are_unique_at_all_depths() -> None:
    item = {"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "string"}]}
    assert broken({"resourceType": "Questionnaire", "status": "draft", "item": [item]}) == []
    twice = item | {"item": [{"linkId": "1", "type": "string"}]}
    assert broken({"resourceType": "Questionnaire", "status": "draft", "item": [twice]}) == ["que-2 Questionnaire"]


def test_a_timing_with_a_duration_has_its_unit() -> None:
    assert broken(extended(valueTiming={"repeat": {"duration": 1}})) == ["tim-1 Patient.extension[0].value.ofType(Timing).repeat"]
    assert broken(extended(valueTiming={"repeat": {"duration": -1, "durationUnit": "h"}})) == [
        "tim-4 Patient.extension[0].value.ofType(Timing).repeat"
    ]


def test_a_warning_does_not_refuse() -> None:
    found = validate({"resourceType": "CodeSystem", "status": "draft", "content": "complete", "name": "not a name"})
    assert [(i.severity, i.text.partition(":")[0]) for i in found] == [("warning", "dom-6"), ("warning", "csd-0")]


def test_invariants_can_be_left_out() -> None:
    assert validate({"resourceType": "Organization", "active": True}, invariants=False) == ()


# --- the short cuts agree with the expression engine ---

VALUES: dict[str, Any] = {"code": "a", "string": "b", "boolean": True, "integer": 1, "decimal": Decimal(1), "uri": "urn:x"}


def objects(at: str) -> list[dict[str, Any]]:
    """Small objects of a type: nothing; each element alone; each two elements together."""
    table = type_table(at)
    assert table is not None
    parts: list[dict[str, Any]] = []
    for element in table.elements[:24]:
        for kind in element.types[:2]:
            value = VALUES.get(kind, {"id": "x"} if kind[0].isupper() else "2020")
            parts.append({choice_key(element.name, kind) if element.choice else element.name: [value] if element.many else value})
    return [{}, *parts, *({**a, **b} for i, a in enumerate(parts) for b in parts[:i])]


SHORT_CUTS = [
    (name, rule) for name, table in type_tables().items() if table.kind != "primitive" for rule in table.invariants
    if rule.key not in NATIVE and not rule.key.startswith(("dom-", "txt-", "ref-", "sdf-")) and rule.key != "ctm-1"
]  # fmt: skip


@pytest.mark.parametrize(("at", "rule"), SHORT_CUTS, ids=[f"{at} {rule.key}" for at, rule in SHORT_CUTS])
def test_the_skeleton_agrees_with_fhirpath(at: str, rule: Invariant) -> None:
    asked = rule_of(at, rule)
    resource = {"resourceType": "Basic"}
    differing = []
    for value in objects(at)[:150]:
        whole = {"resourceType": at, **value} if type_tables()[at].kind == "resource" else value
        around = whole if "resourceType" in whole else resource
        by_rule = asked(whole, Scope(around)) is None
        if by_rule != holds(whole, rule.expression, type=at, resource=around):
            differing.append(value)
    assert differing == []


def test_every_invariant_is_one_of_the_known_severities() -> None:
    assert {rule.severity for rule in invariants()} == {"error", "warning"}
