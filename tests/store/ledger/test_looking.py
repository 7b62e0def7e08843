"""The trail is read newest first: by person, by actor, by time, page after page."""

from __future__ import annotations

import pytest

from tests.store.ledger.written import DAY, SECOND, SIGNER, T0, look, noted, sealed
from xinglin.store import Create, Scope, Store
from xinglin.store.ledger.looking import act, acts, acts_on, count, patient_ids, patient_number, state
from xinglin.store.ledger.verified import Verified, keep_verified


@pytest.fixture(scope="module")
async def trail(module_store: Store) -> Store:
    """Sixty acts a second apart: of patient 7 five looks alone and six within lists; one refused sign-in."""
    await noted(module_store, *(look(n % 10, request=f"r-{n}") for n in range(48)))
    lists = [look(n, interaction="search-type", id=None, query="family=李", patients=(7, 8, 100 + n)) for n in range(6)]
    await noted(module_store, *lists, at=T0 + 100 * SECOND)
    refused = look(1, interaction="sign-in", type=None, id=None, patients=(), status=401, ground=None, address="10.9.9.9")
    await noted(module_store, refused, at=T0 + 200 * SECOND)
    return module_store


async def test_who_looked_at_a_record_is_told_newest_first(trail: Store):
    found = await acts_on(trail.ground, 7)
    assert len(found) == 11
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
    assert all(7 in one.patients for one in found)
    assert found[0].query == "family=李"
    assert (found[-1].actor, found[-1].role, found[-1].id, found[-1].ground) == ("d-1", "doctor", "p-7", "treats")
    assert await acts_on(trail.ground, 4711) == []


async def test_pages_follow_each_other_without_gap_or_repetition(trail: Store):
    for asked in ({"patient": 7}, {}, {"actor": "d-1"}):
        whole = await acts(trail.ground, limit=1000, **asked)
        pages, before = [], None
        while page := await acts(trail.ground, limit=4, before=before, **asked):
            pages += page
            before = page[-1].n
        assert pages == whole
        assert await count(trail.ground, **asked) == len(whole)


@pytest.mark.parametrize(
    ("asked", "many"),
    [
        ({}, 55),
        ({"actor": "d-1"}, 15 + 2 + 1),
        ({"role": "doctor", "interaction": "read"}, 48),
        ({"interaction": ["read", "sign-in"]}, 49),
        ({"type": "Patient", "id": "p-3"}, 5),
        ({"since": T0 + 10 * SECOND, "until": T0 + 20 * SECOND}, 10),
        ({"since": T0 + DAY}, 0),
        ({"address": "10.9.9.9"}, 1),
        ({"refused_only": True}, 1),
        ({"statuses": (200, 300), "patient": 8}, 4 + 6),
        ({"patient": 103}, 1),
        ({"actor": "d-1", "patient": 7}, 5 + 2),
    ],
)
async def test_what_is_asked_is_all_true_of_what_is_found(trail: Store, asked: dict[str, object], many: int):
    found = await acts(trail.ground, limit=1000, **asked)
    assert await count(trail.ground, **asked) == len(found)
    assert len(found) == many
    assert all(one.actor == asked.get("actor", one.actor) for one in found)


async def test_one_act_is_found_by_its_number(trail: Store):
    newest = (await acts(trail.ground, limit=1))[0]
    assert newest.interaction == "sign-in"
    assert await act(trail.ground, newest.n) == newest
    assert await act(trail.ground, 10**9) is None


async def test_patients_are_named_by_their_ids(trail: Store):
    records = trail.records(Scope.everyone())
    done = await records.write([Create({"resourceType": "Patient"}, id="zhang"), Create({"resourceType": "Patient"})])
    ids = [outcome.stored.id for outcome in done if outcome.stored]
    numbers = [await patient_number(trail.ground, id_) for id_ in ids]
    assert await patient_ids(trail.ground, [*numbers, 999_999]) == dict(zip(numbers, ids, strict=True))
    assert await patient_number(trail.ground, "nobody") == 0


async def test_the_state_tells_what_is_sealed_and_what_was_verified(store: Store):
    found = await state(store.ground)
    assert (found.head, found.unsealed, found.verified) == (None, 0, None)
    await sealed(store, [look(1), look(2)])
    await noted(store, look(3))
    for at in (T0, T0 + DAY):
        await keep_verified(store.ground, Verified(at=at, seals=1, rows=2, count=0))
    found = await state(store.ground)
    assert found.head is not None
    assert (found.head.rows, found.head.key, found.unsealed) == (2, SIGNER.key_id, 1)
    assert found.verified == Verified(at=T0 + DAY, seals=1, rows=2, count=0)
