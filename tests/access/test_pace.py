"""Nobody asks so fast that others wait: each account and each address has its measure; machines and people at their pace notice nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.doors.fhir_api.memory import MemoryRecords, everyone
from tests.signed_in import COOKIE, QUICK, sign_in
from xinglin.access.actor import Actor
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.grants import AsTheyWere
from xinglin.access.oauth.model import drawers
from xinglin.access.pace import KEYS_MAX, Buckets, Pace, network_of, pace_of, unlimited
from xinglin.access.tokens import issue
from xinglin.base.crypto import Keys
from xinglin.base.errors import TooMany
from xinglin.base.settings import Settings
from xinglin.doors.fhir_api import BearerAccess, FhirDoor
from xinglin.doors.smart import smart_app
from xinglin.doors.smart.door import Desk
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import gate_of
from xinglin.store import Scope, Store

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DOCTOR, MACHINE = Actor("dr-li", "doctor", "李医生"), Actor("lab", "system", "lab")


def test_a_bucket_gives_what_it_holds_then_refills_steadily() -> None:
    bucket = Buckets(6)
    assert [bucket.wait_s("a", 100.0) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10]
    assert bucket.wait_s("b", 100.0) == 0, "another key has its own"
    assert bucket.wait_s("a", 105.0) == 5
    assert bucket.wait_s("a", 110.0) == 0
    assert bucket.wait_s("a", 110.0) == 10
    assert [bucket.wait_s("a", 10_000.0) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10], "it never holds more than a minute's worth"


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Buckets(1)
    assert bucket.wait_s("a", 100.0) == 0
    assert bucket.wait_s("a", 40.0) > 0
    assert bucket.wait_s("a", 101.0) > 0


def test_nought_is_no_limit() -> None:
    bucket = Buckets(0)
    assert not any(bucket.wait_s("a", 0.0) for _ in range(10_000))


def test_what_is_remembered_is_bounded_and_the_one_longest_unused_goes() -> None:
    bucket = Buckets(1)
    for number in range(KEYS_MAX):
        bucket.wait_s(str(number), 0.0)
    assert bucket.wait_s("0", 0.0) > 0, "still known; used just now"
    bucket.wait_s("one more", 0.0)
    assert bucket.wait_s("0", 0.0) > 0
    assert bucket.wait_s("1", 0.0) == 0, "forgotten"


def test_machines_are_not_counted_and_people_are() -> None:
    pace = pace_of(Settings(requests_per_minute_account=2))
    for _ in range(10):
        pace.of_account(MACHINE, 0.0)
    pace.of_account(DOCTOR, 0.0)
    pace.of_account(DOCTOR, 0.0)
    with pytest.raises(TooMany, match="wait 30 s") as refused:
        pace.of_account(DOCTOR, 0.0)
    assert refused.value.retry_after_s == 30


def test_the_addresses_of_one_network_share_a_measure() -> None:
    assert network_of("10.1.2.3") == "10.1.2.3"
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9%eth0") == "2001:db8:1:2"
    assert network_of("2001:db8::1") == network_of("2001:db8::2") != network_of("2001:db8:0:1::2")
    assert network_of("::ffff:10.1.2.3") != network_of("::ffff:10.1.2.4"), "one written in the other's form stays itself"


async def test_the_fhir_door_holds_people_and_strangers_back_with_a_time_to_wait(keys: Keys) -> None:
    pace = Pace(Buckets(3), Buckets(2))
    door = FhirDoor(MemoryRecords(), BearerAccess(keys), Settings(), scope=everyone, pace=pace, now=lambda: NOON)

    client = httpx.AsyncClient(base_url="http://t/fhir", transport=httpx.ASGITransport(door))

    async def status(path: str, **headers: str) -> list[int]:
        return [(await client.get(path, headers=headers)).status_code for _ in range(5)]

    assert await status("Patient", authorization=f"Bearer {issue(keys, 'doctor', 'dr-li', now=NOON)}") == [200, 200, 200, 429, 429]
    assert (await status("Patient", authorization=f"Bearer {issue(keys, 'doctor', 'dr-wang', now=NOON)}"))[0] == 200
    assert await status("Patient", authorization=f"Bearer {issue(keys, 'system', 'lab', now=NOON)}") == [200] * 5
    assert await status("metadata", authorization=f"Bearer {issue(keys, 'system', 'lab', now=NOON)}") == [200] * 5
    assert await status("Patient", authorization="Bearer guessed") == [401, 401, 429, 429, 429]
    assert await status("metadata") == [429] * 5, "the same stranger"
    refused = await client.get("metadata")
    assert refused.headers["retry-after"] == "30"
    assert refused.json()["issue"][0]["code"] == "throttled"


async def test_the_web_door_holds_back_an_account_and_a_stranger(module_store: Store) -> None:
    house = House(
        {}, {}, gate_of(Settings(), module_store, passwords=QUICK), partial(_all, module_store), lambda: NOON, "en", ZoneInfo("UTC"),
        pace=Pace(Buckets(3), Buckets(2)),
    )  # fmt: skip
    secret = await sign_in(module_store, "doctor", NOON)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web_app(house)), base_url="http://t") as client:
        assert [(await client.get("/sign-in")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await client.get("/sign-in")
        assert refused.headers["retry-after"] == "30"
        assert "wait 30 s" in refused.text
        assert refused.headers["content-security-policy"]
        client.cookies.set(COOKIE, secret)
        assert [(await client.get("/sign-in")).status_code for _ in range(4)] == [200, 200, 200, 429]


async def test_the_endpoints_for_applications_hold_back_an_address(module_store: Store, keys: Keys) -> None:
    async def alive(_session: str, _now: datetime) -> bool:
        return True

    limits = Pace(Buckets(0), Buckets(2))
    desk = Desk(
        drawers(module_store.ground), keys, AsTheyWere(), Fetcher(), lambda _: False, alive, lambda _: None, now=lambda: NOON, limits=limits
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(smart_app(desk)), base_url="http://t") as client:
        assert [(await client.get("/.well-known/smart-configuration")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await client.post("/oauth/token", data={"grant_type": "password"})
        assert (refused.status_code, refused.json()["error"], refused.headers["retry-after"]) == (429, "slow_down", "30")


def test_without_settings_nobody_at_a_persons_pace_is_refused() -> None:
    pace = pace_of(Settings())
    for second in range(600):
        for _ in range(15):
            pace.of_account(DOCTOR, float(second))
        for _ in range(8):
            pace.of_address("10.0.0.1", float(second))
    free = unlimited()
    for _ in range(10_000):
        free.of_address(None, 0.0)


async def _all(store: Store, _actor: Actor) -> object:
    return store.records(Scope.everyone())
