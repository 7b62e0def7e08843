"""What is and what was: reads answered together, versions, and histories that page without gap or repeat."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import KEYS
from xinglin.base.clock import LANES
from xinglin.base.errors import Gone, Malformed, NotFound
from xinglin.base.ids import new_id
from xinglin.fhir.codec import Resource
from xinglin.store import Create, Delete, Records, Scope, Store, Stored, Update, open_store, past


def patient(n: int = 0) -> Resource:
    return {"resourceType": "Patient", "multipleBirthInteger": n}


def group(n: int = 0) -> Resource:
    return {"resourceType": "Group", "type": "person", "actual": True, "quantity": n}


async def whole(records: Records, *about: str, since: int | None = None, count: int = 7) -> list[Stored]:
    """Every entry of a history, page by page; every page but the last is full."""
    entries: list[Stored] = []
    cursor = None
    while True:
        page = await records.history(*about, since=since, count=count, cursor=cursor)
        entries += page.entries
        cursor = page.next
        if cursor is None:
            return entries
        assert len(page.entries) == count


def told(entries: list[Stored]) -> list[tuple[str, str, int]]:
    return [(e.type, e.id, e.version) for e in entries]


async def test_many_reads_at_once_each_get_their_own(module_records: Records):
    ids = [new_id() if n % 2 else f"r-{n}" for n in range(150)]
    await module_records.write([Update(patient(n), id_) for n, id_ in enumerate(ids)])
    await module_records.write([Delete("Patient", ids[3]), Update(group(4), ids[4])])

    async def read(type_: str, id_: str) -> object:
        try:
            return (await module_records.read(type_, id_)).resource()
        except (Gone, NotFound) as error:
            return type(error)

    asked = [("Patient", id_) for id_ in [*ids, *ids]] + [("Group", ids[4]), ("Patient", "nobody"), ("MolecularSequence", "x")]
    answers = await asyncio.gather(*(read(*one) for one in asked))
    for n, answer in enumerate(answers[:300]):
        assert (
            answer is Gone
            if n % 150 == 3
            else isinstance(answer, dict) and (answer["id"], answer["multipleBirthInteger"]) == (ids[n % 150], n % 150)
        )
    assert isinstance(answers[300], dict)
    assert answers[301:] == [NotFound, NotFound]


async def test_a_reader_who_goes_away_does_not_keep_the_others_waiting(module_records: Records):
    await module_records.write([Update(patient(), "r-shared")])
    tasks = [asyncio.create_task(module_records.read("Patient", "r-shared")) for _ in range(80)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, Stored) for answer in answers[1::2])


async def test_a_read_begun_after_a_write_sees_it(module_records: Records):
    for n in range(40):
        reads = [asyncio.create_task(module_records.read("Patient", "r-shared")) for _ in range(3)]
        await module_records.write([Update(patient(n), "r-shared")])
        assert (await module_records.read("Patient", "r-shared")).resource()["multipleBirthInteger"] == n
        await asyncio.gather(*reads, return_exceptions=True)


async def test_the_history_of_a_resource_pages_newest_first_with_its_total(module_records: Records):
    for n in range(9):
        await module_records.write([Update(patient(n), "h-one")])
    await module_records.write([Delete("Patient", "h-one")])
    entries = await whole(module_records, "Patient", "h-one", count=4)
    assert [(e.version, e.method) for e in entries] == [(10, "DELETE"), *((n, "PUT") for n in range(9, 0, -1))]
    first = await module_records.history("Patient", "h-one", count=4)
    assert first.total == 10
    assert [e.version for e in await whole(module_records, "Patient", "h-one", since=entries[3].tick)] == [10, 9, 8, 7]
    assert [e.version for e in await whole(module_records, "Patient", "h-one", since=entries[3].tick + 1)] == [10, 9, 8]
    assert await whole(module_records, "Patient", "h-one", since=entries[0].tick + 1) == []


async def test_the_history_of_a_type_holds_every_version_once(module_records: Records):
    await module_records.write([Update(group(n), f"g-{n}") for n in range(10)])
    since = (await module_records.read("Group", "g-3")).tick
    for n in range(0, 10, 2):
        await module_records.write([Update(group(n), f"g-{n}")])
    await module_records.write([Delete("Group", "g-3"), Delete("Group", "g-5")])
    await module_records.write([Update(group(), "g-5")])
    entries = await whole(module_records, "Group", count=3)
    meant = [("Group", f"g-{n}", 1) for n in range(10)] + [("Group", f"g-{n}", 2) for n in range(0, 10, 2)]
    assert set(told(entries)) >= {*meant, ("Group", "g-3", 2), ("Group", "g-5", 2), ("Group", "g-5", 3)}
    assert len(set(told(entries))) == len(entries)
    assert [e.tick for e in entries] == sorted((e.tick for e in entries), reverse=True)
    assert [e for e in entries if e.tick >= since] == await whole(module_records, "Group", since=since)
    assert await whole(module_records, "MolecularSequence") == []


async def test_a_deletion_is_told_by_the_id_the_resource_had(module_records: Records):
    await module_records.write([Update(group(), "not-a-uuid")])
    await module_records.write([Delete("Group", "not-a-uuid")])
    for about in (("Group", "not-a-uuid"), ("Group",), ()):
        assert told((await module_records.history(*about, count=2)).entries) == [("Group", "not-a-uuid", 2), ("Group", "not-a-uuid", 1)]


async def test_the_history_of_everything_holds_every_version_once_newest_first(
    module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    """Also when large commits of one process and small ones of another lie across each other."""
    monkeypatch.setattr(past, "_FEED_ROWS", 4)
    another = await open_store(module_store.ground.settings, module_store.ground.settings.database_url, KEYS)
    ahead = another.ground.ticks.take() + 1_000_000
    another.ground.ticks.raise_to(ahead)  # its next commit spans the ticks that the small ones take
    module_store.ground.ticks.raise_to(ahead + 100 * LANES)
    other = another.records(Scope.everyone())
    try:
        large = asyncio.create_task(other.write([Create(group(n)) for n in range(400)]))
        for n in range(30):
            await module_records.write([Update(patient(n), f"s-{n % 5}")])
        await large
        for n in range(12):
            await module_records.write([Update(patient(n), f"s-{n % 5}"), Update(group(n), f"s-{n % 5}")])
    finally:
        await another.close()
    by_type = [e for type_ in ("Patient", "Group") for e in await whole(module_records, type_, count=500)]
    meant = told(sorted(by_type, key=lambda e: e.tick, reverse=True))
    assert told(await whole(module_records, count=37)) == meant
    middle = by_type[len(by_type) // 2].tick
    assert told(await whole(module_records, count=50, since=middle)) == [
        one for one, e in zip(meant, sorted(by_type, key=lambda e: e.tick, reverse=True), strict=True) if e.tick >= middle
    ]


async def test_a_page_mark_of_another_list_is_refused(module_records: Records):
    for about in (("Patient", "h-one"), ("Group",), ()):
        for mark in ("x", "kwE", "!!"):
            with pytest.raises(Malformed):
                await module_records.history(*about, cursor=mark)
