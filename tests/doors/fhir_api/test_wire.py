"""What the door does with HTTP itself: formats, sizes, tokens, limits, errors."""

from __future__ import annotations

import asyncio
import gzip
import logging
from typing import ClassVar

import httpx
import pytest

from tests.doors.fhir_api.conftest import KEYS
from tests.doors.fhir_api.memory import everyone
from xinglin.access.tokens import issue
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.store import Scope

PATIENT = {"resourceType": "Patient", "name": [{"family": "Zhang"}]}


async def test_nothing_but_metadata_is_answered_without_a_token(client_of):
    stranger = client_of(None)
    for asked in ("GET /Patient", "POST /Patient", "GET /Patient/1", "POST ", "GET /_history", "GET /$export"):
        answer = await stranger.request(*asked.split(" "))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["issue"][0]["code"] == "login"
    assert (await stranger.get("/metadata")).status_code == 200
    assert (await stranger.get("/.well-known/smart-configuration")).status_code == 404


@pytest.mark.parametrize("token", ["Bearer", "Bearer x", "Basic eDp5", "bearer xinglin1.a.b", "Bearer xinglin1.é.b"])
async def test_a_false_token_is_refused(client_of, token):
    answer = await client_of(None).get("/Patient", headers={"authorization": token.encode("latin-1")})
    assert answer.status_code == 401


async def test_a_role_reaches_only_its_types_also_through_chains_and_includes(client, client_of):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    registrar, auditor = client_of("registrar"), client_of("audit_admin")
    assert (await registrar.get("/Patient/p1")).status_code == 200
    assert (await registrar.get("/Observation")).status_code == 403
    assert (await registrar.get("/Patient?_has:Observation:patient:code=x")).status_code == 403
    assert (await registrar.delete("/Patient/p1")).status_code == 403
    assert (await auditor.get("/Patient/p1/$everything")).status_code == 403
    entry = {"request": {"method": "DELETE", "url": "Patient/p1"}}
    for kind in ("transaction", "batch"):
        answer = await registrar.post("", json={"resourceType": "Bundle", "type": kind, "entry": [entry]})
        assert answer.status_code == 403 or answer.json()["entry"][0]["response"]["status"].startswith("403")
    assert (await client.get("/Patient/p1")).status_code == 200


async def test_each_interaction_leaves_an_audit_row(client, store):
    created = await client.post("/Patient", json=PATIENT)
    id_ = created.json()["id"]
    await client.get(f"/Patient/{id_}", headers={"x-request-id": "r-7"})
    await client.get("/Patient?family=Zhang")
    await client.get("/Patient/never")
    entry = {"request": {"method": "DELETE", "url": f"Patient/{id_}"}}
    await client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    seen = [(row.interaction, row.type, row.id, row.status, row.query) for row in store.trail]
    assert seen == [
        ("create", "Patient", None, 201, None),
        ("read", "Patient", id_, 200, None),
        ("search-type", "Patient", None, 200, "family=Zhang"),
        ("read", "Patient", "never", 404, None),
        ("delete", "Patient", id_, 200, None),
    ]
    assert store.trail[1].request == "r-7"
    assert (store.trail[0].actor, store.trail[0].role) == ("tester", "system")


async def test_a_refused_write_and_each_entry_of_a_batch_leave_rows_too(client, store):
    await client.post("/Patient", json=PATIENT | {"gender": 7})
    look, make = {"method": "GET", "url": "Patient?name=x"}, {"method": "POST", "url": "Patient"}
    entries = [{"request": look}, {"resource": PATIENT, "request": make}]
    await client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    seen = [(row.interaction, row.type, row.status, row.query) for row in store.trail]
    assert seen[0] == ("create", "Patient", 422, None)
    assert sorted(seen[1:3]) == [("create", "Patient", 201, None), ("read", "Patient", 200, "name=x")]
    assert seen[3][0] == "transaction"


