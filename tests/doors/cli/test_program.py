"""The commands do what their help says, on a real home folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xinglin.access.tokens import verify
from xinglin.base.clock import utc_now
from xinglin.base.crypto import FileKeys
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation
from xinglin.doors.cli.program import application


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "region"
    yield folder
    installation.remove(Settings(home=str(folder)))


def xinglin(*words: str | Path, answer: str = "") -> tuple[int, str]:
    shown = CliRunner().invoke(application, [str(word) for word in words], input=answer, env={"XINGLIN_DATABASE_URL": None})
    if shown.exception is not None and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown.exit_code, shown.output


def test_a_token_is_printed_and_nothing_else(home: Path) -> None:
    code, output = xinglin("token", "--role", "doctor", "--subject", "Practitioner/7", "--home", home)
    assert code == 0
    assert output == output.strip() + "\n"
    actor = verify(FileKeys(home / "keys.json").keys(), output.strip(), utc_now())
    assert (actor.role, actor.id) == ("doctor", "Practitioner/7")


def test_the_key_file_is_for_its_owner_alone(home: Path) -> None:
    xinglin("token", "--role", "reader", "--home", home)
    assert (home / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_role_that_does_not_exist_is_named(home: Path) -> None:
    with pytest.raises(Malformed, match="surgeon"):
        xinglin("token", "--role", "surgeon", "--home", home)


def test_every_command_has_help_worth_reading() -> None:
    for command in ("up", "load", "token", "reset", "check", "postgres"):
        code, output = xinglin(command, "--help")
        assert code == 0
        assert len(output) > 200


def test_the_doctor_finds_a_new_installation_healthy(home: Path) -> None:
    code, output = xinglin("check", "--home", home)
    assert "✗" not in output.replace("✗ Front-end libraries", "")
    for word in ("Xinglin", "Python", "PostgreSQL 18", "Disk", "Memory", "Clock", "Durable", "Not running"):
        assert word in output
    assert code == int("✗" in output)


def test_the_doctor_tells_what_is_wrong_with_a_database_that_is_not_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    shown = CliRunner().invoke(application, ["check", "--home", str(home)])
    assert shown.exit_code == 1
    assert "Database does not answer" in shown.output


def test_a_dump_restores_into_a_new_home(home: Path, tmp_path: Path) -> None:
    assert xinglin("postgres", "--home", home, "psql", "--quiet", "--command", "CREATE TABLE kept AS SELECT 42 AS n")[0] == 0
    assert xinglin("postgres", "--home", home, "pg_dump", "--format", "custom", "--file", tmp_path / "region.dump")[0] == 0
    other = tmp_path / "other"
    try:
        assert xinglin("postgres", "--home", other, "pg_restore", "--dbname", "xinglin", tmp_path / "region.dump")[0] == 0
        assert xinglin("postgres", "--home", other, "psql", "--output", tmp_path / "seen", "-At", "--command", "SELECT n FROM kept")[0] == 0
        assert (tmp_path / "seen").read_text() == "42\n"
    finally:
        installation.remove(Settings(home=str(other)))


def test_a_program_postgresql_does_not_have_is_refused(home: Path) -> None:
    with pytest.raises(NotFound, match="pg_dance"):
        xinglin("postgres", "--home", home, "pg_dance")


def test_reset_asks_first_and_leaves_what_is_not_ours(home: Path) -> None:
    xinglin("check", "--home", home)
    xinglin("token", "--role", "reader", "--home", home)
    (home / "notes.txt").write_text("mine")
    assert xinglin("reset", "--home", home, answer="n\n")[0] == 1
    assert (home / "keys.json").exists()
    assert xinglin("reset", "--home", home, answer="y\n")[0] == 0
    assert [entry.name for entry in home.iterdir()] == ["notes.txt"]


def test_a_home_is_run_by_one_at_a_time(home: Path) -> None:
    settings = Settings(home=str(home))
    with installation.claimed(settings) as handle:
        installation.announce(handle, "http://127.0.0.1:8080")
        assert installation.address_of_running(settings) == "http://127.0.0.1:8080"
        with pytest.raises(Conflict, match=r"http://127\.0\.0\.1:8080"), installation.claimed(settings):
            pass
    assert installation.address_of_running(settings) is None


def test_a_database_that_was_killed_is_started_again(home: Path) -> None:
    with installation.database(Settings(home=str(home))) as record:
        assert record.embedded is not None
        file = record.embedded.place / "data" / "postmaster.pid"
        first = int(file.read_text().split()[0])
        record.tend()
        assert int(file.read_text().split()[0]) == first
        os.kill(first, signal.SIGKILL)
        while record.embedded.running():
            time.sleep(0.01)
        record.tend()
        assert record.embedded.running()
        assert int(file.read_text().split()[0]) != first
    assert not record.embedded.running()


def test_a_database_that_cannot_be_started_again_is_told_and_tried_later(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with installation.database(Settings(home=str(home))) as record:
        assert record.embedded is not None
        data = record.embedded.place / "data"
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        while record.embedded.running():
            time.sleep(0.01)
        (data / "PG_VERSION").rename(data / "aside")
        (data / "PG_VERSION").write_text("9")
        record.tend()
        record.tend()
        assert capsys.readouterr().out.count("tried again in") == 1
        (data / "aside").replace(data / "PG_VERSION")
        record.again = 0.0
        record.tend()
        assert record.embedded.running()
