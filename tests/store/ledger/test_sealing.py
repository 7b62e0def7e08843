"""Whatever is noted is sealed: once, in a settled order, whoever seals."""

from __future__ import annotations

import asyncio

from tests.conftest import KEYS
from tests.store.ledger.written import SIGNER, T0, look, noted, sealed, sql
from xinglin.base.crypto.signatures import signer, verify_signature
from xinglin.store import Store, prepare
from xinglin.store.ledger.heads import head_of, ledger_of
from xinglin.store.ledger.rows import numbers_of
from xinglin.store.ledger.sealing import keep_sealing, seal_next
from xinglin.store.ledger.verifying import verify


async def seals(store: Store) -> list[list[int]]:
    async with store.ground.side.connection() as connection:
        return [list(numbers_of(row["rows"])) for row in await connection.fetch("SELECT rows FROM xinglin.seal ORDER BY n")]


async def test_every_row_is_sealed_once_in_its_order(store: Store):
    await sealed(store, [look(n) for n in range(5)], [look(n) for n in range(30)])
    first, second = await seals(store)
    assert (len(first), len(second)) == (5, 30)
    assert first + second == sorted(first + second)
    assert await seal_next(store.ground, SIGNER, T0) == 0
    assert len(await seals(store)) == 2


async def test_a_head_is_signed_and_counts_what_is_behind_it(store: Store):
    await sealed(store, [look(1)], [look(2), look(3)])
    async with store.ground.side.connection() as connection:
        ledger = await ledger_of(connection)
        head = head_of(await connection.fetchrow("SELECT * FROM xinglin.seal ORDER BY n DESC LIMIT 1"), ledger)
    assert (head.number, head.rows, head.suite) == (2, 3, "sm3")
    assert verify_signature(SIGNER.public, head.statement, head.signature)


async def test_what_commits_late_is_waited_for_and_not_left_out(store: Store):
    async with store.ground.pool.connection() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("INSERT INTO xinglin.audit (at, actor, role, interaction, status) VALUES ($1, 'a', 'b', 'c', 200)", T0)
        await noted(store, look(1))
        assert await seal_next(store.ground, SIGNER, T0) == 0
        await transaction.commit()
    assert await seal_next(store.ground, SIGNER, T0) == 2


async def test_of_two_sealers_one_works_and_nothing_is_sealed_twice(store: Store):
    await noted(store, *(look(n) for n in range(40)))
    counts = await asyncio.gather(*(seal_next(store.ground, SIGNER, T0) for _ in range(4)))
    while sum(counts) < 40:
        counts.append(await seal_next(store.ground, SIGNER, T0))
    assert sum(counts) == 40
    assert sorted(n for numbers in await seals(store) for n in numbers) == list(range(1, 41))


async def test_the_sealer_seals_what_is_left_when_it_is_told_to_end(store: Store):
    stopping = asyncio.Event()
    await noted(store, look(1))
    sealing = asyncio.create_task(keep_sealing(store.ground, SIGNER, stopping))
    while not await seals(store):  # noqa: ASYNC110 - it is the database that tells
        await asyncio.sleep(0.02)
    await noted(store, look(2))
    stopping.set()
    await asyncio.wait_for(sealing, 20)
    assert await seals(store) == [[1], [2]]


async def test_a_new_signing_key_seals_at_once_what_the_old_one_had_sealed(store: Store):
    await sealed(store, [look(1)])
    other = signer(b"o" * 32)
    assert await seal_next(store.ground, other, T0) == 0
    assert await seals(store) == [[1], []]
    assert await sql(store, "SELECT count(*) FROM xinglin.seal_key") == 2
    assert await seal_next(store.ground, other, T0) == 0
    assert len(await seals(store)) == 2


async def test_after_a_restore_into_another_cluster_new_rows_are_sealed_behind_the_old_ones(store: Store):
    await sealed(store, [look(1), look(2)])
    await noted(store, look(3))
    await sql(store, "UPDATE xinglin.audit SET xact = xact + 1000000 WHERE n = 3")  # the old cluster had counted further
    await prepare(store.ground.settings, store.ground.settings.database_url, KEYS)
    await noted(store, look(4))
    assert await seal_next(store.ground, SIGNER, T0 + 10**9) == 2
    assert await seals(store) == [[1, 2], [3, 4]]
    assert (await verify(store.ground, SIGNER)).sound
