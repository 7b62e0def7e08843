"""The npm library fhirclient in a page of another site, in Chromium: a person signs in, allows it, and it reads what was allowed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.served import Served, served
from tests.signed_in import QUICK
from xinglin.access.accounts import Account, Entrance, Hat
from xinglin.access.accounts.model import Totp
from xinglin.access.oauth.model import Application, drawers
from xinglin.access.oauth.registering import register
from xinglin.base.clock import utc_now
from xinglin.base.crypto import Keys
from xinglin.base.settings import Settings
from xinglin.store import open_store

FILES = Path(__file__).with_name("smart_app")
LIBRARY = Path(__file__).parents[2] / "node_modules" / "fhirclient" / "build" / "fhir-client.min.js"
CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "Xing-lin 2026 Chunsheng?"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WAIT_MS = 20_000

pytestmark = pytest.mark.skipif(not (LIBRARY.exists() and CHROMIUM.exists()), reason="fhirclient or Chromium is not installed")


@dataclass(frozen=True, slots=True)
class Scene:
    """A running platform, the application's own site, and the application's id."""

    platform: Served
    app: str
    client: str

    @property
    def site(self) -> str:
        return self.platform.base.removesuffix("/fhir")


class _Files(SimpleHTTPRequestHandler):
    """The application's site: its pages and the library."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].strip("/")
        return str(LIBRARY if name == LIBRARY.name else FILES / Path(name).name)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _app_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(FILES)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
