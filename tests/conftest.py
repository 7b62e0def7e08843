"""One real PostgreSQL for the whole run, and cheap fresh databases on it: each a copy of a prepared one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.store import Records, Scope, Store, open_store, prepare
from xinglin.store.postgres import Embedded

KEYS = Keys({1: b"0123456789abcdef"}, 1, bytes(range(32)), b"t" * 32)
TEMPLATE = "template_of_tests"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Makes databases: each call gives the address of a fresh, prepared and empty one."""
    server = Embedded(tmp_path_factory.mktemp("postgres"))
    main = server.start()
    numbers = itertools.count(1)
    try:
        _run(main, "ALTER SYSTEM SET fsync = off")  # what a test proves survives the death of processes, not of the machine
        _run(main, "SELECT pg_reload_conf()")
        _run(main, f"CREATE DATABASE {TEMPLATE}")
        asyncio.run(prepare(Settings(), _named(main, TEMPLATE), KEYS))

        def fresh() -> str:
            name = f"test_{next(numbers)}"
            _run(main, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
            return _named(main, name)

        yield fresh
    finally:
        server.remove()


@pytest.fixture(scope="session")
def keys() -> Keys:
    """The keys every database of the run was made with."""
    return KEYS


@pytest.fixture(scope="module")
def database(postgres: Callable[[], str]) -> str:
    """The address of this module's own database."""
    return postgres()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This module's home folder: exports, imports."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
async def module_store(database: str, home: Path, keys: Keys) -> AsyncIterator[Store]:
    """The store all tests of a module share (they see each other's records)."""
    store = await open_store(Settings(home=str(home), database_url=database, database_connections=4), database, keys)
    yield store
    await store.close()


@pytest.fixture
async def store(postgres: Callable[[], str], tmp_path: Path, keys: Keys) -> AsyncIterator[Store]:
    """An empty store of one test's own. For many small tests take `module_store`: an own database costs about 0.2 s."""
    dsn = await asyncio.to_thread(postgres)
    opened = await open_store(Settings(home=str(tmp_path), database_url=dsn, database_connections=4), dsn, keys)
    yield opened
    await opened.close()


@pytest.fixture
def records(store: Store) -> Records:
    """The records of one test's own store, as someone who may see everyone."""
    return store.records(Scope.everyone())


@pytest.fixture(scope="module")
def module_records(module_store: Store) -> Records:
    """The records of the module's store, as someone who may see everyone."""
    return module_store.records(Scope.everyone())


def _named(dsn: str, database: str) -> str:
    head, _, query = dsn.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


def _run(dsn: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
