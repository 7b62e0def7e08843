"""The SMART project's Python client, whose models refuse whatever R4 does not allow: so what we answer is R4."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.fhirsearch import FHIRSearch
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRPermissionDeniedException, FHIRServer, FHIRUnauthorizedException

from tests.clients.conftest import SYSTEM
from tests.served import Served

Person = dict[str, Any]


def server_for(platform: Served, role: str = "system") -> FHIRServer:
    """A client that has been through its authorization and holds a token."""
    authorized = {"app_id": "tests", "access_token": platform.token(role)}
    client = FHIRClient(
        state={"app_id": "tests", "server": {"base_uri": f"{platform.base}/", "auth_type": "oauth2", "auth": authorized}}
    )
    return client.server


@pytest.fixture
def server(platform: Served) -> FHIRServer:
    return server_for(platform)


def a_reading(patient: str, value: int) -> Observation:
    return Observation(
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "subject": {"reference": patient},
            "effectiveDateTime": "2024-05-01T08:00:00+08:00",
            "valueQuantity": {"value": value, "unit": "mmHg"},
        }
    )


def made(answer: dict[str, Any] | None) -> str:
    assert answer is not None
    return answer["id"]


def test_the_statement_of_what_we_can_is_itself_valid(platform: Served) -> None:
    client = FHIRClient(settings={"app_id": "tests", "api_base": platform.base, "redirect_uri": "https://app.example/back"})
    assert not client.prepare(), "the statement tells it that it must be authorized first"
    assert client.authorize_url.startswith(platform.base.removesuffix("/fhir") + "/oauth/authorize?")
    statement = client.server.capabilityStatement
    assert isinstance(statement, CapabilityStatement)
    assert statement.fhirVersion == "4.0.1"
    interactions = {one.code for resource in statement.rest[0].resource if resource.type == "Patient" for one in resource.interaction}
    assert interactions >= {"create", "read", "vread", "update", "patch", "delete", "history-instance", "search-type"}


def test_a_patient_is_created_read_changed_and_deleted(server: FHIRServer, a_patient: Person) -> None:
    id_ = made(Patient(a_patient).create(server))
    patient = Patient.read(id_, server)
    assert patient.name[0].family == "Lin"
    assert patient.birthDate.isostring == "1958-03-09"
    patient.gender = "male"
    patient.update(server)
    assert Patient.read(id_, server).meta.versionId == "2"
    assert Patient.read_from(f"Patient/{id_}/_history/1", server).gender == "female"

    assert Patient.read(id_, server).delete(server) is None
    with pytest.raises(requests.HTTPError) as gone:
        Patient.read(id_, server)
    assert gone.value.response.status_code == 410
    assert gone.value.response.json()["resourceType"] == "OperationOutcome"


def test_a_search_is_paged_through_as_models(server: FHIRServer, a_patient: Person, number: str) -> None:
    ids = {made(Patient(a_patient).create(server)) for _ in range(7)}
    search = Patient.where({"identifier": f"{SYSTEM}|{number}", "_count": "2"})
    pages = list(search.perform_iter(server))
    assert [len(page.entry) for page in pages] == [2, 2, 2, 1]
    assert {entry.resource.id for page in pages for entry in page.entry} == ids
    assert all(isinstance(one, Patient) for one in search.perform_resources_iter(server))


def test_a_search_brings_the_patient_with_the_result(server: FHIRServer, a_patient: Person) -> None:
    patient = made(Patient(a_patient).create(server))
    made(a_reading(f"Patient/{patient}", 150).create(server))
    found = list(FHIRSearch(Observation, {"patient": patient}).include("subject").perform_resources_iter(server))
    assert [type(one) for one in found] == [Observation, Patient]
    high = list(Observation.where({"subject": f"Patient/{patient}", "value-quantity": "gt140"}).perform_resources_iter(server))
    assert len(high) == 1
    assert high[0].subject.resolved(Patient).id == patient


def test_a_transaction_is_answered_with_a_valid_bundle(server: FHIRServer, a_patient: Person) -> None:
    link = "urn:uuid:8f1d0d4e-9a5c-4e0e-9e1a-0d5f6b7c8d9e"
    entries = [
        {"fullUrl": link, "resource": {"resourceType": "Patient", **a_patient}, "request": {"method": "POST", "url": "Patient"}},
        {"resource": a_reading(link, 130).as_json(), "request": {"method": "POST", "url": "Observation"}},
    ]
    asked = Bundle({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    answer = Bundle(server.post_json("", asked.as_json()).json())
    assert [entry.response.status for entry in answer.entry] == ["201 Created", "201 Created"]
    where = answer.entry[1].response.location
    reading = Observation.read_from(where, server)
    assert reading.subject.resolved(Patient).identifier[0].value == a_patient["identifier"][0]["value"]


def test_what_the_models_cannot_refuse_the_platform_does(server: FHIRServer, a_patient: Person) -> None:
    patient = Patient(a_patient)
    patient.gender = "alien"
    with pytest.raises(requests.HTTPError) as refused:
        patient.create(server)
    assert refused.value.response.status_code == 422
    assert refused.value.response.json()["issue"][0]["expression"] == ["Patient.gender"]


def test_who_may_not_is_told_so_in_the_clients_own_words(platform: Served, server: FHIRServer, a_patient: Person) -> None:
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody-has-this-id", server)
    with pytest.raises(FHIRPermissionDeniedException):
        Patient(a_patient).create(server_for(platform, "reader"))
    with pytest.raises(FHIRUnauthorizedException):
        Patient.read("1", FHIRServer(None, platform.base))
