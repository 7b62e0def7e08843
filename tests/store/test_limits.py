"""Everything has a limit, and says at it what to do next; what goes wrong with one request does not reach the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from tests.conftest import KEYS
from tests.store.asking import asked, found, page
from xinglin.base.errors import Malformed, TooCostly, Unavailable
from xinglin.base.settings import Settings
from xinglin.store import Create, Records, Scope, Store, Update, open_store, pool
from xinglin.store.pool import Pool
from xinglin.store.searching import including, predicates
from xinglin.store.searching.cursor import write_cursor


def patient(id_: str) -> Update:
    return Update({"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": id_}]}, id_)


@asynccontextmanager
async def hurried(dsn: str) -> AsyncIterator[Store]:
    """A store whose statements may run one second, on two connections."""
    store = await open_store(Settings(database_url=dsn, database_connections=2, statement_timeout_s=1), dsn, KEYS)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[None]:
    """Someone holds a whole table."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_a_statement_that_takes_too_long_is_an_answer_with_a_time_to_return(database: str, module_records: Records):
    await module_records.write([patient("slow")])
    async with hurried(database) as store:
        records = store.records(Scope.everyone())
        async with locked(database, "record.patient"):
            asked_for = [records.read("Patient", "slow"), found(records, "Patient?_id=slow"), records.write([patient("slow")])]
            for answer in await asyncio.gather(*asked_for, return_exceptions=True):
                assert isinstance(answer, Unavailable)
                assert answer.status == 503
                assert answer.retry_after_s
        assert (await records.read("Patient", "slow")).version == 1
        assert (await records.write([patient("slow")]))[0].status == "updated"


async def test_one_write_that_waits_too_long_does_not_fail_those_beside_it(database: str, module_records: Records):
    await module_records.write([patient("held"), patient("free")])
    async with hurried(database) as store:
        records = store.records(Scope.everyone())
        connection = await asyncpg.connect(database)
        try:
            async with connection.transaction():
                await connection.execute("SELECT FROM record.patient WHERE id = $1 FOR UPDATE", store.ground.hashes.id("held"))
                held, free = await asyncio.gather(
                    records.write([patient("held")]), records.write([patient("free")]), return_exceptions=True
                )
        finally:
            await connection.close()
        assert isinstance(held, Unavailable)
        assert isinstance(free, list)


async def test_when_every_connection_is_taken_the_next_is_told_to_come_back(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool, "_WAIT_S", 0.1)
    async with hurried(database) as store:
        records = store.records(Scope.everyone())
        async with store.ground.pool.connection(), store.ground.pool.connection():
            asked_for = [
                found(records, "Patient?_id=x"),
                records.read("Patient", "x"),
                *(records.write([patient(f"busy{n}")]) for n in range(20)),
            ]
            begun = asyncio.get_running_loop().time()
            for answer in await asyncio.gather(*asked_for, return_exceptions=True):
                assert isinstance(answer, Unavailable)
                assert answer.retry_after_s
            assert asyncio.get_running_loop().time() - begun < 1.5
        assert (await records.write([patient("busy")]))[0].status == "created"


async def test_a_database_that_is_not_there_is_an_answer(keys: object):
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(Unavailable) as told:
        await open_store(Settings(), nowhere, KEYS)
    assert told.value.retry_after_s


async def test_readers_whose_connection_dies_are_told_so_and_the_next_are_answered(module_store: Store, module_records: Records):
    await module_records.write([patient("reader")])

    async def kill() -> None:
        async with module_store.ground.side.connection() as other:
            for _ in range(10):
                await other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE '%record.\"patient\"%'"
                )
                await asyncio.sleep(0.01)

    async def read() -> None:
        for _ in range(40):
            try:
                await module_records.read("Patient", "reader")
                await found(module_records, "Patient?identifier=reader")
            except Unavailable as down:
                if not down.retry_after_s:
                    raise AssertionError("no time to return") from down

    await asyncio.gather(kill(), *(read() for _ in range(8)))
    assert (await module_records.read("Patient", "reader")).version == 1


async def test_a_cancelled_user_leaves_no_open_transaction_to_the_next(database: str):
    one = Pool(database, 1, 5)
    for pause in (0, 0, 0.0005, 0.001, 0.002):
        async def user() -> None:
            async with one.connection() as connection, connection.transaction():
                await connection.execute("SELECT pg_sleep(0.01)")

        task = asyncio.create_task(user())
        await asyncio.sleep(0)
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with one.connection() as connection:
            await connection.execute("SELECT 1")
            assert not connection.is_in_transaction()
    await one.close()


async def test_a_fault_of_the_user_is_no_fault_of_the_database(database: str):
    one = Pool(database, 1, 5)
    with pytest.raises(FileNotFoundError):
        async with one.connection() as connection:
            raise FileNotFoundError
    async with one.connection() as again:
        assert again is connection
    await one.close()


async def test_a_search_that_must_open_too_many_records_says_so(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    await module_records.write([Create({"resourceType": "Basic", "code": {"text": f"note {n}"}}) for n in range(450)])
    assert await found(module_records, "Basic?code:text=note 7&_count=1")
    ground = module_store.ground
    monkeypatch.setattr(ground, "settings", replace(ground.settings, scan_rows_max=200))
    with pytest.raises(TooCostly):
        await page(module_records, "Basic?code:text=nothing")


async def test_includes_and_chains_that_lead_to_too_many_say_so(module_records: Records, monkeypatch: pytest.MonkeyPatch):
    await module_records.write([patient("hub")])
    observed = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient/hub"}}
    made = await module_records.write([Create({**observed, "identifier": [{"value": "leads"}]}) for n in range(12)])
    results = [{"reference": f"Observation/{one.stored.id}"} for one in made if one.stored]
    await module_records.write([Create({"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}, "result": results})])
    monkeypatch.setattr(including, "INCLUDED_MAX", 10)
    with pytest.raises(TooCostly):
        await page(module_records, "Patient?_id=hub&_revinclude=Observation:subject")
    monkeypatch.setattr(predicates, "FEW_MAX", 3)
    monkeypatch.setattr(predicates, "LINKS_MAX", 10)
    for text in ("DiagnosticReport?result.identifier=leads", "Observation?_has:DiagnosticReport:result:status=final"):
        with pytest.raises(TooCostly):
            await page(module_records, text)
    monkeypatch.setattr(predicates, "LINKS_MAX", 12)
    assert len(await found(module_records, "DiagnosticReport?result.identifier=leads")) == 1
    assert len(await found(module_records, "Observation?_has:DiagnosticReport:result:status=final")) == 12


async def test_a_page_mark_that_is_not_ours_is_refused(module_records: Records):
    await module_records.write([patient(f"marked{n}") for n in range(3)])
    forged = [
        "x",
        "%",
        write_cursor(1),
        write_cursor(None, None, None),
        write_cursor(1, 1, 2**40),
        write_cursor("a", 1, 1),
        write_cursor(1.5, 2**62, -(2**40)),
        write_cursor(2**63 - 1, 2**63 - 1, 2**63 - 1),
    ]
    for mark in forged:
        for text in ("Patient?", "Patient?_sort=birthdate&", "Patient?_sort=_id&", "Patient?_has:Observation:subject:status=final&"):
            try:
                await module_records.search(replace(asked(text.rstrip("&?")), cursor=mark))
            except Malformed:
                continue
    with pytest.raises(Malformed):
        await module_records.search(replace(asked("Patient"), cursor="x"))
