"""A small county whose web door asks the real rules who sees whom: two residents, a hospital, its staff, three administrators."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from tests.signed_in import COOKIE, QUICK, sign_in
from xinglin.access.reach import Reach
from xinglin.app.discovery import discover, folder_of
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import gate_of
from xinglin.fhir.codec import Resource
from xinglin.store import Scope, Store, Update

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BASE = "http://county.test"
HOSPITAL, OTHER = "Organization/hospital", "Organization/other"
NAMES = {"zhang": "张桂兰", "chen": "陈小宝"}
NUMBERS = {"zhang": "580123195906181224", "chen": "580123202309120018"}
PHONES = {"zhang": "15412347734", "chen": "15400001111"}


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **more: float) -> None:
        self.now += timedelta(**more)


@dataclass
class County:
    """A web door over a store. `secrets`: the session of each who has signed in."""

    store: Store
    reach: Reach
    clock: Clock
    app: object
    secrets: dict[str, str] = field(default_factory=dict)

    async def sign_in(self, id: str, role: str, name: str, person: str = "", units: tuple[str, ...] = ()) -> httpx.AsyncClient:
        """Someone at a browser."""
        secret = await sign_in(self.store, role, self.clock.now, id=id, name=name, person=person, units=units)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=("10.1.2.3", 4000)), base_url=BASE,
            cookies={COOKIE: secret, "xinglin_language": "zh-CN"}, headers={"Sec-Fetch-Site": "same-origin"},
        )  # fmt: skip

    async def put(self, *resources: Resource) -> None:
        """Write resources past every rule."""
        await self.store.records(Scope.everyone()).write([Update(one, one["id"]) for one in resources])

    async def doctor(self, id: str = "a-li", name: str = "李医生", unit: str = HOSPITAL) -> httpx.AsyncClient:
        return await self.sign_in(id, "doctor", name, f"Practitioner/{id[2:]}", (unit,))

    async def resident(self, who: str = "zhang") -> httpx.AsyncClient:
        return await self.sign_in(f"a-{who}", "resident", NAMES[who], f"Patient/{who}")

    async def administrator(self, role: str = "security_admin") -> httpx.AsyncClient:
        return await self.sign_in(f"a-{role}", role, "吴管理")


def patient(who: str, **more: object) -> Resource:
    return {
        "resourceType": "Patient", "id": who, "name": [{"text": NAMES[who], "family": NAMES[who][0], "given": [NAMES[who][1:]]}],
        "gender": "female", "birthDate": "1959-06-18", "identifier": [{"system": "urn:test:id", "value": NUMBERS[who]}],
        "telecom": [{"system": "phone", "value": PHONES[who]}],
    } | more  # fmt: skip


def encounter(who: str = "zhang", doctor: str = "Practitioner/li", **more: object) -> Resource:
    return {
        "resourceType": "Encounter", "id": f"visit-{who}", "status": "in-progress", "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{who}"}, "participant": [{"individual": {"reference": doctor}}],
        "serviceProvider": {"reference": HOSPITAL}, "period": {"start": "2026-11-22T10:00:00+08:00"},
    } | more  # fmt: skip


def pressure(who: str) -> Resource:
    return {
        "resourceType": "Observation", "id": f"bp-{who}", "status": "final", "subject": {"reference": f"Patient/{who}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    }  # fmt: skip


async def found(store: Store, **more: object) -> County:
    """The county: nobody has a care relationship yet. `more`: settings."""
    clock = Clock()
    reach = Reach(store, clock)

    async def records(actor):
        return store.records(await reach.scope(actor))

    capabilities = discover()
    house = House(
        capabilities=capabilities, folders={name: folder_of(name) for name in capabilities},
        gate=gate_of(Settings(**more), store, passwords=QUICK), records=records, now=clock, language="zh-CN",
        timezone=ZoneInfo("Asia/Shanghai"), audit=store.note, stale=reach.stale,
    )  # fmt: skip
    county = County(store, reach, clock, web_app(house))
    named = {"hospital": "县人民医院", "other": "邻县医院"}
    places = [{"resourceType": "Organization", "id": id_, "name": name} for id_, name in named.items()]
    staff = [{"resourceType": "Practitioner", "id": id_, "name": [{"text": name}]} for id_, name in (("li", "李医生"), ("wu", "吴医生"))]
    people = [one for who in NAMES for one in (patient(who), pressure(who))]
    await county.put(*places, *staff, *people)
    return county
