"""Batch and transaction over HTTP."""

from __future__ import annotations

import base64

import pytest

from xinglin.base.errors import Stale

PATIENT = {"resourceType": "Patient", "name": [{"family": "Zhang"}]}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "blood pressure"}}


def entry(method: str, url: str, resource: dict | None = None, full_url: str | None = None, **request) -> dict:
    made: dict = {"request": {"method": method, "url": url, **request}}
    return made | ({"resource": resource} if resource else {}) | ({"fullUrl": full_url} if full_url else {})


def bundle(kind: str, *entries) -> dict:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def statuses(answer) -> list[str]:
    return [part["response"]["status"][:3] for part in answer.json()["entry"]]


async def test_a_transaction_is_written_whole_and_its_links_lead_to_the_new_addresses(client):
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    linked = OBSERVATION | {"subject": {"reference": urn}}
    answer = await client.post("", json=bundle("transaction", entry("POST", "Observation", linked), entry("POST", "Patient", PATIENT, urn)))
    assert answer.status_code == 200, answer.text
    assert answer.json()["type"] == "transaction-response"
    assert statuses(answer) == ["201", "201"]
    observation, patient = (part["response"]["location"].rsplit("/_history", 1)[0] for part in answer.json()["entry"])
    assert (await client.get(f"/{observation}")).json()["subject"]["reference"] == patient
    assert "resource" not in answer.json()["entry"][0]
    assert answer.json()["entry"][0]["response"]["etag"] == 'W/"1"'


async def test_a_transaction_gives_the_resources_back_when_asked(client):
    asked = bundle("transaction", entry("POST", "Patient", PATIENT))
    answer = await client.post("", json=asked, headers={"prefer": "return=representation"})
    assert answer.json()["entry"][0]["resource"]["name"] == PATIENT["name"]
    told = await client.post("", json=asked, headers={"prefer": "return=OperationOutcome"})
    assert told.json()["entry"][0]["response"]["outcome"]["resourceType"] == "OperationOutcome"


async def test_a_failing_entry_is_named_and_nothing_is_written(client, store):
    bad = OBSERVATION | {"status": 7}
    answer = await client.post("", json=bundle("transaction", entry("POST", "Patient", PATIENT), entry("POST", "Observation", bad)))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]
    assert not store.versions


async def test_a_failure_of_the_store_names_the_entry_too(client, store):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    stale = entry("PUT", "Patient/p1", PATIENT | {"id": "p1"}, ifMatch='W/"7"')
    answer = await client.post("", json=bundle("transaction", entry("POST", "Patient", PATIENT), stale))
    assert answer.status_code == 412
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    store.failing = Stale("Several match.", change=0)
    answer = await client.post("", json=bundle("transaction", entry("GET", "Patient"), entry("POST", "Patient", PATIENT)))
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]


async def test_a_transaction_deletes_before_it_makes_and_reads_last_but_answers_in_the_order_asked(client):
    await client.put("/Patient/old", json=PATIENT | {"id": "old", "identifier": [{"value": "1"}]})
    asked = bundle(
        "transaction",
        entry("GET", "Patient?identifier=1"),
        entry("POST", "Patient", PATIENT | {"identifier": [{"value": "1"}]}, ifNoneExist="identifier=1"),
        entry("DELETE", "Patient/old"),
    )
    answer = await client.post("", json=asked)
    assert statuses(answer) == ["200", "201", "204"]
    assert answer.json()["entry"][0]["resource"]["total"] == 1


async def test_two_entries_may_not_write_the_same_resource(client, store):
    twice = [entry("PUT", "Patient/p1", PATIENT | {"id": "p1"}), entry("DELETE", "Patient/p1")]
    answer = await client.post("", json=bundle("transaction", *twice))
    assert answer.status_code == 400
    assert not store.versions


async def test_conditions_within_a_transaction(client):
    body = PATIENT | {"identifier": [{"value": "5"}]}
    first = await client.post("", json=bundle("transaction", entry("PUT", "Patient?identifier=5", body)))
    again = await client.post("", json=bundle("transaction", entry("PUT", "Patient?identifier=5", body)))
    kept = await client.post("", json=bundle("transaction", entry("POST", "Patient", body, ifNoneExist="identifier=5")))
    gone = await client.post("", json=bundle("transaction", entry("DELETE", "Patient?identifier=5")))
    assert [statuses(answer) for answer in (first, again, kept, gone)] == [["201"], ["200"], ["200"], ["204"]]


