"""Rotation: a new data key takes over while the record is in use, and in the end nothing is sealed with the old one."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.store.ward import ward
from xinglin.base.crypto import FileKeys, Keys
from xinglin.base.errors import Conflict, Unavailable
from xinglin.base.ids import new_id
from xinglin.base.settings import Settings
from xinglin.store import AuditRow, Delete, Records, Scope, Store, Update, open_store, prepare, resealing
from xinglin.store.applying import AUDIT_BOUND
from xinglin.store.jobs import Jobs, Run, Stopping, work_on_jobs
from xinglin.store.papers import Papers
from xinglin.store.resealing import Place, begin, columns_of, reseal, retire, sealed_with, walk, write_anew

NEW = 2


class Card(msgspec.Struct, frozen=True):
    """A paper of the test."""

    name: str


@dataclass(frozen=True, slots=True)
class Region:
    """A store over a key file of its own, filled, and what was told of every version when it was read."""

    store: Store
    source: FileKeys

    @property
    def records(self) -> Records:
        return self.store.records(Scope.everyone())

    @property
    def papers(self) -> Papers[Card]:
        return Papers(self.store.ground, "card", Card)

    async def ask(self, sql: str, *values: Any) -> Any:
        async with self.store.ground.side.connection() as connection:
            return await connection.fetch(sql, *values)


@pytest.fixture
def source(tmp_path: Path, keys: Keys) -> FileKeys:
    plain = {"current": 1, "data": {"1": keys.data[1].hex()}, "index": keys.index.hex(), "token": keys.token.hex()}
    (tmp_path / "keys.json").write_text(json.dumps(plain))
    (tmp_path / "keys.json").chmod(0o600)
    return FileKeys(tmp_path / "keys.json")


@pytest.fixture
async def region(postgres: Any, source: FileKeys, tmp_path: Path) -> AsyncIterator[Region]:
    dsn = await asyncio.to_thread(postgres)
    settings = Settings(home=str(tmp_path), database_url=dsn, database_connections=6)
    store = await open_store(settings, dsn, source.keys())
    one = Region(store, source)
    await _fill(one)
    yield one
    await store.close()


async def _fill(region: Region) -> None:
    resources = ward()
    for start in range(0, len(resources), 50):
        await region.records.write([Update(one, one["id"]) for one in resources[start : start + 50]])
    await region.records.write([Update({**one, "language": "zh"}, one["id"]) for one in resources[::7]])
    await region.records.write([Delete("List", "l-2")])
    for n in range(5):
        await region.papers.add(f"key-{n}", Card(f"张{n}"))
        region.store.note(AuditRow("a", "doctor", "search-type", "Patient", None, f"name=李{n}", 200, None, f"r-{n}"))
    await region.store.trail.flush()
    await Jobs(region.store.ground).start("nobody", {"owner": "Practitioner/1"})


async def every_version(records: Records) -> dict[tuple[str, str, int], bytes]:
    found: dict[tuple[str, str, int], bytes] = {}
    cursor = None
    while True:
        page = await records.history(count=200, cursor=cursor)
        found |= {(one.type, one.id, one.version): one.content for one in page.entries}
        cursor = page.next
        if cursor is None:
            return found


def rotated(region: Region) -> int:
    number = region.source.add()
    region.source.make_current(number)
    region.store.ground.contents.renew()
    return number


async def resealed(region: Region, id_: str = "") -> Mapping[str, Any]:
    """The result of the job: a new one, or the one given, taken up again."""
    jobs, stopping = Jobs(region.store.ground), asyncio.Event()
    id_ = id_ or await begin(region.store.ground)
    working = asyncio.create_task(work_on_jobs(region.store.ground, {"reseal": reseal, "nobody": _nothing}, stopping, silent_s=1.0))
    try:
        for _ in range(1200):
            status = await jobs.status(id_)
            if status.state not in ("waiting", "running"):
                break
            await asyncio.sleep(0.05)
    finally:
        stopping.set()
        await working
    assert status.state == "done", status.error
    assert status.result is not None
    return status.result


async def _nothing(_run: Run) -> dict[str, Any]:
    return {}


async def old(region: Region) -> dict[str, int]:
    async with region.store.ground.side.connection() as connection:
        return await sealed_with(connection, 1)


async def test_after_a_rotation_everything_is_sealed_anew_and_reads_as_before(region: Region):
    before = await every_version(region.records)
    assert rotated(region) == NEW
    assert (await resealed(region))["damaged"] == 0
    assert await old(region) == {}
    assert await every_version(region.records) == before
    assert [paper.value.name for paper in await region.papers.all(0)] == [f"张{n}" for n in range(5)]
    contents = region.store.ground.contents
    asked = [
        contents.open_loose(row["query"], AUDIT_BOUND).decode() for row in await region.ask("SELECT query FROM xinglin.audit ORDER BY n")
    ]
    assert asked == [f"name=李{n}" for n in range(5)]
    again = await open_store(region.store.ground.settings, region.store.ground.settings.database_url, region.source.keys())
    await again.close()


async def test_who_reads_and_writes_meanwhile_loses_nothing(region: Region, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resealing, "PAGES", 1)
    expected = await every_version(region.records)
    rotated(region)
    sealing = asyncio.create_task(resealed(region))
    rounds = 0
    while not sealing.done() or rounds < 5:
        changes = [Update({"resourceType": "Patient", "id": f"p-{n}", "language": f"x-{rounds}"}, f"p-{n}") for n in range(12)]
        changes.append(Update({"resourceType": "Observation", "status": "final", "code": {"text": f"{rounds}"}}, f"new-{rounds}"))
        for done in await region.records.write(changes):
            assert done.stored is not None
            expected[done.stored.type, done.stored.id, done.stored.version] = done.stored.content
        read = await region.records.read("Patient", f"p-{rounds % 12}")
        assert read.content == expected["Patient", read.id, read.version]
        rounds += 1
        await asyncio.sleep(0)
    await sealing
    assert await every_version(region.records) == expected
    assert await old(region) == {}


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from xinglin.base.crypto import FileKeys
from xinglin.base.settings import Settings
from xinglin.store import open_store, resealing
from xinglin.store.jobs import Run, work_on_jobs

resealing.PAGES = 1
save, saved = Run.save_in, []

async def save_in(run, connection, progress, told):
    await save(run, connection, progress, told)
    saved.append(told)
    if len(saved) == 6:
        os.kill(os.getpid(), signal.SIGKILL)

Run.save_in = save_in

async def main():
    store = await open_store(Settings(home=sys.argv[2]), sys.argv[1], FileKeys(Path(sys.argv[2], "keys.json")).keys())
    await work_on_jobs(store.ground, {"reseal": resealing.reseal}, asyncio.Event(), silent_s=1.0)

asyncio.run(main())
"""


