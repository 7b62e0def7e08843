"""How sensitive a resource is, by its label and by what it says, wherever in it that stands."""

from __future__ import annotations

from typing import Any

import pytest

from xinglin.fhir.sensitivity import level_of

ICD, LOINC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org"
HIV = {"coding": [{"system": ICD, "code": "B20.9"}]}
FLU = {"coding": [{"system": ICD, "code": "J11.1"}]}
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def labelled(system: str, code: str) -> dict[str, Any]:
    return {"security": [{"system": system, "code": code}]}


def test_what_is_in_a_record_is_level_four_at_least_and_what_is_institutions_level_one() -> None:
    assert level_of({"resourceType": "Observation"}) == 4
    assert level_of({"resourceType": "Task"}) == level_of({"resourceType": "Device"}) == 4
    assert level_of({"resourceType": "Organization"}) == 1


@pytest.mark.parametrize(("code", "level"), [("U", 4), ("L", 4), ("M", 4), ("N", 4), ("R", 5), ("V", 5), ("?", 4)])
def test_a_label_raises_and_never_lowers(code: str, level: int) -> None:
    assert level_of({"resourceType": "Observation", "meta": labelled(CONFIDENTIALITY, code)}) == level


@pytest.mark.parametrize("level", range(1, 6))
def test_an_institutions_page_is_as_sensitive_as_it_is_labelled(level: int) -> None:
    assert level_of({"resourceType": "Organization", "meta": labelled("urn:xinglin:sensitivity", str(level))}) == level


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Condition", "code": HIV},
        {"resourceType": "Encounter", "reasonCode": [FLU, HIV]},
        {"resourceType": "MedicationRequest", "reasonCode": [HIV]},
        {"resourceType": "Claim", "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": HIV}]},
        {"resourceType": "QuestionnaireResponse", "item": [{"linkId": "1", "item": [{"answer": [{"valueCoding": HIV["coding"][0]}]}]}]},
        {"resourceType": "Observation", "contained": [{"resourceType": "Condition", "code": HIV}]},
        {"resourceType": "Observation", "contained": [{"resourceType": "Basic", "meta": labelled(CONFIDENTIALITY, "R")}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Condition", "code": HIV}}]},
        {"resourceType": "Parameters", "parameter": [{"resource": {"resourceType": "Condition", "code": HIV}}]},
        {"resourceType": "Task", "code": HIV},
        {"resourceType": "Task", "input": [{"type": FLU, "valueCodeableConcept": HIV}]},
        {"resourceType": "Observation", "extension": [{"url": "urn:x", "valueCodeableConcept": HIV}]},
        {"resourceType": "Observation", "component": [{"code": {"coding": [{"system": LOINC, "code": "56888-1"}]}}]},
        {"resourceType": "Observation", "meta": labelled("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PSY")},
    ],
    ids=lambda one: one["resourceType"],
)  # fmt: skip
def test_a_grave_code_counts_wherever_it_stands(resource: dict[str, Any]) -> None:
    assert level_of(resource) == 5
    assert level_of({"resourceType": resource["resourceType"]}) < 5


@pytest.mark.parametrize("code", ["F20.0", "F32", "A53.9", "B24", "Z21", "O04.9", "X70", "T74.1", "f20"])
def test_the_grave_diseases_are_known_by_their_codes(code: str) -> None:
    for system in (ICD, "http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.3"):
        assert level_of({"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}) == 5


@pytest.mark.parametrize(("system", "code"), [(ICD, "J11.1"), (ICD, "I10"), (LOINC, "8480-6"), ("urn:other", "B20")])
def test_other_codes_are_as_any_of_a_record(system: str, code: str) -> None:
    assert level_of({"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}) == 4


def test_knowledge_of_a_grave_disease_is_no_secret() -> None:
    """The page of a medicine, a plan of care: they say of nobody that they have it."""
    arv = {"coding": [{"system": "http://www.whocc.no/atc", "code": "J05AF01"}]}
    assert level_of({"resourceType": "Medication", "code": arv}) == 1
    assert level_of({"resourceType": "MedicationRequest", "medicationCodeableConcept": arv}) == 5
    assert level_of({"resourceType": "PlanDefinition", "topic": [HIV]}) == 1


def test_what_is_no_coding_does_not_break_it() -> None:
    assert level_of({"resourceType": "Observation", "code": None, "x": [{"code": 1, "system": ["y"]}, [[]], "F20"]}) == 4
