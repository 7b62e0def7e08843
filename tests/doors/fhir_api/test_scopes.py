"""What an application with SMART scopes meets at the FHIR door: never more than its scopes, also by a link, an include or a write."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.doors.fhir_api.conftest import KEYS
from xinglin.access.actor import Actor
from xinglin.access.tokens import issue_for
from xinglin.doors.fhir_api.narrowing import filters_within

LAB = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
VITAL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}
NARROW = "patient/Observation.rs?category=laboratory"


def observation(id_: str, category: dict, **more: object) -> dict:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "category": [category], "code": {"text": "x"},
        "subject": {"reference": "Patient/p1"}, **more,
    }  # fmt: skip


@pytest.fixture
async def ward(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A patient with a laboratory result, and a vital sign that stems from it."""
    await client.put("/Patient/p1", json={"resourceType": "Patient", "id": "p1", "gender": "female"})
    await client.put("/Observation/lab", json=observation("lab", LAB))
    await client.put("/Observation/vital", json=observation("vital", VITAL, derivedFrom=[{"reference": "Observation/lab"}]))
    return client


@pytest.fixture
def app_of(door) -> Callable[..., httpx.AsyncClient]:
    def make(*scopes: str, role: str = "system") -> httpx.AsyncClient:
        token = issue_for(KEYS, Actor("a", role, "A", client="app-1", scopes=scopes), 3600)
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", headers=headers)

    return make


def ids(bundle: dict) -> set[str]:
    return {entry["resource"]["id"] for entry in bundle.get("entry", [])}


async def test_without_a_scope_for_a_type_it_can_be_neither_read_nor_searched_nor_written(ward, app_of) -> None:
    app = app_of("patient/Patient.rs")
    for method, path, body in (
        ("GET", "/Observation/lab", None),
        ("GET", "/Observation", None),
        ("PUT", "/Observation/x", observation("x", LAB)),
    ):
        answer = await app.request(method, path, json=body)
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "forbidden")
    assert (await app.get("/Patient/p1")).status_code == 200


async def test_scopes_never_give_more_than_the_role(ward, app_of) -> None:
    assert (await app_of("user/*.cruds", role="regulator").get("/Patient/p1")).status_code == 403


async def test_a_narrowed_scope_finds_and_reads_only_what_it_names(ward, app_of) -> None:
    app = app_of(NARROW)
    found = (await app.get("/Observation?_total=accurate")).json()
    assert (ids(found), found["total"]) == ({"lab"}, 1)
    assert (await app.get("/Observation/lab")).status_code == 200
    hidden, absent = await app.get("/Observation/vital"), await app.get("/Observation/none")
    assert (hidden.status_code, hidden.json()["issue"][0]["code"]) == (absent.status_code, absent.json()["issue"][0]["code"])
    assert (await app.get("/Observation/vital/_history/1")).status_code == 404


async def test_a_history_holds_only_versions_within_the_scope(ward, app_of) -> None:
    await ward.put("/Observation/lab", json=observation("lab", VITAL))
    await ward.put("/Observation/lab", json=observation("lab", LAB))
    history = (await app_of(NARROW).get("/Observation/lab/_history")).json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["3", "1"]
    assert ids((await app_of(NARROW).get("/Observation/_history")).json()) == {"lab"}


async def test_a_deletion_of_a_narrowed_type_is_not_told(ward, app_of) -> None:
    await ward.delete("/Observation/vital")
    history = (await app_of(NARROW).get("/Observation/_history")).json()
    assert all("resource" in entry for entry in history["entry"])


async def test_a_transaction_and_a_batch_are_held_to_the_scopes_entry_by_entry(ward, app_of) -> None:
    app = app_of(NARROW, "patient/Patient.r")
    entries = [{"request": {"method": "GET", "url": url}} for url in ("Patient/p1", "Observation/lab", "Observation/vital", "Condition")]
    answer = (await app.post("/", json={"resourceType": "Bundle", "type": "batch", "entry": entries})).json()
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["200", "200", "404", "403"]


WRITE = "patient/Observation.cruds?category=laboratory"


async def test_what_is_written_must_be_within_the_scope_before_and_after(ward, app_of) -> None:
    app = app_of(WRITE)
    assert (await app.post("/Observation", json=observation("new", LAB))).status_code == 201
    assert (await app.post("/Observation", json=observation("new", VITAL))).status_code == 403
    assert (await app.put("/Observation/lab", json=observation("lab", VITAL))).status_code == 403
    assert (await app.put("/Observation/vital", json=observation("vital", LAB))).status_code == 403
    assert (await app.put("/Observation/lab", json=observation("lab", LAB, status="amended"))).status_code == 200
    assert (await app.delete("/Observation/vital")).status_code == 403
    assert (await app.delete("/Observation/lab")).status_code == 204
    assert (await ward.get("/Observation/vital")).json()["category"] == [VITAL]


@pytest.mark.parametrize("id_", ["lab", "vital"])
async def test_a_patch_cannot_carry_a_resource_into_or_out_of_the_scope(ward, app_of, id_: str) -> None:
    patch = [{"op": "replace", "path": "/category/0", "value": VITAL if id_ == "lab" else LAB}]
    headers = {"content-type": "application/json-patch+json"}
    answer = await app_of(WRITE).request("PATCH", f"/Observation/{id_}", json=patch, headers=headers)
    assert answer.status_code == 403


async def test_reading_is_narrowed_though_adding_is_not(ward, app_of) -> None:
    app = app_of(NARROW, "patient/Observation.c")
    assert (await app.post("/Observation", json=observation("new", VITAL))).status_code == 201
    assert ids((await app.get("/Observation")).json()) == {"lab"}


def test_an_export_is_filtered_by_the_scopes() -> None:
    actor = Actor("a", "system", "A", scopes=("system/Observation.rs?category=laboratory", "system/Patient.rs"))
    assert filters_within(actor, ("Observation", "Patient"), ["Patient?gender=female"]) == [
        "Patient?gender=female",
        "Observation?category=laboratory",
    ]
    assert filters_within(actor, ("Observation",), ["Observation?code=x"]) == ["Observation?code=x&category=laboratory"]
    assert filters_within(Actor("a", "system", "A"), ("Observation",), ["Observation?code=x"]) == ["Observation?code=x"]


async def test_the_statement_says_where_a_client_gets_its_token(client) -> None:
    security = (await client.get("/metadata")).json()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    uris = {one["url"]: one["valueUri"] for one in security["extension"][0]["extension"]}
    assert uris["authorize"] == "http://hie.test/oauth/authorize"
    assert uris["token"] == "http://hie.test/oauth/token"
