"""The pen of the audit trail: whose records an act showed stands in its row, and each row is written once."""

from __future__ import annotations

import asyncio
from typing import Any

from xinglin.store import AuditRow, Store
from xinglin.store.trail import Trail


def row(request: str, patients: tuple[int, ...] = (), ground: str | None = None) -> AuditRow:
    return AuditRow("d-1", "doctor", "read", "Patient", "p", None, 200, None, request, patients, ground)


async def written(store: Store, request: str) -> list[tuple[Any, ...]]:
    async with store.ground.side.connection() as connection:
        found = await connection.fetch("SELECT patient, patients, ground FROM xinglin.audit WHERE request = $1", request)
    return [tuple(one) for one in found]


async def test_one_patient_stands_alone_and_several_together(module_store: Store):
    trail = Trail(module_store.ground)
    for request, patients in (("one", (7,)), ("two", (9, 7, 9)), ("none", ()), ("same", (5, 5))):
        trail.note(1, row(request, patients, "encounter"))
    await trail.close()
    assert await written(module_store, "one") == [(7, None, "encounter")]
    assert await written(module_store, "two") == [(None, [7, 9], "encounter")]
    assert await written(module_store, "none") == [(None, None, "encounter")]
    assert await written(module_store, "same") == [(5, None, "encounter")]


async def test_a_ground_no_text_of_the_database_holds_does_not_stop_the_trail(module_store: Store):
    trail = Trail(module_store.ground)
    trail.note(1, row("odd", (), "a\x00b\ud800"))
    await trail.close()
    assert await written(module_store, "odd") == [(None, None, "a b?")]


async def test_who_flushes_at_the_same_time_writes_each_row_once(module_store: Store):
    trail = Trail(module_store.ground)
    for _ in range(300):
        trail.note(1, row("busy"))
    flushes = [asyncio.create_task(trail.flush()) for _ in range(3)]
    await asyncio.sleep(0)
    trail.note(1, row("busy"))
    await asyncio.gather(*flushes)
    await trail.close()
    assert len(await written(module_store, "busy")) == 301
