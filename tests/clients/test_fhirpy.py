"""The Python client fhirpy, synchronous: the same promises to programs without an event loop."""

from __future__ import annotations

from typing import Any

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from tests.clients.conftest import SYSTEM
from tests.served import Served

Person = dict[str, Any]


@pytest.fixture
def client(platform: Served) -> SyncFHIRClient:
    return SyncFHIRClient(platform.base, authorization=platform.bearer())


def test_a_patient_is_created_read_changed_and_deleted(client: SyncFHIRClient, a_patient: Person, number: str) -> None:
    patient = client.resource("Patient", **a_patient).save()
    found = client.resources("Patient").search(identifier=f"{SYSTEM}|{number}").get()
    assert found.id == patient.id
    found["name"][0]["family"] = "Bai"
    found.save()
    assert client.get("Patient", patient.id)["name"][0]["family"] == "Bai"
    patient.delete()
    with pytest.raises(ResourceNotFound, match="deleted"):
        client.get("Patient", patient.id)


def test_a_list_is_paged_through_to_its_end(client: SyncFHIRClient, a_patient: Person, number: str) -> None:
    for year in range(1950, 1957):
        client.resource("Patient", **a_patient | {"birthDate": f"{year}-01-01"}).save()
    same = client.resources("Patient").search(identifier=f"{SYSTEM}|{number}").sort("birthdate").limit(3)
    assert [one["birthDate"][:4] for one in same] == [str(year) for year in range(1950, 1957)]


def test_a_batch_answers_each_entry_for_itself(client: SyncFHIRClient, a_patient: Person) -> None:
    entries = [
        {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient", **a_patient}},
        {"request": {"method": "GET", "url": "Patient/nobody-has-this-id"}},
    ]
    answer = client.execute("/", data={"resourceType": "Bundle", "type": "batch", "entry": entries})
    made, missing = (entry["response"] for entry in answer["entry"])
    assert made["status"] == "201 Created"
    assert missing["status"].startswith("404")
    assert missing["outcome"]["issue"][0]["code"] == "not-found"


def test_an_unknown_parameter_is_refused_when_the_client_is_strict(platform: Served, client: SyncFHIRClient) -> None:
    strict = SyncFHIRClient(platform.base, authorization=platform.bearer(), extra_headers={"Prefer": "handling=strict"})
    with pytest.raises(OperationOutcome, match="shoe-size"):
        strict.resources("Patient").search(shoe_size="44").fetch()
    lenient = client.resources("Patient").search(shoe_size="44").limit(1).fetch_raw()
    assert any(entry["search"]["mode"] == "outcome" for entry in lenient["entry"])


def test_an_operation_is_called_on_a_patient(client: SyncFHIRClient, a_patient: Person) -> None:
    patient = client.resource("Patient", **a_patient).save()
    everything = patient.execute("$everything", method="get")
    assert [entry["resource"]["id"] for entry in everything["entry"]] == [patient.id]
