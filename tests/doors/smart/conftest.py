"""The machine endpoints over a real store, an application of each kind, and a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from xinglin.access.actor import Actor
from xinglin.access.oauth import asking
from xinglin.access.oauth.fetching import Fetcher
from xinglin.access.oauth.grants import AsTheyWere
from xinglin.access.oauth.model import Application, Drawers, drawers
from xinglin.access.oauth.registering import register
from xinglin.access.oauth.withdrawals import Withdrawals
from xinglin.base.crypto import Keys
from xinglin.doors.smart import smart_app
from xinglin.doors.smart.door import Desk
from xinglin.store import AuditRow, Store

ISSUER = "http://county.test"
REDIRECT = "https://app.example/cb"
SCOPES = ("openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access", "online_access", "patient/*.cruds", "user/*.rs")
DOCTOR = Actor("dr-li", "doctor", "李医生", "Practitioner/li", ("Organization/county",), "session-1")
VERIFIER = "v" * 50


@dataclass
class Clock:
    """A time that stands until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 9, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Town:
    """The endpoints and what stands behind them. `signed_in`: whether sessions are open; `trail`: the audit rows."""

    papers: Drawers
    keys: Keys
    clock: Clock
    client: httpx.AsyncClient
    withdrawals: Withdrawals
    trail: list[AuditRow]
    signed_in: bool = True

    async def application(self, **given: Any) -> tuple[str, str]:
        """(client id, secret) of a new application, by default a public one."""
        return await register(
            self.papers, Application(**({"name": "血压本", "auth": "none", "redirects": (REDIRECT,), "scopes": SCOPES} | given))
        )

    async def asked(self, client: str, scope: str = "openid fhirUser launch/patient patient/*.rs", **given: str) -> asking.Asked:
        """An authorization request as a browser brings it."""
        query = {
            "response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": scope, "state": "s-1", "aud": f"{ISSUER}/fhir",
            "code_challenge": asking.challenge_of(VERIFIER), "code_challenge_method": "S256", "nonce": "n-1",
        } | given  # fmt: skip
        return await asking.read_request(
            self.papers, {name: value for name, value in query.items() if value}, ISSUER, DOCTOR, self.clock.now()
        )

    async def code(self, client: str, scope: str = "openid fhirUser launch/patient patient/*.rs", **given: str) -> str:
        """A code that the doctor allowed for patient p1."""
        to = await asking.allow(self.papers, await self.asked(client, scope, **given), DOCTOR, "p1", self.clock.now())
        return parse_qs(urlsplit(to).query)["code"][0]

    async def redeem(self, client: str, code: str, /, **given: str) -> httpx.Response:
        """What the token endpoint answers to a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "client_id": client,
        } | given
        return await self.token(**form)

    async def token(self, auth: tuple[str, str] | None = None, **form: str) -> httpx.Response:
        """What the token endpoint answers."""
        return await self.client.post("/oauth/token", data={name: value for name, value in form.items() if value}, auth=auth)

    async def active(self, token: str) -> bool:
        """Whether the userinfo endpoint still takes an access token."""
        await self.withdrawals.ask()
        answer = await self.client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        return answer.status_code == 200


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The module's time; it never goes back."""
    return Clock()


@pytest.fixture
async def town(module_store: Store, keys: Keys, clock: Clock) -> AsyncIterator[Town]:
    """The endpoints."""
    papers, trail = drawers(module_store.ground), list[AuditRow]()
    clock.pass_s(3600)
    withdrawals = Withdrawals(papers.withdrawn, clock.now)
    await withdrawals.ask()

    async def alive(_session: str, _now: datetime) -> bool:
        return made.signed_in

    desk = Desk(papers, keys, AsTheyWere(), Fetcher(), withdrawals.holds, alive, trail.append, now=clock.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(smart_app(desk)), base_url=ISSUER) as client:
        made = Town(papers, keys, clock, client, withdrawals, trail)
        yield made
