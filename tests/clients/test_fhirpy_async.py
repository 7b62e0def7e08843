"""The Python client fhirpy, asynchronous: everything it offers, against the running platform."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, ForbiddenError, MultipleResourcesFound, OperationOutcome, ResourceNotFound

from tests.clients.conftest import SYSTEM
from tests.served import Served

Person = dict[str, Any]


@pytest.fixture
def client(platform: Served) -> AsyncFHIRClient:
    return AsyncFHIRClient(platform.base, authorization=platform.bearer())


def reading(patient: str, value: int, day: int) -> Person:
    return {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "subject": {"reference": patient},
        "effectiveDateTime": f"2024-05-{day:02}T08:00:00+08:00",
        "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }


async def test_a_patient_is_created_read_changed_and_deleted(client: AsyncFHIRClient, a_patient: Person) -> None:
    patient = client.resource("Patient", **a_patient)
    await patient.save()
    assert patient.id
    assert patient["meta"]["versionId"] == "1"

    patient["gender"] = "other"
    await patient.save()
    again = await client.reference("Patient", patient.id).to_resource()
    assert again["gender"] == "other"
    assert again["meta"]["versionId"] == "2"
    first = await client.execute(f"Patient/{patient.id}/_history/1", method="get")
    assert first["gender"] == "female"

    await patient.delete()
    with pytest.raises(ResourceNotFound) as gone:
        await client.get("Patient", patient.id)
    assert json.loads(str(gone.value))["issue"][0]["code"] == "deleted"


async def test_an_id_of_the_clients_own_choice_is_kept(client: AsyncFHIRClient, a_patient: Person, number: str) -> None:
    patient = client.resource("Patient", id=number, **a_patient)
    await patient.save()
    assert patient.id == number
    assert (await client.get("Patient", number))["meta"]["versionId"] == "1"


async def test_an_unchanged_record_is_not_sent_again(client: AsyncFHIRClient, a_patient: Person) -> None:
    patient = await client.resource("Patient", **a_patient).save()
    other = await client.resources("Patient").search(_id=patient.id).get()
    await patient.refresh()
    assert patient["meta"]["versionId"] == "1"
    other["gender"] = "unknown"
    await other.save()
    await patient.refresh()
    assert (patient["gender"], patient["meta"]["versionId"]) == ("unknown", "2")


async def test_a_patch_changes_only_what_it_names(client: AsyncFHIRClient, a_patient: Person) -> None:
    patient = await client.resource("Patient", **a_patient, active=True).save()
    await patient.patch(gender="male", active=None)
    stored = await client.get("Patient", patient.id)
    assert stored["gender"] == "male"
    assert "active" not in stored
    assert stored["birthDate"] == a_patient["birthDate"]
    assert stored["meta"]["versionId"] == "2"


async def test_a_json_patch_is_made_under_its_own_media_type(platform: Served, client: AsyncFHIRClient, a_patient: Person) -> None:
    patient = await client.resource("Patient", **a_patient).save()
    patching = AsyncFHIRClient(
        platform.base, authorization=platform.bearer(), extra_headers={"Content-Type": "application/json-patch+json"}
    )
    patch: Any = [{"op": "replace", "path": "/name/0/family", "value": "Bai"}]
    patched = await patching.execute(f"Patient/{patient.id}", method="patch", data=patch)
    assert patched["name"][0] == {"family": "Bai", "given": ["Xing"]}


async def test_results_are_searched_sorted_counted_and_paged_through(client: AsyncFHIRClient, a_patient: Person) -> None:
    patient = await client.resource("Patient", **a_patient).save()
    me = f"Patient/{patient.id}"
    for day in range(1, 24):
        await client.resource("Observation", **reading(me, 100 + day, day)).save()
    mine = client.resources("Observation").search(patient=patient)
    assert await mine.count() == 23
    paged = await mine.sort("-date").limit(5).fetch_all()
    assert [one["valueQuantity"]["value"] for one in paged] == list(range(123, 100, -1))
    assert len({one.id for one in paged}) == 23

    high = await mine.search(value_quantity__gt=120).fetch()
    assert sorted(one["valueQuantity"]["value"] for one in high) == [121, 122, 123]
    days = await mine.search(date__ge="2024-05-03", date__lt="2024-05-06").fetch()
    assert len(days) == 3
    assert (await mine.sort("date").first())["valueQuantity"]["value"] == 101
    assert await mine.search(code="http://loinc.org|0000-0").first() is None


async def test_a_search_through_references_brings_both_ends(client: AsyncFHIRClient, a_patient: Person, number: str) -> None:
    patient = await client.resource("Patient", **a_patient).save()
    await client.resource("Observation", **reading(f"Patient/{patient.id}", 150, 1)).save()
    chained = client.resources("Observation").search(subject__Patient__identifier=f"{SYSTEM}|{number}")
    assert len(await chained.fetch()) == 1
    bundle = await chained.include("Observation", "subject").fetch_raw()
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Observation", "Patient"]
    behind = await client.resources("Patient").search(_id=patient.id).revinclude("Observation", "subject").fetch_raw()
    assert [entry["search"]["mode"] for entry in behind["entry"]] == ["match", "include"]
    having = await client.resources("Patient").has("Observation", "patient", code="8480-6").search(_id=patient.id).fetch()
    assert [one.id for one in having] == [patient.id]


async def test_a_patient_is_made_once_however_often_it_is_asked(client: AsyncFHIRClient, a_patient: Person, number: str) -> None:
    same = client.resources("Patient").search(identifier=f"{SYSTEM}|{number}")
    first, made = await same.get_or_create(client.resource("Patient", **a_patient))
    second, again = await same.get_or_create(client.resource("Patient", **a_patient))
    assert (made, again) == (True, False)
    assert first.id == second.id
    assert await same.count() == 1


async def test_what_matches_is_updated_and_several_matches_are_refused(client: AsyncFHIRClient, a_patient: Person, number: str) -> None:
    same = client.resources("Patient").search(identifier=f"{SYSTEM}|{number}")
    first, made = await same.update(client.resource("Patient", **a_patient))
    second, again = await same.update(client.resource("Patient", **a_patient | {"gender": "male"}))
    assert (made, again) == (True, False)
    assert (second.id, second["gender"]) == (first.id, "male")

    await client.resource("Patient", **a_patient).save()
    with pytest.raises(MultipleResourcesFound, match="OperationOutcome"):
        await same.update(client.resource("Patient", **a_patient))


async def test_a_transaction_ties_its_entries_together(client: AsyncFHIRClient, a_patient: Person) -> None:
    link = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": {"resourceType": "Observation", **reading(link, 140, 1)}},
        {"fullUrl": link, "request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient", **a_patient}},
    ]
    answer = await client.execute("", data={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * 2
    observation, patient = (entry["response"]["location"].split("/_history")[0] for entry in answer["entry"])
    stored = await client.execute(observation.removeprefix(client.url), method="get")
    assert stored["subject"]["reference"] == patient.removeprefix(client.url).strip("/")


async def test_a_transaction_with_one_fault_leaves_nothing(client: AsyncFHIRClient, a_patient: Person, number: str) -> None:
    entries = [
        {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient", **a_patient}},
        {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient", "gender": "alien"}},
    ]
    with pytest.raises(OperationOutcome) as refused:
        await client.execute("", data={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    (issue,) = refused.value.resource["issue"]
    assert issue["expression"] == ["Bundle.entry[1].resource.gender"]
    assert await client.resources("Patient").search(identifier=f"{SYSTEM}|{number}").count() == 0


async def test_a_fault_is_told_with_its_place(client: AsyncFHIRClient, a_patient: Person) -> None:
    with pytest.raises(OperationOutcome) as refused:
        await client.resource("Patient", **a_patient | {"birthDate": "1958-13-01"}).save()
    (issue,) = refused.value.resource["issue"]
    assert (issue["severity"], issue["expression"]) == ("error", ["Patient.birthDate"])


async def test_a_resource_can_be_asked_whether_it_is_valid(client: AsyncFHIRClient, a_patient: Person) -> None:
    assert await client.resource("Patient", **a_patient).is_valid()
    assert not await client.resource("Patient", **a_patient | {"gender": "alien"}).is_valid()


async def test_what_is_not_there_and_what_is_not_allowed_are_told_apart(platform: Served, a_patient: Person) -> None:
    reader = AsyncFHIRClient(platform.base, authorization=platform.bearer("reader"))
    with pytest.raises(ResourceNotFound, match="not-found"):
        await reader.get("Patient", "nobody-has-this-id")
    with pytest.raises(ForbiddenError, match="forbidden"):
        await reader.resource("Patient", **a_patient).save()
    with pytest.raises(AuthorizationError, match="OperationOutcome"):
        await AsyncFHIRClient(platform.base).get("Patient", "1")
