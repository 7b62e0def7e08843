"""One resource over HTTP: made, read, changed, patched, deleted."""

from __future__ import annotations

import pytest

NAME = [{"family": "张", "given": ["桂兰"]}]
PATIENT = {"resourceType": "Patient", "name": NAME, "gender": "female", "birthDate": "1959-03-02", "active": True}
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
XML = {"content-type": "application/fhir+xml", "accept": "application/fhir+xml"}


async def made(client, **more) -> dict:
    answer = await client.post("/Patient", json=PATIENT | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_created_patient_is_read_back_with_its_address_and_version(client):
    answer = await client.post("/Patient", json=PATIENT)
    assert answer.status_code == 201
    id_ = answer.json()["id"]
    assert answer.headers["location"] == f"http://hie.test/fhir/Patient/{id_}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    again = await client.get(f"/Patient/{id_}")
    assert again.status_code == 200
    assert again.content == answer.content
    assert again.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert again.headers["last-modified"].endswith("GMT")


async def test_a_resource_that_breaks_a_rule_is_refused_with_its_place(client):
    answer = await client.post("/Patient", json=PATIENT | {"gender": 7, "colour": "red"})
    assert answer.status_code == 422
    places = [place for issue in answer.json()["issue"] for place in issue.get("expression", [])]
    assert "Patient.gender" in places


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"resourceType":7}', b"\xff\xfe", b'{"resourceType":"Observation"}'])
async def test_a_body_that_is_no_patient_is_a_bad_request(client, body):
    answer = await client.post("/Patient", content=body, headers={"content-type": "application/fhir+json"})
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_create_if_none_exist_answers_with_the_one_that_is_there(client, store):
    first = await made(client, identifier=[{"system": "urn:id", "value": "7"}])
    header = {"if-none-exist": "identifier=urn:id|7"}
    answer = await client.post("/Patient", json=PATIENT, headers=header)
    assert answer.status_code == 200
    assert answer.json()["id"] == first["id"]
    assert len(store.versions) == 1


@pytest.mark.parametrize("condition", ["", "colour=red", "identifer=7"])
async def test_a_condition_that_is_not_understood_never_writes(client, store, condition):
    answer = await client.post("/Patient", json=PATIENT, headers={"if-none-exist": condition})
    assert answer.status_code == 400
    assert not store.versions


