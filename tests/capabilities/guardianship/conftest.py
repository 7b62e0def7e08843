"""A county with a mother, her child, a grandmother, and the registrar who enters who acts for whom."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import httpx
import pytest

from tests.capabilities.watched import HOSPITAL, County, found, pressure
from tests.signed_in import COOKIE
from xinglin.access.accounts import Account, Hat, Register
from xinglin.base.errors import Conflict
from xinglin.base.national_ids import make_resident_id
from xinglin.fhir.codec import Resource
from xinglin.store import Store

SYSTEM = "urn:oid:2.16.156.10011.1.3"

MOTHER = make_resident_id("580123", date(1996, 4, 2), 22)
GRANNY = make_resident_id("580123", date(1948, 2, 29), 44)
AUNT = make_resident_id("580123", date(1990, 7, 7), 66)
CHILD = make_resident_id("580123", date(2008, 11, 24), 11)
TEEN = make_resident_id("580123", date(2009, 1, 1), 13)
PDF = b"%PDF-1.4 household register"


def person(id_: str, name: str, number: str, born: str) -> Resource:
    return {
        "resourceType": "Patient", "id": id_, "name": [{"text": name}], "birthDate": born, "gender": "female",
        "identifier": [{"system": SYSTEM, "value": number}], "telecom": [{"system": "phone", "value": "13800001111"}],
    }  # fmt: skip


def problem(who: str) -> Resource:
    return {
        "resourceType": "Condition", "id": f"problem-{who}", "subject": {"reference": f"Patient/{who}"},
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
        "code": {"text": "支气管哮喘"},
    }  # fmt: skip


@pytest.fixture
async def county(store: Store) -> County:
    """The child is 17 and comes of age in two days."""
    county = await found(store)
    await county.put(
        person("mother", "林芳", MOTHER, "1996-04-02"), person("granny", "赵秀英", GRANNY, "1948-02-29"),
        person("child", "林小雨", CHILD, "2008-11-24"), pressure("child"), pressure("granny"), problem("child"),
    )  # fmt: skip
    return county


def form(**more: str) -> dict[str, str]:
    return {
        "kind": "parent", "name": "林芳", "number": MOTHER, "phone": "13800001111", "proof": "household", "proof_number": "5801-77",
        "proof_day": "2020-05-01", "until": "",
    } | more  # fmt: skip


AUTHORITY = {"kind": "agent", "proof": "notarised", "proof_number": "公证2026-9", "until": "2027-11-22"}
FILE = {"file": ("户口簿.pdf", PDF, "application/pdf")}


async def desk(county: County, id_: str = "a-desk", person: str = ""):
    return await county.sign_in(id_, "registrar", "挂号员", person, (HOSPITAL,))


async def resident(county: County, who: str, name: str) -> httpx.AsyncClient:
    """A resident of the demo: neither a second factor nor an identity check is asked of them."""
    hat = Hat("resident-hat", "resident", "", f"Patient/{who}")
    with suppress(Conflict):  # they have been here before
        await Register(county.store.ground).create(Account(f"a-{who}", f"tel.{who}", name, "demo", hats=(hat,)), county.clock.now)
    return await county.sign_in(f"a-{who}", "resident", name, f"Patient/{who}")


async def act_for(client: httpx.AsyncClient, person: str) -> None:
    """Switch to a ward, as the button does; the browser holds the new session."""
    moved = await client.post("/ward", data={"ward": person, "next": "/family"})
    assert moved.status_code == 303
    client.cookies = httpx.Cookies({COOKIE: moved.cookies[COOKIE], "xinglin_language": "zh-CN"})


async def status(county: County, client: httpx.AsyncClient, path: str) -> int:
    """What a page answers once everything written so far has reached the relations (the trail's own transaction may hold the feed back)."""
    await county.store.trail.flush()
    county.reach.stale()
    return (await client.get(path)).status_code
