"""The demo region: a fictional county, written once into a store that has no resident yet.

Several processes load a part each; what is there already is passed over, so a start that was interrupted is made good by the next.
"""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import date
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from xinglin.base.clock import utc_now
from xinglin.base.crypto import FileKeys, Keys
from xinglin.base.errors import Unavailable
from xinglin.base.settings import Settings
from xinglin.doors.cli.telling import Counter, step
from xinglin.engines.synthesis import shards, stories_of
from xinglin.store import Scope, open_store
from xinglin.store.bulk import Loader, end

RESIDENTS = 20_000
SEED = 1
BATCH = 4000
PARTS_MAX = 4
DEMONSTRATION = "xinglin.app:demonstrate"
"""What the capabilities show: composition stands above the doors, so it is named here, not imported."""


class Plan(msgspec.Struct, frozen=True):
    """What is being written, kept in the home folder: with the same plan every part makes the same resources again."""

    today: date
    parts: int
    seed: int = SEED
    residents: int = RESIDENTS
    done: bool = False


def ensure(settings: Settings, keys: Keys, environment: Mapping[str, str], *, residents: int = RESIDENTS) -> None:
    """Write the county, unless it was written or there are residents already."""
    plan = _read(settings)
    if plan is None:
        if asyncio.run(_has_residents(settings, keys)):
            return
        plan = Plan(utc_now().date(), min(os.cpu_count() or 1, PARTS_MAX), residents=residents)
        _keep(settings, plan)
    if not plan.done:
        _write_all(plan.parts, environment)
        with step("Indexes and statistics"):
            asyncio.run(_end(settings, keys))
        _keep(settings, msgspec.structs.replace(plan, done=True))


def residents(settings: Settings) -> dict[str, str] | None:
    """The county's hand-drawn residents, name -> Patient id; None when this installation holds no demo county."""
    plan = _read(settings)
    if plan is None or not plan.done:
        return None
    told = stories_of(plan.seed, plan.residents, today=plan.today)
    return {who.name: id_ for story, ids in told for who, id_ in zip(story.people, ids, strict=True)}


def show(settings: Settings, keys: Keys, residents: Mapping[str, str]) -> None:
    """Let the capabilities show themselves in the county, those that have not yet."""
    module, name = DEMONSTRATION.split(":")
    demonstrate: Callable[[Settings, Keys, Mapping[str, str]], Coroutine[Any, Any, None]] = getattr(import_module(module), name)
    with step("Care under way, and who looked at whose record"):
        asyncio.run(demonstrate(settings, keys, residents))


def write_part(settings: Settings, part: int) -> None:
    """In a process of its own: write one part of the plan, printing after each batch how many resources it had."""
    plan = _read(settings)
    assert plan is not None, "a part is written by a plan"
    gc.disable()  # resources form no circles, and looking for some takes a tenth of the load
    asyncio.run(_write(settings, plan, part))


def _write_all(parts: int, environment: Mapping[str, str]) -> None:
    counter = Counter("Demo county, a minute the first time", "resources")
    lifeline, held = os.pipe()
    processes = [_launch(part, lifeline, environment) for part in range(parts)]
    os.close(lifeline)
    try:
        for count in _counts(processes):
            counter.add(count)
        if any(process.wait() != 0 for process in processes):
            raise Unavailable("The demo county could not be written; its reason stands above.")
        counter.finish()
    finally:
        os.close(held)
        for process in processes:
            process.wait()


def _launch(part: int, lifeline: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    words = ("demo", "--part", str(part), "--lifeline", str(lifeline))
    return subprocess.Popen(
        [sys.executable, "-m", "xinglin.doors.cli.child", *words],
        pass_fds=(lifeline,),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _counts(processes: list[subprocess.Popen[bytes]]) -> Iterator[int]:
    """The numbers the processes print, as they come, until all have ended."""
    with selectors.DefaultSelector() as waiting:
        for process in processes:
            assert process.stdout is not None
            waiting.register(process.stdout, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                text = os.read(key.fd, 4096)
                if not text:
                    waiting.unregister(key.fileobj)
                yield sum(map(int, text.split()))


async def _write(settings: Settings, plan: Plan, part: int) -> None:
    store = await open_store(settings, settings.database_url, FileKeys(settings.key_path).keys())
    try:
        loader = Loader(store.ground, bare=True)
        resources = shards(plan.seed, plan.residents, of=plan.parts, index=part, today=plan.today)
        await loader.load_all(iter(lambda: list(islice(resources, BATCH)), []), told=lambda new: print(new, flush=True))
    finally:
        await store.close()


async def _has_residents(settings: Settings, keys: Keys) -> bool:
    store = await open_store(settings, settings.database_url, keys)
    try:
        return bool(await store.records(Scope.everyone()).find("Patient", count=1))
    finally:
        await store.close()


async def _end(settings: Settings, keys: Keys) -> None:
    store = await open_store(settings, settings.database_url, keys)
    try:
        await end(store.ground.pool)
    finally:
        await store.close()


def _file(settings: Settings) -> Path:
    return settings.home_path / "demo.json"


def _read(settings: Settings) -> Plan | None:
    try:
        return msgspec.json.decode(_file(settings).read_bytes(), type=Plan)
    except FileNotFoundError:
        return None


def _keep(settings: Settings, plan: Plan) -> None:
    draft = _file(settings).with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(plan))
    draft.replace(_file(settings))
