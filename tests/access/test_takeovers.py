"""Trying to get at a record by writing: moving, claiming and appointing what is none of one's own. What may be written leaves a trace."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.fhir_api import county
from tests.doors.fhir_api.county import (
    CODE,
    COLLEAGUE,
    DISPATCHER,
    HEALTH,
    HOSPITAL,
    MACHINE,
    NOON,
    PHARMACIST,
    PLAIN,
    REGISTRAR,
    RESIDENT,
    STRANGER,
    TREATING,
    ClientOf,
    about,
)  # fmt: skip
from xinglin.access.actor import Actor
from xinglin.access.reach import Reach
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.store import Scope, Store, Update

LI, OTHER = {"reference": "Practitioner/li"}, {"reference": "Patient/other"}


async def _clients(store: Store, keys: Keys) -> ClientOf:
    await county.settle(store.records(Scope.everyone()))
    reach = Reach(store, lambda: NOON)
    door = FhirDoor(store, BearerAccess(keys), Settings(), scope=reach.scope, now=lambda: NOON)
    return county.client_of(door, keys)


@pytest.fixture
async def client_of(store: Store, keys: Keys) -> ClientOf:
    """In a county of one's own."""
    return await _clients(store, keys)


@pytest.fixture(scope="module")
async def refused(module_store: Store, keys: Keys) -> ClientOf:
    """In a county that stays as it is, as all is refused."""
    return await _clients(module_store, keys)


async def sees_other(client: httpx.AsyncClient) -> bool:
    return (await client.get("/Observation/other-observation")).status_code == 200


def created(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "id"}


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


PARTS = [
    {"actor": {"reference": "Patient/own"}, "status": "accepted"},
    {"actor": OTHER, "status": "accepted"},
    {"actor": LI, "status": "accepted"},
]
GRANTS: list[dict[str, Any]] = [
    about("Encounter", "g", "other", status="in-progress", participant=[{"individual": LI}], **county.AMBULANT),
    about("Task", "g", "other", **PLAIN["Task"], requester=LI, owner=LI),
    about("ServiceRequest", "g", "other", status="active", intent="order", performer=[LI], requester=LI, code=CODE),
    about("CareTeam", "g", "other", status="active", participant=[{"member": LI}]),
    about("EpisodeOfCare", "g", "other", status="active", careManager=LI),
    about("RelatedPerson", "g", "other", relationship=[{"coding": [{"code": "GUARD"}]}],
          identifier=[{"system": county.CARD, "value": "own"}]),
    {"resourceType": "Patient", "id": "other", "generalPractitioner": [LI]},
    {"resourceType": "Appointment", "id": "g", "status": "booked", "start": "2026-11-22T08:00:00Z", "end": "2026-11-22T09:00:00Z",
     "participant": PARTS},
    {"resourceType": "Consent", "id": "g", "status": "active", "patient": OTHER, "scope": {"coding": [{"code": "patient-privacy"}]},
     "category": [CODE], "policyRule": CODE, "provision": {"type": "permit", "actor": [{"role": CODE, "reference": LI}]}},
    about("Device", "g", "other"),
]  # fmt: skip


@pytest.mark.parametrize("actor", [TREATING, COLLEAGUE, STRANGER, PHARMACIST, RESIDENT], ids=lambda actor: actor.id)
@pytest.mark.parametrize("grant", GRANTS, ids=lambda grant: grant["resourceType"])
async def test_nobody_grants_themselves_a_stranger(refused: ClientOf, actor: Actor, grant: dict[str, Any]) -> None:
    """Plain, by transaction, by a patch of what is one's own, and by an id that is free."""
    type_, id_ = grant["resourceType"], grant["id"]
    async with refused(actor) as client:
        answers = [await client.post(f"/{type_}", json=created(grant)), await client.put(f"/{type_}/{id_}", json=grant)]
        entry = {
            "fullUrl": "urn:uuid:6f0ab8f5-7f4b-4d05-a1b1-111111111111",
            "resource": created(grant),
            "request": {"method": "POST", "url": type_},
        }
        answers.append(await client.post("/", json=transaction(entry)))
        assert {answer.status_code for answer in answers} <= {403, 404}, [answer.text for answer in answers]
        assert not await sees_other(client)


async def test_an_appointment_brings_no_second_patient_along(client_of: ClientOf) -> None:
    """The first participant is one's own patient, the second is not."""
    booked = next(one for one in GRANTS if one["resourceType"] == "Appointment")
    async with client_of(TREATING) as client:
        assert (await client.post("/Appointment", json=created(booked))).status_code == 403
        alone = created(booked) | {"participant": [PARTS[0], PARTS[2]]}
        made = await client.post("/Appointment", json=alone)
        assert made.status_code == 201
        patch = [{"op": "add", "path": "/participant/-", "value": PARTS[1]}]
        headers = {"content-type": "application/json-patch+json"}
        answer = await client.request("PATCH", f"/Appointment/{made.json()['id']}", json=patch, headers=headers)
        assert answer.status_code == 403
        assert not await sees_other(client)


@pytest.mark.parametrize(
    ("path", "value"), [("/subject/reference", "Patient/other"), ("/subject/reference", "#p"), ("/subject", {"display": "nobody"})]
)
async def test_nothing_is_moved_out_of_the_record_it_is_in(refused: ClientOf, path: str, value: Any) -> None:
    patch = [{"op": "replace", "path": path, "value": value}]
    if value == "#p":
        patch.append({"op": "add", "path": "/contained", "value": [{"resourceType": "Patient", "id": "p"}]})  # type: ignore[dict-item]
    async with refused(TREATING) as client:
        answer = await client.request(
            "PATCH", "/Observation/own-observation", json=patch, headers={"content-type": "application/json-patch+json"}
        )
        assert answer.status_code in (403, 422), answer.text


