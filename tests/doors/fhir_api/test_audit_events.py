"""The audit administrator searches the ledger as AuditEvents; nobody changes it there; each look is noted itself."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from tests.store.ledger.written import SECOND, T0, look, noted
from xinglin.access.actor import Actor
from xinglin.access.tokens import issue
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.store import Create, Scope, Store
from xinglin.store.ledger.looking import patient_number

Client = httpx.AsyncClient


async def everyone(_actor: Actor) -> Scope:
    return Scope.everyone()


@pytest.fixture(scope="module")
def as_role(module_store: Store, keys: Keys) -> Callable[[str], Client]:
    settings = Settings(page_size=5, page_size_max=20)
    door = FhirDoor(module_store, BearerAccess(keys), settings, scope=everyone)

    def make(role: str) -> Client:
        headers = {"authorization": f"Bearer {issue(keys, role, f'a-{role}', 3600)}"}
        return Client(transport=httpx.ASGITransport(door), base_url="http://hie.test/fhir", headers=headers)

    return make


@pytest.fixture(scope="module")
async def auditor(module_store: Store, as_role: Callable[[str], Client]) -> AsyncIterator[Client]:
    """Thirty reads, five searches that showed two patients, one refused sign-in."""
    records = module_store.records(Scope.everyone())
    await records.write([Create({"resourceType": "Patient"}, id="li"), Create({"resourceType": "Patient"}, id="wang")])
    li, wang = [await patient_number(module_store.ground, id_) for id_ in ("li", "wang")]
    await noted(module_store, *(look(n, patients=(li,) if n < 4 else (wang,), id=f"p{n}") for n in range(30)))
    lists = [look(n, interaction="search-type", id=None, query="name=赵", patients=(li, wang)) for n in range(5)]
    await noted(module_store, *lists, at=T0 + 100 * SECOND)
    await noted(
        module_store, look(1, interaction="sign-in", type=None, id=None, status=401, patients=(), address="10.9.9.9"), at=T0 + 200 * SECOND
    )
    async with as_role("audit_admin") as client:
        yield client


async def found(client: Client, query: str) -> dict[str, Any]:
    answer = await client.get(f"/AuditEvent?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("query", "many"),
    [
        ("patient=li", 9),
        ("patient=Patient/wang&subtype=search", 5),
        ("patient=nobody", 0),
        ("agent=d-1&action=R", 10),
        ("agent-role=urn:xinglin:role|doctor", 36),
        ("action=E&agent-role=doctor", 6),
        ("action=C", 0),
        ("type=rest&agent-role=doctor", 35),
        ("type=http://dicom.nema.org/resources/ontology/DCM|110114", 1),
        ("subtype=sign-in", 1),
        ("outcome=4", 1),
        ("outcome=12", 0),
        ("address=10.9.9.9", 1),
        ("entity=Patient/p7", 1),
        ("date=ge2026-09-21T14:15:00Z&date=lt2026-09-21T14:16:00Z", 5),
        ("date=2026-09-21&agent-role=doctor", 36),
        ("date=lt2026-09-21", 0),
        ("_id=3", 1),
    ],
)
async def test_each_parameter_finds_what_it_says_and_the_total_is_right(auditor: Client, query: str, many: int):
    bundle = await found(auditor, query + "&_count=20")
    assert bundle["total"] == many
    assert len(bundle.get("entry", [])) == min(many, 20)


async def test_an_act_is_told_with_what_was_asked_and_whom_it_showed(auditor: Client):
    event = (await found(auditor, "subtype=search-type&agent-role=doctor&_count=1"))["entry"][0]["resource"]
    references = [one["what"].get("reference") for one in event["entity"] if "what" in one]
    assert references[:2] == ["Patient/li", "Patient/wang"]
    assert base64.b64decode(next(one["query"] for one in event["entity"] if "query" in one)).decode() == "name=赵"
    again = await auditor.get(f"/AuditEvent/{event['id']}")
    assert again.json() == event


async def test_pages_follow_each_other_newest_first(auditor: Client):
    seen: list[str] = []
    address = "/AuditEvent?agent-role=doctor&_count=7"
    while address:
        bundle = (await auditor.get(address)).json()
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        address = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    assert len(seen) == len(set(seen)) == 36
    assert [int(n) for n in seen] == sorted((int(n) for n in seen), reverse=True)


async def test_a_search_may_be_posted_and_may_only_count(auditor: Client):
    answer = await auditor.post("/AuditEvent/_search", data={"patient": "li", "_summary": "count"})
    assert answer.json()["total"] == 9
    assert "entry" not in answer.json()


@pytest.mark.parametrize(
    "query",
    ["source=x", "agent=a&agent=b", "_sort=date", "_count=x", "_cursor=-1", "entity=li", "date=x", "date=ap2026", "date=2026,2025",
     "agent-role=urn:other|doctor", "_include=AuditEvent:patient"],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_never_ignored(auditor: Client, query: str):
    assert (await auditor.get(f"/AuditEvent?{query}")).status_code == 400


async def test_what_is_not_there_is_not_found(auditor: Client):
    for id_ in ("999999999", "x", "9" * 30, "1.5"):
        assert (await auditor.get(f"/AuditEvent/{id_}")).status_code == 404


async def test_the_ledger_is_read_only(auditor: Client, as_role: Callable[[str], Client]):
    assert (await auditor.put("/AuditEvent/1", json={"resourceType": "AuditEvent", "id": "1"})).status_code == 403
    assert (await auditor.delete("/AuditEvent/1")).status_code == 403
    assert (await auditor.post("/AuditEvent", json={"resourceType": "AuditEvent"})).status_code == 403
    assert (await as_role("doctor").get("/AuditEvent")).status_code == 403


async def test_each_look_at_the_ledger_is_in_the_ledger(auditor: Client, module_store: Store):
    await auditor.get("/AuditEvent?agent=d-2")
    await module_store.trail.flush()
    event = (await found(auditor, "agent=a-audit_admin&_count=1"))["entry"][0]["resource"]
    assert base64.b64decode(next(one["query"] for one in event["entity"] if "query" in one)) == b"agent=d-2"


async def test_events_other_systems_send_are_stored_and_found_by_machines(as_role: Callable[[str], Client]):
    machine = as_role("system")
    event = {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-09-21T00:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "PACS"}},
    }
    made = await machine.post("/AuditEvent", json=event)
    assert made.status_code == 201
    assert (await machine.get("/AuditEvent")).json()["total"] == 1
    assert (await machine.get(f"/AuditEvent/{made.json()['id']}")).json()["source"]["observer"]["display"] == "PACS"
    assert (await machine.get("/AuditEvent/_history")).status_code == 200
