"""No name, number, telephone or address of a person stands in clear in a dump, the database's files, its log of writes or its messages:
not after writing, changing, deleting, searching, sorting, exporting, importing and being refused.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from xinglin.access.tokens import issue
from xinglin.base.crypto import FileKeys
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation, running
from xinglin.store import AuditRow, Store, open_store
from xinglin.store.jobs import Jobs
from xinglin.store.papers import Papers
from xinglin.store.postgres.tuning import configuration

MARKS = ("冼梅朵雅", "xianmeiduoya", "Quillonbergh", "110105197907183421", "13700137042", "杏花岭路玖拾柒号", "v.quillonbergh@mail.test")
"""What must not be found: a name, its pinyin, a name in letters, the number of an identity card, a telephone, an address, a mailbox."""


class Card(msgspec.Struct, frozen=True):
    """What is known of an account."""

    name: str
    phone: str


def forms(mark: str) -> Iterator[bytes]:
    """How a text could stand in a file: in four encodings, each as it is, in hexadecimal, and in base64 wherever it begins."""
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        for text in {mark, mark.upper(), mark.lower()}:
            plain = text.encode(encoding)
            yield plain
            yield plain.hex().encode()
            yield plain.hex().upper().encode()
            for shift in range(3):
                yield base64.b64encode(bytes(shift) + plain)[4 if shift else 0 : -4]


NEEDLES = {form: mark for mark in MARKS for form in forms(mark)}


def standing(where: str, content: bytes) -> set[tuple[str, str, bytes]]:
    """(where, mark, form) of every mark that stands in some bytes."""
    return {(where, mark, form) for form, mark in NEEDLES.items() if form in content}


def standing_below(folder: Path) -> set[tuple[str, str, bytes]]:
    """The same of every file of a folder."""
    found: set[tuple[str, str, bytes]] = set()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            found |= standing(str(file.relative_to(folder)), file.read_bytes())
    return found


@dataclass(frozen=True)
class Region:
    """A running platform, its own server with little memory to sort in, and the address of its database."""

    settings: Settings
    dsn: str
    place: Path
    client: httpx.Client


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    settings = Settings(home=str(tmp_path_factory.mktemp("region")), port=0, workers=1, log_level="debug")
    with installation.database(settings) as record:
        assert record.embedded is not None
        asyncio.run(run(record.dsn, "ALTER SYSTEM SET work_mem = '64kB'"))
        asyncio.run(run(record.dsn, "ALTER SYSTEM SET wal_compression = off"))  # so that the log can be read at all
        asyncio.run(run(record.dsn, "ALTER SYSTEM SET log_min_messages = 'info'"))
        asyncio.run(run(record.dsn, "SELECT pg_reload_conf()"))
        with running.started(settings) as address:
            token = issue(FileKeys(settings.key_path).keys(), "system", "tester", 3600)
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{address}/fhir", headers=headers, timeout=60) as client:
                yield Region(settings, record.dsn, record.embedded.place, client)
    installation.remove(settings)


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def person(type_: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": type_, "name": [{"text": MARKS[0]}, {"family": MARKS[2], "given": ["Vera"]}],
        "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": MARKS[3]}],
        "telecom": [{"system": "phone", "value": MARKS[4]}, {"system": "email", "value": MARKS[6]}],
        "address": [{"text": MARKS[5], "line": [MARKS[5]], "city": "太原"}],
    } | more  # fmt: skip


def crowd() -> list[dict[str, Any]]:
    """Enough persons of the same names that sorting them does not fit into the memory for it."""
    return [person("Patient", id=f"c{number}", birthDate=f"19{number % 90 + 10}-01-02") for number in range(1500)]


def lived_through(region: Region) -> None:
    """Everything that could leave a trace: writes, changes, deletions, searches, refusals, long jobs."""
    client = region.client
    assert client.put("Patient/marked", json=person("Patient", id="marked")).status_code == 201
    assert client.put("Patient/marked", json=person("Patient", id="marked", gender="female")).status_code == 200
    assert client.put("Patient/gone", json=person("Patient", id="gone")).status_code == 201
    assert client.delete("Patient/gone").status_code == 204
    assert client.post("RelatedPerson", json=person("RelatedPerson", patient={"reference": "Patient/marked"})).is_success
    assert client.post("Practitioner", json=person("Practitioner")).is_success
    entries = [{"resource": one, "request": {"method": "PUT", "url": f"Patient/{one['id']}"}} for one in crowd()]
    assert client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries}).is_success
    narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{MARKS[0]} {MARKS[5]}</div>'}
    code = {"text": f"{MARKS[0]} {MARKS[3]}", "coding": [{"system": "urn:x", "code": MARKS[4], "display": MARKS[2]}]}
    observation = {"resourceType": "Observation", "status": "final", "text": narrative, "code": code, "valueString": MARKS[5]}
    assert client.post("Observation", json=observation | {"subject": {"reference": "Patient/marked", "display": MARKS[0]}}).is_success
    searched(client)
    refused(client)
    for one in (f"Patient?name={MARKS[2]}", f"Patient?phone={MARKS[4]}"):
        job = client.get("$export", params={"_type": "Patient", "_typeFilter": one}, headers={"Prefer": "respond-async"})
        ended(client, job)
    lines = [json.dumps(one) for one in (person("Patient", id="i1"), person("Patient", gender=MARKS[0]), {"resourceType": MARKS[2]})]
    body = "\n".join([*lines, f'{{"resourceType": "Patient", "name": "{MARKS[0]}', ""])
    ended(client, client.post("$import", content=body.encode(), headers={"Content-Type": "application/fhir+ndjson"}))


def searched(client: httpx.Client) -> None:
    for query in (
        {"name": MARKS[0]}, {"name:contains": MARKS[1]}, {"phonetic": MARKS[1]}, {"family:exact": MARKS[2]}, {"phone": MARKS[4]},
        {"identifier": f"urn:oid:2.16.156.10011.1.3|{MARKS[3]}"}, {"address": MARKS[5]}, {"email": MARKS[6]}, {"_sort": "birthdate"},
        {"_sort": "-name", "name": MARKS[2]}, {"_sort": "birthdate,name", "_count": "1000"}, {"general-practitioner.name": MARKS[0]},
        {"_has:Observation:patient:code": f"urn:x|{MARKS[4]}"},
    ):  # fmt: skip
        assert client.get("Patient", params=query).status_code < 500
        assert client.post("Patient/_search", data=query).status_code < 500
    assert client.get("Patient", params={"name": MARKS[2], "_summary": "count"}).json()["total"] > 1500


def refused(client: httpx.Client) -> None:
    for method, where, content in (
        ("POST", "Patient", json.dumps(person("Patient", gender=MARKS[0]))),
        ("POST", "Patient", json.dumps(person("Patient"))[:-9]),
        ("POST", "Patient", json.dumps({MARKS[0]: MARKS[3]})),
        ("PUT", f"Patient?identifier={MARKS[3]}", json.dumps(person("Patient"))),
        ("GET", f"Patient?{MARKS[1]}={MARKS[4]}", ""),
        ("GET", f"Patient?birthdate={MARKS[0]}", ""),
        ("GET", f"{MARKS[0]}/{MARKS[2]}", ""),
    ):
        answer = client.request(method, where, content=content.encode(), headers={"Prefer": "handling=strict"})
        assert 400 <= answer.status_code < 500, (method, where, answer.text)


def ended(client: httpx.Client, job: httpx.Response) -> None:
    assert job.status_code == 202, job.text
    limit = time.monotonic() + 60
    while client.get(job.headers["content-location"]).status_code == 202:
        assert time.monotonic() < limit, "the job did not end"
        time.sleep(0.1)


async def kept(store: Store) -> None:
    """What the platform keeps beside the record: papers, jobs, audit rows."""
    papers = Papers(store.ground, "account", Card)
    paper = await papers.add(MARKS[2], Card(MARKS[0], MARKS[4]), [MARKS[4], MARKS[6]], alone=[MARKS[3]])
    await papers.put(paper, Card(MARKS[1], MARKS[3]), [MARKS[3]])
    store.note(AuditRow("a", "doctor", "search-type", "Patient", None, f"name={MARKS[0]}&phone={MARKS[4]}", 200, None, "r"))
    job = await Jobs(store.ground).start("export", {"owner": "a", "role": "doctor", "group": MARKS[0], "of": MARKS[3]})
    await Jobs(store.ground).cancel(job)


async def collided(dsn: str) -> None:
    """A statement that fails with a person's data in its parameters: the server's log tells of the error, not of the person."""
    connection = await asyncpg.connect(dsn)
    twice = "INSERT INTO xinglin.missed (consumer, tick, type, why) SELECT 'c', 1, 1, '' FROM generate_series(1, 2) WHERE $1 <> ''"
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(twice, " ".join(MARKS))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def lived(region: Region) -> Region:
    """The region after all of it, its pages written to the disk."""
    await asyncio.to_thread(lived_through, region)
    store = await open_store(region.settings, region.dsn, FileKeys(region.settings.key_path).keys())
    await kept(store)
    await store.close()
    await collided(region.dsn)
    await run(region.dsn, "CHECKPOINT")
    return region


def dump(region: Region, file: Path) -> bytes:
    assert installation.run_program(region.settings, ["pg_dump", "--file", str(file)]) == 0
    return file.read_bytes()


def test_nothing_of_a_person_stands_in_a_dump(lived: Region, tmp_path: Path) -> None:
    assert standing("dump", dump(lived, tmp_path / "dump.sql")) == set()


def test_nothing_of_a_person_stands_in_the_files_of_the_database_its_log_of_writes_or_its_messages(lived: Region) -> None:
    assert any((lived.place / "data" / "pg_wal").glob("0*"))
    assert any("duplicate key" in file.read_text() for file in (lived.place / "log").iterdir())
    assert standing_below(lived.place) == set()


async def test_nothing_of_a_person_stands_in_temporary_files(lived: Region) -> None:
    """Whatever a query can spill is made of the rows themselves: so all of them are sorted, and what lies on the disk meanwhile is read."""
    connection = await asyncpg.connect(lived.dsn)
    folder = lived.place / "data" / "base" / "pgsql_tmp"
    try:
        for table in ("record.patient", "history.patient", "xinglin.audit", "xinglin.paper"):
            async with connection.transaction():
                await connection.execute(f"DECLARE seen CURSOR FOR SELECT * FROM {table} t ORDER BY t::text DESC")
                await connection.execute("FETCH 1 FROM seen")
                if table == "record.patient":
                    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) > 100_000
                assert standing_below(folder) == set()
    finally:
        await connection.close()


def test_nothing_of_a_person_is_said_by_any_process(lived: Region, capfd: pytest.CaptureFixture[str]) -> None:
    searched(lived.client)
    refused(lived.client)
    said = capfd.readouterr()
    assert standing("output", (said.out + said.err).encode()) == set()


def test_nothing_of_a_person_stands_in_the_home_but_in_what_was_exported(lived: Region) -> None:
    home = lived.settings.home_path
    for place in [*(home / "exports").iterdir(), home / "import"]:
        assert place.stat().st_mode & 0o077 == 0, f"others may look into {place}"
    found = {where for where, _, _ in standing_below(home)}
    assert {where.partition("/")[0] for where in found} <= {"exports"}
    assert list((home / "import").iterdir()) == [], "what was sent to be imported goes with its job"


@pytest.mark.parametrize("look", ["dump", "files", "log of writes"])
def test_the_looks_find_what_does_stand_in_clear(lived: Region, tmp_path: Path, look: str) -> None:
    """The control: a table with the marks in it, and each way of looking finds every one of them."""
    marks = ", ".join(f"('{mark}'), ('{mark.encode('gb18030').hex()}')" for mark in MARKS)
    asyncio.run(run(lived.dsn, f"CREATE TABLE clear AS SELECT * FROM (VALUES {marks}) seen (mark)", "CHECKPOINT"))
    try:
        found = standing("", dump(lived, tmp_path / "d")) if look == "dump" else standing_below(lived.place / "data" / FOLDER_OF[look])
        assert {mark for _, mark, _ in found} == set(MARKS)
    finally:
        asyncio.run(run(lived.dsn, "DROP TABLE clear"))


FOLDER_OF = {"files": "base", "log of writes": "pg_wal"}


def test_the_embedded_server_writes_no_values_into_its_log() -> None:
    text = configuration(2**33, Path("/s"), Path("/l"))
    settings = dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)
    assert settings["log_parameter_max_length"] == "'0'"
    assert settings["log_parameter_max_length_on_error"] == "'0'"
    assert settings["log_error_verbosity"] == "'terse'"
    assert settings["log_min_error_statement"] == "'panic'"
    assert settings["log_statement"] == "'none'"
    assert settings["log_min_duration_statement"] == settings["log_min_duration_sample"] == "'-1'"


def test_every_form_of_a_mark_is_looked_for() -> None:
    told: Callable[[bytes], set[str]] = lambda content: {mark for _, mark, _ in standing("", content)}  # noqa: E731
    for mark in MARKS:
        assert told(b"..." + mark.encode() + b"...") == {mark} | ({MARKS[2]} if "quillon" in mark else set())
        assert mark in told(base64.b64encode(b"ab" + mark.encode() + b"cd"))
        assert mark in told(mark.encode("gb18030").hex().encode())
