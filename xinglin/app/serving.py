"""The ASGI application of one API process: the FHIR door below `/fhir`, the web door for everything else, over one store."""

from __future__ import annotations

import gc
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from zoneinfo import ZoneInfo

from xinglin.access.actor import Actor
from xinglin.access.reach import Reach
from xinglin.app.discovery import discover, folder_of
from xinglin.app.trust import Trust, trust_of
from xinglin.base.clock import utc_now
from xinglin.base.crypto import FileKeys
from xinglin.base.settings import Settings, read_settings
from xinglin.doors.fhir_api.door import BASE, FhirDoor
from xinglin.doors.smart import PATHS
from xinglin.doors.web.app import House, web_app
from xinglin.doors.web.elsewhere import offered
from xinglin.doors.web.gate import gate_of
from xinglin.store import Records, Store, open_store
from xinglin.store.jobs import Jobs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]
_LOG = logging.getLogger("xinglin")


def doors(settings: Settings, store: Store, trust: Trust) -> tuple[App, App]:
    """(FHIR door, web door) over an open store."""
    capabilities = discover()
    store.terminology = next((capability.terminology() for capability in capabilities.values() if capability.terminology), None)
    operations = [operation for capability in capabilities.values() for operation in capability.operations]
    reach = Reach(store)

    async def records_of(actor: Actor) -> Records:
        return store.records(await reach.scope(actor))

    fhir = FhirDoor(store, trust.access, settings, operations, jobs=Jobs(store.ground), scope=reach.scope, pace=trust.pace)
    house = House(
        capabilities=capabilities,
        folders={name: folder_of(name) for name in capabilities},
        gate=gate_of(settings, store, providers=offered(trust.elsewhere)),
        elsewhere=trust.elsewhere,
        records=records_of,
        audit=store.note,
        stale=reach.stale,
        now=utc_now,
        language=settings.language,
        timezone=ZoneInfo(settings.timezone),
        pace=trust.pace,
    )
    return trust.across(fhir), web_app(house)


class Application:
    """ASGI. The store is opened at startup and closed, with everything it took written, at shutdown."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None
        self._fhir: App | None = None
        self._web: App | None = None
        self._trust: Trust | None = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Hand a request to its door."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        door = self._fhir if path == BASE or path.startswith(BASE + "/") else self._web
        if path in PATHS and self._trust is not None:
            door = self._trust.smart
        assert door is not None, "the application was not started"
        await door(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def start(self) -> None:
        """Open the store and the doors."""
        keys = FileKeys(self._settings.key_path).keys()
        self._store = await open_store(self._settings, self._settings.database_url, keys)
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not look at it again,
        gc.set_threshold(50_000, 20, 100)  # nor stop at every few hundred parsed elements of a bundle
        self._trust = trust_of(self._settings, keys, self._store)
        await self._trust.withdrawals.start()
        self._fhir, self._web = doors(self._settings, self._store, self._trust)

    async def stop(self) -> None:
        """Close the store."""
        if self._trust is not None:
            await self._trust.withdrawals.stop()
        if self._store is not None:
            await self._store.close()


def application(settings: Settings | None = None) -> App:
    """The application by these settings, or those of the environment."""
    return Application(settings or read_settings())
