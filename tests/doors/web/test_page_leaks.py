"""Every page, opened by who has no business with a resident: no name, number or finding of theirs is on it, nor that they are there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import httpx
import pytest

from tests.doors.web.drawn import HOSPITAL, NOW, SMITH, VILLAGE, WANG, ZHANG
from tests.signed_in import COOKIE, sign_in
from xinglin.access.actor import Actor
from xinglin.access.reach import Reach
from xinglin.doors.web import House, web_app
from xinglin.store import Records, Store

SECRETS: dict[str, tuple[str, ...]] = {
    ZHANG: ("张桂兰", "580123195906181224", "15412347734", "原发性高血压", "青霉素", "氨氯地平", "心影增大", "185", "高血压急症"),
    WANG: ("王建国", "580123198802290011", "15400001111"),
    SMITH: ("Anna",),
}
READERS: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "a doctor of the hospital she left long ago": ("doctor", "Practitioner/a", (f"Organization/{HOSPITAL}",), (ZHANG, WANG, SMITH)),
    "a nurse of the village room": ("nurse", "Practitioner/b", (f"Organization/{VILLAGE}",), (SMITH,)),
    "a doctor of nowhere": ("doctor", "", (), (ZHANG, WANG, SMITH)),
    "a neighbour": ("resident", f"Patient/{WANG}", (), (ZHANG, SMITH)),
    "a resident not yet known": ("resident", "", (), (ZHANG, WANG, SMITH)),
    "a pharmacist": ("pharmacist", "Practitioner/c", (f"Organization/{HOSPITAL}",), (ZHANG, WANG, SMITH)),
    "a regulator": ("regulator", "", (), (ZHANG, WANG, SMITH)),
    "the system administrator": ("system_admin", "", (), (ZHANG, WANG, SMITH)),
    "the security administrator": ("security_admin", "", (), (ZHANG, WANG, SMITH)),
    "the audit administrator": ("audit_admin", "", (), (ZHANG, WANG, SMITH)),
}
"""Role, person, units, and whose records are none of theirs."""
Open = Callable[[str], Awaitable[httpx.AsyncClient]]


def shows(text: str, secret: str) -> bool:
    """Whether a page says it; a short number counts where it stands by itself, for ids and moments hold the same digits by chance."""
    if len(secret) > 4:
        return secret in text
    return re.search(rf"(?<![\w.:-]){re.escape(secret)}(?![\w.:-])", text) is not None



@pytest.fixture
def opened(told: Store, house: House) -> Open:
    now = datetime.fromisoformat(NOW)
    reach = Reach(told, lambda: now)

    async def records(actor: Actor) -> Records:
        return told.records(await reach.scope(actor))

    app = web_app(replace(house, records=records, stale=reach.stale))

    async def open_(reader: str) -> httpx.AsyncClient:
        role, person, units, _ = READERS[reader]
        secret = await sign_in(told, role, now, id=f"{role}-{abs(hash(reader))}", person=person, units=units)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://county.test", cookies={COOKIE: secret})

    return open_


def addresses(house: House) -> list[str]:
    """Every page there is to look at, with each resident and their papers where an address takes one."""
    found = ["/", "/find", "/visit?days=365", "/person"]
    words = ["张桂兰", "zgl", "zhang", "1224", "15412347734", "王建国", "wjg", "Smith", "Anna", "smith"]
    found += [f"{page}?q={quote(word)}" for page in ("/find", "/person") for word in words]
    found += [f"/find?go=1&q={quote(word)}" for word in words]
    for who in SECRETS:
        found += [f"/person/{who}/visit/{visit}" for visit in ("today", "stay", "nowhere", "other", "none")]
        found += [f"/person/{who}/year/{year}" for year in (2024, 2025, 2026)]
        found.append(f"/person/{who}/result?code={quote('http://loinc.org|85354-9')}")
    for room in house.capabilities.values():
        for page in room.pages:
            if page.method == "GET":
                found += [re.sub(r"\{\w+\}", who, page.path) for who in (SECRETS if "{" in page.path else ("",))]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("reader", READERS)
async def test_no_page_shows_a_resident_who_is_none_of_the_readers(opened: Open, house: House, reader: str) -> None:
    hidden = [secret for who in READERS[reader][3] for secret in SECRETS[who]]
    async with await opened(reader) as client:
        for address in addresses(house):
            for headers in ({}, {"hx-request": "true", "hx-target": "suggestions"}):
                answer = await client.get(address, headers=headers)
                assert answer.status_code < 500, address
                typed = httpx.URL(address).params.get("q", "")
                text = answer.text.replace(typed, "") if typed else answer.text
                text += "".join(answer.headers.get(name, "") for name in ("location", "hx-redirect"))
                assert not [secret for secret in hidden if shows(text, secret) and secret != typed], (address, reader)
                if "go=1" in address:
                    assert not [who for who in READERS[reader][3] if f"/person/{who}" in text]


@pytest.mark.parametrize("reader", ["a doctor of the hospital she left long ago", "a neighbour", "a nurse of the village room"])
@pytest.mark.parametrize("page", ["/person/{}", "/person/{}/visit/stay", "/person/{}/year/2025", "/person/{}/result?code=x|y"])
async def test_a_stranger_looks_like_nobody(opened: Open, reader: str, page: str) -> None:
    """The page of who is there and of who is not are the same page."""
    async with await opened(reader) as client:
        there, nobody = [await client.get(page.format(who)) for who in (SMITH, "abcde")]
    assert there.status_code == nobody.status_code == 404
    assert _plain(there.text.replace(SMITH, "abcde")) == _plain(nobody.text)


def _plain(text: str) -> str:
    """Without what differs at each answer."""
    return re.sub(r'(nonce|value|content)="[^"]*"', "", text)


async def test_who_treats_does_see_them(opened: Open) -> None:
    """Else the rest of this page would prove nothing."""
    async with await opened("a nurse of the village room") as client:
        assert "张桂兰" in (await client.get("/person")).text
        assert (await client.get(f"/person/{ZHANG}")).status_code == 200
    async with await opened("a neighbour") as client:
        assert (await client.get(f"/person/{WANG}")).status_code == 200