async def test_nothing_is_shown_that_cannot_be_audited(client, store):
    await client.put("/Patient/p1", json=PATIENT | {"id": "p1"})
    store.deaf = True
    answer = await client.get("/Patient/p1")
    assert answer.status_code == 503
    assert "Zhang" not in answer.text


async def test_formats_the_server_cannot_make_or_read(client):
    assert (await client.get("/Patient", headers={"accept": "image/png"})).status_code == 406
    assert (await client.get("/Patient?_format=ttl")).status_code == 406
    assert (await client.get("/Patient", headers={"accept": "text/html, */*;q=0.1"})).status_code == 200
    xml = await client.get("/Patient", headers={"accept": "application/fhir+json;q=0.5, application/fhir+xml"})
    assert xml.headers["content-type"].startswith("application/fhir+xml")
    assert (await client.post("/Patient", content=b"x", headers={"content-type": "text/plain"})).status_code == 415
    assert (await client.post("/Patient", content=b"<a/>", headers={"content-type": "application/fhir+xml"})).status_code == 400
    assert (await client.post("/Patient", content=b"x", headers={"content-encoding": "br"})).status_code == 415


async def test_gzip_in_and_out(client):
    body = b'{"resourceType":"Patient","name":[{"family":"' + b"z" * 3000 + b'"}]}'
    answer = await client.post("/Patient", content=gzip.compress(body), headers={"content-encoding": "gzip", "accept-encoding": "gzip"})
    assert answer.status_code == 201
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["name"][0]["family"] == "z" * 3000
    plain = await client.get(answer.headers["location"], headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert (await client.post("/Patient", content=b"not gzip", headers={"content-encoding": "gzip"})).status_code == 400
    assert (await client.post("/Patient", content=gzip.compress(body)[:-9], headers={"content-encoding": "gzip"})).status_code == 400


async def test_a_large_body_and_a_zip_bomb_are_refused(client):
    assert (await client.post("/Patient", content=b" " * 2_000_001)).status_code == 413
    bomb = gzip.compress(b" " * 50_000_000)
    assert (await client.post("/Patient", content=bomb, headers={"content-encoding": "gzip"})).status_code == 413
    many = b"".join(gzip.compress(b" " * 500_000) for _ in range(10))
    assert (await client.post("/Patient", content=many, headers={"content-encoding": "gzip"})).status_code == 413

    async def endless():
        for _ in range(100):
            yield b" " * 100_000

    assert (await client.post("/Patient", content=endless())).status_code == 413


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/Dragon", 404),
        ("GET", "/Dragon/1", 404),
        ("GET", "/patient/1", 404),
        ("GET", "/Patient/1/2/3/4", 404),
        ("GET", "/Patient//1", 400),
        ("GET", "/Patient/a%00b", 400),
        ("GET", "/Patient/%ff", 400),
        ("GET", "/Patient/../../etc", 404),
        ("GET", "/Patient/a_b", 404),
        ("GET", "/Patient?a=%ff", 400),
        ("GET", "/Patient/$dance", 404),
        ("GET", "/$everything", 404),
        ("GET", "/Observation/1/$everything", 404),
        ("GET", "/_jobs/x", 404),
        ("GET", "/Patient/" + "x" * 65, 404),
        ("PUT", "/Patient/" + "x" * 65, 400),
        ("POST", "/Patient/1", 405),
        ("PUT", "/metadata", 405),
        ("DELETE", "", 405),
        ("OPTIONS", "/Patient", 405),
        ("GET", "/Patient/_search", 405),
        ("GET", "/Patient/1/$meta-add", 405),
        ("GET", "/Patient?" + "a=1&" * 1001, 413),
    ],
)
async def test_an_address_that_is_none_is_told_so(client, method, url, status):
    body = PATIENT if method == "PUT" else None
    answer = await client.request(method, url, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_query_has_a_longest_length(client):
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.post("/Patient/_search", content=b"name=" + b"x" * 100_000, headers=form)).status_code == 200
    assert (await client.post("/Patient/_search", content=b"name=" + b"x" * 1_100_000, headers=form)).status_code == 413


