"""Numbers for patients, codes and the like: given once, known to every process, and never missed by one that reads while another gives."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import KEYS
from tests.store.asking import asked, found
from xinglin.fhir.codec import Resource
from xinglin.store import Create, Records, Scope, Store, interning, open_store


def observation(code: str, subject: str | None = None, **more: Any) -> Resource:
    about = {"subject": {"reference": f"Patient/{subject}"}} if subject else {}
    return {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:c", "code": code}]}, **about, **more}


@pytest.fixture(scope="module")
async def others(module_store: Store) -> Any:
    """The same records, as another process has them."""
    store = await open_store(module_store.ground.settings, module_store.ground.settings.database_url, KEYS)
    yield store.records(Scope.everyone())
    await store.close()


async def test_a_new_code_written_by_one_process_is_found_and_written_by_another(module_records: Records, others: Records):
    for n in range(3):
        await module_records.write([Create(observation(f"new{n}", valueQuantity={"value": n, "unit": f"u{n}"}))])
        assert len(await found(others, f"Observation?code=urn:c|new{n}")) == 1
        assert len(await found(others, f"Observation?value-quantity={n}||u{n}")) == 1
        await others.write([Create(observation(f"new{n}"))])
        assert len(await found(module_records, f"Observation?code=new{n}")) == 2
        assert len(await found(module_records, "Observation?value-quantity:missing=false&code=new1,new2,new0")) == n + 1


class _Between:
    """A connection on which, after its first statement, something else happens first."""

    def __init__(self, connection: Any, table: str, happens: Any) -> None:
        self._connection, self._table, self._happens = connection, table, happens

    async def fetchval(self, sql: str, *values: Any) -> Any:
        return await self._connection.fetchval(sql, *values)

    async def fetch(self, sql: str, *values: Any) -> Any:
        rows = await self._connection.fetch(sql, *values)
        if self._table in sql and self._happens:
            happens, self._happens = self._happens, None
            await happens()
        return rows


@pytest.mark.parametrize("table", ["concept", "presence", "trait"])
async def test_what_is_given_while_another_reads_is_not_missed(module_store: Store, module_records: Records, others: Records, table: str):
    """A code, its presence set and a trait given together, between the reader's look at two of the tables."""
    await others.write([Create(observation(f"first-{table}"))])

    async def happens() -> None:
        await others.write(
            [
                Create(
                    observation(
                        f"amid-{table}",
                        valueQuantity={"value": 1, "unit": f"amid-{table}"},
                        **{
                            {"concept": "issued", "presence": "identifier", "trait": "language"}[table]: {
                                "concept": "2020-01-01T00:00:00Z",
                                "presence": [{"value": "i"}],
                                "trait": "en",
                            }[table]
                        },
                    )
                )
            ]
        )

    async with module_store.ground.pool.connection() as connection:
        await module_store.ground.interning.catch_up(_Between(connection, f"xinglin.{table} ", happens))  # pyright: ignore[reportArgumentType]
    await others.write([Create(observation(f"last-{table}"))])
    assert len(await found(module_records, f"Observation?code=amid-{table}")) == 1
    assert len(await found(module_records, f"Observation?value-quantity=1||amid-{table}")) == 1
    await module_records.write([Create(observation(f"amid-{table}"))])


async def test_numbers_are_given_once_however_many_ask(module_store: Store, module_records: Records, others: Records):
    await asyncio.gather(
        *(
            r.write([Create(observation("crowd", f"crowd-{n % 4}", note=[{"text": "x"}]))])
            for n in range(12)
            for r in (module_records, others)
        )
    )
    async with module_store.ground.pool.connection() as connection:
        keys = [module_store.ground.hashes.id(f"crowd-{n}") for n in range(4)]
        assert await connection.fetchval("SELECT count(*) FROM xinglin.person WHERE id = ANY($1)", keys) == 4
        top = await connection.fetchval(
            "SELECT max(n) FROM (SELECT n FROM xinglin.concept UNION ALL SELECT n FROM xinglin.presence"
            " UNION ALL SELECT n FROM xinglin.trait) x"
        )
        assert await connection.fetchval("SELECT n FROM xinglin.given") == top
        assert len({row[0] for row in await connection.fetch("SELECT patient FROM record.observation WHERE patient <> 0")}) == 4
    assert len(await found(others, "Observation?code=crowd&_count=100")) == 24


async def test_more_patients_than_a_process_remembers_are_written_and_found(module_records: Records, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interning, "_REMEMBERED_MAX", 3)
    for n in range(6):
        await module_records.write(
            [Create(observation("much", f"much-{n}")), Create(observation("much", "much-0")), Create(observation("much", f"much-{n - 2}"))]
        )
    await asyncio.gather(*(module_records.write([Create(observation("much", f"much-{n}"))]) for n in range(12)))
    assert len(await found(module_records, "Observation?patient=much-0&_count=50")) == 9
    assert len((await module_records.search(asked("Observation?code=much&_count=100"))).matches) == 30
