"""Asking a store in a test: searches from their text, all pages of one, and what a change left in the tables."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

from xinglin.fhir.search.grammar import read_search
from xinglin.fhir.search.model import Search
from xinglin.store import Records, SearchPage, Store


def asked(text: str) -> Search:
    """`Patient?name=x&_sort=-birthdate` as a search."""
    type_, _, query = text.partition("?")
    return read_search(type_, parse_qsl(query, keep_blank_values=True), strict=True)


async def page(records: Records, text: str) -> SearchPage:
    return await records.search(asked(text))


async def found(records: Records, text: str) -> list[str]:
    """The ids of the first page, in order."""
    return [stored.id for stored in (await page(records, text)).matches]


async def paged(records: Records, text: str, count: int) -> list[str]:
    """The ids of all pages, in order; every page but the last is full."""
    ids: list[str] = []
    search: Search = replace(asked(text), count=count)
    while True:
        there = await records.search(search)
        ids += [stored.id for stored in there.matches]
        if there.next is None:
            return ids
        assert len(there.matches) == count
        search = replace(search, cursor=there.next)


async def rows_of(store: Store) -> dict[str, int]:
    """How many heads, old versions, feed rows and audit rows there are."""
    async with store.ground.pool.connection() as connection:
        tables = [
            (row[0], row[1])
            for row in await connection.fetch("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('record', 'history')")
        ]
        counts = {"record": 0, "history": 0}
        for schema, table in tables:
            counts[schema] += await connection.fetchval(f'SELECT count(*) FROM {schema}."{table}"')
        for table in ("feed", "audit"):
            counts[table] = await connection.fetchval(f"SELECT count(*) FROM xinglin.{table}")
        return counts