async def test_a_killed_worker_leaves_a_record_of_both_keys_and_the_next_one_goes_on(region: Region, tmp_path: Path):
    before = await every_version(region.records)
    rotated(region)
    await region.ask("DELETE FROM xinglin.job")
    id_ = await begin(region.store.ground)
    words = [sys.executable, "-c", KILLED, region.store.ground.settings.database_url, str(tmp_path)]
    killed = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    async with region.store.ground.side.connection() as connection:
        counts = [sum((await sealed_with(connection, key)).values()) for key in (1, NEW)]
    assert min(counts) > 0
    assert await every_version(region.records) == before
    assert (await Jobs(region.store.ground).status(id_)).progress != ""
    await resealed(region, id_)
    assert await old(region) == {}
    assert await every_version(region.records) == before


async def test_a_running_process_takes_up_a_new_key_without_a_restart(region: Region):
    ground = region.store.ground
    other = await open_store(replace(ground.settings), ground.settings.database_url, region.source.keys())
    try:
        rotated(region)
        await region.records.write([Update({"resourceType": "Patient", "gender": "male"}, "after")])
        there = other.records(Scope.everyone())
        assert (await there.read("Patient", "after")).resource()["gender"] == "male"
        assert other.ground.contents.current == NEW
    finally:
        await other.close()


async def test_a_row_somebody_works_on_is_not_waited_for_and_not_forgotten(region: Region):
    rotated(region)
    async with region.store.ground.side.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM record.patient WHERE id = $1 FOR UPDATE", region.store.ground.hashes.id("p-3"))
        first = await walk(region.store.ground, Place(), _untold)
        assert await old(region) == {"record.patient": 1}
    assert first.found == first.done + 1
    second = await walk(region.store.ground, Place(), _untold)
    assert (second.found, second.done, await old(region)) == (1, 1, {})


async def _untold(_connection: object, _place: Place, _column: object) -> None:
    return