async def test_a_reader_who_has_the_version_is_told_it_is_unchanged(client):
    id_ = (await made(client))["id"]
    same = await client.get(f"/Patient/{id_}", headers={"if-none-match": 'W/"1"'})
    assert same.status_code == 304
    assert same.content == b""
    assert (await client.get(f"/Patient/{id_}", headers={"if-none-match": 'W/"9"'})).status_code == 200
    later = {"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert (await client.get(f"/Patient/{id_}", headers=later)).status_code == 304
    earlier = {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}
    assert (await client.get(f"/Patient/{id_}", headers=earlier)).status_code == 200


async def test_every_version_can_be_read(client):
    patient = await made(client)
    await client.put(f"/Patient/{patient['id']}", json=patient | {"active": False})
    first = await client.get(f"/Patient/{patient['id']}/_history/1")
    second = await client.get(f"/Patient/{patient['id']}/_history/2")
    assert (first.json()["active"], second.json()["active"]) == (True, False)
    for none in ("3", "0", "x", "99999999999999"):
        assert (await client.get(f"/Patient/{patient['id']}/_history/{none}")).status_code == 404


async def test_an_update_makes_what_was_not_there(client):
    answer = await client.put("/Patient/p-1", json=PATIENT | {"id": "p-1"})
    assert answer.status_code == 201
    assert (await client.put("/Patient/p-1", json=PATIENT | {"id": "p-1"})).status_code == 200


@pytest.mark.parametrize("id_", ["other", None, 7, ["p-1"]])
async def test_an_update_whose_body_has_another_id_is_refused(client, id_):
    body = PATIENT | ({"id": id_} if id_ else {})
    assert (await client.put("/Patient/p-1", json=body)).status_code == 400


async def test_a_write_over_a_version_the_client_has_not_seen_is_refused(client):
    patient = await made(client)
    where = f"/Patient/{patient['id']}"
    assert (await client.put(where, json=patient, headers={"if-match": 'W/"1"'})).status_code == 200
    for stale in ('W/"1"', "other", '"7"', "W/", "99999999999"):
        assert (await client.put(where, json=patient, headers={"if-match": stale})).status_code == 412
    assert (await client.put(where, json=patient, headers={"if-none-match": "*"})).status_code == 412


async def test_a_conditional_update_makes_changes_or_refuses_by_what_matches(client):
    where = "/Patient?identifier=urn:id|9"
    body = PATIENT | {"identifier": [{"system": "urn:id", "value": "9"}]}
    assert (await client.put(where, json=body)).status_code == 201
    assert (await client.put(where, json=body)).status_code == 200
    await made(client, identifier=body["identifier"])
    assert (await client.put(where, json=body)).status_code == 412
    assert (await client.put("/Patient", json=body)).status_code == 400


async def test_a_deleted_patient_is_gone_and_may_be_deleted_again(client):
    id_ = (await made(client))["id"]
    assert (await client.delete(f"/Patient/{id_}")).status_code == 204
    assert (await client.get(f"/Patient/{id_}")).status_code == 410
    assert (await client.delete(f"/Patient/{id_}")).status_code == 204
    told = await client.delete(f"/Patient/{id_}", headers={"prefer": "return=OperationOutcome"})
    assert told.status_code == 200
    assert told.json()["resourceType"] == "OperationOutcome"
    assert (await client.get("/Patient/never")).status_code == 404


async def test_a_conditional_delete_takes_one_unless_several_are_meant(client):
    await made(client)
    await made(client)
    assert (await client.delete("/Patient?family=nobody")).status_code == 204
    assert (await client.delete("/Patient?gender=female")).status_code == 412
    assert (await client.delete("/Patient")).status_code == 400
    assert (await client.delete("/Patient?gender=female&_multiple=true")).status_code == 204
    assert (await client.get("/Patient?gender=female&_summary=count")).json()["total"] == 0


async def test_the_client_chooses_what_it_gets_back(client):
    minimal = await client.post("/Patient", json=PATIENT, headers={"prefer": "return=minimal"})
    assert minimal.status_code == 201
    assert minimal.content == b""
    told = await client.post("/Patient", json=PATIENT, headers={"prefer": "return=OperationOutcome"})
    assert told.json()["resourceType"] == "OperationOutcome"
    assert told.headers["location"].startswith("http://hie.test/fhir/Patient/")


async def test_a_json_patch_changes_one_element(client):
    patient = await made(client)
    where = f"/Patient/{patient['id']}"
    kind = {"content-type": "application/json-patch+json"}
    patched = await client.patch(where, json=[{"op": "replace", "path": "/active", "value": False}], headers=kind)
    assert patched.status_code == 200
    assert patched.json()["active"] is False
    assert patched.headers["etag"] == 'W/"2"'
    broken = await client.patch(where, json=[{"op": "replace", "path": "/active", "value": "maybe"}], headers=kind)
    assert broken.status_code == 422
    other = await client.patch(where, json=[{"op": "replace", "path": "/id", "value": "x"}], headers=kind)
    assert other.status_code in (400, 422)
    assert (await client.patch(where, json={"op": "add"}, headers=kind)).status_code == 400
    assert (await client.patch(where, content=b"x", headers={"content-type": "text/plain"})).status_code == 415
    matched = await client.patch("/Patient?gender=female", json=[{"op": "remove", "path": "/active"}], headers=kind)
    assert "active" not in matched.json()
    assert (await client.patch("/Patient/never", json=[], headers=kind)).status_code == 404


async def test_a_fhirpath_patch_changes_one_element(client):
    patient = await made(client)
    operation = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.gender"},
        {"name": "value", "valueCode": "other"},
    ]
    body = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": operation}]}
    answer = await client.patch(f"/Patient/{patient['id']}", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["gender"] == "other"


async def test_a_summary_or_some_elements_are_marked_as_a_part(client):
    patient = await made(client, contact=[{"name": {"family": "李"}}], text=TEXT)
    where = f"/Patient/{patient['id']}"
    summary = (await client.get(where, params={"_summary": "true"})).json()
    assert "contact" not in summary
    assert summary["meta"]["tag"][0]["code"] == "SUBSETTED"
    some = (await client.get(where, params={"_elements": "birthDate"})).json()
    assert set(some) == {"resourceType", "id", "meta", "birthDate"}
    assert "text" not in (await client.get(where, params={"_summary": "data"})).json()
    assert set((await client.get(where, params={"_summary": "text"})).json()) == {"resourceType", "id", "meta", "text"}
    assert (await client.get(where, params={"_summary": "much"})).status_code == 400


async def test_xml_in_and_out(client):
    body = '<Patient xmlns="http://hl7.org/fhir"><active value="true"/><name><family value="王"/></name></Patient>'
    answer = await client.post("/Patient", content=body.encode(), headers=XML)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+xml")
    assert '<family value="王"/>' in answer.text
    id_ = answer.headers["location"].split("/")[-3]
    assert (await client.get(f"/Patient/{id_}")).json()["name"] == [{"family": "王"}]
    missing = await client.get("/Patient/never", params={"_format": "xml"})
    assert missing.status_code == 404
    assert missing.text.startswith("<OperationOutcome") or "<OperationOutcome" in missing.text


async def test_pretty_json_is_the_same_resource(client):
    patient = await made(client)
    answer = await client.get(f"/Patient/{patient['id']}", params={"_pretty": "true"})
    assert b'\n  "id"' in answer.content
    assert answer.json() == patient


async def test_a_decimal_keeps_its_zeros(client):
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50,"unit":"mmol/L"}}'
    answer = await client.post("/Observation", content=body)
    assert b'"value":1.50' in answer.content
    assert b'"value":1.50' in (await client.get(answer.headers["location"])).content


