"""Long jobs: started by a door, done by a worker, resumed after a kill from the progress stored last.

A job's row says what it is and how far it came; its parameters, progress and result are sealed. Each time a worker takes
a job is an attempt with a number; only the newest attempt may store progress, so one that was taken for dead and wakes
up again finds out at its next `save` and ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg import Connection

from xinglin.base.errors import Conflict, NotFound, TooMany, Unavailable, XinglinError, nameless
from xinglin.base.ids import new_id, uuid_of
from xinglin.fhir.codec import decode, encode
from xinglin.store import job_queue
from xinglin.store.content import UnknownDictionary, load_dictionaries
from xinglin.store.exported import remove_folder, remove_uploads
from xinglin.store.ground import Ground

SILENT_S = 15.0
"""A worker that has not been heard of for so long has lost its jobs to the next."""
ATTEMPTS_MAX = 100
AT_ONCE = 2
KEPT_DAYS = 7
_AGAIN_S = 5.0
_FORGOTTEN_S = 120.0
FAULTS = (
    XinglinError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, EOFError,
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What work can fail with through its input, its surroundings or a mistake of ours: it is told, and the worker goes on."""
PASSING = (Unavailable, TooMany, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job stands: waiting, running, done, failed or cancelled."""

    kind: str
    state: str
    owner: str
    progress: str
    result: Mapping[str, Any] | None
    error: str | None


class Lost(Conflict):
    """The job was cancelled, or another worker has it now."""


class Stopping(Conflict):
    """The worker ends; the job goes on at the next."""


class Jobs:
    """What a door needs of long jobs."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def start(self, kind: str, parameters: Mapping[str, Any]) -> str:
        """A new job's id; `parameters["owner"]` is who started it, `uploads` names the import files that go with it."""
        id_ = new_id()
        key = UUID(id_)
        sealed = _seal(self._ground, key, "parameters", parameters), _seal(self._ground, key, "progress", {})
        async with self._ground.pool.connection() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO xinglin.job (id, kind, state, owner, parameters, progress) VALUES ($1, $2, 'waiting', $3, $4, $5)",
                key, kind, str(parameters["owner"]), *sealed,
            )  # fmt: skip
            await job_queue.enqueue(connection, key)
        return id_

    async def status(self, id: str) -> JobStatus:
        """How it stands; raises `NotFound`."""
        key = _key(id)
        async with self._ground.pool.connection() as connection:
            row = await connection.fetchrow("SELECT kind, state, owner, progress, result, error FROM xinglin.job WHERE id = $1", key)
        if row is None:
            raise NotFound("There is no job {id}.", id=id[:80])
        progress = _open(self._ground, key, "progress", row["progress"])
        result = _open(self._ground, key, "result", row["result"]) if row["result"] else None
        error = row["error"]
        if row["state"] == "failed" and result is not None:
            error, result = str(result["why"]), None
        return JobStatus(row["kind"], row["state"], row["owner"], str(progress.get("told", "")), result, error)

    async def cancel(self, id: str) -> None:
        """Stop it, and delete its files; raises `NotFound`."""
        key = _key(id)
        async with self._ground.pool.connection() as connection:
            sealed = await connection.fetchval(
                "UPDATE xinglin.job SET state = 'cancelled', result = NULL, touched_at = now() WHERE id = $1 RETURNING parameters", key
            )
        if sealed is None:
            raise NotFound("There is no job {id}.", id=id[:80])
        await asyncio.to_thread(remove_folder, self._ground.settings, id)
        uploads = _open(self._ground, key, "parameters", sealed).get("uploads", ())
        await asyncio.to_thread(remove_uploads, self._ground.settings, uploads)

    async def sweep(self, days: float = KEPT_DAYS) -> int:
        """Forget jobs that ended so many days ago, and delete their files; how many."""
        async with self._ground.pool.connection() as connection:
            rows = await connection.fetch(
                "DELETE FROM xinglin.job WHERE state IN ('done', 'failed', 'cancelled')"
                " AND touched_at < now() - $1 * interval '1 day' RETURNING id",
                float(days),
            )
        for row in rows:
            await asyncio.to_thread(remove_folder, self._ground.settings, str(row["id"]))
        return len(rows)


@dataclass(slots=True)
class Run:
    """One attempt at a job. `progress`: what the attempt before stored last, {} at first."""

    ground: Ground
    id: str
    parameters: Mapping[str, Any]
    progress: Mapping[str, Any]
    attempt: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def save(self, progress: Mapping[str, Any], told: str) -> None:
        """Store how far it is, `told` in words. Raises `Lost`, or `Stopping` when it is stored and the worker ends."""
        async with self.ground.pool.connection() as connection:
            await self.save_in(connection, progress, told)
        self.go_on()

    async def save_in(self, connection: Connection, progress: Mapping[str, Any], told: str) -> None:
        """The same inside the transaction of the work itself: both or neither. Raises `Lost`."""
        sealed = _seal(self.ground, UUID(self.id), "progress", {"at": progress, "told": told})
        saved = await connection.execute(
            "UPDATE xinglin.job SET progress = $2, touched_at = now() WHERE id = $1 AND attempt = $3 AND state = 'running'",
            UUID(self.id), sealed, self.attempt,
        )  # fmt: skip
        if saved != "UPDATE 1":
            raise Lost("The job {id} is not this worker's any more.", id=self.id)
        self.progress = progress

    def go_on(self) -> None:
        """Raise `Stopping` when the worker ends; call it where progress is stored."""
        if self.stopping.is_set():
            raise Stopping("The worker ends.")


