"""What follows from a change follows once: after a kill, after a late commit, for each of several consumers, after a restore."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from xinglin.base.settings import Settings
from xinglin.store import Create, Delete, Records, Store, Update, prepare
from xinglin.store.applying import Step, apply
from xinglin.store.feed import Followed, Follower, Overtaken


def patient(family: str = "Li", **more: object) -> Create:
    return Create({"resourceType": "Patient", "name": [{"family": family}], **more})


async def written(records: Records, *changes: Create) -> list[str]:
    return [outcome.stored.id for outcome in await records.write(changes) if outcome.stored]


async def followed(follower: Follower, limit: int = 100) -> list[Followed]:
    """Everything there is to take now, taken and done."""
    found: list[Followed] = []
    while True:
        batch = await follower.take(limit)
        if batch.upto == follower.place:
            return found
        for change in batch.changes:
            async with follower.step(change.place):
                found.append(change)
        if batch.upto != follower.place:
            async with follower.step(batch.upto):
                pass


async def of_the_beginning(store: Store, name: str, *types: str) -> Follower:
    follower = Follower(store, name, *([types] if types else []))
    await follower.start(from_the_beginning=True)
    return follower


async def test_changes_come_once_in_their_order_with_what_was_superseded_and_deleted(store: Store, records: Records):
    follower = await of_the_beginning(store, "all")
    (first,) = await written(records, patient("One"))
    await records.write([Update({"resourceType": "Patient", "id": first, "name": [{"family": "Two"}]}, first)])
    await records.write([Update({"resourceType": "Patient", "id": "p-1"}, "p-1"), *(patient(str(n)) for n in range(20))])
    await records.write([Delete("Patient", "p-1")])
    changes = await followed(follower, limit=3)
    told = [(change.stored.id, change.stored.version, change.stored.method) for change in changes]
    assert told[:3] == [(first, 1, "POST"), (first, 2, "PUT"), ("p-1", 1, "PUT")]
    assert changes[0].stored.resource()["name"] == [{"family": "One"}]
    assert told[-1] == ("p-1", 2, "DELETE")
    assert len(changes) == 24
    assert await followed(follower) == []


async def test_each_consumer_has_its_own_place_and_types(store: Store, records: Records):
    await written(records, patient())
    beginning = await of_the_beginning(store, "beginning")
    new = Follower(store, "new")
    await new.start()
    observations = await of_the_beginning(store, "observations", "Observation")
    await written(records, patient("A"), Create({"resourceType": "Observation", "status": "final", "code": {"text": "x"}}), patient("B"))
    assert [c.stored.type for c in await followed(observations)] == ["Observation"]
    assert len(await followed(new)) == 3
    assert len(await followed(beginning)) == 4
    later = Follower(store, "beginning")
    await later.start()
    assert await followed(later) == []


async def test_what_commits_late_is_waited_for_and_not_passed_over(store: Store, records: Records):
    follower = await of_the_beginning(store, "patient")
    async with store.ground.pool.connection() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await apply(store.ground, slow, [Step("Patient", "slow", {"resourceType": "Patient"})])
        (quick,) = await written(records, patient())
        assert (await follower.take()).changes == []
        await transaction.commit()
    assert [change.stored.id for change in await followed(follower)] == ["slow", quick]


async def test_many_writers_at_once_are_all_followed(store: Store, records: Records):
    follower = await of_the_beginning(store, "busy")
    writers = [asyncio.create_task(written(records, patient(str(n)), patient(f"{n}b"))) for n in range(60)]
    seen: list[Followed] = []
    while not all(writer.done() for writer in writers):
        seen += await followed(follower, limit=7)
    seen += await followed(follower)
    made = {id_ for writer in writers for id_ in writer.result()}
    assert len(seen) == 120
    assert {change.stored.id for change in seen} == made


async def test_what_a_consumer_writes_commits_with_its_place_or_not_at_all(store: Store, records: Records):
    follower = await of_the_beginning(store, "tasks", "Patient")
    (id_,) = await written(records, patient())
    batch = await follower.take()

    async def stumble() -> None:
        async with follower.step(batch.upto) as inside:
            await inside.records(records.scope).write([task(id_)])
            assert len(await inside.records(records.scope).find("Task")) == 1
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await stumble()
    assert await records.find("Task") == []
    async with follower.step(batch.upto) as inside:
        await asyncio.gather(*(inside.records(records.scope).write([task(id_)]) for _ in range(5)))
    assert len(await records.find("Task")) == 5


def task(id_: str) -> Create:
    return Create({"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{id_}"}})


async def test_two_processes_of_one_consumer_do_a_change_once(store: Store, records: Records):
    one, other = await of_the_beginning(store, "same"), await of_the_beginning(store, "same")
    (id_,) = await written(records, patient())
    theirs, ours = await one.take(), await other.take()
    async with one.step(theirs.upto) as inside:
        await inside.records(records.scope).write([task(id_)])
    with pytest.raises(Overtaken):
        async with other.step(ours.upto):
            raise AssertionError("it is done already")
    assert len(await records.find("Task")) == 1
    assert [change.stored.type for change in await followed(other)] == ["Task"]


KILLED = """
import asyncio, os, signal, sys
from tests.conftest import KEYS
from xinglin.base.settings import Settings
from xinglin.store import Create, Scope, open_store
from xinglin.store.feed import Follower

