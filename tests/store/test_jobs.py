"""A long job is done once and to its end, whoever dies on the way."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from xinglin.base.errors import Malformed, NotFound
from xinglin.base.ids import new_id
from xinglin.store import Store
from xinglin.store.exported import folder_of
from xinglin.store.jobs import Jobs, JobStatus, Run, Work, work_on_jobs


@asynccontextmanager
async def worker(store: Store, **works: Work) -> AsyncIterator[asyncio.Event]:
    stopping = asyncio.Event()
    task = asyncio.create_task(work_on_jobs(store.ground, works, stopping, silent_s=1.0))
    try:
        yield stopping
    finally:
        stopping.set()
        await asyncio.wait_for(task, 20)


async def until(jobs: Jobs, id_: str, told: Callable[[JobStatus], bool] = lambda s: s.state not in ("waiting", "running")) -> JobStatus:
    for _ in range(400):
        status = await jobs.status(id_)
        if told(status):
            return status
        await asyncio.sleep(0.05)
    raise AssertionError(f"the job stayed {status}")


async def echo(run: Run) -> Mapping[str, Any]:
    await run.save({"n": 1}, "one of one")
    return {"said": run.parameters["say"]}


async def test_a_job_waits_runs_and_leaves_its_result(module_store: Store):
    jobs = Jobs(module_store.ground)
    id_ = await jobs.start("echo", {"owner": "d-1", "say": "你好"})
    assert await jobs.status(id_) == JobStatus("echo", "waiting", "d-1", "", None, None)
    async with worker(module_store, echo=echo):
        status = await until(jobs, id_)
    assert status == JobStatus("echo", "done", "d-1", "one of one", {"said": "你好"}, None)


async def test_its_parameters_and_result_cannot_be_read_in_the_database(module_store: Store):
    jobs = Jobs(module_store.ground)
    id_ = await jobs.start("echo", {"owner": "d-1", "say": "Wang Fang"})
    async with worker(module_store, echo=echo):
        await until(jobs, id_)
    async with module_store.ground.pool.connection() as connection:
        row = await connection.fetchrow("SELECT parameters, progress, result FROM xinglin.job WHERE id = $1", id_)
    assert not any(b"Wang" in value or b"one of one" in value for value in row)


async def test_a_job_that_fails_says_why(module_store: Store):
    async def refuse(run: Run) -> Mapping[str, Any]:
        raise Malformed("There is no file {name}.", name="x.ndjson")

    async def slip(run: Run) -> Mapping[str, Any]:
        raise KeyError("secret")

    jobs = Jobs(module_store.ground)
    ids = [await jobs.start(kind, {"owner": "d-1"}) for kind in ("refuse", "slip")]
    async with worker(module_store, refuse=refuse, slip=slip):
        first, second = [await until(jobs, id_) for id_ in ids]
    assert (first.state, first.error) == ("failed", "There is no file x.ndjson.")
    assert (second.state, second.result) == ("failed", None)
    async with module_store.ground.pool.connection() as connection:
        kept = [await connection.fetchval("SELECT error FROM xinglin.job WHERE id = $1", id_) for id_ in ids]
    assert kept == ["Malformed: There is no file {name}.", "KeyError"], "in clear stands no value"
    assert "secret" not in str(second.error)


async def test_a_cancelled_job_stops_and_its_files_go(module_store: Store):
    begun, ended = asyncio.Event(), asyncio.Event()
    jobs = Jobs(module_store.ground)
    id_ = await jobs.start("endless", {"owner": "d-1"})
    folder = folder_of(module_store.ground.settings, id_)

    async def endless(run: Run) -> Mapping[str, Any]:
        try:
            while True:
                folder.mkdir(parents=True, exist_ok=True)
                await run.save({}, "still going")
                begun.set()
                await asyncio.sleep(0.02)
        finally:
            ended.set()

    async with worker(module_store, endless=endless):
        await asyncio.wait_for(begun.wait(), 20)
        await jobs.cancel(id_)
        await asyncio.wait_for(ended.wait(), 20)
    assert (await jobs.status(id_)).state == "cancelled"
    assert not folder.exists()


async def test_what_is_no_job_is_not_found(module_store: Store):
    jobs = Jobs(module_store.ground)
    for asked in (jobs.status, jobs.cancel):
        for id_ in (new_id(), "not-a-job"):
            with pytest.raises(NotFound):
                await asked(id_)


def counting(to: int, seen: list[int], pause_s: float = 0.02) -> Callable[[Run], Awaitable[Mapping[str, Any]]]:
    async def count(run: Run) -> Mapping[str, Any]:
        for n in range(run.progress.get("n", 0), to):
            seen.append(n)
            await asyncio.sleep(pause_s)
            await run.save({"n": n + 1}, f"{n + 1} of {to}")
        return {"attempt": run.attempt}

    return count


async def test_an_orderly_end_leaves_the_job_to_the_next_worker_at_the_same_place(module_store: Store):
    jobs, seen = Jobs(module_store.ground), list[int]()
    id_ = await jobs.start("count", {"owner": "d-1"})
    async with worker(module_store, count=counting(30, seen, pause_s=0.1)):
        await until(jobs, id_, lambda _: len(seen) > 3)
    assert len(seen) < 30
    async with worker(module_store, count=counting(30, seen)):
        status = await until(jobs, id_)
    assert (status.state, status.result, seen) == ("done", {"attempt": 2}, list(range(30)))


async def test_an_attempt_taken_for_dead_cannot_store_anything_any_more(module_store: Store):
    jobs, runs = Jobs(module_store.ground), list[Run]()
    id_ = await jobs.start("keep", {"owner": "d-1"})

    async def keep(run: Run) -> Mapping[str, Any]:
        runs.append(run)
        async with module_store.ground.pool.connection() as connection:  # as if another worker had taken it
            await connection.execute("UPDATE xinglin.job SET attempt = attempt + 1 WHERE id = $1", id_)
        await run.save({"n": 1}, "too late")
        return {}

    async with worker(module_store, keep=keep):
        await until(jobs, id_, lambda _: bool(runs))
        await asyncio.sleep(0.2)
    assert (await jobs.status(id_)).progress == ""


KILLED = """
import asyncio, os, signal, sys
from tests.conftest import KEYS
from xinglin.base.settings import Settings
from xinglin.store import open_store
from xinglin.store.jobs import work_on_jobs