Work = Callable[[Run], Awaitable[Mapping[str, Any]]]
"""Does a job and gives its result. What it does between two saves must be safe to do again."""


async def work_on_jobs(ground: Ground, works: Mapping[str, Work], stopping: asyncio.Event, *, silent_s: float = SILENT_S) -> None:
    """Do jobs of these kinds until `stopping`; a lost database connection is opened again."""

    async def handle(key: UUID) -> None:
        try:
            await _attempt(ground, works, stopping, key)
        except PASSING as passing:
            _LOG.warning("job %s waits for the database: %s", key, passing)
            raise job_queue.TryAgain(_AGAIN_S) from None

    while not stopping.is_set():
        try:
            connection = await ground.pool.open()
            try:
                await _queue_forgotten(connection)
                await job_queue.serve(connection, handle, stopping, at_once=AT_ONCE, silent_s=silent_s)
            finally:
                await connection.close(timeout=5)
        except (Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as lost:
            _LOG.warning("the job queue is read again in a moment: %s", lost)
            await asyncio.sleep(2)


async def _queue_forgotten(connection: Connection) -> None:
    """Put jobs that wait or run and are in no queue (it was lost, or told wrongly) back into it."""
    rows = await connection.fetch(
        "SELECT id FROM xinglin.job j WHERE state IN ('waiting', 'running') AND touched_at < now() - $1 * interval '1 second'"
        " AND NOT EXISTS (SELECT FROM queue.pgqueuer q WHERE q.payload = uuid_send(j.id))",
        _FORGOTTEN_S,
    )
    for row in rows:
        await job_queue.enqueue(connection, row["id"])


async def _attempt(ground: Ground, works: Mapping[str, Work], stopping: asyncio.Event, key: UUID) -> None:
    async with ground.pool.connection() as connection:
        await load_dictionaries(connection, ground.contents)
        row = await connection.fetchrow(
            "UPDATE xinglin.job SET state = 'running', attempt = attempt + 1, touched_at = now()"
            " WHERE id = $1 AND state IN ('waiting', 'running') RETURNING kind, parameters, progress, attempt",
            key,
        )
    if row is None:
        return  # cancelled, or done by an attempt that died before it could tell the queue
    progress = _open(ground, key, "progress", row["progress"]).get("at", {})
    run = Run(ground, str(key), _open(ground, key, "parameters", row["parameters"]), progress, row["attempt"], stopping)
    if row["attempt"] > ATTEMPTS_MAX:
        await _end(run, "failed", error=f"It was begun {ATTEMPTS_MAX} times and never ended.")
        return
    try:
        result = await works[row["kind"]](run)
    except Stopping:
        raise job_queue.TryAgain(0) from None
    except Lost:
        await _clean_cancelled(run)
    except UnknownDictionary:  # another process has learnt one: the next attempt knows it
        raise job_queue.TryAgain(0) from None
    except PASSING:
        raise
    except FAULTS as fault:
        known = isinstance(fault, XinglinError)
        _LOG.error("job %s failed", run.id, exc_info=None if known else fault)
        why = str(fault) if known else f"An unexpected fault ({type(fault).__name__}); see the log."
        await _end(run, "failed", result={"why": why}, error=nameless(fault))
    else:
        await _end(run, "done", result=result)


async def _end(run: Run, state: str, *, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
    sealed = _seal(run.ground, UUID(run.id), "result", result) if result is not None else None
    async with run.ground.pool.connection() as connection:
        ended = await connection.execute(
            "UPDATE xinglin.job SET state = $3, result = $4, error = $5, touched_at = now()"
            " WHERE id = $1 AND attempt = $2 AND state = 'running'",
            UUID(run.id), run.attempt, state, sealed, error,
        )  # fmt: skip
    if ended == "UPDATE 1":
        await asyncio.to_thread(remove_uploads, run.ground.settings, run.parameters.get("uploads", ()))


async def _clean_cancelled(run: Run) -> None:
    """A cancelled job's files may have been written on after they were deleted."""
    async with run.ground.pool.connection() as connection:
        state = await connection.fetchval("SELECT state FROM xinglin.job WHERE id = $1", UUID(run.id))
    if state in (None, "cancelled"):
        await asyncio.to_thread(remove_folder, run.ground.settings, run.id)


def _key(id_: str) -> UUID:
    key = uuid_of(id_)
    if key is None:
        raise NotFound("There is no job {id}.", id=id_[:80])
    return key


def job_bound(key: UUID, part: str) -> bytes:
    """What a part of a job (parameters, progress, result) is sealed for."""
    return b"job " + part.encode() + key.bytes


def _seal(ground: Ground, key: UUID, part: str, value: Mapping[str, Any]) -> bytes:
    return ground.contents.seal_loose(encode(value), job_bound(key, part))


def _open(ground: Ground, key: UUID, part: str, sealed: bytes) -> Mapping[str, Any]:
    return decode(ground.contents.open_loose(sealed, job_bound(key, part)))
