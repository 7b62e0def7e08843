"""Operations: $validate, $meta, those a capability brings, and the bulk ones."""

from __future__ import annotations

import base64
import gzip

import httpx
import pytest

from tests.doors.fhir_api.conftest import KEYS
from tests.doors.fhir_api.memory import everyone
from xinglin.access.tokens import issue
from xinglin.base.errors import Malformed
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.kit.capability import Operation

TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Zhang</div>'}
PATIENT = {"resourceType": "Patient", "text": TEXT, "name": [{"family": "Zhang"}]}
NDJSON = {"content-type": "application/fhir+ndjson"}


def parameters(*parts: dict) -> dict:
    return {"resourceType": "Parameters", "parameter": list(parts)}


async def test_validate_says_what_create_would_and_writes_nothing(client, store):
    fine = await client.post("/Patient/$validate", json=PATIENT)
    assert (fine.status_code, fine.json()["issue"][0]["severity"]) == (200, "information")
    broken = await client.post("/Patient/$validate", json=PATIENT | {"birthDate": "yesterday"})
    assert broken.status_code == 200
    assert broken.json()["issue"][0]["expression"] == ["Patient.birthDate"]
    other = await client.post("/Patient/$validate", json={"resourceType": "Basic", "code": {"text": "x"}})
    assert other.json()["issue"][0]["severity"] == "error"
    wrapped = parameters({"name": "resource", "resource": PATIENT}, {"name": "mode", "valueCode": "update"})
    assert "id" in (await client.post("/Patient/$validate", json=wrapped)).json()["issue"][0]["diagnostics"]
    assert (await client.post("/Patient/$validate", json=parameters({"name": "mode", "valueCode": "dance"}))).status_code == 400
    assert not store.versions


async def test_a_stored_resource_can_be_validated(client):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    assert (await client.get("/Patient/p1/$validate")).json()["issue"][0]["severity"] == "information"
    assert (await client.get("/Patient/never/$validate")).status_code == 404


async def test_labels_are_added_listed_and_taken_away(client):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    tag = {"system": "urn:tags", "code": "pilot"}
    body = parameters({"name": "meta", "valueMeta": {"tag": [tag]}})
    added = await client.post("/Patient/p1/$meta-add", json=body)
    assert added.json()["parameter"][0]["valueMeta"]["tag"] == [tag]
    await client.post("/Patient/p1/$meta-add", json=body)
    assert (await client.get("/Patient/p1/$meta")).json()["parameter"][0]["valueMeta"]["tag"] == [tag]
    assert (await client.get("/Patient/$meta")).json()["parameter"][0]["valueMeta"]["tag"] == [tag]
    assert (await client.get("/$meta")).json()["parameter"][0]["valueMeta"]["tag"] == [tag]
    taken = await client.post("/Patient/p1/$meta-delete", json=body)
    assert "tag" not in taken.json()["parameter"][0]["valueMeta"]
    for wrong in ({}, {"meta": 1}, {"name": "meta", "valueMeta": {"tag": 5}}):
        assert (await client.post("/Patient/p1/$meta-add", json=parameters(wrong))).status_code == 400


@pytest.fixture
async def with_operations(store, settings):
    async def greet(unit, asked):
        if not asked.parameters["parameter"]:
            raise Malformed("Whom?")
        name = asked.parameters["parameter"][0]["valueString"]
        return {"resourceType": "Basic", "id": asked.id or "none", "code": {"text": f"{unit.actor.name} greets {name}"}}

    greeting = Operation("greet", ("type", "instance"), ("Patient",), greet)
    operations = [greeting, Operation("reset", ("system",), (), greet, affects_state=True)]
    door = FhirDoor(store, BearerAccess(KEYS), settings, operations, scope=everyone)
    headers = {"authorization": f"Bearer {issue(KEYS, 'system', 'li', name='Li')}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", headers=headers) as client:
        yield client


async def test_an_operation_of_a_capability_is_called_and_listed(with_operations):
    answer = await with_operations.get("/Patient/7/$greet?name=Zhang")
    assert answer.json() == {"resourceType": "Basic", "id": "7", "code": {"text": "Li greets Zhang"}}
    posted = await with_operations.post("/Patient/$greet", json=parameters({"name": "name", "valueString": "Wang"}))
    assert posted.json()["code"]["text"] == "Li greets Wang"
    assert (await with_operations.get("/Patient/$greet")).status_code == 400
    assert (await with_operations.get("/Observation/$greet?name=x")).status_code == 404
    assert (await with_operations.get("/$reset?name=x")).status_code == 405
    rest = (await with_operations.get("/metadata")).json()["rest"][0]
    assert "reset" in [operation["name"] for operation in rest["operation"]]
    assert "greet" in [o["name"] for part in rest["resource"] if part["type"] == "Patient" for o in part["operation"]]


