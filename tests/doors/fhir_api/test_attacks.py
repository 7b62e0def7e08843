"""What attackers try at the FHIR door: forged hosts, cookies for tokens, values that make headers, ways out, texts that ask SQL."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from tests.doors.fhir_api.conftest import KEYS
from tests.doors.fhir_api.memory import MemoryRecords, everyone
from xinglin.access.tokens import issue
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.fhir.definitions import RESOURCE_TYPES, search_params
from xinglin.store import Scope, Store, Update

TOKEN = f"Bearer {issue(KEYS, 'system', 'tester')}"
ASKING = (
    "' OR '1'='1", "'; DROP TABLE record.patient; --", "x') UNION SELECT * FROM xinglin.paper --", "$1", "%' --",
    "\\'; SELECT pg_sleep(9)", "1; SELECT 1",
    "(a+)+$", "[[:alpha:]", ".*{99999}", "$[*].a ? (@ > 1)", "$..x", "a|b' --", "gt1' OR 1=1", "{{7*7}}", "%00", "\u0130'",
    "Patient/' OR 1=1",
)  # fmt: skip


def client_of(door: FhirDoor, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", headers={"authorization": TOKEN} | headers
    )


async def test_no_text_in_any_search_parameter_asks_the_database_itself(module_store: Store) -> None:
    await module_store.records(Scope.everyone()).write(
        [Update({"resourceType": "Patient", "id": "one", "name": [{"text": "张桂兰"}]}, "one")]
    )
    door = FhirDoor(module_store, BearerAccess(KEYS), module_store.ground.settings, scope=everyone)  # type: ignore[arg-type]
    client, asked = client_of(door), 0
    for type_ in RESOURCE_TYPES:
        for name in search_params(type_):
            text = ASKING[asked % len(ASKING)]
            answer = await client.get(f"/{type_}", params={name: text})
            assert answer.status_code in (200, 400, 422), (type_, name, text, answer.text[:300])
            assert answer.json().get("total", 0) == 0 or name.startswith("_"), (type_, name, text)
            asked += 1
    assert asked > 1500
    for text in ASKING:
        for name in (
            "name",
            "name:contains",
            "name:exact",
            "identifier",
            "_id",
            "birthdate",
            "general-practitioner",
            "_tag",
            "_sort",
            "_elements",
            "_filter",
        ):
            assert (await client.get("/Patient", params={name: text})).status_code in (200, 400, 422)
    assert (await client.get("/Patient/one")).status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "a b", "evil.test/x", "e@vil.test", "evil.test\t", "x" * 300, "<script>"])
async def test_a_forged_host_is_in_no_link_where_our_address_is_known(host: str) -> None:
    door = FhirDoor(MemoryRecords(), BearerAccess(KEYS), Settings(public_url="https://hie.test"), scope=everyone)  # type: ignore[arg-type]
    client = client_of(door, host=host, **{"x-forwarded-host": "evil.test"})
    for answer in (
        await client.get("/Patient?name=x"),
        await client.post("/Patient", json={"resourceType": "Patient"}),
        await client.get("/metadata"),
    ):
        assert "evil.test" not in answer.text + str(answer.headers)
        assert "https://hie.test/fhir" in answer.text + str(answer.headers)
    unknown = FhirDoor(MemoryRecords(), BearerAccess(KEYS), Settings(), scope=everyone)  # type: ignore[arg-type]
    answer = await client_of(unknown, host=host).get("/Patient?name=x")
    assert re.search(r'"url":"http://[A-Za-z0-9.\-:]+/fhir', answer.text)
    assert "<script>" not in answer.text


async def test_a_cookie_opens_nothing_so_no_other_site_can_ask_in_someones_name(client_of: object, door: FhirDoor) -> None:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", cookies={"xinglin_session": "x", "token": TOKEN}
    )
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert (await client.request(method, "/Patient/1" if method != "POST" else "/Patient")).status_code == 401


async def test_personal_answers_are_kept_by_no_cache_and_not_sniffed(client: httpx.AsyncClient) -> None:
    made = await client.post("/Patient", json={"resourceType": "Patient"})
    for path in ("/Patient", f"/Patient/{made.json()['id']}", "/Patient/none", "/metadata"):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("value", ["a%0d%0aX-Injected:%201", "a%0aX-Injected:1", "%00", "é%0d%0a"])
async def test_no_value_makes_a_header(client: httpx.AsyncClient, value: str) -> None:
    for method, path in (
        ("GET", f"/Patient/{value}"),
        ("PUT", f"/Patient/{value}"),
        ("BREW", f"/{value}"),
        ("GET", f"/Patient?name={value}"),
        ("GET", f"/_jobs/{value}"),
    ):
        answer = await client.request(method, path, headers={"x-request-id": "a b"})
        assert "x-injected" not in answer.headers
        assert all("\r" not in text and "\n" not in text for text in answer.headers.values())
        assert answer.headers.get("x-request-id") != "a b"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fkeys.json", "%2e%2e/keys.json", "../keys.json", "..%5ckeys.json", "/etc/passwd", "a.ndjson%00.gz", "keys.json"]
)
async def test_no_file_of_a_job_leads_out_of_its_folder(client: httpx.AsyncClient, jobs: object, settings: Settings, name: str) -> None:
    (settings.home_path / "keys.json").write_text("secret")
    where = (await client.get("/$export")).headers["content-location"]
    job = next(iter(jobs.jobs.values()))  # type: ignore[attr-defined]
    job.state, job.result = "done", {"output": []}
    answer = await client.get(f"{where}/{name}")
    assert answer.status_code in (400, 404)
    assert "secret" not in answer.text


async def test_a_resource_has_less_room_than_a_bundle_or_a_picture(tmp_path: object) -> None:
    settings = Settings(home=str(tmp_path), resource_bytes_max=1000, body_bytes_max=100_000)
    client = client_of(FhirDoor(MemoryRecords(), BearerAccess(KEYS), settings, scope=everyone))  # type: ignore[arg-type]
    long = {"resourceType": "Patient", "name": [{"text": "a" * 2000}]}
    assert (await client.post("/Patient", json=long)).status_code == 413
    assert (await client.put("/Patient/a", json=long | {"id": "a"})).status_code == 413
    assert (await client.post("/Patient/$validate", json=long)).status_code == 413
    entry = {"resource": long, "request": {"method": "POST", "url": "Patient"}}
    assert (await client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": [entry]})).status_code == 200
    binary = {"resourceType": "Binary", "contentType": "image/png", "data": "QUJD" * 1000}
    assert (await client.post("/Binary", json=binary)).status_code != 413


async def test_while_a_hostile_resource_is_judged_others_are_served(tmp_path: object) -> None:
    settings = Settings(home=str(tmp_path))
    client = client_of(FhirDoor(MemoryRecords(), BearerAccess(KEYS), settings, scope=everyone))  # type: ignore[arg-type]
    body = b'{"resourceType":"Patient","name":[' + b"1," * 1_000_000 + b"1]}"
    entry = (
        b'{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"},"resource":' + body + b"}]}"
    )
    for where, sent in (("/Patient", body), ("", entry), ("/Patient/$validate", body)):
        hostile = asyncio.create_task(client.post(where, content=sent, headers={"content-type": "application/fhir+json"}))
        await asyncio.sleep(0)
        for _ in range(5):
            assert (await client.get("/Patient")).status_code == 200
        assert not hostile.done(), "they did not wait for it"
        assert (await hostile).status_code in (200, 400, 422)
