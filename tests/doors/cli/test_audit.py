"""`xinglin audit` on a real home folder: verify, head, witness, prove, export, archive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from tests.served import keep_keys
from tests.store.ledger.written import look
from xinglin.base.clock import utc_now, wall_us
from xinglin.base.crypto import Keys, signer_of
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.base.settings import Settings
from xinglin.doors.cli.program import application
from xinglin.fhir.validation import validate
from xinglin.store import open_store
from xinglin.store.ledger.sealing import seal_next

DAY_US = 24 * 3600 * 1_000_000


class Region:
    """An installation that does not run, over a database of its own."""

    def __init__(self, home: Path, dsn: str, keys: Keys) -> None:
        self.settings, self._dsn, self._keys = Settings(home=str(home)), dsn, keys
        keep_keys(keys, home / "keys.json")

    def audit(self, *words: str | Path) -> tuple[int, str]:
        all_words = ["audit", *(str(word) for word in words), "--home", self.settings.home]
        shown = CliRunner().invoke(application, all_words, env={"XINGLIN_DATABASE_URL": self._dsn})
        if shown.exception is not None and not isinstance(shown.exception, SystemExit):
            raise shown.exception
        return shown.exit_code, shown.output

    def sealed(self, count: int, days_ago: int = 0) -> None:
        """So many acts, sealed."""
        at = wall_us() - days_ago * DAY_US

        async def work() -> None:
            store = await open_store(replace(self.settings, database_url=self._dsn), self._dsn, self._keys)
            for n in range(count):
                store.trail.note(at + n, look(n))
            await store.trail.flush()
            while await seal_next(store.ground, signer_of(self._keys), at + count):
                pass
            await store.close()

        asyncio.run(work())

    def sql(self, statement: str) -> None:
        async def work() -> None:
            connection = await asyncpg.connect(self._dsn)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(work())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[], str], keys: Keys) -> Callable[[], Region]:
    return lambda: Region(tmp_path_factory.mktemp("audit"), postgres(), keys)


@pytest.fixture(scope="module")
def region(made: Callable[[], Region]) -> Region:
    """Five acts of long ago and five of today."""
    region = made()
    region.sealed(5, days_ago=400)
    region.sealed(5)
    return region


def head_in(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def test_an_untouched_ledger_verifies_and_the_verification_is_itself_an_act(region: Region):
    code, told = region.audit()
    assert code == 0
    assert "10 rows in 2 seals: nothing was changed" in told
    assert "Rows: 10 verified" in told
    assert "1 rows wait for their seal" in region.audit("verify")[1]


def test_a_changed_row_is_named_and_the_exit_code_says_so(made: Callable[[], Region]):
    region = made()
    region.sealed(3)
    region.sql("UPDATE xinglin.audit SET status = 403 WHERE n = 2")
    code, told = region.audit("verify")
    assert code == 1
    assert "Row 2 (" in told
    assert "its status was 200, now it is 403" in told
    assert "1 faults" in told


def test_a_ledger_cut_back_is_found_by_what_the_last_verification_kept(made: Callable[[], Region]):
    region = made()
    region.sealed(3)
    region.sealed(3)
    assert region.audit("verify")[0] == 0
    region.sql("DELETE FROM xinglin.seal WHERE n = 2")
    region.sql("DELETE FROM xinglin.audit WHERE n > 3")
    code, told = region.audit("verify")
    assert code == 1
    assert "cut off" in told


def test_a_head_goes_to_a_witness_and_comes_back_as_evidence(made: Callable[[], Region], tmp_path: Path):
    ours, neighbour = made(), made()
    head, later = tmp_path / "head.json", tmp_path / "later.json"
    ours.sealed(4)
    assert ours.audit("head", head)[0] == 0
    code, told = neighbour.audit("witness", head, "--name", "Jiyuan")
    assert (code, "The first head seen of it" in told) == (0, True)
    assert head_in(head)["witnesses"][0]["name"] == "Jiyuan"
    assert ours.audit("verify", head)[0] == 0
    ours.sealed(2)
    ours.audit("head", later, "--since", head)
    assert "only grew" in neighbour.audit("witness", later, "--name", "Jiyuan")[1]
    ours.sql("UPDATE xinglin.audit SET actor = 'nobody' WHERE n = 2")
    ours.sql("DELETE FROM xinglin.seal; DELETE FROM xinglin.paper")
    ours.sealed(0)  # the owner seals everything anew, with the true key
    ours.sealed(1)
    ours.sealed(1)
    assert ours.audit("verify")[0] == 0
    code, told = ours.audit("verify", later)
    assert code == 1
    assert "Jiyuan holds another head" in told
    again = tmp_path / "again.json"
    ours.audit("head", again, "--since", "2")
    with pytest.raises(Conflict, match="did not only grow"):
        neighbour.audit("witness", again, "--name", "Jiyuan")


def test_a_row_is_proved(region: Region):
    code, told = region.audit("prove", "3")
    assert code == 0
    assert json.loads(told)["row"] == 3
    with pytest.raises(NotFound, match="no row 9999"):
        region.audit("prove", "9999")


def test_acts_are_exported_as_audit_events(region: Region, tmp_path: Path):
    file = tmp_path / "acts.ndjson"
    tomorrow = f"{utc_now() + timedelta(days=2):%Y-%m-%d}"
    code, told = region.audit("export", file, "--since", "2020-01-01", "--before", tomorrow)
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert code == 0
    assert f"{len(events)} acts" in told
    assert {event["resourceType"] for event in events} == {"AuditEvent"}
    assert [issue for issue in validate(events[0]) if issue.severity == "error"] == []
    with pytest.raises(Conflict, match="there already"):
        region.audit("export", file)


def test_old_rows_are_archived_and_verified_with_the_ledger(made: Callable[[], Region], tmp_path: Path):
    region = made()
    region.sealed(6, days_ago=400)
    region.sealed(2)
    day = f"{utc_now() - timedelta(days=200):%Y-%m-%d}"
    code, told = region.audit("archive", tmp_path / "old", "--before", day)
    assert (code, "6 rows of seals 1 to 1, verified" in told) == (0, True)
    code, told = region.audit("verify")
    assert (code, "6 rows lie in archives, not at hand here" in told) == (0, True)
    code, told = region.audit("verify", tmp_path / "old")
    assert (code, "verified here" in told) == (0, True)
    (file,) = (tmp_path / "old").iterdir()
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(Malformed, match="no archive"):
        region.audit("verify", tmp_path / "old")
    with pytest.raises(Malformed, match="180 days"):
        region.audit("archive", tmp_path / "new", "--before", f"{utc_now():%Y-%m-%d}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dance",), "no action dance"),
        (("witness",), "Name the file"),
        (("prove", "x"), "Name the number"),
        (("archive", "folder"), "Name the day"),
        (("archive", "folder", "--before", "soon"), "no day"),
        (("export",), "Name the file"),
    ],
)
def test_what_is_not_asked_rightly_is_told(region: Region, words: tuple[str, ...], said: str):
    with pytest.raises(Malformed, match=said):
        region.audit(*words)
