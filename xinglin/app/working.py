"""The worker of an installation: the reactions of every capability, and the long jobs, over one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from xinglin.access.actor import Actor
from xinglin.access.policy import allowed
from xinglin.access.reach import Reach
from xinglin.app.discovery import discover
from xinglin.base.crypto import FileKeys, signer_of
from xinglin.base.settings import Settings, read_settings
from xinglin.doors import worker
from xinglin.kit.capability import Capabilities, Reaction
from xinglin.store import Scope, Store, open_store, resealing
from xinglin.store.exporting import ScopeOf, exporter
from xinglin.store.importing import importer
from xinglin.store.jobs import Work
from xinglin.store.ledger.sealing import keep_sealing


def work(settings: Settings | None = None, ready: Callable[[], None] = lambda: None) -> None:
    """Work by these settings, or those of the environment, until told to end; `ready` is called once it works."""
    chosen = settings or read_settings()
    capabilities = discover()
    reaches: list[Reach] = []

    async def opening() -> Store:
        store = await open_store(chosen, chosen.database_url, FileKeys(chosen.key_path).keys())
        store.terminology = next((capability.terminology() for capability in capabilities.values() if capability.terminology), None)
        reaches.append(Reach(store))
        return store

    async def scope_of(parameters: Mapping[str, Any]) -> Scope:
        return await reaches[0].scope(msgspec.convert(parameters["actor"], Actor))

    def duties(store: Store, stopping: asyncio.Event) -> Sequence[Coroutine[Any, Any, None]]:
        signer = signer_of(FileKeys(chosen.key_path).keys(), chosen.cipher)
        return [reaches[0].keep_up(stopping), keep_sealing(store.ground, signer, stopping)]

    worker.run(opening, reactions_of(capabilities), works(scope_of), ready, duties)


def reactions_of(capabilities: Capabilities) -> dict[str, Reaction]:
    """`capability.reaction` -> reaction: the names by which their places in the feed are kept."""
    return {f"{name}.{reaction.name}": reaction for name, capability in capabilities.items() for reaction in capability.reactions}


def works(scope_of: ScopeOf) -> dict[str, Work]:
    """The kinds of long jobs: an export sees what its owner may see, an import takes what its owner may import."""
    return {
        "export": exporter(scope_of),
        "import": importer(lambda role, type_: allowed(role, "import", type_)),
        resealing.KIND: resealing.reseal,
    }
