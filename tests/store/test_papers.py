"""Papers: found by key and handle, changed by one at a time, gone at their end, and of nobody to read in the tables."""

from __future__ import annotations

import asyncio

import asyncpg
import msgspec
import pytest

from xinglin.base.errors import Conflict, NotFound
from xinglin.store import Store
from xinglin.store.papers import NEVER_US, Papers, sweep


class Card(msgspec.Struct, frozen=True):
    """What the papers of these tests say."""

    name: str
    count: int = 0


@pytest.fixture
def cards(module_store: Store, request: pytest.FixtureRequest) -> Papers[Card]:
    """The papers of one test's own kind."""
    return Papers(module_store.ground, request.node.name, Card)


async def test_a_paper_is_found_by_key_and_by_each_of_its_handles(cards: Papers[Card]):
    made = await cards.add("k1", Card("Zhang"), ["login zhang", "phone 154"])
    assert (await cards.get("k1", 0)) == made
    assert [paper.value.name for paper in await cards.find("phone 154", 0)] == ["Zhang"]
    assert await cards.find("zhang", 0) == []
    assert await cards.look("k2", 0) is None
    with pytest.raises(NotFound):
        await cards.get("k2", 0)


async def test_a_key_is_taken_once_and_so_is_a_handle_that_must_be_alone(cards: Papers[Card]):
    await cards.add("k1", Card("Zhang"), alone=["login zhang"])
    with pytest.raises(Conflict):
        await cards.add("k1", Card("other"))
    with pytest.raises(Conflict):
        await cards.add("k2", Card("other"), alone=["login zhang"])
    found = await asyncio.gather(*(cards.add(f"r{n}", Card("race"), alone=["login race"]) for n in range(6)), return_exceptions=True)
    assert sum(not isinstance(one, Conflict) for one in found) == 1


async def test_of_two_who_change_the_same_version_one_is_told(cards: Papers[Card]):
    paper = await cards.add("k", Card("Zhang"))
    changed = await cards.put(paper, Card("Zhang", 1), ["new handle"])
    assert (changed.version, changed.value.count) == (2, 1)
    with pytest.raises(Conflict):
        await cards.put(paper, Card("Zhang", 7))
    assert [one.value for one in await cards.find("new handle", 0)] == [Card("Zhang", 1)]


async def test_what_has_ended_is_not_there_and_is_swept(cards: Papers[Card], module_store: Store):
    await cards.add("short", Card("a"), ["h"], ends=1_000)
    await cards.add("long", Card("b"), ["h"], ends=NEVER_US)
    assert [paper.key for paper in await cards.find("h", 999)] == ["short", "long"]
    assert [paper.key for paper in await cards.find_any(["h", "x"], 999)] == ["long", "short"]
    assert [paper.key for paper in await cards.find("h", 1_000)] == ["long"]
    assert await cards.count(1_000) == 1
    assert await sweep(module_store.ground.side, 1_000) >= 1
    assert [paper.key for paper in await cards.all(0)] == ["long"]


async def test_papers_are_listed_in_pages(cards: Papers[Card]):
    for n in range(5):
        await cards.add(f"k{n}", Card("x", n))
    first = await cards.all(0, limit=3)
    assert [paper.value.count for paper in first + await cards.all(0, after=first[-1].key)] == [0, 1, 2, 3, 4]


async def test_a_paper_removed_is_gone_for_one_remover_only(cards: Papers[Card]):
    await cards.add("k", Card("x"))
    assert sorted(await asyncio.gather(cards.remove("k"), cards.remove("k"))) == [False, True]


async def test_the_table_shows_no_key_handle_or_value(cards: Papers[Card], database: str):
    await cards.add("key-Zhang", Card("value-Zhang"), ["handle-Zhang"])
    connection = await asyncpg.connect(database)
    rows = await connection.fetch("SELECT p::text AS told FROM xinglin.paper p")
    await connection.close()
    text = " ".join(row["told"] for row in rows)
    assert "Zhang" not in text
    assert b"Zhang".hex() not in text
