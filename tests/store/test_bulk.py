"""A bulk load brings each resource in once, a batch whole or not at all, and leaves everything to be found."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import Any

import asyncpg
import pytest

from tests.conftest import KEYS
from tests.store.asking import asked, found, paged, rows_of
from tests.store.meaning import World
from tests.store.ward import QUESTIONS, ward
from xinglin.base.settings import Settings
from xinglin.fhir.codec import Resource
from xinglin.store import Amend, Create, Delete, Records, Scope, Store, Update, bulk, eras, open_store, prepare
from xinglin.store.bulk import Loader, end
from xinglin.store.layout import TYPE_NUMBER
from xinglin.store.mending import missing_indexes


def patients(*numbers: int, **more: Any) -> list[Resource]:
    return [{"resourceType": "Patient", "id": f"b-{n}", "identifier": [{"system": "urn:b", "value": f"{n}"}], **more} for n in numbers]


async def indexes(store: Store) -> list[str]:
    """What indexes are missing."""
    async with store.ground.side.connection() as connection:
        return [sql for _, sql in await missing_indexes(connection)]


async def test_what_was_loaded_bare_is_all_found_once_the_load_has_ended(store: Store, records: Records):
    written = ward(3, 10, 150)
    loader = Loader(store.ground, bare=True)
    for start in range(0, len(written), 50):
        await loader.load(written[start : start + 50])
    assert (loader.written, loader.passed_over) == (len(written), 0)
    assert await indexes(store)
    assert await found(records, "Patient?identifier=urn:mrn|003") == ["p-3"]
    await end(store.ground.side)
    assert await indexes(store) == []
    stored = [(await records.read(one["resourceType"], one["id"])).resource() for one in written]
    assert [{k: v for k, v in one.items() if k != "meta"} for one in stored] == written
    world = World(stored)
    for text in QUESTIONS:
        assert sorted(await paged(records, text, 50)) == world.found(asked(text)), text
    history = []
    cursor = None
    while True:
        page = await records.history(count=90, cursor=cursor)
        history += [(one.type, one.id) for one in page.entries]
        cursor = page.next
        if cursor is None:
            break
    assert history == [(one["resourceType"], one["id"]) for one in written][::-1]


async def test_duplicates_and_what_was_deleted_are_passed_over(module_store: Store, module_records: Records):
    await module_records.write([Update(one, one["id"]) for one in patients(1, 2, active=True)])
    await module_records.write([Delete("Patient", "b-2")])
    loader = Loader(module_store.ground)
    await loader.load(patients(1, 2, 3, 3, 4))
    await loader.load(patients(4, 5, active=False))
    assert (loader.written, loader.passed_over) == (3, 4)
    assert sorted(await found(module_records, "Patient?identifier=urn:b|")) == ["b-1", "b-3", "b-4", "b-5"]
    assert (await module_records.read("Patient", "b-1")).resource()["active"] is True
    assert "active" not in (await module_records.read("Patient", "b-4")).resource()
    assert (await module_records.write([Amend("Patient", "b-5", lambda one: {**one, "active": True})]))[0].status == "updated"


async def test_a_batch_that_fails_leaves_nothing(module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch):
    before = await rows_of(module_store)
    feed = bulk.write_feed

    async def fails(*words: Any) -> None:
        await feed(*words)
        raise ZeroDivisionError

    monkeypatch.setattr(bulk, "write_feed", fails)
    with pytest.raises(ZeroDivisionError):
        await Loader(module_store.ground).load(patients(*range(100, 140)))
    assert await rows_of(module_store) == before
    monkeypatch.undo()
    await Loader(module_store.ground).load(patients(*range(100, 140)))
    assert (await rows_of(module_store))["record"] == before["record"] + 40


async def test_loaders_and_writers_at_once_bring_each_resource_in_once(module_store: Store, module_records: Records):
    other = await open_store(module_store.ground.settings, module_store.ground.settings.database_url, KEYS)
    try:
        loaders = [Loader(ground) for ground in (module_store.ground, other.ground, module_store.ground)]
        batches = [patients(*range(200, 300)), patients(*reversed(range(200, 300))), patients(*range(250, 350))]
        writes = [module_records.write([Update(one, one["id"], if_none_match=True)]) for one in patients(*range(200, 350, 10))]
        await asyncio.gather(*(loader.load(batch) for loader, batch in zip(loaders, batches, strict=True)), *writes, return_exceptions=True)
        for loader, batch in zip(loaders, batches, strict=True):
            assert loader.written + loader.passed_over == len(batch)
    finally:
        await other.close()
    ids = await paged(module_records, "Patient?identifier=urn:b|", 100)
    assert len(ids) == len(set(ids))
    assert {f"b-{n}" for n in range(200, 350)} <= set(ids)
    assert {(await module_records.read("Patient", f"b-{n}")).version for n in range(200, 350)} == {1}


async def test_rows_carry_the_era_of_their_tick_however_long_a_batch_took(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    """An era is announced by another while this loader is busy with its samples."""
    ground, number = module_store.ground, TYPE_NUMBER["Device"]
    monkeypatch.setattr(eras, "_FRESH_S", 0.0)

    async def learns(self: Loader, resources: object) -> None:
        async with ground.side.connection() as connection:
            await connection.execute("INSERT INTO xinglin.era VALUES ($1, 1, $2, 0)", number, ground.ticks.take())

    monkeypatch.setattr(Loader, "_learn", learns)
    await Loader(ground).load([{"resourceType": "Device", "id": f"dev-{n}", "status": "active"} for n in range(5)])
    token = module_store.ground.hashes.of("era 1")
    async with ground.pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM record.device WHERE tokens @> ARRAY[$1::bigint]", token) == 5


async def test_eras_are_announced_ahead_of_every_tick_there_is(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    """Also when the record came from a machine whose clock was ahead."""
    ground, number = module_store.ground, TYPE_NUMBER["Location"]
    monkeypatch.setattr(eras, "ROWS", 3)
    monkeypatch.setattr(eras, "_FRESH_S", 0.0)
    ground.ticks.raise_to(ground.ticks.take() + 3_600_000_000)
    for n in range(4):
        await module_records.write([Create({"resourceType": "Location", "status": "active", "name": f"{n}{m}"}) for m in range(4)])
    async with ground.pool.connection() as connection:
        starts = [
            row[0] for row in await connection.fetch("SELECT from_tick FROM xinglin.era WHERE type = $1 AND n > 0 ORDER BY n", number)
        ]
        assert starts
        for tick, tokens in await connection.fetch("SELECT tick, tokens FROM record.location"):
            assert ground.hashes.of(f"era {sum(start <= tick for start in starts)}") in tokens


CUT = """
import asyncio, os, signal, sys
from tests.conftest import KEYS
from tests.store.test_bulk import patients
from xinglin.base.settings import Settings
from xinglin.store import open_store
from xinglin.store.bulk import Loader