async def test_a_header_given_twice_is_refused(client):
    headers = [*client.headers.items(), ("if-match", 'W/"1"'), ("if-match", 'W/"2"')]
    answer = await client.put("/Patient/p1", json=PATIENT | {"id": "p1"}, headers=headers)
    assert answer.status_code == 400


async def test_the_request_id_comes_back(client):
    assert (await client.get("/Patient", headers={"x-request-id": "abc-1"})).headers["x-request-id"] == "abc-1"
    made = (await client.get("/Patient", headers={"x-request-id": "a b<script>"})).headers["x-request-id"]
    assert made
    assert "script" not in made


async def test_a_fault_of_ours_is_logged_whole_and_told_without_its_insides(client, store, caplog):
    store.failing = ZeroDivisionError("secret insides")
    with caplog.at_level(logging.ERROR, "xinglin.fhir_api"):
        answer = await client.get("/Patient/p1")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["issue"][0]["code"] == "exception"
    assert "secret insides" in caplog.text


async def test_more_than_the_server_takes_at_once_is_put_off(store):
    class Slow:
        seen: ClassVar[set[int]] = set()
        scope = Scope.everyone()

        def records(self, scope):
            return self

        def apart(self):
            return self

        async def read(self, type, id):
            await asyncio.sleep(0.05)
            return await store.read(type, id)

        def note(self, row):
            store.note(row)

        async def write(self, changes, audit=()):
            await asyncio.sleep(0.05)
            return await store.write(changes, audit)

    door = FhirDoor(Slow(), BearerAccess(KEYS), Settings(requests_at_once_max=4, writes_at_once_max=2), scope=everyone)
    headers = {"authorization": f"Bearer {issue(KEYS, 'system', 'x')}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", headers=headers) as client:
        reads = await asyncio.gather(*(client.get("/Patient/p1") for _ in range(8)))
        assert sorted(answer.status_code for answer in reads) == [404] * 4 + [503] * 4
        writes = await asyncio.gather(*(client.post("/Patient", json=PATIENT) for _ in range(4)))
        assert sorted(answer.status_code for answer in writes) == [201, 201, 429, 429]
        late = next(answer for answer in (*reads, *writes) if answer.status_code in (429, 503))
        assert int(late.headers["retry-after"]) > 0
        assert (await client.get("/Patient/p1")).status_code == 404


async def test_the_public_address_is_used_in_links(store):
    door = FhirDoor(store, BearerAccess(KEYS), Settings(public_url="https://hie.example/"), scope=everyone)
    headers = {"authorization": f"Bearer {issue(KEYS, 'system', 'x')}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://10.0.0.1/fhir", headers=headers) as client:
        answer = await client.post("/Patient", json=PATIENT)
        assert answer.headers["location"].startswith("https://hie.example/fhir/Patient/")


async def test_a_deeply_nested_body_is_a_bad_request(client):
    for depth in (200, 2000, 100_000):
        body = b'{"resourceType":"Patient","extension":' + b'[{"url":"x","extension":' * depth + b"[]" + b"}]" * depth + b"}"
        answer = await client.post("/Patient", content=body)
        assert 400 <= answer.status_code < 500


async def test_metadata_lists_what_is_really_there(client, client_of):
    answer = await client_of(None).get("/metadata")
    statement = answer.json()
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    assert statement["implementation"]["url"] == "http://hie.test/fhir"
    rest = statement["rest"][0]
    patient = next(part for part in rest["resource"] if part["type"] == "Patient")
    assert {"name": "family", "type": "string"}.items() <= next(p for p in patient["searchParam"] if p["name"] == "family").items()
    assert "everything" in [operation["name"] for operation in patient["operation"]]
    assert "Observation:patient" in patient["searchRevInclude"]
    assert len(rest["resource"]) == 146
    checked = await client.post("/CapabilityStatement/$validate", json=statement)
    assert [said for said in checked.json()["issue"] if said["severity"] == "error"] == []
