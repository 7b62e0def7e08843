"""`xinglin account`: the first administrator, and the way back in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xinglin.access.accounts import Entrance, Session
from xinglin.access.accounts.entrance import Origin, Refused
from xinglin.base.clock import utc_now
from xinglin.base.errors import Conflict, Invalid
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation
from xinglin.doors.cli.program import application
from xinglin.store import open_store

NUMBER = "580123198205060330"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("accounts")
    yield folder
    installation.remove(Settings(home=str(folder)))


def account(*words: str | Path) -> str:
    shown = CliRunner().invoke(application, ["account", *map(str, words)], env={"XINGLIN_DATABASE_URL": None})
    if shown.exception is not None and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown.output


def _word(output: str) -> str:
    found = re.search(r"another: (\S+)$", output.strip())
    assert found, output
    return found[1]


def _session(home: Path, word: str) -> Session:
    """What a sign-in as sun with this password waits for."""

    async def come_in(settings: Settings, dsn: str) -> Session:
        store = await open_store(settings, dsn, installation.keys_of(settings))
        try:
            entrance = Entrance(store.ground, store.note)
            secret = await entrance.by_password("sun", word, Origin("10.0.0.1"), utc_now())
            return (await entrance.sessions.find(secret, utc_now())).session
        finally:
            await store.close()

    settings = Settings(home=str(home))
    with installation.database(settings) as record:
        return asyncio.run(come_in(settings, record.dsn))


def test_the_first_administrator_gets_a_password_that_must_be_changed_and_comes_back_after_a_reset(home: Path) -> None:
    made = account("create", "sun", "--role", "system_admin", "--name", "孙某", "--number", NUMBER, "--home", home)
    assert _session(home, _word(made)).stage == "password"
    assert "sun\t孙某\tactive\tsystem_admin\tno second factor" in account("list", "--home", home)
    again = account("reset", "sun", "--home", home)
    assert _session(home, _word(again)).stage == "password"
    with pytest.raises(Refused):
        _session(home, _word(made))


def test_nobody_is_two_administrators_and_no_person_is_a_machine(home: Path) -> None:
    with pytest.raises(Conflict):
        account("create", "sun2", "--role", "audit_admin", "--name", "孙某", "--number", NUMBER, "--home", home)
    with pytest.raises(Invalid):
        account("create", "sun3", "--role", "audit_admin", "--name", "孙某", "--home", home)
    with pytest.raises(Invalid):
        account("create", "machine", "--role", "system", "--name", "机器", "--home", home)
