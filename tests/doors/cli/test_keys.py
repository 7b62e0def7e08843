"""The keys of an installation can be looked after from the command line, and none is ever shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from xinglin.app.working import works
from xinglin.base.crypto import FileKeys
from xinglin.base.errors import Conflict, Malformed, NotFound
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation, keys
from xinglin.doors.cli.program import application
from xinglin.store import Scope, open_store
from xinglin.store.jobs import work_on_jobs
from xinglin.store.resealing import newest, reseal


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "region"
    yield folder
    installation.remove(Settings(home=str(folder)))


def xinglin(home: Path, *words: str, answer: str = "") -> str:
    shown = CliRunner().invoke(application, ["keys", *words, "--home", str(home)], input=answer, env={"XINGLIN_DATABASE_URL": None})
    if shown.exception is not None and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown.output


def worked(home: Path) -> None:
    """What the worker does, until the re-sealing has ended."""
    settings, source = Settings(home=str(home)), FileKeys(home / "keys.json")

    async def work(dsn: str) -> None:
        store, stopping = await open_store(settings, dsn, source.keys()), asyncio.Event()
        working = asyncio.create_task(work_on_jobs(store.ground, {"reseal": reseal}, stopping))
        for _ in range(600):
            if (job := await newest(store.ground)) and job.state not in ("waiting", "running"):
                break
            await asyncio.sleep(0.05)
        stopping.set()
        await working
        await store.close()

    with installation.database(settings) as record:
        asyncio.run(work(record.dsn))


def test_a_key_lives_from_rotation_to_destruction(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = xinglin(home)
    assert "Data key 1" in told
    assert "SM2-with-SM3" in told
    told += xinglin(home, "rotate")
    with pytest.raises(Conflict, match="just now"):
        xinglin(home, "retire", "1")
    monkeypatch.setattr(keys, "SETTLED_S", 0)
    with pytest.raises(Conflict, match="Data key 1 still seals"):
        xinglin(home, "retire", "1")
    worked(home)
    told += (shown := xinglin(home))
    assert re.search(r"Data key 1, made 20\d\d-\d\d-\d\d, 0 days old: opens what it sealed", shown)
    assert "Re-sealing: done" in shown
    told += xinglin(home, "retire", "1")
    assert "retired, opens older backups only" in xinglin(home)
    assert set(FileKeys(home / "keys.json").keys().data) == {1, 2}
    assert "Aborted" in xinglin(home, "destroy", "1", answer="n\n")
    told += xinglin(home, "destroy", "1", answer="y\n") + xinglin(home, "master") + xinglin(home)
    held = FileKeys(home / "keys.json").keys()
    assert set(held.data) == {2}
    secrets = [held.index, held.token, held.signing, *held.data.values(), (home / "keys.json.master").read_bytes().strip()]
    assert not any(secret.hex() in told or secret.decode("latin-1") in told for secret in secrets)


def test_what_cannot_be_done_is_told(home: Path) -> None:
    with pytest.raises(Malformed, match="dance"):
        xinglin(home, "dance")
    with pytest.raises(Malformed, match="xinglin keys retire NUMBER"):
        xinglin(home, "retire")
    xinglin(home)
    with pytest.raises(Conflict, match="current one"):
        xinglin(home, "retire", "1")
    with pytest.raises(NotFound, match="no data key 7"):
        xinglin(home, "destroy", "7", "--yes")


async def _everyone(_parameters: Mapping[str, Any]) -> Scope:
    return Scope.everyone()


def test_the_worker_knows_the_work() -> None:
    assert works(_everyone)["reseal"] is reseal