async def count(run):
    for n in range(run.progress.get("n", 0), 5):
        print(n, flush=True)
        await run.save({"n": n + 1}, f"{n + 1} of 5")
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = await open_store(Settings(), sys.argv[1], KEYS)
    await work_on_jobs(store.ground, {"count": count}, asyncio.Event(), silent_s=1.0)

asyncio.run(main())
"""


async def test_after_a_kill_the_next_worker_goes_on_from_the_stored_progress(module_store: Store):
    jobs, seen = Jobs(module_store.ground), list[int]()
    id_ = await jobs.start("count", {"owner": "d-1"})
    dsn = module_store.ground.settings.database_url
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, dsn], capture_output=True, text=True, timeout=60, check=False
    )
    assert (killed.returncode, killed.stdout.split()) == (-signal.SIGKILL, ["0", "1", "2", "3", "4"])
    assert (await jobs.status(id_)).state == "running"
    async with worker(module_store, count=counting(8, seen)):
        status = await until(jobs, id_)
    assert (status.state, status.result, seen) == ("done", {"attempt": 2}, [5, 6, 7])


async def test_a_job_that_fell_out_of_the_queue_is_put_back(module_store: Store):
    jobs = Jobs(module_store.ground)
    id_ = await jobs.start("echo", {"owner": "d-1", "say": "x"})
    async with module_store.ground.pool.connection() as connection:
        await connection.execute("DELETE FROM queue.pgqueuer")
        await connection.execute("UPDATE xinglin.job SET touched_at = now() - interval '1 hour' WHERE id = $1", id_)
    async with worker(module_store, echo=echo):
        assert (await until(jobs, id_)).state == "done"


async def test_a_lost_connection_of_the_queue_is_opened_again(module_store: Store):
    jobs, seen = Jobs(module_store.ground), list[int]()
    id_ = await jobs.start("count", {"owner": "d-1"})
    async with worker(module_store, count=counting(20, seen)):
        await until(jobs, id_, lambda _: len(seen) > 3)
        async with module_store.ground.pool.connection() as connection:
            ended = await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%pgqueuer%' AND pid <> pg_backend_pid()"
            )
        assert ended == 1
        second = await jobs.start("count", {"owner": "d-1"})
        states = [(await until(jobs, one)).state for one in (id_, second)]
    assert states == ["done", "done"]
    assert sorted(seen) == sorted([*range(20), *range(20)])


async def test_ended_jobs_are_forgotten_after_a_week(module_store: Store):
    jobs = Jobs(module_store.ground)
    old, waiting = [await jobs.start("echo", {"owner": "d-1"}) for _ in range(2)]
    await jobs.cancel(old)
    assert await jobs.sweep() == 0
    assert await jobs.sweep(days=0) >= 1
    with pytest.raises(NotFound):
        await jobs.status(old)
    assert (await jobs.status(waiting)).state == "waiting"
