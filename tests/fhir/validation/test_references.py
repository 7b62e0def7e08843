"""Where references may lead."""

from __future__ import annotations

from typing import Any

import pytest

from xinglin.fhir.validation import validate


def faults(subject: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "脉搏"}, "subject": subject, **more}
    return [(issue.code, issue.at[0]) for issue in validate(observation) if issue.severity == "error"]


@pytest.mark.parametrize(
    "link",
    [
        "Patient/1",
        "Patient/1/_history/2",
        "https://other.example/fhir/Patient/a.b-c",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "urn:oid:1.2.3",
        "Patient?identifier=urn:x|1",
        "https://other.example/people/zhang-wei",
    ],
)
def test_a_reference_leads_to_an_allowed_type_or_to_what_cannot_be_told(link: str) -> None:
    assert faults({"reference": link}) == []


@pytest.mark.parametrize(
    "link", ["Encounter/1", "https://other.example/fhir/Encounter/1", "Encounter/1/_history/1", "Encounter?identifier=1"]
)
def test_a_reference_to_another_type_is_refused(link: str) -> None:
    assert faults({"reference": link}) == [("value", "Observation.subject.reference")]


@pytest.mark.parametrize("link", ["Robot/1", "Robot?name=x"])
def test_a_reference_names_a_type_of_r4(link: str) -> None:
    assert faults({"reference": link}) == [("value", "Observation.subject.reference")]


def test_the_said_type_counts_too() -> None:
    assert faults({"type": "Patient", "identifier": {"value": "1"}}) == []
    assert faults({"type": "Encounter", "identifier": {"value": "1"}}) == [("value", "Observation.subject.type")]
    assert faults({"reference": "Patient/1", "type": "Encounter"}) == [("value", "Observation.subject.type")]


def test_a_display_alone_is_a_reference() -> None:
    assert faults({"display": "张伟"}) == []


def test_a_reference_within_the_resource_finds_what_is_contained() -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "male"}
    location = {"resourceType": "Organization", "id": "p", "name": "x"}
    assert faults({"reference": "#p"}, contained=[patient]) == []
    assert ("invariant", "Observation.subject") in faults({"reference": "#q"}, contained=[patient])
    assert faults({"reference": "#p"}, contained=[location]) == [("value", "Observation.subject.reference")]
    assert faults({"reference": "#p"}) == [("invariant", "Observation.subject")]


def test_a_contained_resource_refers_back_to_the_one_around_it() -> None:
    provenance = {
        "resourceType": "Provenance",
        "id": "p",
        "target": [{"reference": "#"}],
        "recorded": "2021-01-01T00:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    assert faults({"reference": "Patient/1"}, contained=[provenance]) == []
    assert faults({"reference": "#"}) == [("invariant", "Observation.subject")]


def test_each_entry_of_a_bundle_is_a_root_of_its_own() -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "male"}
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "脉搏"}, "subject": {"reference": "#p"}}
    entries = [{"resource": observation | {"contained": [patient]}}, {"resource": observation}]
    found = validate({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert [i.at[0] for i in found if i.severity == "error"] == ["Bundle.entry[1].resource.subject"]