@pytest.mark.parametrize("number", ["12345678901234567890123456789", "1E-30", "0.1234567890123456789", "1e1000", "-0.0"])
async def test_a_strange_number_is_kept_or_refused(client, number):
    body = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":' + number + "}}"
    answer = await client.post("/Observation", content=body.encode())
    assert answer.status_code == 201 or 400 <= answer.status_code < 500
    if answer.status_code == 201:
        assert (await client.get(answer.headers["location"])).status_code == 200


async def test_a_profile_in_the_record_is_kept_by_who_claims_it(client):
    url = "http://hie.test/profiles/named-patient"
    assert (await client.post("/Patient", json=PATIENT | {"meta": {"profile": [url]}, "name": []})).status_code == 422
    name = {"id": "Patient.name", "path": "Patient.name", "min": 2}
    structure = {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "NamedPatient",
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint",
        "differential": {"element": [{"id": "Patient", "path": "Patient"}, name]},
    }
    claiming = PATIENT | {"meta": {"profile": [url]}}
    assert (await client.post("/Patient", json=claiming)).status_code == 201
    assert (await client.post("/StructureDefinition", json=structure)).status_code == 201
    refused = await client.post("/Patient", json=claiming)
    assert refused.status_code == 422, refused.text
    assert (await client.post("/Patient", json=claiming | {"name": [{"family": "a"}, {"family": "b"}]})).status_code == 201
    asked = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": PATIENT}, {"name": "profile", "valueUri": url}]}
    said = (await client.post("/Patient/$validate", json=asked)).json()["issue"]
    assert "error" in [issue["severity"] for issue in said]


async def test_head_answers_without_a_body(client):
    patient = await made(client)
    answer = await client.head(f"/Patient/{patient['id']}")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 100
