"""What was backed up while the system served comes back whole, version by version; what was tampered with does not come back."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import msgspec
import pytest
from typer.testing import CliRunner

from xinglin.base.clock import wall_us
from xinglin.base.crypto import FileKeys, Keys, signer
from xinglin.base.errors import Conflict, Malformed, NotFound, Unavailable, XinglinError
from xinglin.base.settings import Settings
from xinglin.doors.cli import backup, installation
from xinglin.doors.cli.program import application
from xinglin.store import AuditRow, Create, Delete, Scope, Store, Update, open_store, prepare
from xinglin.store.backups import Manifest
from xinglin.store.feed import Follower
from xinglin.store.ledger.sealing import seal_next
from xinglin.store.ledger.verifying import verify as verify_ledger
from xinglin.store.papers import Papers

T = TypeVar("T")
SIGNER = signer(b"s" * 32)
SEARCHES = (
    "Patient?name=张", "Patient?gender=female&_sort=birthdate", "Patient?identifier=urn:oid:2.16.156.10011.1.3|110101199003070017",
    "Observation?code=http://loinc.org|8480-6&_sort=-date", "Observation?value-quantity=gt140", "Observation?subject:Patient.gender=male",
)  # fmt: skip


class Note(msgspec.Struct, frozen=True):
    """A paper."""

    text: str


@dataclass(frozen=True)
class Seen:
    """Everything an installation shows of itself."""

    versions: list[tuple[object, ...]]
    found: dict[str, list[str]]
    papers: list[Note]
    audit: int
    place: tuple[int, int]
    later: list[str]


@dataclass(frozen=True)
class County:
    """A filled installation, its backup, and what it showed when that was made."""

    settings: Settings
    file: Path
    manifest: Manifest
    seen: Seen


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Path]]:
    made: list[Path] = []

    def fresh() -> Path:
        made.append(tmp_path_factory.mktemp("homes") / "home")
        return made[-1]

    yield fresh
    for home in made:
        if home.exists():
            installation.remove(Settings(home=str(home)))


@pytest.fixture(scope="module")
def county(homes: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> County:
    """Hundreds of resources with history and deletions, papers, audit rows, an export; backed up while a clinic goes on writing."""
    settings = Settings(home=str(homes()))
    export = settings.home_path / "exports" / "job" / "Patient.ndjson.gz"
    with installation.database(settings) as record:
        keys = installation.keys_of(settings)
        asyncio.run(prepare(settings, record.dsn, keys))
        with_store(settings, record.dsn, keys, filled)
        seen = with_store(settings, record.dsn, keys, shown)
        export.parent.mkdir(parents=True)
        export.write_bytes(b"exported" * 50_000)
        target = tmp_path_factory.mktemp("safe")
        with writing_on(settings, record.dsn, keys):
            file = backup.back_up(settings, target)
        manifest = backup.verify(settings, file)
        assert with_store(settings, record.dsn, keys, shown).versions[0] != seen.versions[0]
    return County(settings, file, manifest, seen)


def with_store(settings: Settings, dsn: str, keys: Keys, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        store = await open_store(settings, dsn, keys)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def filled(store: Store) -> None:
    records = store.records(Scope.everyone())
    row = AuditRow("Practitioner/7", "doctor", "create", "Patient", None, "name=张", 201, "192.0.2.1", "r1")
    for number in range(120):
        await records.write([Create(patient(number, "张伟"), id=f"p{number}"), Create(reading(number), id=f"o{number}")], [row])
    for number in range(0, 120, 3):
        await records.write([Update(patient(number, "张薇"), id=f"p{number}")])
    await records.write([Delete("Observation", f"o{number}") for number in range(0, 120, 10)])
    while await seal_next(store.ground, SIGNER, wall_us()):
        pass
    await Papers(store.ground, "note", Note).add("first", Note("电话 13912345678"), ["13912345678"])
    follower = Follower(store, "clinic")
    await follower.start(from_the_beginning=True)
    taken = await follower.take(25)
    async with follower.step(taken.upto):
        pass


async def shown(store: Store) -> Seen:
    records = store.records(Scope.everyone())
    versions, cursor = [], None
    while True:
        page = await records.history(count=100, cursor=cursor)
        versions += [(one.type, one.id, one.version, one.tick, one.content, one.method) for one in page.entries]
        if (cursor := page.next) is None:
            break
    found = {}
    for search in SEARCHES:
        type_, _, query = search.partition("?")
        found[search] = [resource["id"] for resource in await records.find(type_, query, count=200)]
    papers = [paper.value for paper in await Papers(store.ground, "note", Note).find("13912345678", 0)]
    follower = Follower(store, "clinic")
    await follower.start()
    later = [change.stored.id for change in (await follower.take(100)).changes]
    async with store.ground.pool.connection() as connection:
        audit = await connection.fetchval("SELECT count(*) FROM xinglin.audit")
    return Seen(versions, found, papers, audit, (follower.place.xact, follower.place.tick), later)


class writing_on:  # noqa: N801 - reads as a clause
    """A clinic that writes for the length of the block, in a thread and on connections of its own."""

    def __init__(self, settings: Settings, dsn: str, keys: Keys) -> None:
        self._ended, self._begun = Event(), Event()
        self._thread = Thread(target=with_store, args=(settings, dsn, keys, self._write))

    def __enter__(self) -> None:
        self._thread.start()
        assert self._begun.wait(30)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    async def _write(self, store: Store) -> None:
        number = 1000
        while not self._ended.is_set():
            number += 1
            await store.records(Scope.everyone()).write([Create(patient(number, "李芳"), id=f"p{number}")])
            self._begun.set()


def patient(number: int, name: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "name": [{"text": name}], "birthDate": f"19{number % 90 + 10}-03-07",
        "gender": "unknown" if number >= 1000 else "female" if number % 2 else "male",
        "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": f"11010119900307{number:03d}7"}],
    }  # fmt: skip


def reading(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "subject": {"reference": f"Patient/p{number}"}, "effectiveDateTime": f"2026-0{number % 9 + 1}-11",
        "valueQuantity": {"value": 90 + number, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }  # fmt: skip


async def ledger_of(store: Store) -> tuple[int, int, int]:
    """How many rows of the audit trail are sealed, how many are not yet, and how many faults the ledger has."""
    report = await verify_ledger(store.ground, SIGNER)
    return report.rows, report.unsealed, report.count


def restored(county: County, home: Path) -> Seen:
    settings = Settings(home=str(home))
    backup.bring_back(settings, county.file, county.settings.key_path)
    with installation.database(settings) as record:
        return with_store(settings, record.dsn, FileKeys(settings.key_path).keys(), shown)


@pytest.fixture(scope="module")
def again(county: County, homes: Callable[[], Path]) -> tuple[Path, Seen]:
    """The county restored into an empty home, and what it shows there."""
    home = homes()
    return home, restored(county, home)


def test_every_version_comes_back_as_it_was(county: County, again: tuple[Path, Seen]) -> None:
    begun = {version[:3]: version for version in again[1].versions}
    assert len(county.seen.versions) == 292
    assert [begun.get(version[:3]) for version in county.seen.versions] == county.seen.versions


def test_what_was_written_during_the_backup_is_there_wholly_or_not_at_all(county: County, again: tuple[Path, Seen]) -> None:
    extra = [version for version in again[1].versions if version not in county.seen.versions]
    assert sum(county.manifest.tables[table] for table in ("record.patient", "record.observation")) == 120 + 108 + len(extra)
    assert all(str(version[1]).startswith("p1") and version[4] for version in extra)


def test_searches_papers_audit_and_feed_come_back(county: County, again: tuple[Path, Seen]) -> None:
    seen, found = county.seen, again[1]
    for search in SEARCHES:
        assert found.found[search] == seen.found[search], search
        assert found.found[search], search
    assert (found.papers, found.audit, found.place) == (seen.papers, seen.audit, seen.place)
    assert found.later[: len(seen.later)] == seen.later
    assert len(seen.later) > 0


def test_the_ledger_of_the_audit_trail_comes_back_sound_and_goes_on(county: County, again: tuple[Path, Seen]) -> None:
    settings = Settings(home=str(again[0]))
    assert int(county.manifest.audit["sealed"]) == county.seen.audit > 0

    async def going_on(store: Store) -> tuple[int, int, int]:
        row = AuditRow("Practitioner/7", "doctor", "read", "Patient", "p1", None, 200, "192.0.2.1", "r2")
        await store.records(Scope.everyone()).write([Create(patient(9001, "再来"), id="after")], [row])
        assert await seal_next(store.ground, SIGNER, wall_us()) == 1
        return await ledger_of(store)

    with installation.database(settings) as record:
        keys = FileKeys(settings.key_path).keys()
        assert with_store(settings, record.dsn, keys, ledger_of) == (county.seen.audit, 0, 0)
        assert with_store(settings, record.dsn, keys, going_on) == (county.seen.audit + 1, 0, 0)


def test_the_files_of_exports_come_back_with_their_keys_beside(county: County, again: tuple[Path, Seen]) -> None:
    home = again[0]
    assert (home / "exports" / "job" / "Patient.ndjson.gz").read_bytes() == b"exported" * 50_000
    assert stat.S_IMODE((home / "keys.json").stat().st_mode) == 0o600
    assert FileKeys(home / "keys.json").keys().data == installation.keys_of(county.settings).data


def test_a_restored_home_takes_new_writes_which_the_feed_shows_after_the_old(county: County, again: tuple[Path, Seen]) -> None:
    settings = Settings(home=str(again[0]))

    async def write(store: Store) -> list[str]:
        await store.records(Scope.everyone()).write([Create(patient(9000, "新人"), id="new")])
        follower, seen = Follower(store, "clinic"), []
        await follower.start()
        while "new" not in seen:
            batch = await follower.take(100)
            seen += [change.stored.id for change in batch.changes]
            follower.place = batch.upto
        return seen

    with installation.database(settings) as record:
        seen = with_store(settings, record.dsn, FileKeys(settings.key_path).keys(), write)
    assert seen[: len(county.seen.later)] == county.seen.later
    assert seen[-1] == "new"


def refused(kind: type[XinglinError], county: County, home: Path, file: Path | None = None, keys: Path | None = None) -> str:
    with pytest.raises(kind) as told:
        backup.bring_back(Settings(home=str(home)), file or county.file, keys or county.settings.key_path)
    return str(told.value)


def test_a_home_that_is_not_empty_is_refused_and_left_as_it_is(county: County, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "notes.txt" in refused(Conflict, county, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_broken_backup_or_other_keys_are_refused_before_anything_is_made(county: County, tmp_path: Path) -> None:
    whole, home = county.file.read_bytes(), tmp_path / "new"
    broken = tmp_path / "broken"
    for content in (whole[:-1], whole[: len(whole) // 2] + b"\0" + whole[len(whole) // 2 + 1 :], whole[:200], b"not a backup"):
        broken.write_bytes(content)
        refused(Malformed, county, home, broken)
    FileKeys(tmp_path / "other.json").keys()
    assert "keys" in refused(Unavailable, county, home, keys=tmp_path / "other.json")
    assert "no key file" in refused(NotFound, county, home, keys=tmp_path / "nothing.json")
    assert "cannot be read" in refused(NotFound, county, home, tmp_path / "missing")
    assert not home.exists()


def test_a_restore_that_fails_midway_leaves_the_home_empty(
    county: County, homes: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def other(*_: object) -> dict[str, int]:
        return {**county.manifest.tables, "record.patient": 1}

    monkeypatch.setattr("xinglin.store.backups.restoring.counts", other)
    home = homes()
    assert "record.patient has 1 rows" in refused(Unavailable, county, home)
    assert [entry.name for entry in home.iterdir()] == ["running"]
    monkeypatch.undo()
    assert restored(county, home).papers == county.seen.papers


def test_a_backup_is_for_its_owner_alone_and_replaces_no_file(county: County) -> None:
    assert stat.S_IMODE(county.file.stat().st_mode) == 0o600
    with pytest.raises(Conflict, match="exists already"):
        backup.back_up(county.settings, county.file)
    assert sorted(entry.name for entry in county.file.parent.iterdir()) == [county.file.name]


def test_there_is_no_backup_of_nothing_and_none_is_made_up(tmp_path: Path) -> None:
    FileKeys(tmp_path / "keys.json").keys()
    with pytest.raises(NotFound, match="no database"):
        backup.back_up(Settings(home=str(tmp_path)), tmp_path / "a")
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "a").exists()


def test_the_key_file_is_not_in_the_backup_and_the_person_is_told(county: County, tmp_path: Path) -> None:
    def xinglin(*words: str) -> str:
        words = (*words, "--home", str(county.settings.home_path))
        return CliRunner().invoke(application, words, env={"XINGLIN_DATABASE_URL": None}, catch_exceptions=False).output

    assert "Not in it: the key file" in xinglin("backup", str(tmp_path / "b"))
    assert "audit rows, 1 files" in xinglin("backup", "verify", str(tmp_path / "b"))
    assert {member.name for member in county.manifest.members} == {"database.dump", "exports/job/Patient.ndjson.gz"}


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(county: County, tmp_path: Path) -> None:
    """Its pg_dump gives a part and then waits; there the backup is killed."""
    tools = tmp_path / "tools"
    tools.mkdir()
    file, draft = tmp_path / "b", tmp_path / "b.part"
    with installation.database(county.settings) as record:
        assert record.embedded is not None
        for name in ("pg_dump", "pg_restore"):
            text = f'[ "$1" = --version ] && exec {record.embedded.program(name)} --version; head -c 3000000 /dev/urandom; exec sleep 60'
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
            (tools / name).chmod(0o755)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "XINGLIN_DATABASE_URL": record.dsn}
        program = "from xinglin.doors.cli import main; main()"
        command = [sys.executable, "-c", program, "backup", str(file), "--home", str(county.settings.home_path)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        limit = time.monotonic() + 60
        while not (draft.exists() and draft.stat().st_size > 0) and time.monotonic() < limit:
            time.sleep(0.02)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not file.exists()
    with pytest.raises(Malformed, match="cut short"):
        backup.verify(county.settings, draft)
    backup.back_up(county.settings, file)
    assert not draft.exists()
    assert backup.verify(county.settings, file).tables["record.patient"] > 120


def test_two_backups_never_write_one_file(county: County, tmp_path: Path) -> None:
    with backup._draft(tmp_path / "b") as first:
        with pytest.raises(Conflict, match="Another backup"):
            backup.back_up(county.settings, tmp_path / "b")
        first.write(b"whole")
    assert (tmp_path / "b").read_bytes() == b"whole"
