"""Many who write at once, here and in other processes: no change is lost, none is made twice, nobody pays for another's fault."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from tests.conftest import KEYS
from tests.store.asking import asked, found, rows_of
from xinglin.base.clock import LANES
from xinglin.base.errors import Conflict, Stale, TooMany, Unavailable
from xinglin.fhir.codec import Resource
from xinglin.store import Amend, AuditRow, Create, Delete, Outcome, Records, Scope, Store, Update, open_store, writing
from xinglin.store.changes import Change


@asynccontextmanager
async def another(store: Store) -> AsyncIterator[Store]:
    """Another process's store on the same database."""
    opened = await open_store(store.ground.settings, store.ground.settings.database_url, KEYS)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(scope="module")
async def stores(module_store: Store) -> AsyncIterator[list[Store]]:
    """Three processes' stores on one database."""
    async with another(module_store) as second, another(module_store) as third:
        yield [module_store, second, third]


def everyone(stores: list[Store]) -> list[Records]:
    return [store.records(Scope.everyone()) for store in stores]


def numbered(value: str) -> Resource:
    return {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": value}]}


def counted(one: Resource) -> Resource:
    return {**one, "multipleBirthInteger": one.get("multipleBirthInteger", 0) + 1}


async def outcomes(*writes: object) -> list[list[Outcome] | BaseException]:
    return await asyncio.gather(*writes, return_exceptions=True)  # pyright: ignore[reportArgumentType]


async def test_of_twenty_simultaneous_identical_conditional_creates_one_creates(stores: list[Store]):
    where = asked("Patient?identifier=urn:mrn|once")
    done = await outcomes(*(r.write([Create(numbered("once"), if_none_exist=where)]) for r in everyone(stores) for _ in range(7)))
    told = Counter(one[0].status for one in done if isinstance(one, list))
    assert told == {"created": 1, "unchanged": 20}
    assert len({one[0].stored.id for one in done if isinstance(one, list) and one[0].stored}) == 1


async def test_no_concurrent_change_of_one_resource_is_lost(stores: list[Store]):
    first, *_ = everyone(stores)
    await first.write([Update(numbered("many-hands"), "p-many")])
    done = await outcomes(*(r.write([Amend("Patient", "p-many", counted)]) for r in everyone(stores) for _ in range(8)))
    versions = sorted(one[0].stored.version for one in done if isinstance(one, list) and one[0].stored)
    assert versions == list(range(2, 26))
    assert (await first.read("Patient", "p-many")).resource()["multipleBirthInteger"] == 24
    entries = (await first.history("Patient", "p-many", count=100)).entries
    assert [e.version for e in entries] == list(range(25, 0, -1))
    assert [e.resource().get("multipleBirthInteger", 0) for e in entries] == list(range(24, -1, -1))
    assert [e.tick for e in entries] == sorted((e.tick for e in entries), reverse=True)


async def test_of_many_changes_of_the_same_version_one_is_made(stores: list[Store]):
    first, *_ = everyone(stores)
    await first.write([Update(numbered("match"), "p-match")])
    done = await outcomes(*(r.write([Update(numbered("match"), "p-match", if_match=1)]) for r in everyone(stores) for _ in range(5)))
    assert sum(isinstance(one, list) for one in done) == 1
    assert sum(isinstance(one, Stale) for one in done) == 14
    assert (await first.read("Patient", "p-match")).version == 2


async def test_of_many_creates_under_one_id_one_is_made(stores: list[Store]):
    done = await outcomes(*(r.write([Update(numbered("new"), "p-new", if_none_match=True)]) for r in everyone(stores) for _ in range(5)))
    assert sum(isinstance(one, list) for one in done) == 1
    assert sum(isinstance(one, Stale) for one in done) == 14


async def test_a_resource_made_changed_and_deleted_by_many_keeps_an_unbroken_history(stores: list[Store]):
    writes = []
    for n in range(10):
        for place, r in enumerate(everyone(stores)):
            writes.append(r.write([Delete("Patient", "p-tug") if (n + place) % 3 == 0 else Update(numbered(f"tug{n}"), "p-tug")]))
    done = await outcomes(*writes)
    assert all(isinstance(one, list) for one in done)
    entries = (await everyone(stores)[0].history("Patient", "p-tug", count=100)).entries
    made = [one[0].stored.version for one in done if isinstance(one, list) and one[0].stored]
    assert sorted(made, reverse=True) == [e.version for e in entries] == list(range(len(entries), 0, -1))


async def test_sets_that_cross_each_other_both_end(stores: list[Store]):
    """Two resources of two types, written in opposite orders, old ones and new ones."""
    writes = []
    for n in range(6):
        for place, r in enumerate(everyone(stores)):
            pair = [
                Update(numbered("cross"), "x-1"),
                Update({"resourceType": "Group", "type": "person", "actual": True}, "x-2"),
                Update(numbered("cross"), f"x-new{n}"),
                Update(numbered("cross"), f"x-new{(n + 1) % 6}"),
            ]
            writes.append(r.write(pair if place % 2 else pair[::-1]))
    done = await outcomes(*writes)
    assert [one for one in done if isinstance(one, BaseException)] == []
    for type_, id_ in (("Patient", "x-1"), ("Group", "x-2")):
        assert len((await everyone(stores)[0].history(type_, id_, count=100)).entries) == 18


async def test_ticks_are_unique_and_each_process_makes_rising_ones(stores: list[Store]):
    before = max(stores[0].ground.ticks.take(), *(store.ground.ticks.take() for store in stores[1:]))
    done = await asyncio.gather(
        *(r.write([Create(numbered("tick")) for _ in range(1 + n % 3)]) for n in range(15) for r in everyone(stores))
    )
    ticks = [o.stored.tick for one in done for o in one if o.stored]
    assert len(set(ticks)) == len(ticks) == 90
    lanes = {tick % LANES for tick in ticks}
    assert len(lanes) == 3
    assert min(ticks) > before - 100_000
    history: list[int] = []
    cursor = None
    while True:
        page = await everyone(stores)[1].history(count=37, cursor=cursor)
        history += [entry.tick for entry in page.entries]
        cursor = page.next
        if cursor is None:
            break
    assert history == sorted(set(history), reverse=True)
    assert set(ticks) <= set(history)


async def test_a_process_whose_place_is_lost_takes_another(stores: list[Store]):
    """A restart of the database frees every writer's place: those who still write must not share one afterwards."""
    await end_holders(stores[:2], told_by=stores[2])
    async with another(stores[0]) as newcomer:
        done = await asyncio.gather(*(r.write([Create(numbered("lane"))]) for r in everyone([*stores, newcomer]) for _ in range(3)))
        ticks = [o.stored.tick for one in done for o in one if o.stored]
        assert len({tick % LANES for tick in ticks}) == 4


async def test_a_process_on_another_place_goes_on_above_all_that_is_stored(store: Store, records: Records):
    async with another(store) as hasty:
        hasty.ground.ticks.raise_to(hasty.ground.ticks.take() + 3_000_000)
        (ahead,) = await hasty.records(Scope.everyone()).write([Create(numbered("ahead"))])
    await end_holders([store], told_by=store)
    (behind,) = await records.write([Create(numbered("behind"))])
    assert ahead.stored is not None
    assert behind.stored is not None
    assert behind.stored.tick > ahead.stored.tick


async def end_holders(stores: list[Store], told_by: Store) -> None:
    """The database ends the connections that hold these processes' places."""
    async with told_by.ground.side.connection() as connection:
        for store in stores:
            assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", store.ground.ticks._holder.get_server_pid())


async def test_a_failing_set_does_not_fail_those_written_with_it(module_store: Store, module_records: Records):
    await module_records.write([Update(numbered("joint"), "p-joint")])
    before = await rows_of(module_store)

    def broken(one: Resource) -> Resource:
        raise ZeroDivisionError

    audit = AuditRow("d-1", "doctor", "create", "Patient", None, None, 201, None, None)
    sets: list[list[Change]] = [[Create(numbered(f"joint{n}"))] for n in range(20)]
    sets[7] = [Create(numbered("joint7")), Update(numbered("joint"), "p-joint", if_match=9)]
    sets[11] = [Amend("Patient", "p-joint", broken)]
    done = await outcomes(*(module_records.write(one, [audit]) for one in sets))
    assert [n for n, one in enumerate(done) if not isinstance(one, list)] == [7, 11]
    assert isinstance(done[7], Stale)
    assert isinstance(done[11], ZeroDivisionError)
    after = await rows_of(module_store)
    assert (after["record"] - before["record"], after["history"] - before["history"], after["audit"] - before["audit"]) == (18, 0, 18)
    assert await found(module_records, "Patient?identifier=urn:mrn|joint7") == []


async def test_a_cancelled_request_leaves_its_write_whole_or_undone(module_store: Store, module_records: Records):
    async def one(n: int) -> None:
        await module_records.write(
            [Update(numbered("cut"), f"p-cut{n}"), Update({"resourceType": "Group", "type": "person", "actual": True}, f"g-cut{n}")]
        )

    async def conditional(n: int) -> None:
        where = asked(f"Patient?identifier=urn:mrn|cut{n}")
        await module_records.write(
            [
                Create(numbered(f"cut{n}"), if_none_exist=where, id=f"p-cut{n}"),
                Update({"resourceType": "Group", "type": "person", "actual": True}, f"g-cut{n}"),
            ]
        )

    tasks = [asyncio.create_task((one if n % 2 else conditional)(n)) for n in range(24)]
    for n, task in enumerate(tasks):
        await asyncio.sleep(0.0004 * (n % 5))
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    await module_store.writing.close()
    for n, end in enumerate(ends):
        patients = (await found(module_records, f"Patient?_id=p-cut{n}")), (await found(module_records, f"Group?_id=g-cut{n}"))
        assert patients in (([], []), ([f"p-cut{n}"], [f"g-cut{n}"]))
        assert patients[0] or end is not None
    assert (await module_records.write([Create(numbered("after"))]))[0].status == "created"


async def test_beyond_the_limit_writes_are_refused_and_then_taken_again(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    ground = module_store.ground
    monkeypatch.setattr(ground, "settings", replace(ground.settings, writes_at_once_max=5))
    done = await outcomes(*(module_records.write([Create(numbered("full"))]) for _ in range(9)))
    refused = [one for one in done if isinstance(one, TooMany)]
    assert (len(refused), sum(isinstance(one, list) for one in done)) == (4, 5)
    assert all(one.retry_after_s for one in refused)
    assert (await module_records.write([Create(numbered("full"))]))[0].status == "created"


async def _kill_writers(dsn: str, seconds: float) -> int:
    """End every connection that is writing, again and again."""
    killer, killed = await asyncpg.connect(dsn), 0
    try:
        for _ in range(int(seconds / 0.02)):
            killed += await killer.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'xinglin'"
                " AND (state = 'idle in transaction' OR query LIKE 'INSERT INTO%' AND state = 'active')"
            )
            await asyncio.sleep(0.02)
    finally:
        await killer.close()
    return killed


async def test_a_write_whose_connection_dies_is_never_told_as_done(module_store: Store, module_records: Records):
    told: dict[str, bool] = {}
    waits: list[int | None] = []

    async def write(n: int, m: int) -> None:
        id_ = f"k-{n}-{m}"
        try:
            await module_records.write(
                [Update(numbered("killed"), id_), Update({"resourceType": "Group", "type": "person", "actual": True}, id_)]
            )
            told[id_] = True
        except Unavailable:
            told[id_] = False
            await asyncio.sleep(0.01)

    async def worker(n: int) -> None:
        for m in range(60):
            await write(n, m)

    killer = asyncio.create_task(_kill_writers(module_store.ground.settings.database_url, 0.8))
    await asyncio.gather(*(worker(n) for n in range(4)))
    assert await killer > 0
    assert False in told.values()
    assert all(waits)
    async with module_store.ground.pool.connection() as connection:
        there = {
            type_: {
                r[0]
                for r in await connection.fetch(
                    f"SELECT id FROM record.{type_} WHERE id = ANY($1)", [module_store.ground.hashes.id(i) for i in told]
                )
            }
            for type_ in ("patient", "group")
        }
    assert there["patient"] == there["group"]
    assert {module_store.ground.hashes.id(id_) for id_, done in told.items() if done} <= there["patient"]
    for id_, done in list(told.items())[:40]:
        if done:
            assert (await module_records.read("Patient", id_)).version == 1


async def test_a_joint_write_that_broke_off_is_not_made_again(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    """Its commit may have been made: to make it again would count a change twice."""
    await module_records.write([Update(numbered("twice"), f"p-twice{n}") for n in range(4)])
    apply, killed = writing.apply, 0

    async def applied(ground: object, connection: asyncpg.Connection, *rest: object) -> object:
        nonlocal killed
        done = await apply(ground, connection, *rest)  # pyright: ignore[reportArgumentType]
        if not killed:
            killed = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("COMMIT")
            async with module_store.ground.side.connection() as other:
                await other.execute("SELECT pg_terminate_backend($1)", killed)
            await asyncio.sleep(0.05)
        return done

    monkeypatch.setattr(writing, "apply", applied)
    monkeypatch.setattr(writing, "_AT_ONCE", 1)
    done = await outcomes(*(module_records.write([Amend("Patient", f"p-twice{n}", counted)]) for n in range(4)))
    assert killed
    versions = [(await module_records.read("Patient", f"p-twice{n}")).version for n in range(4)]
    assert versions == [2, 2, 2, 2]
    assert any(isinstance(one, Unavailable) for one in done)


async def test_a_resource_named_twice_is_refused_beside_others(module_records: Records):
    done = await outcomes(
        module_records.write([Update(numbered("d"), "p-d"), Delete("Patient", "p-d")]), module_records.write([Create(numbered("d"))])
    )
    assert isinstance(done[0], Conflict)
    assert isinstance(done[1], list)
