"""The cast of the demo points at real people of the county."""

from __future__ import annotations

from datetime import date

import pytest

from tests.access.accounts.conftest import DESK, NOON
from tests.doors.web.drawn import settle
from tests.signed_in import QUICK
from xinglin.access.accounts import Entrance, personas
from xinglin.access.accounts.entrance import Refused
from xinglin.access.accounts.wards import wards_in
from xinglin.access.actor import ADMINISTRATORS, ROLES
from xinglin.base.errors import Invalid, Unauthenticated
from xinglin.engines.synthesis import county, stories_of
from xinglin.store import AuditRow, Scope, Store

SEED, RESIDENTS, TODAY = 7, 12, date(2026, 11, 21)
INSTITUTIONS = ("Organization", "Location", "Practitioner", "PractitionerRole")


async def test_the_cast_is_found_in_the_county_signs_in_by_one_click_and_leaves_with_the_demo(store: Store, trail: list[AuditRow]) -> None:
    # Given a county with its hand-drawn residents
    records = store.records(Scope.everyone())
    kept = (one for one in county(SEED, RESIDENTS, today=TODAY) if one["resourceType"] in (*INSTITUTIONS, "Patient"))
    await settle(records, kept)
    told = stories_of(SEED, RESIDENTS, today=TODAY)
    residents = {who.name: id_ for story, ids in told for who, id_ in zip(story.people, ids, strict=True)}
    # When the cast is settled, twice
    assert await personas.settle(store.ground, records, residents, NOON) == len(personas.CAST)
    await personas.settle(store.ground, records, residents, NOON)
    entrance = Entrance(store.ground, trail.append, passwords=QUICK)
    accounts = {one.persona: one for one in await entrance.register.personas(NOON)}
    # Then there is one account for each part, and every role of people is played
    assert set(accounts) == {part.key for part in personas.CAST}
    assert {hat.role for one in accounts.values() for hat in one.hats} == set(ROLES) - {"reader", "system"}
    assert accounts["village-doctor"].name == "李春生"
    for account in accounts.values():
        assert {hat.role for hat in account.hats} & set(ADMINISTRATORS) == set() or len(account.hats) == 1
        for hat in account.hats:
            for reference in filter(None, (hat.person, *hat.units)):
                type_, _, id_ = reference.partition("/")
                assert (await records.read(type_, id_)).resource()["id"] == id_
    # And one click lets each of them in
    secret = await entrance.by_persona("zhang-guilan", DESK, NOON)
    assert (await entrance.sessions.actor(secret, NOON)).person == f"Patient/{residents['张桂兰']}"
    # And the mother acts for her little son, nobody else does
    entrance.wards = wards_in(records)
    live = await entrance.sessions.find(await entrance.by_persona("liu-li", DESK, NOON), NOON)
    child = f"Patient/{residents['陈小宝']}"
    acting = await entrance.sessions.actor(await entrance.choose_ward(live, child, DESK, NOON), NOON)
    assert (acting.person, acting.patient) == (f"Patient/{residents['刘丽']}", residents["陈小宝"])
    other = await entrance.sessions.find(await entrance.by_persona("wang-xiuying", DESK, NOON), NOON)
    with pytest.raises(Invalid):
        await entrance.choose_ward(other, child, DESK, NOON)
    # And without the demo nobody of them is there, nor signed in
    assert await personas.dismiss(store.ground, NOON) == len(personas.CAST)
    with pytest.raises(Refused):
        await entrance.by_persona("zhang-guilan", DESK, NOON)
    later = Entrance(store.ground, trail.append, passwords=QUICK)
    with pytest.raises(Unauthenticated):
        await later.sessions.actor(secret, NOON)
