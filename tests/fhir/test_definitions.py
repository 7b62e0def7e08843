"""The tables say what R4 4.0.1 says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xinglin.fhir import definitions
from xinglin.fhir.definitions import (
    RESOURCE_TYPES,
    code_system,
    compartment,
    compartment_names,
    element_of,
    invariants,
    is_a,
    search_params,
    type_table,
    type_tables,
    value_set,
)


def test_r4_has_146_concrete_resource_types() -> None:
    assert len(RESOURCE_TYPES) == 146
    assert {"Patient", "Observation", "Parameters", "MedicinalProduct"} < set(RESOURCE_TYPES)
    assert not {"Resource", "DomainResource", "MetadataResource", "SubscriptionStatus"} & set(RESOURCE_TYPES)


def test_an_observation_has_its_own_elements_after_the_inherited_ones() -> None:
    table = type_table("Observation")
    assert table is not None
    names = [element.name for element in table.elements]
    assert names[:8] == ["id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"]
    assert names[8:12] == ["identifier", "basedOn", "partOf", "status"]


def test_the_status_of_an_observation_is_required_and_bound() -> None:
    found = element_of("Observation", "status")
    assert found is not None
    element, kind = found
    assert (kind, element.min, element.many, element.strength) == ("code", 1, False, "required")
    assert value_set(element.value_set) == (
        (
            "http://hl7.org/fhir/observation-status",
            frozenset(("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown")),
        ),
    )


def test_a_key_of_a_choice_tells_its_type() -> None:
    found = element_of("Observation", "valueQuantity")
    assert found is not None
    assert (found[0].name, found[0].choice, found[1]) == ("value", True, "Quantity")
    assert element_of("Dosage.doseAndRate", "doseQuantity") is not None
    assert element_of("Observation", "valueMoney") is None
    assert element_of("Nothing", "at") is None


def test_backbones_and_borrowed_content_are_types_of_their_own() -> None:
    component = type_table("Observation.component")
    assert component is not None
    assert component.kind == "backbone"
    borrowed = element_of("Observation.component", "referenceRange")
    assert borrowed is not None
    assert borrowed[1] == "Observation.referenceRange"


def test_types_specialise_each_other() -> None:
    assert is_a("Age", "Quantity")
    assert is_a("Patient", "DomainResource")
    assert not is_a("Bundle", "DomainResource")
    assert is_a("Observation.component", "BackboneElement")
    assert not is_a("nothing", "Element")


def test_nothing_that_is_not_r4_came_with_the_definitions() -> None:
    meta = type_table("Meta")
    assert meta is not None
    assert [e.name for e in meta.elements] == ["id", "extension", "versionId", "lastUpdated", "source", "profile", "security", "tag"]
    assert all("medplum" not in name.lower() for name in type_tables())


def test_every_type_an_element_names_is_there() -> None:
    tables = type_tables()
    missing = {kind for table in tables.values() for e in table.elements for kind in e.types or (e.content,) if kind not in tables}
    assert missing == set()


def test_invariants_are_found_from_their_elements() -> None:
    table = type_table("Observation")
    assert table is not None
    assert {"obs-6", "obs-7", "dom-2", "dom-6"} <= {rule.key for rule in table.invariants}
    assert len(invariants()) > 230


def test_search_parameters_are_cut_down_to_the_type() -> None:
    assert search_params("Observation")["date"].expression == "Observation.effective"
    assert search_params("Patient")["_id"].expression == "Patient.id"
    assert search_params("InsurancePlan")["name"].expression == "InsurancePlan.name | InsurancePlan.alias"
    assert search_params("Robot") == {}


def test_a_patient_parameter_leads_to_patients_only() -> None:
    assert search_params("Observation")["patient"].targets == ("Patient",)
    assert search_params("Observation")["subject"].targets == ("Device", "Group", "Location", "Patient")
    assert len(search_params("Provenance")["target"].targets) == 146


def test_a_composite_knows_its_components() -> None:
    composite = search_params("Observation")["code-value-quantity"]
    assert composite.expression == "Observation"
    assert [(param.name, at) for param, at in composite.components] == [("code", "code"), ("value-quantity", "value.as(Quantity)")]


def test_common_parameters_stand_on_every_type() -> None:
    common = {"_id", "_lastUpdated", "_profile", "_security", "_source", "_tag", "_content"}
    assert all(common <= set(search_params(type)) for type in RESOURCE_TYPES)
    assert "_text" in search_params("Patient")
    assert "_text" not in search_params("Binary")


def test_every_parameter_has_an_expression_but_the_two_of_text() -> None:
    published = [p for type in RESOURCE_TYPES for p in search_params(type).values() if p.url.startswith("http://hl7.org/fhir/")]
    without = {p.name for p in published if not p.expression}
    assert len(published) > 2800
    assert without == {"_text", "_content"}


def test_r4_has_five_compartments() -> None:
    assert sorted(compartment_names()) == ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"]
    assert compartment("Patient")["Observation"] == ("subject", "performer")
    assert compartment("Encounter")["Encounter"] == ()
    assert "Medication" not in compartment("Patient")
    assert compartment("Location") == {}


@pytest.mark.parametrize("name", ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"])
def test_every_compartment_member_is_reached_by_a_parameter_of_its_type(name: str) -> None:
    assert {(type, p) for type, names in compartment(name).items() for p in names if p not in search_params(type)} == set()


def test_a_hierarchical_code_system_knows_what_is_above_a_code() -> None:
    found = code_system("http://terminology.hl7.org/CodeSystem/v3-ActCode")
    assert found is not None
    assert found[1]["AMB"].parent == "_ActEncounterCode"
    assert found[1]["AMB"].display == "ambulatory"
    assert code_system("http://snomed.info/sct") is None


def test_what_cannot_be_enumerated_is_not_a_value_set_here() -> None:
    for url in ("mimetypes", "currencies", "ucum-units", "all-languages"):
        assert value_set(f"http://hl7.org/fhir/ValueSet/{url}") is None


def test_tables_open_fast_enough_for_a_command_line() -> None:
    timed = "import time; t = time.perf_counter(); import xinglin.fhir.definitions as d; d.type_tables(); print(time.perf_counter() - t)"
    seconds = min(float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout) for _ in range(3))
    assert seconds < 0.5
    assert definitions.RESOURCE_TYPES