async def test_an_export_is_started_followed_and_fetched(client, jobs, settings):
    started = await client.get("/$export?_type=Patient,Observation&_since=2026-01-01T00:00:00Z", headers={"prefer": "respond-async"})
    assert started.status_code == 202
    where = started.headers["content-location"]
    id_ = where.rsplit("/", 1)[1]
    job = jobs.jobs[id_]
    assert (job.kind, job.parameters["level"], job.parameters["types"]) == ("export", "system", ["Patient", "Observation"])
    running = await client.get(where)
    assert (running.status_code, running.headers["x-progress"]) == (202, "3 of 10")
    assert int(running.headers["retry-after"]) > 0
    folder = settings.home_path / "exports" / id_
    folder.mkdir(parents=True)
    (folder / "Patient.ndjson").write_bytes(b'{"resourceType":"Patient"}\n')
    job.state = "done"
    job.result = {"transactionTime": "2026-05-01T00:00:00Z", "output": [{"type": "Patient", "file": "Patient.ndjson", "count": 1}]}
    done = await client.get(where)
    assert (done.status_code, done.headers["content-type"]) == (200, "application/json")
    output = done.json()["output"][0]
    assert (output["type"], output["count"], done.json()["requiresAccessToken"]) == ("Patient", 1, True)
    file = await client.get(output["url"])
    assert (file.content, file.headers["content-type"]) == (b'{"resourceType":"Patient"}\n', "application/fhir+ndjson")
    for other in ("../../keys.json", "none.ndjson", "..%2f..%2fkeys.json"):
        assert (await client.get(f"{where}/{other}")).status_code in (400, 404)
    assert (await client.delete(where)).status_code == 202
    assert job.state == "cancelled"
    assert (await client.get(where)).status_code == 404


async def test_a_job_is_there_only_for_who_started_it(client_of, jobs):
    where = (await client_of("system", "one").get("/$export")).headers["content-location"]
    assert (await client_of("system", "two").get(where)).status_code == 404
    assert (await client_of("system", "two").delete(where)).status_code == 404
    assert (await client_of("system", "one").get(where)).status_code == 202
    assert (await client_of("doctor").get("/$export")).status_code == 403
    assert "AuditEvent" not in next(iter(jobs.jobs.values())).parameters["types"]


async def test_exports_of_patients_and_of_a_group(client, jobs):
    await client.put("/Group/g1", json={"resourceType": "Group", "id": "g1", "type": "person", "actual": True})
    assert (await client.get("/Patient/$export")).status_code == 202
    assert (await client.get("/Group/g1/$export?_typeFilter=Observation?code=x,Condition?code=y")).status_code == 202
    assert [job.parameters["level"] for job in jobs.jobs.values()] == ["patient", "group"]
    assert list(jobs.jobs.values())[1].parameters["type_filters"] == ["Observation?code=x", "Condition?code=y"]
    assert (await client.get("/Group/never/$export")).status_code == 404
    for wrong in ("_type=Dragon", "_since=2021", "_typeFilter=Observation?colour=red", "_typeFilter=x"):
        assert (await client.get(f"/$export?{wrong}")).status_code == 400
    assert (await client.get("/$export?_outputFormat=text/csv")).status_code == 406


async def test_a_failed_job_says_why(client, jobs):
    where = (await client.get("/$export")).headers["content-location"]
    job = next(iter(jobs.jobs.values()))
    job.state, job.error = "failed", "the disk is full"
    answer = await client.get(where)
    assert answer.status_code == 422
    assert "the disk is full" in answer.json()["issue"][0]["diagnostics"]


async def test_an_import_keeps_the_body_on_disk_before_it_is_accepted(client, client_of, jobs, settings):
    lines = b'{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b"}\n'
    answer = await client.post("/$import", content=gzip.compress(lines), headers=NDJSON | {"content-encoding": "gzip"})
    assert answer.status_code == 202
    job = next(iter(jobs.jobs.values()))
    assert (settings.home_path / "import" / job.parameters["files"][0]).read_bytes() == lines
    assert (await client.get(answer.headers["content-location"])).status_code == 202
    assert (await client.post("/$import", content=b"", headers=NDJSON)).status_code == 400
    assert (await client_of("doctor").post("/$import", content=lines, headers=NDJSON)).status_code == 403


async def test_an_import_takes_files_below_its_folder_only(client, jobs, settings):
    folder = settings.home_path / "import"
    folder.mkdir(parents=True)
    (folder / "Patient.ndjson").write_bytes(b"{}\n")
    (settings.home_path / "keys.json").write_text("secret")
    named = parameters({"name": "input", "part": [{"name": "url", "valueUrl": "Patient.ndjson"}]})
    assert (await client.post("/$import", json=named)).status_code == 202
    data = base64.b64encode(b'{"resourceType":"Patient"}').decode()
    inline = parameters({"name": "input", "part": [{"name": "attachment", "valueAttachment": {"data": data}}]})
    assert (await client.post("/$import", json=inline)).status_code == 202
    for path in ("../keys.json", "/etc/passwd", "http://elsewhere/a.ndjson", "none.ndjson", "a\x00.ndjson", "x" * 5000 + ".ndjson"):
        wrong = parameters({"name": "input", "part": [{"name": "url", "valueUrl": path}]})
        assert (await client.post("/$import", json=wrong)).status_code == 400
    for wrong in ({}, parameters(), {"resourceType": "Parameters", "parameter": 5}, parameters({"name": "input", "part": [5]})):
        assert (await client.post("/$import", json=wrong)).status_code == 400
    half = parameters(inline["parameter"][0], {"name": "input", "part": [5]})
    kept = sorted(folder.iterdir())
    assert (await client.post("/$import", json=half)).status_code == 400
    assert sorted(folder.iterdir()) == kept, "nothing of a refused request stays"
    assert len(jobs.jobs) == 2