async def test_a_value_that_changed_since_it_was_looked_at_is_left_alone(region: Region):
    rotated(region)
    ground = region.store.ground
    async with ground.side.connection() as connection:
        column = next(one for one in await columns_of(connection) if one.table == 'record."patient"')
        row = await connection.fetchrow("SELECT ctid, id, version, content FROM record.patient WHERE id = $1", ground.hashes.id("p-3"))
        stale = (row["ctid"], row["content"][:14], column.anew(ground.contents, row, row["content"]))
        await region.records.write([Update({"resourceType": "Patient", "gender": "other"}, "p-3")])
        assert await write_anew(connection, column, [stale]) == 0
    assert (await region.records.read("Patient", "p-3")).resource()["gender"] == "other"


async def test_a_damaged_value_is_counted_and_keeps_its_key_from_being_retired(region: Region):
    rotated(region)
    await region.ask("UPDATE record.patient SET content = content || '\\x00' WHERE id = $1", region.store.ground.hashes.id("p-3"))
    assert (await resealed(region))["damaged"] == 1
    assert await old(region) == {"record.patient": 1}
    with pytest.raises(Conflict, match=r"record\.patient 1"):
        await retire(region.store.ground, 1)


async def test_a_key_in_use_is_not_retired_and_a_retired_one_may_be_lost(region: Region):
    ground = region.store.ground
    rotated(region)
    with pytest.raises(Conflict, match="Data key 1 still seals"):
        await retire(ground, 1)
    await resealed(region)
    await retire(ground, 1)
    region.source.retire(1)
    region.source.destroy(1)
    keys = region.source.keys()
    assert set(keys.data) == {NEW}
    await prepare(ground.settings, ground.settings.database_url, keys)
    store = await open_store(ground.settings, ground.settings.database_url, keys)
    try:
        assert (await store.records(Scope.everyone()).read("Patient", "p-1")).id == "p-1"
    finally:
        await store.close()


async def test_a_lost_or_wrong_key_is_named_at_the_start(region: Region):
    ground, dsn = region.store.ground, region.store.ground.settings.database_url
    older = region.source.keys()
    rotated(region)
    newer = region.source.keys()
    await prepare(ground.settings, dsn, newer)
    for start in (prepare, open_store):
        with pytest.raises(Unavailable, match="Data key 2, with which this database is sealed, is not in the key file"):
            await start(ground.settings, dsn, older)
        with pytest.raises(Unavailable, match="Data key 1 of the key file is not the one"):
            await start(ground.settings, dsn, replace(newer, data={**newer.data, 1: b"another key 1234"}))
        with pytest.raises(Unavailable, match="sealed with sm4; the setting cipher says aes"):
            await start(replace(ground.settings, cipher="aes"), dsn, newer)
    with pytest.raises(Unavailable, match="another key file"):
        await prepare(ground.settings, dsn, replace(newer, index=bytes(32)))


async def test_a_worker_with_an_older_key_file_seals_nothing_back(region: Region):
    rotated(region)
    run = Run(region.store.ground, new_id(), {"key": NEW + 1}, {"done": 0}, 1)
    with pytest.raises(Unavailable, match="does not name data key 3 as the current one"):
        await reseal(run)
    assert await old(region) != {}


async def test_a_worker_that_ends_leaves_the_rest_to_the_next(region: Region):
    rotated(region)
    run = Run(region.store.ground, new_id(), {"key": NEW}, {"done": 0}, 1)
    run.stopping.set()
    with pytest.raises(Stopping):
        await reseal(run)
    assert await old(region) != {}


NOT_SEALED = {
    ("installation", "key_mark"), ("data_key", "mark"), ("feed", "types"),
    *(("seal", name) for name in ("rows", "leaves", "root", "frontier", "tree", "chain", "signature")),
}  # fmt: skip
"""Columns of bytes that hold no sealed value: marks, numbers, digests and signatures."""


async def test_every_column_of_bytes_is_either_sealed_anew_or_known_to_hold_nothing_sealed(region: Region):
    rows = await region.ask(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE data_type = 'bytea' AND table_schema IN ('xinglin', 'record', 'history')"
    )
    async with region.store.ground.side.connection() as connection:
        columns = {(*column.table.replace('"', "").split("."), column.name) for column in await columns_of(connection)}
    assert {tuple(row) for row in rows} - columns == {("xinglin", *pair) for pair in NOT_SEALED}
