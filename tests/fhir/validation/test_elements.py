"""What a resource is made of: known elements, in the right number, of the right kind."""

from __future__ import annotations

from typing import Any

import pytest

from xinglin.fhir.validation import validate

PATIENT = {"resourceType": "Patient", "name": [{"family": "张", "given": ["伟"]}], "gender": "male", "birthDate": "1980-02-29"}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "subject": {"reference": "Patient/1"},
    "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}


def faults(resource: Any) -> list[tuple[str, str]]:
    """(issue code, location) of each error."""
    return [(issue.code, issue.at[0]) for issue in validate(resource) if issue.severity == "error"]


def test_a_sound_patient_has_no_fault() -> None:
    assert faults(PATIENT) == []


def test_a_resource_without_narrative_is_warned_about_and_accepted() -> None:
    assert [(i.severity, i.code, i.at) for i in validate(PATIENT)] == [("warning", "invariant", ("Patient",))]
    assert validate(PATIENT | {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">张伟</div>'}}) == ()


def test_an_unknown_element_is_refused_where_it_is() -> None:
    assert faults(PATIENT | {"petName": "小明"}) == [("structure", "Patient")]
    assert faults(PATIENT | {"name": [{"family": "张", "middle": "x"}]}) == [("structure", "Patient.name[0]")]


def test_a_required_element_is_missed() -> None:
    missing = {k: v for k, v in OBSERVATION.items() if k not in ("status", "code")}
    assert faults(missing) == [("required", "Observation.status"), ("required", "Observation.code")]


def test_a_required_choice_is_missed() -> None:
    request = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}}
    assert faults(request) == [("required", "MedicationRequest.medication")]
    assert faults(request | {"medicationReference": {"reference": "Medication/1"}}) == []


def test_an_array_stands_where_r4_wants_one_and_nowhere_else() -> None:
    assert faults(PATIENT | {"name": {"family": "张"}}) == [("structure", "Patient.name")]
    assert faults(PATIENT | {"gender": ["male"]}) == [("structure", "Patient.gender")]
    assert faults(OBSERVATION | {"code": [OBSERVATION["code"]]}) == [("structure", "Observation.code")]


@pytest.mark.parametrize("empty", [[], {}, "", None])
def test_an_empty_value_is_refused(empty: Any) -> None:
    assert len(faults(PATIENT | {"name": empty})) == 1


def test_an_element_with_nothing_but_an_id_is_empty() -> None:
    assert faults(PATIENT | {"name": [{"id": "n1"}]}) == [("invariant", "Patient.name[0]")]


def test_only_one_of_a_choice_is_given() -> None:
    assert faults(OBSERVATION | {"valueString": "72"}) == [("structure", "Observation.value")]
    assert faults(OBSERVATION | {"_valueString": {"extension": [{"url": "urn:x", "valueCode": "y"}]}}) == [
        ("structure", "Observation.value")
    ]


def test_a_choice_is_told_by_its_type_in_the_location() -> None:
    wrong = OBSERVATION | {"valueQuantity": {"value": "72"}}
    assert faults(wrong) == [("structure", "Observation.value.ofType(Quantity).value")]


def test_a_location_leads_through_arrays() -> None:
    component = {"code": {"coding": [{"system": "http://loinc.org", "code": "a  b"}]}, "valueInteger": 1}
    broken = {k: v for k, v in OBSERVATION.items() if k != "valueQuantity"} | {"component": [component]}
    assert faults(broken) == [("value", "Observation.component[0].code.coding[0].code")]


def test_borrowed_content_is_checked_like_its_model() -> None:
    broken = OBSERVATION | {
        "component": [{"code": {"text": "x"}, "valueInteger": 1, "referenceRange": [{"low": {"comparator": "<", "value": 1}}]}]
    }
    assert faults(broken) == [("invariant", "Observation.component[0].referenceRange[0].low")]


# --- extensions of primitives ---

