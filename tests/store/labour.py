"""Doing long jobs in a test: in this process, or in one that is killed on the way."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from xinglin.store import Scope, Store
from xinglin.store.exporting import exporter
from xinglin.store.importing import importer
from xinglin.store.jobs import Jobs, JobStatus, Work, work_on_jobs


def works() -> dict[str, Work]:

    async def everyone(_parameters: object) -> Scope:
        return Scope.everyone()

    return {"export": exporter(everyone), "import": importer(lambda role, type_: True)}


async def ended(store: Store, id_: str, seconds: float = 60) -> JobStatus:
    """How a job ends when a worker works on it here."""
    jobs, stopping = Jobs(store.ground), asyncio.Event()
    task = asyncio.create_task(work_on_jobs(store.ground, works(), stopping, silent_s=1.0))
    try:
        for _ in range(int(seconds / 0.05)):
            if (status := await jobs.status(id_)).state not in ("waiting", "running"):
                return status
            await asyncio.sleep(0.05)
    finally:
        stopping.set()
        await asyncio.wait_for(task, 20)
    raise AssertionError(f"the job did not end: {status}")


async def done(store: Store, kind: str, parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """(id, result) of a job that must succeed."""
    id_ = await Jobs(store.ground).start(kind, {"owner": "d-1", "role": "system", **parameters})
    status = await ended(store, id_)
    assert (status.state, status.error) == ("done", None)
    assert status.result is not None
    return id_, status.result


KILLED = """
import asyncio, os, signal, sys
from tests.conftest import KEYS
from tests.store.labour import works
from xinglin.base.settings import Settings
from xinglin.store import exporting, importing, open_store
from xinglin.store.jobs import Run, work_on_jobs

dsn, home, saves, before = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "before"
exporting.PAGE_MAX = exporting._PAGE_FIRST = importing.BATCH = 40
count, save_in = 0, Run.save_in

async def killing(self, *words):
    global count
    count += 1
    if count == saves and before:
        os.kill(os.getpid(), signal.SIGKILL)
    await save_in(self, *words)
    if count == saves and self.stopping is not None and not before:
        os.kill(os.getpid(), signal.SIGKILL)

Run.save_in = killing

async def main():
    store = await open_store(Settings(home=home), dsn, KEYS)
    await work_on_jobs(store.ground, works(), asyncio.Event(), silent_s=1.0)

asyncio.run(main())
"""


async def killed(store: Store, saves: int, *, before: bool) -> None:
    """A worker works on what there is, and is killed at its nth storing of progress: just before it, or just after."""
    settings = store.ground.settings
    words = [sys.executable, "-c", KILLED, settings.database_url, settings.home, str(saves), "before" if before else "after"]
    process = await asyncio.to_thread(subprocess.run, words, timeout=60, check=False)
    assert process.returncode == -signal.SIGKILL
