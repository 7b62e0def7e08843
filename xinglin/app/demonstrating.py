"""The demo region at work: each capability shows itself once, in the order of their names, by deeds of the personas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import msgspec

from xinglin.access.accounts import Register
from xinglin.access.actor import Actor
from xinglin.access.reach import Reach
from xinglin.app.discovery import discover
from xinglin.base.clock import tick_of, utc_now
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.kit.capability import Capabilities
from xinglin.kit.stage import Stage
from xinglin.kit.unit import Unit
from xinglin.store import Store, open_store
from xinglin.store.papers import Papers


class Played(msgspec.Struct, frozen=True):
    """A capability has shown itself, at a moment in microseconds since 1970."""

    at: int


async def demonstrate(settings: Settings, keys: Keys, residents: Mapping[str, str]) -> None:
    """Show what has not been shown yet. `residents`: name -> Patient id; the personas are there."""
    store = await open_store(settings, settings.database_url, keys)
    try:
        await play(store, discover(), residents, utc_now())
    finally:
        await store.close()


async def play(store: Store, capabilities: Capabilities, residents: Mapping[str, str], now: datetime) -> list[str]:
    """Let capabilities that have not yet show themselves; their names."""
    papers = Papers(store.ground, "demo", Played)
    waiting = [name for name, one in sorted(capabilities.items()) if one.demo and not await papers.look(name, tick_of(now))]
    if not waiting:
        return []
    reach = Reach(store)
    await reach.catch_up()
    stage = Stage(store, now, residents, _units(store, reach, now, await _cast(store, now)))
    for name in waiting:
        demo = capabilities[name].demo
        assert demo is not None, "only who has something to show waits"
        await demo(stage)
        await papers.add(name, Played(tick_of(now)))
    return waiting


async def _cast(store: Store, now: datetime) -> dict[str, Actor]:
    """Persona key -> the actor they are in their first hat."""
    accounts = await Register(store.ground).personas(now)
    return {one.persona: Actor(one.id, one.hats[0].role, one.name, one.hats[0].person, one.hats[0].units) for one in accounts}


def _units(store: Store, reach: Reach, now: datetime, cast: Mapping[str, Actor]) -> Callable[[str], Awaitable[Unit]]:
    async def unit_of(persona: str) -> Unit:
        actor = cast[persona]
        return Unit(actor, store.records(await reach.scope(actor)), now, reach.stale)

    return unit_of
