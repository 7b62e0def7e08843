"""Granular scopes over the real store: neither a chain, an include, a total nor `$everything` shows what they leave out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from xinglin.access.actor import Actor
from xinglin.access.tokens import issue_for
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.store import Scope, Store, Update

SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-category"


def observation(id_: str, category: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "category": [{"coding": [{"system": SYSTEM, "code": category}]}],
        "code": {"coding": [{"system": "urn:c", "code": id_}]}, "subject": {"reference": "Patient/p1"}, **more,
    }  # fmt: skip


WORLD = (
    {"resourceType": "Patient", "id": "p1", "gender": "female"},
    {"resourceType": "Patient", "id": "p2", "gender": "female"},
    observation("lab", "laboratory"),
    observation("mind", "survey"),
    observation("sum", "laboratory", derivedFrom=[{"reference": "Observation/mind"}]),
    {
        "resourceType": "DiagnosticReport", "id": "report", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/p1"}, "result": [{"reference": "Observation/lab"}, {"reference": "Observation/mind"}],
    },
)  # fmt: skip
SCOPES = ("patient/Patient.rs", "patient/DiagnosticReport.rs", "patient/Observation.rs?category=laboratory")


@pytest.fixture
async def app_of(module_store: Store, keys: Keys) -> Callable[..., httpx.AsyncClient]:
    records = module_store.records(Scope.everyone())
    await records.write([Update(one, one["id"]) for one in WORLD])

    async def everyone(_actor: Actor) -> Scope:
        return Scope.everyone()

    door = FhirDoor(module_store, BearerAccess(keys), Settings(), scope=everyone)

    def make(*scopes: str) -> httpx.AsyncClient:
        token = issue_for(keys, Actor("a", "system", "A", client="app", scopes=scopes or SCOPES), 3600)
        transport = httpx.ASGITransport(door)
        return httpx.AsyncClient(transport=transport, base_url="http://hie.test/fhir", headers={"authorization": f"Bearer {token}"})

    return make


def ids(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {entry["resource"]["id"] for entry in answer.json().get("entry", []) if entry.get("search", {}).get("mode") != "outcome"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Observation?_total=accurate", {"lab", "sum"}),
        ("Observation?code=urn:c|mind", set()),
        ("Observation?_id=mind", set()),
        ("Patient?_has:Observation:patient:code=urn:c|lab", {"p1"}),
        ("Patient?_has:Observation:patient:code=urn:c|mind", set()),
        ("DiagnosticReport?result.code=urn:c|lab", {"report"}),
        ("DiagnosticReport?result.code=urn:c|mind", set()),
        ("Observation?derived-from:Observation.code=urn:c|mind", set()),
        ("DiagnosticReport?_include=DiagnosticReport:result", {"report", "lab"}),
        ("Observation?_id=sum&_include=Observation:derived-from", {"sum"}),
        ("Patient?_id=p1&_revinclude=Observation:patient", {"p1", "lab", "sum"}),
        ("Patient/p1/Observation", {"lab", "sum"}),
        ("Patient/p1/$everything", {"p1", "report", "lab", "sum"}),
        ("?_type=Observation,Patient", {"lab", "sum", "p1", "p2"}),
    ],
)
async def test_no_way_of_asking_shows_what_the_scopes_leave_out(app_of, query: str, found: set[str]) -> None:
    assert ids(await app_of().get(f"/{query}")) == found


async def test_totals_count_only_what_may_be_seen(app_of) -> None:
    assert (await app_of().get("/Observation?_summary=count")).json()["total"] == 2
    assert (await app_of().get("/Observation?_total=accurate&_count=1")).json()["total"] == 2


async def test_a_chain_through_a_type_without_scope_is_refused(app_of) -> None:
    app = app_of("patient/Patient.rs")
    assert (await app.get("/Patient?_has:Observation:patient:code=urn:c|lab")).status_code == 403
    assert (await app.get("/Patient?_has:DiagnosticReport:patient:result.code=urn:c|lab")).status_code == 403


async def test_a_condition_finds_only_what_may_be_seen(app_of) -> None:
    app = app_of("patient/Observation.cruds?category=laboratory")
    hidden = await app.put("/Observation?code=urn:c|mind", json={k: v for k, v in observation("x", "laboratory").items() if k != "id"})
    assert hidden.status_code == 201
    again = await app.delete("/Observation?code=urn:c|mind")
    assert again.status_code == 204
    assert ids(await app_of("patient/Observation.rs").get("/Observation?_id=mind")) == {"mind"}
