"""What attackers try at the pages: forms of other sites, frames, ways to other sites, forged hosts and paths, texts that want to run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.routing import Route

from tests.doors.web.drawn import WANG, ZHANG, settle, world
from tests.journeys.conftest import Person, Region, at_screen, browser, region  # noqa: F401 - a browser before a region of our own
from tests.signed_in import COOKIE, sign_in
from xinglin.app.discovery import discover
from xinglin.base.settings import Settings
from xinglin.doors.web import House, web_app
from xinglin.doors.web.files import static_prefix
from xinglin.doors.web.gate import gate_of
from xinglin.doors.web.guards import own_address
from xinglin.fhir.codec import Resource
from xinglin.kit.sheets import write_csv
from xinglin.store import Scope

Client = httpx.AsyncClient
FOREIGN: tuple[dict[str, str], ...] = (
    {}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "cross-site", "origin": "http://county.test"},
    {"origin": "https://evil.test"}, {"origin": "null"}, {"origin": "http://county.test.evil.test"}, {"origin": "http://county.test:81"},
)  # fmt: skip
ELSEWHERE = (
    "https://evil.test/", "//evil.test", "/\\evil.test", "\\\\evil.test", "///evil.test", "javascript:alert(1)", "/\t/evil.test",
    "\t//evil.test",
    "http:evil.test", " //evil.test", "/\n/evil.test", "data:text/html,x", "//evil.test/%2f..", "https:/evil.test", "evil.test", "",
)  # fmt: skip
RUNNING = (
    "<script>window.ran=1</script>", "<img src=x onerror=window.ran=1>", "\"'><svg onload=window.ran=1>", "javascript:window.ran=1",
    "</title><b>",
    "{{7*7}}{%raw%}{0.__class__}${7*7}", "\u202e\u2066\u0000", "W" * 160, "<style>*{display:none}</style>", "&lt;i&gt;",
    "a\r\nSet-Cookie: x=1",
)  # fmt: skip
PAGES_MAX = 90
WRITTEN = frozenset({"text", "display", "family", "given", "conclusion", "unit", "name", "note"})


def posts(house: House) -> list[tuple[str, tuple[str, ...]]]:
    """(path, roles) of every address that takes a form."""
    roles = {page.path: page.roles for room in discover().values() for page in room.pages if page.method == "POST"}
    found = [
        one for one in web_app(house).routes if isinstance(one, Route) and "POST" in (one.methods or ()) and one.path != "/{path:path}"
    ]
    return [(re.sub(r"\{\w+(:path)?\}", ZHANG, one.path), roles.get(one.path, ())) for one in found]


async def test_no_form_of_another_site_is_taken_at_any_address(house: House, client_of: Callable[..., Client]) -> None:
    addresses = posts(house)
    assert len(addresses) > 40
    for path, roles in addresses:
        client = client_of((roles or ("doctor",))[0], xinglin_language="en")
        for headers in FOREIGN:
            answer = await client.post(path, data={"next": "/", "login": "x", "reason": "x"}, headers=headers)
            assert answer.status_code == 403, (path, headers, answer.status_code)
            if not roles or "This page is not for your role" not in answer.text:
                assert "sent from another site" in answer.text, (path, headers)


async def test_a_page_cannot_be_framed_sniffed_or_kept(house: House, client_of: Callable[..., Client]) -> None:
    client = client_of("doctor")
    for path in ("/", "/sign-in", f"/person/{ZHANG}", "/person?q=zgl", "/nowhere", "/me", "/signals"):
        headers = (await client.get(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert (headers["x-frame-options"], headers["x-content-type-options"], headers["cache-control"]) == (
            "DENY",
            "nosniff",
            "no-store",
        ), path
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in (await client.get(path, headers={"origin": "https://evil.test"})).headers


@pytest.mark.parametrize("wanted", ELSEWHERE)
async def test_no_wish_where_to_go_leads_to_another_site(client_of: Callable[..., Client], wanted: str) -> None:
    client = client_of("doctor")
    ours = {"sec-fetch-site": "same-origin"}
    for path in ("/language", "/elder"):
        answer = await client.post(path, data={"next": wanted, "language": "en"}, headers=ours)
        location = answer.headers.get("location", "/")
        assert location == "/" or re.match(r"/[^/\\]", location), (path, location)
    page = (await client_of(None).get("/sign-in", params={"next": wanted})).text
    values = re.findall(r'(?:name="next" value|href|action|src)="([^"]*)"', page)
    assert len(values) > 5
    assert not [one for one in values if not re.match(r"(/[^/\\]|/$|#|data:image)", one)]


@given(some.text(alphabet="/\\:?#@.a%\t\n\r \x00\x7f\u2028é[]", max_size=12))
def test_an_address_of_our_own_stays_on_this_site_whatever_it_holds(text: str) -> None:
    address = own_address(text)
    assert address.startswith("/")
    assert not re.match(r"/[\t\n\r]*[/\\]", address)


async def test_a_forged_host_is_in_no_answer_where_our_address_is_known(house: House, sessions: dict[str, str], told: Any) -> None:
    gate = gate_of(Settings(demo=1, public_url="https://county.test"), told)
    client = Client(transport=httpx.ASGITransport(web_app(replace(house, gate=gate))), base_url="http://evil.test")
    client.cookies.set("__Host-" + COOKIE, sessions["doctor"], domain="evil.test")
    for path in ("/", f"/person/{ZHANG}", "/sign-in/passkey", "/sign-in", "/me", "/nowhere"):
        answer = await client.get(path, headers={"x-forwarded-host": "evil.test", "forwarded": "host=evil.test"})
        assert "evil.test" not in answer.text + str(answer.headers), path


async def test_a_session_set_by_someone_else_is_not_taken_over(house: House, told: Any, client_of: Callable[..., Client]) -> None:
    """Session fixation: a sign-in makes a new secret; what the browser brought is worth nothing."""
    client = client_of(None)
    planted = "planted-by-an-attacker"
    client.cookies.set(COOKIE, planted, domain="county.test")
    people = (await client.get("/demo")).text if house.gate.demo else ""
    assert planted not in people
    answer = await client.post("/sign-in", data={"login": "nobody", "password": "x"}, headers={"sec-fetch-site": "same-origin"})
    assert planted not in str(answer.headers)
    with_own = await sign_in(told, "nurse", house.now())
    assert with_own != planted
    assert (await client.get("/me")).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "path", ["../door.py", "..%2fdoor.py", "%2e%2e/door.py", "/etc/passwd", "..\\door.py", "a/../../door.py", "\x00", "xinglin.css\x00.py"]
)
async def test_no_static_address_leads_out_of_its_folder(client_of: Callable[..., Client], path: str) -> None:
    status, body = await raw(client_of(None), f"{static_prefix()}/{path}")
    assert status in (400, 404), path
    assert b"import " not in body
    assert b"root:" not in body


async def raw(client: Client, path: str) -> tuple[int, bytes]:
    """What a GET of exactly this path answers."""
    app = client._transport.app  # type: ignore[attr-defined]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "",
        "scheme": "http", "headers": [(b"host", b"county.test")], "client": ("127.0.0.1", 1), "server": ("county.test", 80),
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("value", ["zh-CN\r\nX-Injected: 1", "a\nSet-Cookie: b=c", "\x00", "é" * 99])
async def test_no_value_makes_a_header(client_of: Callable[..., Client], value: str) -> None:
    client = client_of("doctor")
    ours = {"sec-fetch-site": "same-origin"}
    for path in ("/language", "/elder", "/printed"):
        answer = await client.post(path, data={"next": f"/{value}", "language": value, "page": value}, headers=ours)
        assert "x-injected" not in answer.headers
        assert all("\n" not in text and "\r" not in text for text in answer.headers.values())


def test_no_cell_of_an_export_can_be_taken_for_a_formula() -> None:
    cells = ("=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil.test")', "＝1", " =1")
    text = write_csv(("name",), [(cell,) for cell in cells]).decode("utf-8-sig")
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        assert not row[0].startswith(("=", "+", "-", "@", "＝")), row


# --- texts that want to run, in a real browser ---


def armed(value: Any, count: list[int], key: str = "") -> Any:
    """A resource whose every written word holds something that would run or break out, if it could."""
    if isinstance(value, dict):
        return {name: armed(one, count, name) for name, one in value.items()}
    if isinstance(value, list):
        return [armed(one, count, key) for one in value]
    if key not in WRITTEN or not isinstance(value, str):
        return value
    count[0] += 1
    return f"{value[:4]}{RUNNING[count[0] % len(RUNNING)]}".replace("\x00", "")


@pytest.fixture
async def hostile(region: Region) -> Region:  # noqa: F811
    """The drawn world, written by someone who means harm."""
    count = [0]
    made: list[Resource] = [armed(one, count) for one in world()]
    assert count[0] > 30
    await settle(region.store.records(Scope.everyone()), made)
    return region


LINKS = "[...document.querySelectorAll('nav a[href], header a[href], main a[href]')].map(a => a.getAttribute('href'))"
HURT = """
() => ({ran: window.ran, wide: document.documentElement.scrollWidth - window.innerWidth,
  inline: document.querySelectorAll('script:not([src]):not([type]), [onerror], [onload], style, a[href^="javascript:"]').length,
  banner: [...document.querySelectorAll('.x-banner')].map(e => e.scrollWidth - e.clientWidth), shown: document.body.innerText.length})
