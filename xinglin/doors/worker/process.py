"""The worker's process: opens the store, does jobs and reactions side by side, and ends in order when it is told to."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from xinglin.base.clock import wall_us
from xinglin.doors.worker.following import Following
from xinglin.kit.capability import Reaction
from xinglin.store import Store, papers
from xinglin.store.jobs import PASSING, Jobs, Work, work_on_jobs
from xinglin.store.learning import learn_from_record
from xinglin.store.relations import forget_ended

END_S_MAX = 8
"""How long what is under way may take after the order to end; then it is abandoned and done again by the next worker."""
TENDED_S = 900
NICE = 10
"""The worker stands back when the machine is busy: who waits for an answer goes first, what follows may come a moment later."""
ENDED_KEPT_US = 30 * 24 * 3600 * 1_000_000
"""How long relations that have ended are kept, for who asks why something was seen."""
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LOG = logging.getLogger(__name__)


Duties = Callable[[Store, asyncio.Event], Sequence[Coroutine[Any, Any, None]]]
"""What else is done all the time over an open store, each until the event is set."""


def run(
    opening: Callable[[], Awaitable[Store]], reactions: Mapping[str, Reaction], works: Mapping[str, Work], ready: Callable[[], None],
    duties: Duties = lambda store, stopping: (),  # noqa: ARG005 - none
) -> None:  # fmt: skip
    """Work until SIGTERM, SIGINT or SIGHUP. `reactions`: by the name their place is kept by; `ready` is called once it works.

    Raises `Unavailable` when the database does not answer at the start.
    """
    os.nice(NICE)
    asyncio.run(_live(opening, reactions, works, ready, duties))


async def _live(
    opening: Callable[[], Awaitable[Store]], reactions: Mapping[str, Reaction], works: Mapping[str, Work], ready: Callable[[], None],
    duties: Duties,
) -> None:  # fmt: skip
    stopping = asyncio.Event()
    for number in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    store = await opening()
    try:
        tasks = [asyncio.create_task(work) for work in (
            work_on_jobs(store.ground, works, stopping),
            _tend(store, stopping),
            *duties(store, stopping),
            *(Following(store, name, reaction, stopping).follow() for name, reaction in reactions.items()),
        )]  # fmt: skip
        ready()
        await _until_ended(tasks, stopping)
    finally:
        await store.close()


async def _until_ended(tasks: list[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    """Wait for the order to end, or for a task that breaks (then all end, and what broke it is raised)."""
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([told, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        _, late = await asyncio.wait(tasks, timeout=END_S_MAX)
        for task in late:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        told.cancel()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _tend(store: Store, stopping: asyncio.Event) -> None:
    """Now and then: forget old jobs, papers and relations that have ended, and learn to pack what has grown large."""
    while not stopping.is_set():
        try:
            await Jobs(store.ground).sweep()
            await papers.sweep(store.ground.side, wall_us())
            async with store.ground.side.connection() as connection:
                await forget_ended(connection, wall_us() - ENDED_KEPT_US)
            await learn_from_record(store.ground)
        except PASSING as passing:
            _LOG.warning("the store is tended later: %s", passing)
        try:
            async with asyncio.timeout(TENDED_S):
                await stopping.wait()
        except TimeoutError:
            continue
