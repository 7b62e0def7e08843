"""`xinglin keys`: which keys there are and how old, rotation, retirement, the master key. No key is ever shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import typer

from xinglin.base.clock import utc_now
from xinglin.base.crypto import FileKeys, Keys, signer_of
from xinglin.base.errors import Conflict, Malformed
from xinglin.base.settings import Settings
from xinglin.doors.cli import installation
from xinglin.doors.cli.telling import say
from xinglin.store import Store, open_store, prepare, resealing

T = TypeVar("T")
SETTLED_S = 60
"""A key may be retired when it has not been the current one for so long: every process has taken up the newer one by then."""


def look_after(settings: Settings, action: str, number: int | None, *, yes: bool = False) -> None:
    """Do one of `ACTIONS`. Raises `Malformed` for another, and for a key that is not named."""
    if action not in ACTIONS:
        raise Malformed("There is no action {action}; there are: {actions}.", action=action, actions=", ".join(ACTIONS))
    source = FileKeys(settings.key_path, settings.cipher)
    if action in _OF_ONE:
        if number is None:
            raise Malformed("Name the data key: xinglin keys {action} NUMBER.", action=action)
        if action == "destroy" and not yes:
            typer.confirm(f"Delete data key {number}? Backups made while it was in use can never be opened again.", abort=True)
        _OF_ONE[action](settings, source, number)
    else:
        _OF_ALL[action](settings, source)


def status(settings: Settings, source: FileKeys) -> None:
    """Print what there is, none of it secret."""
    held = source.keys()
    signer = signer_of(held, settings.cipher)
    say(f"  Key file {settings.key_path}")
    say(f"  Master key {source.master().id}, kept in {source.master().kept}")
    for number in sorted(held.data):
        say(f"  Data key {number}, {_age(held, number)}: {_state(held, number)}")
    say(f"  Signature key {signer.key_id} ({signer.algorithm})")
    if told := asyncio.run(_with_store(settings, held, _resealing)):
        say(f"  {told}")


def rotate(settings: Settings, source: FileKeys) -> None:
    """A new data key, current at once; the worker begins to seal everything anew."""
    source.keys()
    number = source.add()

    async def work(store: Store) -> None:  # opened with the new key: the database knows it before anything is sealed with it
        source.make_current(number)
        await resealing.begin(store.ground)

    asyncio.run(_with_store(settings, source.keys(), work))
    say(f"  ✓ Data key {number} seals what is written from now on. The worker seals the rest anew; xinglin keys tells how far it is.")
    say("    Copy the key file to its safe place now: the older copy does not hold the new key.")


def reseal(settings: Settings, source: FileKeys) -> None:
    """Begin the re-sealing again."""
    asyncio.run(_with_store(settings, source.keys(), lambda store: resealing.begin(store.ground)))
    say("  ✓ The worker seals everything anew that an older key sealed.")


def retire(settings: Settings, source: FileKeys, number: int) -> None:
    """Keep a key for older backups only."""
    held = source.keys()
    since = held.made.get(held.current)
    if number == held.current:
        raise Conflict("Data key {number} is the current one; rotate first.", number=number)
    if since is not None and (utc_now() - since).total_seconds() < SETTLED_S:
        raise Conflict("The last rotation was just now; try again in a minute.")
    asyncio.run(_with_store(settings, held, lambda store: resealing.retire(store.ground, number)))
    source.retire(number)
    say(f"  ✓ Nothing is sealed with data key {number}; it opens older backups only.")


def destroy(_settings: Settings, source: FileKeys, number: int) -> None:
    """Delete a retired key for good."""
    source.destroy(number)
    say(f"  ✓ Data key {number} is deleted from {source.path}; delete it from the copies of the file too.")


def master(_settings: Settings, source: FileKeys) -> None:
    """Wrap all keys anew."""
    source.keys()
    say(f"  ✓ All keys are wrapped under the master key in {source.renew_master()}.")
    say("    Copy the key file and the master key to their safe places now, each to its own.")


async def _resealing(store: Store) -> str:
    stands = await resealing.newest(store.ground)
    if stands is None:
        return ""
    return (
        f"Re-sealing: {stands.state}" + (f", {stands.progress}" if stands.progress else "") + (f". {stands.error}" if stands.error else "")
    )


async def _with_store(settings: Settings, keys: Keys, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something with the store of an installation, running or not."""
    with installation.database(settings) as record:
        there = replace(settings, database_url=record.dsn)
        await prepare(there, record.dsn, keys)
        store = await open_store(there, record.dsn, keys)
        try:
            return await work(store)
        finally:
            await store.close()


def _age(keys: Keys, number: int) -> str:
    made = keys.made.get(number)
    return f"made {made:%Y-%m-%d}, {(utc_now() - made).days} days old" if made else "of unknown age"


def _state(keys: Keys, number: int) -> str:
    if number == keys.current:
        return "seals what is written now"
    return "retired, opens older backups only" if number in keys.retired else "opens what it sealed"


_OF_ALL: dict[str, Callable[[Settings, FileKeys], None]] = {"status": status, "rotate": rotate, "reseal": reseal, "master": master}
_OF_ONE: dict[str, Callable[[Settings, FileKeys, int], None]] = {"retire": retire, "destroy": destroy}
ACTIONS = (*_OF_ALL, *_OF_ONE)