async def main():
    store = await open_store(Settings(), sys.argv[1], KEYS)
    follower = Follower(store, "killed", ["Patient"])
    await follower.start(from_the_beginning=True)
    batch = await follower.take()
    async with follower.step(batch.changes[0].place) as inside:
        await inside.records(Scope.everyone()).write([Create({"resourceType": "Basic", "code": {"text": "reaction"}})])
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_kill_between_reaction_and_commit_neither_loses_nor_doubles_it(store: Store, records: Records):
    await written(records, patient())
    dsn = store.ground.settings.database_url
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, dsn], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    follower = await of_the_beginning(store, "killed", "Patient")
    batch = await follower.take()
    async with follower.step(batch.changes[0].place) as inside:
        await inside.records(records.scope).write([Create({"resourceType": "Basic", "code": {"text": "reaction"}})])
    assert len(await records.find("Basic")) == 1
    assert await followed(follower) == []


async def test_a_change_that_is_given_up_is_written_down(store: Store, records: Records):
    follower = await of_the_beginning(store, "gives-up")
    await written(records, patient())
    (change,) = (await follower.take()).changes
    await follower.pass_over(change, "it broke")
    assert await followed(follower) == []
    async with store.ground.pool.connection() as connection:
        rows = await connection.fetch("SELECT consumer, tick, why FROM xinglin.missed")
    assert [tuple(row) for row in rows] == [("gives-up", change.stored.tick, "it broke")]


async def test_after_a_restore_into_a_younger_cluster_nothing_is_lost_or_repeated(store: Store, records: Records, keys):
    await written(records, patient("done"))
    follower = await of_the_beginning(store, "restored")
    assert len(await followed(follower)) == 1
    (waiting,) = await written(records, patient("waiting"))
    async with store.ground.pool.connection() as connection:  # as if the numbers came from a cluster that had counted far
        await connection.execute("UPDATE xinglin.feed SET xact = xact + 1000000000; UPDATE xinglin.consumer SET xact = xact + 1000000000")
    await prepare(Settings(), store.ground.settings.database_url, keys)
    (after,) = await written(records, patient("after"))
    again = Follower(store, "restored")
    await again.start()
    assert [change.stored.id for change in await followed(again)] == [waiting, after]
    await prepare(Settings(), store.ground.settings.database_url, keys)
    (last,) = await written(records, patient("last"))
    assert [change.stored.id for change in await followed(again)] == [last]
