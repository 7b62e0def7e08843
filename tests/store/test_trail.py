"""The pen of the audit trail: whose records an act showed stands in its row, and each row is written once."""

from __future__ import annotations

import asyncio
from typing import Any

from xinglin.store import AuditRow, Store
from xinglin.store.ledger.looking import acts, count
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


async def test_an_id_that_clients_chose_is_not_readable_in_the_trail_and_found_by_it(module_store: Store):
    number, uuid = "110105197907183421", "8c1f0a52-5a7e-4a3b-9a51-0d9ad4f3d001"
    for id_, query in ((number, None), (number, "_summary=text"), (uuid, None)):
        module_store.note(AuditRow("d", "doctor", "read", "Patient", id_, query, 200, None, "by-number"))
    module_store.note(AuditRow("worker", "system", "archive", "AuditEvent", "1-9", None, 200, None, "archived"))
    await module_store.trail.flush()
    async with module_store.ground.side.connection() as connection:
        kept = await connection.fetch("SELECT id, query FROM xinglin.audit WHERE request IN ('by-number', 'archived') ORDER BY n")
    assert number not in str([(row["id"], row["query"]) for row in kept])
    assert [row["id"] for row in kept[2:]] == [uuid, "1-9"], "random ids, and those of our own making, say nothing of anyone"
    assert kept[0]["id"] == kept[1]["id"]
    shown = [(act.id, act.query) for act in await acts(module_store.ground, id=number)]
    assert shown == [(number, "_summary=text"), (number, None)]
    assert await count(module_store.ground, id=number) == 2
    assert [act.id for act in await acts(module_store.ground, id=uuid)] == [uuid]