async def test_a_patch_travels_in_a_binary_or_as_parameters(client):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    data = base64.b64encode(b'[{"op":"add","path":"/active","value":true}]').decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    assert statuses(await client.post("", json=bundle("transaction", entry("PATCH", "Patient/p1", binary)))) == ["200"]
    assert (await client.get("/Patient/p1")).json()["active"] is True
    other = binary | {"contentType": "text/plain"}
    assert (await client.post("", json=bundle("transaction", entry("PATCH", "Patient/p1", other)))).status_code == 415
    broken = binary | {"data": "***"}
    assert (await client.post("", json=bundle("transaction", entry("PATCH", "Patient/p1", broken)))).status_code in (400, 422)


async def test_the_entries_of_a_batch_stand_each_for_itself(client):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    asked = bundle(
        "batch",
        entry("GET", "Patient/p1"),
        entry("GET", "Patient/never"),
        entry("POST", "Observation", OBSERVATION | {"status": 7}),
        entry("POST", "Patient", PATIENT),
        entry("PUT", "Patient/p1", PATIENT | {"id": "p1"}, ifMatch='W/"9"'),
        entry("GET", "Patient/p1", ifNoneMatch='W/"1"'),
        entry("POST", "Dragon", PATIENT),
        {"resource": PATIENT},
        entry("DELETE", "Patient/never"),
        entry("GET", "metadata"),
        entry("POST", "", bundle("batch")),
    )
    answer = await client.post("", json=asked)
    assert answer.status_code == 200
    assert statuses(answer) == ["200", "404", "422", "201", "412", "304", "404", "400", "204", "200", "400"]
    assert answer.json()["entry"][1]["response"]["outcome"]["issue"][0]["code"] == "not-found"


async def test_what_could_not_be_taken_back_is_no_part_of_a_transaction(client, store):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    meta = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]}
    for unfit in (entry("POST", "Patient/p1/$meta-add", meta), entry("GET", "Dragon/1"), entry("POST", "Patient/p1/$dance", meta)):
        answer = await client.post("", json=bundle("transaction", entry("POST", "Patient", PATIENT), unfit))
        assert answer.status_code in (400, 404)
        assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert len(store.versions) == 1
    asked = bundle("transaction", entry("POST", "Patient/$validate", PATIENT), entry("GET", "Patient/p1/$everything"))
    assert statuses(await client.post("", json=asked)) == ["200", "200"]


async def test_too_many_entries_are_refused(client):
    answer = await client.post("", json=bundle("transaction", *[entry("POST", "Patient", PATIENT)] * 51))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        PATIENT,
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "searchset"},
        {"resourceType": "Bundle", "type": "batch", "entry": {}},
        {"resourceType": "Bundle", "type": ["transaction"]},
    ],
)
async def test_what_is_no_batch_or_transaction_is_refused(client, body):
    assert (await client.post("", json=body)).status_code == 400


@pytest.mark.parametrize(
    "part",
    [
        None,
        {},
        {"request": 5},
        {"request": {"method": "POST", "url": 5}},
        {"request": {"method": "BREW", "url": "Patient"}},
        {"request": {"method": ["POST"], "url": "Patient"}},
        {"request": {"method": "POST", "url": "Patient"}},
        {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": ["Patient"]}},
        {"request": {"method": "POST", "url": "http://elsewhere/Patient"}, "resource": PATIENT},
        {"request": {"method": "POST", "url": "Patient", "ifNoneExist": 5}, "resource": PATIENT},
        {"request": {"method": "PUT", "url": "Patient/p1/x/y"}, "resource": PATIENT},
        {"request": {"method": "GET", "url": "Patient?%ff"}},
        {"request": {"method": "POST", "url": "Patient"}, "resource": PATIENT, "fullUrl": 7},
    ],
)
async def test_an_entry_that_cannot_be_read_fails_the_transaction_by_name(client, store, part):
    answer = await client.post("", json=bundle("transaction", entry("POST", "Patient", PATIENT), part))
    assert answer.status_code in (400, 422)
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert not store.versions


async def test_an_empty_transaction_is_answered_with_an_empty_one(client):
    answer = await client.post("", json=bundle("transaction"))
    assert answer.json() == {"resourceType": "Bundle", "type": "transaction-response"}
