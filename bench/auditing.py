"""What the audit trail costs: reads by id of the platform as it is, against the same whose door has a trail that keeps nothing.

Both have two API processes on one database and take turns; the sealer works meanwhile. Then how fast the ledger is verified.

    python -m bench.auditing --listen FD --ready FD        one process without a trail; settings by the environment
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any, cast

from bench import synthea
from bench.client import cycle, request
from bench.home import WORKERS, Server, fetchval, say, settings_of
from bench.reading import CONNECTIONS, RESOURCES_MAX, TYPE, id_of, lines
from bench.rounds import Side, against
from bench.table import Report
from xinglin.app import serving
from xinglin.base.crypto import FileKeys, Keys, signer_of
from xinglin.base.settings import Settings
from xinglin.doors.cli import child
from xinglin.doors.cli.supervisor import environment_of, listen
from xinglin.store import AuditRow, Store, open_store
from xinglin.store.ledger.verifying import verify
from xinglin.store.trail import Trail

RATIO_BAR = 0.85
HOST = "127.0.0.1"
UNSEALED = "SELECT count(*) FROM xinglin.audit WHERE xact > coalesce((SELECT max(xact) FROM xinglin.seal), -1)"
SEALED_S_MAX = 120


class Silence:
    """A trail that keeps nothing."""

    def note(self, tick: int, row: AuditRow) -> None:
        """Forget it."""

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Unaudited:
    """Where the platform without a trail answers."""

    host: str
    port: int


def measure(report: Report, server: Server, home: Path, copies: int, seconds: float) -> None:
    """Put the rows in the report."""
    say("audit: reads by id, against a door whose trail keeps nothing")
    chosen = [line for line in lines() if f'"resourceType":"{TYPE}"'.encode() in line[:60]]
    ids = [id_of(synthea.copy_of(line, number)) for number in range(copies) for line in chosen]
    random.Random(1).shuffle(ids)
    requests = [("read", request("GET", f"/fhir/{TYPE}/{id_}", server.token)) for id_ in ids[:RESOURCES_MAX]]
    before = fetchval(server.dsn, "SELECT count(*) FROM xinglin.audit")
    with unaudited(home, server.dsn) as other:
        ours, theirs = Side(server.host, server.port, cycle(requests)), Side(other.host, other.port, cycle(requests))
        found, least = against(ours, theirs, CONNECTIONS, seconds)
    ratio = found.rate / least.rate
    note = f"{CONNECTIONS} connections; p50 {found.p(0.5):.1f} ms, without {least.p(0.5):.1f} ms; {found.spread}, without {least.spread}"
    row = {"part": "audit", "what": "audited reads by id", "figure": found.rate, "unit": "/s", "ratio": ratio, "note": note}
    row |= {"baseline": "the same, its trail keeps nothing", "baseline_figure": least.rate}
    report.add(**row, bar=f"ratio >= {RATIO_BAR}", met=ratio >= RATIO_BAR)
    _sealing(report, server, before)
    asyncio.run(_verifying(report, home, server.dsn))


def _sealing(report: Report, server: Server, before: int) -> None:
    """Wait until all is sealed, and tell how long that took after the load."""
    began = time.monotonic()
    while waiting := fetchval(server.dsn, UNSEALED):
        if time.monotonic() - began > SEALED_S_MAX:
            raise RuntimeError(f"{waiting} rows are still not sealed")
        time.sleep(0.2)
    took = time.monotonic() - began
    rows = fetchval(server.dsn, "SELECT count(*) FROM xinglin.audit") - before
    size = fetchval(server.dsn, "SELECT pg_total_relation_size('xinglin.audit') + pg_total_relation_size('xinglin.seal')")
    every = fetchval(server.dsn, "SELECT count(*) FROM xinglin.audit")
    note = f"{rows:,} rows of this run; a row with its indexes and its leaf takes {size / max(every, 1):.0f} bytes"
    report.add(part="audit", what="last row sealed after the load ended", figure=took, unit="s", bar="<= 10 s", met=took <= 10, note=note)


async def _verifying(report: Report, home: Path, dsn: str) -> None:
    say("audit: verification of the ledger")
    settings = settings_of(home, dsn)
    keys = FileKeys(settings.key_path).keys()
    store = await open_store(settings, dsn, keys)
    try:
        began = time.perf_counter()
        found = await verify(store.ground, signer_of(keys, settings.cipher))
        took = time.perf_counter() - began
    finally:
        await store.close()
    if not found.sound:
        raise RuntimeError(f"the ledger is not sound: {found.faults[:3]}")
    note = f"{found.rows:,} rows in {found.seals:,} seals, {took:.1f} s, one process"
    report.add(part="audit", what="rows verified", figure=found.rows / took, unit="/s", note=note)


@contextmanager
def unaudited(home: Path, dsn: str) -> Generator[Unaudited]:
    """The platform's API processes without a trail, for the length of the block."""
    environment = environment_of(settings_of(home, dsn))
    with ExitStack() as opened:
        sockets = [opened.enter_context(listening) for listening in listen(HOST, 0, WORKERS)]
        processes = [_launch(environment, listening) for listening in sockets]
        try:
            for process, ready in processes:
                if os.read(ready, 1) != b"1":
                    raise RuntimeError(f"the platform without a trail ended at its start, code {process.wait()}")
            yield Unaudited(HOST, sockets[0].getsockname()[1])
        finally:
            for process, ready in processes:
                os.close(ready)
                process.terminate()
                process.wait()


def _launch(environment: dict[str, str], listening: socket) -> tuple[subprocess.Popen[bytes], int]:
    ready, told = os.pipe()
    words = [sys.executable, "-m", "bench.auditing", "--listen", str(listening.fileno()), "--ready", str(told)]
    handles = (listening.fileno(), told)
    process = subprocess.Popen(words, pass_fds=handles, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    os.close(told)
    return process, ready


async def _open_silent(settings: Settings, dsn: str, keys: Keys) -> Store:
    store = await open_store(settings, dsn, keys)
    store.trail = cast("Trail", Silence())
    return store


def application(settings: Settings) -> Any:
    """The platform's application over a store whose trail keeps nothing."""
    serving.open_store = _open_silent
    return serving.application(settings)


def main() -> None:
    """Serve one process without a trail until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--ready", type=int, required=True)
    asked = parser.parse_args()
    child.APPLICATION = "bench.auditing:application"
    child.serve(child.read_settings(), asked.listen, asked.ready)


if __name__ == "__main__":
    main()
