"""A browser before a running region: the web door over a real store with the drawn world and a small synthetic county."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from tests.doors.web.drawn import NOW, ZHANG, settle, world
from tests.journeys import sample
from tests.signed_in import COOKIE, QUICK, sign_in
from xinglin.access.actor import Actor
from xinglin.app.discovery import discover, folder_of
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.gate import gate_of
from xinglin.engines.synthesis import county
from xinglin.store import Records, Scope, Store, open_store

BROWSER = os.environ.get("XINGLIN_TEST_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = (1440, 900), (390, 844)
SEED, RESIDENTS = 7, 60


@dataclass(slots=True)
class Region:
    """A running web door: its address, its store, and who signs in (`session_of` keeps one session for each role)."""

    address: str
    house: House
    store: Store
    sessions: dict[str, str] = field(default_factory=dict)

    async def session_of(self, role: str) -> str:
        """The cookie of someone in a role. The resident is Zhang Guilan."""
        if role not in self.sessions:
            name, person = ("张桂兰", f"Patient/{ZHANG}") if role == "resident" else ("李医生", "")
            self.sessions[role] = await sign_in(self.store, role, self.house.now(), name=name, person=person)
        return self.sessions[role]


@pytest.fixture(scope="session")
async def region(postgres: Callable[[], str], keys: Keys) -> AsyncIterator[Region]:
    """The region, served beside the tests."""
    dsn = await asyncio.to_thread(postgres)
    store = await open_store(Settings(database_url=dsn, database_connections=8), dsn, keys)
    records = store.records(Scope.everyone())
    await settle(records, world())
    await settle(records, county(SEED, RESIDENTS, today=date.fromisoformat(NOW[:10])))
    listener = socket.create_server(("127.0.0.1", 0))
    house = _house(store)
    server = uvicorn.Server(uvicorn.Config(web_app(house), log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield Region(f"http://127.0.0.1:{listener.getsockname()[1]}", house, store)
    server.should_exit = True
    await serving
    await store.close()


def everyone(store: Store) -> Callable[[Actor], Awaitable[Records]]:
    """Records as the door asks for them: of everyone, for whoever asks."""

    async def records(_: Actor) -> Records:
        return store.records(Scope.everyone())

    return records


def _house(store: Store) -> House:
    now = datetime.fromisoformat(NOW)
    capabilities = discover()
    return House(
        capabilities={**capabilities, "sample": sample.CAPABILITY},
        folders={name: folder_of(name) for name in capabilities} | {"sample": sample.FOLDER},
        gate=gate_of(store.ground.settings, store, passwords=QUICK),
        records=everyone(store),
        now=lambda: now,
        language="zh-CN",
        timezone=ZoneInfo("Asia/Shanghai"),
        audit=store.note,
    )


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium."""
    if BROWSER is None:
        pytest.skip("no Chromium here: set XINGLIN_TEST_BROWSER to one")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield opened
        await opened.close()


@dataclass(slots=True)
class Person:
    """Someone at a screen. `complaints`: what the browser's console said while they worked."""

    browser: Browser
    region: Region
    size: tuple[int, int]
    language: str
    role: str | None
    scripts: bool
    page: Page | None = None
    complaints: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)

    async def open(self, path: str) -> Page:
        """Go to an address of the region and wait until its scripts stand ready."""
        page = self.page or await self._sit_down()
        await page.goto(self.region.address + path)
        return page

    async def _sit_down(self) -> Page:
        screen = {"width": self.size[0], "height": self.size[1]}
        context = await self.browser.new_context(viewport=screen, java_script_enabled=self.scripts)  # type: ignore[arg-type]
        session = {COOKIE: await self.region.session_of(self.role)} if self.role else {}
        cookies = {"xinglin_language": self.language} | session | self.cookies
        await context.add_cookies([{"name": name, "value": value, "url": self.region.address} for name, value in cookies.items()])
        self.page = await context.new_page()
        self.page.on("console", lambda message: self.hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return self.page

    def hear(self, kind: str, words: str) -> None:
        """Keep what the browser complains of."""
        if kind in ("error", "warning"):
            self.complaints.append(words)


@pytest.fixture
async def at_screen(browser: Browser, region: Region) -> AsyncIterator[Callable[..., Person]]:
    """Puts someone of a role (None: not signed in) before a screen of some size and language. No console error may be left at the end."""
    seated: list[Person] = []

    def seat(
        size: tuple[int, int] = WIDE, language: str = "zh-CN", *, role: str | None = "doctor", scripts: bool = True, **cookies: str
    ) -> Person:
        seated.append(Person(browser, region, size, language, role, scripts, cookies=cookies))
        return seated[-1]

    yield seat
    for person in seated:
        if person.page is not None:
            await person.page.context.close()
    assert [complaint for person in seated for complaint in person.complaints] == []
