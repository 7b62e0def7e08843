"""The embedded server starts from nothing, keeps its data over every kind of death, and is never stopped under another user."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from xinglin.base.errors import Unavailable
from xinglin.store.postgres import Embedded


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("region")
    yield folder
    Embedded(folder).remove()


@pytest.fixture
def server(home: Path) -> Iterator[Embedded]:
    embedded = Embedded(home)
    yield embedded
    embedded.stop()


def ask(dsn: str, *statements: str) -> object:
    async def asked() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(asked())


def postmaster(server: Embedded) -> int:
    return int((server.place / "data" / "postmaster.pid").read_text().splitlines()[0])


def test_a_first_start_makes_a_database_and_a_second_keeps_its_rows(server: Embedded, home: Path) -> None:
    dsn = server.start()
    ask(dsn, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)", "SELECT 1")
    assert server.stop()
    assert not server.running()
    began = time.monotonic()
    again = Embedded(home)
    assert ask(again.start(), "SELECT n FROM kept") == 7
    assert time.monotonic() - began < 2
    assert again.stop()


def test_it_is_durable_and_reached_by_its_socket_only(server: Embedded) -> None:
    dsn = server.start()
    shown = {
        name: ask(dsn, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "data_checksums")
    }
    assert shown == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "", "data_checksums": "on"}
    assert (server.place / "data").stat().st_mode & 0o777 == 0o700
    assert server.version().startswith(str(ask(dsn, "SHOW server_version_num"))[:2])


def test_an_acknowledged_row_survives_kill_9_of_the_whole_server(server: Embedded, home: Path) -> None:
    dsn = server.start()
    ask(dsn, "CREATE TABLE IF NOT EXISTS survived (n int)", "TRUNCATE survived", "INSERT INTO survived VALUES (1)", "SELECT 1")
    os.kill(postmaster(server), signal.SIGKILL)
    again = Embedded(home)
    assert ask(again.start(), "SELECT count(*) FROM survived") == 1
    assert not again.adopted
    again.stop()


def test_a_server_left_by_a_killed_parent_is_adopted(server: Embedded, home: Path) -> None:
    program = (
        "import time; from pathlib import Path; from xinglin.store.postgres import Embedded; "
        f"e = Embedded(Path({str(home)!r})); print(e.start(), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    first = parent.stdout.readline().strip()
    before = postmaster(server)
    parent.kill()
    parent.wait()
    assert server.start() == first
    assert server.adopted
    assert postmaster(server) == before
    assert server.stop()
    assert not server.running()


def test_no_one_stops_it_under_another_user(server: Embedded, home: Path) -> None:
    dsn = server.start()
    visitor = Embedded(home)
    visitor.start()
    assert visitor.adopted
    assert not visitor.stop()
    with pytest.raises(Unavailable):
        visitor.remove()
    assert ask(dsn, "SELECT 1") == 1
    assert server.stop()
    assert not server.running()


def test_a_pid_file_that_names_another_program_is_no_obstacle(server: Embedded) -> None:
    server.start()
    os.kill(postmaster(server), signal.SIGKILL)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        file = server.place / "data" / "postmaster.pid"
        file.write_text("\n".join([str(stranger.pid), *file.read_text().splitlines()[1:]]) + "\n")
        server.stop()
        assert ask(server.start(), "SELECT 1") == 1
    finally:
        stranger.kill()
        stranger.wait()


def test_a_start_killed_while_making_the_cluster_is_made_again(tmp_path: Path) -> None:
    server = Embedded(tmp_path / "half")
    half = server.place / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    try:
        assert ask(server.start(), "SELECT 1") == 1
    finally:
        server.remove()
    assert not server.place.exists()


def test_a_home_with_a_very_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    server = Embedded(tmp_path / ("long-" * 20) / "home")
    try:
        assert ask(server.start(), "SELECT 1") == 1
    finally:
        server.remove()


def test_a_cluster_of_another_major_version_is_refused_not_broken(tmp_path: Path) -> None:
    server = Embedded(tmp_path / "old")
    (server.place / "data").mkdir(parents=True)
    (server.place / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Unavailable, match="made by PostgreSQL 9"):
        server.start()
    server.remove()