"""


async def test_nothing_written_into_a_record_runs_or_breaks_a_page(hostile: Region, at_screen: Callable[..., Person]) -> None:  # noqa: F811
    opened: set[str] = set()
    for role in ("doctor", "resident", "registrar", "regulator", "security_admin", "system_admin"):
        person = at_screen(role=role)
        page = await person.open("/")
        page.on("dialog", lambda dialog, heard=person.complaints: heard.append(f"a dialog: {dialog.message}"))
        leads = [*await page.evaluate(LINKS), *(f"/person/{who}" for who in (ZHANG, WANG) if role in ("doctor", "resident")), "/me"]
        if role == "doctor":
            leads += [
                "/person?q=<script>window.ran=1</script>",
                "/find?q=%22%3E%3Cimg src=x onerror=window.ran=1%3E",
                f"/person/{ZHANG}/visit/stay",
            ]
        for path in dict.fromkeys(one for one in leads if one.startswith("/") and not one.startswith("/static")):
            if len(opened) >= PAGES_MAX:
                break
            opened.add(f"{role} {path}")
            answer = await page.goto(hostile.address + path)
            assert answer is not None, path
            assert answer.status < 500, path
            hurt = await page.evaluate(HURT)
            assert (hurt["ran"], hurt["inline"]) == (None, 0), path
            assert max(hurt["wide"], *hurt["banner"], 0) <= 0, (role, path, hurt)
            assert hurt["shown"] > 40, path
        refused = [one for one in person.complaints if "status of 40" in one]  # a page that is not for the role, or not there
        person.complaints[:] = [one for one in person.complaints if one not in refused]
    assert len(opened) > 30
