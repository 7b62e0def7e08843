"""The worker reacts to every change once, gives up on what cannot be done, does long jobs, and ends when it is told to."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from xinglin.doors.worker import following
from xinglin.doors.worker.following import Following
from xinglin.kit.capability import Reaction
from xinglin.kit.unit import Unit
from xinglin.store import Create, Delete, Records, Store, Stored

Handle = Callable[[Unit, Stored], Awaitable[None]]
PATIENT = Create({"resourceType": "Patient"})


def task(stored: Stored) -> Create:
    return Create({"resourceType": "Task", "status": "requested", "intent": "order", "description": f"{stored.method} {stored.type}"})


async def greet(unit: Unit, stored: Stored) -> None:
    """Write one task for a patient that came or went."""
    assert unit.actor.role == "system"
    await unit.store.write([task(stored)])


@asynccontextmanager
async def reacting(store: Store, *handles: Handle) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    tasks = [
        asyncio.create_task(Following(store, f"test.{number}", Reaction(str(number), ("Patient",), handle, True), stopping).follow())
        for number, handle in enumerate(handles)
    ]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


async def eventually(claim: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await claim():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to be")


def tasks_are(records: Records, *wanted: str) -> Callable[[], Awaitable[bool]]:
    async def true() -> bool:
        return sorted(found["description"] for found in await records.find("Task")) == sorted(wanted)

    return true


async def test_every_change_of_its_types_is_reacted_to_once(store: Store, records: Records):
    (outcome,) = await records.write([PATIENT])
    async with reacting(store, greet):
        await records.write([Create({"resourceType": "Organization", "name": "x"}), PATIENT])
        assert outcome.stored is not None
        await records.write([Delete("Patient", outcome.stored.id)])
        await eventually(tasks_are(records, "POST Patient", "POST Patient", "DELETE Patient"))
    async with reacting(store, greet):
        await asyncio.sleep(0.6)
    assert await tasks_are(records, "POST Patient", "POST Patient", "DELETE Patient")()


async def test_a_failing_reaction_leaves_nothing_and_is_given_up_without_holding_others_back(
    store: Store, records: Records, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "TRIES_WAIT_S", (0.01, 0.01))
    tried: list[str] = []

    async def stumble(unit: Unit, stored: Stored) -> None:
        tried.append(stored.id)
        await unit.store.write([task(stored)])
        raise ValueError(f"张桂兰 of {stored.id}")

    await records.write([PATIENT, PATIENT])
    async with reacting(store, stumble, greet):
        await eventually(tasks_are(records, "POST Patient", "POST Patient"))
        await eventually(lambda: missed_are(store, 2))
    assert (len(tried), len(set(tried))) == (6, 2)
    assert await tasks_are(records, "POST Patient", "POST Patient")()


async def missed_are(store: Store, count: int) -> bool:
    async with store.ground.pool.connection() as connection:
        whys = await connection.fetch("SELECT why FROM xinglin.missed WHERE consumer = 'test.0'")
    return [row["why"] for row in whys] == ["ValueError"] * count


async def test_a_reaction_that_hangs_is_given_up(store: Store, records: Records, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "TRIES_WAIT_S", ())
    monkeypatch.setattr(following, "REACTION_S_MAX", 0.1)
    seen: list[str] = []

    async def hang(unit: Unit, stored: Stored) -> None:
        seen.append(stored.id)
        if len(seen) == 1:
            await unit.store.write([task(stored)])
            await asyncio.sleep(60)

    await records.write([PATIENT, PATIENT])
    async with reacting(store, hang):
        await eventually(lambda: asyncio.sleep(0, len(seen) == 2))
    assert await records.find("Task") == []


WORKER = """
import sys
from tests.conftest import KEYS
from tests.doors.worker.test_worker import greet
from tests.store.labour import works
from xinglin.base.settings import Settings
from xinglin.doors import worker
from xinglin.kit.capability import Reaction
from xinglin.store import open_store

dsn, home = sys.argv[1:]
worker.run(lambda: open_store(Settings(home=home), dsn, KEYS), {"test.greet": Reaction("greet", ("Patient",), greet, True)}, works(),
           lambda: print("ready", flush=True))
"""


async def test_the_process_reacts_until_it_is_told_to_end_and_the_next_one_goes_on(store: Store, records: Records):
    settings = store.ground.settings
    for wanted in (1, 2):
        words = [sys.executable, "-c", WORKER, settings.database_url, settings.home]
        process = await asyncio.to_thread(subprocess.Popen, words, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert (await asyncio.to_thread(process.stdout.readline)).strip() == b"ready"
            await records.write([PATIENT])
            await eventually(tasks_are(records, *["POST Patient"] * wanted))
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 0
            assert time.monotonic() - began < 8
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