@pytest.mark.parametrize(
    "reference",
    ["Patient/other", "Patient/other/_history/1", "http://hie.test/fhir/Patient/other", f"Patient?identifier={county.CARD}|other",
     "Patient?_id=other", "#p", "http://elsewhere.test/Patient/1", "urn:uuid:6f0ab8f5-7f4b-4d05-a1b1-222222222222"],
)  # fmt: skip
@pytest.mark.parametrize("type_", ["Observation", "Task", "Encounter", "Device", "CareTeam"])
async def test_no_way_of_referring_writes_into_a_strangers_record(refused: ClientOf, type_: str, reference: str) -> None:
    """The last is a Patient made in the same transaction, which is the registrar's to make."""
    made = about(type_, "", "x", **PLAIN.get(type_, {}))
    made[next(name for name in ("for", "patient", "subject") if name in made)] = {"reference": reference}
    if reference == "#p":
        made["contained"] = [{"resourceType": "Patient", "id": "p", "name": [{"text": county.OTHER}]}]
    patient = {"fullUrl": reference, "resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
    entries = [{"resource": created(made), "request": {"method": "POST", "url": type_}}]
    async with refused(TREATING) as client:
        answer = await client.post("/", json=transaction(*entries, *([patient] if reference.startswith("urn:") else [])))
        assert answer.status_code in (403, 412, 422, 400), answer.text
        assert not await sees_other(client)


async def test_an_id_that_is_taken_or_was_is_not_taken_over(client_of: ClientOf) -> None:
    """Written over, nothing of it is seen; deleted before, the versions it had stay unseen."""
    mine = about("Observation", "other-observation", "own", **PLAIN["Observation"])
    async with client_of(TREATING) as client:
        assert (await client.put("/Observation/other-observation", json=mine)).status_code == 404
        again = await client.put("/Observation/other-gone", json=mine | {"id": "other-gone"})
        assert again.status_code == 201
        history = await client.get("/Observation/other-gone/_history")
        assert county.OTHER not in history.text
        assert (await client.get("/Observation/other-gone/_history/1")).status_code == 404


async def test_a_label_is_lowered_by_who_sees_it_alone_and_the_versions_stay_closed(client_of: ClientOf) -> None:
    async with client_of(COLLEAGUE) as client:
        delete = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": county.R}]}
        assert (await client.post("/Observation/own-five/$meta-delete", json=delete)).status_code == 404
        assert (
            await client.put("/Observation/own-five", json=about("Observation", "own-five", "own", **PLAIN["Observation"]))
        ).status_code == 404
        assert county.FIVE not in (await client.get("/Observation/eased/_history")).text
        assert (await client.get("/Observation/eased/_history/1")).status_code == 404


async def test_a_resident_speaks_for_themselves_and_their_wards_alone(client_of: ClientOf, store: Store) -> None:
    """Who is let in by a neighbour for a day cannot lengthen that by a consent in the neighbour's name."""
    told = next(one for one in GRANTS if one["resourceType"] == "Consent")
    day = {"type": "permit", "period": {"end": "2026-11-23"}, "actor": [{"role": CODE, "reference": {"reference": "Patient/own"}}]}
    await store.records(Scope.everyone()).write([Update(told | {"id": "day", "provision": day}, "day")])
    async with client_of(RESIDENT) as client:
        assert await sees_other(client)
        assert (await client.post("/Consent", json=created(told))).status_code == 403
        assert (await client.put("/Consent/day", json=told | {"id": "day"})).status_code == 403
        own = created(told) | {"patient": {"reference": "Patient/own"}}
        assert (await client.post("/Consent", json=own)).status_code == 201


@pytest.mark.parametrize(
    ("actor", "grant"), [(REGISTRAR, 0), (REGISTRAR, 4), (REGISTRAR, 5), (DISPATCHER, 0), (DISPATCHER, 1), (HEALTH, 1)], ids=str
)
async def test_who_may_begin_care_for_anyone_leaves_a_trace(client_of: ClientOf, store: Store, actor: Actor, grant: int) -> None:
    """Registration, the ambulance and public health bring residents and staff together: that is their work, and it is written down."""
    async with client_of(actor) as client:
        answer = await client.post(f"/{GRANTS[grant]['resourceType']}", json=created(GRANTS[grant]))
        assert answer.status_code == 201, answer.text
    async with store.ground.side.connection() as connection:
        rows = await connection.fetch("SELECT actor, role, interaction, id FROM xinglin.audit WHERE type = $1 AND interaction = 'create'",
                                      GRANTS[grant]["resourceType"])  # fmt: skip
    assert (actor.id, actor.role, "create", answer.json()["id"]) in [tuple(row) for row in rows]


async def test_an_application_for_one_patient_writes_into_no_other_record(refused: ClientOf) -> None:
    async with refused(MACHINE) as client:
        for type_ in ("Observation", "Task", "Device", "Communication"):
            made = created(about(type_, "", "other", **PLAIN[type_]))
            assert (await client.post(f"/{type_}", json=made)).status_code == 403
        assert (await client.delete("/Observation/other-observation")).status_code == 404


async def test_who_works_elsewhere_sees_what_is_nobodys_alone(refused: ClientOf) -> None:
    actor = Actor("x", "doctor", "X", "Practitioner/x", (f"{HOSPITAL}-other",))
    async with refused(actor) as client:
        for type_ in ("Task", "Device", "Contract", "GuidanceResponse"):
            answer = await client.get(f"/{type_}")
            assert answer.status_code == 403 or not answer.json().get("entry")
