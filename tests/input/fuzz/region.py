"""A running platform that is asked badly: who asks, what comes back, and whether what it keeps still agrees with itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import asyncpg

from tests.doors.web.drawn import settle, world
from tests.input.fuzz.wire import Ask, Header, Told, exchange
from tests.input.fuzz.world import World, world_of
from tests.input.test_bombs import process_of
from tests.served import served
from tests.signed_in import COOKIE, sign_in
from xinglin.access.actor import Actor
from xinglin.access.tokens import issue
from xinglin.app.discovery import discover, folder_of
from xinglin.base.clock import utc_now
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import gate_of
from xinglin.store import Records, Scope, Store, open_store
from xinglin.store.feed import changes_of

INSIDES = re.compile(
    rb"Traceback|File \"/|site-packages|asyncpg|xinglin\.(?:base|fhir|store|access|kit|doors|capabilities|app)\b|\.py\b|<class |"
    rb"object at 0x|"
    rb"(?:Type|Value|Key|Index|Attribute|Assertion|Runtime|Recursion|Unicode\w*|Decode)Error|Exception\b|Postgres|"
    rb"\bSELECT\b|\bINSERT\b|\bDELETE FROM\b|jinja2|starlette|msgspec",
)
"""What only the inside of the program knows."""


@dataclass(slots=True)
class Region:
    """`counts`: answers by door and status; `faults`: what was wrong with an answer, with the request."""

    port: int
    keys: Keys
    store: Store
    database: asyncpg.Connection
    world: World
    process: Path
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    counts: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    faults: list[str] = field(default_factory=list[str])

    async def ask(self, ask: Ask) -> Told:
        """Ask, and judge the answer."""
        before = await self._feed() if ask.method not in (b"GET", b"HEAD") else None
        told = await exchange(self.port, ask.sent(await self._known(ask)))
        self.counts[ask.door, told.status] += 1
        wrong, sent = judged(ask, told), ask.raw or ask.body
        if before is not None and (told.status >= 400 or not told.status) and await self._feed() != before:
            wrong.append("it was refused, and something was written")
        self.faults += [
            f"{told.status} {why}: {ask.who} {ask.method!r} {ask.target!r} {ask.headers} {sent[:1500]!r} -> {told.body[:300]!r}"
            for why in wrong
        ]
        self._learn(ask, told)
        return told

    async def _known(self, ask: Ask) -> tuple[Header, ...]:
        if not ask.who:
            return ()
        if ask.door != "web":
            return ((b"Authorization", f"Bearer {issue(self.keys, ask.who, f'a-{ask.who}', 3600)}".encode()),)
        if ask.who not in self.cookies:
            self.cookies[ask.who] = await sign_in(
                self.store, ask.who, utc_now(), person="Patient/zhang-guilan" if ask.who == "resident" else ""
            )
        return ((b"Cookie", f"{COOKIE}={self.cookies[ask.who]}".encode()),)

    def _learn(self, ask: Ask, told: Told) -> None:
        """Page marks to forge; sessions that have ended or moved on."""
        if ask.door == "web" and ((told.header(b"location") or b"").startswith(b"/sign-in") or told.header(b"set-cookie")):
            self.cookies.pop(ask.who, None)
        found = re.search(rb"_cursor=([A-Za-z0-9_\-]+)", told.body)
        if found and len(self.world.cursors) < 50:
            self.world.cursors.append(found[1].decode())

    async def _feed(self) -> Any:
        return await self.database.fetchval("SELECT coalesce(max(tick), 0) FROM xinglin.feed")

    async def disagreements(self) -> list[str]:
        """What does not fit together in the database: versions without a change or the reverse, gaps, doubles, no audit."""
        found: list[str] = []
        changes = {tick for row in await self.database.fetch("SELECT xact, tick, types FROM xinglin.feed") for tick, _ in changes_of(row)}
        ticks: list[int] = []
        for row in await self.database.fetch(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'record' AND relkind = 'r'"
        ):
            table = row["relname"]
            versions = f'(SELECT id, version, tick FROM record."{table}" UNION ALL SELECT id, version, tick FROM history."{table}") v'
            ticks += [one["tick"] for one in await self.database.fetch(f"SELECT tick FROM {versions}")]
            whole = "count(*) = max(version) AND count(DISTINCT version) = max(version) AND min(version) = 1"
            gaps = f"SELECT id FROM {versions} GROUP BY id HAVING NOT ({whole})"
            found += [f"{table}/{one['id']} lacks a version" for one in await self.database.fetch(gaps)]
        if len(set(ticks)) != len(ticks) or set(ticks) != changes:
            found.append(f"{len(set(ticks) - changes)} versions without a change, {len(changes - set(ticks))} changes without a version")
        untold = await self.database.fetch(
            "SELECT tick FROM xinglin.feed f WHERE tick > $1 AND NOT EXISTS (SELECT FROM xinglin.audit a WHERE a.xact = f.xact)", self.began
        )
        return found + [f"the change {row['tick']} left no row in the trail" for row in untold[:5]]

    began: int = 0

    def memory(self, what: str) -> int:
        """Bytes of the API process: VmRSS, VmHWM."""
        match = re.search(rf"{what}:\s+(\d+) kB", (self.process / "status").read_text())
        assert match
        return int(match[1]) * 1024


def judged(ask: Ask, told: Told) -> list[str]:
    """What is wrong with an answer."""
    wrong: list[str] = []
    if told.status >= 500 and not (told.status == 503 and told.header(b"retry-after")):
        wrong.append("a fault of the server")
    if told.status == 0 and ask.door != "wire":
        wrong.append("no answer")
    if any(name.startswith(b"x-injected") for name, _ in told.headers):
        wrong.append("a header of the client's making")
    sent = (ask.raw or ask.target + ask.body).lower()
    shown = told.body if (told.header(b"content-type") or b"").split(b"/")[0] in (b"text", b"application") else b""
    wrong += [f"it shows {match[0]!r}" for match in INSIDES.finditer(shown) if match[0].lower() not in sent]
    if ask.door == "web" and told.status and told.status not in (400, 499) and told.header(b"x-content-type-options") != b"nosniff":
        wrong.append("no security headers")
    if ask.door == "fhir" and told.status >= 400 and told.body and ask.method != b"HEAD":
        wrong += _outcome(told)
    location = (told.header(b"location") or b"").decode("latin-1")
    if ask.door == "web" and urlsplit(location).netloc and "app.example" not in location:
        wrong.append(f"it leads to {location[:100]}")
    return wrong


def _outcome(told: Told) -> Sequence[str]:
    """A refusal of the FHIR door is an OperationOutcome, in the format it says it is in."""
    if b"xml" in (told.header(b"content-type") or b""):
        return () if b"<OperationOutcome" in told.body else ("no OperationOutcome",)
    if told.body.startswith(b"Invalid HTTP request") or (told.header(b"content-encoding") or b"") == b"gzip":
        return ()
    try:
        return () if json.loads(told.body)["resourceType"] in ("OperationOutcome", "Bundle") else ("no OperationOutcome",)
    except (ValueError, KeyError, TypeError):
        return ("no OperationOutcome",)


@asynccontextmanager
async def running(database: str, home: Path, keys: Keys, seed: int) -> AsyncIterator[Region]:
    """The platform with the drawn world, and what it takes to ask it badly."""
    store = await open_store(Settings(home=str(home), database_url=database, database_connections=4), database, keys)
    connection = await asyncpg.connect(database)
    try:
        await settle(store.records(Scope.everyone()), world())
        began = await connection.fetchval("SELECT max(tick) FROM xinglin.feed")
        with served(database, home, keys, requests_per_minute_account=0, requests_per_minute_address=0, demo=1) as platform:
            port = urlsplit(platform.base).port or 0
            made = world_of(seed, web_app(_house(store)).routes)
            yield Region(port, keys, store, connection, made, process_of(" api "), began=began)
    finally:
        await connection.close()
        await store.close()


def _house(store: Store) -> House:
    """The pages, to read their routes from."""

    async def records(_: Actor) -> Records:
        return store.records(Scope.everyone())

    rooms = discover()
    folders = {name: folder_of(name) for name in rooms}
    return House(rooms, folders, gate_of(Settings(demo=1), store), records, utc_now, "zh-CN", ZoneInfo("Asia/Shanghai"))
