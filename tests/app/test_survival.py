"""What was acknowledged is there after any process was killed, the database included; and no transaction is half there."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from tests.line import Line
from tests.served import Served
from xinglin.base.crypto import FileKeys
from xinglin.store.postgres import Embedded

WRITERS = 4
READINGS = 4
"""Of one transaction, beside its patient."""
BUSY = {429, 503}
SYSTEM = "urn:example:survival"
START_S_MAX, END_S_MAX, PROGRESS_S_MAX = 60, 30, 20


@dataclass(slots=True)
class Installation:
    """A platform of its own, started by the command a person types."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["up", "--no-demo", "--home", str(self.home), "--port", str(self.port), "--workers", "2"]
        program = [sys.executable, "-c", "from xinglin.doors.cli import main; main()"]
        with (self.home.parent / "told").open("ab") as told:
            self.process = subprocess.Popen([*program, *words], stdin=subprocess.DEVNULL, stdout=told, stderr=told)
        eventually(self._answers, START_S_MAX, "the platform did not start")

    def end(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(END_S_MAX)
            finally:
                self.process.kill()
            self.process = None

    def line(self) -> Line:
        return Line(Served(f"http://127.0.0.1:{self.port}/fhir", FileKeys(self.home / "keys.json").keys()))

    def api_processes(self) -> list[int]:
        assert self.process is not None
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids if b"\0api\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def database_processes(self) -> list[int]:
        data = (Embedded(self.home).place / "data").resolve()
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if _folder_of(pid) == data]

    def database_connections(self) -> list[int]:
        return [pid for pid in self.database_processes() if b" [local] " in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home.parent / "told").read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/fhir/metadata")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _folder_of(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def eventually(claim: Callable[[], bool], seconds: float, otherwise: str) -> None:
    limit = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < limit, otherwise
        time.sleep(0.05)


@dataclass(slots=True)
class Journal:
    """What the writers asked for and what they were told: address of each acknowledged patient -> the number they were given."""

    patients: dict[str, str] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    """Numbers of the transactions tried, and of those acknowledged."""
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    """Requests whose connection broke: nobody knows what became of them."""

    @property
    def acknowledged(self) -> int:
        return len(self.patients) + len(self.done)


def identified(type_: str, number: str, **more: object) -> dict[str, object]:
    return {"resourceType": type_, "identifier": [{"system": SYSTEM, "value": number}], **more}


def create(line: Line, journal: Journal, number: str) -> None:
    answer = line("POST", "Patient", json.dumps(identified("Patient", number, gender="female")).encode())
    journal.statuses[answer.status] += 1
    if answer.status == 201:
        journal.patients[answer.location] = number


def transact(line: Line, journal: Journal, number: str) -> None:
    journal.tried.append(number)
    link = f"urn:uuid:{uuid4()}"
    reading = identified("Observation", number, status="final", code={"text": "pulse"}, subject={"reference": link})
    entries = [{"fullUrl": link, "resource": identified("Patient", number), "request": {"method": "POST", "url": "Patient"}}]
    entries += [{"resource": reading, "request": {"method": "POST", "url": "Observation"}}] * READINGS
    answer = line("POST", "", json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode())
    journal.statuses[answer.status] += 1
    if answer.status == 200:
        journal.done.add(number)


@contextmanager
def writing(line: Line) -> Iterator[Journal]:
    """Writers that go on through every failure, for the length of the block; half of what they ask for are transactions."""
    journal, stop = Journal(), threading.Event()

    def write() -> None:
        deeds = (create, transact)
        for turn in range(1_000_000):
            if stop.is_set():
                return
            try:
                deeds[turn % 2](line, journal, uuid4().hex)
            except (OSError, http.client.HTTPException):
                journal.lost += 1
                time.sleep(0.02)

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield journal
    finally:
        stop.set()
        for thread in threads:
            thread.join(PROGRESS_S_MAX)


def progress(journal: Journal, by: int) -> None:
    """Wait until so many more are acknowledged."""
    aim = journal.acknowledged + by
    eventually(lambda: journal.acknowledged >= aim, PROGRESS_S_MAX, "nothing is acknowledged any more")


def assert_kept(line: Line, journal: Journal) -> None:
    """Every acknowledged patient can be read; every transaction is there whole, or, if it was not acknowledged, perhaps not at all."""
    read = line.each(lambda where: line("GET", where), journal.patients)
    kept = {json.loads(answer.body)["identifier"][0]["value"] for answer in read if answer.status == 200}
    assert set(journal.patients.values()) - kept == set()

    def found(number: str) -> tuple[int, int]:
        asked = f"identifier={SYSTEM}|{number}&_summary=count"
        patients, readings = (json.loads(line("GET", f"{type_}?{asked}").body)["total"] for type_ in ("Patient", "Observation"))
        return patients, readings

    there = dict(zip(journal.tried, line.each(found, journal.tried), strict=True))
    whole, nothing = (1, READINGS), (0, 0)
    assert {number: counts for number, counts in there.items() if counts not in (whole, nothing)} == {}
    assert [number for number in journal.done if there[number] != whole] == []


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = Installation(tmp_path_factory.mktemp("survival") / "home", port)
    try:
        one.start()
        yield one
    finally:
        one.end()
        Embedded(one.home).remove()


def test_a_killed_api_process_takes_nothing_with_it_and_is_replaced(installation: Installation) -> None:
    line = installation.line()
    before = installation.api_processes()
    assert len(before) == 2
    with writing(line) as journal:
        for pid in before:
            progress(journal, 60)
            os.kill(pid, signal.SIGKILL)
        progress(journal, 60)
        eventually(lambda: len(installation.api_processes()) == 2, PROGRESS_S_MAX, "the killed processes are not replaced")
        progress(journal, 60)
    assert set(installation.api_processes()).isdisjoint(before)
    assert journal.lost > 0
    assert set(journal.statuses) - BUSY == {200, 201}
    assert_kept(line, journal)


def test_a_killed_connection_of_the_database_is_survived_without_a_restart(installation: Installation) -> None:
    line = installation.line()
    with writing(line) as journal:
        progress(journal, 60)
        os.kill(installation.database_connections()[0], signal.SIGKILL)  # PostgreSQL then ends all others, and recovers
        eventually(lambda: journal.statuses[503] > 0, PROGRESS_S_MAX, "nobody noticed")
        progress(journal, 60)
    assert set(journal.statuses) - BUSY == {200, 201}
    assert_kept(line, journal)


def test_a_killed_database_is_started_again_beside_the_running_platform(installation: Installation) -> None:
    line, serving = installation.line(), installation.api_processes()
    with writing(line) as journal:
        progress(journal, 200)
        refused = journal.statuses[503]
        for pid in installation.database_processes():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: journal.statuses[503] > refused + 10, PROGRESS_S_MAX, "the platform hangs")
        progress(journal, 60)
    assert set(journal.statuses) - BUSY == {200, 201}
    assert installation.api_processes() == serving
    assert_kept(line, journal)


def test_a_platform_killed_whole_comes_back_with_everything_acknowledged(installation: Installation) -> None:
    line = installation.line()
    with writing(line) as journal:
        progress(journal, 200)
        assert installation.process is not None
        ours = [installation.process.pid, *installation.api_processes(), *installation.database_processes()]
        for pid in ours:
            os.kill(pid, signal.SIGKILL)
        installation.process.wait()
    installation.start()
    assert_kept(line, journal)
    with writing(line) as again:
        progress(again, 20)
    assert_kept(line, again)
    installation.end()
    assert installation.database_processes() == []
    installation.start()
    assert_kept(line, again)
