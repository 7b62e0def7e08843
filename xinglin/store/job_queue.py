"""The queue of long jobs, by pgqueuer in a schema of its own: who works on what, woken by NOTIFY, taken over when a worker falls silent.

The queue carries job ids alone; what a job is and how far it came stands, sealed, in `xinglin.job` (jobs.py).
pgqueuer is imported where it is used: it costs most of a second, which an API process pays at its first job only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asyncpg import Connection

from xinglin.base.errors import Unavailable

if TYPE_CHECKING:
    from pgqueuer.domain.models import Job
    from pgqueuer.queries import Queries

SCHEMA = "queue"
CHANNEL = "xinglin_jobs"
_ENTRY = "job"
_LOG = logging.getLogger(__name__)


class TryAgain(Exception):
    """Raised by the handler: the job goes back into the queue, due after `delay_s`."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        super().__init__(f"again in {delay_s:g} s")


async def install(connection: Connection) -> None:
    """Make the queue's tables, or bring those of an older pgqueuer up to date."""
    queries = _queries(connection)
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        await queries.install()


async def enqueue(connection: Connection, id_: UUID) -> None:
    """Put a job into the queue, inside the caller's transaction."""
    await _queries(connection).enqueue(_ENTRY, id_.bytes)


async def serve(
    connection: Connection, handle: Callable[[UUID], Awaitable[None]], stopping: asyncio.Event, *, at_once: int, silent_s: float
) -> None:
    """Hand out jobs until `stopping`, then wait for those under way. A job whose worker was silent for `silent_s` is handed out again.

    Raises `Unavailable`, or what asyncpg raises, when the connection fails.
    """
    from pgqueuer.domain.types import Channel
    from pgqueuer.errors import FailingListenerError, RetryRequested
    from pgqueuer.qm import QueueManager

    async def entry(job: Job) -> None:
        assert job.payload is not None
        try:
            await handle(UUID(bytes=bytes(job.payload)))
        except TryAgain as again:
            raise RetryRequested(timedelta(seconds=again.delay_s)) from again

    logging.getLogger("pgqueuer").setLevel(logging.WARNING)
    manager = QueueManager(_queries(connection), channel=Channel(CHANNEL))
    manager.entrypoint(_ENTRY)(entry)
    watch = asyncio.create_task(_pass_on(stopping, manager.shutdown))
    try:
        await manager.run(
            dequeue_timeout=timedelta(seconds=min(5.0, silent_s)),
            batch_size=1,
            max_concurrent_tasks=max(at_once, 2),
            heartbeat_timeout=timedelta(seconds=silent_s),
            shutdown_on_listener_failure=True,
        )
    except FailingListenerError as deaf:
        raise Unavailable("The job queue does not hear the database.") from deaf
    finally:
        watch.cancel()


async def _pass_on(one: asyncio.Event, other: asyncio.Event) -> None:
    await one.wait()
    other.set()


def _queries(connection: Connection) -> Queries:
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.domain.settings import DBSettings, Durability
    from pgqueuer.queries import Queries

    given: dict[str, Any] = {"prefix": "", "db_schema": SCHEMA, "channel": CHANNEL, "durability": Durability.durable}
    names = DBSettings(**given)
    return Queries(AsyncpgDriver(connection), QueryBuilderEnvironment(names), QueryQueueBuilder(names), QuerySchedulerBuilder(names))
