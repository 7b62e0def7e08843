"""Whichever way a search is answered, near or far, by code, patient or era, it finds what it means, newest first, page by page."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.conftest import KEYS
from tests.store.asking import asked, found, page, paged
from tests.store.meaning import World
from tests.store.ward import QUESTIONS, ward
from xinglin.fhir.codec import Resource
from xinglin.fhir.search.extract import extract_param
from xinglin.fhir.search.model import Order
from xinglin.store import Records, Scope, Store, Stored, Update, eras, open_store
from xinglin.store.layout import TYPE_NUMBER
from xinglin.store.searching import predicates, running, shapes


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """Legs so short that the far ones are needed, and every token common."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "NEAR_ROWS": 6,
            "NEAR_CODE_ROWS": 6,
            "NEAR_CHAIN_ROWS": 6,
            "RARE_ROWS": -1,
            "WALKED_ROWS": -1,
            "PROBED_ROWS": 5,
            "NEAR_PROBED_ROWS": 6,
        }.items():
            patch.setattr(shapes, name, value)
        patch.setattr(running, "_CHECKED_AT_ONCE", 7)
        yield


@pytest.fixture(scope="module")
async def world(module_store: Store, module_records: Records) -> World:
    """The ward, written over several eras, some of it changed since."""
    ground, made = module_store.ground, ward()
    chance, stored = random.Random(1), dict[tuple[str, str], Resource]()

    async def write(resources: list[Resource]) -> None:
        for outcome in await module_records.write([Update(one, one["id"]) for one in resources]):
            assert outcome.stored is not None
            stored[outcome.stored.type, outcome.stored.id] = outcome.stored.resource()

    for n, start in enumerate(range(0, len(made), 60)):
        await write(made[start : start + 60])
        async with ground.side.connection() as connection:
            for type_ in ("Observation", "Patient", "Encounter"):
                await connection.execute("INSERT INTO xinglin.era VALUES ($1, $2, $3, 0)", TYPE_NUMBER[type_], n + 1, ground.ticks.take())
        await ground.eras.refresh()
    await write([{**one, "language": "zh"} for one in chance.sample(made, 40)])
    async with ground.side.connection() as connection:
        for table in ("observation", "patient", "encounter"):
            await connection.execute(f'ANALYZE record."{table}"')
    return World(stored.values())


@pytest.mark.parametrize("text", QUESTIONS)
async def test_every_way_finds_what_is_meant(world: World, module_records: Records, text: str):
    meant = world.found(asked(text))
    ids = await paged(module_records, text, 9)
    assert sorted(ids) == meant
    assert ids == await paged(module_records, text, 1000)
    assert (await page(module_records, text + "&_summary=count")).total == len(meant)
    if not ("_has" in text and text.startswith("Patient")):
        versions = [one.tick for one in (await page(module_records, text + "&_count=1000")).matches]
        assert versions == sorted(versions, reverse=True)


async def test_every_way_finds_the_same_when_nothing_fits_a_list(world: World, module_records: Records, monkeypatch: pytest.MonkeyPatch):
    """Chains to more patients than can be listed."""
    monkeypatch.setattr(predicates, "FEW_MAX", 2)
    for text in QUESTIONS:
        if "." in text and not any(odd in text for odd in (":contains", " co ", ":missing")):
            assert sorted(await paged(module_records, text, 11)) == world.found(asked(text)), text


async def test_another_process_finds_what_was_written_in_an_era_announced_since_it_last_looked(
    world: World, module_store: Store, module_records: Records, monkeypatch: pytest.MonkeyPatch
):
    other = await open_store(module_store.ground.settings, module_store.ground.settings.database_url, KEYS)
    try:
        ground = module_store.ground
        async with ground.side.connection() as connection:
            number = TYPE_NUMBER["Observation"]
            await connection.execute(
                "INSERT INTO xinglin.era SELECT $1, max(n) + 1, $2, 0 FROM xinglin.era WHERE type = $1", number, ground.ticks.take()
            )
        await ground.eras.refresh()
        moved = world.by_key["Observation", "o-2"]
        (outcome,) = await module_records.write([Update({**moved, "status": "cancelled"}, "o-2")])
        assert outcome.stored is not None
        world.by_key["Observation", "o-2"] = outcome.stored.resource()
        others = [one for key, one in world.by_key.items() if key[0] == "Observation"][:30]
        for outcome in await module_records.write(
            [Update({**one, "status": "amended"}, one["id"]) for one in others if one["id"] != "o-2"]
        ):
            assert outcome.stored is not None
            world.by_key["Observation", outcome.stored.id] = outcome.stored.resource()
        monkeypatch.setattr(eras, "_FRESH_S", 0.0)
        assert await found(other.records(Scope.everyone()), "Observation?status=cancelled") == ["o-2"]
    finally:
        await other.close()


ORDERS = [
    "",
    "date",
    "-date",
    "value-quantity",
    "-value-quantity",
    "_id",
    "-_id",
    "_lastUpdated",
    "-_lastUpdated",
    "status",
    "-code",
    "status,date",
    "-date,value-quantity",
    "-status,-_id",
    "patient",
    "-_lastUpdated,status",
    "code,-value-quantity",
    "component-value-quantity,-date",
]


@pytest.mark.parametrize(
    "where", ["", "status=final", "code=pain", "patient=p-1", "code=pain&date=ge2026-05", "patient.name=zh", "category:text=odd"]
)
@pytest.mark.parametrize("order", ORDERS)
async def test_every_order_pages_without_gap_or_repeat_and_keeps_what_has_no_value_last(
    world: World, module_records: Records, where: str, order: str
):
    text = f"Observation?{where}" + (f"&_sort={order}" if order else "")
    search = asked(text)
    first = (await module_records.search(replace(search, count=1000))).matches
    whole = [one.id for one in first]
    assert sorted(whole) == world.found(search)
    for count in (7, 31):
        assert await paged(module_records, text, count) == whole
    keys = [[_key(one, key) for key in search.order] for one in first]
    assert keys == sorted(keys, key=lambda all_: [_placed(key, order.descending) for key, order in zip(all_, search.order, strict=True)])


def _key(stored: Stored, order: Order) -> Any:
    if order.param.name in ("_id", "_lastUpdated"):
        return stored.id if order.param.name == "_id" else stored.tick
    values = [value for one in extract_param(stored.resource(), order.param) if (value := _one(one)) is not None]
    return None if not values else max(values) if order.descending else min(values)


def _one(value: object) -> Any:
    for name in ("lo", "hi", "text", "code", "id"):
        if (found_ := getattr(value, name, None)) is not None:
            return found_
    return None


@dataclass(frozen=True, slots=True)
class _Reversed:
    key: Any

    def __lt__(self, other: _Reversed) -> bool:
        return other.key < self.key


def _placed(key: object, descending: bool) -> tuple[bool, object]:
    return (True, 0) if key is None else (False, _Reversed(key) if descending else key)


async def test_totals_are_as_asked_for(world: World, module_records: Records):
    text = "Observation?status=final"
    meant = len(world.found(asked(text)))
    first = await page(module_records, text + "&_count=5")
    assert (first.total, len(first.matches)) == (None, 5)
    assert (await page(module_records, text + "&_count=5&_total=accurate")).total == meant
    assert (await page(module_records, text + "&_count=5&_total=estimate")).total == meant
    assert (await page(module_records, text + "&_count=5&_total=none")).total is None
    assert (await page(module_records, text + "&_count=1000")).total == meant
    for counted in ("&_summary=count", "&_count=0"):
        answer = await page(module_records, text + counted)
        assert (answer.total, answer.matches, answer.next) == (meant, [], None)
