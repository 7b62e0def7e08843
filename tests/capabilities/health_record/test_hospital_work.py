"""A hospital's home counts and lists who lies on one's wards and what was referred to one's person or institution."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from tests.capabilities.watched import HOSPITAL, encounter, found
from tests.doors.web.drawn import WANG, ZHANG, settle
from xinglin.access.actor import Actor
from xinglin.capabilities.health_record import queries
from xinglin.fhir.codec import Resource
from xinglin.kit.unit import Unit
from xinglin.store import Scope, Store

ZONE = ZoneInfo("Asia/Shanghai")
NURSE = Actor("8", "nurse", "护士", "Practitioner/cardiologist", ("Organization/county-hospital", "Location/ward-1"))


def stay(id_: str, status: str, ward: str, kind: str = "IMP") -> Resource:
    return {
        "resourceType": "Encounter", "id": id_, "status": status, "class": {"code": kind}, "subject": {"reference": f"Patient/{ZHANG}"},
        "location": [{"location": {"reference": f"Location/{ward}"}}], "period": {"start": "2026-11-20T08:00:00+08:00"},
    }  # fmt: skip


def request(id_: str, to: str, category: str = "3457005", status: str = "active") -> Resource:
    return {
        "resourceType": "ServiceRequest", "id": id_, "status": status, "intent": "order", "priority": "urgent",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": category, "display": "转诊"}]}],
        "subject": {"reference": f"Patient/{WANG}"}, "performer": [{"reference": to}], "requester": {"display": "李春生"},
    }  # fmt: skip


@pytest.fixture
async def nurse(unit: Unit, told: Store) -> Unit:
    world = [
        stay("here", "in-progress", "ward-1"), stay("gone", "finished", "ward-1"), stay("elsewhere", "in-progress", "ward-2"),
        stay("rooms", "in-progress", "ward-1", "AMB"), request("to-me", NURSE.person), request("to-house", NURSE.units[0]),
        request("done", NURSE.person, status="completed"), request("blood", NURSE.person, "108252007"),
        request("to-another", "Practitioner/another"),
    ]  # fmt: skip
    await settle(told.records(Scope.everyone()), world)
    return replace(unit, actor=NURSE)


async def test_who_lies_on_ones_wards_now_and_nobody_else(nurse: Unit) -> None:
    found = await queries.lying(nurse, ZONE)
    assert [(visit.id, person.id if person else "") for visit, person in found.rows] == [("here", ZHANG)]
    assert (found.total, await queries.count_lying(nurse)) == (1, 1)


async def test_what_is_referred_to_ones_person_or_institution_and_waits(nurse: Unit) -> None:
    found = await queries.referred(nurse, ZONE)
    assert {one.id for one, _ in found.rows} == {"to-me", "to-house"}
    assert {(one.by, one.urgent, person.id if person else "") for one, person in found.rows} == {("李春生", True, WANG)}
    assert await queries.count_referred(nurse) == 2


async def test_a_hat_without_ward_and_institution_has_neither(nurse: Unit) -> None:
    bare = replace(nurse, actor=Actor("9", "doctor", "李医生"))
    assert (await queries.lying(bare, ZONE)).rows == (await queries.referred(bare, ZONE)).rows == ()
    assert (await queries.count_lying(bare), await queries.count_referred(bare)) == (0, 0)


async def test_the_hospitals_home_leads_to_both_lists_for_who_treats(store: Store) -> None:
    county = await found(store)
    lying = {"class": {"code": "IMP"}, "location": [{"location": {"reference": "Location/ward-1"}}]}
    await county.put({"resourceType": "Location", "id": "ward-1", "name": "心内科病区"}, encounter(**lying))
    await county.put(request("to-house", HOSPITAL) | {"subject": {"reference": "Patient/chen"}})
    nurse = await county.sign_in("a-nurse", "nurse", "护士", "Practitioner/wu", (HOSPITAL, "Location/ward-1"))
    home = (await nurse.get("/hospital")).text
    assert 'href="/lying"' in home
    assert 'href="/referred"' in home
    assert "张桂兰" in (await nurse.get("/lying")).text
    referred = (await nurse.get("/referred")).text
    assert "陈小宝" in referred
    assert "加急" in referred
    registrar = await county.sign_in("a-desk", "registrar", "挂号员", "", (HOSPITAL,))
    assert 'href="/lying"' not in (await registrar.get("/hospital")).text
    assert (await registrar.get("/lying")).status_code == 403