async def main():
    store = await open_store(Settings(), sys.argv[1], KEYS)
    loader = Loader(store.ground, bare=True)
    await loader.load([{**one, "resourceType": "Person"} for one in patients(*range(30))])
    asyncio.get_running_loop().call_later(0.004, os.kill, os.getpid(), signal.SIGKILL)
    for n in range(1, 500):
        await loader.load([{**one, "resourceType": "Person"} for one in patients(*range(30 * n, 30 * n + 30))])

asyncio.run(main())
"""


async def test_a_load_that_was_killed_leaves_whole_batches_and_its_indexes_are_built_at_the_next_start(
    module_store: Store, module_records: Records, database: str
):
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", CUT, database], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any("person" in sql for sql in await indexes(module_store))
    connection = await asyncpg.connect(database)
    try:
        for _ in range(50):  # until the server has noticed
            if not await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() AND datname = current_database()"
            ):
                break
            await asyncio.sleep(0.02)
        there = await connection.fetchval("SELECT count(*) FROM record.person")
        fed = await connection.fetchval(
            "SELECT sum(octet_length(types) / 2) FROM xinglin.feed WHERE substr(types, 1, 2) = $1", TYPE_NUMBER["Person"].to_bytes(2, "big")
        )
    finally:
        await connection.close()
    assert there == fed
    assert there % 30 == 0
    assert there >= 30
    await prepare(Settings(), database, KEYS)
    assert await indexes(module_store) == []
    again = Loader(module_store.ground)
    await again.load([{**one, "resourceType": "Person"} for one in patients(*range(60))])
    assert again.written + again.passed_over == 60
    assert await found(module_records, "Person?identifier=urn:b|7") == ["b-7"]


async def test_a_loaded_record_is_seen_by_another_process_at_once(module_store: Store, database: str):
    other = await open_store(Settings(database_url=database), database, KEYS)
    try:
        records = other.records(Scope.everyone())
        assert await found(records, "Substance?code=urn:s|salt") == []
        await Loader(module_store.ground).load(
            [{"resourceType": "Substance", "id": "salt", "code": {"coding": [{"system": "urn:s", "code": "salt"}]}}]
        )
        assert await found(records, "Substance?code=urn:s|salt") == ["salt"]
    finally:
        await other.close()