WHY: dict[str, Any] = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def test_a_primitive_may_be_extended_beside_itself() -> None:
    assert faults(PATIENT | {"_birthDate": WHY}) == []
    assert faults({k: v for k, v in PATIENT.items() if k != "birthDate"} | {"_birthDate": WHY}) == []


def test_an_extension_stands_in_for_a_required_primitive() -> None:
    assert faults({k: v for k, v in OBSERVATION.items() if k != "status"} | {"_status": WHY}) == []


def test_null_pads_an_array_whose_sibling_says_why() -> None:
    assert faults(PATIENT | {"name": [{"given": ["伟", None], "_given": [None, WHY]}]}) == []
    assert faults(PATIENT | {"name": [{"_given": [WHY]}]}) == []
    assert faults(PATIENT | {"name": [{"given": ["伟", None]}]}) == [("structure", "Patient.name[0].given[1]")]
    assert faults(PATIENT | {"name": [{"given": ["伟", None], "_given": [WHY, None]}]}) == [("structure", "Patient.name[0].given[1]")]


def test_a_sibling_is_checked_too() -> None:
    assert faults(PATIENT | {"_birthDate": {}}) == [("invariant", "Patient.birthDate")]
    assert faults(PATIENT | {"_birthDate": {"extension": [{"valueCode": "x"}]}}) == [("required", "Patient.birthDate.extension[0].url")]
    assert faults(PATIENT | {"_name": WHY}) == [("structure", "Patient")]
    assert faults(PATIENT | {"name": [{"given": ["a", "b"], "_given": [WHY]}]}) == [("structure", "Patient.name[0].given")]


# --- resources within resources ---


def test_contained_resources_are_checked() -> None:
    organization = {"resourceType": "Organization", "id": "o", "name": ""}
    holder = PATIENT | {"managingOrganization": {"reference": "#o"}, "contained": [organization]}
    assert faults(holder) == [("value", "Patient.contained[0].name")]
    assert faults(holder | {"contained": [organization | {"name": "卫生院"}]}) == []


def test_a_contained_resource_that_nothing_refers_to_is_refused() -> None:
    assert faults(PATIENT | {"contained": [{"resourceType": "Organization", "id": "o", "name": "卫生院"}]}) == [("invariant", "Patient")]


def test_bundle_entries_are_checked_where_they_stand() -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}, {"resource": PATIENT | {"gender": "m"}}]}
    assert faults(bundle) == [("code-invalid", "Bundle.entry[1].resource.gender")]


def test_an_unknown_resource_type_is_refused() -> None:
    for name in ("Robot", "DomainResource", "HumanName"):
        assert faults({"resourceType": name}) == [("structure", f"{name}.resourceType")]
    assert faults({}) == [("structure", "Resource.resourceType")]


# --- bindings ---


def test_a_code_is_from_its_required_value_set() -> None:
    assert faults(OBSERVATION | {"status": "done"}) == [("code-invalid", "Observation.status")]
    assert faults(OBSERVATION | {"status": 1}) == [("structure", "Observation.status")]


def test_a_concept_has_a_coding_of_its_required_value_set() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    condition: dict[str, Any] = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "code": {"text": "高血压"}}
    local = {"system": "urn:local", "code": "1"}
    assert faults(condition | {"clinicalStatus": {"coding": [local, {"system": system, "code": "active"}]}}) == []
    assert faults(condition | {"clinicalStatus": {"coding": [local]}}) == [("code-invalid", "Condition.clinicalStatus")]
    assert faults(condition | {"clinicalStatus": {"coding": [{"code": "active"}]}}) == [("code-invalid", "Condition.clinicalStatus")]
    assert faults(condition | {"clinicalStatus": {"text": "active"}}) == [("code-invalid", "Condition.clinicalStatus")]
    assert faults(condition | {"clinicalStatus": WHY}) == []


def test_an_example_binding_binds_nothing() -> None:
    assert faults(OBSERVATION | {"bodySite": {"coding": [{"system": "urn:local", "code": "left knee"}]}}) == []