async def scene(postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> AsyncIterator[Scene]:
    """A doctor with a patient in a visit, who has a laboratory result and a blood pressure."""
    dsn = await asyncio.to_thread(postgres)
    home = tmp_path_factory.mktemp("smart")
    with _app_site() as app, served(dsn, home, keys) as platform:
        await _settle(platform)
        client = await _people_and_application(dsn, home, keys, app)
        yield Scene(platform, app, client)


async def _settle(platform: Served) -> None:
    def category(code: str) -> list[dict[str, Any]]:
        return [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": code}]}]

    subject = {"subject": {"reference": "Patient/zhang"}}
    measured = {"status": "final", **subject}
    doctor = [{"individual": {"reference": "Practitioner/li"}}]
    world: list[dict[str, Any]] = [
        {"resourceType": "Practitioner", "id": "li", "name": [{"text": "李春生"}]},
        {"resourceType": "Patient", "id": "zhang", "name": [{"family": "张", "given": ["桂兰"], "text": "张桂兰"}], "gender": "female"},
        {"resourceType": "Patient", "id": "wang", "name": [{"family": "王", "given": ["建国"], "text": "王建国"}], "gender": "male"},
        {
            "resourceType": "Encounter", "id": "visit", "status": "in-progress", "class": {"code": "AMB"}, "participant": doctor,
            "period": {"start": utc_now().isoformat()}, **subject,
        },
        {"resourceType": "Observation", "id": "lab", "category": category("laboratory"), "code": {"text": "HbA1c"}, **measured},
        {"resourceType": "Observation", "id": "pressure", "category": category("vital-signs"), "code": {"text": "BP"}, **measured},
        {"resourceType": "Condition", "id": "problem", "code": {"text": "I10"}, **subject},
    ]  # fmt: skip
    async with httpx.AsyncClient(headers={"Authorization": platform.bearer()}) as client:
        for one in world:
            answer = await client.put(f"{platform.base}/{one['resourceType']}/{one['id']}", json=one)
            assert answer.status_code == 201, answer.text


async def _people_and_application(dsn: str, home: Path, keys: Keys, app: str) -> str:
    store = await open_store(Settings(home=str(home), database_url=dsn, database_connections=2), dsn, keys)
    try:
        entrance, now = Entrance(store.ground, store.note, passwords=QUICK), utc_now()
        hat = Hat("doctor-li", "doctor", "县医院", "Practitioner/li", units=("Organization/county",))
        account = Account("dr-li", "li.chunsheng", "李春生", hats=(hat,), totp=Totp(SECRET))
        await entrance.register.create(account, now)
        await entrance.set_password(account, PASSWORD, now, issued=False)
        scopes = "openid fhirUser launch launch/patient offline_access online_access patient/*.rs".split()
        wanted = Application(name="血糖本", auth="none", redirects=(f"{app}/app.html",), launch=f"{app}/launch.html", scopes=tuple(scopes))
        client, _ = await register(drawers(store.ground), wanted)
        return client
    finally:
        await store.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        await chromium.close()


async def page_in(browser: Browser, scene: Scene) -> Page:
    """A page in English that knows the application's id as the application itself would."""
    context = await browser.new_context(locale="en")
    await context.add_cookies([{"name": "xinglin_language", "value": "en", "url": scene.site}])
    await context.add_init_script(f"window.CLIENT = {json.dumps(scene.client)}")
    page = await context.new_page()
    page.set_default_timeout(WAIT_MS)
    return page


async def sign_in(page: Page) -> None:
    """Name, password, and the code of the telephone; a code counts once, so each sign-in takes the next one's time."""
    await page.get_by_label("Sign-in name").fill("li.chunsheng")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url("**/sign-in/factor**")
    await page.locator("input[name=code]").fill(next_code())
    await page.locator("form:has(input[name=code]) button[type=submit]").click()


_used: list[int] = []


def next_code() -> str:
    """A code that has not been used: the platform takes the one before, the present and the next."""
    step = int(utc_now().timestamp()) // 30
    fresh = next(one for one in (step - 1, step, step + 1) if not _used or one > _used[-1])
    _used.append(fresh)
    return pyotp.TOTP(SECRET).at(fresh * 30)


async def said(page: Page) -> dict[str, Any]:
    """What the application shows when it is done."""
    await page.wait_for_function("['done', 'failed'].includes(document.title)")
    text = await page.locator("#said").text_content() or ""
    assert await page.title() == "done", text
    return json.loads(text)


async def test_a_standalone_launch_signs_in_chooses_the_patient_and_reads_only_what_was_allowed(browser: Browser, scene: Scene) -> None:
    page = await page_in(browser, scene)
    await page.goto(f"{scene.app}/launch.html?iss={scene.platform.base}")
    await sign_in(page)
    await page.wait_for_url("**/oauth/authorize?**")
    assert await page.get_by_role("button", name="Allow", exact=True).count() == 0
    await page.get_by_label("Name, number or telephone of the resident").fill("张")
    await page.locator("#main").get_by_role("button", name="Find").click()
    await page.get_by_role("button", name="Choose").click()
    question = await page.locator("#main").inner_text()
    assert "血糖本" in question
    assert "张桂兰" in question
    assert "category=laboratory" in question
    await page.get_by_role("button", name="Allow", exact=True).click()
    told = await said(page)
    assert (told["family"], told["patient"], told["observations"], told["conditions"]) == ("张", "zhang", ["lab"], 403)
    assert told["user"] == "Practitioner/li"
    assert told["renewed"] is True
    await _others_are_closed(scene, told["token"])


async def _others_are_closed(scene: Scene, token: str) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get(f"{scene.platform.base}/Patient/wang")).status_code == 404
        assert (await client.get(f"{scene.platform.base}/Observation/pressure")).status_code == 404


async def test_an_ehr_launch_starts_from_our_page_about_the_patient_and_ends_with_the_sign_in(browser: Browser, scene: Scene) -> None:
    page = await page_in(browser, scene)
    await page.goto(f"{scene.site}/applications/startable?patient=zhang&encounter=visit")
    await sign_in(page)
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url("**/oauth/authorize?**")
    await page.get_by_role("button", name="Allow", exact=True).click()
    told = await said(page)
    assert (told["patient"], told["encounter"], told["observations"]) == ("zhang", "visit", ["lab", "pressure"])
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {told['token']}"}) as client:
        assert (await client.get(f"{scene.platform.base}/Patient/zhang")).status_code == 200
        await page.goto(f"{scene.site}/applications/granted")
        await page.evaluate("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()")
        await page.wait_for_url("**/sign-in**")
        await asyncio.sleep(2)  # every process knows it within two seconds
        assert (await client.get(f"{scene.platform.base}/Patient/zhang")).status_code == 401


async def test_who_says_no_sends_the_application_away_with_nothing(browser: Browser, scene: Scene) -> None:
    page = await page_in(browser, scene)
    await page.goto(f"{scene.app}/launch.html?iss={scene.platform.base}")
    await sign_in(page)
    await page.wait_for_url("**/oauth/authorize?**")
    await page.get_by_role("button", name="Do not allow").click()
    await page.wait_for_function("document.title === 'failed'")
    assert "did not allow" in (await page.locator("#said").text_content() or "")
